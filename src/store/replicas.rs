//! The processes (replicas) that share a database: which are alive, and named leases for work that
//! only one does at a time.

use async_trait::async_trait;
use frontdesk_words::words;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;

words! {
    /// Work that only one process does at a time.
    pub enum HoldName {
        /// Testing new documents next to a collection before they replace its documents.
        Staging = "staging",
        /// Grouping unanswered questions.
        Gaps = "gaps",
        /// Deleting old data.
        Housekeeping = "housekeeping",
        /// Asking how linked numbers stand to WhatsApp.
        Connections = "connections",
        /// Embedding existing texts with a new model.
        FillIn = "fill_in",
    }
}

impl Store {
    /// Sends a heartbeat and drops replicas without one for `gone_ms`. Returns the number of live
    /// replicas.
    pub async fn beat(&self, gone_ms: i64) -> Result<i64> {
        self.apply(Beat { replica: self.base.replica.clone(), gone_ms }).await
    }

    /// Unregisters this process and releases its leases at once.
    pub async fn leave(&self) -> Result<()> {
        self.apply(Leave { replica: self.base.replica.clone() }).await
    }

    /// Acquires or extends a named lease for `lease_ms`; false if another process holds it.
    pub async fn hold(&self, name: HoldName, lease_ms: i64) -> Result<bool> {
        let replica = self.base.replica.clone();
        self.apply(Hold { name, replica, lease_ms }).await
    }
}

struct Beat {
    replica: String,
    gone_ms: i64,
}

#[async_trait]
impl Write for Beat {
    type Out = i64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<i64> {
        let moment = now();
        let sql =
            "insert into replicas (id, workspace_id, started_at, seen_at) values ($1, $2, $3, $3)
                   on conflict (id) do update set seen_at = excluded.seen_at";
        run!(conn, sql, &self.replica, workspace.as_str(), moment)?;
        let sql = "delete from replicas where workspace_id = $1 and seen_at < $2";
        run!(conn, sql, workspace.as_str(), moment - self.gone_ms)?;
        let sql = "select count(*) from replicas where workspace_id = $1";
        Ok(first!(conn, (i64,), sql, workspace.as_str())?.map_or(1, |row| row.0))
    }
}

struct Leave {
    replica: String,
}

#[async_trait]
impl Write for Leave {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "delete from replicas where id = $1 and workspace_id = $2";
        run!(conn, sql, &self.replica, workspace.as_str())?;
        let sql = "update sources set lease_until = 0 where holder = $1 and workspace_id = $2 and lease_until > 0";
        run!(conn, sql, &self.replica, workspace.as_str())?;
        let sql = "delete from holds where holder = $1 and workspace_id = $2";
        run!(conn, sql, &self.replica, workspace.as_str()).map(|_| ())
    }
}

struct Hold {
    name: HoldName,
    replica: String,
    lease_ms: i64,
}

#[async_trait]
impl Write for Hold {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "insert into holds (workspace_id, name, holder, until) values ($1, $2, $3, $4)
                   on conflict (workspace_id, name) do update set holder = excluded.holder, until = excluded.until
                   where holds.holder = excluded.holder or holds.until < $5";
        let moment = now();
        let (name, until) = (self.name, moment + self.lease_ms);
        Ok(run!(conn, sql, workspace.as_str(), name, &self.replica, until, moment)? == 1)
    }
}
