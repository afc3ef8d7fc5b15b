//! What commands that write to customers first share: the number, the template and its values.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use tokio::io::AsyncReadExt;

use crate::app::App;
use crate::desk::Number;
use crate::domain::{MessageTemplate, TemplateValue};
use crate::provider::abilities::megabytes;
use crate::store::first_messages::FirstMessageOutcome;
use crate::store::staff_messages::{Refusal, ReplyOutcome};

/// A stored template of a number's account; the language may be left out if it has one.
pub(super) async fn template_named(
    app: &App,
    number: &Number,
    (name, language): (&str, Option<&str>),
) -> anyhow::Result<MessageTemplate> {
    let mut found = app.desk.stored_templates(number).await?.templates;
    found.retain(|template| {
        template.name == name && language.is_none_or(|code| code == template.language)
    });
    if found.len() > 1 {
        let codes: Vec<_> = found.iter().map(|found| found.language.as_str()).collect();
        bail!("it has several languages: choose one with --language: {}", codes.join(", "));
    }
    found
        .pop()
        .context("the number has no such template; `frontdesk templates` reads and lists them")
}

/// The connected number with a name.
pub(super) fn number_named(app: &App, name: &str) -> anyhow::Result<Arc<Number>> {
    let found = app.desk.numbers.all().into_iter().find(|number| number.slug == name);
    found.with_context(|| {
        format!("there is no connected number `{name}`; `frontdesk doctor` lists them")
    })
}

/// A conversation's number, if it is connected.
pub(super) fn connected(app: &App, number: &str) -> anyhow::Result<Arc<Number>> {
    app.desk.number(number).context("the conversation's number is not connected")
}

/// The only connected number that has message templates.
pub(super) fn only_number(app: &App) -> anyhow::Result<Arc<Number>> {
    let mut all = app.desk.numbers.all();
    all.retain(|number| number.client.template_catalog().is_some());
    let names: Vec<_> = all.iter().map(|number| number.slug.as_str()).collect();
    match &all[..] {
        [number] => Ok(number.clone()),
        [] => bail!("no number has message templates: practice numbers need none"),
        _ => bail!("say which number writes, with --number: {}", names.join(", ")),
    }
}

/// The name of a file to send, and its bytes.
pub(super) async fn file_bytes(app: &App, path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let named = || format!("cannot read {}", path.display());
    let most = app.desk.max_file_bytes;
    let file = tokio::fs::File::open(path).await.with_context(named)?;
    let mut bytes = Vec::new();
    // Some files, such as a pipe, do not say how long they are.
    file.take(most as u64 + 1).read_to_end(&mut bytes).await.with_context(named)?;
    if bytes.len() > most {
        bail!(
            "the file is larger than {}, which the desk takes ([worker] max_file_bytes)",
            megabytes(most)
        );
    }
    Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes))
}

/// Parses `PART.NAME=VALUE`.
pub(super) fn template_value(text: &str) -> Result<TemplateValue, String> {
    let wrong = || format!("`{text}` is no value: write it as body.1=Ana");
    let (place, value) = text.split_once('=').ok_or_else(wrong)?;
    let (part, name) = place.split_once('.').ok_or_else(wrong)?;
    let part = part.parse().map_err(|_| wrong())?;
    Ok(TemplateValue { part, name: name.to_owned(), value: value.to_owned() })
}

/// Why a first message was not queued.
pub(super) fn why_not(outcome: &FirstMessageOutcome) -> &'static str {
    match outcome {
        FirstMessageOutcome::OptInRequired => {
            "the customer has never written to this number: say with --opt-in where they agreed to be written to"
        }
        FirstMessageOutcome::Refused(Refusal::OptedOut)
        | FirstMessageOutcome::Written(_, ReplyOutcome::Refused(Refusal::OptedOut)) => {
            "the customer opted out"
        }
        FirstMessageOutcome::Written(_, ReplyOutcome::Refused(Refusal::WindowClosed)) => {
            "WhatsApp takes only a template from a business that writes first: --template"
        }
        FirstMessageOutcome::Refused(_) | FirstMessageOutcome::Written(..) => {
            "the customer cannot be written to"
        }
    }
}

pub(super) fn no_phone() -> anyhow::Error {
    anyhow!("give the phone number with its country code, such as +44 7700 900123")
}

/// Parses where customers agreed to be written to.
pub(super) fn opt_in(text: &str) -> Result<String, String> {
    let text = text.trim();
    let said = (!text.is_empty()).then(|| text.to_owned());
    said.ok_or_else(|| "say where they agreed, such as \"Order form\"".to_owned())
}
