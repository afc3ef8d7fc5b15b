//! Providers, each with the form for connecting a number.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::ProviderKind;
use crate::http::WebState;
use crate::provider::{self, Form, Kind, Limits, Shows};

/// A provider of WhatsApp numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provider {
    /// Its name, as in the webhook URL.
    name: ProviderKind,
    /// Display name.
    title: String,
    /// What it is, in a sentence or two.
    about: String,
    /// The form's fields, in order.
    fields: Vec<ProviderField>,
    /// Steps to do at the provider, in order.
    steps: Vec<ProviderStep>,
    /// Whether its numbers are for practice: they send to nobody, and `POST /numbers/{id}/test` can
    /// write to them as a customer.
    practice: bool,
}

/// A field of a provider's form.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderField {
    /// Its key.
    name: String,
    /// Label.
    label: String,
    /// What it is and where to find it.
    help: String,
    /// Type of value.
    kind: Kind,
    /// Whether it is required.
    required: bool,
    /// Whether it is for experts: shown collapsed.
    advanced: bool,
    /// Regular expression that the whole value must match.
    pattern: Option<String>,
    /// An example value.
    placeholder: Option<String>,
}

/// A step to do at the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderStep {
    /// What to do.
    title: String,
    /// How to do it.
    text: String,
    /// Values to show with the step, for copying.
    shows: Vec<Shows>,
}

/// Lists every provider, with its form.
#[utoipa::path(get, path = "/providers", operation_id = "list_providers", tag = "numbers", responses((status = 200, body = [Provider])))]
pub(super) async fn list(State(web): State<WebState>) -> Answer<Vec<Provider>> {
    let limits = web.desk.numbers.limits();
    Ok(Json(ProviderKind::ALL.iter().map(|kind| shown(Form::of(*kind), &limits)).collect()))
}

fn shown(form: &'static Form, limits: &Limits) -> Provider {
    let fields = form.fields.iter().filter(|field| Form::offers(field, limits));
    Provider {
        name: form.provider,
        title: form.title.to_owned(),
        about: form.about.to_owned(),
        fields: fields.map(ProviderField::from).collect(),
        steps: form.steps.iter().map(ProviderStep::from).collect(),
        practice: form.practice,
    }
}

impl From<&provider::Field> for ProviderField {
    fn from(field: &provider::Field) -> Self {
        Self {
            name: field.name.to_owned(),
            label: field.label.to_owned(),
            help: field.help.to_owned(),
            kind: field.kind,
            required: field.required,
            advanced: field.advanced,
            pattern: field.pattern.map(ToOwned::to_owned),
            placeholder: field.placeholder.map(ToOwned::to_owned),
        }
    }
}

impl From<&provider::Step> for ProviderStep {
    fn from(step: &provider::Step) -> Self {
        Self {
            title: step.title.to_owned(),
            text: step.text.to_owned(),
            shows: step.shows.to_vec(),
        }
    }
}
