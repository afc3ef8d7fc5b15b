//! Escalations: the case records of hand-offs.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::cases::{self, Case, notify};
use super::words::escalation_state::{OPEN, RESOLVED};
use super::{
    Conn, LenientWord, Result, Store, Write, all, conversations, first, inbox, now, revised, run,
};
use crate::domain::{
    CaseReason, ConversationId, EscalationId, EscalationState, MessageReason, NoteCode, NumberId,
    WorkspaceId,
};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EscalationRow {
    /// The id.
    pub id: String,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The turn that handed over.
    pub turn_id: Option<String>,
    /// The reason in words.
    pub reason: String,
    /// The customer's question.
    pub question: String,
    /// The state.
    #[sqlx(try_from = "LenientWord<EscalationState>")]
    pub state: EscalationState,
    /// When it was opened.
    pub created_at: i64,
    /// When it was resolved.
    pub resolved_at: Option<i64>,
    /// The customer's name.
    pub contact_name: Option<String>,
    /// The customer's phone number.
    pub wa_id: Option<String>,
    /// The short name of the conversation's number.
    pub number_slug: String,
    /// The short name of the agent that answers on the number.
    pub agent: String,
}

/// Selects cases `e` as [`EscalationRow`]s; append conditions.
const CASES: &str =
    "select e.id, e.conversation_id, e.turn_id, e.reason, e.question, e.state, e.created_at, e.resolved_at,
        c.name as contact_name, c.wa_id, n.slug as number_slug, a.slug as agent
     from escalations e cross join conversations v cross join contacts c cross join numbers n cross join agents a
     where e.workspace_id = $1 and v.id = e.conversation_id and c.id = v.contact_id and n.id = v.number_id
        and a.id = n.agent_id";

impl Store {
    /// Cases, newest first, before the given time and case id; with `open`, only open ones.
    pub async fn escalations(
        &self,
        open: bool,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<EscalationRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = before.unwrap_or((i64::MAX, String::new()));
        let sql = if open {
            formatcp!(
                "{CASES} and e.state = '{OPEN}' and (e.created_at, e.id) < ($2, $3)
                 order by e.created_at desc, e.id desc limit $4"
            )
        } else {
            formatcp!(
                "{CASES} and (e.created_at, e.id) < ($2, $3) order by e.created_at desc, e.id desc limit $4"
            )
        };
        self.read(async |conn| {
            all!(conn, EscalationRow, sql, workspace.as_str(), moment, &id, limit)
        })
        .await
    }

    /// Closes a case. If it was the conversation's last open one, the bot gets the conversation
    /// back. Returns the updated case, and whether this closed the last; `None` if it does not exist.
    pub async fn close_case(&self, id: &EscalationId) -> Result<Option<(EscalationRow, bool)>> {
        self.apply(Close { id: id.clone() }).await
    }

    /// Cases of which the support contacts are not yet notified, oldest first, at most 50.
    pub async fn unnotified_cases(&self) -> Result<Vec<UnnotifiedCase>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select e.id, e.conversation_id, e.turn_id, v.number_id, e.reason, e.question, c.name as contact
                       from escalations e join conversations v on v.id = e.conversation_id
                       join contacts c on c.id = v.contact_id
                       where e.told = 0 and e.workspace_id = $1 order by e.created_at limit 50";
            all!(conn, UnnotifiedCase, sql, workspace.as_str())
        })
        .await
    }

    /// Queues the notices of a case (phone in digits, and text) and marks it as told. Does nothing
    /// if it is already marked. Failures and messages that came too late come in numbers: their
    /// notices are not repeated for some minutes.
    pub async fn notify_case(
        &self,
        case: &UnnotifiedCase,
        notices: Vec<(String, String)>,
    ) -> Result<()> {
        self.apply(Tell { case: case.clone(), notices }).await
    }

    /// Opens a case in a conversation. The support contacts are notified later. The owner does not
    /// change.
    pub async fn open_case(&self, opened: NewEscalation) -> Result<()> {
        self.apply(opened).await
    }
}

/// A case of which the support contacts are not yet notified.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UnnotifiedCase {
    /// The id.
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The turn that failed, if any.
    pub turn_id: Option<String>,
    /// The conversation's number.
    pub number_id: String,
    /// The reason in words.
    pub reason: String,
    /// The customer's question.
    pub question: String,
    /// The customer's name.
    pub contact: Option<String>,
}

/// A case to open outside a turn.
#[derive(Debug, Clone)]
pub struct NewEscalation {
    /// The conversation.
    pub conversation: ConversationId,
    /// The reason.
    pub reason: CaseReason,
    /// What it is about.
    pub question: String,
}

#[async_trait]
impl Write for NewEscalation {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        // While a message was being sent, another conversation may have taken over its own.
        let conversation = inbox::merge::current(conn, workspace, &self.conversation).await?;
        let case = Case {
            conversation: &conversation,
            turn: None,
            reason: &self.reason,
            question: &self.question,
        };
        case.open(conn, workspace, false).await
    }
}

struct Close {
    id: EscalationId,
}

#[async_trait]
impl Write for Close {
    type Out = Option<(EscalationRow, bool)>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let sql = "select conversation_id from escalations where id = $1 and workspace_id = $2";
        let row = first!(conn, (ConversationId,), sql, self.id.as_str(), workspace.as_str())?;
        let Some((conversation,)) = row else { return Ok(None) };
        // The conversation is locked first, as everywhere that locks both, to avoid deadlocks.
        let conversation = inbox::merge::current(conn, workspace, &conversation).await?;
        let sql = formatcp!(
            "update conversations set {revised}, open_cases = open_cases - (select count(*) from escalations e
                 where e.id = $2 and e.state = '{OPEN}') where id = $1",
            revised = revised!("$3")
        );
        run!(conn, sql, conversation.as_str(), self.id.as_str(), now())?;
        let sql = formatcp!(
            "update escalations set state = '{RESOLVED}', resolved_at = $2 where id = $1 and state = '{OPEN}'"
        );
        let mut is_last = false;
        if run!(conn, sql, self.id.as_str(), now())? == 1 {
            let sql = formatcp!(
                "select id from escalations where conversation_id = $1 and state = '{OPEN}' limit 1"
            );
            is_last = first!(conn, (String,), sql, conversation.as_str())?.is_none();
            if is_last {
                conversations::give_back(conn, workspace, &conversation).await?;
            }
        }
        let sql = formatcp!("{CASES} and e.id = $2");
        let row = first!(conn, EscalationRow, sql, workspace.as_str(), self.id.as_str())?;
        Ok(row.map(|row| (row, is_last)))
    }
}

struct Tell {
    case: UnnotifiedCase,
    notices: Vec<(String, String)>,
}

#[async_trait]
impl Write for Tell {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let number = NumberId::stored(self.case.number_id.clone());
        let reason = self.case.reason.as_str();
        let unsent = MessageReason::unsent(NoteCode::BotPaused.text().to_owned());
        let of_many = [MessageReason::Stale {}, MessageReason::BotPaused {}, unsent].map(Some);
        let of_many = of_many.contains(&MessageReason::of(reason));
        let repeated = (self.case.turn_id.is_some() || of_many)
            && cases::told_lately(conn, workspace, (&number, reason)).await?;
        let told = if repeated { cases::REPEATED } else { cases::TOLD };
        let sql = "update escalations set told = $2 where id = $1 and told = 0";
        if run!(conn, sql, &self.case.id, told)? == 0 || repeated {
            return Ok(());
        }
        let about = ConversationId::stored(self.case.conversation_id.clone());
        notify(conn, workspace, (&number, &about, None), &self.notices).await
    }
}
