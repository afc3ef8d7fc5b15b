//! Crawl leases of sources, which page is being read, and how often that killed the process. Does
//! not know why.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, first, now, run, storable};
use crate::domain::{DocumentState, PageState, SourceId, SourceState, WorkspaceId};

/// Tries that no process survived after which a page is skipped until it changes. If it then kills
/// another process, it is skipped until someone requests a read. Sources are retried after a
/// growing delay instead.
pub const MAX_TRIES: i64 = 3;
/// Delay of a source after it killed a second process, in milliseconds. Grows fourfold each time,
/// up to a day.
const FIRST_WAIT_MS: i64 = 2 * 60_000;
const MAX_WAIT_MS: i64 = 24 * 60 * 60_000;

impl Store {
    /// Claims a source to crawl it, for `lease_ms`. False if another process has it or it does not
    /// exist. If the last process died while reading a page, that page's tries are incremented.
    pub async fn take_source(&self, id: &SourceId, lease_ms: i64) -> Result<bool> {
        let (id, replica) = (id.clone(), self.base.replica.clone());
        self.apply(Take { id, replica, lease_ms }).await
    }

    /// Releases a source without storing a result. Does not count as a try.
    pub async fn release_source(&self, id: &SourceId) -> Result<()> {
        let (id, replica) = (Some(id.clone()), self.base.replica.clone());
        self.apply(LetGo { id, replica }).await
    }

    /// Releases the sources that this process is reading, because it stops. Does not count as a try.
    pub async fn release_sources(&self) -> Result<()> {
        self.apply(LetGo { id: None, replica: self.base.replica.clone() }).await
    }

    /// Resets the tries of a source and its pages, because someone requested a read.
    pub async fn reset_source_tries(&self, id: &SourceId) -> Result<()> {
        self.apply(Forgive { id: id.clone() }).await
    }

    /// Records which page of a source is about to be read: its address, and the hash of its
    /// content.
    pub async fn begin_page(&self, id: &SourceId, (url, stamp): (&str, &str)) -> Result<()> {
        let (url, stamp) = (url.to_owned(), stamp.to_owned());
        self.apply(Begin { id: id.clone(), replica: self.base.replica.clone(), url, stamp }).await
    }

    /// Records that the page was read to the end, whatever the result.
    pub async fn end_page(&self, id: &SourceId) -> Result<()> {
        self.apply(EndPage { id: id.clone(), replica: self.base.replica.clone() }).await
    }
}

struct Take {
    id: SourceId,
    replica: String,
    lease_ms: i64,
}

#[async_trait]
impl Write for Take {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update sources set holder = $3, lease_until = $4, tries = tries + 1
                   where id = $1 and workspace_id = $2 and lease_until < $5 returning tries, reading, stamp";
        let (id, workspace, moment) = (self.id.as_str(), workspace.as_str(), now());
        let until = moment + self.lease_ms;
        let taken =
            first!(conn, (i64, String, String), sql, id, workspace, &self.replica, until, moment)?;
        let Some((tries, reading, stamp)) = taken else { return Ok(false) };
        if !reading.is_empty() {
            count_crash(conn, (id, workspace), (&reading, &stamp)).await?;
        }
        if tries > 1 {
            // The delay if this process dies, too.
            let sql = "update sources set due_at = $2 where id = $1 and due_at is not null";
            run!(conn, sql, id, moment + wait_ms(tries))?;
        }
        if tries > MAX_TRIES {
            let error = format!(
                "the process that read it ended {} times before it was done; it is tried again, less and less often",
                tries - 1
            );
            let sql = "update sources set state = $3, error = $2 where id = $1";
            run!(conn, sql, id, &error, SourceState::Failed)?;
        }
        Ok(true)
    }
}

/// Delay of a source after this try, in milliseconds.
fn wait_ms(tries: i64) -> i64 {
    let doubled = u32::try_from(tries.saturating_sub(2).saturating_mul(2)).unwrap_or(u32::MAX);
    FIRST_WAIT_MS.checked_shl(doubled.min(20)).unwrap_or(MAX_WAIT_MS).min(MAX_WAIT_MS)
}

/// Increments the tries of a page at which a process died, even if its content changed: it may
/// differ at each fetch.
async fn count_crash(
    conn: &mut Conn<'_>,
    (source, workspace): (&str, &str),
    (url, stamp): (&str, &str),
) -> Result<()> {
    let error = "the process that read it ended before it was done";
    let sql = "insert into source_pages (source_id, url, workspace_id, path, state, error, method, links, seen_at, tries, stamp)
               values ($1, $2, $3, '', $7, $4, '', '[]', $5, 1, $6)
               on conflict (source_id, url) do update set state = excluded.state, error = excluded.error,
                   etag = null, last_modified = null, tries = source_pages.tries + 1, stamp = excluded.stamp";
    run!(conn, sql, source, url, workspace, error, now(), stamp, PageState::Failed)?;
    let sql = "update sources set reading = '', stamp = '' where id = $1";
    run!(conn, sql, source).map(drop)
}

struct LetGo {
    /// `None` for all sources of the process.
    id: Option<SourceId>,
    replica: String,
}

#[async_trait]
impl Write for LetGo {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let id = self.id.as_ref().map(SourceId::as_str).unwrap_or_default();
        // Earlier tries may have ended their processes: they stay counted.
        let sql = "update sources set lease_until = 0, reading = '', stamp = '',
                       tries = case when tries > 0 then tries - 1 else 0 end
                   where workspace_id = $1 and holder = $2 and lease_until > 0 and (id = $3 or $3 = '')";
        run!(conn, sql, workspace.as_str(), &self.replica, id).map(drop)
    }
}

struct Begin {
    id: SourceId,
    replica: String,
    url: String,
    stamp: String,
}

#[async_trait]
impl Write for Begin {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update sources set reading = $4, stamp = $5 where id = $1 and workspace_id = $2 and holder = $3";
        let (id, url) = (self.id.as_str(), storable(&self.url));
        run!(conn, sql, id, workspace.as_str(), &self.replica, url.as_ref(), &self.stamp).map(drop)
    }
}

struct EndPage {
    id: SourceId,
    replica: String,
}

#[async_trait]
impl Write for EndPage {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        // Keeps the source's tries until all of it is read: the next page may kill the process.
        let sql = "update sources set reading = '', stamp = '' where id = $1 and workspace_id = $2 and holder = $3";
        run!(conn, sql, self.id.as_str(), workspace.as_str(), &self.replica).map(drop)
    }
}

struct Forgive {
    id: SourceId,
}

#[async_trait]
impl Write for Forgive {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "select id from sources where id = $1 and workspace_id = $2";
        match first!(conn, (String,), sql, self.id.as_str(), workspace.as_str())? {
            Some((id,)) => reset_tries(conn, &id).await,
            None => Ok(()),
        }
    }
}

/// Resets the tries of a source and its pages, and has its failed documents learned again, because
/// someone requested it.
pub(super) async fn reset_tries(conn: &mut Conn<'_>, source: &str) -> Result<()> {
    run!(conn, "update sources set tries = 0 where id = $1", source)?;
    // Without a hash a document is learned again even if it did not change.
    let sql = "update documents set hash = '' where source_id = $1 and state = $2";
    run!(conn, sql, source, DocumentState::Failed)?;
    let sql = "update source_pages set tries = 0 where source_id = $1 and tries > 0";
    run!(conn, sql, source).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_ends_processes_waits_longer_each_time() {
        let minutes: Vec<i64> = (2..9).map(|tries| wait_ms(tries) / 60_000).collect();
        assert_eq!(minutes, [2, 8, 32, 128, 512, 1440, 1440]);
        assert_eq!(wait_ms(i64::MAX), MAX_WAIT_MS);
    }
}
