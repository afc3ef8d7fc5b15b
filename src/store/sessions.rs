//! Console sign-ins: single-use links and the sessions that they start. Both are stored as hashes
//! only. A session ends when idle for too long, and at a maximum age however much it is used.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;

/// Lifetime of a link, in milliseconds: a day.
pub const LINK_MS: i64 = 24 * HOUR_MS;
/// Idle timeout of a session, in milliseconds: thirty days.
pub const SESSION_MS: i64 = 30 * 24 * HOUR_MS;
/// Maximum age of a session, in milliseconds: ninety days.
pub const MAX_SESSION_MS: i64 = 90 * 24 * HOUR_MS;
/// Minimum time between two extensions of a session, in milliseconds.
pub const PROLONG_MS: i64 = HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

impl Store {
    /// Stores a single-use link, valid for a day.
    pub async fn add_sign_in_link(&self, hash: String) -> Result<()> {
        self.apply(AddLink(hash)).await
    }

    /// Redeems a link and starts a session. Returns when it expires; `None` if the link is unknown,
    /// used or expired.
    pub async fn sign_in(&self, link: String, session: String) -> Result<Option<i64>> {
        let workspace = self.workspace_id();
        // Anyone can call this. Check with a read first, so that only a valid link causes a write.
        let known = self.read(async |conn| {
            let sql = "select 1 from sign_in_links
                       where hash = $1 and workspace_id = $2 and used_at is null and expires_at > $3";
            first!(conn, (i32,), sql, &link, workspace.as_str(), now())
        });
        if known.await?.is_none() {
            return Ok(None);
        }
        self.apply(SignIn { link, session }).await
    }

    /// The lifetime of a session; `None` if it does not exist or has expired.
    pub async fn session(&self, hash: &str) -> Result<Option<Lifetime>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select created_at, expires_at from sessions
                       where hash = $1 and workspace_id = $2 and expires_at > $3 and created_at > $4";
            let moment = now();
            let oldest = moment - MAX_SESSION_MS;
            let row = first!(conn, (i64, i64), sql, hash, workspace.as_str(), moment, oldest)?;
            Ok(row.map(|(created_at, expires_at)| Lifetime {
                expires_at: expires_at.min(created_at + MAX_SESSION_MS),
                last_end: created_at + MAX_SESSION_MS,
            }))
        })
        .await
    }

    /// Extends a session from now.
    pub async fn prolong_session(&self, hash: String) -> Result<()> {
        self.apply(Prolong(hash)).await
    }

    /// Ends a session; false if it does not exist.
    pub async fn end_session(&self, hash: String) -> Result<bool> {
        self.apply(End(hash)).await
    }

    /// Ends all sessions and unused links. Returns the number of each.
    pub async fn end_sessions(&self) -> Result<(u64, u64)> {
        self.apply(EndAll).await
    }

    /// Deletes expired links and sessions.
    pub async fn forget_sessions(&self) -> Result<()> {
        self.apply(Forget).await
    }
}

/// When a session expires, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// When it expires if it is not used.
    pub expires_at: i64,
    /// When it expires at the latest.
    pub last_end: i64,
}

impl Lifetime {
    /// When it would expire if it were used at `moment`.
    pub fn prolonged(self, moment: i64) -> i64 {
        (moment + SESSION_MS).min(self.last_end)
    }
}

struct AddLink(String);

#[async_trait]
impl Write for AddLink {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let moment = now();
        let sql = "insert into sign_in_links (hash, workspace_id, created_at, expires_at) values ($1, $2, $3, $4)";
        run!(conn, sql, &self.0, workspace.as_str(), moment, moment + LINK_MS).map(|_| ())
    }
}

struct SignIn {
    link: String,
    session: String,
}

#[async_trait]
impl Write for SignIn {
    type Out = Option<i64>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<i64>> {
        let moment = now();
        let sql = "update sign_in_links set used_at = $1
                   where hash = $2 and workspace_id = $3 and used_at is null and expires_at > $1";
        if run!(conn, sql, moment, &self.link, workspace.as_str())? == 0 {
            return Ok(None);
        }
        let sql = "insert into sessions (hash, workspace_id, created_at, expires_at) values ($1, $2, $3, $4)";
        let until = moment + SESSION_MS;
        run!(conn, sql, &self.session, workspace.as_str(), moment, until)?;
        Ok(Some(until))
    }
}

struct Prolong(String);

#[async_trait]
impl Write for Prolong {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let moment = now();
        let until = moment + SESSION_MS;
        // An expired or ended session stays so; the maximum age still applies.
        let sql = "update sessions
                   set expires_at = case when created_at + $5 < $1 then created_at + $5 else $1 end
                   where hash = $2 and workspace_id = $3 and expires_at > $4 and expires_at < $1";
        run!(conn, sql, until, &self.0, workspace.as_str(), moment, MAX_SESSION_MS).map(|_| ())
    }
}

struct EndAll;

#[async_trait]
impl Write for EndAll {
    type Out = (u64, u64);

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<(u64, u64)> {
        let sql = "delete from sessions where workspace_id = $1";
        let sessions = run!(conn, sql, workspace.as_str())?;
        let sql = "delete from sign_in_links where workspace_id = $1 and used_at is null";
        Ok((sessions, run!(conn, sql, workspace.as_str())?))
    }
}

struct End(String);

#[async_trait]
impl Write for End {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "delete from sessions where hash = $1 and workspace_id = $2";
        Ok(run!(conn, sql, &self.0, workspace.as_str())? > 0)
    }
}

struct Forget;

#[async_trait]
impl Write for Forget {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let moment = now();
        let sql = "delete from sign_in_links where workspace_id = $1 and expires_at < $2";
        run!(conn, sql, workspace.as_str(), moment)?;
        let sql =
            "delete from sessions where workspace_id = $1 and (expires_at < $2 or created_at < $3)";
        run!(conn, sql, workspace.as_str(), moment, moment - MAX_SESSION_MS).map(|_| ())
    }
}
