//! Stage 4: question to passages. Asks the index for the best of each leg and fuses them; without an embedder, or
//! when it fails, words alone are compared. A question that leans on the conversation is searched with its context, too.
//!
//! The work is in two parts. [`search`] does what costs nothing but a moment, while the customer may still be typing.
//! [`settle`] asks a model to put the question in other words, where that is wanted: once the burst is over, because
//! only then is it known what may be spent, and each further message of a burst would cost that call again.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::blend::{self, Looked};
use super::distinct::distinct;
use super::fuse::{Weights, confidence, fuse, is_among};
use super::query::{self, Lean, Reading};
use super::rank::rerank;
use super::rewrite::{self, Understood};
use super::{Engine, Means, Run, millis};
use crate::domain::trace::{RetrieveTrace, SearchOrigin, SearchText};
use crate::domain::{Agent, CollectionId, Line, Passage, Question};
use crate::embed::Purpose;
use crate::index::{self, Legs, Query, Tuning};

/// So many of 100 chunks in an embedder's languages make a collection one of them.
const AT_HOME: usize = 95;
/// How many chunks each leg brings to the fusion.
const LEG: usize = 100;
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

/// What retrieval found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The passages, best first.
    pub passages: Arc<[Passage]>,
    /// How sure we are that they answer, 0 to 1.
    pub confidence: f32,
    /// The question as it stands without the conversation, where it leaned on that.
    pub standalone: Option<String>,
    wish: Option<Wish>,
}

impl Found {
    /// What a recorded turn found; `None` if that is not known.
    pub(super) fn again(kept: &super::tape::Kept) -> Option<Self> {
        let (confidence, standalone) = kept.found.clone()?;
        Some(Self { passages: kept.passages.clone(), confidence, standalone, wish: None })
    }
}

/// What a model is still to be asked for.
#[derive(Debug, Clone)]
struct Wish {
    reading: Reading,
    /// The language to search in as well: ISO 639-1.
    into: Option<&'static str>,
}

/// A question in its conversation.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) agent: &'a Agent,
    pub(super) history: &'a [Line],
    pub(super) question: &'a Question,
}

/// Finds the passages for a question, without asking a model.
pub(super) async fn search(engine: &Engine, scene: Scene<'_>, run: &mut Run) -> Found {
    let started = Instant::now();
    let Scene { agent, history, question } = scene;
    let follows = if agent.search.follow_up { history } else { &[] };
    let reading =
        Reading { language: query::language(question, history), ..query::read(question, follows) };
    let language = reading.language.as_deref();
    let mut seen = RetrieveTrace { query: cut(&question.text), ..RetrieveTrace::default() };
    seen.language = reading.language.clone();
    let mut texts = vec![Text { how: SearchOrigin::Asked, words: seen.query.clone(), language }];
    let before = reading.context.as_deref().filter(|_| reading.lean == Lean::Leans);
    let context = before.map(|said| query::with_context(&question.text, said));
    texts.extend(context.iter().map(|text| Text {
        how: SearchOrigin::Context,
        words: cut(text),
        language,
    }));
    texts.extend(before.map(|text| Text { how: SearchOrigin::Before, words: cut(text), language }));
    let mut looked = look(engine, &agent.knowledge, &texts, &mut seen).await;
    let weights = weigh(engine, &agent.knowledge, language).await;
    let (mut passages, sure) = match looked.as_mut_slice() {
        [one] => (std::mem::take(&mut one.passages), one.confidence),
        all => {
            let says = reading.says_something;
            let passages = blend::lean_on(all, says, agent.passages);
            let sure = (confidence(&passages, &weights), says);
            let sure = blend::leaning_confidence(all, &passages, sure);
            (passages, sure)
        }
    };
    seen.searched = looked.iter().map(Looked::told).collect();
    seen.confidence = sure;
    let standalone = context;
    let wish = wish(engine, agent, reading).await;
    if wish.is_none() {
        let text = standalone.as_deref().unwrap_or(&question.text);
        passages = rerank(&*engine.rerank, text, passages, &mut seen).await;
        passages = distinct(passages, agent.passages);
    }
    let passages: Arc<[Passage]> = passages.into();
    seen.passages = passages.clone();
    seen.took_ms = millis(started);
    run.trace.retrieve = Some(seen);
    Found { passages, confidence: sure, standalone, wish }
}

/// Has a model put the question in other words, where that was wanted and may be paid for, and searches again.
pub(super) async fn settle(
    engine: &Engine,
    scene: Scene<'_>,
    (mut found, means): (Found, Means),
    run: &mut Run,
) -> Found {
    let Some(wish) = found.wish.take() else { return found };
    let started = Instant::now();
    let mut seen = run.trace.retrieve.take().unwrap_or_default();
    let mut passages = found.passages.to_vec();
    let asked = rewrite::Asked { lean: wish.reading.lean, into: wish.into };
    let understood = rewrite::ask(engine, scene, (&asked, means), run).await;
    seen.rewrite = understood.as_ref().map(|(_, told)| told.clone());
    let mut best = found.standalone.clone();
    if let Some((Some(understood), _)) = understood {
        let Understood { standalone, translated } = understood;
        let own = wish.reading.language.as_deref();
        let mut texts = vec![Text {
            how: SearchOrigin::Asked,
            words: cut(&scene.question.text),
            language: own,
        }];
        let other = standalone.filter(|text| text.trim() != scene.question.text.trim());
        let rewritten = other.clone().map(|text| Text {
            how: SearchOrigin::Rewritten,
            words: text,
            language: own,
        });
        texts.extend(rewritten);
        best = translated.clone().or(other.clone());
        texts.extend(translated.map(|text| Text {
            how: SearchOrigin::Translated,
            words: text,
            language: wish.into,
        }));
        let mut looked = look(engine, &scene.agent.knowledge, &texts, &mut seen).await;
        passages = blend::together(&mut looked);
        found.confidence = looked.iter().map(|one| one.confidence).fold(0.0, f32::max);
        found.standalone = other;
        seen.searched = looked.iter().map(Looked::told).collect();
        seen.confidence = found.confidence;
    }
    let text = best.as_deref().unwrap_or(&scene.question.text);
    passages = rerank(&*engine.rerank, text, passages, &mut seen).await;
    passages = distinct(passages, scene.agent.passages);
    found.passages = passages.into();
    seen.passages = found.passages.clone();
    seen.took_ms += millis(started);
    run.trace.retrieve = Some(seen);
    found
}

/// What a model is to be asked for, where there is one.
async fn wish(engine: &Engine, agent: &Agent, reading: Reading) -> Option<Wish> {
    if engine.retrieve.rewrite_ms == 0 || engine.model.window(engine.own_model(agent)).is_none() {
        return None;
    }
    let says = reading.says_something || reading.lean > Lean::Complete;
    let spoken = reading.language.as_deref().filter(|_| agent.search.translate && says);
    let into = match spoken {
        Some(spoken) => other_language(engine, &agent.knowledge, spoken).await,
        None => None,
    };
    (reading.lean > Lean::Complete || into.is_some()).then_some(Wish { reading, into })
}

/// The language of the collections, where it is another than the one spoken.
async fn other_language(
    engine: &Engine,
    collections: &[CollectionId],
    spoken: &str,
) -> Option<&'static str> {
    let counts = engine.index.languages(collections).await.unwrap_or_default();
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
pub async fn find(engine: &Engine, asked: &Search<'_>) -> (Found, RetrieveTrace) {
    let started = Instant::now();
    let mut seen = RetrieveTrace { query: cut(asked.text), ..RetrieveTrace::default() };
    let language = asked.language.or_else(|| index::language(asked.text));
    seen.language = language.map(ToOwned::to_owned);
    let text = Text { how: SearchOrigin::Asked, words: seen.query.clone(), language };
    let looked = look(engine, asked.collections, &[text], &mut seen).await;
    seen.searched = looked.iter().map(Looked::told).collect();
    let (passages, sure) =
        looked.into_iter().next().map(|one| (one.passages, one.confidence)).unwrap_or_default();
    let passages = rerank(&*engine.rerank, asked.text, passages, &mut seen).await;
    let passages: Arc<[Passage]> = distinct(passages, asked.limit).into();
    (seen.passages, seen.confidence) = (passages.clone(), sure);
    seen.took_ms = millis(started);
    (Found { passages, confidence: sure, standalone: None, wish: None }, seen)
}

/// One text to search for.
struct Text<'a> {
    how: SearchOrigin,
    /// What is searched for.
    words: String,
    /// ISO 639-1 code of its language, where it is known.
    language: Option<&'a str>,
}

/// Searches for each text, in their order.
async fn look(
    engine: &Engine,
    collections: &[CollectionId],
    texts: &[Text<'_>],
    seen: &mut RetrieveTrace,
) -> Vec<Looked> {
    let started = Instant::now();
    let all: Vec<String> = texts.iter().map(|text| text.words.clone()).collect();
    let vectors = embed(engine, &all, seen).await;
    seen.embed_ms += millis(started);
    let mut looked = Vec::with_capacity(texts.len());
    for (at, Text { how, words: text, language }) in texts.iter().enumerate() {
        let vector = vectors.get(at).map(Vec::as_slice);
        let search = Query { collections, text, vector, limit: LEG };
        let gathered = ask(engine, &search, *language, seen).await;
        let (passages, confidence) = rank(&gathered, Tuning::default(), LEG);
        let (text, how) = (text.clone(), *how);
        looked.push(Looked { text, how, weight: 1.0, passages, confidence });
    }
    looked
}

/// What the legs brought for a text, before they are fused.
pub(crate) struct Gathered {
    /// The best of each leg.
    pub(crate) legs: Legs,
    /// How much each leg counts for this text.
    pub(crate) weights: Weights,
}

/// What the legs bring for a question that stands alone.
pub(crate) async fn gather(engine: &Engine, asked: &Search<'_>) -> Gathered {
    let text = cut(asked.text);
    let mut seen = RetrieveTrace::default();
    let vectors = embed(engine, std::slice::from_ref(&text), &mut seen).await;
    let vector = vectors.first().map(Vec::as_slice);
    let search = Query { collections: asked.collections, text: &text, vector, limit: LEG };
    let language = asked.language.or_else(|| index::language(asked.text));
    ask(engine, &search, language, &mut seen).await
}

/// Asks every leg.
async fn ask(
    engine: &Engine,
    search: &Query<'_>,
    language: Option<&str>,
    seen: &mut RetrieveTrace,
) -> Gathered {
    let legs = engine.index.search(search).await.unwrap_or_else(|failed| {
        seen.error = Some(failed.to_string());
        Legs::default()
    });
    let weights = weigh(engine, search.collections, language).await;
    Gathered { legs, weights }
}

/// How much each leg counts for a question in a language over some collections.
async fn weigh(engine: &Engine, collections: &[CollectionId], language: Option<&str>) -> Weights {
    let known = engine.embed.languages();
    let mut at_home = false;
    if !known.is_empty() && language.is_none_or(|spoken| !is_among(known, spoken)) {
        let counts = engine.index.languages(collections).await.unwrap_or_default();
        let all: usize = counts.values().sum();
        let ours = counts.iter().filter(|(code, _)| is_among(known, code));
        let ours: usize = ours.map(|(_, chunks)| chunks).sum();
        at_home = all > 0 && ours * 100 >= all * AT_HOME;
    }
    Weights::for_embedder(known, language, at_home).tuned(engine.tunings.of(collections))
}

/// The passages from what the legs brought, best first, and how sure we are of them. `tuning` goes before what the
/// collections say.
pub(crate) fn rank(gathered: &Gathered, tuning: Tuning, limit: usize) -> (Vec<Passage>, f32) {
    let weights = gathered.weights.tuned(tuning);
    let passages = fuse(gathered.legs.clone(), &weights, limit);
    let confidence = confidence(&passages, &weights);
    (passages, confidence)
}

/// The texts' embeddings; none, with the reason told, where there are none to be had.
async fn embed(engine: &Engine, texts: &[String], seen: &mut RetrieveTrace) -> Vec<Vec<f32>> {
    let Some(identity) = engine.embed.identity() else { return Vec::new() };
    match engine.embed.embed(texts, Purpose::Query).await {
        Ok(vectors) => {
            seen.embedder = Some(identity.to_owned());
            vectors
        }
        Err(error) => {
            tracing::warn!(%error, "the question could not be embedded, words alone are compared");
            (seen.embedder, seen.error) = (None, Some(error.to_string()));
            Vec::new()
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_QUERY).collect()
}

impl Looked {
    fn told(&self) -> SearchText {
        let Self { text, how, weight, confidence, .. } = self;
        SearchText { text: text.clone(), how: *how, weight: *weight, confidence: *confidence }
    }
}
