//! Settings of a collection: chunking and ranking. A `collection.toml` in its folder overrides
//! them. This file only passes requests on.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit};
use super::collections::find_collection;
use super::response::Answer;
use crate::desk::Change;
use crate::domain::{CollectionId, SettingsOrigin};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::knowledge::CollectionOverrides;

/// A collection's own settings, and where they were set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CollectionSettings {
    /// Where they were set.
    from: SettingsOrigin,
    #[serde(flatten)]
    settings: Settings,
}

/// Chunking and ranking settings of a collection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewCollectionSettings)]
pub(super) struct Settings {
    /// Chunking, from the next time that documents are learned; null for the configuration's
    /// settings.
    chunk: Option<Chunking>,
    /// Ranking, effective at once.
    #[schema(required = false)]
    search: Ranking,
}

/// Chunking settings.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the words of the file")]
pub(super) struct Chunking {
    /// Maximum size of a chunk, in tokens, at least 32.
    #[schema(required = false, minimum = 32, maximum = 8192)]
    max_tokens: u32,
    /// Overlap between the chunks of a long paragraph, in tokens.
    #[schema(required = false, maximum = 8192)]
    overlap_tokens: u32,
    /// Neighboring sections smaller than this are joined into one chunk, in tokens; 0 for never.
    #[schema(required = false, maximum = 8192)]
    join_below_tokens: u32,
}

/// Ranking settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ranking {
    /// Weight of the embeddings in the fused score, 0 to 1; null for the default.
    #[schema(minimum = 0, maximum = 1)]
    dense: Option<f32>,
    /// Weight of the character n-grams within the lexical part, 0 to 1; null for the default.
    #[schema(minimum = 0, maximum = 1)]
    ngram: Option<f32>,
}

impl From<CollectionOverrides> for CollectionSettings {
    fn from(own: CollectionOverrides) -> Self {
        let from = own.from();
        let chunk = own.chunk.map(|cut| Chunking {
            max_tokens: cut.max_tokens,
            overlap_tokens: cut.overlap_tokens,
            join_below_tokens: cut.join_below_tokens,
        });
        let search = Ranking { dense: own.search.dense, ngram: own.search.ngram };
        Self { from, settings: Settings { chunk, search } }
    }
}

/// Returns a collection's own chunking and ranking settings.
#[utoipa::path(get, path = "/collections/{name}/settings", operation_id = "get_collection_settings", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name")),
    responses((status = 200, body = CollectionSettings), (status = 404, response = Problem)))]
pub(super) async fn show(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<CollectionSettings> {
    let collection = CollectionId::stored(find_collection(&web, &name).await?.id);
    let own = web.desk.library.own_settings(&collection).await?;
    own.map(|own| Json(own.into())).ok_or_else(|| Problem::not_found("collection"))
}

/// Replaces all settings; omitted ones are those of the configuration. Ranking changes at once,
/// chunking when documents are learned again: `frontdesk learn` the folder, refresh the sources.
/// Refused with 409 while the folder has a `collection.toml`; one that is there the next time the
/// folder is learned overrides these settings.
#[utoipa::path(put, path = "/collections/{name}/settings", operation_id = "set_collection_settings", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name"), Force), request_body = Settings,
    responses((status = 200, body = CollectionSettings), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn set(
    State(web): State<WebState>,
    Path(name): Path<String>,
    permit: Permit,
    Body(mut given): Body<Value>,
) -> Answer<CollectionSettings> {
    let row = find_collection(&web, &name).await?;
    admit(&web, (&row.slug, Change::Settings), permit).await?;
    let collection = CollectionId::stored(row.id);
    // Clients may send back what they read: where it was set before does not matter.
    given.as_object_mut().and_then(|given| given.remove("from"));
    Ok(Json(web.desk.library.set_settings(&collection, &given).await?.into()))
}
