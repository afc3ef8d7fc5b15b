//! Sources: web pages, sites and sitemaps that are crawled repeatedly, their crawl leases, and what
//! is known of their pages. Does no HTTP.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::crawl_leases::reset_tries;
use super::knowledge::Forget;
use super::{Conn, Error, LenientWord, Result, Rows, Store, Write, all, first, now, run, storable};
use crate::domain::{
    CollectionId, DocumentId, DocumentState, PageState, SourceId, SourceKind, SourceState,
    WorkspaceId,
};

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SourceRow {
    /// The id.
    pub id: String,
    /// The collection that it is learned into.
    pub collection_id: String,
    /// The start address.
    pub url: String,
    /// The kind that was detected.
    #[sqlx(try_from = "LenientWord<SourceKind>")]
    pub kind: SourceKind,
    /// Its limits, as JSON.
    pub settings: String,
    /// Crawl interval in minutes; `None` to crawl only on request.
    pub every_minutes: Option<i64>,
    /// When it is crawled next, in milliseconds.
    pub due_at: Option<i64>,
    /// How the last crawl ended.
    #[sqlx(try_from = "LenientWord<SourceState>")]
    pub state: SourceState,
    /// The error of the last crawl.
    pub error: Option<String>,
    /// Number of its documents.
    pub pages: i64,
    /// Number of pages that the last crawl could not read.
    pub failed: i64,
    /// When it was last crawled, in milliseconds.
    pub crawled_at: Option<i64>,
}

/// A source to add.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// The collection that it is learned into.
    pub collection: CollectionId,
    /// The start address.
    pub url: String,
    /// The assumed kind, until the first crawl.
    pub kind: SourceKind,
    /// Its limits, as JSON.
    pub settings: String,
    /// Crawl interval in minutes; `None` to crawl only on request.
    pub every_minutes: Option<i64>,
    /// When it is crawled next, in milliseconds.
    pub due_at: Option<i64>,
}

/// The stored state of a page.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PageRow {
    /// The address that returned the page, after redirects.
    pub url: String,
    /// The path of the document with its text; empty if there is none.
    pub path: String,
    /// The result of the last read.
    #[sqlx(try_from = "LenientWord<PageState>")]
    pub state: PageState,
    /// Why it failed.
    pub error: Option<String>,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
    /// How it was read.
    pub method: String,
    /// The links on it, as JSON.
    pub links: String,
    /// Number of processes that died while reading it since it was last read to the end.
    pub tries: i64,
    /// Hash of the content at which the last of them died.
    pub stamp: String,
}

/// The result of a crawl.
#[derive(Debug, Clone)]
pub struct CrawlOutcome {
    /// The state.
    pub state: SourceState,
    /// The error.
    pub error: Option<String>,
    /// The kind that was detected.
    pub kind: SourceKind,
    /// Number of pages that could not be read.
    pub failed: i64,
    /// When the source was due as the crawl began. Whoever asked for another read meanwhile, which
    /// changed it, gets that read.
    pub due_at: Option<i64>,
}

/// The columns of a [`SourceRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, collection_id, url, kind, settings, every_minutes, due_at, state, error, pages, failed, crawled_at
             from sources where workspace_id = $1 ",
            $rest
        )
    };
}

impl Store {
    /// All sources, in the order in which they were added.
    pub async fn sources(&self) -> Result<Vec<SourceRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            all!(conn, SourceRow, select!("order by created_at, id"), workspace.as_str())
        })
        .await
    }

    /// Returns one source.
    pub async fn source(&self, id: &SourceId) -> Result<Option<SourceRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            first!(conn, SourceRow, select!("and id = $2"), workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Adds a source, or updates the one with this address in the collection.
    pub async fn add_source(&self, source: NewSource) -> Result<SourceId> {
        self.apply(source).await
    }

    /// The oldest due source that is not leased, if any.
    pub async fn due_source(&self) -> Result<Option<SourceRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = select!("and due_at <= $2 and lease_until < $2 order by due_at, id limit 1");
            first!(conn, SourceRow, sql, workspace.as_str(), now())
        })
        .await
    }

    /// Extends the lease of a source to `lease_ms` from now. False if another process took it or it
    /// was removed.
    pub async fn keep_source(&self, id: &SourceId, lease_ms: i64) -> Result<bool> {
        let (id, replica) = (id.clone(), self.base.replica.clone());
        self.apply(Keep { id, replica, lease_ms }).await
    }

    /// Stores the result of a crawl, schedules the next one, and releases the source.
    pub async fn end_crawl(&self, id: &SourceId, crawled: CrawlOutcome) -> Result<()> {
        let (id, replica) = (id.clone(), self.base.replica.clone());
        self.apply(End { id, replica, crawled }).await
    }

    /// Makes a source due now; false if it does not exist.
    pub async fn schedule_source_now(&self, id: &SourceId) -> Result<bool> {
        self.apply(Hurry { id: id.clone() }).await
    }

    /// Removes a source with its documents; false if it does not exist.
    pub async fn remove_source(&self, id: &SourceId) -> Result<bool> {
        self.apply(Remove { id: id.clone() }).await
    }

    /// The stored state of a source's pages.
    pub async fn source_pages(&self, id: &SourceId) -> Result<Vec<PageRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select url, path, state, error, etag, last_modified, method, links, tries, stamp from source_pages
                       where source_id = $1 and workspace_id = $2 order by url";
            all!(conn, PageRow, sql, id.as_str(), workspace.as_str())
        })
        .await
    }

    /// Stores the state of pages, replacing what was stored.
    pub async fn save_pages(&self, id: &SourceId, pages: Vec<PageRow>) -> Result<()> {
        if pages.is_empty() {
            return Ok(());
        }
        self.apply(SavePages { id: id.clone(), pages }).await
    }

    /// Deletes the stored state of pages; their documents stay.
    pub async fn drop_pages(&self, id: &SourceId, urls: Vec<String>) -> Result<()> {
        self.apply(DropPages { id: id.clone(), urls }).await
    }
}

#[async_trait]
impl Write for NewSource {
    type Out = SourceId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<SourceId> {
        let sql = "insert into sources (id, workspace_id, collection_id, url, kind, settings, every_minutes, due_at,
                       state, created_at, updated_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $10, $9, $9)
                   on conflict (collection_id, url) do update set kind = excluded.kind, settings = excluded.settings, state = excluded.state,
                       every_minutes = excluded.every_minutes, due_at = excluded.due_at, updated_at = excluded.updated_at
                   returning id";
        let row = first!(
            conn,
            (String,),
            sql,
            SourceId::generate().as_str(),
            workspace.as_str(),
            self.collection.as_str(),
            &self.url,
            self.kind,
            &self.settings,
            self.every_minutes,
            self.due_at,
            now(),
            SourceState::Waiting,
        )?;
        let (id,) = row.ok_or_else(|| Error::Failed("a source could not be added".into()))?;
        reset_tries(conn, &id).await?;
        Ok(SourceId::stored(id))
    }
}

struct Keep {
    id: SourceId,
    replica: String,
    lease_ms: i64,
}

#[async_trait]
impl Write for Keep {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update sources set lease_until = $4 where id = $1 and workspace_id = $2 and holder = $3";
        let until = now() + self.lease_ms;
        Ok(run!(conn, sql, self.id.as_str(), workspace.as_str(), &self.replica, until)? == 1)
    }
}

struct End {
    id: SourceId,
    replica: String,
    crawled: CrawlOutcome,
}

#[async_trait]
impl Write for End {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "select count(*) from documents where source_id = $1 and state = $2";
        let pages = first!(conn, (i64,), sql, self.id.as_str(), DocumentState::Ready)?;
        let pages = pages.map_or(0, |row| row.0);
        let sql = "update sources set state = $4, error = $5, kind = $6, pages = $7, failed = $8, crawled_at = $9,
                       updated_at = $9, lease_until = 0, tries = 0, reading = '', stamp = '',
                       due_at = case when due_at is distinct from $10 then due_at else $9 + every_minutes * 60000 end
                   where id = $1 and workspace_id = $2 and holder = $3";
        run!(
            conn,
            sql,
            self.id.as_str(),
            workspace.as_str(),
            &self.replica,
            self.crawled.state,
            self.crawled.error.as_deref().map(storable),
            self.crawled.kind,
            pages,
            self.crawled.failed,
            now(),
            self.crawled.due_at,
        )
        .map(|_| ())
    }
}

struct Hurry {
    id: SourceId,
}

#[async_trait]
impl Write for Hurry {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update sources set due_at = $3 where id = $1 and workspace_id = $2";
        let found = run!(conn, sql, self.id.as_str(), workspace.as_str(), now())? == 1;
        if found {
            reset_tries(conn, self.id.as_str()).await?;
        }
        Ok(found)
    }
}

struct Remove {
    id: SourceId,
}

#[async_trait]
impl Write for Remove {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let (id, workspace_id) = (self.id.as_str(), workspace.as_str());
        let sql = formatcp!(
            "select id from documents where source_id = $1 and workspace_id = $2 and state <> '{removed}'",
            removed = DocumentState::Removed.as_str()
        );
        for (document,) in all!(conn, (String,), sql, id, workspace_id)? {
            Forget { id: DocumentId::stored(document) }.run(workspace, conn).await?;
        }
        let sql =
            "update documents set source_id = null where source_id = $1 and workspace_id = $2";
        run!(conn, sql, id, workspace_id)?;
        let sql = "delete from source_pages where source_id = $1 and workspace_id = $2";
        run!(conn, sql, id, workspace_id)?;
        let sql = "delete from sources where id = $1 and workspace_id = $2";
        Ok(run!(conn, sql, id, workspace_id)? == 1)
    }
}

struct SavePages {
    id: SourceId,
    pages: Vec<PageRow>,
}

#[async_trait]
impl Write for SavePages {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let mut rows = Rows::default();
        for page in &self.pages {
            rows.push([
                self.id.as_str().into(),
                page.url.as_str().into(),
                workspace.as_str().into(),
                page.path.as_str().into(),
                page.state.into(),
                page.error.as_deref().map(|error| storable(error).into_owned()).into(),
                page.etag.as_deref().into(),
                page.last_modified.as_deref().into(),
                page.method.as_str().into(),
                page.links.as_str().into(),
                now().into(),
                page.tries.into(),
                page.stamp.as_str().into(),
            ]);
        }
        let before =
            "insert into source_pages (source_id, url, workspace_id, path, state, error, etag,
                          last_modified, method, links, seen_at, tries, stamp)";
        let after = "on conflict (source_id, url) do update set path = excluded.path, state = excluded.state,
                         error = excluded.error, etag = excluded.etag, last_modified = excluded.last_modified,
                         method = excluded.method, links = excluded.links, seen_at = excluded.seen_at,
                         tries = excluded.tries, stamp = excluded.stamp";
        conn.many(before, &rows, after).await.map(|_| ())
    }
}

struct DropPages {
    id: SourceId,
    urls: Vec<String>,
}

#[async_trait]
impl Write for DropPages {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "delete from source_pages where source_id = $1 and workspace_id = $2 and url = $3";
        for url in &self.urls {
            run!(conn, sql, self.id.as_str(), workspace.as_str(), url)?;
        }
        Ok(())
    }
}
