//! Replay: runs recorded turns again. With everything recorded the outcome must be the same, byte for byte; with a draft, another
//! model or changed documents the old and the new answer stand side by side. Sends nothing and stores nothing.

use serde::Serialize;

use crate::domain::trace::Trace;
use crate::domain::{AgentId, CollectionId, Outcome, TurnOutcome};
use crate::pipeline::outbound::bubbles;
use crate::pipeline::recording::TurnRecording;
use crate::pipeline::{Bot, Engine, TurnContext};
use crate::prompts;
use crate::store::tapes::{TapeFilter, TapeRow};
use crate::store::{self, Store};

mod draft;
mod score;
pub mod export;

pub use draft::{Change, Draft, Side, Sides};
pub use score::{Preference, ReplayScore, score};

/// How many turns are read at once.
const PAGE: i64 = 100;

/// The outcome of replaying a turn with everything recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayOutcome {
    /// The same, byte for byte.
    Same,
    /// Something else: what was decided and sent then, and now, with what was asked that the tape does not hold.
    Differs(Box<Difference>),
    /// It cannot be run again, and why.
    Unplayable(String),
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What was decided when the turn was recorded.
    pub then: Outcome,
    /// What is decided now.
    pub now: Outcome,
    /// What the customer got.
    pub sent_then: Vec<String>,
    /// What the customer would get.
    pub sent_now: Vec<String>,
    /// What was asked of a model and is not on the tape, and other reasons, in words.
    pub why: Vec<String>,
}

/// A recorded turn, parsed from its row.
pub struct RecordedTurn {
    /// As the database holds it.
    pub row: TapeRow,
    /// What became of it.
    pub outcome: TurnOutcome,
    /// Its tape.
    pub tape: TurnRecording,
    /// What each stage did.
    pub trace: Trace,
}

impl RecordedTurn {
    /// Reads a turn. The error says why it cannot be run again.
    pub fn read(row: TapeRow) -> Result<Self, String> {
        let outcome =
            row.outcome.ok_or("what became of it is a word that this version does not know")?;
        let trace: Trace = serde_json::from_str(&row.trace)
            .map_err(|error| format!("its trace cannot be read: {error}"))?;
        let passages =
            trace.retrieve.as_ref().map(|seen| seen.passages.clone()).unwrap_or_default();
        let tape = TurnRecording::read(&row.tape, passages)?;
        Ok(Self { row, outcome, tape, trace })
    }

    /// What the customer said, in one text.
    pub fn question(&self) -> String {
        let heard = self.trace.transcribe.as_ref();
        heard.map(|heard| heard.question.clone()).unwrap_or_default()
    }

    /// The agent as it was then.
    fn bot(&self) -> Result<Bot, String> {
        let file = format!("{}.md", self.row.agent);
        let read = prompts::parse(&file, &self.row.source).map_err(|wrong| wrong.to_string())?;
        // What was found is on the tape: no collection is looked into.
        read.bot(AgentId::stored(String::new()), None, Vec::<CollectionId>::new())
    }
}

/// Runs a recorded turn again with everything recorded.
pub async fn again(engine: &Engine, recorded: &RecordedTurn) -> ReplayOutcome {
    let bot = match recorded.bot() {
        Ok(bot) => bot,
        Err(why) => {
            return ReplayOutcome::Unplayable(format!(
                "its prompt version is not read any more: {why}"
            ));
        }
    };
    let tape = &recorded.tape;
    let (engine, player) = tape.play(engine);
    let audio = tape.audio();
    let around = TurnContext { audio: &audio, hear: None, tier: tape.tier };
    let answered = engine.answer(&bot, &tape.turn(&bot.agent), around).await;
    let sent = bubbles(&bot, &answered.outcome);
    let same = written(&answered.outcome) == written(&tape.outcome)
        && sent == tape.bubbles
        && answered.outcome.kind() == recorded.outcome;
    if same {
        return ReplayOutcome::Same;
    }
    let mut why = player.missing();
    let embedder = engine.live().embed.identity().map(ToOwned::to_owned);
    if embedder != tape.embedder {
        let name = |one: &Option<String>| one.clone().unwrap_or_else(|| "none".into());
        let (then, now) = (name(&tape.embedder), name(&embedder));
        why.push(format!("statements were checked with the embedder {then}, now with {now}"));
    }
    ReplayOutcome::Differs(Box::new(Difference {
        then: tape.outcome.clone(),
        now: answered.outcome,
        sent_then: tape.bubbles.clone(),
        sent_now: sent,
        why,
    }))
}

/// An outcome as bytes.
fn written(outcome: &Outcome) -> Vec<u8> {
    serde_json::to_vec(outcome).unwrap_or_default()
}

/// Reads recorded turns one page after the other, oldest first.
pub struct Turns<'a> {
    store: &'a Store,
    wanted: TapeFilter<'a>,
    after: Option<(i64, String)>,
    done: bool,
}

impl<'a> Turns<'a> {
    /// The turns that are wanted.
    pub fn of(store: &'a Store, wanted: TapeFilter<'a>) -> Self {
        Self { store, wanted, after: None, done: false }
    }

    /// The next ones; nothing when there are no more. Each is a turn, or the id of one that cannot be run again and why.
    pub async fn next(
        &mut self,
    ) -> store::Result<Option<Vec<Result<RecordedTurn, (String, String)>>>> {
        if self.done {
            return Ok(None);
        }
        let after = self.after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = self.store.tapes(&self.wanted, after, PAGE).await?;
        self.done = i64::try_from(page.len()).unwrap_or(0) < PAGE;
        self.after = page.last().map(|row| (row.created_at, row.id.clone()));
        let read = |row: TapeRow| {
            let id = row.id.clone();
            RecordedTurn::read(row).map_err(|why| (id, why))
        };
        Ok((!page.is_empty()).then(|| page.into_iter().map(read).collect()))
    }
}

/// What a customer gets as one text; what became of the turn in a word, where that is nothing.
fn said(bubbles: &[String], outcome: TurnOutcome) -> String {
    if bubbles.is_empty() { format!("({outcome})") } else { bubbles.join("\n\n") }
}
