//! Meta's request that submits a template.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components>.

use serde_json::{Value, json};

use crate::domain::{DraftButton, TemplateButtonKind, TemplateDraft, TemplatePart};

/// The body of `POST /{account}/message_templates`.
pub(super) fn request(draft: &TemplateDraft) -> Value {
    let mut components = Vec::new();
    if let Some(header) = &draft.header {
        let mut component = json!({"type": "HEADER", "format": "TEXT", "text": header});
        if let Some(example) = examples(draft, TemplatePart::Header).first() {
            component["example"] = json!({"header_text": [example]});
        }
        components.push(component);
    }
    let mut body = json!({"type": "BODY", "text": draft.body});
    let values = examples(draft, TemplatePart::Body);
    if !values.is_empty() {
        body["example"] = json!({"body_text": [values]});
    }
    components.push(body);
    if let Some(footer) = &draft.footer {
        components.push(json!({"type": "FOOTER", "text": footer}));
    }
    if !draft.buttons.is_empty() {
        let all = draft.buttons.iter().enumerate().map(|(at, one)| button(draft, (at, one)));
        components.push(json!({"type": "BUTTONS", "buttons": all.collect::<Vec<_>>()}));
    }
    json!({
        "name": draft.name,
        "language": draft.language,
        "category": draft.category.as_str().to_uppercase(),
        "parameter_format": "POSITIONAL",
        "components": components,
    })
}

/// The examples of a part's values, in their order.
fn examples(draft: &TemplateDraft, part: TemplatePart) -> Vec<&str> {
    let parameters = draft.layout().parameters().into_iter().filter(|it| it.part == part);
    parameters.filter_map(|it| draft.example(part, &it.name)).collect()
}

fn button(draft: &TemplateDraft, (at, button): (usize, &DraftButton)) -> Value {
    let DraftButton { kind, text, url, phone } = button;
    match kind {
        TemplateButtonKind::Url => {
            let mut value = json!({"type": "URL", "text": text, "url": url});
            if let Some(example) = draft.example(TemplatePart::Button, &at.to_string()) {
                value["example"] = json!([example]);
            }
            value
        }
        TemplateButtonKind::Phone => {
            json!({"type": "PHONE_NUMBER", "text": text, "phone_number": phone})
        }
        TemplateButtonKind::QuickReply
        | TemplateButtonKind::CopyCode
        | TemplateButtonKind::Other => {
            json!({"type": "QUICK_REPLY", "text": text})
        }
    }
}
