//! A store without an application, and what tests do with it: numbers, turns that end, and claims
//! of messages to send.

use frontdesk::domain::intake::IntakePolicy;
use frontdesk::domain::loop_guard::Limits;
use frontdesk::domain::{AgentId, MessageId, NumberId, ProviderKind, TurnId, TurnOutcome, Usage};
use frontdesk::store::agents::ConnectNumber;
use frontdesk::store::finish::FinishedTurn;
use frontdesk::store::outbox::{ClaimRequest, OutgoingRow, Pair, ToSend};
use frontdesk::store::turns::Claim;
use frontdesk::store::{Settings, Store};
use tempfile::TempDir;

use super::app::Db;

pub(crate) const MINUTE: i64 = 60_000;
/// Turns start at once, and the loop guard is off.
pub(crate) const POLICY: IntakePolicy = IntakePolicy {
    gap_ms: 0,
    max_burst_ms: 0,
    stale_ms: 24 * 60 * MINUTE,
    return_ms: 0,
    paused: false,
    limits: Limits { repeats: 0, a_minute: 0, quick_replies: 0, quick_ms: 0 },
    consent: None,
};
/// No rate limit per customer.
pub(crate) const NO_PAIR: Pair = Pair { burst: 0, gap_ms: 0 };

/// A store on an empty database of its own.
pub(crate) struct OwnStore {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    /// The Postgres database; empty for SQLite.
    pub(crate) url: String,
    /// With the SQLite file `desk.db`.
    pub(crate) home: TempDir,
}

impl OwnStore {
    pub(crate) async fn on(db: Db) -> Self {
        Self::in_home(db, tempfile::tempdir().unwrap(), 8).await
    }

    pub(crate) async fn in_home(db: Db, home: TempDir, connections: u32) -> Self {
        let url = db.url().await;
        let path = home.path().join("desk.db");
        let settings = Settings { url: url.clone().into(), path, connections, wait_ms: 20_000 };
        let store = Store::open(&settings).await.unwrap();
        Self { store, settings, url, home }
    }
}

/// Publishes the agent `acme`.
pub(crate) async fn publish(store: &Store) -> AgentId {
    store.publish("acme", "You are Acme.", "hash").await.unwrap().agent
}

/// Connects a number of Meta on which this agent answers.
pub(crate) async fn connect(
    store: &Store,
    (slug, external_id): (&str, &str),
    agent: &AgentId,
) -> NumberId {
    let (slug, external_id) = (slug.to_owned(), external_id.to_owned());
    let (provider, agent) = (ProviderKind::Meta, agent.clone());
    store.connect_number(ConnectNumber { slug, provider, external_id, agent }).await.unwrap()
}

/// A finished turn that answers all waiting messages.
pub(crate) async fn finished(
    store: &Store,
    agent: &AgentId,
    claim: &Claim,
    replies: &[&str],
) -> FinishedTurn {
    let said = store.read_snapshot(claim, 50, 0).await.unwrap();
    let replies = replies.iter().map(|text| OutgoingRow::new(text)).collect();
    finished_with(agent, claim, (said.waiting.into_iter().map(|row| row.id), replies))
}

/// A finished turn that answers these messages.
pub(crate) fn finished_with(
    agent: &AgentId,
    claim: &Claim,
    (answered, replies): (impl Iterator<Item = String>, Vec<OutgoingRow>),
) -> FinishedTurn {
    FinishedTurn {
        id: TurnId::generate(),
        claim: claim.clone(),
        agent: agent.clone(),
        version: None,
        outcome: TurnOutcome::Answer,
        trace: "{}".into(),
        tape: None,
        usage: Usage::default(),
        answered: answered.map(|id| (MessageId::stored(id), None)).collect(),
        replies,
        unanswered: None,
        escalation: None,
        send: None,
        follow_up: None,
    }
}

/// Claims messages of any number.
pub(crate) async fn claim_sends(store: &Store, limit: i64, lease_ms: i64) -> Vec<ToSend> {
    let (except, only, ordered) = (Vec::new(), None, Vec::new());
    let asked = ClaimRequest { limit, lease_ms, except, only, ordered, pair: NO_PAIR };
    store.claim_sends(asked).await.unwrap()
}
