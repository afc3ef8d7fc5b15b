//! Conversations: listing them, who owns them, handing them back.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, all, first, now, run};
use crate::domain::{ConversationId, WorkspaceId};

/// A conversation with its customer.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ConversationRow {
    /// Its id.
    pub id: String,
    /// The number it is on.
    pub number_id: String,
    /// The customer.
    pub contact_id: String,
    /// The customer's name.
    pub contact_name: Option<String>,
    /// The customer's phone, digits only.
    pub wa_id: Option<String>,
    /// The customer's business-scoped id.
    pub bsuid: Option<String>,
    /// `bot`, `person` or `nobody`.
    pub owner: String,
    /// When the customer last wrote.
    pub last_inbound_at: Option<i64>,
    /// When anybody last wrote.
    pub last_message_at: i64,
}

macro_rules! conversation_query {
    ($rest:literal) => {
        concat!(
            "select v.id, v.number_id, v.contact_id, c.name as contact_name, c.wa_id, c.bsuid, v.owner,
                    v.last_inbound_at, v.last_message_at
             from conversations v join contacts c on c.id = v.contact_id
             where v.workspace_id = $1 ",
            $rest
        )
    };
}

impl Store {
    /// Conversations, the most recent first, older than the given moment and conversation.
    pub async fn conversations(
        &self,
        owner: Option<&str>,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<ConversationRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = before.unwrap_or((i64::MAX, String::new()));
        self.read(async |conn| {
            let sql = conversation_query!(
                "and (v.last_message_at < $2 or (v.last_message_at = $2 and v.id < $3))
                 and ($4 = '' or v.owner = $4) order by v.last_message_at desc, v.id desc limit $5"
            );
            let owner = owner.unwrap_or_default();
            all!(conn, ConversationRow, sql, workspace.as_str(), moment, &id, owner, limit)
        })
        .await
    }

    /// One conversation.
    pub async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = conversation_query!("and v.id = $2");
            first!(conn, ConversationRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Gives the conversation back to the bot and closes its open cases; false if there is no such conversation.
    /// What the customer wrote meanwhile stays unanswered: a person has dealt with it.
    pub async fn resolve(&self, id: &ConversationId) -> Result<bool> {
        self.apply(Resolve { id: id.clone() }).await
    }
}

/// Empties a conversation's queue: what waits for the bot is stored, what the bot has said and not sent yet must not
/// leave any more. Whoever calls this ends the lease, too.
pub(super) async fn void(conn: &mut Conn<'_>, id: &ConversationId, why: &str) -> Result<()> {
    let sql = "update messages set state = 'stored', note = $3, updated_at = $2
               where conversation_id = $1 and state = 'waiting'";
    run!(conn, sql, id.as_str(), now(), why)?;
    let sql = "update messages set state = 'failed', state_rank = 9, due_at = null, note = $3, updated_at = $2
               where conversation_id = $1 and state = 'queued' and author = 'bot'";
    run!(conn, sql, id.as_str(), now(), why).map(|_| ())
}

struct Resolve {
    id: ConversationId,
}

#[async_trait]
impl Write for Resolve {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update conversations set owner = 'bot', habit = '', updated_at = $3
                   where id = $1 and workspace_id = $2";
        let found = run!(conn, sql, self.id.as_str(), workspace.as_str(), now())? == 1;
        if found {
            super::escalations::close(conn, &self.id).await?;
        }
        Ok(found)
    }
}
