//! The recipients of a campaign.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::super::page::{Page, Paging};
use super::super::response::{Answer, AuditedAnswer};
use super::{done, read, ready, usable};
use crate::desk::{ListEntry, RecipientList};
use crate::domain::campaign::column_name;
use crate::domain::{
    CampaignTemplate, MessageState, MessageTemplate, NoteCode, RecipientFields, RecipientState,
    SkipReason, phone,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::http::server::Intake;
use crate::store::campaigns::CampaignRow;
use crate::store::campaigns::recipients::{AddOutcome, RecipientRow, Segment};

/// Maximum size of a list, in bytes.
const MAX_LIST_BYTES: usize = 20 * 1024 * 1024;
/// Maximum size of the request besides the list: JSON may write a byte as two.
const MAX_OVERHEAD_BYTES: usize = MAX_LIST_BYTES / 4;
/// The most rejected rows that are named.
const MAX_NAMED: usize = 100;

/// Recipients to add: a list of people, a table, or contacts of the number. Exactly one of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NewRecipients {
    /// People.
    #[schema(max_items = 1000)]
    people: Option<Vec<Person>>,
    /// A table, comma, semicolon or tab separated: its first row names the columns, one of them `phone`.
    #[schema(max_length = 20_971_520)]
    csv: Option<String>,
    /// Contacts of the campaign's number.
    contacts: Option<ContactFilter>,
}

/// A recipient to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRecipient)]
pub(in super::super) struct Person {
    /// The phone number with its country code.
    #[schema(max_length = 40)]
    phone: String,
    /// The name.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Values for the template's placeholders, by column.
    #[serde(default)]
    fields: RecipientFields,
}

/// Which contacts of the number become recipients. Those who opted out never do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ContactFilter {
    /// Only those who wrote at or after this time, milliseconds since 1970.
    #[schema(minimum = 0, maximum = 9_999_999_999_999_i64)]
    wrote_after: Option<i64>,
    /// Only those who last wrote before this time, milliseconds since 1970.
    #[schema(minimum = 0, maximum = 9_999_999_999_999_i64)]
    wrote_before: Option<i64>,
    /// Only those of whom it is on record that they agreed to be written to.
    #[serde(default)]
    opted_in: bool,
    /// Only those whose phone begins with these digits, such as the country code `+55`.
    #[schema(max_length = 16)]
    phone_prefix: Option<String>,
}

/// What became of recipients to add.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct RecipientsAdded {
    /// How many were added.
    added: u64,
    /// How many were in the campaign before, or twice in the list.
    repeated: u64,
    /// How many rows cannot be used.
    rejected: usize,
    /// The first 100 of them.
    rows: Vec<RejectedRow>,
}

/// A row of a list that cannot be used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedRow)]
pub(in super::super) struct RejectedRow {
    /// Its line in the table, or its place among the people, from 1.
    line: usize,
    /// Why.
    reason: String,
}

/// A recipient of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Recipient {
    /// The phone, digits only.
    wa_id: Option<String>,
    /// The business-scoped id.
    bsuid: Option<String>,
    /// The name.
    name: Option<String>,
    /// Values for the template's placeholders, by column.
    fields: RecipientFields,
    /// Whether the message was queued.
    state: RecipientState,
    /// Why it never will be.
    reason: Option<SkipReason>,
    /// The conversation with the message.
    conversation_id: Option<String>,
    /// What became of the message.
    message_state: Option<MessageState>,
    /// Why the message was not sent.
    note: Option<String>,
    /// The same as a code; null for the provider's own words.
    note_code: Option<NoteCode>,
}

impl From<RecipientRow> for Recipient {
    fn from(row: RecipientRow) -> Self {
        Self {
            wa_id: row.wa_id,
            bsuid: row.bsuid,
            name: row.name,
            fields: serde_json::from_str(&row.fields).unwrap_or_default(),
            state: row.state,
            reason: row.reason,
            conversation_id: row.conversation_id,
            message_state: row.message_state,
            note_code: row.note.as_deref().and_then(NoteCode::of),
            note: row.note,
        }
    }
}

/// Adds recipients to a campaign that does not run: each customer once, however often they are added.
#[utoipa::path(post, path = "/campaigns/{id}/recipients", operation_id = "add_recipients", tag = "campaigns", params(("id" = String, Path)),
    request_body = NewRecipients,
    responses((status = 200, body = RecipientsAdded), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 413, response = Problem), (status = 422, response = Problem)))]
pub(in super::super) async fn add(
    State(web): State<WebState>,
    Path(id): Path<String>,
    mut request: Request,
) -> AuditedAnswer<RecipientsAdded> {
    if let Some(intake) = request.extensions().get::<Arc<Intake>>() {
        intake.exempt_from_share();
    }
    DefaultBodyLimit::max(MAX_LIST_BYTES + MAX_OVERHEAD_BYTES).apply(&mut request);
    let Body(new) = Body::<NewRecipients>::from_request(request, &web).await?;
    let row = read(&web, &id).await?;
    let added = match new {
        NewRecipients { people: Some(people), csv: None, contacts: None } => {
            let (values, template) = template(&web, &row).await?;
            add_list(&web, &row, list_of(people, &values, &template)).await?
        }
        NewRecipients { people: None, csv: Some(csv), contacts: None } => {
            if csv.len() > MAX_LIST_BYTES {
                return Err(Problem::too_large(MAX_LIST_BYTES));
            }
            let (values, template) = template(&web, &row).await?;
            // A long list takes a while.
            let list = spawn_blocking(move || RecipientList::read(&csv, &values, &template)).await;
            let list = list.map_err(|error| {
                tracing::error!(%error, "a list of recipients could not be read");
                Problem::broken("The list could not be read. The server's log says why.")
            })?;
            let list = list.map_err(|why| Problem::unprocessable(why.to_string()))?;
            add_list(&web, &row, list).await?
        }
        NewRecipients { people: None, csv: None, contacts: Some(filter) } => {
            let (_, values) = ready(&web, &row)?;
            if let Some(column) = values.columns_of_lists().first() {
                return Err(Problem::unprocessable(format!(
                    "The campaign's values name `{column}`, and contacts have only a name and a phone: give a list."
                )));
            }
            let segment = filter.segment()?;
            let added = count(web.desk.store.add_segment(&row.id, segment).await?)?;
            RecipientsAdded { added, repeated: 0, rejected: 0, rows: Vec::new() }
        }
        _ => return Err(Problem::unprocessable("Give one of `people`, `csv` and `contacts`.")),
    };
    super::changed(&web).await;
    let note = Note::on(row.id.as_str(), json!({"added": added.added, "rejected": added.rejected}));
    Ok((note, Json(added)))
}

impl ContactFilter {
    fn segment(self) -> Result<Segment, Problem> {
        let Self { wrote_after, wrote_before, opted_in, phone_prefix } = self;
        let wrong =
            "`phone_prefix` is the beginning of a phone number with its country code, such as +55.";
        let prefix =
            |text: String| phone::prefix(&text).ok_or_else(|| Problem::unprocessable(wrong));
        let digits = phone_prefix.map(prefix).transpose()?;
        let phone_prefix = digits.filter(|digits| !digits.is_empty());
        Ok(Segment { wrote_after, wrote_before, opted_in, phone_prefix })
    }
}

async fn template(
    web: &WebState,
    row: &CampaignRow,
) -> Result<(CampaignTemplate, MessageTemplate), Problem> {
    let (number, values) = ready(web, row)?;
    let template = usable(web, &number, &values).await?;
    Ok((values, template))
}

fn list_of(
    people: Vec<Person>,
    values: &CampaignTemplate,
    template: &MessageTemplate,
) -> RecipientList {
    let mut list = RecipientList::default();
    for (line, person) in (1..).zip(people) {
        let fields = person.fields.into_iter().map(|(name, value)| (column_name(&name), value));
        let entry = ListEntry {
            phone: &person.phone,
            name: person.name.as_deref(),
            fields: fields.collect(),
        };
        match entry.recipient(values, template) {
            Ok(recipient) => list.recipients.push(recipient),
            Err(reason) => list.rejected.push(crate::desk::RejectedRow { line, reason }),
        }
    }
    list
}

async fn add_list(
    web: &WebState,
    row: &CampaignRow,
    list: RecipientList,
) -> Result<RecipientsAdded, Problem> {
    let usable = u64::try_from(list.recipients.len()).unwrap_or(u64::MAX);
    let added = count(web.desk.add_recipients(&row.id, list.recipients).await?)?;
    let rows = list
        .rejected
        .iter()
        .take(MAX_NAMED)
        .map(|row| RejectedRow { line: row.line, reason: row.reason.to_string() });
    Ok(RecipientsAdded {
        added,
        repeated: usable.saturating_sub(added),
        rejected: list.rejected.len(),
        rows: rows.collect(),
    })
}

fn count(outcome: AddOutcome) -> Result<u64, Problem> {
    match outcome {
        AddOutcome::Added(added) => Ok(added),
        AddOutcome::Refused(why) => {
            Err(done(why).err().unwrap_or_else(|| Problem::not_found("campaign")))
        }
    }
}

/// Lists a campaign's recipients in the order of the list, with what became of their messages.
#[utoipa::path(get, path = "/campaigns/{id}/recipients", operation_id = "list_recipients", tag = "campaigns", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Recipient>), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(in super::super) async fn list(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Recipient>> {
    let row = read(&web, &id).await?;
    let (from, limit) = (paging.after()?.map_or(0, |(position, _)| position), paging.limit());
    let mut rows = web.desk.store.recipients(&row.id, from, limit + 1).await?;
    let whole = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(whole).map(|row| row.position);
    rows.truncate(whole);
    Ok(Json(Page::until(rows.into_iter().map(Into::into).collect(), next)))
}
