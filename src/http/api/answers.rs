//! Curated answers of a collection: question and answer pairs that win over the model.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit_edit};
use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use crate::domain::{AnswerContent, AnswerId, CollectionId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::knowledge::Edit;
use crate::pipeline::offers;
use crate::store::answers::{AnswerRow, ChangeOutcome, MAX_ANSWERS, NewAnswer};

/// Author of everything that is written through the API, until there are user accounts.
pub(super) const AUTHOR: &str = "api";

/// A curated answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CuratedAnswer {
    /// Its id.
    id: String,
    /// Ways in which customers ask the question.
    phrasings: Vec<String>,
    /// The answer that customers get, in Markdown.
    answer: String,
    /// ISO 639-1 code of the language that it is for; null for any.
    language: Option<String>,
    /// Whether the answer is used.
    enabled: bool,
    /// The file that defines it, which is the only place to change it; null if it was created by
    /// hand.
    source: Option<String>,
    /// Who wrote it.
    author: String,
    /// When it was created, milliseconds since 1970.
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

/// A curated answer to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCuratedAnswer {
    /// Ways in which customers ask the question, 1 to 50.
    #[schema(max_items = 50, value_type = Vec<Phrasing>)]
    phrasings: Vec<String>,
    /// The answer that customers get, in Markdown.
    #[schema(max_length = 8000)]
    answer: String,
    /// ISO 639-1 code of the language that it is for; null for any.
    #[serde(default)]
    language: Option<String>,
    /// Whether the answer is used; default true.
    #[serde(default = "yes")]
    enabled: bool,
}

/// One way to ask the question.
#[derive(ToSchema)]
#[schema(max_length = 500)]
#[expect(dead_code, reason = "it describes a text to those who read the API's document")]
pub(super) struct Phrasing(String);

fn yes() -> bool {
    true
}

/// Changes to a curated answer. Omitted fields keep their values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CuratedAnswerChange {
    /// Ways in which customers ask the question.
    #[schema(max_items = 50, value_type = Option<Vec<Phrasing>>)]
    phrasings: Option<Vec<String>>,
    /// The answer that customers get, in Markdown.
    #[schema(max_length = 8000)]
    answer: Option<String>,
    /// ISO 639-1 code of the language that it is for; empty for any.
    language: Option<String>,
    /// Whether the answer is used.
    enabled: Option<bool>,
}

/// Lists a collection's curated answers, newest first.
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

/// Creates a curated answer, which takes effect at once. If a gate guards the collection, its suite
/// is run on the change first, which may take minutes.
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
    let curated = normalized(AnswerContent { phrasings, body, language, enabled })?;
    check_marks(&web, &collection, &curated)?;
    let _turn = admit_edit(&web, (&name, &Edit::AddAnswer(curated.clone())), permit).await?;
    let new = NewAnswer { collection, curated, author: AUTHOR.into() };
    let id = web.desk.store.add_answer(new).await?.ok_or_else(collection_full)?;
    web.desk.reload_answers().await?;
    let row = web.desk.store.answer(&id).await?.ok_or_else(missing)?;
    Ok((Note::on(format!("{name}/{}", row.id), json!({})), Json(row.into())))
}

/// Returns one curated answer.
#[utoipa::path(get, path = "/collections/{name}/answers/{id}", operation_id = "get_answer", tag = "knowledge",
    params(("name" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem)))]
pub(super) async fn one(
    State(web): State<WebState>,
    Path((name, id)): Path<(String, String)>,
) -> Answer<CuratedAnswer> {
    Ok(Json(find(&web, &name, &id).await?.into()))
}

/// Changes a curated answer that was created by hand. If a gate guards the collection, its suite is
/// run on the change first, which may take minutes.
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
    // What was right when it was written must not keep it from being switched off.
    let is_new_text = wanted.answer.as_ref().is_some_and(|answer| *answer != known.body);
    let curated = normalized(AnswerContent {
        phrasings: wanted.phrasings.unwrap_or(known.phrasings),
        body: wanted.answer.unwrap_or(known.body),
        language: wanted.language.or(known.language).filter(|code| !code.is_empty()),
        enabled: wanted.enabled.unwrap_or(known.enabled),
    })?;
    reject_file_answer(&row)?;
    if is_new_text {
        check_marks(&web, &CollectionId::stored(row.collection_id), &curated)?;
    }
    let id = AnswerId::stored(row.id);
    let edit = Edit::ChangeAnswer(id.clone(), curated.clone());
    let _turn = admit_edit(&web, (&name, &edit), permit).await?;
    check_change_outcome(web.desk.store.change_answer(&id, curated).await?)?;
    web.desk.reload_answers().await?;
    let row = web.desk.store.answer(&id).await?.ok_or_else(missing)?;
    Ok(Json(row.into()))
}

/// Removes a curated answer that was created by hand, and returns it. If a gate guards the
/// collection, its suite is run on the change first, which may take minutes.
#[utoipa::path(delete, path = "/collections/{name}/answers/{id}", operation_id = "remove_answer", tag = "knowledge",
    params(("name" = String, Path), ("id" = String, Path), Force),
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path((name, id)): Path<(String, String)>,
    permit: Permit,
) -> Answer<CuratedAnswer> {
    let row = find(&web, &name, &id).await?;
    reject_file_answer(&row)?;
    let id = AnswerId::stored(row.id.clone());
    let _turn = admit_edit(&web, (&name, &Edit::RemoveAnswer(id.clone())), permit).await?;
    check_change_outcome(web.desk.store.remove_answer(&id).await?)?;
    web.desk.reload_answers().await?;
    Ok(Json(row.into()))
}

/// Finds an answer, in this collection only.
async fn find(web: &WebState, name: &str, id: &str) -> Result<AnswerRow, Problem> {
    let collection = collection(web, name).await?;
    let id = AnswerId::parse(id).map_err(|_| missing())?;
    let row = web.desk.store.answer(&id).await?;
    row.filter(|row| row.collection_id == collection.as_str()).ok_or_else(missing)
}

/// Returns the id of a collection, by its name.
pub(super) async fn collection(web: &WebState, name: &str) -> Result<CollectionId, Problem> {
    let all = web.desk.store.collections().await?;
    let found = all.into_iter().find(|row| row.slug == name);
    found.map(|row| CollectionId::stored(row.id)).ok_or_else(|| Problem::not_found("collection"))
}

/// Normalizes an answer for storage, or says what is wrong with it.
pub(super) fn normalized(curated: AnswerContent) -> Result<AnswerContent, Problem> {
    curated
        .tidied()
        .map_err(|why| Problem::unprocessable(format!("This cannot be an answer: {why}.")))
}

/// Refuses an answer with choices that do not fit, or with a place that an agent of the collection
/// does not have.
pub(super) fn check_marks(
    web: &WebState,
    collection: &CollectionId,
    curated: &AnswerContent,
) -> Result<(), Problem> {
    let wrong = |why: String| Problem::unprocessable(format!("This cannot be an answer: {why}."));
    offers::check(&curated.body, None).map_err(wrong)?;
    for bot in web.desk.bots.all().iter().filter(|bot| bot.agent.knowledge.contains(collection)) {
        let (agent, places) = (&bot.agent.slug, Some(bot.agent.locations.as_slice()));
        let checked = offers::check(&curated.body, places);
        checked.map_err(|why| wrong(format!("{agent} would not send it whole: {why}")))?;
    }
    Ok(())
}

/// Refuses answers that a file defines, before a gate's suite is run for nothing.
fn reject_file_answer(row: &AnswerRow) -> Result<(), Problem> {
    check_change_outcome(row.source.clone().map_or(ChangeOutcome::Yes, ChangeOutcome::InFile))
}

fn check_change_outcome(changed: ChangeOutcome) -> Result<(), Problem> {
    match changed {
        ChangeOutcome::Yes => Ok(()),
        ChangeOutcome::Missing => Err(missing()),
        ChangeOutcome::InFile(path) => Err(Problem::conflict(format!(
            "The file {path} of this collection holds this answer: change it there and learn the folder again."
        ))),
    }
}

/// The error for a collection with no room for more curated answers.
pub(super) fn collection_full() -> Problem {
    Problem::unprocessable(format!(
        "The collection holds {MAX_ANSWERS} curated answers, which is the most: remove some."
    ))
}

fn missing() -> Problem {
    Problem::not_found("answer")
}
