//! Turns: claims due conversations, reads their messages, and reads recorded turns. `finish`
//! commits them.

use std::collections::HashMap;

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::words::author::{BOT, CUSTOMER, FOLLOW_UP, PERSON};
use super::words::message_kind::{CONTACTS, FORM, LOCATION, ORDER};
use super::words::message_state::{QUEUED, SENDING, WAITING};
use super::{Conn, Result, Rows, Store, Write, all, first, now, run};
use crate::domain::{
    Author, ConversationId, MessageState, NumberId, TurnId, TurnOutcome, WorkspaceId,
};

/// A conversation that this process has claimed to run a turn of.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Claim {
    /// The conversation.
    pub id: String,
    /// The number it is on.
    pub number_id: String,
    /// The customer.
    pub contact_id: String,
    /// The lease token: only its holder may commit.
    pub lease_token: i64,
    /// How often this turn was started; more than 1 after a crash.
    pub attempts: i64,
}

/// A message as the pipeline reads it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SpokenRow {
    /// The id.
    pub id: String,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// The author; `None` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<Author>")]
    pub author: Option<Author>,
    /// The content as JSON.
    pub content: String,
    /// The text in the content.
    pub body: Option<String>,
    /// The transcript of a voice note.
    pub transcript: Option<String>,
    /// How a voice note was transcribed, as JSON.
    pub heard: Option<String>,
    /// The state. `Waiting` for a message to answer; any other for an earlier message.
    #[sqlx(try_from = "LenientWord<MessageState>")]
    pub state: Option<MessageState>,
    /// The customer's name.
    pub contact: Option<String>,
    /// When the burst that it belongs to ends.
    pub quiet_at: Option<i64>,
    /// The advertisement or post from which the customer wrote, as JSON.
    pub referral: Option<String>,
    /// The text of the message that a waiting message quotes.
    pub quoted: Option<String>,
    /// The author of that message.
    #[sqlx(try_from = "LenientWord<Author>")]
    pub quoted_author: Option<Author>,
}

/// A recorded turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TurnRow {
    /// The id.
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The prompt version that answered.
    pub version_id: Option<String>,
    /// The outcome; `None` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<TurnOutcome>")]
    pub outcome: Option<TurnOutcome>,
    /// The trace as JSON.
    pub trace: String,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Cost, in millionths of a dollar.
    pub cost_micros: i64,
    /// When it was committed.
    pub created_at: i64,
}

/// The part of a conversation that a turn reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationSnapshot {
    /// When reading began; messages stored later may be missing.
    pub read_at: i64,
    /// The customer's name.
    pub contact: Option<String>,
    /// When the burst ends and the answer may be written.
    pub quiet_at: Option<i64>,
    /// The waiting messages, in the order in which they were written.
    pub waiting: Vec<SpokenRow>,
    /// The messages before them, oldest first.
    pub before: Vec<SpokenRow>,
}

impl Store {
    /// Claims due conversations for `lease_ms`.
    pub async fn claim_turns(&self, limit: i64, lease_ms: i64) -> Result<Vec<Claim>> {
        self.apply(ClaimTurns { limit, lease_ms }).await
    }

    /// Reads at most `most` waiting messages of a conversation, and the last `history` messages
    /// before them.
    pub async fn read_snapshot(
        &self,
        claim: &Claim,
        most: i64,
        history: i64,
    ) -> Result<ConversationSnapshot> {
        let mut said = self.read_snapshots(std::slice::from_ref(claim), most, history).await?;
        Ok(said.pop().unwrap_or_default())
    }

    /// Like [`Self::read_snapshot`] for several conversations, in their order, with one query.
    pub async fn read_snapshots(
        &self,
        claims: &[Claim],
        most: i64,
        history: i64,
    ) -> Result<Vec<ConversationSnapshot>> {
        self.read(async |conn| read_snapshots(conn, claims, (most, history)).await).await
    }

    /// Extends the leases of running turns by `lease_ms` from now. Returns those that are still
    /// held; a turn that lost its lease cannot be committed.
    pub async fn extend_turn_leases(&self, held: Vec<Claim>, lease_ms: i64) -> Result<Vec<Claim>> {
        self.apply(KeepTurns { held, lease_ms }).await
    }

    /// Releases a claimed conversation without a turn. It is due again at `due`; if that is `None`,
    /// at once if messages wait. `forget` resets the attempt count, so that this does not count as
    /// a crash.
    pub async fn release_turn(&self, claim: &Claim, due: Option<i64>, forget: bool) -> Result<()> {
        self.apply(Release { claim: claim.clone(), due, forget }).await
    }

    /// Ends the leases that a crashed process left in this database, so that its work resumes at
    /// once: turns run again, sends get an unknown outcome. SQLite only, because one process uses
    /// the file; on Postgres another replica may hold the leases, and they expire by themselves.
    pub async fn release_stale_leases(&self) -> Result<()> {
        if self.is_shared() { Ok(()) } else { self.apply(TakeUp).await }
    }

    /// Returns one turn.
    pub async fn turn(&self, id: &TurnId) -> Result<Option<TurnRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, conversation_id, version_id, outcome, trace, input_tokens, output_tokens,
                       cost_micros, created_at from turns where workspace_id = $1 and id = $2";
            first!(conn, TurnRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Cost of the turns since a moment by agent, in millionths of a dollar.
    pub async fn spent_since(&self, moment: i64) -> Result<Vec<(String, i64)>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select agent_id, cast(sum(cost_micros) as bigint) from turns
                       where workspace_id = $1 and created_at >= $2 group by agent_id";
            all!(conn, (String, i64), sql, workspace.as_str(), moment)
        })
        .await
    }

    /// Number of conversations waiting for a turn, and of messages waiting to be sent.
    pub async fn backlog(&self) -> Result<(i64, i64)> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let due = first!(
                conn,
                (i64,),
                "select count(*) from conversations where due_at is not null and workspace_id = $1",
                workspace.as_str()
            )?;
            let out = first!(
                conn,
                (i64,),
                formatcp!(
                    "select count(*) from messages where state in ('{QUEUED}', '{SENDING}') and workspace_id = $1"
                ),
                workspace.as_str()
            )?;
            Ok((due.map_or(0, |row| row.0), out.map_or(0, |row| row.0)))
        })
        .await
    }
}

impl ConversationSnapshot {
    /// Splits rows, newest first, into waiting and earlier messages.
    fn of(rows: Vec<SpokenRow>, read_at: i64) -> Self {
        let contact = rows.first().and_then(|row| row.contact.clone());
        let quiet_at = rows.first().and_then(|row| row.quiet_at);
        let (mut waiting, mut before): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == Some(MessageState::Waiting));
        waiting.reverse();
        before.reverse();
        Self { read_at, contact, quiet_at, waiting, before }
    }
}

/// A row of one of several conversations, with the conversation's index.
#[derive(FromRow)]
struct SpokenIn {
    place: i64,
    #[sqlx(flatten)]
    row: SpokenRow,
}

/// Reads the oldest `most` waiting messages of these conversations, and the last `history` other
/// ones.
pub(super) async fn read_snapshots(
    conn: &mut Conn<'_>,
    claims: &[Claim],
    reads: (i64, i64),
) -> Result<Vec<ConversationSnapshot>> {
    let read_at = now();
    let mut found = spoken(conn, claims, reads).await?;
    let places = (0_i64..).take(claims.len());
    Ok(places
        .map(|place| ConversationSnapshot::of(found.remove(&place).unwrap_or_default(), read_at))
        .collect())
}

/// The message rows, newest first, by the conversation's index.
async fn spoken(
    conn: &mut Conn<'_>,
    claims: &[Claim],
    (most, history): (i64, i64),
) -> Result<HashMap<i64, Vec<SpokenRow>>> {
    let mut rows = Rows::default();
    for (claim, place) in claims.iter().zip(0_i64..) {
        rows.push([place.into(), claim.id.as_str().into(), claim.contact_id.as_str().into()]);
    }
    // Two forms: SQLite has no lateral join, and Postgres would scan the table for the SQLite form.
    // SQLite also needs the index hint, or it would walk the whole thread to get the waiting
    // messages in order.
    let (from, columns, by_waiting, end) = if conn.is_sqlite() {
        ("messages m where m.rowid in", "x.rowid", "indexed by messages_waiting", "")
    } else {
        ("lateral", "x.*", "", " m")
    };
    // Waiting messages have their own query: late ones sort further back, and of a flood the oldest
    // are answered first.
    let after = format!(
        ") select v.place as place, m.id, m.provider_id, m.author, m.content, m.body, m.transcript, m.heard, m.state, m.referral,
            case when m.state = '{WAITING}' then (select coalesce(q.transcript, q.body) from messages q
                where q.number_id = m.number_id and q.provider_id = m.reply_to and q.conversation_id = m.conversation_id) end as quoted,
            case when m.state = '{WAITING}' then (select q.author from messages q
                where q.number_id = m.number_id and q.provider_id = m.reply_to and q.conversation_id = m.conversation_id) end as quoted_author,
            (select c.name from contacts c where c.id = v.contact_id) as contact,
            (select w.quiet_at from conversations w where w.id = v.id) as quiet_at
        from v cross join {from} (
            select * from (select {columns} from messages x where x.conversation_id = v.id
                and x.state <> '{WAITING}' and x.author in ('{CUSTOMER}', '{BOT}', '{PERSON}', '{FOLLOW_UP}')
                and (x.body is not null or x.transcript is not null or x.kind in ('{FORM}', '{LOCATION}', '{CONTACTS}', '{ORDER}'))
                order by x.sent_at desc, x.created_at desc, x.part desc, x.id desc limit {history}) said
            union all
            select * from (select {columns} from messages x {by_waiting} where x.conversation_id = v.id
                and x.state = '{WAITING}'
                order by x.sent_at, x.created_at, x.part, x.id limit {most}) waiting){end}
        order by v.place, m.sent_at desc, m.created_at desc, m.part desc, m.id desc"
    );
    let before = "with v (place, id, contact_id) as (";
    let mut found: HashMap<i64, Vec<SpokenRow>> = HashMap::new();
    for one in conn.many_rows::<SpokenIn>(before, &rows, after).await? {
        found.entry(one.place).or_default().push(one.row);
    }
    Ok(found)
}

struct ClaimTurns {
    limit: i64,
    lease_ms: i64,
}

#[async_trait]
impl Write for ClaimTurns {
    type Out = Vec<Claim>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<Claim>> {
        macro_rules! claim {
            ($lock:literal) => {
                concat!(
                    "update conversations set lease_token = lease_token + 1, lease_until = $2, attempts = attempts + 1
                     where id in (select id from conversations where due_at <= $1 and lease_until < $1 and workspace_id = $4
                                  order by due_at limit $3 ", $lock, ")
                     returning id, number_id, contact_id, lease_token, attempts"
                )
            };
        }
        let sql = conn.sql_for(claim!(""), claim!("for update skip locked"));
        let moment = now();
        all!(conn, Claim, sql, moment, moment + self.lease_ms, self.limit, workspace.as_str())
    }
}

struct KeepTurns {
    held: Vec<Claim>,
    lease_ms: i64,
}

#[async_trait]
impl Write for KeepTurns {
    type Out = Vec<Claim>;

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<Claim>> {
        let (mut rows, until) = (Rows::default(), now() + self.lease_ms);
        for claim in &self.held {
            rows.push([claim.id.as_str().into(), claim.lease_token.into(), until.into()]);
        }
        let before = "with v (id, token, until) as (";
        conn.hold(before, &rows, "v join conversations r on r.id = v.id").await?;
        let after = ") update conversations set lease_until = v.until from v
            where conversations.id = v.id and conversations.lease_token = v.token and lease_until > 0
            returning conversations.id, number_id, contact_id, lease_token, attempts";
        conn.many_rows::<Claim>(before, &rows, after).await
    }
}

struct TakeUp;

#[async_trait]
impl Write for TakeUp {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "update conversations set lease_until = 0 where lease_until > 0 and workspace_id = $1";
        run!(conn, sql, workspace.as_str())?;
        let sql = formatcp!(
            "update messages set lease_until = 0 where state = '{SENDING}' and workspace_id = $1"
        );
        run!(conn, sql, workspace.as_str()).map(|_| ())
    }
}

/// The write of [`Store::release_turn`].
pub(super) struct Release {
    pub(super) claim: Claim,
    pub(super) due: Option<i64>,
    pub(super) forget: bool,
}

#[async_trait]
impl Write for Release {
    type Out = ();

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update conversations set lease_until = 0, attempts = case when $3 = 1 then 0 else attempts end
                   where id = $1 and lease_token = $2";
        let forget = i64::from(self.forget);
        if run!(conn, sql, &self.claim.id, self.claim.lease_token, forget)? == 0 {
            return Ok(());
        }
        // A separate statement, after the first has locked the row: otherwise Postgres would miss a
        // message that commits meanwhile.
        let sql = formatcp!(
            "update conversations set
                 due_at = coalesce($2, case when exists (select 1 from messages m where m.conversation_id = $1
                     and m.state = '{WAITING}') then $3 else null end),
                 waiting_since = case when exists (select 1 from messages m where m.conversation_id = $1
                     and m.state = '{WAITING}') then waiting_since else null end
             where id = $1"
        );
        run!(conn, sql, &self.claim.id, self.due, now()).map(|_| ())
    }
}

impl Claim {
    /// The number's id.
    pub fn number(&self) -> NumberId {
        NumberId::stored(self.number_id.clone())
    }

    /// The conversation's id.
    pub fn conversation(&self) -> ConversationId {
        ConversationId::stored(self.id.clone())
    }
}
