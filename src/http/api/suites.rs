//! Eval suites: lists them, shows their cases, and saves and removes cases.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::response::Answer;
use super::sandbox::Earlier;
use crate::domain::Line;
use crate::domain::What;
use crate::eval::cases::{self, CaseRef, Check, ListedCase, SavedReply};
use crate::eval::jobs::{self, AcceptedBaseline, SuiteListing};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Query};
use crate::http::note::Note;

/// Maximum number of earlier messages in a case.
const MAX_HISTORY: usize = 40;
/// Maximum length of a text, in bytes.
const MAX_LEN: usize = 20_000;

/// A suite that can be run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Suite {
    /// Its name: the file's path in the suites folder.
    name: String,
    /// Its description, or its name if it has none.
    title: String,
    /// Number of cases written in it; null if they are generated or kept elsewhere, or if it cannot
    /// be read.
    cases: Option<i64>,
    /// The agent that it tests; null if that is not exactly one agent.
    agent: Option<String>,
    /// Whether it holds replies that were saved as cases.
    saved: bool,
    /// Its file of accepted scores, as `baseline` of a run takes it; null if there is none.
    baseline: Option<AcceptedScores>,
}

/// A suite's file of accepted scores.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedScores {
    /// Its name, beside the suite.
    file: String,
    /// When it was written, milliseconds since 1970.
    accepted_at: i64,
}

impl From<AcceptedBaseline> for AcceptedScores {
    fn from(AcceptedBaseline { file, accepted_at }: AcceptedBaseline) -> Self {
        Self { file, accepted_at }
    }
}

impl From<SuiteListing> for Suite {
    fn from(listed: SuiteListing) -> Self {
        let saved = listed.is_saved();
        let SuiteListing { name, title, cases, agent, baseline } = listed;
        Self { name, title, cases, agent, saved, baseline: baseline.map(AcceptedScores::from) }
    }
}

/// Lists the suites: the YAML files in `[files] suites`.
#[utoipa::path(get, path = "/evals/suites", operation_id = "list_suites", tag = "evals", responses((status = 200, body = [Suite])))]
pub(super) async fn list(State(web): State<WebState>) -> Answer<Vec<Suite>> {
    let listing = tokio::task::spawn_blocking(move || web.jobs.listed());
    let broken = |_| Problem::broken("The suites cannot be read. The server's log says why.");
    let listed = listing.await.map_err(broken)?;
    Ok(Json(listed.into_iter().map(Suite::from).collect()))
}

/// A suite with its cases.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuiteCases {
    /// Text of its file; null for the owner's own files, which may hold keys.
    text: Option<String>,
    /// The cases that are written in it, in its order.
    cases: Vec<SuiteCase>,
    /// Whether its cases can be changed here: only suites of saved replies can.
    saved: bool,
}

/// A case of a suite.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuiteCase {
    /// Its title.
    title: String,
    /// Hash of what it says, to name it when it is replaced or removed.
    hash: String,
    /// What it consists of, if it has no more than a case that is saved here; else null.
    form: Option<CaseForm>,
}

/// What a case consists of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CaseForm {
    /// Earlier messages, oldest first.
    history: Vec<Earlier>,
    /// The customer's message.
    text: String,
    /// Assertions on the answer.
    checks: Vec<Check>,
}

impl From<ListedCase> for SuiteCase {
    fn from(ListedCase { title, hash, form }: ListedCase) -> Self {
        let form = form.map(|cases::CaseForm { history, text, checks }| CaseForm {
            history: history.into_iter().map(Earlier::from).collect(),
            text,
            checks,
        });
        Self { title, hash, form }
    }
}

/// The suite to read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SuiteQuery {
    /// Name of the suite.
    #[param(max_length = 500)]
    suite: String,
}

/// Returns a suite: the text of its file, and its cases.
#[utoipa::path(get, path = "/evals/cases", operation_id = "list_cases", tag = "evals", params(SuiteQuery),
    responses((status = 200, body = SuiteCases), (status = 404, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn cases(
    State(web): State<WebState>,
    Query(SuiteQuery { suite }): Query<SuiteQuery>,
) -> Answer<SuiteCases> {
    let jobs::SuiteCases { text, cases, is_saved } = web.jobs.suite_cases(&suite).await?;
    let cases = cases.into_iter().map(SuiteCase::from).collect();
    Ok(Json(SuiteCases { text, cases, saved: is_saved }))
}

/// The case to remove.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CaseQuery {
    /// Name of the suite.
    #[param(max_length = 500)]
    suite: String,
    /// The case's place in the suite, from 0.
    #[param(maximum = 100_000)]
    at: usize,
    /// Its hash. If the case at this place has another, nothing is removed.
    #[param(max_length = 64)]
    hash: String,
}

/// Removes a case from a suite of saved replies that no gate uses; with its last case, the suite.
#[utoipa::path(delete, path = "/evals/cases", operation_id = "remove_case", tag = "evals", params(CaseQuery),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Query(CaseQuery { suite, at, hash }): Query<CaseQuery>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    web.jobs.remove_case(&suite, &CaseRef { at, hash }).await?;
    web.desk.announce(What::Evals).await;
    Ok((StatusCode::NO_CONTENT, Note::on(&suite, json!({"at": at}))))
}

/// A reply to save as a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCase {
    /// Id or short name of the agent.
    agent: String,
    /// The suite; default: `saved-AGENT.yaml`. Only suites of that kind can be written.
    suite: Option<String>,
    /// Earlier messages, oldest first.
    #[serde(default)]
    #[schema(max_items = 40)]
    history: Vec<Earlier>,
    /// The customer's message.
    #[schema(max_length = 20_000)]
    text: String,
    /// The bot's reply, or what it should be; kept with the case.
    #[schema(max_length = 20_000)]
    reply: String,
    /// Assertions on the answer, in the format of a suite: `[{"type": "icontains", "value":
    /// "9:00"}]`. Default: the bot answers, and its answer is similar to the reply.
    #[schema(max_items = 20)]
    checks: Option<Vec<Check>>,
    /// Title of the case; default: its first words.
    #[schema(max_length = 20_000)]
    title: Option<String>,
    /// The case of `suite` that it replaces; it goes to the end. No gate may use the suite.
    replaces: Option<CaseRef>,
}

/// A saved case.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SavedCase {
    /// The suite, as `POST /evals/runs` takes it.
    suite: String,
    /// Title of the case.
    case: String,
    /// Whether it is new; false if the suite already has a case with the same words.
    added: bool,
}

/// Saves a reply as a case of a suite, which is created if it does not exist.
#[utoipa::path(post, path = "/evals/cases", operation_id = "save_case", tag = "evals", request_body = NewCase,
    responses((status = 201, body = SavedCase), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn save(
    State(web): State<WebState>,
    Body(new): Body<NewCase>,
) -> Result<(StatusCode, Extension<Note>, Json<SavedCase>), Problem> {
    let NewCase { agent, suite, history, text, reply, checks, title, replaces } = new;
    let bot = web.desk.bots.named(&agent).ok_or_else(|| Problem::not_found("agent"))?;
    let history: Vec<Line> = history.into_iter().map(Line::from).collect();
    let sizes = [text.len(), reply.len(), title.as_ref().map_or(0, String::len)];
    let before = history.iter().map(|line| line.text.len());
    if text.trim().is_empty()
        || history.len() > MAX_HISTORY
        || sizes.into_iter().chain(before).any(|n| n > MAX_LEN)
    {
        return Err(Problem::unprocessable(format!(
            "`text` is what the customer writes, and not empty; `history` has at most {MAX_HISTORY} messages, each text at most {MAX_LEN} bytes."
        )));
    }
    let title = title.unwrap_or_default();
    let saving = SavedReply { title, history, text, reply, checks };
    let replaced = replaces.as_ref().map(|old| old.at);
    let saved = web.jobs.save_case((&bot.agent.slug, suite.as_deref()), &saving, replaces).await?;
    web.desk.announce(What::Evals).await;
    let jobs::SavedCase { suite, case, added } = saved;
    let note = Note::on(&suite, json!({"added": added, "replaced": replaced}));
    Ok((StatusCode::CREATED, note, Json(SavedCase { suite, case, added })))
}
