//! Providers: what each asks for to connect a number.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::ProviderKind;
use crate::http::WebState;
use crate::provider::{self, Form, Kind, Limits, Shows};

/// A way to connect a number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provider {
    /// Its name, as in the webhook's address.
    name: ProviderKind,
    /// Its name for people.
    title: String,
    /// What it is, in a sentence or two.
    about: String,
    /// What it asks for, in order.
    fields: Vec<ProviderField>,
    /// What is to be done on its side, in order.
    steps: Vec<ProviderStep>,
}

/// Something that a provider asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderField {
    /// Its key.
    name: String,
    /// What it is called.
    label: String,
    /// What it is and where it is found.
    help: String,
    /// What sort of value it takes.
    kind: Kind,
    /// Whether a number cannot do without it.
    required: bool,
    /// For people who know what they do: shown folded.
    advanced: bool,
    /// A regular expression that the whole value matches.
    pattern: Option<String>,
    /// An example.
    placeholder: Option<String>,
}

/// Something to do at the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderStep {
    /// What.
    title: String,
    /// How.
    text: String,
    /// What to show with it, to be copied.
    shows: Vec<Shows>,
}

/// Every provider, with its form.
#[utoipa::path(get, path = "/providers", operation_id = "list_providers", tag = "numbers", responses((status = 200, body = [Provider])))]
pub(super) async fn list(State(web): State<WebState>) -> Answer<Vec<Provider>> {
    let limits = web.desk.numbers.limits();
    Ok(Json(ProviderKind::ALL.iter().map(|kind| shown(Form::of(*kind), limits)).collect()))
}

fn shown(form: &'static Form, limits: Limits) -> Provider {
    let fields = form.fields.iter().filter(|field| Form::offers(field, limits));
    Provider {
        name: form.provider,
        title: form.title.to_owned(),
        about: form.about.to_owned(),
        fields: fields.map(ProviderField::from).collect(),
        steps: form.steps.iter().map(ProviderStep::from).collect(),
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
