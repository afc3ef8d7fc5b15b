//! Stage 4: retrieves passages for a question. Searches each leg of the index and fuses the
//! results; without an embedder, or if it fails, only words are compared. A question that depends
//! on the conversation is also searched with its context.
//!
//! [`search`] is free and runs while the customer may still be typing. [`refine`] has a model
//! rewrite the question where needed, after the burst: only then is the budget known, and every
//! further message of a burst would cost that call again.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use self::distinct::distinct;
use self::legs::{LEG, Text, ask, embed, search_texts};
use self::merge::QueryResult;
use self::query::{ContextDependence, QueryAnalysis};
use self::rank::rerank;
use self::rewrite::{Request, RewrittenQuestion};
use super::language::language;
use super::timer::millis;
use crate::domain::trace::{RetrieveTrace, SearchOrigin};
use crate::domain::{Agent, CollectionId, Line, Passage, Question};
use crate::index::{Index, Query};

mod confidence;
mod distinct;
mod fuse;
mod legs;
mod merge;
pub(super) mod query;
mod rank;
mod rewrite;

pub(crate) use confidence::Confidence;
pub(super) use distinct::PrintCache;
pub use legs::Seams;
pub(crate) use legs::{WeightedLegs, rank};
pub(super) use rewrite::Rewriter;

/// Maximum length of a query, in characters; more adds nothing but time.
const MAX_QUERY_LEN: usize = 2000;
/// If at least one in this many chunks is in a language, questions in it need no translation.
const OWN_LANGUAGE: usize = 4;

/// Settings of query rewriting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Timeout of a rewrite, in milliseconds; then only rules apply. 0 disables rewriting.
    pub rewrite_ms: u64,
    /// Name of the model; empty means the budget's cheap one, or the agent's own.
    pub rewrite_model: String,
}

/// Passages for a question, with the probability that they answer it.
#[derive(Debug, Clone)]
pub struct RetrievalResult {
    /// The passages, best first.
    pub passages: Arc<[Passage]>,
    /// Probability that they answer, 0 to 1.
    pub confidence: f32,
    /// The standalone form of the question, if it depends on the conversation.
    pub standalone: Option<String>,
    pending_rewrite: Option<PendingRewrite>,
}

impl RetrievalResult {
    /// Creates the result of a recorded turn, without a pending rewrite.
    pub(super) fn recorded(
        passages: Arc<[Passage]>,
        confidence: f32,
        standalone: Option<String>,
    ) -> Self {
        Self { passages, confidence, standalone, pending_rewrite: None }
    }
}

/// A pending rewrite.
#[derive(Debug, Clone)]
struct PendingRewrite {
    reading: QueryAnalysis,
    /// Language to translate into (ISO 639-1); `None` for no translation.
    target_language: Option<&'static str>,
}

impl PendingRewrite {
    /// Whether it may find something where the search found nothing. Other words of the same
    /// language do not, if the context was searched, too.
    fn may_find_more(&self) -> bool {
        self.target_language.is_some() || self.reading.dependence == ContextDependence::Possible
    }
}

/// A question in its conversation.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// Earlier messages, oldest first.
    pub history: &'a [Line],
    /// What the customer's messages refer to.
    pub referred: &'a [Line],
    /// The question.
    pub question: &'a Question,
    /// Maximum number of passages.
    pub limit: usize,
}

/// Retrieves passages without calling a model. `may_rewrite`: [`refine`] may follow.
pub(super) async fn search(
    seams: Seams<'_>,
    scene: Scene<'_>,
    may_rewrite: bool,
) -> (RetrievalResult, RetrieveTrace) {
    let started = Instant::now();
    let Scene { agent, history, referred, question, limit } = scene;
    // A choice stands alone, in the words of the documents.
    let chosen = query::chosen(question, history, &agent.texts);
    let follow_up = agent.search.follow_up && chosen.is_none();
    let may_rewrite = may_rewrite && chosen.is_none();
    let (follows, quoted) = if follow_up { (history, referred) } else { (&[][..], &[][..]) };
    let question = chosen.as_ref().unwrap_or(question);
    let reading = QueryAnalysis {
        language: language(question, history, seams.languages),
        ..query::read(question, follows, quoted, seams.languages)
    };
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
    let (mut passages, sure) = match looked.as_mut_slice() {
        [one] => (std::mem::take(&mut one.passages), one.confidence.probability()),
        all => {
            let says = reading.says_something;
            let passages = merge::merge_context(all, says, limit);
            let weights = all.first().map(|asked| asked.weights.clone()).unwrap_or_default();
            let sure = Confidence::of(&passages, &weights);
            let sure = merge::context_confidence(all, &passages, sure, says);
            (passages, sure.probability())
        }
    };
    seen.searched = looked.iter().map(QueryResult::search_text).collect();
    seen.confidence = sure;
    let standalone = context.or_else(|| Some(chosen.as_ref()?.text.clone()));
    let wish = if may_rewrite { wish(seams.index, agent, reading).await } else { None };
    let wish = wish.filter(|wish| sure > 0.0 || wish.may_find_more());
    if wish.is_none() {
        let text = standalone.as_deref().unwrap_or(&question.text);
        passages = rerank(seams.rerank, text, passages, &mut seen).await;
        passages = distinct(passages, limit, seams.prints);
    }
    let passages: Arc<[Passage]> = passages.into();
    seen.passages = passages.clone();
    seen.took_ms = millis(started);
    (RetrievalResult { passages, confidence: sure, standalone, pending_rewrite: wish }, seen)
}

/// Has a model rewrite the question, if wanted and within budget, and searches again.
pub(super) async fn refine(
    seams: Seams<'_>,
    rewriter: Option<Rewriter<'_>>,
    scene: Scene<'_>,
    mut found: RetrievalResult,
    mut seen: RetrieveTrace,
) -> (RetrievalResult, RetrieveTrace) {
    let Some(wish) = found.pending_rewrite.take() else { return (found, seen) };
    let started = Instant::now();
    let Scene { agent, history, referred, question, limit } = scene;
    let said = [history, referred].concat();
    let mut passages = found.passages.to_vec();
    let request = Request { dependence: wish.reading.dependence, into: wish.target_language };
    let understood = match rewriter {
        Some(rewriter) => rewrite::ask(rewriter, question, &said, &request).await,
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
        found.confidence =
            looked.iter().map(|one| one.confidence.probability()).fold(0.0, f32::max);
        found.standalone = other;
        seen.searched = looked.iter().map(QueryResult::search_text).collect();
        seen.confidence = found.confidence;
    }
    let text = best.as_deref().unwrap_or(&question.text);
    passages = rerank(seams.rerank, text, passages, &mut seen).await;
    passages = distinct(passages, limit, seams.prints);
    found.passages = passages.into();
    seen.passages = found.passages.clone();
    seen.took_ms += millis(started);
    (found, seen)
}

/// Returns the standalone question if it differs from the one asked.
fn other_words(understood: &RewrittenQuestion, question: &Question) -> Option<String> {
    understood.standalone.clone().filter(|text| text.trim() != question.text.trim())
}

/// Returns the texts to search: the question as asked, standalone, and translated.
fn wordings<'a>(
    question: &Question,
    wish: &'a PendingRewrite,
    complete: Option<String>,
    translated: Option<String>,
) -> Vec<Text<'a>> {
    let own = wish.reading.language.as_deref();
    let text = |how, words, language| Text { how, words, language };
    let mut texts = vec![text(SearchOrigin::Asked, cut(&question.text), own)];
    texts.extend(complete.map(|words| text(SearchOrigin::Rewritten, words, own)));
    texts.extend(
        translated.map(|words| text(SearchOrigin::Translated, words, wish.target_language)),
    );
    texts
}

/// Returns the rewrite that a question needs, if any.
async fn wish(index: &dyn Index, agent: &Agent, reading: QueryAnalysis) -> Option<PendingRewrite> {
    let says = reading.says_something || reading.dependence > ContextDependence::Standalone;
    let spoken = reading.language.as_deref().filter(|_| agent.search.translate && says);
    let into = match spoken {
        Some(spoken) => other_language(index, &agent.knowledge, spoken).await,
        None => None,
    };
    (reading.dependence > ContextDependence::Standalone || into.is_some())
        .then_some(PendingRewrite { reading, target_language: into })
}

/// Returns the main language of the collections if the spoken one is not their own.
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

/// A search request.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The question.
    pub text: &'a str,
    /// ISO 639-1 code of its language; `None` to detect it.
    pub language: Option<&'a str>,
    /// Collections to search.
    pub collections: &'a [CollectionId],
    /// Maximum number of passages.
    pub limit: usize,
}

/// Retrieves passages for a standalone question, with a trace.
pub async fn find(seams: Seams<'_>, asked: &Search<'_>) -> (RetrievalResult, RetrieveTrace) {
    let started = Instant::now();
    let mut seen = RetrieveTrace { query: cut(asked.text), ..RetrieveTrace::default() };
    let language = asked.language.or_else(|| seams.languages.of_question(asked.text));
    seen.language = language.map(ToOwned::to_owned);
    let text = Text { how: SearchOrigin::Asked, words: seen.query.clone(), language };
    let looked = search_texts(seams, asked.collections, &[text], &mut seen).await;
    seen.searched = looked.iter().map(QueryResult::search_text).collect();
    let (passages, sure) =
        looked.into_iter().next().map(|one| (one.passages, one.confidence)).unwrap_or_default();
    let passages = rerank(seams.rerank, asked.text, passages, &mut seen).await;
    let passages: Arc<[Passage]> = distinct(passages, asked.limit, seams.prints).into();
    let sure = sure.probability();
    (seen.passages, seen.confidence) = (passages.clone(), sure);
    seen.took_ms = millis(started);
    (RetrievalResult { passages, confidence: sure, standalone: None, pending_rewrite: None }, seen)
}

/// Returns the hits of each leg for a standalone question.
pub(crate) async fn gather(seams: Seams<'_>, asked: &Search<'_>) -> WeightedLegs {
    let text = cut(asked.text);
    let mut seen = RetrieveTrace::default();
    let vectors = embed(seams.embed, std::slice::from_ref(&text), &mut seen).await;
    let vector = vectors.first().map(Vec::as_slice);
    let written = seams.languages.of_question(&text);
    let search = Query {
        collections: asked.collections,
        text: &text,
        language: written,
        vector,
        limit: LEG,
    };
    let language = asked.language.or_else(|| seams.languages.of_question(asked.text));
    ask(seams, &search, language, &mut seen).await
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_QUERY_LEN).collect()
}
