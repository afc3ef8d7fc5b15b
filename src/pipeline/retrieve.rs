//! Stage 4: question to passages. Asks the index for the best of each leg and fuses them; without an embedder, or
//! when it fails, words alone are compared. A question that leans on the conversation is searched with its context, too.
//!
//! The work is in two parts. [`search`] does what costs nothing but a moment, while the customer may still be typing.
//! [`refine`] asks a model to put the question in other words, where that is wanted: once the burst is over, because
//! only then is it known what may be spent, and each further message of a burst would cost that call again.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use self::distinct::distinct;
use self::fuse::confidence;
use self::legs::{LEG, Text, ask, embed, search_texts, weigh};
use self::merge::QueryResult;
use self::query::{ContextDependence, QueryAnalysis};
use self::rank::rerank;
use self::rewrite::{Request, RewrittenQuestion};
use super::language::language;
use super::timer::millis;
use crate::domain::trace::{RetrieveTrace, SearchOrigin};
use crate::domain::{Agent, CollectionId, Line, Passage, Question};
use crate::index::{Index, Query};

mod distinct;
mod fuse;
mod legs;
mod merge;
pub(super) mod query;
mod rank;
mod rewrite;

pub use legs::Seams;
pub(crate) use legs::{WeightedLegs, rank};
pub(super) use rewrite::Rewriter;

/// The longest text that is searched for, in characters; what follows adds nothing but time.
const LONGEST_QUERY: usize = 2000;
/// A language that at least one chunk in so many is in is one of the collection's: its questions need no translation.
const OWN_LANGUAGE: usize = 4;

/// How a model puts questions in other words, as written in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The longest that it may take, in milliseconds; then the question is searched as the rules make it. 0: never ask.
    pub rewrite_ms: u64,
    /// The model that does it; empty: the budget's cheap one, or the agent's own.
    pub rewrite_model: String,
}

/// Passages for a question, and how sure they are to answer it.
#[derive(Debug, Clone)]
pub struct RetrievalResult {
    /// The passages, best first.
    pub passages: Arc<[Passage]>,
    /// How sure we are that they answer, 0 to 1.
    pub confidence: f32,
    /// The question as it stands without the conversation, where it leaned on that.
    pub standalone: Option<String>,
    wish: Option<Wish>,
}

impl RetrievalResult {
    /// Result of a recorded turn: no model is asked.
    pub(super) fn recorded(
        passages: Arc<[Passage]>,
        confidence: f32,
        standalone: Option<String>,
    ) -> Self {
        Self { passages, confidence, standalone, wish: None }
    }
}

/// What a model is still to be asked for.
#[derive(Debug, Clone)]
struct Wish {
    reading: QueryAnalysis,
    /// The language to search in as well: ISO 639-1.
    into: Option<&'static str>,
}

/// A question in its conversation.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The agent that is asked.
    pub agent: &'a Agent,
    /// What was said before, oldest first.
    pub history: &'a [Line],
    /// The question.
    pub question: &'a Question,
}

/// Finds the passages for a question, without asking a model. `may_rewrite` says that one may be asked afterwards to put
/// the question in other words.
pub(super) async fn search(
    seams: Seams<'_>,
    scene: Scene<'_>,
    may_rewrite: bool,
) -> (RetrievalResult, RetrieveTrace) {
    let started = Instant::now();
    let Scene { agent, history, question } = scene;
    let follows = if agent.search.follow_up { history } else { &[] };
    let reading =
        QueryAnalysis { language: language(question, history), ..query::read(question, follows) };
    let language = reading.language.as_deref();
    let mut seen = RetrieveTrace { query: cut(&question.text), ..RetrieveTrace::default() };
    seen.language = reading.language.clone();
    let mut texts = vec![Text { how: SearchOrigin::Asked, words: seen.query.clone(), language }];
    let before =
        reading.context.as_deref().filter(|_| reading.dependence == ContextDependence::Dependent);
    let context = before.map(|said| query::with_context(&question.text, said));
    texts.extend(context.iter().map(|text| Text {
        how: SearchOrigin::Context,
        words: cut(text),
        language,
    }));
    texts.extend(before.map(|text| Text { how: SearchOrigin::Before, words: cut(text), language }));
    let mut looked = search_texts(seams, &agent.knowledge, &texts, &mut seen).await;
    let weights = weigh(seams, &agent.knowledge, language).await;
    let (mut passages, sure) = match looked.as_mut_slice() {
        [one] => (std::mem::take(&mut one.passages), one.confidence),
        all => {
            let says = reading.says_something;
            let passages = merge::merge_context(all, says, agent.passages);
            let sure = confidence(&passages, &weights);
            let sure = merge::context_confidence(all, &passages, sure, says);
            (passages, sure)
        }
    };
    seen.searched = looked.iter().map(QueryResult::search_text).collect();
    seen.confidence = sure;
    let standalone = context;
    let wish = if may_rewrite { wish(seams.index, agent, reading).await } else { None };
    if wish.is_none() {
        let text = standalone.as_deref().unwrap_or(&question.text);
        passages = rerank(seams.rerank, text, passages, &mut seen).await;
        passages = distinct(passages, agent.passages);
    }
    let passages: Arc<[Passage]> = passages.into();
    seen.passages = passages.clone();
    seen.took_ms = millis(started);
    (RetrievalResult { passages, confidence: sure, standalone, wish }, seen)
}

/// Has a model put the question in other words, where that was wanted and may be paid for, and searches again. Goes on
/// with the trace of the search.
pub(super) async fn refine(
    seams: Seams<'_>,
    rewriter: Option<Rewriter<'_>>,
    scene: Scene<'_>,
    mut found: RetrievalResult,
    mut seen: RetrieveTrace,
) -> (RetrievalResult, RetrieveTrace) {
    let Some(wish) = found.wish.take() else { return (found, seen) };
    let started = Instant::now();
    let Scene { agent, history, question } = scene;
    let mut passages = found.passages.to_vec();
    let request = Request { dependence: wish.reading.dependence, into: wish.into };
    let understood = match rewriter {
        Some(rewriter) => rewrite::ask(rewriter, question, history, &request).await,
        None => None,
    };
    seen.rewrite = understood.as_ref().map(|(_, told)| told.clone());
    let mut best = found.standalone.clone();
    if let Some((Some(understood), _)) = understood {
        let other = other_words(&understood, question);
        best = understood.translated.clone().or(other.clone());
        let texts = wordings(question, &wish, other.clone(), understood.translated);
        let mut looked = search_texts(seams, &agent.knowledge, &texts, &mut seen).await;
        passages = merge::merge_wordings(&mut looked);
        found.confidence = looked.iter().map(|one| one.confidence).fold(0.0, f32::max);
        found.standalone = other;
        seen.searched = looked.iter().map(QueryResult::search_text).collect();
        seen.confidence = found.confidence;
    }
    let text = best.as_deref().unwrap_or(&question.text);
    passages = rerank(seams.rerank, text, passages, &mut seen).await;
    passages = distinct(passages, agent.passages);
    found.passages = passages.into();
    seen.passages = found.passages.clone();
    seen.took_ms += millis(started);
    (found, seen)
}

/// The question made complete, where that is not what was asked.
fn other_words(understood: &RewrittenQuestion, question: &Question) -> Option<String> {
    understood.standalone.clone().filter(|text| text.trim() != question.text.trim())
}

/// The question as asked, made complete, and in another language.
fn wordings<'a>(
    question: &Question,
    wish: &'a Wish,
    complete: Option<String>,
    translated: Option<String>,
) -> Vec<Text<'a>> {
    let own = wish.reading.language.as_deref();
    let text = |how, words, language| Text { how, words, language };
    let mut texts = vec![text(SearchOrigin::Asked, cut(&question.text), own)];
    texts.extend(complete.map(|words| text(SearchOrigin::Rewritten, words, own)));
    texts.extend(translated.map(|words| text(SearchOrigin::Translated, words, wish.into)));
    texts
}

/// What a model is to be asked for.
async fn wish(index: &dyn Index, agent: &Agent, reading: QueryAnalysis) -> Option<Wish> {
    let says = reading.says_something || reading.dependence > ContextDependence::Standalone;
    let spoken = reading.language.as_deref().filter(|_| agent.search.translate && says);
    let into = match spoken {
        Some(spoken) => other_language(index, &agent.knowledge, spoken).await,
        None => None,
    };
    (reading.dependence > ContextDependence::Standalone || into.is_some())
        .then_some(Wish { reading, into })
}

/// The language of the collections, where it is another than the one spoken.
async fn other_language(
    index: &dyn Index,
    collections: &[CollectionId],
    spoken: &str,
) -> Option<&'static str> {
    let counts = index.languages(collections).await.unwrap_or_default();
    let all: usize = counts.values().sum();
    let own = counts.iter().find(|(code, _)| same_language(code, spoken));
    let own = own.map_or(0, |(_, chunks)| *chunks);
    let (most, _) = counts.into_iter().max_by_key(|(_, chunks)| *chunks)?;
    (own * OWN_LANGUAGE < all && !same_language(most, spoken)).then_some(most)
}

fn same_language(a: &str, b: &str) -> bool {
    let primary = |code: &str| code.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    primary(a) == primary(b)
}

/// What to search for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The question.
    pub text: &'a str,
    /// ISO 639-1 code of its language; `None` to tell it by the text.
    pub language: Option<&'a str>,
    /// Where to look.
    pub collections: &'a [CollectionId],
    /// The most passages.
    pub limit: usize,
}

/// Finds passages for a question that stands alone, and says how.
pub async fn find(seams: Seams<'_>, asked: &Search<'_>) -> (RetrievalResult, RetrieveTrace) {
    let started = Instant::now();
    let mut seen = RetrieveTrace { query: cut(asked.text), ..RetrieveTrace::default() };
    let language = asked.language.or_else(|| frontdesk_language::language(asked.text));
    seen.language = language.map(ToOwned::to_owned);
    let text = Text { how: SearchOrigin::Asked, words: seen.query.clone(), language };
    let looked = search_texts(seams, asked.collections, &[text], &mut seen).await;
    seen.searched = looked.iter().map(QueryResult::search_text).collect();
    let (passages, sure) =
        looked.into_iter().next().map(|one| (one.passages, one.confidence)).unwrap_or_default();
    let passages = rerank(seams.rerank, asked.text, passages, &mut seen).await;
    let passages: Arc<[Passage]> = distinct(passages, asked.limit).into();
    (seen.passages, seen.confidence) = (passages.clone(), sure);
    seen.took_ms = millis(started);
    (RetrievalResult { passages, confidence: sure, standalone: None, wish: None }, seen)
}

/// What the legs bring for a question that stands alone.
pub(crate) async fn gather(seams: Seams<'_>, asked: &Search<'_>) -> WeightedLegs {
    let text = cut(asked.text);
    let mut seen = RetrieveTrace::default();
    let vectors = embed(seams.embed, std::slice::from_ref(&text), &mut seen).await;
    let vector = vectors.first().map(Vec::as_slice);
    let search = Query { collections: asked.collections, text: &text, vector, limit: LEG };
    let language = asked.language.or_else(|| frontdesk_language::language(asked.text));
    ask(seams, &search, language, &mut seen).await
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_QUERY).collect()
}
