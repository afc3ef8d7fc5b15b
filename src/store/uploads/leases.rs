//! Leases on uploaded files that are being learned: claimed, extended, released.

use async_trait::async_trait;
use const_format::formatcp;

use super::UploadRow;
use crate::domain::WorkspaceId;
use crate::store::words::upload_state::WAITING;
use crate::store::{Conn, Result, Store, Write, now, run};

impl Store {
    /// Claims a file to learn it, for `lease_ms`. False if another process has it, or if it was
    /// replaced or removed.
    pub async fn take_upload(&self, upload: &UploadRow, lease_ms: i64) -> Result<bool> {
        self.lease(upload, lease_ms, true).await
    }

    /// Extends the lease of a file to `lease_ms` from now. False if it was replaced or removed.
    pub async fn keep_upload(&self, upload: &UploadRow, lease_ms: i64) -> Result<bool> {
        self.lease(upload, lease_ms, false).await
    }

    async fn lease(&self, upload: &UploadRow, lease_ms: i64, take: bool) -> Result<bool> {
        let (upload, replica) = (upload.clone(), self.base.replica.clone());
        self.apply(Lease { upload, replica, length_ms: lease_ms, take }).await
    }

    /// Releases the files that this process is learning, because it stops. Does not count as a try.
    pub async fn release_uploads(&self) -> Result<()> {
        self.apply(LetGo { replica: self.base.replica.clone(), dead: false }).await
    }

    /// Releases a file that cannot be read right now; it goes to the end of the queue. `tried` is
    /// whether this counts as a try.
    pub async fn release_upload(&self, upload: &UploadRow, tried: bool) -> Result<()> {
        let (upload, replica) = (upload.clone(), self.base.replica.clone());
        self.apply(PutBack { upload, replica, tried }).await
    }

    /// Releases the files of a dead process. SQLite only, because one process uses the file; on
    /// Postgres the leases expire by themselves.
    pub async fn release_stale_uploads(&self) -> Result<()> {
        if self.is_shared() {
            return Ok(());
        }
        self.apply(LetGo { replica: self.base.replica.clone(), dead: true }).await
    }
}

struct Lease {
    upload: UploadRow,
    replica: String,
    length_ms: i64,
    take: bool,
}

#[async_trait]
impl Write for Lease {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let (id, stamp) = (&self.upload.document_id, &self.upload.stamp);
        let (moment, workspace) = (now(), workspace.as_str());
        let until = moment + self.length_ms;
        let touched = if self.take {
            let sql = formatcp!(
                "update uploads set holder = $4, lease_until = $5, tries = tries + 1
                 where document_id = $1 and workspace_id = $2 and stamp = $3 and state = '{WAITING}' and lease_until < $6"
            );
            run!(conn, sql, id, workspace, stamp, &self.replica, until, moment)?
        } else {
            let sql = formatcp!(
                "update uploads set lease_until = $5
                 where document_id = $1 and workspace_id = $2 and stamp = $3 and state = '{WAITING}' and holder = $4"
            );
            run!(conn, sql, id, workspace, stamp, &self.replica, until)?
        };
        Ok(touched == 1)
    }
}

struct PutBack {
    upload: UploadRow,
    replica: String,
    tried: bool,
}

#[async_trait]
impl Write for PutBack {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let (id, stamp) = (&self.upload.document_id, &self.upload.stamp);
        let back = i64::from(!self.tried);
        let sql = formatcp!(
            "update uploads set lease_until = 0, updated_at = $5, tries = tries - $6
             where document_id = $1 and workspace_id = $2 and stamp = $3 and state = '{WAITING}' and holder = $4"
        );
        run!(conn, sql, id, workspace.as_str(), stamp, &self.replica, now(), back).map(drop)
    }
}

struct LetGo {
    replica: String,
    /// Whether to release the files of other processes instead of this one's.
    dead: bool,
}

#[async_trait]
impl Write for LetGo {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let workspace = workspace.as_str();
        if self.dead {
            let sql = formatcp!(
                "update uploads set lease_until = 0 where workspace_id = $1 and state = '{WAITING}' and holder <> $2"
            );
            run!(conn, sql, workspace, &self.replica)?;
        } else {
            let sql = formatcp!(
                "update uploads set lease_until = 0, tries = case when tries > 0 then tries - 1 else 0 end
                 where workspace_id = $1 and state = '{WAITING}' and holder = $2 and lease_until > 0"
            );
            run!(conn, sql, workspace, &self.replica)?;
        }
        Ok(())
    }
}
