//! Lists and counts documents, and removes whole collections. The database does the counting, so
//! that the cost in memory does not grow with the number of documents.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::knowledge::next_revision;
use super::words::document_state::{READY, REMOVED};
use super::{Conn, LenientWord, Result, Store, Write, all, first, now, run};
use crate::domain::{
    CollectionId, DocumentId, DocumentOrigin, DocumentState, DocumentStatus, FailureCode,
    PageState, SourceId, UploadState, WorkspaceId,
};

/// A document for display.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ShownRow {
    /// The id.
    pub id: String,
    /// The collection.
    pub collection_id: String,
    /// The path within the collection.
    pub path: String,
    /// The title.
    pub title: String,
    /// The status shown to users.
    #[sqlx(try_from = "LenientWord<DocumentStatus>")]
    pub state: DocumentStatus,
    /// Why learning failed.
    pub error: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The failure as a code; `None` if it did not fail, or if the stored word is unknown to this
    /// version: `error` says the same in words.
    #[sqlx(try_from = "LenientWord<FailureCode>")]
    pub code: Option<FailureCode>,
    /// Number of chunks.
    pub chunks: i64,
    /// File size in bytes, if it was uploaded.
    pub size: Option<i64>,
    /// When it was last changed.
    pub updated_at: i64,
    /// Where it came from.
    pub origin: DocumentOrigin,
}

/// Filters of the document list.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Only those with this status.
    pub state: Option<DocumentStatus>,
    /// Only those with this text in their path or title.
    pub words: Option<String>,
    /// Only those with this origin.
    pub origin: Option<DocumentOrigin>,
    /// Only those changed before this time; at the same time, those with a smaller id.
    pub before: Option<(i64, String)>,
}

/// A document of a collection in use, and where its file is.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DocumentFileRow {
    /// The document.
    pub id: DocumentId,
    /// The collection's name.
    pub collection: String,
    /// The path within the collection.
    pub path: String,
    /// The title.
    pub title: String,
    /// Where it came from; never a website.
    pub origin: DocumentOrigin,
    /// 1 if its file was uploaded and is kept, else 0.
    pub is_kept: i64,
}

/// Number of documents of a collection in one state.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CountRow {
    /// The collection.
    pub collection_id: String,
    /// The document's state.
    #[sqlx(try_from = "LenientWord<DocumentState>")]
    pub state: DocumentState,
    /// The state of the uploaded file; `None` if there is no file or it is learned.
    pub upload: Option<UploadState>,
    /// Number of documents.
    pub documents: i64,
    /// Number of their chunks.
    pub chunks: i64,
}

/// A document that could not be learned.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FailedRow {
    /// The collection.
    pub collection_id: String,
    /// The path.
    pub path: String,
    /// The reason.
    pub error: String,
}

/// A page that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FailedPageRow {
    /// The address.
    pub url: String,
    /// The reason in words.
    pub error: String,
    /// The reason as a code, if its document could not be learned.
    #[sqlx(try_from = "LenientWord<FailureCode>")]
    pub code: Option<FailureCode>,
}

/// Selects documents with their displayed status and origin. A replaced document shows as learning,
/// although the earlier content still answers.
macro_rules! shown {
    ($rest:literal) => {
        formatcp!(
            "select * from (select d.id, d.collection_id, d.path, d.title, d.error, d.remedy, d.code, d.chunks, u.size, d.updated_at,
                 case when u.state = '{file_waiting}' then '{learning}' when u.state = '{file_failed}' then '{failed}'
                     else d.state end as state,
                 case when d.uploaded = 1 then '{upload}' when d.source_id is not null then '{web}' else '{folder}' end as origin
             from documents d left join uploads u on u.document_id = d.id
             where d.workspace_id = $1 and d.state <> '{REMOVED}' {rest}",
            file_waiting = UploadState::Waiting.as_str(),
            file_failed = UploadState::Failed.as_str(),
            learning = DocumentStatus::Learning.as_str(),
            failed = DocumentStatus::Failed.as_str(),
            upload = DocumentOrigin::Upload.as_str(),
            web = DocumentOrigin::Web.as_str(),
            folder = DocumentOrigin::Folder.as_str(),
            rest = $rest
        )
    };
}

/// Selects the documents that answer and are no pages of a website.
macro_rules! with_file {
    ($condition:literal) => {
        formatcp!(
            "select d.id, c.slug as collection, d.path, d.title,
                 case when d.uploaded = 1 then '{upload}' else '{folder}' end as origin,
                 cast(case when exists (select 1 from uploads u where u.document_id = d.id and length(u.bytes) > 0)
                     then 1 else 0 end as bigint) as is_kept
             from documents d join collections c on c.id = d.collection_id and c.workspace_id = d.workspace_id
             where d.workspace_id = $1 and d.state = '{READY}' and d.source_id is null and {condition} order by d.path",
            upload = DocumentOrigin::Upload.as_str(),
            folder = DocumentOrigin::Folder.as_str(),
            condition = $condition
        )
    };
}

impl Store {
    /// The pages of a source that the last crawl could not read, with the code of the document if
    /// that is why: its failure may be older than the page's.
    pub async fn failed_pages(&self, id: &SourceId) -> Result<Vec<FailedPageRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select p.url, coalesce(p.error, '') as error, d.code
                       from source_pages p join sources s on s.id = p.source_id
                           left join documents d on d.collection_id = s.collection_id and d.path = p.path
                               and d.error <> '' and substr(p.error, 1, length(d.error)) = d.error
                       where p.source_id = $1 and p.workspace_id = $2 and p.state = $3 order by p.url";
            let (id, space, failed) = (id.as_str(), workspace.as_str(), PageState::Failed);
            all!(conn, FailedPageRow, sql, id, space, failed)
        })
        .await
    }

    /// Documents of a collection, last changed first, at most `limit`.
    pub async fn shown_documents(
        &self,
        collection: &CollectionId,
        wanted: DocumentFilter,
        limit: i64,
    ) -> Result<Vec<ShownRow>> {
        let workspace = self.workspace_id();
        let (at, id) = wanted.before.unwrap_or((i64::MAX, String::new()));
        let state = wanted.state.map_or("", DocumentStatus::as_str);
        let origin = wanted.origin.map_or("", DocumentOrigin::as_str);
        let words = wanted.words.map(|words| pattern(&words)).unwrap_or_default();
        let small = words.to_lowercase();
        self.read(async |conn| {
            let sql = shown!(
                "and d.collection_id = $2 and (d.updated_at < $3 or (d.updated_at = $3 and d.id < $4))) s
                 where ($5 = '' or s.state = $5) and ($6 = '' or s.origin = $6)
                     and ($7 = '' or s.path like $7 escape '!' or s.title like $7 escape '!'
                          or lower(s.path) like $8 escape '!' or lower(s.title) like $8 escape '!'
                          or exists (select 1 from chunks c where c.document_id = s.id and c.workspace_id = $1
                              and (c.body like $7 escape '!' or lower(c.body) like $8 escape '!')))
                 order by s.updated_at desc, s.id desc limit $9"
            );
            let (workspace, collection) = (workspace.as_str(), collection.as_str());
            all!(conn, ShownRow, sql, workspace, collection, at, &id, state, origin, &words, &small, limit)
        })
        .await
    }

    /// Returns one document, unless it was removed.
    pub async fn shown_document(&self, id: &DocumentId) -> Result<Option<ShownRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            first!(conn, ShownRow, shown!("and d.id = $2) s"), workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Returns a document that answers and is no page of a website, with where its file is.
    pub async fn document_file(&self, id: &DocumentId) -> Result<Option<DocumentFileRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = with_file!("d.id = $2");
            first!(conn, DocumentFileRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Returns such documents of a collection, by path.
    pub async fn document_files(&self, collection: &CollectionId) -> Result<Vec<DocumentFileRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = with_file!("d.collection_id = $2");
            all!(conn, DocumentFileRow, sql, workspace.as_str(), collection.as_str())
        })
        .await
    }

    /// Numbers of documents by collection and state.
    pub async fn count_documents(&self) -> Result<Vec<CountRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            // Uploads are counted separately: a join would look up every document.
            let sql = formatcp!(
                "select collection_id, state, cast(null as text) as upload, count(*) as documents,
                     cast(sum(chunks) as bigint) as chunks
                 from documents where workspace_id = $1 and state <> '{REMOVED}' group by collection_id, state
                 union all
                 select u.collection_id, d.state, u.state as upload, count(*) as documents,
                     cast(sum(d.chunks) as bigint) as chunks
                 from uploads u join documents d on d.id = u.document_id
                 where u.workspace_id = $1 and u.state in ('{waiting}', '{failed}') group by u.collection_id, d.state, u.state",
                waiting = UploadState::Waiting.as_str(),
                failed = UploadState::Failed.as_str()
            );
            all!(conn, CountRow, sql, workspace.as_str())
        })
        .await
    }

    /// The failed documents, at most `each` per collection, by path.
    pub async fn failed_documents(&self, each: i64) -> Result<Vec<FailedRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select collection_id, path, error from (
                     select d.collection_id, d.path, coalesce(d.error, '') as error,
                         row_number() over (partition by d.collection_id order by d.path) as place
                     from documents d left join uploads u on u.document_id = d.id
                     where d.workspace_id = $1 and d.state = '{failed}' and (u.state is null or u.state <> '{waiting}')) f
                 where place <= $2 order by collection_id, path",
                failed = DocumentState::Failed.as_str(),
                waiting = UploadState::Waiting.as_str()
            );
            all!(conn, FailedRow, sql, workspace.as_str(), each)
        })
        .await
    }

    /// Removes a collection with its documents, sources and curated answers. Its row stays, so that
    /// every index drops them.
    pub async fn remove_collection(&self, collection: &CollectionId) -> Result<()> {
        let whole = RemoveCollection { collection: collection.clone(), only_empty: false };
        self.apply(whole).await.map(drop)
    }

    /// Removes a collection that holds no document, source or answer; false if it holds one.
    pub async fn remove_empty_collection(&self, collection: &CollectionId) -> Result<bool> {
        self.apply(RemoveCollection { collection: collection.clone(), only_empty: true }).await
    }
}

/// A `like` pattern for texts that contain this one.
fn pattern(words: &str) -> String {
    let mut out = String::from("%");
    for letter in words.chars().filter(|letter| *letter != '\0') {
        if ['%', '_', '!'].contains(&letter) {
            out.push('!');
        }
        out.push(letter);
    }
    out.push('%');
    out
}

struct RemoveCollection {
    collection: CollectionId,
    /// Whether it stays if it holds something.
    only_empty: bool,
}

#[async_trait]
impl Write for RemoveCollection {
    /// Whether it was removed.
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let (id, workspace_id) = (self.collection.as_str(), workspace.as_str());
        if self.only_empty {
            let sql = formatcp!(
                "select id from documents where collection_id = $1 and workspace_id = $2 and state <> '{REMOVED}'
                 union all select document_id from uploads where collection_id = $1 and workspace_id = $2
                 union all select id from sources where collection_id = $1 and workspace_id = $2
                 union all select id from answers where collection_id = $1 and workspace_id = $2 limit 1"
            );
            if first!(conn, (String,), sql, id, workspace_id)?.is_some() {
                return Ok(false);
            }
        }
        let revision = next_revision(workspace, conn, &self.collection).await?;
        let of_source = "delete from source_pages where workspace_id = $2 and source_id in
                             (select id from sources where collection_id = $1)";
        let statements = [
            "delete from uploads where collection_id = $1 and workspace_id = $2",
            "delete from chunks where workspace_id = $2 and document_id in (select id from documents where collection_id = $1)",
            of_source,
            "delete from answers where collection_id = $1 and workspace_id = $2",
        ];
        for sql in statements {
            run!(conn, sql, id, workspace_id)?;
        }
        let sql = formatcp!(
            "update documents set state = '{REMOVED}', hash = '', chunks = 0, source_id = null, uploaded = 0, error = null,
                 remedy = null, code = null, revision = $3, updated_at = $4
             where collection_id = $1 and workspace_id = $2 and state <> '{REMOVED}'"
        );
        run!(conn, sql, id, workspace_id, revision, now())?;
        run!(conn, "update documents set source_id = null where collection_id = $1", id)?;
        let sql = "delete from sources where collection_id = $1 and workspace_id = $2";
        run!(conn, sql, id, workspace_id)?;
        let sql = "update collections set removed = 1, settings = '{}', title = '', answers_revision = answers_revision + 1
                   where id = $1 and workspace_id = $2";
        run!(conn, sql, id, workspace_id)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_mean_something_to_like_mean_themselves() {
        assert_eq!(pattern("100%_of!"), "%100!%!_of!!%");
    }
}
