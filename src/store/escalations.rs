//! Escalations: the case records of hand-offs.

use sqlx::FromRow;

use super::{Result, Store, all};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EscalationRow {
    /// Its id.
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The turn that called a person.
    pub turn_id: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What the customer asked.
    pub question: String,
    /// `open` or `resolved`.
    pub state: String,
    /// When it was opened.
    pub created_at: i64,
    /// When it was resolved.
    pub resolved_at: Option<i64>,
}

impl Store {
    /// The newest cases; with `open`, only those that wait for a person.
    pub async fn escalations(&self, open: bool, limit: i64) -> Result<Vec<EscalationRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, conversation_id, turn_id, reason, question, state, created_at, resolved_at
                       from escalations where workspace_id = $1 and ($2 = 0 or state = 'open')
                       order by created_at desc, id desc limit $3";
            all!(conn, EscalationRow, sql, workspace.as_str(), i64::from(open), limit)
        })
        .await
    }
}
