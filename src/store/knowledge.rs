//! Collections, documents and chunks: the source of truth from which an index is loaded.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::words::document_state::REMOVED;
use super::{Conn, Error, LenientWord, Result, Rows, Store, Write, all, first, now, run, storable};
use crate::domain::{
    ChunkId, CollectionId, DocumentId, DocumentState, FailureCode, SourceId, WorkspaceId,
};

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CollectionRow {
    /// The id.
    pub id: String,
    /// The name, by which prompt files and folders refer to it.
    pub slug: String,
    /// What people call it; empty: the name.
    pub title: String,
    /// Grows with every change.
    pub revision: i64,
    /// The collection's own chunking and ranking settings, as JSON.
    pub settings: String,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DocumentRow {
    /// The id.
    pub id: DocumentId,
    /// The collection.
    pub collection_id: CollectionId,
    /// The path within the collection.
    pub path: String,
    /// The title.
    pub title: String,
    /// Hash of the content and the chunking settings; empty if it must be learned again.
    pub hash: String,
    /// The learning state. Lenient, because an index loads all documents and one unknown word must
    /// not hide the others.
    #[sqlx(try_from = "LenientWord<DocumentState>")]
    pub state: DocumentState,
    /// Why learning failed.
    pub error: Option<String>,
    /// The failure as a code.
    #[sqlx(try_from = "LenientWord<FailureCode>")]
    pub code: Option<FailureCode>,
    /// Number of chunks.
    pub chunks: i64,
    /// The collection's revision at its last change.
    pub revision: i64,
    /// The source it came from; `None` for a file.
    pub source_id: Option<SourceId>,
    /// 1 if it was uploaded, else 0.
    pub uploaded: i64,
}

/// A stored chunk.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct ChunkRow {
    /// The id.
    pub id: String,
    /// The headings above it.
    pub heading: String,
    /// The text.
    pub body: String,
    /// Size in tokens.
    pub tokens: i64,
    /// Page, slide or sheet, in words; empty if the document has none.
    pub place: String,
    /// The embedding by the requested model, as little-endian f32.
    pub vector: Option<Vec<u8>>,
}

/// A document that replaces the one at its path.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The collection.
    pub collection: CollectionId,
    /// The path within the collection.
    pub path: String,
    /// The title.
    pub title: String,
    /// Hash of the content and the chunking settings.
    pub hash: String,
    /// The source it came from; `None` for a file.
    pub source: Option<SourceId>,
    /// Whether it was uploaded.
    pub uploaded: bool,
    /// The chunks, or why it could not be read.
    pub chunks: std::result::Result<Vec<NewChunk>, Failure>,
}

/// Why a document could not be learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason in words.
    pub error: String,
    /// What to do about it, in words.
    pub remedy: Option<String>,
    /// The reason as a code, for callers that translate it.
    pub code: FailureCode,
}

/// A chunk to store.
#[derive(Debug, Clone)]
pub struct NewChunk {
    /// The headings above it.
    pub heading: String,
    /// The text.
    pub body: String,
    /// Size in tokens.
    pub tokens: u32,
    /// Page, slide or sheet, in words; empty if the document has none.
    pub place: String,
    /// Hash of the text that is embedded. Embeddings are looked up by it.
    pub text_hash: String,
}

impl Store {
    /// All collections, by name.
    pub async fn collections(&self) -> Result<Vec<CollectionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                "select id, slug, title, revision, settings from collections where workspace_id = $1 and removed = 0 order by slug";
            all!(conn, CollectionRow, sql, workspace.as_str())
        })
        .await
    }

    /// All collections, removed ones included: an index must drop what they held.
    pub async fn all_collections(&self) -> Result<Vec<CollectionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                "select id, slug, title, revision, settings from collections where workspace_id = $1 order by slug";
            all!(conn, CollectionRow, sql, workspace.as_str())
        })
        .await
    }

    /// The collection with this name, created if it does not exist.
    pub async fn collection(&self, slug: &str) -> Result<CollectionId> {
        self.apply(EnsureCollection { slug: slug.to_owned() }).await
    }

    /// Replaces a collection's own settings (JSON). False if they are no longer equal to `before`.
    pub async fn set_collection_settings(
        &self,
        collection: &CollectionId,
        before: String,
        settings: String,
    ) -> Result<bool> {
        self.apply(SetSettings { collection: collection.clone(), before, settings }).await
    }

    /// The documents of a collection that changed after a revision, removed ones included.
    pub async fn documents(
        &self,
        collection: &CollectionId,
        after: i64,
    ) -> Result<Vec<DocumentRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, collection_id, path, title, hash, state, error, code, chunks, revision, source_id, uploaded from documents
                       where workspace_id = $1 and collection_id = $2 and revision > $3 order by revision, id";
            all!(conn, DocumentRow, sql, workspace.as_str(), collection.as_str(), after)
        })
        .await
    }

    /// Whether the document exists and is not removed.
    pub async fn has_document(&self, document: &DocumentId) -> Result<bool> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select id from documents where id = $1 and workspace_id = $2 and state <> '{REMOVED}'"
            );
            let found = first!(conn, (String,), sql, document.as_str(), workspace.as_str())?;
            Ok(found.is_some())
        })
        .await
    }

    /// The chunks of a document in order, with their embeddings by a model if there are any.
    pub async fn chunks(
        &self,
        document: &DocumentId,
        model: Option<&str>,
    ) -> Result<Vec<ChunkRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select c.id, c.heading, c.body, c.tokens, c.place, v.vector from chunks c
                       left join vectors v on v.workspace_id = c.workspace_id and v.model = $3
                           and v.text_hash = c.text_hash
                       where c.document_id = $1 and c.workspace_id = $2 order by c.ordinal";
            let model = model.unwrap_or_default();
            all!(conn, ChunkRow, sql, document.as_str(), workspace.as_str(), model)
        })
        .await
    }

    /// The first chunks of a document, without their embeddings.
    pub async fn first_chunks(&self, document: &DocumentId, limit: i64) -> Result<Vec<ChunkRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, heading, body, tokens, place, null as vector from chunks
                       where document_id = $1 and workspace_id = $2 order by ordinal limit $3";
            all!(conn, ChunkRow, sql, document.as_str(), workspace.as_str(), limit)
        })
        .await
    }

    /// Stores a document, replacing the one at its path, in one transaction.
    pub async fn learn(&self, document: NewDocument) -> Result<DocumentId> {
        self.apply(document).await
    }

    /// Removes a document with its chunks and uploaded file.
    pub async fn forget(&self, document: &DocumentId) -> Result<()> {
        self.apply(Forget { id: document.clone() }).await
    }
}

struct EnsureCollection {
    slug: String,
}

#[async_trait]
impl Write for EnsureCollection {
    type Out = CollectionId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<CollectionId> {
        let sql = "insert into collections (id, workspace_id, slug, revision, created_at)
                   values ($1, $2, $3, 0, $4)
                   on conflict (workspace_id, slug) do update set removed = 0,
                       title = case when collections.removed = 1 then '' else collections.title end returning id";
        let fresh = CollectionId::generate();
        let row =
            first!(conn, (String,), sql, fresh.as_str(), workspace.as_str(), &self.slug, now())?;
        row.map(|(id,)| CollectionId::stored(id))
            .ok_or_else(|| Error::Failed("a collection could not be made".into()))
    }
}

struct SetSettings {
    collection: CollectionId,
    before: String,
    settings: String,
}

#[async_trait]
impl Write for SetSettings {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update collections set settings = $3, revision = revision + 1
                   where id = $1 and workspace_id = $2 and settings = $4";
        let (id, settings) = (self.collection.as_str(), storable(&self.settings));
        Ok(run!(conn, sql, id, workspace.as_str(), settings.as_ref(), &self.before)? > 0)
    }
}

#[async_trait]
impl Write for NewDocument {
    type Out = DocumentId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<DocumentId> {
        let revision = next_revision(workspace, conn, &self.collection).await?;
        if !self.uploaded {
            check_path_free(workspace, conn, (&self.collection, &self.path)).await?;
        }
        let sql = "insert into documents (id, workspace_id, collection_id, path, title, hash, state, error,
                       chunks, revision, created_at, updated_at, source_id, uploaded, remedy, code)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15)
                   on conflict (collection_id, path) do update set title = excluded.title, hash = excluded.hash,
                       state = excluded.state, error = excluded.error, chunks = excluded.chunks, revision = excluded.revision, updated_at = excluded.updated_at,
                       source_id = excluded.source_id, uploaded = excluded.uploaded, remedy = excluded.remedy, code = excluded.code
                   returning id";
        let (state, failure, chunks) = match &self.chunks {
            Ok(chunks) => (DocumentState::Ready, None, chunks.as_slice()),
            Err(failure) => (DocumentState::Failed, Some(failure), &[][..]),
        };
        let row = first!(
            conn,
            (String,),
            sql,
            DocumentId::generate().as_str(),
            workspace.as_str(),
            self.collection.as_str(),
            storable(&self.path),
            storable(&self.title),
            &self.hash,
            state,
            failure.map(|it| storable(&it.error)),
            i64::try_from(chunks.len()).unwrap_or(i64::MAX),
            revision,
            now(),
            self.source.as_ref().map(SourceId::as_str),
            i64::from(self.uploaded),
            failure.and_then(|it| it.remedy.as_deref().map(storable)),
            failure.map(|it| it.code),
        )?;
        let id = row.map(|row| row.0).ok_or_else(|| Error::Failed("a document vanished".into()))?;
        run!(conn, "delete from chunks where document_id = $1", &id)?;
        insert_chunks(workspace, conn, &id, chunks).await?;
        Ok(DocumentId::stored(id))
    }
}

async fn insert_chunks(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    document: &str,
    chunks: &[NewChunk],
) -> Result<()> {
    let mut rows = Rows::default();
    for (ordinal, chunk) in (0_i64..).zip(chunks) {
        rows.push([
            ChunkId::generate().as_str().into(),
            workspace.as_str().into(),
            document.into(),
            ordinal.into(),
            storable(&chunk.heading).as_ref().into(),
            storable(&chunk.body).as_ref().into(),
            i64::from(chunk.tokens).into(),
            storable(&chunk.place).as_ref().into(),
            chunk.text_hash.as_str().into(),
        ]);
    }
    let into = "insert into chunks (id, workspace_id, document_id, ordinal, heading, body, tokens, place, text_hash)";
    conn.many(into, &rows, "").await.map(drop)
}

/// Removes a document with its chunks and uploaded file.
pub(super) struct Forget {
    pub(super) id: DocumentId,
}

#[async_trait]
impl Write for Forget {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "select collection_id from documents where id = $1 and workspace_id = $2";
        let row = first!(conn, (String,), sql, self.id.as_str(), workspace.as_str())?;
        let Some((collection,)) = row else { return Ok(()) };
        let revision = next_revision(workspace, conn, &CollectionId::stored(collection)).await?;
        run!(conn, "delete from chunks where document_id = $1", self.id.as_str())?;
        forget_upload(conn, self.id.as_str()).await?;
        let sql = formatcp!(
            "update documents set state = '{REMOVED}', hash = '', chunks = 0, revision = $2, updated_at = $3
             where id = $1"
        );
        run!(conn, sql, self.id.as_str(), revision, now()).map(|_| ())
    }
}

pub(super) async fn next_revision(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    collection: &CollectionId,
) -> Result<i64> {
    let sql = "update collections set revision = revision + 1 where id = $1 and workspace_id = $2 returning revision";
    let row = first!(conn, (i64,), sql, collection.as_str(), workspace.as_str())?;
    row.map(|row| row.0)
        .ok_or_else(|| Error::Failed(format!("there is no collection {collection}")))
}

async fn forget_upload(conn: &mut Conn<'_>, document: &str) -> Result<()> {
    run!(conn, "delete from uploads where document_id = $1", document).map(drop)
}

/// Fails if an uploaded document has this path: documents from elsewhere must not replace it.
async fn check_path_free(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    (collection, path): (&CollectionId, &str),
) -> Result<()> {
    let sql = formatcp!(
        "select id from documents where collection_id = $1 and path = $2 and workspace_id = $3 and uploaded = 1
             and state <> '{REMOVED}'"
    );
    let stored = storable(path);
    let found = first!(conn, (String,), sql, collection.as_str(), stored, workspace.as_str())?;
    match found {
        Some(_) => Err(Error::Failed(format!("`{path}` was uploaded meanwhile"))),
        None => Ok(()),
    }
}
