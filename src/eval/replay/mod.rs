//! Replays recorded turns. With all inputs recorded, the outcome must be identical byte for byte;
//! with a draft, another model or changed documents, the old and new answers are compared. Sends
//! nothing and stores nothing.

use serde::Serialize;

use crate::domain::trace::Trace;
use crate::domain::{AgentId, CollectionId, Outcome, TurnOutcome};
use crate::pipeline::outbound::bubbles;
use crate::pipeline::recording::TurnRecording;
use crate::pipeline::{Bot, Engine, TurnContext};
use crate::prompts;
use crate::provider::Abilities;
use crate::store::turn_recordings::{TurnRecordingFilter, TurnRecordingRow};
use crate::store::{self, Store};

mod draft;
mod score;
pub mod export;

pub use draft::{Change, Draft, Side, Sides};
pub use score::{Preference, ReplayScore, score};

/// Turns read per page.
const PAGE: i64 = 100;

/// The result of replaying a turn from its recording alone.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayOutcome {
    /// Identical, byte for byte.
    Same,
    /// A different outcome.
    Differs(Box<Difference>),
    /// The turn cannot be replayed, and why.
    Unplayable(String),
}

/// How the outcomes differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The recorded outcome.
    pub then: Outcome,
    /// The new outcome.
    pub now: Outcome,
    /// Messages sent when it was recorded.
    pub sent_then: Vec<String>,
    /// Messages that would be sent now.
    pub sent_now: Vec<String>,
    /// Likely reasons, such as a model request that is not in the recording.
    pub why: Vec<String>,
}

/// A recorded turn, parsed from its row.
pub struct RecordedTurn {
    /// The database row.
    pub row: TurnRecordingRow,
    /// Outcome of the turn.
    pub outcome: TurnOutcome,
    /// The recorded inputs.
    pub tape: TurnRecording,
    /// Trace of the turn.
    pub trace: Trace,
}

impl RecordedTurn {
    /// Parses a turn. The error says why it cannot be replayed.
    pub fn read(row: TurnRecordingRow) -> Result<Self, String> {
        let outcome =
            row.outcome.ok_or("what became of it is a word that this version does not know")?;
        let trace: Trace = serde_json::from_str(&row.trace)
            .map_err(|error| format!("its trace cannot be read: {error}"))?;
        let passages =
            trace.retrieve.as_ref().map(|seen| seen.passages.clone()).unwrap_or_default();
        let tape = TurnRecording::read(&row.tape, passages)?;
        Ok(Self { row, outcome, tape, trace })
    }

    /// Returns the customer's message as one text.
    pub fn question(&self) -> String {
        let heard = self.trace.transcribe.as_ref();
        heard.map(|heard| heard.question.clone()).unwrap_or_default()
    }

    /// The bot with the recorded prompt version.
    fn bot(&self) -> Result<Bot, String> {
        let file = format!("{}.md", self.row.agent);
        let read = prompts::parse(&file, &self.row.source).map_err(|wrong| wrong.to_string())?;
        // No collections: the passages come from the recording.
        read.bot(AgentId::stored(String::new()), None, Vec::<CollectionId>::new())
    }
}

/// Replays a turn from its recording alone.
pub async fn replay_turn(engine: &Engine, recorded: &RecordedTurn) -> ReplayOutcome {
    let bot = match recorded.bot() {
        Ok(bot) => bot,
        Err(why) => {
            return ReplayOutcome::Unplayable(format!(
                "its prompt version is not read any more: {why}"
            ));
        }
    };
    let tape = &recorded.tape;
    let (engine, player) = tape.replay_engine(engine);
    let audio = tape.audio();
    let (files, abilities) = (&audio, &Abilities::WHATSAPP);
    let around = TurnContext { files, hear: None, tier: tape.tier, abilities };
    let answered = engine.answer(&bot, &tape.turn(&bot.agent), around).await;
    let sent = bubbles(&bot, &answered.outcome);
    let same = written(&answered.outcome) == written(&tape.outcome)
        && sent == tape.bubbles
        && answered.outcome.kind() == recorded.outcome;
    if same {
        return ReplayOutcome::Same;
    }
    let mut why = player.missing();
    if answered.trace.retrieve.is_some() && !tape.looked_up() {
        why.push(
            "the tape has no passages: nothing was searched then, because a person was called"
                .into(),
        );
    }
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

fn written(outcome: &Outcome) -> Vec<u8> {
    serde_json::to_vec(outcome).unwrap_or_default()
}

/// Reads recorded turns page by page, oldest first.
pub struct Turns<'a> {
    store: &'a Store,
    wanted: TurnRecordingFilter<'a>,
    after: Option<(i64, String)>,
    done: bool,
}

impl<'a> Turns<'a> {
    /// Starts reading the turns that match the filter.
    pub fn of(store: &'a Store, wanted: TurnRecordingFilter<'a>) -> Self {
        Self { store, wanted, after: None, done: false }
    }

    /// Returns the next page, or `None` at the end. An error holds the id of a turn that cannot be
    /// replayed, and why.
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
        let read = |row: TurnRecordingRow| {
            let id = row.id.clone();
            RecordedTurn::read(row).map_err(|why| (id, why))
        };
        Ok((!page.is_empty()).then(|| page.into_iter().map(read).collect()))
    }
}

/// Joins the messages to the customer; the outcome in parentheses when there are none.
fn said(bubbles: &[String], outcome: TurnOutcome) -> String {
    if bubbles.is_empty() { format!("({outcome})") } else { bubbles.join("\n\n") }
}
