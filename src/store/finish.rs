//! Committing what the pipeline decided, all or nothing: the trace, the replies, the messages that they answer, the
//! owner, the case. Only the holder of a conversation's lease can commit.

use async_trait::async_trait;

use super::turns::Claim;
use super::{Conn, Result, Store, Write, first, now, run, storable, to_json};
use crate::domain::{
    AgentId, ContactId, Content, ConversationId, EscalationId, MessageId, TurnId, Usage, VersionId,
    WorkspaceId,
};

impl Store {
    /// Commits a turn: its trace, its replies, the messages it answered, the owner, the case.
    pub async fn commit_turn(&self, turn: Finished) -> Result<Committed> {
        self.apply(turn).await
    }
}

/// What a finished turn leaves behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The turn's id.
    pub id: TurnId,
    /// The lease.
    pub claim: Claim,
    /// The agent that answered.
    pub agent: AgentId,
    /// Its version.
    pub version: Option<VersionId>,
    /// The outcome as one word.
    pub outcome: &'static str,
    /// The trace as JSON: made before the transaction, which others wait for.
    pub trace: String,
    /// Tokens and money.
    pub usage: Usage,
    /// The messages that it answered, with the transcripts of voice notes.
    pub answered: Vec<(MessageId, Option<String>)>,
    /// What to send to the customer, in order.
    pub replies: Vec<OutgoingRow>,
    /// Set when the conversation goes to a person.
    pub escalation: Option<Escalation>,
}

/// A message to put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingRow {
    /// Its id: our reference at the provider.
    pub id: MessageId,
    /// The words, as WhatsApp formats them.
    pub text: String,
    /// The provider's id of the message that it quotes.
    pub reply_to: Option<String>,
}

/// A case to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Its id.
    pub id: EscalationId,
    /// Why, in words.
    pub reason: String,
    /// What the customer asked.
    pub question: String,
    /// Who is told: phone digits, and the words.
    pub notices: Vec<(String, String)>,
}

/// Whether a turn was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It was.
    Yes,
    /// A person took over meanwhile, or another process has the lease: nothing was kept.
    Overtaken,
}

#[async_trait]
impl Write for Finished {
    type Out = Committed;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Committed> {
        if !self.let_go(conn).await? {
            return Ok(Committed::Overtaken);
        }
        for (message, transcript) in &self.answered {
            let sql = "update messages set state = 'answered', turn_id = $2, updated_at = $3,
                       transcript = coalesce($4, transcript) where id = $1";
            let transcript = transcript.as_deref().map(storable);
            run!(conn, sql, message.as_str(), self.id.as_str(), now(), transcript)?;
        }
        self.record(workspace, conn).await?;
        let author = if self.escalation.is_some() { "notice" } else { "bot" };
        for (part, reply) in self.replies.iter().enumerate() {
            let conversation = ConversationId::stored(self.claim.id.clone());
            let row = Queued {
                conversation: &conversation,
                number: &self.claim.number_id,
                turn: &self.id,
                author,
            };
            row.insert(workspace, conn, reply, part).await?;
        }
        if let Some(case) = &self.escalation {
            self.open_case(workspace, conn, case).await?;
        }
        Ok(Committed::Yes)
    }
}

impl Finished {
    /// Gives the lease back, and makes its token worthless; false if it is not ours any more, or a person took over.
    /// Messages that came meanwhile make the conversation due again at once. They are counted by a statement of their
    /// own, when the row is ours: Postgres would not see those that commit while the first one waits for it.
    async fn let_go(&self, conn: &mut Conn<'_>) -> Result<bool> {
        let handed_over = i64::from(self.escalation.is_some());
        let moment = now();
        let sql = "update conversations set lease_until = 0, lease_token = lease_token + 1, attempts = 0, updated_at = $3,
                   last_message_at = $3, owner = case when $4 = 1 then 'person' else owner end
                   where id = $1 and lease_token = $2 and owner = 'bot'";
        let ours = run!(conn, sql, &self.claim.id, self.claim.lease_token, moment, handed_over)?;
        if ours != 1 {
            return Ok(false);
        }
        let sql = "update conversations set
                   due_at = case when $4 = 0 and (select count(*) from messages m where m.conversation_id = $1
                       and m.state = 'waiting') > $3 then $2 else null end,
                   waiting_since = case when $4 = 0 and (select count(*) from messages m where m.conversation_id = $1
                       and m.state = 'waiting') > $3 then waiting_since else null end
                   where id = $1";
        let answered = i64::try_from(self.answered.len()).unwrap_or(i64::MAX);
        run!(conn, sql, &self.claim.id, moment, answered, handed_over)?;
        Ok(true)
    }

    async fn record(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "insert into turns (id, workspace_id, conversation_id, agent_id, version_id, outcome, trace,
                       input_tokens, output_tokens, cost_micros, created_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let usage = self.usage;
        run!(
            conn,
            sql,
            self.id.as_str(),
            workspace.as_str(),
            &self.claim.id,
            self.agent.as_str(),
            self.version.as_ref().map(VersionId::as_str),
            self.outcome,
            &self.trace,
            clamp(usage.input_tokens),
            clamp(usage.output_tokens),
            clamp(usage.cost_micros),
            now(),
        )
        .map(|_| ())
    }

    async fn open_case(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        case: &Escalation,
    ) -> Result<()> {
        let sql = "insert into escalations (id, workspace_id, conversation_id, turn_id, reason, question, state, created_at)
                   values ($1, $2, $3, $4, $5, $6, 'open', $7)";
        run!(
            conn,
            sql,
            case.id.as_str(),
            workspace.as_str(),
            &self.claim.id,
            self.id.as_str(),
            storable(&case.reason),
            storable(&case.question),
            now()
        )?;
        let sql = "update messages set state = 'stored', note = 'handed over', updated_at = $2
                   where conversation_id = $1 and state = 'waiting'";
        run!(conn, sql, &self.claim.id, now())?;
        for (part, (phone, text)) in case.notices.iter().enumerate() {
            let conversation = notice_thread(workspace, conn, &self.claim.number_id, phone).await?;
            let row = Queued {
                conversation: &conversation,
                number: &self.claim.number_id,
                turn: &self.id,
                author: "notice",
            };
            let notice =
                OutgoingRow { id: MessageId::generate(), text: text.clone(), reply_to: None };
            row.insert(workspace, conn, &notice, part).await?;
        }
        Ok(())
    }
}

/// The conversation with a support contact on the number, made when there is none.
async fn notice_thread(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    number: &str,
    phone: &str,
) -> Result<ConversationId> {
    let sql = "insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at)
               values ($1, $2, $3, 'Support contact', $4, $4)
               on conflict (workspace_id, wa_id) do update set updated_at = excluded.updated_at returning id";
    let fresh = ContactId::generate();
    let contact = first!(conn, (String,), sql, fresh.as_str(), workspace.as_str(), phone, now())?;
    let sql = "insert into conversations
               (id, workspace_id, number_id, contact_id, owner, last_message_at, created_at, updated_at)
               values ($1, $2, $3, $4, 'bot', $5, $5, $5)
               on conflict (number_id, contact_id) do update set last_message_at = excluded.last_message_at
               returning id";
    let fresh = ConversationId::generate();
    let contact = contact.map(|row| row.0).unwrap_or_default();
    let row =
        first!(conn, (String,), sql, fresh.as_str(), workspace.as_str(), number, contact, now())?;
    Ok(row.map_or(fresh, |row| ConversationId::stored(row.0)))
}

/// Where an outgoing message belongs.
struct Queued<'a> {
    conversation: &'a ConversationId,
    number: &'a str,
    turn: &'a TurnId,
    author: &'static str,
}

impl Queued<'_> {
    async fn insert(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        message: &OutgoingRow,
        part: usize,
    ) -> Result<()> {
        let sql = "insert into messages (id, workspace_id, conversation_id, number_id, direction, author, kind, content,
                       body, reply_to, state, turn_id, part, sent_at, created_at, updated_at, due_at)
                   values ($1, $2, $3, $4, 'out', $5, 'text', $6, $7, $8, 'queued', $9, $10, $11, $11, $11, $11)";
        let body = storable(&message.text);
        let content = to_json(&Content::Text { body: body.to_string() })?;
        run!(
            conn,
            sql,
            message.id.as_str(),
            workspace.as_str(),
            self.conversation.as_str(),
            self.number,
            self.author,
            content,
            body,
            message.reply_to.as_deref(),
            self.turn.as_str(),
            i64::try_from(part).unwrap_or(i64::MAX),
            now(),
        )
        .map(|_| ())
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
