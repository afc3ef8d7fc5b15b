//! Campaigns: a template to many customers.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::outreach::{self, StartedConversation};
use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use super::{template_reply, writing};
use crate::desk::{CampaignProblem, Number};
use crate::domain::time::now_ms;
use crate::domain::{
    CampaignHold, CampaignId, CampaignState, CampaignStop, CampaignTemplate, Content,
    MessageTemplate, Party, ProblemCode, phone,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::store::campaigns::{CampaignChange, CampaignRow, NewCampaign};
use crate::store::first_messages::{FirstMessage, OptIn};

pub(super) mod recipients;
pub(super) mod results;

/// The furthest start of a campaign, in milliseconds from now: a year.
const MAX_AHEAD_MS: i64 = 366 * 24 * 3_600_000;

/// A template to many customers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Campaign {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// Id of the number that writes.
    number_id: String,
    /// The template and its values; null if this version cannot read it.
    template: Option<CampaignTemplate>,
    /// Where the recipients agreed to be written to.
    opt_in: String,
    /// Messages a minute; null for three quarters of the number's rate.
    pace: Option<i64>,
    /// How far it is.
    state: CampaignState,
    /// Why it stopped.
    reason: Option<CampaignStop>,
    /// What it waits for, while it runs.
    hold: Option<CampaignHold>,
    /// While it is scheduled: when it begins, milliseconds since 1970.
    starts_at: Option<i64>,
    /// Recipients in all.
    recipients: i64,
    /// Recipients whose message was queued.
    queued: i64,
    /// Recipients who get none: `GET /campaigns/{id}/results` says why.
    skipped: i64,
    /// When it was created, milliseconds since 1970.
    created_at: i64,
    /// When it first began, milliseconds since 1970.
    started_at: Option<i64>,
    /// When it last stopped or finished, milliseconds since 1970.
    ended_at: Option<i64>,
}

/// A campaign to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignRequest {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Id of the number that writes.
    number_id: String,
    /// The template and its values.
    template: CampaignTemplate,
    /// Where and how the recipients agreed to be written to, such as `Newsletter form`. It is recorded
    /// with each of whom nothing is on record.
    #[schema(min_length = 1, max_length = 300)]
    opt_in: String,
    /// Messages a minute. Without it three quarters of the number's rate, and never more than nine
    /// tenths: replies have the rest.
    #[schema(minimum = 1, maximum = 600_000)]
    pace: Option<i64>,
}

/// When a campaign begins.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignStart {
    /// The time, milliseconds since 1970; without it now.
    #[schema(minimum = 0, maximum = 9_999_999_999_999_i64)]
    at: Option<i64>,
}

/// A test of a campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignTest {
    /// Your own phone number with its country code.
    #[schema(max_length = 40)]
    phone: String,
}

impl From<CampaignRow> for Campaign {
    fn from(row: CampaignRow) -> Self {
        let template = row.template();
        Self {
            id: row.id.to_string(),
            name: row.name,
            number_id: row.number_id.to_string(),
            template,
            opt_in: row.opt_in,
            pace: row.pace,
            state: row.state,
            reason: row.reason,
            hold: row.hold,
            starts_at: row.due_at.filter(|_| row.state == CampaignState::Scheduled),
            recipients: row.recipients,
            queued: row.queued,
            skipped: row.skipped,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
        }
    }
}

/// Lists campaigns, newest first.
#[utoipa::path(get, path = "/campaigns", operation_id = "list_campaigns", tag = "campaigns", params(Paging),
    responses((status = 200, body = Page<Campaign>)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Campaign>> {
    let limit = paging.limit();
    let rows = web.desk.store.campaigns(paging.after()?, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, row.id.as_str()))))
}

/// Returns a campaign.
#[utoipa::path(get, path = "/campaigns/{id}", operation_id = "get_campaign", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = Campaign), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Campaign> {
    Ok(Json(read(&web, &id).await?.into()))
}

/// Creates a campaign as a draft. Add recipients, send a test, then start it.
#[utoipa::path(post, path = "/campaigns", operation_id = "create_campaign", tag = "campaigns", request_body = CampaignRequest,
    responses((status = 201, body = Campaign), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn create(
    State(web): State<WebState>,
    Body(request): Body<CampaignRequest>,
) -> Result<(StatusCode, Extension<Note>, Json<Campaign>), Problem> {
    super::numbers::view::row(&web, &request.number_id).await?;
    let (name, opt_in) = (request.name.trim(), request.opt_in.trim());
    if name.is_empty() {
        return Err(Problem::unprocessable("`name` is empty: say what people call the campaign."));
    }
    if opt_in.is_empty() {
        return Err(Problem::unprocessable(
            "`opt_in` is empty: say where the recipients agreed to be written to.",
        )
        .coded(ProblemCode::OptInRequired));
    }
    let number = template_reply::connected(&web, &request.number_id)?;
    outreach::with_templates(&number)?;
    usable(&web, &number, &request.template).await?;
    let campaign = NewCampaign {
        number: number.id.clone(),
        name: name.to_owned(),
        template: request.template,
        opt_in: opt_in.to_owned(),
        pace: request.pace,
    };
    let id = web.desk.store.create_campaign(campaign).await?;
    changed(&web).await;
    let note = Note::on(id.as_str(), json!({"number": number.slug}));
    Ok((StatusCode::CREATED, note, Json(read(&web, id.as_str()).await?.into())))
}

/// Removes a campaign that was never started, with its recipients.
#[utoipa::path(delete, path = "/campaigns/{id}", operation_id = "remove_campaign", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    done(web.desk.store.remove_campaign(&parse(&id)?).await?)?;
    changed(&web).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a campaign now or at a time, or goes on with one that was stopped. Nobody gets its message
/// twice.
#[utoipa::path(post, path = "/campaigns/{id}/start", operation_id = "start_campaign", tag = "campaigns", params(("id" = String, Path)),
    request_body = CampaignStart,
    responses((status = 200, body = Campaign), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn start(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Body(start): Body<CampaignStart>,
) -> AuditedAnswer<Campaign> {
    let row = read(&web, &id).await?;
    let (number, values) = ready(&web, &row)?;
    usable(&web, &number, &values).await?;
    let now = now_ms();
    let at = start.at.unwrap_or(now);
    if at > now + MAX_AHEAD_MS {
        return Err(Problem::unprocessable("`at` is more than a year away."));
    }
    done(web.desk.store.start_campaign(&row.id, at.max(now)).await?)?;
    web.desk.notifier.wake_campaign_feeder();
    changed(&web).await;
    let note = Note::on(row.id.as_str(), json!({"at": at.max(now), "recipients": row.recipients}));
    Ok((note, Json(read(&web, &id).await?.into())))
}

/// Stops a campaign: nothing more is sent. Messages that no process tried to send yet are taken back;
/// *start* goes on with them.
#[utoipa::path(post, path = "/campaigns/{id}/stop", operation_id = "stop_campaign", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = Campaign), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn stop(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Campaign> {
    done(web.desk.store.stop_campaign(&parse(&id)?, CampaignStop::Person).await?)?;
    changed(&web).await;
    Ok(Json(read(&web, &id).await?.into()))
}

/// Sends the first recipient's message to a phone number of yours. It counts for nothing.
#[utoipa::path(post, path = "/campaigns/{id}/test", operation_id = "test_campaign", tag = "campaigns",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, max_length = 200, description = "Anything that is new for each message, 1 to 200 characters")),
    request_body = CampaignTest,
    responses((status = 201, body = StartedConversation), (status = 200, description = "It was made before, with this key", body = StartedConversation),
        (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn test(
    State(web): State<WebState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(test): Body<CampaignTest>,
) -> Result<(StatusCode, Extension<Note>, Json<StartedConversation>), Problem> {
    let row = read(&web, &id).await?;
    let key = writing::key(&headers)?;
    let (number, values) = ready(&web, &row)?;
    let template = usable(&web, &number, &values).await?;
    let wa_id = phone::wa_id(&test.phone).ok_or_else(outreach::phone_problem)?;
    let example = web.desk.campaign_example(&row.id, (&values, &template)).await?;
    let example = example.ok_or_else(nobody_waits)?;
    let filled =
        example.map_err(|why| Problem::unprocessable(format!("The first recipient: {why}")))?;
    let message = FirstMessage {
        number: number.id.clone(),
        to: Party { wa_id: Some(wa_id), ..Party::default() },
        key,
        content: Content::Template(filled),
        window: web.desk.window(number.id.as_str()),
        opt_in: OptIn::Test,
        takes_over: false,
    };
    let (status, conversation, started) = outreach::write(&web, message).await?;
    let note = Note::on(row.id.as_str(), json!({"conversation": conversation.as_str()}));
    Ok((status, note, Json(started)))
}

/// A campaign's number and its values.
fn ready(
    web: &WebState,
    row: &CampaignRow,
) -> Result<(std::sync::Arc<Number>, CampaignTemplate), Problem> {
    let number = template_reply::connected(web, row.number_id.as_str())?;
    let values = row.template().ok_or_else(template_reply::template_unknown)?;
    Ok((number, values))
}

/// The template of a campaign, if WhatsApp takes it with its values.
async fn usable(
    web: &WebState,
    number: &Number,
    values: &CampaignTemplate,
) -> Result<MessageTemplate, Problem> {
    web.desk.campaign_template(number, values).await.map_err(|why| match why {
        CampaignProblem::TemplateUnknown => template_reply::template_unknown(),
        CampaignProblem::Values(why) => template_reply::unfilled_problem(&why),
        CampaignProblem::Store(error) => error.into(),
    })
}

fn parse(id: &str) -> Result<CampaignId, Problem> {
    CampaignId::parse(id).map_err(|_| Problem::not_found("campaign"))
}

async fn read(web: &WebState, id: &str) -> Result<CampaignRow, Problem> {
    let row = web.desk.store.campaign(&parse(id)?).await?;
    row.ok_or_else(|| Problem::not_found("campaign"))
}

async fn changed(web: &WebState) {
    web.desk.announce(crate::domain::What::Campaigns).await;
}

fn nobody_waits() -> Problem {
    Problem::conflict("Nobody waits for this campaign's message: add recipients first.")
        .coded(ProblemCode::NoRecipients)
}

/// Explains why a campaign was not changed.
fn done(change: CampaignChange) -> Result<(), Problem> {
    match change {
        CampaignChange::Done => Ok(()),
        CampaignChange::Nowhere => Err(Problem::not_found("campaign")),
        CampaignChange::NobodyWaits => Err(nobody_waits()),
        CampaignChange::Full => Err(Problem::conflict(format!(
            "A campaign has at most {} recipients: make another one.",
            crate::store::campaigns::recipients::MAX_RECIPIENTS
        ))),
        CampaignChange::WrongState(state) => Err(Problem::conflict(match state {
            CampaignState::Draft => "The campaign was not started.",
            CampaignState::Scheduled | CampaignState::Running => {
                "The campaign runs or is scheduled: stop it first."
            }
            CampaignState::Stopped => "The campaign is stopped.",
            CampaignState::Finished => "The campaign is finished: make another one.",
        })
        .coded(ProblemCode::CampaignState)),
    }
}
