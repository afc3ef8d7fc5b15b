//! What the desk finds or does itself of a linked number: stored with an alert and a warning, as a
//! webhook's event is.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, events, number_connections, warnings};
use crate::domain::{Account, ConnectionChange, NumberId, WorkspaceId};

impl Store {
    /// Records how a number stands to WhatsApp, with a warning if somebody has to act, and an alert if
    /// that is a loss which was not asked for. Returns whether it is news.
    pub async fn record_connection(
        &self,
        number: &NumberId,
        change: ConnectionChange,
        cause: ConnectionCause,
    ) -> Result<bool> {
        self.apply(RecordConnection { number: number.clone(), change, cause }).await
    }
}

/// Why the desk records how a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionCause {
    /// It asked.
    Found,
    /// Somebody wanted it so.
    Wanted,
}

struct RecordConnection {
    number: NumberId,
    change: ConnectionChange,
    cause: ConnectionCause,
}

#[async_trait]
impl Write for RecordConnection {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let Self { number, change, cause } = self;
        let recorded = number_connections::record(conn, (workspace, number), *change).await?;
        let Some((change, is_loss)) = recorded else { return Ok(false) };
        let alert = change.alert();
        if let Some(warning) = change.warning() {
            let what = (&warning, alert.as_ref(), &Account::default());
            warnings::change(conn, (workspace, number), what).await?;
        }
        let is_told = is_loss && *cause == ConnectionCause::Found;
        if let Some(alert) = alert.as_ref().filter(|_| is_told) {
            events::connection_lost(conn, (workspace, number), (change, alert)).await?;
        }
        Ok(true)
    }
}
