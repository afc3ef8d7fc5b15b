//! Settings of a collection: how its documents are cut and its passages ranked. What `collection.toml` says in its folder
//! wins over them; this file only passes on what is asked.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit};
use super::collections::found;
use super::response::Answer;
use crate::desk::Change;
use crate::domain::{CollectionId, SettingsOrigin};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::knowledge::CollectionOverrides;

/// What a collection says of its own, and who said it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CollectionSettings {
    /// Who says so.
    from: SettingsOrigin,
    #[serde(flatten)]
    settings: Settings,
}

/// How a collection's documents are cut and its passages ranked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewCollectionSettings)]
pub(super) struct Settings {
    /// How its documents are cut from the next time that they are learned; null: as the configuration says.
    chunk: Option<Chunking>,
    /// How its passages are ranked, from now on.
    #[schema(required = false)]
    search: Ranking,
}

/// How documents are cut.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the words of the file")]
pub(super) struct Chunking {
    /// The most tokens of a piece, 32 at least.
    #[schema(required = false, minimum = 32, maximum = 8192)]
    max_tokens: u32,
    /// Where a long paragraph is cut, so many tokens are repeated after the cut.
    #[schema(required = false, maximum = 8192)]
    overlap_tokens: u32,
    /// Neighbouring sections this small become one piece, 0 for never.
    #[schema(required = false, maximum = 8192)]
    join_below_tokens: u32,
}

/// How passages are ranked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ranking {
    /// Share of the embeddings in the whole, 0 to 1; null: the default.
    #[schema(minimum = 0, maximum = 1)]
    dense: Option<f32>,
    /// Share of the character n-grams in what the words have, 0 to 1; null: the default.
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

/// What a collection says of its own about cutting and ranking.
#[utoipa::path(get, path = "/collections/{name}/settings", operation_id = "get_collection_settings", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name")),
    responses((status = 200, body = CollectionSettings), (status = 404, response = Problem)))]
pub(super) async fn show(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<CollectionSettings> {
    let collection = CollectionId::stored(found(&web, &name).await?.id);
    let own = web.desk.library.own_settings(&collection).await?;
    own.map(|own| Json(own.into())).ok_or_else(|| Problem::not_found("collection"))
}

/// Sets all of them; what is not given is as the configuration says. Ranking changes at once; documents are cut anew when
/// they are learned again: `frontdesk learn` the folder, refresh the sources. Refused with 409 while the folder has a
/// `collection.toml`; one that is there the next time that the folder is learned wins.
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
    let row = found(&web, &name).await?;
    admit(&web, (&row.slug, Change::Settings), permit).await?;
    let collection = CollectionId::stored(row.id);
    // What was shown may be sent back: who said it before does not matter.
    given.as_object_mut().and_then(|given| given.remove("from"));
    Ok(Json(web.desk.library.set_settings(&collection, &given).await?.into()))
}
