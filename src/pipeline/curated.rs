//! Before stage 4: curated answers. Returns one only if the whole message is certainly its
//! question: a wrong answer is worse than none. Calls no language model; a cache in memory follows
//! the database.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use frontdesk_language::{Lang, terms};
use tokio::sync::Mutex;

use self::phrase::{Phrase, sentences};
use self::similarity::{Near, PhrasingSet};
use super::timer::millis;
use crate::domain::trace::{CuratedTrace, NearestAnswer};
use crate::domain::{Agent, CollectionId, Consult, Question, Reply, ReplyKind};
use crate::embed::{Embedder, Purpose};
use crate::store::answers::AnswerRow;
use crate::store::{self, Store};

pub(super) mod facets;
pub(super) mod phrase;
pub(super) mod similarity;

/// Minimum similarity of a long question to a phrasing, with or without embeddings, 0 to 1. On real
/// questions 1 of 100 given answers is wrong, see `curated/measure.rs`.
const THRESHOLD: f32 = 0.6;
/// Share of the distance from the threshold to 1 that is added to it, by number of content words: a
/// short question has no word to spare.
const SHORT_QUESTION_BOOST: [f32; 6] = [1.0, 0.95, 0.9, 0.6, 0.3, 0.1];
/// Minimum lead over the next different answer.
const MARGIN: f32 = 0.15;
/// Minimum word similarity at which embeddings are used.
const MIN_WORD_SIMILARITY: f32 = 0.2;
/// Maximum length of a message, in characters; a longer one is more than a question.
const MAX_QUESTION_CHARS: usize = 600;
/// Maximum sentences of a message; more are more than one question.
const MAX_SENTENCES: usize = 4;
/// Answers read per database query.
const PAGE: i64 = 500;
/// Phrasings per embedding call.
const BATCH: usize = 64;
/// Delay before phrasings that could not be embedded are tried again.
const RETRY: Duration = Duration::from_mins(1);

/// Cache of the curated answers of all collections, ready for comparison.
#[derive(Default)]
pub struct Book {
    answer_sets: RwLock<HashMap<CollectionId, Arc<AnswerSet>>>,
    seen: Mutex<HashMap<CollectionId, SyncState>>,
}

/// How far a collection's cache is in sync with the database.
struct SyncState {
    revision: i64,
    /// When phrasings without embeddings are tried again; `None` if all are embedded.
    again: Option<Instant>,
}

/// The answers of one collection.
struct AnswerSet {
    rows: Vec<AnswerRow>,
    /// The embedder of its vectors.
    embedder: Option<String>,
    set: PhrasingSet,
}

impl Book {
    /// Syncs the cache with the database and embeds new phrasings. If the embedder fails, they are
    /// compared by their words.
    pub async fn sync_with_store(&self, store: &Store, embed: &dyn Embedder) -> store::Result<()> {
        let mut seen = self.seen.lock().await;
        for row in store.answer_revisions().await? {
            let id = CollectionId::stored(row.collection_id);
            let known = seen.get(&id);
            let due = known.and_then(|known| known.again).is_some_and(|at| at <= Instant::now());
            if known.map_or(0, |known| known.revision) == row.revision && !due {
                continue;
            }
            let mut rows = read(store, &id).await?;
            // Matching by words works at once, while the embeddings are computed.
            self.put(&id, rows.clone(), embed.identity());
            let whole = embed_missing(store, embed, &mut rows).await?;
            if embed.identity().is_some() {
                let rows = if whole { read(store, &id).await? } else { rows };
                self.put(&id, rows, embed.identity());
            }
            let again = (!whole).then(|| Instant::now() + RETRY);
            seen.insert(id, SyncState { revision: row.revision, again });
        }
        Ok(())
    }

    /// Has the next sync read everything again, for another embedder.
    pub async fn forget_revisions(&self) {
        self.seen.lock().await.clear();
    }

    fn put(&self, id: &CollectionId, rows: Vec<AnswerRow>, embedder: Option<&str>) {
        let fresh = Arc::new(AnswerSet::of(rows, embedder));
        self.answer_sets.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), fresh);
    }

    fn of(&self, collections: &[CollectionId]) -> Vec<Arc<AnswerSet>> {
        let shelves = self.answer_sets.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = collections.iter().filter_map(|id| shelves.get(id).cloned());
        wanted.filter(|shelf| shelf.set.len() > 0).collect()
    }
}

async fn read(store: &Store, id: &CollectionId) -> store::Result<Vec<AnswerRow>> {
    let mut rows: Vec<AnswerRow> = Vec::new();
    loop {
        let before = rows.last().map(|row| (row.created_at, row.id.clone()));
        let page = store.answers(id, before, PAGE).await?;
        let full = i64::try_from(page.len()).unwrap_or(0) == PAGE;
        rows.extend(page);
        if !full {
            rows.reverse();
            return Ok(rows);
        }
    }
}

/// Embeds phrasings without embedding and stores the vectors; false if the embedder fails.
async fn embed_missing(
    store: &Store,
    embed: &dyn Embedder,
    rows: &mut [AnswerRow],
) -> store::Result<bool> {
    let Some(identity) = embed.identity() else { return Ok(true) };
    let bare = |row: &&mut AnswerRow| row.enabled() && row.vectors(Some(identity)).is_none();
    for row in rows.iter_mut().filter(bare) {
        let mut vectors = Vec::new();
        for texts in row.phrasings().chunks(BATCH) {
            match embed.embed(texts, Purpose::Query).await {
                Ok(more) => vectors.extend(more),
                Err(error) => {
                    tracing::warn!(%error, "curated answers could not be embedded, their words alone are compared");
                    return Ok(false);
                }
            }
        }
        store.keep_answer_vectors(row, identity, &vectors).await?;
    }
    Ok(true)
}

impl AnswerSet {
    fn of(rows: Vec<AnswerRow>, embedder: Option<&str>) -> Self {
        let rows: Vec<AnswerRow> = rows.into_iter().filter(AnswerRow::enabled).collect();
        let mut set = PhrasingSet::default();
        let given = |row: &AnswerRow| row.language.as_deref().and_then(terms::from_two_letters);
        let told =
            |row: &AnswerRow| given(row).or_else(|| terms::language(&row.phrasings().join(". ")));
        rows.iter().filter_map(told).for_each(|language| set.add_language(language));
        for row in &rows {
            let mut languages: Vec<_> = told(row).into_iter().collect();
            languages.push(Lang::Eng);
            languages.dedup();
            let phrasings = row.phrasings();
            let read = phrasings.iter().map(|text| Phrase::read(text, &languages)).collect();
            set.push(read, row.vectors(embedder));
        }
        set.add_language(Lang::Eng);
        Self { rows, embedder: embedder.map(ToOwned::to_owned), set }
    }
}

/// Looks up the curated answer to a question; `None` if no match is certain.
pub(super) async fn lookup(
    book: &Book,
    embed: &dyn Embedder,
    agent: &Agent,
    question: &Question,
) -> (Option<Reply>, Option<CuratedTrace>) {
    let started = Instant::now();
    let asked = Ask {
        text: &question.text,
        language: question.language.as_deref(),
        collections: &agent.knowledge,
        consult: agent.curated,
    };
    let (answer, mut consulted) = find_answer(book, embed, &asked).await;
    consulted.took_ms = millis(started);
    let reply = answer.map(|text| Reply::plain(text, ReplyKind::Answer));
    (reply, (consulted.answers > 0).then_some(consulted))
}

/// A lookup among the curated answers.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The whole message.
    pub text: &'a str,
    /// ISO 639-1 code of its language, if known.
    pub language: Option<&'a str>,
    /// Collections to search.
    pub collections: &'a [CollectionId],
    /// Whether curated answers are used, and the similarity they need.
    pub consult: Consult,
}

/// Finds the answer to exactly this message; the trace says why none is given.
pub async fn find_answer(
    book: &Book,
    embed: &dyn Embedder,
    asked: &Ask<'_>,
) -> (Option<String>, CuratedTrace) {
    let shelves = book.of(asked.collections);
    let answers = shelves.iter().map(|shelf| shelf.set.len()).sum();
    let mut seen = CuratedTrace { answers, ..CuratedTrace::default() };
    if answers == 0 || !asked.consult.enabled {
        return (None, CuratedTrace::default());
    }
    let parts = sentences(asked.text);
    if asked.text.chars().count() > MAX_QUESTION_CHARS || parts.len() > MAX_SENTENCES {
        seen.refused = Some("the message is more than a question".into());
        return (None, seen);
    }
    let search = Search { shelves: &shelves, asked, parts: &parts };
    let by_words = search.verdict(None);
    if by_words.sure.is_some() || !search.needs_embeddings(embed, &by_words) {
        return search.lookup_result(by_words, seen);
    }
    let texts = search.texts();
    match embed.embed(&texts, Purpose::Query).await {
        Ok(vectors) => search.lookup_result(search.verdict(Some(&vectors)), seen),
        Err(error) => {
            seen.error = Some(error.to_string());
            search.lookup_result(by_words, seen)
        }
    }
}

/// A message and the collections it is compared with.
struct Search<'a> {
    shelves: &'a [Arc<AnswerSet>],
    asked: &'a Ask<'a>,
    /// Its sentences, without those that are only courtesies.
    parts: &'a [&'a str],
}

/// Best match of one text of the message.
#[derive(Debug, Clone)]
struct Best {
    shelf: usize,
    near: Near,
    second: f32,
}

/// Result for a message.
struct Verdict {
    /// Indexes of the shelf and the answer of a certain match.
    sure: Option<(usize, usize)>,
    best: Option<Best>,
    refused: Option<String>,
}

impl Search<'_> {
    /// Returns the texts to compare: the whole message, and each sentence if there are several.
    fn texts(&self) -> Vec<String> {
        let whole = std::iter::once(self.asked.text.to_owned());
        let parts = self.parts.iter().filter(|_| self.parts.len() > 1);
        whole.chain(parts.map(|&part| part.to_owned())).collect()
    }

    /// Accepts the whole message as the question, or all its sentences if they match one answer.
    fn verdict(&self, vectors: Option<&[Vec<f32>]>) -> Verdict {
        let texts = self.texts();
        let vector = |at: usize| vectors.and_then(|all| all.get(at)).map(Vec::as_slice);
        let whole = self.best(&texts[0], vector(0), self.parts.len());
        let refused = whole.as_ref().and_then(|best| self.refused(best));
        if let Some(best) = whole.as_ref().filter(|_| refused.is_none()) {
            let sure = Some((best.shelf, best.near.answer));
            return Verdict { sure, best: whole, refused: None };
        }
        let mut agreed: Option<Best> = None;
        for (at, text) in texts.iter().enumerate().skip(1) {
            let part = self.best(text, vector(at), 1).filter(|best| self.refused(best).is_none());
            let same = |best: &Best, other: &Best| {
                (best.shelf, best.near.answer) == (other.shelf, other.near.answer)
            };
            let Some(part) =
                part.filter(|part| agreed.as_ref().is_none_or(|other| same(part, other)))
            else {
                let why = "the message holds more than one question".to_owned();
                return Verdict { sure: None, best: whole, refused: Some(why) };
            };
            let lower = |other: &Best| part.near.score() < other.near.score();
            if agreed.as_ref().is_none_or(lower) {
                agreed = Some(part);
            }
        }
        let sure = agreed.as_ref().map(|best| (best.shelf, best.near.answer));
        let refused = refused.unwrap_or_else(|| "no phrasing comes near".into());
        let refused = Some(refused).filter(|_| sure.is_none());
        Verdict { sure, best: agreed.or(whole), refused }
    }

    /// Returns the best answer for a text of this many sentences, with the next other one's score.
    fn best(&self, text: &str, vector: Option<&[f32]>, sentences: usize) -> Option<Best> {
        let mut found: Vec<(usize, Near)> = Vec::new();
        for (place, shelf) in self.shelves.iter().enumerate() {
            let phrase = Phrase::read(text, shelf.set.languages());
            let near = shelf.set.near(&phrase, vector).into_iter();
            let near =
                near.filter(|near| near.same || shelf.set.sentences(near.phrasing) >= sentences);
            found.extend(near.map(|near| (place, near)));
        }
        found.sort_by(|(_, a), (_, b)| {
            let allowed = |near: &Near| near.differs.is_none();
            allowed(b).cmp(&allowed(a)).then(b.score().total_cmp(&a.score()))
        });
        let (at, near) = found.first()?.clone();
        let body = |place: usize, answer: usize| &self.shelves[place].rows[answer].body;
        let other = found.iter().skip(1).find(|(place, other)| {
            other.differs.is_none() && body(*place, other.answer) != body(at, near.answer)
        });
        let second = other.map_or(0.0, |(_, other)| other.score());
        Some(Best { shelf: at, near, second })
    }

    /// Returns why an answer is withheld; `None` if it may be given.
    fn refused(&self, best: &Best) -> Option<String> {
        let score = best.near.score();
        let row = &self.shelves[best.shelf].rows[best.near.answer];
        let known = self.asked.language.zip(row.language.as_deref());
        if let Some(why) = best.near.differs {
            Some(why.to_owned())
        } else if score < self.threshold(best) {
            Some("no phrasing is near enough".to_owned())
        } else if best.second >= 1.0 || (!best.near.same && score - best.second < MARGIN) {
            Some("another answer is as near".to_owned())
        } else if known.is_some_and(|(ours, theirs)| !ours.starts_with(theirs)) {
            Some("it is asked in another language".to_owned())
        } else {
            None
        }
    }

    fn threshold(&self, best: &Best) -> f32 {
        let base = self.asked.consult.threshold.unwrap_or(THRESHOLD);
        base + (1.0 - base).max(0.0)
            * SHORT_QUESTION_BOOST.get(best.near.content_words).copied().unwrap_or(0.0)
    }

    /// Whether embeddings could settle what words leave open: some exist, their model supports the
    /// language, and the words are similar enough.
    fn needs_embeddings(&self, embed: &dyn Embedder, by_words: &Verdict) -> bool {
        let mut with_vectors =
            self.shelves.iter().filter(|shelf| shelf.set.has_vectors()).peekable();
        // Vectors of different models cannot be compared.
        let there = embed.identity().is_some()
            && with_vectors.peek().is_some()
            && with_vectors.all(|shelf| shelf.embedder.as_deref() == embed.identity());
        let near = by_words.best.as_ref().is_some_and(|best| {
            best.near.differs.is_none() && best.near.words >= MIN_WORD_SIMILARITY
        });
        there && near && supports_language(embed.languages(), self.asked)
    }

    fn lookup_result(
        &self,
        verdict: Verdict,
        mut told: CuratedTrace,
    ) -> (Option<String>, CuratedTrace) {
        told.nearest = verdict.best.as_ref().map(|best| {
            let there = &self.shelves[best.shelf];
            NearestAnswer {
                answer: there.rows[best.near.answer].id.clone(),
                phrasing: there.set.text(best.near.phrasing).to_owned(),
                score: best.near.score(),
                words: best.near.words,
                meaning: best.near.meaning,
                second: best.second,
                threshold: self.threshold(best),
            }
        });
        told.refused = verdict.refused;
        let given =
            verdict.sure.map(|(shelf, answer)| self.shelves[shelf].rows[answer].body.clone());
        (given, told)
    }
}

/// Whether a model of these languages (empty: all) supports the message's language.
fn supports_language(languages: &[String], asked: &Ask<'_>) -> bool {
    if languages.is_empty() {
        return true;
    }
    let told = asked.language.map(ToOwned::to_owned);
    let guessed =
        || terms::language(asked.text).and_then(terms::two_letters).map(ToOwned::to_owned);
    match told.or_else(guessed) {
        Some(language) => languages.iter().any(|known| language.starts_with(known.as_str())),
        None => asked.text.is_ascii(),
    }
}

#[cfg(test)]
mod measure;
