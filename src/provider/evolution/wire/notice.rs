//! Events other than messages, statuses and echoes: kept raw, with an alert and a warning where the
//! owner must act.

use serde_json::Value;

use super::super::super::json::{text, whole};
use super::without_files;
use crate::domain::{Alert, AlertCode, Event, Other, WarningChange};

/// The warning that holds while the instance is not connected.
const CONNECTION: &str = "connection";

/// Event that is only kept.
pub(super) fn kept(kind: &str, data: &Value) -> Event {
    Event::Other(Box::new(other(kind, data)))
}

/// Event for an item that could not be read.
pub(super) fn unreadable(kind: &str, data: &Value, told: Option<&str>) -> Event {
    let alert = told.map(|text| Alert {
        code: AlertCode::MessageUnreadable,
        text: text.to_owned(),
        detail: String::new(),
    });
    Event::Other(Box::new(Other { alert, ..other(kind, data) }))
}

fn other(kind: &str, data: &Value) -> Other {
    let (kind, mut payload) = (kind.to_owned(), data.clone());
    without_files(&mut payload);
    Other { kind, payload, ..Other::default() }
}

/// The connection to WhatsApp changed. Evolution says `close` only when it does not connect again
/// by itself, and `refused` when nobody scanned the QR code; `status.instance` and `qrcode.updated`
/// come beside it and say nothing more.
pub(super) fn connection(data: &Value) -> Event {
    let event = other("connection.update", data);
    let code = whole(data, "statusReason").unwrap_or_default();
    Event::Other(Box::new(match text(data, "state").as_deref() {
        Some("open") => {
            let topic = CONNECTION.to_owned();
            Other { warning: Some(WarningChange::Cleared { topic }), ..event }
        }
        Some("close") => disconnected(event, &format!("{} ({code})", reason(code))),
        Some("refused") => disconnected(event, "nobody scanned the QR code in time"),
        _ => event,
    }))
}

/// The instance was logged out on its server, or removed from it.
pub(super) fn ended(kind: &str, data: &Value) -> Event {
    let event = other(kind, data);
    Event::Other(Box::new(disconnected(
        event,
        "its instance was logged out or removed on the server",
    )))
}

fn disconnected(event: Other, why: &str) -> Other {
    let alert = Alert {
        code: AlertCode::NumberDisconnected,
        text: format!("The number is not connected to WhatsApp any more: {why}."),
        detail: why.to_owned(),
    };
    let topic = CONNECTION.to_owned();
    let warning = Some(WarningChange::Raised { topic, until: None, template: None });
    Other { alert: Some(alert), warning, ..event }
}

/// Baileys' codes: <https://github.com/WhiskeySockets/Baileys/blob/master/src/Types/index.ts>.
fn reason(code: i64) -> &'static str {
    match code {
        401 => "it was logged out, such as on the phone under Linked devices",
        403 => "WhatsApp blocked it",
        411 => "the phone has to be paired again, with several devices allowed",
        440 => "another client took the connection over",
        500 => "its session is broken",
        _ => "WhatsApp ended the session",
    }
}

/// A call. The bot takes none: one that nobody took on the phone is to be called back.
pub(super) fn call(data: &Value) -> Event {
    let event = other("call", data);
    let is_group = data.get("isGroup").and_then(Value::as_bool) == Some(true);
    let missed = text(data, "status").as_deref() == Some("timeout") && !is_group;
    let alert = missed.then(|| Alert {
        code: AlertCode::CallMissed,
        text: "A customer called on WhatsApp, and nobody took the call.".to_owned(),
        detail: String::new(),
    });
    Event::Other(Box::new(Other { alert, ..event }))
}
