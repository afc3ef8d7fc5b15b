//! The message templates of a WhatsApp Business account.
//! <https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates/>.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::super::json::{id, is_id, list, text};
use super::super::{Class, Error, TemplateCatalog, exchange};
use super::{Graph, template_draft};
use crate::domain::{
    MessageTemplate, TemplateButton, TemplateButtonKind, TemplateCategory, TemplateDraft,
    TemplateHeader, TemplateHeaderKind, TemplateLayout, TemplateQuality, TemplateState,
};

/// Templates of one answer: of large ones, this many fit what is read of an answer.
const PAGE: usize = 50;
/// Maximum number of an account's templates, which is Meta's.
const MAX_TEMPLATES: usize = 6_000;
/// Maximum time of reading all of them.
const TIMEOUT: Duration = Duration::from_mins(2);
const FIELDS: &str =
    "id,name,language,status,category,quality_score,components,rejected_reason,parameter_format";
/// Maximum length of a text of a template, in characters; Meta's longest has 1,024.
const MAX_TEXT_LEN: usize = 4096;
/// Maximum number of a template's buttons; Meta's is 10.
const MAX_BUTTONS: usize = 20;

#[async_trait]
impl TemplateCatalog for Graph {
    fn account(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    async fn templates(&self, account: &str) -> Result<Vec<MessageTemplate>, Error> {
        let read = tokio::time::timeout(TIMEOUT, self.all_templates(account)).await;
        read.unwrap_or_else(|_| Err(odd("its list did not come in time")))
    }

    async fn create_template(
        &self,
        account: &str,
        draft: &TemplateDraft,
    ) -> Result<MessageTemplate, Error> {
        let url = self.endpoint(&[account, "message_templates"]);
        let request = self.authorized(self.client.post(url)?);
        let answer = exchange::send_request(request.json(&template_draft::request(draft))).await?;
        let taken = answer.taken(self.secret.expose_secret())?;
        let word = |key| text(&taken, key);
        Ok(MessageTemplate {
            external_id: word("id").filter(|id| is_id(id)).unwrap_or_default(),
            name: draft.name.clone(),
            language: draft.language.clone(),
            category: word("category").map_or(draft.category, |word| category(&word)),
            state: word("status").map_or(TemplateState::Pending, |status| state(&status)),
            quality: None,
            reason: None,
            layout: draft.layout(),
        })
    }

    async fn delete_template(
        &self,
        account: &str,
        (name, id): (&str, Option<&str>),
    ) -> Result<(), Error> {
        let mut url = self.endpoint(&[account, "message_templates"]);
        if let Some(id) = id {
            url.query_pairs_mut().append_pair("hsm_id", id);
        }
        url.query_pairs_mut().append_pair("name", name);
        let request = self.authorized(self.client.request(Method::DELETE, url)?);
        exchange::send_request(request).await?.taken(self.secret.expose_secret()).map(drop)
    }
}

impl Graph {
    async fn all_templates(&self, account: &str) -> Result<Vec<MessageTemplate>, Error> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        while all.len() < MAX_TEMPLATES {
            let mut url = self.endpoint(&[account, "message_templates"]);
            url.query_pairs_mut()
                .append_pair("fields", FIELDS)
                .append_pair("limit", &PAGE.to_string());
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page = self.ask(url).await?;
            let data = page.get("data").and_then(Value::as_array);
            let data = data.ok_or_else(|| odd("its answer is no list of templates"))?;
            all.extend(data.iter().take(PAGE).filter_map(template));
            let paging = page.get("paging").unwrap_or(&Value::Null);
            if paging.get("next").is_none() {
                return Ok(all);
            }
            // The address of the next page is not followed: it could name another server.
            let next = paging.get("cursors").and_then(|cursors| text(cursors, "after"));
            let next = next.filter(|next| !data.is_empty() && Some(next) != after.as_ref());
            after = Some(next.ok_or_else(|| odd("its list goes on in a circle"))?);
        }
        Err(odd("the account has more templates than Meta allows"))
    }
}

fn odd(why: &str) -> Error {
    exchange::refused(Class::OurFault, why)
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

/// The state that an event leaves a template in; `None` if it changes none, or is unknown.
pub(super) fn state_of_event(event: &str) -> Option<TemplateState> {
    match event {
        "UNARCHIVED" => Some(TemplateState::Approved),
        "APPROVED" | "REINSTATED" | "UNPAUSED" | "PENDING" | "IN_APPEAL" | "REJECTED"
        | "PAUSED" | "DELETED" | "PENDING_DELETION" | "DISABLED" | "ARCHIVED" => Some(state(event)),
        _ => None,
    }
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
    let mut is_more = false;
    for component in list(value, "components") {
        let words = clipped(&text(component, "text").unwrap_or_default());
        match text(component, "type").unwrap_or_default().as_str() {
            "BODY" => layout.body = words,
            "FOOTER" => layout.footer = Some(words),
            "HEADER" => {
                let kind = match text(component, "format").unwrap_or_default().as_str() {
                    "TEXT" => TemplateHeaderKind::Text,
                    "IMAGE" => TemplateHeaderKind::Image,
                    "VIDEO" => TemplateHeaderKind::Video,
                    "DOCUMENT" => TemplateHeaderKind::Document,
                    "LOCATION" => TemplateHeaderKind::Location,
                    _ => TemplateHeaderKind::Other,
                };
                layout.header = Some(TemplateHeader { kind, text: words });
            }
            "BUTTONS" => {
                let buttons = list(component, "buttons");
                layout.buttons = buttons.iter().take(MAX_BUTTONS).map(button).collect();
            }
            // Carousels, offers that end and what comes later.
            _ => is_more = true,
        }
    }
    if is_more {
        layout.header =
            Some(TemplateHeader { kind: TemplateHeaderKind::Other, text: String::new() });
    }
    layout
}

fn button(value: &Value) -> TemplateButton {
    let kind = match text(value, "type").unwrap_or_default().as_str() {
        "QUICK_REPLY" => TemplateButtonKind::QuickReply,
        "URL" => TemplateButtonKind::Url,
        "PHONE_NUMBER" => TemplateButtonKind::Phone,
        "COPY_CODE" => TemplateButtonKind::CopyCode,
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
    fn an_event_that_only_warns_or_is_unknown_changes_no_state() {
        for event in ["FLAGGED", "LOCKED", "LIMIT_EXCEEDED", "HOLOGRAM", ""] {
            assert_eq!(state_of_event(event), None, "{event}");
        }
        assert_eq!(state_of_event("UNARCHIVED"), Some(TemplateState::Approved));
        assert_eq!(state_of_event("ARCHIVED"), Some(TemplateState::Disabled));
    }

    #[test]
    fn what_this_version_does_not_fill_is_known_as_such() {
        let of = |component: Value| {
            let value = json!({"name": "x", "language": "en", "status": "APPROVED", "components": [component]});
            template(&value).unwrap().layout.is_supported()
        };
        assert!(of(json!({"type": "BODY", "text": "Hi"})));
        for format in ["IMAGE", "VIDEO", "DOCUMENT", "LOCATION"] {
            assert!(of(json!({"type": "HEADER", "format": format})), "{format}");
        }
        assert!(of(json!({"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy"}]})));
        assert!(!of(json!({"type": "HEADER", "format": "HOLOGRAM"})));
        assert!(!of(json!({"type": "CAROUSEL", "cards": []})));
        assert!(!of(
            json!({"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]})
        ));
        let both = json!({"name": "x", "language": "en", "components": [
            {"type": "CAROUSEL"}, {"type": "HEADER", "format": "TEXT", "text": "Hi"}]});
        assert!(!template(&both).unwrap().layout.is_supported());
        assert!(template(&json!({"name": "x", "status": "APPROVED"})).is_none());
        assert!(template(&json!({"name": 5, "language": ["en"]})).is_none());
    }
}
