//! Embeddings, by model and text hash. Each text is embedded once; after a crash only missing texts
//! are embedded. Calls no model itself.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::knowledge::{ChunkRow, next_revision};
use super::words::document_state::{READY, REMOVED};
use super::{Conn, Result, Rows, Store, Write, all, first, now, run};
use crate::domain::{CollectionId, WorkspaceId};

/// How long an embedding without a chunk is kept, in milliseconds: its document may not be stored
/// yet.
const ORPHAN_MS: i64 = 24 * 60 * 60 * 1000;

/// A chunk without an embedding by a model.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Missing {
    /// The chunk's id, which is also the sort order.
    pub id: String,
    /// Hash of the text that is embedded.
    pub text_hash: String,
    /// The document's title.
    pub title: String,
    /// The headings above it.
    pub heading: String,
    /// The text.
    pub body: String,
}

/// Number of embeddings of one model.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ModelRow {
    /// The model.
    pub model: String,
    /// Number of embeddings.
    pub vectors: i64,
}

impl Store {
    /// The hashes among these whose text a model has already embedded.
    pub async fn embedded(&self, model: &str, hashes: &[String]) -> Result<Vec<String>> {
        let wanted = self.wanted(model, hashes);
        self.read(async |conn| {
            let after = format!(") select v.text_hash {HELD}");
            let found: Vec<(String,)> = conn.many_rows(WANTED, &wanted, after).await?;
            Ok(found.into_iter().map(|(hash,)| hash).collect())
        })
        .await
    }

    /// A model's embeddings of the texts with these hashes, in any order; missing ones are left
    /// out.
    pub async fn vectors(&self, model: &str, hashes: &[String]) -> Result<Vec<(String, Vec<f32>)>> {
        let wanted = self.wanted(model, hashes);
        self.read(async |conn| {
            let after = format!(") select v.text_hash, v.vector {HELD}");
            let found: Vec<(String, Vec<u8>)> = conn.many_rows(WANTED, &wanted, after).await?;
            Ok(found.into_iter().map(|(hash, bytes)| (hash, from_bytes(&bytes))).collect())
        })
        .await
    }

    fn wanted(&self, model: &str, hashes: &[String]) -> Rows {
        let mut wanted = Rows::default();
        for hash in hashes {
            wanted.push([hash.as_str().into(), model.into(), self.workspace_id().as_str().into()]);
        }
        wanted
    }

    /// Stores embeddings, each with the hash of its text.
    pub async fn keep_vectors(&self, model: &str, vectors: Vec<(String, Vec<f32>)>) -> Result<()> {
        self.apply(Keep { model: model.to_owned(), vectors }).await
    }

    /// The next chunks of a collection that a model has not embedded, at most `limit`, after the
    /// chunk id `after` (empty to start).
    pub async fn missing_vectors(
        &self,
        collection: &CollectionId,
        model: &str,
        (after, limit): (&str, i64),
    ) -> Result<Vec<Missing>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select c.id, c.text_hash, d.title, c.heading, c.body
                 from documents d join chunks c on c.document_id = d.id
                 left join vectors v on v.workspace_id = c.workspace_id and v.model = $3
                     and v.text_hash = c.text_hash
                 where d.workspace_id = $1 and d.collection_id = $2 and d.state = '{READY}' and v.model is null
                     and c.id > $4
                 order by c.id limit $5"
            );
            let (workspace, collection) = (workspace.as_str(), collection.as_str());
            all!(conn, Missing, sql, workspace, collection, model, after, limit)
        })
        .await
    }

    /// Number of chunks of a collection, and of those that a model has not embedded.
    pub async fn count_vectors(
        &self,
        collection: &CollectionId,
        model: &str,
    ) -> Result<(i64, i64)> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select count(*), count(*) - count(v.model)
                 from documents d join chunks c on c.document_id = d.id
                 left join vectors v on v.workspace_id = c.workspace_id and v.model = $3
                     and v.text_hash = c.text_hash
                 where d.workspace_id = $1 and d.collection_id = $2 and d.state = '{READY}'"
            );
            let (workspace, collection) = (workspace.as_str(), collection.as_str());
            let row = first!(conn, (i64, i64), sql, workspace, collection, model)?;
            Ok(row.unwrap_or_default())
        })
        .await
    }

    /// The models with stored embeddings.
    pub async fn vector_models(&self) -> Result<Vec<ModelRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select model, count(*) as vectors from vectors where workspace_id = $1
                       group by model order by model";
            all!(conn, ModelRow, sql, workspace.as_str())
        })
        .await
    }

    /// Makes every index reload all documents of a collection.
    pub async fn touch_collection(&self, collection: &CollectionId) -> Result<()> {
        self.apply(Touch { collection: collection.clone() }).await
    }

    /// Deletes embeddings of texts that no chunk has and, with `only`, those of all other models.
    /// Returns the number deleted.
    pub async fn forget_vectors(&self, only: Option<&str>) -> Result<u64> {
        self.apply(Forget { only: only.map(ToOwned::to_owned) }).await
    }
}

struct Keep {
    model: String,
    vectors: Vec<(String, Vec<f32>)>,
}

#[async_trait]
impl Write for Keep {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let mut rows = Rows::default();
        let mut seen = std::collections::HashSet::new();
        for (hash, vector) in self.vectors.iter().filter(|(hash, _)| seen.insert(hash)) {
            rows.push([
                workspace.as_str().into(),
                self.model.as_str().into(),
                hash.as_str().into(),
                to_bytes(vector).into(),
                now().into(),
            ]);
        }
        let into = "insert into vectors (workspace_id, model, text_hash, vector, created_at)";
        let again =
            "on conflict (workspace_id, model, text_hash) do update set vector = excluded.vector";
        conn.many(into, &rows, again).await.map(drop)
    }
}

struct Touch {
    collection: CollectionId,
}

#[async_trait]
impl Write for Touch {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let revision = next_revision(workspace, conn, &self.collection).await?;
        let sql = formatcp!(
            "update documents set revision = $3 where collection_id = $1 and workspace_id = $2
                 and state <> '{REMOVED}'"
        );
        run!(conn, sql, self.collection.as_str(), workspace.as_str(), revision).map(drop)
    }
}

struct Forget {
    only: Option<String>,
}

#[async_trait]
impl Write for Forget {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let mut gone = 0;
        if let Some(only) = &self.only {
            let sql = "delete from vectors where workspace_id = $1 and model <> $2";
            gone += run!(conn, sql, workspace.as_str(), only)?;
        }
        let sql = "delete from vectors where workspace_id = $1 and created_at < $2 and not exists
                   (select 1 from chunks c where c.workspace_id = vectors.workspace_id
                       and c.text_hash = vectors.text_hash)";
        gone += run!(conn, sql, workspace.as_str(), now() - ORPHAN_MS)?;
        Ok(gone)
    }
}

/// Shared query parts: the requested texts, and the join with stored vectors.
const WANTED: &str = "with wanted (text_hash, model, workspace_id) as (";
const HELD: &str = "from vectors v join wanted w
    on v.text_hash = w.text_hash and v.model = w.model and v.workspace_id = w.workspace_id";

impl ChunkRow {
    /// The embedding, if there is one.
    pub fn embedding(&self) -> Option<Vec<f32>> {
        self.vector.as_deref().map(from_bytes)
    }
}

/// A vector from little-endian f32.
fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// A vector as little-endian f32.
fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}
