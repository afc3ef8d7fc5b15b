//! The message templates of a WhatsApp Business account.
//! <https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates/>.

use async_trait::async_trait;
use serde_json::Value;

use super::super::json::{id, is_id, list, text};
use super::super::{Class, Error, TemplateCatalog};
use super::{Meta, answer};
use crate::domain::{
    MessageTemplate, TemplateButton, TemplateButtonKind, TemplateCategory, TemplateHeader,
    TemplateHeaderKind, TemplateLayout, TemplateQuality, TemplateState,
};

/// Templates of one answer: of the largest ones, this many fit what is read of an answer.
const PAGE: &str = "50";
/// Maximum number of answers: an account has at most 6,000 templates.
const MAX_PAGES: usize = 150;
const FIELDS: &str =
    "id,name,language,status,category,quality_score,components,rejected_reason,parameter_format";
/// Maximum length of a text of a template, in characters; Meta's longest has 1,024.
const MAX_TEXT_LEN: usize = 4096;
/// Maximum number of a template's buttons; Meta's is 10.
const MAX_BUTTONS: usize = 20;

#[async_trait]
impl TemplateCatalog for Meta {
    fn account(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    async fn templates(&self, account: &str) -> Result<Vec<MessageTemplate>, Error> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut url = self.endpoint(&[account, "message_templates"]);
            url.query_pairs_mut().append_pair("fields", FIELDS).append_pair("limit", PAGE);
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page = self.ask(url).await?;
            all.extend(list(&page, "data").iter().filter_map(template));
            let paging = page.get("paging").unwrap_or(&Value::Null);
            // The address of the next page is not followed: it could name another server.
            let cursor = paging.get("cursors").and_then(|cursors| text(cursors, "after"));
            match cursor.filter(|_| paging.get("next").is_some()) {
                Some(next) if Some(&next) != after.as_ref() => after = Some(next),
                _ => return Ok(all),
            }
        }
        Err(answer::refused(Class::OurFault, "the account has more templates than Meta allows"))
    }
}

/// A template; `None` if it has no usable name and language.
fn template(value: &Value) -> Option<MessageTemplate> {
    let language = id(value, "language").filter(|language| language.len() <= 20)?;
    let name = id(value, "name").filter(|name| name.len() <= 512)?;
    let quality = value.get("quality_score").and_then(|score| text(score, "score"));
    let reason = text(value, "rejected_reason").filter(|reason| reason != "NONE");
    Some(MessageTemplate {
        external_id: text(value, "id").filter(|id| is_id(id)).unwrap_or_default(),
        name,
        language,
        category: category(&text(value, "category").unwrap_or_default()),
        state: state(&text(value, "status").unwrap_or_default()),
        quality: quality.as_deref().and_then(self::quality),
        reason: reason.map(|reason| clipped(&reason)),
        layout: layout(value),
    })
}

/// The state that Meta's status means.
fn state(status: &str) -> TemplateState {
    match status {
        "APPROVED" | "REINSTATED" | "UNPAUSED" => TemplateState::Approved,
        "PENDING" | "IN_APPEAL" => TemplateState::Pending,
        "REJECTED" => TemplateState::Rejected,
        "PAUSED" => TemplateState::Paused,
        "DELETED" | "PENDING_DELETION" => TemplateState::Deleted,
        _ => TemplateState::Disabled,
    }
}

/// The state that an event leaves a template in; `None` if it only warns, or is unknown.
pub(super) fn state_of_event(event: &str) -> Option<TemplateState> {
    let is_warning = matches!(event, "FLAGGED" | "UNARCHIVED" | "");
    (!is_warning).then(|| state(event))
}

pub(super) fn category(word: &str) -> TemplateCategory {
    match word {
        "MARKETING" => TemplateCategory::Marketing,
        "UTILITY" => TemplateCategory::Utility,
        "AUTHENTICATION" => TemplateCategory::Authentication,
        _ => TemplateCategory::Other,
    }
}

pub(super) fn quality(score: &str) -> Option<TemplateQuality> {
    match score {
        "GREEN" => Some(TemplateQuality::High),
        "YELLOW" => Some(TemplateQuality::Medium),
        "RED" => Some(TemplateQuality::Low),
        _ => None,
    }
}

fn layout(value: &Value) -> TemplateLayout {
    let named = text(value, "parameter_format").is_some_and(|format| format == "NAMED");
    let mut layout = TemplateLayout { named, ..TemplateLayout::default() };
    for component in list(value, "components") {
        let words = clipped(&text(component, "text").unwrap_or_default());
        match text(component, "type").unwrap_or_default().as_str() {
            "BODY" => layout.body = words,
            "FOOTER" => layout.footer = Some(words),
            "HEADER" => {
                let is_text = text(component, "format").is_some_and(|format| format == "TEXT");
                let kind =
                    if is_text { TemplateHeaderKind::Text } else { TemplateHeaderKind::Other };
                layout.header = Some(TemplateHeader { kind, text: words });
            }
            "BUTTONS" => {
                let buttons = list(component, "buttons");
                layout.buttons = buttons.iter().take(MAX_BUTTONS).map(button).collect();
            }
            // Carousels, offers that end and what comes later.
            _ => {
                let kind = TemplateHeaderKind::Other;
                layout.header = Some(TemplateHeader { kind, text: String::new() });
            }
        }
    }
    layout
}

fn button(value: &Value) -> TemplateButton {
    let kind = match text(value, "type").unwrap_or_default().as_str() {
        "QUICK_REPLY" => TemplateButtonKind::QuickReply,
        "URL" => TemplateButtonKind::Url,
        "PHONE_NUMBER" => TemplateButtonKind::Phone,
        _ => TemplateButtonKind::Other,
    };
    let url = text(value, "url").filter(|_| kind == TemplateButtonKind::Url);
    let url = url.map(|url| clipped(&url));
    TemplateButton { kind, text: clipped(&text(value, "text").unwrap_or_default()), url }
}

fn clipped(text: &str) -> String {
    text.chars().take(MAX_TEXT_LEN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_read_as_meta_documents_it() {
        let read = template(&json!({
            "id": "806312974732579", "name": "order_update", "language": "en_US", "status": "PAUSED",
            "category": "UTILITY", "quality_score": {"score": "YELLOW", "date": 1},
            "parameter_format": "NAMED", "rejected_reason": "NONE",
            "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Order {{number}}"},
                {"type": "BODY", "text": "Hello {{first_name}}"},
                {"type": "FOOTER", "text": "Bolt"},
                {"type": "BUTTONS", "buttons": [
                    {"type": "URL", "text": "Track", "url": "https://x.example/{{1}}"},
                    {"type": "QUICK_REPLY", "text": "Thanks"},
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+1"}]}]}))
        .unwrap();
        assert_eq!(
            (read.state, read.quality),
            (TemplateState::Paused, Some(TemplateQuality::Medium))
        );
        assert_eq!((read.category, read.reason), (TemplateCategory::Utility, None));
        let named: Vec<_> = read
            .layout
            .parameters()
            .into_iter()
            .map(|it| format!("{}.{}", it.part, it.name))
            .collect();
        assert_eq!(named, ["header.number", "body.first_name", "button.0"]);
        assert!(read.layout.named && read.layout.is_supported());
    }

    #[test]
    fn what_this_version_does_not_fill_is_known_as_such() {
        let of = |component: Value| {
            let value = json!({"name": "x", "language": "en", "status": "APPROVED", "components": [component]});
            template(&value).unwrap().layout.is_supported()
        };
        assert!(of(json!({"type": "BODY", "text": "Hi"})));
        assert!(!of(json!({"type": "HEADER", "format": "IMAGE"})));
        assert!(!of(json!({"type": "CAROUSEL", "cards": []})));
        assert!(!of(
            json!({"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]})
        ));
        assert!(template(&json!({"name": "x", "status": "APPROVED"})).is_none());
        assert!(template(&json!({"name": 5, "language": ["en"]})).is_none());
    }
}
