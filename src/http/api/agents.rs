//! Agents: lists, removes and renames them, lists their versions, and publishes versions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::Progress;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use crate::desk::RemovalError;
use crate::eval::gate::{self, PublishOutcome};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::http::verdict::GateVerdict;
use crate::store::agents::{AgentRow, VersionRow};
use crate::store::audit::Actor;

/// An agent (bot) with its live version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    /// Its id.
    id: String,
    /// Short name, taken from the prompt file's name.
    slug: String,
    /// Id of the live version.
    version_id: String,
    /// Number of the live version, counted from 1.
    version: i64,
    /// When that version first went live, milliseconds since 1970.
    published_at: i64,
    /// Text of the prompt file.
    source: String,
}

impl From<AgentRow> for Agent {
    fn from(row: AgentRow) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            version_id: row.version_id,
            version: row.ordinal,
            published_at: row.published_at,
            source: row.source,
        }
    }
}

/// Lists every agent with its live version.
#[utoipa::path(get, path = "/agents", operation_id = "list_agents", tag = "agents", responses((status = 200, body = [Agent])))]
pub(super) async fn list(State(web): State<WebState>) -> Answer<Vec<Agent>> {
    let rows = web.desk.store.agents().await?;
    Ok(Json(rows.into_iter().map(Agent::from).collect()))
}

/// Returns one agent, by id or short name.
#[utoipa::path(get, path = "/agents/{agent}", operation_id = "get_agent", tag = "agents", params(("agent" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(name): Path<String>) -> Answer<Agent> {
    Ok(Json(named(&web, &name).await?.into()))
}

/// Removes an agent that neither a number nor a running eval uses. Its conversations, turns and
/// versions stay; publishing a version brings it back.
#[utoipa::path(delete, path = "/agents/{agent}", operation_id = "remove_agent", tag = "agents", params(("agent" = String, Path)),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    let slug = web.jobs.remove_agent(&name, false).await?;
    Ok((StatusCode::NO_CONTENT, Note::on(slug, json!({}))))
}

/// What to change in an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentChange {
    /// The new short name: 1 to 60 lowercase letters, digits and hyphens.
    #[schema(max_length = 60)]
    slug: String,
}

/// Renames an agent. Refused while a running eval uses it, and for agents of prompt files. Suites
/// that name it have to be changed.
#[utoipa::path(patch, path = "/agents/{agent}", operation_id = "rename_agent", tag = "agents", params(("agent" = String, Path)),
    request_body = AgentChange,
    responses((status = 200, body = Agent), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn rename(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Body(AgentChange { slug }): Body<AgentChange>,
) -> AuditedAnswer<Agent> {
    let before = web.jobs.rename_agent(&name, &slug, false).await?;
    let note = Note::on(&slug, json!({"before": before}));
    Ok((note, Json(named(&web, &slug).await?.into())))
}

async fn named(web: &WebState, name: &str) -> Result<AgentRow, Problem> {
    Ok(web.desk.agent(name).await?)
}

impl From<RemovalError> for Problem {
    fn from(error: RemovalError) -> Self {
        match error {
            RemovalError::Missing(what) => Self::not_found(what),
            RemovalError::Used(why) => Self::conflict(why),
            error @ (RemovalError::Name | RemovalError::Title) => {
                Self::unprocessable(error.to_string())
            }
            RemovalError::Knowledge(error) => error.into(),
            RemovalError::Store(error) => error.into(),
        }
    }
}

/// A version of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API's word for it")]
pub(super) struct Version {
    /// Its id.
    id: String,
    /// Version number, counted from 1.
    version: i64,
    /// Whether this is the live version.
    live: bool,
    /// When it was created, milliseconds since 1970.
    created_at: i64,
    /// Who published it first: an actor of the audit log, or `prompt file`; null if it was not
    /// recorded.
    author: Option<String>,
    /// What its author said of it; null without a note.
    note: Option<String>,
    /// Text of the prompt file.
    source: String,
}

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            author: given(row.author),
            note: given(row.note),
            id: row.id,
            version: row.ordinal,
            live: row.live == 1,
            created_at: row.created_at,
            source: row.source,
        }
    }
}

/// Lists the versions of an agent, newest first.
#[utoipa::path(get, path = "/agents/{agent}/versions", operation_id = "list_versions", tag = "agents", params(("agent" = String, Path), Paging),
    responses((status = 200, body = Page<Version>), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn versions(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Version>> {
    let slug = slug_of(&web, name).await?;
    let before = paging.after()?.map_or(i64::MAX, |(number, _)| number);
    let limit = paging.limit();
    let rows = web.desk.store.versions(&slug, before, limit).await?;
    if rows.is_empty() && before == i64::MAX {
        return Err(Problem::not_found("agent"));
    }
    Ok(Json(Page::of(rows, limit, |row| (row.ordinal, &row.id))))
}

/// Returns one version of an agent, by its number.
#[utoipa::path(get, path = "/agents/{agent}/versions/{version}", operation_id = "get_version", tag = "agents",
    params(("agent" = String, Path), ("version" = i64, Path, minimum = 1, maximum = 1_000_000_000)),
    responses((status = 200, body = Version), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn version(
    State(web): State<WebState>,
    Path((name, number)): Path<(String, i64)>,
) -> Answer<Version> {
    let slug = slug_of(&web, name).await?;
    let row = web.desk.store.version(&slug, number).await?;
    row.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found("version"))
}

/// Returns the short name of an agent that is named by its id. A short name stays, also that of a
/// removed agent, whose versions can still be read.
async fn slug_of(web: &WebState, name: String) -> Result<String, Problem> {
    let rows = web.desk.store.agents().await?;
    Ok(rows.into_iter().find(|row| row.id == name).map_or(name, |row| row.slug))
}

/// A version to publish: `source` for a new one, or `version` for an existing one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    /// Text of the prompt file.
    #[schema(max_length = 200_000)]
    source: Option<String>,
    /// Number of an existing version.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    version: Option<i64>,
    /// What changed and why: kept with a new version, and in the audit log.
    #[serde(default)]
    #[schema(max_length = 300)]
    note: String,
    /// Publish even if the gate fails. The audit log records it.
    #[serde(default)]
    force: bool,
    /// Run the gate only; publish nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Result of a publish request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Publication {
    /// Number of the live version.
    version: i64,
    /// Whether the live version changed.
    changed: bool,
    /// The gate's verdict; null if no gate was run.
    verdict: Option<GateVerdict>,
}

/// Makes a version live. If the agent has a gate, the version must pass it first: its suite is run,
/// which may take minutes. The first version of an agent needs no gate. Brings a removed agent back.
/// Collections that it names and that do not exist are created, empty, without a question:
/// `check_draft` lists them as `new_collections`.
#[utoipa::path(post, path = "/agents/{agent}/publish", operation_id = "publish_version", tag = "agents", params(("agent" = String, Path)),
    request_body = Publish,
    responses((status = 200, body = Publication), (status = 404, response = Problem),
        (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn publish(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    Body(wanted): Body<Publish>,
) -> AuditedAnswer<Publication> {
    let (agent, is_removed) = match web.desk.agent(&name).await {
        Err(RemovalError::Missing(_)) => (web.desk.removed_agent(&name).await?, true),
        found => (found?, false),
    };
    let source = match (wanted.source, wanted.version) {
        (Some(source), None) => source,
        (None, Some(number)) => {
            let row = web.desk.store.version(&agent.slug, number).await?;
            row.ok_or_else(|| Problem::not_found("version"))?.source
        }
        _ => {
            return Err(Problem::unprocessable(
                "Give either `source`, a prompt file, or `version`, the number of one that is there.",
            ));
        }
    };
    let (note, force, dry_run) = (wanted.note, wanted.force, wanted.dry_run);
    // Finishes even if the caller disconnects: half of it would be neither published nor audited.
    let task = tokio::spawn(async move {
        let (_turn, publisher) = web.jobs.publisher(actor, web.jobs.policy()).await;
        let wanted = gate::PublishRequest {
            agent: &agent.slug,
            source: &source,
            note: &note,
            force,
            dry_run,
        };
        (publisher.publish(wanted, &SilentRun).await, agent.ordinal)
    });
    let (became, before) =
        task.await.map_err(|_| Problem::broken("Publishing failed. The server's log says why."))?;
    Ok((Note::written(), Json(published(became?, (before, is_removed))?)))
}

fn published(
    became: PublishOutcome,
    (before, is_removed): (i64, bool),
) -> Result<Publication, Problem> {
    let shown = |verdict: Box<gate::Verdict>| GateVerdict::from(*verdict);
    Ok(match became {
        PublishOutcome::Live(published, verdict) => Publication {
            version: published.ordinal,
            changed: published.changed,
            verdict: verdict.map(shown),
        },
        PublishOutcome::Unchanged(version) => {
            Publication { version, changed: false, verdict: None }
        }
        PublishOutcome::Tried(verdict) => {
            Publication { version: before, changed: false, verdict: verdict.map(shown) }
        }
        PublishOutcome::Refused(verdict) => {
            let stays = if is_removed {
                "The agent stays removed.".to_owned()
            } else {
                format!("Version {before} goes on.")
            };
            let detail = format!(
                "The gate refused it ({}: {}): {}\n{stays} With `\"force\": true` it is published all the same, and that is written down.",
                verdict.suite, verdict.rule, verdict.reason
            );
            return Err(Problem::refused(detail, *verdict));
        }
    })
}

impl From<gate::Error> for Problem {
    fn from(error: gate::Error) -> Self {
        match error {
            gate::Error::Wrong(why) => Self::unprocessable(why),
            error @ gate::Error::Overtaken(_) => Self::conflict(error.to_string()),
            gate::Error::Store(error) => error.into(),
        }
    }
}

/// Discards the progress of a gate run.
pub(super) struct SilentRun;

impl Progress for SilentRun {
    fn begin(&self, _: usize) {}
    fn row(&self, _: &EvalRow) {}
    fn done(&self) {}
}
