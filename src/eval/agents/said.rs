//! Converts a scripted customer's messages into the content that a provider would deliver.

use std::path::Path;

use frontdesk_promptfoo::policy::Policy;
use serde_json::Value;

use super::within;
use crate::domain::{Blob, Content, Media, MediaKind};

pub(super) fn text(body: &str) -> Vec<Content> {
    vec![Content::Text { body: body.to_owned() }]
}

/// Converts messages of one burst: texts, or `{voice: FILE, transcript}` and `{image: FILE,
/// caption}`.
pub(super) fn contents(says: &[Value], files: (&Policy, &Path)) -> Result<Vec<Content>, String> {
    says.iter().map(|one| content(one, files)).collect()
}

fn content(says: &Value, (policy, base): (&Policy, &Path)) -> Result<Content, String> {
    if let Some(body) = says.as_str() {
        return Ok(Content::Text { body: body.to_owned() });
    }
    let field = |name: &str| says.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let kinds = [MediaKind::Voice, MediaKind::Audio, MediaKind::Video, MediaKind::Image];
    let Some(kind) = kinds.into_iter().find(|kind| says.get(kind.as_str()).is_some()) else {
        return match says {
            Value::Number(_) | Value::Bool(_) => Ok(Content::Text { body: says.to_string() }),
            _ => Err(format!(
                "{says} is no message: a text, or an object with `voice`, `audio`, `video` or `image`"
            )),
        };
    };
    let file = field(kind.as_str()).ok_or_else(|| format!("`{kind}` names a file"))?;
    let path = within(base, &file);
    let bytes = policy
        .bytes(&path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(Content::Media(Media {
        kind,
        mime_type: field("mime_type"),
        caption: field("caption"),
        transcript: field("transcript"),
        bytes: Some(Blob(bytes.into())),
        ..Media::default()
    }))
}
