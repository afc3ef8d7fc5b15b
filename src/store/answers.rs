//! Curated answers: created by hand or read from a file, each in one collection. Readers poll the
//! revisions for changes. Knows nothing about matching questions.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Error, Result, Store, Write, all, first, now, run, storable, to_json};
use crate::domain::{AnswerContent, AnswerId, CollectionId, WorkspaceId};

/// Maximum answers per collection. All of them are held in memory.
pub const MAX_ANSWERS: i64 = 5000;

const COLUMNS: &str = "select id, collection_id, source, phrasings, body, language, enabled, author, embedder, vectors,
    created_at, updated_at from answers";

/// A stored curated answer.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct AnswerRow {
    /// The id.
    pub id: String,
    /// The collection.
    pub collection_id: String,
    /// The path of its file; `None` if it was created by hand.
    pub source: Option<String>,
    /// The phrasings, as JSON.
    phrasings: String,
    /// The answer text in Markdown.
    pub body: String,
    /// ISO 639-1 code of its language.
    pub language: Option<String>,
    enabled: i64,
    /// The author.
    pub author: String,
    /// The model of its embeddings.
    pub embedder: Option<String>,
    vectors: Option<Vec<u8>>,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

impl AnswerRow {
    /// The phrasings of the question.
    pub fn phrasings(&self) -> Vec<String> {
        serde_json::from_str(&self.phrasings).unwrap_or_default()
    }

    /// Whether it is in use.
    pub fn enabled(&self) -> bool {
        self.enabled != 0
    }

    /// The content.
    pub fn curated(&self) -> AnswerContent {
        AnswerContent {
            phrasings: self.phrasings(),
            body: self.body.clone(),
            language: self.language.clone(),
            enabled: self.enabled(),
        }
    }

    /// The embeddings of its phrasings in their order; `None` unless this model made them.
    pub fn vectors(&self, embedder: Option<&str>) -> Option<Vec<Vec<f32>>> {
        let bytes = self.vectors.as_ref().filter(|_| self.embedder.as_deref() == embedder)?;
        let many = self.phrasings().len();
        if many == 0 || bytes.is_empty() || bytes.len() % (4 * many) != 0 {
            return None;
        }
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        Some(numbers.chunks(numbers.len() / many).map(<[f32]>::to_vec).collect())
    }
}

/// The revision of a collection's answers.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AnswersRevision {
    /// The collection.
    pub collection_id: String,
    /// Grows with every change of its answers.
    pub revision: i64,
}

/// An answer to store.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    /// The collection.
    pub collection: CollectionId,
    /// The content, normalized.
    pub curated: AnswerContent,
    /// The author.
    pub author: String,
}

/// The result of changing an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Changed or removed.
    Yes,
    /// The answer does not exist.
    Missing,
    /// It comes from the file with this path and must be changed there.
    InFile(String),
}

/// The result of replacing a file's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOutcome {
    /// They are others than before.
    Changed,
    /// They are the same as before.
    Unchanged,
    /// Nothing was changed: the collection would hold more than [`MAX_ANSWERS`].
    Full,
}

impl Store {
    /// A collection's answers, newest first, before the given creation time and id.
    pub async fn answers(
        &self,
        collection: &CollectionId,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<AnswerRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = before.unwrap_or((i64::MAX, String::new()));
        let sql = format!(
            "{COLUMNS} where workspace_id = $1 and collection_id = $2
                and (created_at < $3 or (created_at = $3 and id < $4)) order by created_at desc, id desc limit $5"
        );
        self.read(async |conn| {
            let sql = sqlx::AssertSqlSafe(sql);
            all!(conn, AnswerRow, sql, workspace.as_str(), collection.as_str(), moment, &id, limit)
        })
        .await
    }

    /// Returns one answer.
    pub async fn answer(&self, id: &AnswerId) -> Result<Option<AnswerRow>> {
        let workspace = self.workspace_id();
        let sql = format!("{COLUMNS} where workspace_id = $1 and id = $2");
        self.read(async |conn| {
            first!(conn, AnswerRow, sqlx::AssertSqlSafe(sql), workspace.as_str(), id.as_str())
        })
        .await
    }

    /// All collections with the revisions of their answers.
    pub async fn answer_revisions(&self) -> Result<Vec<AnswersRevision>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id as collection_id, answers_revision as revision from collections
                       where workspace_id = $1";
            all!(conn, AnswersRevision, sql, workspace.as_str())
        })
        .await
    }

    /// Stores an answer; `None` if the collection is full.
    pub async fn add_answer(&self, answer: NewAnswer) -> Result<Option<AnswerId>> {
        self.apply(answer).await
    }

    /// Changes an answer that was created by hand.
    pub async fn change_answer(
        &self,
        id: &AnswerId,
        curated: AnswerContent,
    ) -> Result<ChangeOutcome> {
        self.apply(Change { id: id.clone(), curated: Some(curated) }).await
    }

    /// Removes an answer that was created by hand.
    pub async fn remove_answer(&self, id: &AnswerId) -> Result<ChangeOutcome> {
        self.apply(Change { id: id.clone(), curated: None }).await
    }

    /// Replaces a file's answers; an empty list if the file is gone.
    pub async fn answers_of_file(
        &self,
        collection: &CollectionId,
        path: &str,
        answers: Vec<AnswerContent>,
    ) -> Result<FileOutcome> {
        let path = storable(path).into_owned();
        self.apply(OfFile { collection: collection.clone(), path, answers }).await
    }

    /// The files with answers of a collection.
    pub async fn answer_files(&self, collection: &CollectionId) -> Result<Vec<String>> {
        let workspace = self.workspace_id();
        let rows = self
            .read(async |conn| {
                let sql = "select distinct source from answers
                           where workspace_id = $1 and collection_id = $2 and source is not null order by source";
                all!(conn, (String,), sql, workspace.as_str(), collection.as_str())
            })
            .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Stores the embeddings of an answer's phrasings, unless the phrasings changed since it was
    /// read.
    pub async fn keep_answer_vectors(
        &self,
        answer: &AnswerRow,
        embedder: &str,
        vectors: &[Vec<f32>],
    ) -> Result<()> {
        self.apply(KeepVectors {
            id: answer.id.clone(),
            phrasings: answer.phrasings.clone(),
            embedder: embedder.to_owned(),
            vectors: vectors.iter().flatten().flat_map(|x| x.to_le_bytes()).collect(),
        })
        .await
    }
}

#[async_trait]
impl Write for NewAnswer {
    type Out = Option<AnswerId>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<AnswerId>> {
        bump_revision(workspace, conn, &self.collection).await?;
        if count(conn, &self.collection).await? >= MAX_ANSWERS {
            return Ok(None);
        }
        let row = Row { source: None, author: &self.author };
        row.insert(workspace, conn, (&self.collection, &self.curated)).await.map(Some)
    }
}

async fn count(conn: &mut Conn<'_>, collection: &CollectionId) -> Result<i64> {
    let sql = "select count(*) from answers where collection_id = $1";
    Ok(first!(conn, (i64,), sql, collection.as_str())?.map_or(0, |row| row.0))
}

/// Origin columns of an answer's row.
struct Row<'a> {
    source: Option<&'a str>,
    author: &'a str,
}

impl Row<'_> {
    async fn insert(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        (collection, curated): (&CollectionId, &AnswerContent),
    ) -> Result<AnswerId> {
        let id = AnswerId::generate();
        let sql = "insert into answers (id, workspace_id, collection_id, source, phrasings, body, language, enabled,
                       author, created_at, updated_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
        run!(
            conn,
            sql,
            id.as_str(),
            workspace.as_str(),
            collection.as_str(),
            self.source,
            storable(&to_json(&curated.phrasings)?),
            storable(&curated.body),
            curated.language.as_deref(),
            i64::from(curated.enabled),
            storable(self.author),
            now()
        )?;
        Ok(id)
    }
}

struct Change {
    id: AnswerId,
    /// `None` removes it.
    curated: Option<AnswerContent>,
}

#[async_trait]
impl Write for Change {
    type Out = ChangeOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<ChangeOutcome> {
        let sql = "select collection_id, source from answers where id = $1 and workspace_id = $2";
        let id = self.id.as_str();
        let found = first!(conn, (String, Option<String>), sql, id, workspace.as_str())?;
        let collection = match found {
            None => return Ok(ChangeOutcome::Missing),
            Some((_, Some(path))) => return Ok(ChangeOutcome::InFile(path)),
            Some((collection, None)) => CollectionId::stored(collection),
        };
        bump_revision(workspace, conn, &collection).await?;
        let Some(curated) = &self.curated else {
            run!(conn, "delete from answers where id = $1", id)?;
            return Ok(ChangeOutcome::Yes);
        };
        let sql = "update answers set phrasings = $2, body = $3, language = $4, enabled = $5, updated_at = $6,
                       embedder = case when phrasings = $2 then embedder else null end,
                       vectors = case when phrasings = $2 then vectors else null end
                   where id = $1";
        let phrasings = to_json(&curated.phrasings)?;
        let (phrasings, body) = (storable(&phrasings), storable(&curated.body));
        let enabled = i64::from(curated.enabled);
        let touched =
            run!(conn, sql, id, phrasings, body, curated.language.as_deref(), enabled, now())?;
        Ok(if touched == 0 { ChangeOutcome::Missing } else { ChangeOutcome::Yes })
    }
}

struct OfFile {
    collection: CollectionId,
    path: String,
    answers: Vec<AnswerContent>,
}

#[async_trait]
impl Write for OfFile {
    type Out = FileOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<FileOutcome> {
        let sql =
            format!("{COLUMNS} where workspace_id = $1 and collection_id = $2 and source = $3");
        let (collection, path) = (self.collection.as_str(), &self.path);
        let sql = sqlx::AssertSqlSafe(sql);
        let known = all!(conn, AnswerRow, sql, workspace.as_str(), collection, path)?;
        let mut gone: HashMap<String, AnswerContent> =
            known.into_iter().map(|row| (row.id.clone(), row.curated())).collect();
        let mut fresh = Vec::new();
        for answer in &self.answers {
            match gone.iter().find(|(_, known)| *known == answer).map(|(id, _)| id.clone()) {
                Some(id) => drop(gone.remove(&id)),
                None => fresh.push(answer),
            }
        }
        if gone.is_empty() && fresh.is_empty() {
            return Ok(FileOutcome::Unchanged);
        }
        bump_revision(workspace, conn, &self.collection).await?;
        let added = fresh.len().saturating_sub(gone.len());
        let added = i64::try_from(added).unwrap_or(i64::MAX);
        if added > 0 && count(conn, &self.collection).await?.saturating_add(added) > MAX_ANSWERS {
            return Ok(FileOutcome::Full);
        }
        for id in gone.keys() {
            run!(conn, "delete from answers where id = $1", id)?;
        }
        let row = Row { source: Some(path), author: path };
        for answer in fresh {
            row.insert(workspace, conn, (&self.collection, answer)).await?;
        }
        Ok(FileOutcome::Changed)
    }
}

struct KeepVectors {
    id: String,
    phrasings: String,
    embedder: String,
    vectors: Vec<u8>,
}

#[async_trait]
impl Write for KeepVectors {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update answers set embedder = $4, vectors = $5
                   where id = $1 and workspace_id = $2 and phrasings = $3";
        let (workspace, vectors) = (workspace.as_str(), self.vectors.as_slice());
        run!(conn, sql, &self.id, workspace, &self.phrasings, &self.embedder, vectors).map(|_| ())
    }
}

/// Increments the revision of a collection's answers. On Postgres this also serializes changes of
/// one collection.
pub(super) async fn bump_revision(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    collection: &CollectionId,
) -> Result<()> {
    let sql = "update collections set answers_revision = answers_revision + 1
               where id = $1 and workspace_id = $2";
    match run!(conn, sql, collection.as_str(), workspace.as_str())? {
        0 => Err(Error::Failed(format!("there is no collection {collection}"))),
        _ => Ok(()),
    }
}
