//! Who is signed in to the console: links that are used once, and the sessions that they become. Knows both by their hashes
//! alone.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;

/// How long a link can be used, in milliseconds: a day.
pub const LINK_MS: i64 = 24 * HOUR_MS;
/// How long a session lives that is not used, in milliseconds: thirty days.
pub const SESSION_MS: i64 = 30 * 24 * HOUR_MS;
/// A session is prolonged at most so often, in milliseconds.
pub const PROLONG_MS: i64 = HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

impl Store {
    /// Keeps a link that can be used once, for a day.
    pub async fn add_sign_in_link(&self, hash: String) -> Result<()> {
        self.apply(AddLink(hash)).await
    }

    /// Uses a link up and begins a session: until when it lives; `None` where the link is unknown, was used, or is too old.
    pub async fn sign_in(&self, link: String, session: String) -> Result<Option<i64>> {
        let workspace = self.workspace_id();
        // Anybody can ask: only who brings a link that may be good has the database write.
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

    /// Until when a session lives; `None` where there is none, or it is over.
    pub async fn session(&self, hash: &str) -> Result<Option<i64>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select expires_at from sessions where hash = $1 and workspace_id = $2 and expires_at > $3";
            let row = first!(conn, (i64,), sql, hash, workspace.as_str(), now())?;
            Ok(row.map(|row| row.0))
        })
        .await
    }

    /// Has a session live on from now; until when.
    pub async fn prolong_session(&self, hash: String) -> Result<i64> {
        self.apply(Prolong(hash)).await
    }

    /// Ends a session; false where there was none.
    pub async fn end_session(&self, hash: String) -> Result<bool> {
        self.apply(End(hash)).await
    }

    /// Forgets links and sessions that are over.
    pub async fn forget_sessions(&self) -> Result<()> {
        self.apply(Forget).await
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
    type Out = i64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<i64> {
        let moment = now();
        let until = moment + SESSION_MS;
        // One that is over, or that was ended meanwhile, stays so.
        let sql = "update sessions set expires_at = $1
                   where hash = $2 and workspace_id = $3 and expires_at > $4 and expires_at < $1";
        run!(conn, sql, until, &self.0, workspace.as_str(), moment)?;
        Ok(until)
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
        let sql = "delete from sessions where workspace_id = $1 and expires_at < $2";
        run!(conn, sql, workspace.as_str(), moment).map(|_| ())
    }
}
