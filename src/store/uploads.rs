//! Uploaded files: stores their bytes and the result of learning them. Does not know how a file is
//! read.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::collection_limits::{Full, IncomingFile, Room};
use super::knowledge::{Failure, NewDocument, next_revision};
use super::words::document_state::{FAILED, LEARNING, READY};
use super::words::upload_state::WAITING;
use super::{Conn, LenientWord, Result, Rows, Store, Write, first, now, run, storable};
use crate::domain::{CollectionId, DocumentId, DocumentState, UploadState, WorkspaceId};

mod leases;

/// A file that waits to be learned, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UploadRow {
    /// Its document.
    pub document_id: String,
    /// The collection.
    pub collection_id: String,
    /// The document's path.
    pub path: String,
    /// Identifies this content.
    pub stamp: String,
    /// How often a process started to learn it.
    pub tries: i64,
}

/// An uploaded file to store and learn.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The collection.
    pub collection: CollectionId,
    /// The document's path within the collection.
    pub path: String,
    /// The MIME type that the uploader stated.
    pub mime_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes, or why the file is not to be learned.
    pub content: std::result::Result<Vec<u8>, Failure>,
}

/// The result of learning a file.
#[derive(Debug, Clone)]
pub struct LearnedUpload {
    /// The file.
    pub upload: UploadRow,
    /// The method by which it was learned.
    pub method: String,
    /// The document. A failure keeps what was learned of an earlier file.
    pub document: std::result::Result<NewDocument, Failure>,
    /// The limits of its collection.
    pub room: Room,
}

impl Store {
    /// Stores a file to be learned if its collection has room. Replaces an earlier upload at the
    /// same path. `None` if the path belongs to a document from elsewhere.
    pub async fn add_upload(
        &self,
        upload: NewUpload,
        room: Room,
    ) -> Result<std::result::Result<Option<DocumentId>, Full>> {
        self.apply(AddUpload { upload, room }).await
    }

    /// The unleased file that has waited longest, if any.
    pub async fn due_upload(&self) -> Result<Option<UploadRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select u.document_id, u.collection_id, d.path, u.stamp, u.tries
                 from uploads u join documents d on d.id = u.document_id
                 where u.workspace_id = $1 and u.state = '{WAITING}' and u.lease_until < $2
                 order by u.updated_at, u.document_id limit 1"
            );
            first!(conn, UploadRow, sql, workspace.as_str(), now())
        })
        .await
    }

    /// The bytes of a file; `None` if it was replaced or removed.
    pub async fn upload_bytes(&self, upload: &UploadRow) -> Result<Option<Vec<u8>>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = "select bytes from uploads where workspace_id = $1 and document_id = $2 and stamp = $3";
                let (id, stamp) = (&upload.document_id, &upload.stamp);
                first!(conn, (Vec<u8>,), sql, workspace.as_str(), id, stamp)
            })
            .await?;
        Ok(row.map(|row| row.0))
    }

    /// The bytes of an uploaded document; `None` if it was not uploaded or is removed.
    pub async fn original(&self, document: &DocumentId) -> Result<Option<Vec<u8>>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = "select bytes from uploads where workspace_id = $1 and document_id = $2";
                first!(conn, (Vec<u8>,), sql, workspace.as_str(), document.as_str())
            })
            .await?;
        Ok(row.map(|row| row.0))
    }

    /// Stores the result of learning a file, unless it was replaced or removed meanwhile. If the
    /// collection has no room, nothing changes.
    pub async fn end_upload(
        &self,
        learned: LearnedUpload,
    ) -> Result<std::result::Result<(), Full>> {
        self.apply(learned).await
    }

    /// Queues a file to be learned again; false if the document has none.
    pub async fn retry_upload(&self, document: &DocumentId) -> Result<bool> {
        self.apply(Retry { document: document.clone() }).await
    }

    /// Queues the files of a collection that were learned by another method. Returns their number.
    pub async fn renew_uploads(&self, collection: &CollectionId, method: &str) -> Result<u64> {
        self.apply(Renew { collection: collection.clone(), method: method.to_owned() }).await
    }
}

struct AddUpload {
    upload: NewUpload,
    room: Room,
}

#[async_trait]
impl Write for AddUpload {
    type Out = std::result::Result<Option<DocumentId>, Full>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let NewUpload { collection, path, size, content, .. } = &self.upload;
        // Locks the collection's row.
        next_revision(workspace, conn, collection).await?;
        // A file that is not to be learned is not stored.
        let bytes = content.is_ok().then_some(*size);
        let file = IncomingFile { collection, path, bytes };
        if let Some(full) = self.room.refuses_upload(workspace, conn, file).await? {
            return Ok(Err(full));
        }
        self.upload.run(workspace, conn).await.map(Ok)
    }
}

#[async_trait]
impl Write for NewUpload {
    type Out = Option<DocumentId>;

    async fn run(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Option<DocumentId>> {
        // First of all, because it locks the collection's row, so that two changes of a document
        // are serialized.
        let revision = next_revision(workspace, conn, &self.collection).await?;
        let path = storable(&self.path);
        let sql = "select id, state, uploaded from documents where collection_id = $1 and path = $2 and workspace_id = $3";
        let (collection, workspace_id) = (self.collection.as_str(), workspace.as_str());
        let known = first!(
            conn,
            (String, LenientWord<DocumentState>, i64),
            sql,
            collection,
            path.as_ref(),
            workspace_id
        )?;
        // A stored word that is unknown to this version is corrected by learning.
        let known = known.map(|(id, state, uploaded)| (id, DocumentState::from(state), uploaded));
        if matches!(&known, Some((_, state, 0)) if *state != DocumentState::Removed) {
            return Ok(None);
        }
        let id = match known {
            Some((id, DocumentState::Ready, _)) => id,
            Some((id, ..)) => {
                let sql = formatcp!(
                    "update documents set state = '{LEARNING}', title = path, error = null, remedy = null, code = null,
                         uploaded = 1, source_id = null, revision = $2 where id = $1"
                );
                run!(conn, sql, &id, revision)?;
                id
            }
            None => {
                let sql = formatcp!(
                    "insert into documents (id, workspace_id, collection_id, path, title, hash, state, chunks, revision,
                         created_at, updated_at, uploaded)
                     values ($1, $2, $3, $4, $4, '', '{LEARNING}', 0, $5, $6, $6, 1)"
                );
                let id = DocumentId::generate();
                let (id, path) = (id.as_str(), path.as_ref());
                run!(conn, sql, id, workspace_id, collection, path, revision, now())?;
                id.to_owned()
            }
        };
        self.keep(workspace, conn, &id).await?;
        Ok(Some(DocumentId::stored(id)))
    }
}

impl NewUpload {
    async fn keep(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>, id: &str) -> Result<()> {
        let state = if self.content.is_ok() { UploadState::Waiting } else { UploadState::Failed };
        let mut rows = Rows::default();
        rows.push([
            id.into(),
            workspace.as_str().into(),
            self.collection.as_str().into(),
            storable(&self.mime_type).into_owned().into(),
            i64::try_from(self.size).unwrap_or(i64::MAX).into(),
            state.into(),
            ulid::Ulid::generate().to_string().into(),
            now().into(),
            now().into(),
            self.content.clone().unwrap_or_default().into(),
        ]);
        let before = "insert into uploads (document_id, workspace_id, collection_id, mime_type, size, state, stamp,
                          created_at, updated_at, bytes)";
        let after = "on conflict (document_id) do update set mime_type = excluded.mime_type, size = excluded.size,
                         state = excluded.state, stamp = excluded.stamp, method = '', tries = 0, holder = '', lease_until = 0,
                         updated_at = excluded.updated_at, bytes = excluded.bytes";
        conn.many(before, &rows, after).await?;
        match &self.content {
            Ok(_) => touch(conn, id).await,
            Err(failure) => fail(conn, id, failure).await,
        }
    }
}

async fn touch(conn: &mut Conn<'_>, id: &str) -> Result<()> {
    run!(conn, "update documents set updated_at = $2 where id = $1", id, now()).map(drop)
}

/// Records why a file could not be learned. What was learned of an earlier file stays in use.
async fn fail(conn: &mut Conn<'_>, id: &str, failure: &Failure) -> Result<()> {
    let sql = formatcp!(
        "update documents set state = case when state = '{READY}' then '{READY}' else '{FAILED}' end, error = $2, remedy = $3,
             code = $4, updated_at = $5 where id = $1"
    );
    let (error, remedy) = (storable(&failure.error), failure.remedy.as_deref().map(storable));
    run!(conn, sql, id, error.as_ref(), remedy, failure.code, now()).map(drop)
}

#[async_trait]
impl Write for LearnedUpload {
    type Out = std::result::Result<(), Full>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let UploadRow { document_id, collection_id, stamp, .. } = &self.upload;
        // Locks the collection first, like every other change.
        next_revision(workspace, conn, &CollectionId::stored(collection_id.clone())).await?;
        let full = match &self.document {
            Ok(learned) => self.room.refuses(workspace, conn, learned).await?,
            Err(_) => None,
        };
        if let Some(full) = full {
            return Ok(Err(full));
        }
        let failed = match &self.document {
            Ok(learned) => learned.chunks.is_err(),
            Err(_) => true,
        };
        let state = if failed { UploadState::Failed } else { UploadState::Learned };
        let sql = formatcp!(
            "update uploads set state = $4, method = $5, lease_until = 0, updated_at = $6
             where document_id = $1 and workspace_id = $2 and stamp = $3 and state = '{WAITING}'"
        );
        let (workspace_id, method) = (workspace.as_str(), &self.method);
        if run!(conn, sql, document_id, workspace_id, stamp, state, method, now())? == 0 {
            return Ok(Ok(()));
        }
        match &self.document {
            Ok(learned) => learned.run(workspace, conn).await.map(drop)?,
            Err(failure) => fail(conn, document_id, failure).await?,
        }
        Ok(Ok(()))
    }
}

struct Retry {
    document: DocumentId,
}

#[async_trait]
impl Write for Retry {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "update uploads set state = '{WAITING}', tries = 0, lease_until = 0, updated_at = $3
             where document_id = $1 and workspace_id = $2 and state <> '{WAITING}' and length(bytes) > 0"
        );
        let id = self.document.as_str();
        run!(conn, sql, id, workspace.as_str(), now())?;
        let sql = formatcp!(
            "select document_id from uploads where document_id = $1 and workspace_id = $2 and state = '{WAITING}'"
        );
        let waits = first!(conn, (String,), sql, id, workspace.as_str())?.is_some();
        if waits {
            touch(conn, id).await?;
        }
        Ok(waits)
    }
}

struct Renew {
    collection: CollectionId,
    method: String,
}

#[async_trait]
impl Write for Renew {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = formatcp!(
            "update uploads set state = '{WAITING}', tries = 0, lease_until = 0
             where collection_id = $1 and workspace_id = $2 and method <> $3 and method <> '' and state <> '{WAITING}'"
        );
        run!(conn, sql, self.collection.as_str(), workspace.as_str(), &self.method)
    }
}
