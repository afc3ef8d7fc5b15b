//! Events other than messages, statuses and echoes: kept raw, with an alert where an operator
//! should see them.

use serde_json::Value;

use super::super::super::json::{list, text, whole};
use crate::domain::{Event, Fault, Other};

/// Maximum length of a text from Meta in an alert, in characters.
const MAX_PIECE_LEN: usize = 200;

/// Event for a whole change of a field without items.
pub(super) fn change(field: &str, value: &Value) -> Event {
    other(field, value, alert(field, value))
}

/// Event for one item of a list that is only kept, such as a call.
pub(super) fn part(field: &str, item: &Value) -> Event {
    other(field, item, alert(field, item))
}

/// Event for an item that could not be read.
pub(super) fn unreadable(kind: &str, raw: &Value, alert: Option<&str>) -> Event {
    other(kind, raw, alert.map(str::to_owned))
}

/// Event for an error that Meta reports about the number or the webhook.
pub(super) fn error(error: &Value) -> Event {
    let fault = fault(error);
    let details = fault.details.filter(|details| *details != fault.title).unwrap_or_default();
    let alert = sentence(&["Meta reports error", &fault.code.to_string(), &fault.title, &details]);
    other("errors", error, Some(alert))
}

/// Parses Meta's error. Older payloads have `details` at the top level.
pub(super) fn fault(error: &Value) -> Fault {
    let data = error.get("error_data").unwrap_or(&Value::Null);
    Fault {
        code: whole(error, "code").unwrap_or(0),
        title: text(error, "title").or_else(|| text(error, "message")).unwrap_or_default(),
        details: text(data, "details").or_else(|| text(error, "details")),
    }
}

fn other(kind: &str, payload: &Value, alert: Option<String>) -> Event {
    Event::Other(Box::new(Other { kind: kind.to_owned(), payload: payload.clone(), alert }))
}

fn alert(field: &str, value: &Value) -> Option<String> {
    let get = |key| text(value, key).unwrap_or_default();
    match field {
        "account_update" => account(value),
        "account_alerts" => account_alert(value),
        "account_review_update" => (get("decision") != "APPROVED")
            .then(|| sentence(&["Meta reviewed the WhatsApp Business account", &get("decision")])),
        "phone_number_quality_update" => quality(value),
        "phone_number_name_update" => (get("decision") != "APPROVED").then(|| {
            sentence(&["Meta did not approve the number's display name", &get("decision")])
        }),
        "message_template_status_update" => template(value),
        "security" => Some(sentence(&["The number's security settings changed", &get("event")])),
        "calls" => call(value),
        "history" => list(value, "errors")
            .first()
            .map(fault)
            .map(|fault| sentence(&["Old messages were not imported", &fault.title])),
        _ => None,
    }
}

/// Alerts only for what stops or threatens sending, not for partners, prices and terms.
fn account(value: &Value) -> Option<String> {
    let at = |path| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let pieces = match text(value, "event")?.as_str() {
        "ACCOUNT_DELETED" => ["The WhatsApp Business account was deleted", ""],
        "ACCOUNT_VIOLATION" => [
            "The WhatsApp Business account broke a policy of Meta",
            at("/violation_info/violation_type"),
        ],
        "ACCOUNT_RESTRICTION" => [
            "Meta restricted the WhatsApp Business account",
            at("/restriction_info/0/restriction_type"),
        ],
        "DISABLED_UPDATE" => [
            "Meta changed the ban of the WhatsApp Business account",
            at("/ban_info/waba_ban_state"),
        ],
        "ACCOUNT_OFFBOARDED" => ["The WhatsApp Business account was disconnected", ""],
        "ACCOUNT_RECONNECTED" => ["The WhatsApp Business account was connected again", ""],
        "PARTNER_REMOVED" => [
            "The WhatsApp Business account was taken from this partner",
            at("/disconnection_info/reason"),
        ],
        "PARTNER_APP_UNINSTALLED" => ["The app was removed from the WhatsApp Business account", ""],
        _ => return None,
    };
    Some(sentence(&pieces))
}

fn account_alert(value: &Value) -> Option<String> {
    let info = value.get("alert_info").unwrap_or(value);
    let severity = text(info, "alert_severity").unwrap_or_default();
    let what =
        text(info, "alert_description").or_else(|| text(info, "alert_type")).unwrap_or_default();
    (severity != "INFORMATIONAL")
        .then(|| sentence(&["Meta's alert about the account", &severity, &what]))
}

fn quality(value: &Value) -> Option<String> {
    let event = text(value, "event")?;
    let limit = text(value, "current_limit").unwrap_or_default();
    ["FLAGGED", "DOWNGRADE"]
        .contains(&event.as_str())
        .then(|| sentence(&["The number's quality fell", &event, &limit]))
}

fn template(value: &Value) -> Option<String> {
    let event = text(value, "event")?;
    let good =
        ["APPROVED", "REINSTATED", "UNPAUSED", "PENDING", "IN_APPEAL", "ARCHIVED", "UNARCHIVED"];
    let name = text(value, "message_template_name").unwrap_or_default();
    let reason = text(value, "reason").filter(|reason| reason != "NONE").unwrap_or_default();
    (!good.contains(&event.as_str())).then(|| {
        sentence(&["A message template cannot be relied on any more", &name, &event, &reason])
    })
}

/// The bot takes no calls, so a person should call back.
fn call(call: &Value) -> Option<String> {
    let event = text(call, "event")?;
    let ours = text(call, "direction").as_deref() == Some("BUSINESS_INITIATED");
    (["connect", "CALL_CONNECT"].contains(&event.as_str()) && !ours)
        .then(|| "A customer called on WhatsApp, and frontdesk takes no calls.".to_owned())
}

/// Joins the non-empty pieces to one sentence on one line.
fn sentence(pieces: &[&str]) -> String {
    let plain = |piece: &&str| -> String {
        let clipped = piece.chars().take(MAX_PIECE_LEN);
        clipped.map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let words: Vec<String> = pieces.iter().map(plain).filter(|words| !words.is_empty()).collect();
    let words = words.join(": ");
    format!("{}.", words.trim_end_matches(['.', ' ']))
}
