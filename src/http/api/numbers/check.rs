//! Checks the fields of a number: their format, and what the provider says about them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use frontdesk_words::UnknownWord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::response::Answer;
use super::view::stored_fields;
use crate::domain::ProviderKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::provider::{self, FieldError, Fields, Form, NumberDescription};
use crate::secrets;

/// Time limit for the provider's answer.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// Fields to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ProviderCheck {
    /// Values by field name.
    fields: BTreeMap<String, String>,
    /// Only this field is checked, and only its format; the provider is not asked.
    field: Option<String>,
    /// Id of a number that is being changed. Missing and masked fields keep its values.
    number: Option<String>,
}

/// Result of the check.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ProviderChecked {
    /// Verdicts by field name; fields that cannot be judged yet are missing.
    fields: BTreeMap<String, FieldVerdict>,
    /// The phone number as the provider shows it; null if it did not report one.
    display: Option<String>,
    /// The name that the provider shows to customers.
    verified_name: Option<String>,
    /// Whether the provider was asked.
    asked: bool,
    /// Whether the provider knows the number.
    found: bool,
    /// The provider's description of the number, or an error of no single field, such as an
    /// unreachable provider.
    message: Option<String>,
}

/// Verdict on a field.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct FieldVerdict {
    /// Whether the value can be right.
    ok: bool,
    /// What is wrong and where to find the right value, or what the provider said.
    message: Option<String>,
}

/// Checks the format of each field. If all required fields are there, the provider is asked, too.
#[utoipa::path(
    post, path = "/providers/{name}/check", operation_id = "check_fields", tag = "numbers",
    params(("name" = String, Path, description = "The provider")),
    request_body = ProviderCheck,
    responses((status = 200, body = ProviderChecked), (status = 404, response = Problem), (status = 422, response = Problem))
)]
pub(in super::super) async fn check(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Body(asked): Body<ProviderCheck>,
) -> Answer<ProviderChecked> {
    let form = named(&name)?;
    let former = match &asked.number {
        Some(id) => stored_fields(&web, id).await?,
        None => Fields::new(),
    };
    let (fields, new) = (merged(former.clone(), asked.fields.clone()), written(&asked.fields));
    let mut checked = check_formats(form, &fields, asked.field.as_deref());
    let proposed = form.proposed().map(|field| field.name);
    let complete = form.fields.iter().all(|field| {
        !field.required || Some(field.name) == proposed || fields.contains_key(field.name)
    });
    let right = checked.fields.values().all(|verdict| verdict.ok);
    if asked.field.is_some() || !complete || !right {
        return Ok(Json(checked));
    }
    let fields = with_proposed(form, fields)?;
    form.validate_all(&fields, &web.desk.numbers.limits())
        .map_err(|doubt| Problem::unprocessable(doubt.message))?;
    let permitted = match form.check_secrets(&former, (&fields, &new)) {
        Ok(()) => web.desk.numbers.check_addresses(form, &fields).await,
        refused => refused,
    };
    if let Err(FieldError { field: Some(field), message }) = permitted {
        checked.fields.insert(field.to_owned(), FieldVerdict { ok: false, message: Some(message) });
        return Ok(Json(checked));
    }
    match describe_number(&web, form, &fields).await {
        Ok(None) => {}
        Ok(Some(NumberDescription { display, verified_name, words })) => {
            checked = ProviderChecked {
                display,
                verified_name,
                asked: true,
                found: true,
                message: Some(words),
                ..checked
            };
        }
        Err(FieldError { field, message }) => {
            checked.asked = true;
            match field {
                Some(field) => {
                    let verdict = FieldVerdict { ok: false, message: Some(message) };
                    checked.fields.insert(field.to_owned(), verdict);
                }
                None => checked.message = Some(message),
            }
        }
    }
    Ok(Json(checked))
}

fn check_formats(form: &'static Form, fields: &Fields, only: Option<&str>) -> ProviderChecked {
    let wanted = form.fields.iter().filter(|field| only.is_none_or(|name| name == field.name));
    let verdict = |field: &'static provider::Field| {
        let value = fields.get(field.name).map(String::as_str);
        let value = value.or(only.map(|_| ""))?;
        let message = form.validate(field, value);
        Some((field.name.to_owned(), FieldVerdict { ok: message.is_none(), message }))
    };
    ProviderChecked {
        fields: wanted.filter_map(verdict).collect(),
        display: None,
        verified_name: None,
        asked: false,
        found: false,
        message: None,
    }
}

/// Adds a temporary value of what is made here for asking the provider, if there is none.
fn with_proposed(form: &Form, mut fields: Fields) -> Result<Fields, Problem> {
    if let Some(field) = form.proposed().filter(|field| !fields.contains_key(field.name)) {
        fields.insert(field.name.to_owned(), token()?);
    }
    Ok(fields)
}

/// Generates a token that cannot be guessed.
pub(super) fn token() -> Result<String, Problem> {
    secrets::token().map_err(|error| {
        tracing::error!(%error, "no token could be made");
        Problem::broken("No token could be made. The server's log says why.")
    })
}

/// Returns a provider's form, by the provider's name.
fn named(name: &str) -> Result<&'static Form, Problem> {
    name.parse::<ProviderKind>().map(Form::of).map_err(|UnknownWord { set, .. }| {
        Problem::missing(format!("There is no such provider; there are: {}.", set.join(", ")))
    })
}

/// The names of fields that are given anew.
pub(super) fn written(fields: &BTreeMap<String, String>) -> Vec<String> {
    let new = fields.iter().filter(|(_, value)| !secrets::is_masked(value.trim()));
    new.map(|(name, _)| name.clone()).collect()
}

/// Merges new values over the former ones. Values are trimmed; an empty one removes its field, and
/// a masked one changes nothing.
pub(super) fn merged(former: Fields, written: Fields) -> Fields {
    let mut fields = former;
    for (name, value) in written {
        match value.trim() {
            value if secrets::is_masked(value) => {}
            "" => drop(fields.remove(&name)),
            value => drop(fields.insert(name, value.to_owned())),
        }
    }
    fields
}

/// Returns the provider's description of the number; `None` if it cannot be asked.
pub(super) async fn describe_number(
    web: &WebState,
    form: &Form,
    fields: &Fields,
) -> Result<Option<NumberDescription>, FieldError> {
    let line = web.desk.numbers.build_client(form, fields)?;
    let Some(describer) = line.describer() else { return Ok(None) };
    let late = |_| FieldError {
        field: None,
        message: format!("{} did not answer in time, so nothing was checked there.", form.title),
    };
    tokio::time::timeout(PROVIDER_TIMEOUT, describer.describe_number())
        .await
        .map_err(late)?
        .map(Some)
}
