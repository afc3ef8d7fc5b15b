//! What a poll finds of a linked number: stored with an alert and a warning, as a webhook's event is.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, events, number_connections, warnings};
use crate::domain::{Account, ConnectionChange, NumberId, WorkspaceId};

impl Store {
    /// Records how a number stands to WhatsApp, with an alert and a warning if that is news and an
    /// operator must act. Returns whether it is news.
    pub async fn record_connection(
        &self,
        number: &NumberId,
        change: ConnectionChange,
    ) -> Result<bool> {
        self.apply(RecordConnection { number: number.clone(), change }).await
    }
}

struct RecordConnection {
    number: NumberId,
    change: ConnectionChange,
}

#[async_trait]
impl Write for RecordConnection {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let Self { number, change } = self;
        if !number_connections::record(conn, (workspace, number), *change).await? {
            return Ok(false);
        }
        let alert = change.alert();
        if let Some(warning) = change.warning() {
            let what = (&warning, alert.as_ref(), &Account::default());
            warnings::change(conn, (workspace, number), what).await?;
        }
        if let Some(alert) = &alert {
            events::connection_lost(conn, (workspace, number), (*change, alert)).await?;
        }
        Ok(true)
    }
}
