//! Bodies of requests to `/messages`, in Meta's format.

use serde::Serialize;

use super::super::OutgoingMessage;
use crate::domain::Template;

/// A text or template message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    biz_opaque_callback_data: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    body: &'a str,
    preview_url: bool,
}

/// A template with its parameters.
#[derive(Serialize)]
struct TemplateMessage<'a> {
    name: &'a str,
    language: Language<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component {
    r#type: &'static str,
    parameters: [Parameter; 1],
}

#[derive(Serialize)]
struct Parameter {
    r#type: &'static str,
    text: String,
}

/// Maximum length of a template parameter, in characters.
const MAX_PARAMETER_LEN: usize = 1024;

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

/// Marks a message as read and shows the typing indicator.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are Meta's")]
pub(super) struct Typing<'a> {
    messaging_product: &'static str,
    status: &'static str,
    message_id: &'a str,
    typing_indicator: Indicator,
}

#[derive(Serialize)]
struct Indicator {
    r#type: &'static str,
}

impl<'a> Message<'a> {
    /// Converts a message; `None` if it has no recipient.
    ///
    /// The phone number keeps its `+`: without it Meta may prepend the business's country code, and
    /// the message reaches a stranger.
    pub(super) fn new(outgoing: &'a OutgoingMessage) -> Option<Self> {
        let given = |id: &'a Option<String>| id.as_deref().filter(|id| !id.is_empty());
        let to = given(&outgoing.to.wa_id).map(|id| format!("+{}", id.trim_start_matches('+')));
        let recipient = given(&outgoing.to.bsuid).filter(|_| to.is_none());
        (to.is_some() || recipient.is_some()).then(|| Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to,
            recipient,
            r#type: if outgoing.template.is_some() { "template" } else { "text" },
            text: outgoing
                .template
                .is_none()
                .then_some(Text { body: &outgoing.text, preview_url: false }),
            template: outgoing.template.as_ref().map(|template| filled(template, &outgoing.text)),
            context: outgoing.reply_to.as_deref().map(|message_id| Context { message_id }),
            biz_opaque_callback_data: &outgoing.reference,
        })
    }
}

/// Fills a template: the text goes into its first parameter, on one line, since Meta accepts no
/// line breaks there.
fn filled<'a>(template: &'a Template, text: &str) -> TemplateMessage<'a> {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ").chars().take(MAX_PARAMETER_LEN).collect();
    let body = Component { r#type: "body", parameters: [Parameter { r#type: "text", text }] };
    TemplateMessage {
        name: &template.name,
        language: Language { code: &template.language },
        components: if template.with_text { vec![body] } else { Vec::new() },
    }
}

impl<'a> Typing<'a> {
    /// For the customer's message with this id.
    pub(super) fn new(message_id: &'a str) -> Self {
        Self {
            messaging_product: "whatsapp",
            status: "read",
            message_id,
            typing_indicator: Indicator { r#type: "text" },
        }
    }
}
