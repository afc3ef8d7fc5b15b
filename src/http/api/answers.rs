//! Curated answers: question and answer pairs of a collection that win over the model.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit_edit};
use super::knowledge::named;
use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use crate::domain::{AnswerContent, AnswerId, CollectionId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::knowledge::Edit;
use crate::store::answers::{AnswerRow, ChangeOutcome, MOST_ANSWERS, NewAnswer};

/// Who writes what comes through the API, until there are users.
pub(super) const AUTHOR: &str = "api";

/// A curated answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CuratedAnswer {
    /// Its id.
    id: String,
    /// How customers put the question.
    phrasings: Vec<String>,
    /// What they get, Markdown.
    answer: String,
    /// ISO 639-1 code of the language that it is for; none: any.
    language: Option<String>,
    /// Whether it answers.
    enabled: bool,
    /// The file that holds it; none when it was made by hand. An answer of a file is changed in the file.
    source: Option<String>,
    /// Who wrote it.
    author: String,
    /// When it was made, milliseconds since 1970.
    created_at: i64,
    /// When it was last changed, milliseconds since 1970.
    updated_at: i64,
}

impl From<AnswerRow> for CuratedAnswer {
    fn from(row: AnswerRow) -> Self {
        Self {
            phrasings: row.phrasings(),
            enabled: row.enabled(),
            id: row.id,
            answer: row.body,
            language: row.language,
            source: row.source,
            author: row.author,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A curated answer to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCuratedAnswer {
    /// How customers put the question, 1 to 50 ways.
    #[schema(max_items = 50, value_type = Vec<Phrasing>)]
    phrasings: Vec<String>,
    /// What they get, Markdown.
    #[schema(max_length = 8000)]
    answer: String,
    /// ISO 639-1 code of the language that it is for; none: any.
    #[serde(default)]
    language: Option<String>,
    /// Whether it answers; it does when this is not given.
    #[serde(default = "yes")]
    enabled: bool,
}

/// One way to put a question.
#[derive(ToSchema)]
#[schema(max_length = 500)]
#[expect(dead_code, reason = "it describes a text to those who read the API's document")]
pub(super) struct Phrasing(String);

fn yes() -> bool {
    true
}

/// What to change of a curated answer; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CuratedAnswerChange {
    /// How customers put the question.
    #[schema(max_items = 50, value_type = Option<Vec<Phrasing>>)]
    phrasings: Option<Vec<String>>,
    /// What they get, Markdown.
    #[schema(max_length = 8000)]
    answer: Option<String>,
    /// ISO 639-1 code of the language that it is for; empty: any.
    language: Option<String>,
    /// Whether it answers.
    enabled: Option<bool>,
}

/// A collection's curated answers, the newest first.
#[utoipa::path(get, path = "/collections/{name}/answers", operation_id = "list_answers", tag = "knowledge", params(("name" = String, Path), Paging),
    responses((status = 200, body = Page<CuratedAnswer>), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<CuratedAnswer>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.answers(&collection(&web, &name).await?, after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}

/// Makes a curated answer. It answers at once. Where a gate guards the collection,
/// its suite is run on the change first, which may take minutes.
#[utoipa::path(post, path = "/collections/{name}/answers", operation_id = "create_answer", tag = "knowledge", params(("name" = String, Path), Force),
    request_body = NewCuratedAnswer,
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn create(
    State(web): State<WebState>,
    Path(name): Path<String>,
    permit: Permit,
    Body(new): Body<NewCuratedAnswer>,
) -> AuditedAnswer<CuratedAnswer> {
    let collection = collection(&web, &name).await?;
    let NewCuratedAnswer { phrasings, answer: body, language, enabled } = new;
    let curated = tidied(AnswerContent { phrasings, body, language, enabled })?;
    let _turn = admit_edit(&web, (&name, &Edit::AddAnswer(curated.clone())), permit).await?;
    let new = NewAnswer { collection, curated, author: AUTHOR.into() };
    let id = web.desk.store.add_answer(new).await?.ok_or_else(full)?;
    web.desk.follow_answers().await?;
    let row = web.desk.store.answer(&id).await?.ok_or_else(missing)?;
    Ok((Note::on(format!("{name}/{}", row.id), json!({})), Json(row.into())))
}

/// One curated answer.
#[utoipa::path(get, path = "/collections/{name}/answers/{id}", operation_id = "get_answer", tag = "knowledge",
    params(("name" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem)))]
pub(super) async fn one(
    State(web): State<WebState>,
    Path((name, id)): Path<(String, String)>,
) -> Answer<CuratedAnswer> {
    Ok(Json(find(&web, &name, &id).await?.into()))
}

/// Changes a curated answer that was made by hand. Where a gate guards the collection,
/// its suite is run on the change first, which may take minutes.
#[utoipa::path(patch, path = "/collections/{name}/answers/{id}", operation_id = "change_answer", tag = "knowledge",
    params(("name" = String, Path), ("id" = String, Path), Force), request_body = CuratedAnswerChange,
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn change(
    State(web): State<WebState>,
    Path((name, id)): Path<(String, String)>,
    permit: Permit,
    Body(wanted): Body<CuratedAnswerChange>,
) -> Answer<CuratedAnswer> {
    let row = find(&web, &name, &id).await?;
    let known = row.curated();
    let curated = tidied(AnswerContent {
        phrasings: wanted.phrasings.unwrap_or(known.phrasings),
        body: wanted.answer.unwrap_or(known.body),
        language: wanted.language.or(known.language).filter(|code| !code.is_empty()),
        enabled: wanted.enabled.unwrap_or(known.enabled),
    })?;
    in_no_file(&row)?;
    let id = AnswerId::stored(row.id);
    let edit = Edit::ChangeAnswer(id.clone(), curated.clone());
    let _turn = admit_edit(&web, (&name, &edit), permit).await?;
    done(web.desk.store.change_answer(&id, curated).await?)?;
    web.desk.follow_answers().await?;
    let row = web.desk.store.answer(&id).await?.ok_or_else(missing)?;
    Ok(Json(row.into()))
}

/// Removes a curated answer that was made by hand, and gives back what it was. Where a gate guards the collection,
/// its suite is run on the change first, which may take minutes.
#[utoipa::path(delete, path = "/collections/{name}/answers/{id}", operation_id = "remove_answer", tag = "knowledge",
    params(("name" = String, Path), ("id" = String, Path), Force),
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path((name, id)): Path<(String, String)>,
    permit: Permit,
) -> Answer<CuratedAnswer> {
    let row = find(&web, &name, &id).await?;
    in_no_file(&row)?;
    let id = AnswerId::stored(row.id.clone());
    let _turn = admit_edit(&web, (&name, &Edit::RemoveAnswer(id.clone())), permit).await?;
    done(web.desk.store.remove_answer(&id).await?)?;
    web.desk.follow_answers().await?;
    Ok(Json(row.into()))
}

/// An answer of just this collection.
async fn find(web: &WebState, name: &str, id: &str) -> Result<AnswerRow, Problem> {
    let collection = collection(web, name).await?;
    let id = AnswerId::parse(id).map_err(|_| missing())?;
    let row = web.desk.store.answer(&id).await?;
    row.filter(|row| row.collection_id == collection.as_str()).ok_or_else(missing)
}

/// The collection of a name.
pub(super) async fn collection(web: &WebState, name: &str) -> Result<CollectionId, Problem> {
    let found = named(web, &[name.to_owned()]).await;
    let first = found.ok().and_then(|mut found| found.pop());
    first.ok_or_else(|| Problem::not_found("collection"))
}

/// The answer ready to be stored, or what is wrong with it.
pub(super) fn tidied(curated: AnswerContent) -> Result<AnswerContent, Problem> {
    curated
        .tidied()
        .map_err(|why| Problem::unprocessable(format!("This cannot be an answer: {why}.")))
}

/// Refuses at once what could not be changed in the end.
fn in_no_file(row: &AnswerRow) -> Result<(), Problem> {
    done(row.source.clone().map_or(ChangeOutcome::Yes, ChangeOutcome::InFile))
}

fn done(changed: ChangeOutcome) -> Result<(), Problem> {
    match changed {
        ChangeOutcome::Yes => Ok(()),
        ChangeOutcome::Missing => Err(missing()),
        ChangeOutcome::InFile(path) => Err(Problem::conflict(format!(
            "The file {path} of this collection holds this answer: change it there and learn the folder again."
        ))),
    }
}

/// A collection without room.
pub(super) fn full() -> Problem {
    Problem::unprocessable(format!(
        "The collection holds {MOST_ANSWERS} curated answers, which is the most: remove some."
    ))
}

fn missing() -> Problem {
    Problem::not_found("answer")
}
