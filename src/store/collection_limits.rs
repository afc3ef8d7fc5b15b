//! Limits of a collection: documents, chunks, bytes of uploaded files. Checked in the transaction
//! that adds to it, which locks the collection's row, so that concurrent additions are serialized.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::knowledge::{NewDocument, next_revision};
use super::words::document_state::REMOVED;
use super::{Conn, Result, Store, Write, all, first};
use crate::domain::{CollectionId, DocumentId, WorkspaceId};

/// Limits of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Maximum documents, failed ones included.
    pub documents: u64,
    /// Maximum chunks of all documents.
    pub chunks: u64,
    /// Maximum bytes of stored uploaded files.
    pub upload_bytes: u64,
}

/// The limit that would be exceeded, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Maximum documents.
    Documents(u64),
    /// Maximum chunks.
    Chunks(u64),
    /// Maximum bytes of uploaded files.
    UploadBytes(u64),
}

/// The size of a collection.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CollectionSize {
    /// The collection's name.
    pub slug: String,
    /// Number of documents.
    pub documents: i64,
    /// Number of their chunks.
    pub chunks: i64,
    /// Bytes of uploaded files.
    pub upload_bytes: i64,
}

impl Store {
    /// Stores a document, replacing the one at its path, if the collection has room; otherwise
    /// nothing changes.
    pub async fn learn_within(
        &self,
        document: NewDocument,
        room: Room,
    ) -> Result<std::result::Result<DocumentId, Full>> {
        self.apply(LearnWithin { document, room }).await
    }

    /// The size of each collection.
    pub async fn collection_sizes(&self) -> Result<Vec<CollectionSize>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select c.slug,
                     (select count(*) from documents d where d.workspace_id = c.workspace_id
                          and d.collection_id = c.id and d.state <> '{REMOVED}') as documents,
                     (select cast(coalesce(sum(d.chunks), 0) as bigint) from documents d
                          where d.workspace_id = c.workspace_id and d.collection_id = c.id) as chunks,
                     (select cast(coalesce(sum(u.size), 0) as bigint) from uploads u
                          where u.workspace_id = c.workspace_id and u.collection_id = c.id) as upload_bytes
                 from collections c where c.workspace_id = $1 and c.removed = 0 order by c.slug"
            );
            all!(conn, CollectionSize, sql, workspace.as_str())
        })
        .await
    }
}

struct LearnWithin {
    document: NewDocument,
    room: Room,
}

#[async_trait]
impl Write for LearnWithin {
    type Out = std::result::Result<DocumentId, Full>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        // Locks the collection's row.
        next_revision(workspace, conn, &self.document.collection).await?;
        if let Some(full) = self.room.refuses(workspace, conn, &self.document).await? {
            return Ok(Err(full));
        }
        self.document.run(workspace, conn).await.map(Ok)
    }
}

/// A file to be uploaded.
#[derive(Clone, Copy)]
pub(super) struct IncomingFile<'a> {
    pub(super) collection: &'a CollectionId,
    pub(super) path: &'a str,
    /// Bytes to be stored; `None` if the file is not to be learned.
    pub(super) bytes: Option<u64>,
}

impl Room {
    /// The limit that a document would exceed, if any. The caller has locked the collection's row.
    pub(super) async fn refuses(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        document: &NewDocument,
    ) -> Result<Option<Full>> {
        let at = (document.collection.as_str(), document.path.as_str());
        let place = Place::of(workspace, conn, at).await?;
        if let Some(full) = self.refuses_document(&place) {
            return Ok(Some(full));
        }
        let fresh = document.chunks.as_ref().map_or(0, Vec::len);
        let fresh = u64::try_from(fresh).unwrap_or(u64::MAX);
        // A collection over the limit (from before the limit existed) may still shrink.
        let too_many =
            fresh > place.own_chunks && place.others_chunks.saturating_add(fresh) > self.chunks;
        Ok(too_many.then_some(Full::Chunks(self.chunks)))
    }

    /// The limit that an uploaded file would exceed, if any. The caller has locked the collection's
    /// row.
    pub(super) async fn refuses_upload(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        file: IncomingFile<'_>,
    ) -> Result<Option<Full>> {
        let IncomingFile { collection, path, bytes } = file;
        let place = Place::of(workspace, conn, (collection.as_str(), path)).await?;
        if let Some(full) = self.refuses_document(&place) {
            return Ok(Some(full));
        }
        let sql = "select cast(coalesce(sum(size), 0) as bigint) from uploads
                   where workspace_id = $1 and collection_id = $2 and document_id <> $3";
        let own = place.id.as_deref().unwrap_or_default();
        let row = first!(conn, (i64,), sql, workspace.as_str(), collection.as_str(), own)?;
        let kept = number(row.map_or(0, |row| row.0));
        let too_many = bytes.is_some_and(|bytes| kept.saturating_add(bytes) > self.upload_bytes);
        Ok(too_many.then_some(Full::UploadBytes(self.upload_bytes)))
    }

    fn refuses_document(&self, place: &Place) -> Option<Full> {
        let one_more = place.id.is_none() && place.documents >= self.documents;
        one_more.then_some(Full::Documents(self.documents))
    }
}

/// The path of a new document, and the rest of its collection.
struct Place {
    /// The document at the path, if any.
    id: Option<String>,
    /// Number of documents in the collection.
    documents: u64,
    /// Chunks of the document at the path.
    own_chunks: u64,
    /// Chunks of all other documents.
    others_chunks: u64,
}

impl Place {
    async fn of(
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        (collection, path): (&str, &str),
    ) -> Result<Self> {
        let sql = formatcp!(
            "select count(*), cast(coalesce(sum(chunks), 0) as bigint) from documents
             where workspace_id = $1 and collection_id = $2 and state <> '{REMOVED}'"
        );
        let all = first!(conn, (i64, i64), sql, workspace.as_str(), collection)?;
        let (documents, chunks) = all.unwrap_or_default();
        let sql = formatcp!(
            "select id, chunks from documents
             where collection_id = $1 and path = $2 and workspace_id = $3 and state <> '{REMOVED}'"
        );
        let path = super::storable(path);
        let own = first!(conn, (String, i64), sql, collection, path.as_ref(), workspace.as_str())?;
        let own_chunks = own.as_ref().map_or(0, |own| own.1);
        Ok(Self {
            id: own.map(|own| own.0),
            documents: number(documents),
            own_chunks: number(own_chunks),
            others_chunks: number(chunks - own_chunks),
        })
    }
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
