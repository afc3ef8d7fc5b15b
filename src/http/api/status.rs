//! Status of the desk: its version, and which models are configured.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::CollectionOrigin;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::knowledge::EmbeddingProgress;
use crate::llm::{Discovery, LlmKind, ModelOrigin, ModelSource};
use crate::store::DatabaseKind;

/// Status of the desk.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// The version of frontdesk.
    version: &'static str,
    /// Whether the built-in demo shop answers, because there are no prompt files and documents yet.
    demo: bool,
    /// What writes the answers.
    model: Answering,
    /// Embedding model; null if only words are compared.
    embedder: Option<String>,
    /// Collections that the embedding model has not embedded completely. Until then they are searched
    /// by words alone.
    embedding: Vec<Embedding>,
    /// Whether voice notes are transcribed.
    speech: bool,
    /// Name of what transcribes them; null if nothing does.
    speech_by: Option<String>,
    /// URL at which people and WhatsApp reach this desk.
    base_url: String,
    /// Kind of database.
    database: DatabaseKind,
    /// Whether eval suites may run programs and scripts over the API: `allow_code` under `[evals]`.
    evals_run_code: bool,
}

/// What writes the answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnsweringModel)]
pub(super) struct Answering {
    /// Its kind.
    kind: LlmKind,
    /// Its name.
    name: String,
    /// False if the answers are sentences from the documents, without a model.
    is_model: bool,
    /// How it was chosen.
    origin: ModelOrigin,
    /// URL that gets the customers' messages, of a model that was chosen or found, not configured; of
    /// one that is gone, the URL that got them. Null if there is none.
    url: Option<String>,
    /// Addresses that were asked for a model; empty if one is configured.
    asked: Vec<String>,
}

impl Answering {
    pub(super) fn now(source: &ModelSource) -> Self {
        let (model, Discovery { origin, url, asked, .. }) = source.now();
        let name = model.default_model().to_owned();
        let is_model = model.kind(&name).generates();
        let kind = if is_model { LlmKind::Openai } else { LlmKind::Extractive };
        Self { kind, name, is_model, origin, url, asked }
    }
}

/// How far a collection is embedded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmbeddingProgress)]
pub(super) struct Embedding {
    /// The collection's name.
    collection: String,
    /// Number of chunks that are embedded.
    done: i64,
    /// Number of chunks.
    total: i64,
}

impl From<EmbeddingProgress> for Embedding {
    fn from(progress: EmbeddingProgress) -> Self {
        let EmbeddingProgress { collection, done, total } = progress;
        Self { collection, done, total }
    }
}

/// Whether the demo is used and was not removed.
async fn is_demo(web: &WebState) -> Result<bool, Problem> {
    let (library, rows) = (&web.desk.library, web.desk.store.collections().await?);
    Ok(rows.iter().any(|row| library.origin(&row.slug) == CollectionOrigin::Demo))
}

/// Returns the status of the desk.
#[utoipa::path(get, path = "/status", operation_id = "get_status", tag = "status",
    responses((status = 200, body = Status)))]
pub(super) async fn show(State(web): State<WebState>) -> Answer<Status> {
    let desk = &web.desk;
    let speech = desk.engine.speech.current();
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        demo: is_demo(&web).await?,
        model: Answering::now(&desk.engine.model),
        embedder: desk.engine.live().embed.identity().map(ToOwned::to_owned),
        embedding: desk
            .library
            .embedding_progress()
            .await?
            .into_iter()
            .map(Embedding::from)
            .collect(),
        speech: speech.name().is_some(),
        speech_by: speech.name().map(ToOwned::to_owned),
        base_url: desk.base_url.clone(),
        database: desk.store.database(),
        evals_run_code: web.jobs.policy().allows_code(),
    }))
}
