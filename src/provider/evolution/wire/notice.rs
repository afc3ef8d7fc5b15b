//! Events other than messages, statuses and echoes: kept raw, with an alert and a warning where the
//! owner must act.

use serde_json::Value;

use super::super::super::json::{text, whole};
use super::without_files;
use crate::domain::{
    Alert, AlertCode, ConnectionChange, ConnectionReason, ConnectionState, Event, Other,
};

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
/// by itself, and `refused` when nobody scanned the QR code; `status.instance` comes beside it and
/// says nothing more.
pub(super) fn connection(data: &Value) -> Event {
    let code = whole(data, "statusReason").unwrap_or_default();
    let change = match text(data, "state").as_deref() {
        Some("open") => Some(ConnectionState::Ready.into()),
        Some("connecting") => Some(ConnectionState::Connecting.into()),
        Some("close") => Some(reason(code).into()),
        Some("refused") => Some(ConnectionReason::NotScanned.into()),
        _ => None,
    };
    changed(other("connection.update", data), change)
}

/// A QR code waits for the phone, or was not scanned. The code is no business of the log's.
pub(super) fn qr_code(data: &Value) -> Event {
    let change = match data.get("qrcode") {
        Some(_) => ConnectionState::Pairing.into(),
        None => ConnectionReason::NotScanned.into(),
    };
    changed(other("qrcode.updated", data), Some(change))
}

/// The instance was logged out on its server.
pub(super) fn logged_out(data: &Value) -> Event {
    changed(other("logout.instance", data), Some(ConnectionReason::LoggedOut.into()))
}

/// The instance was removed from its server.
pub(super) fn removed(data: &Value) -> Event {
    changed(other("remove.instance", data), Some(ConnectionReason::InstanceRemoved.into()))
}

fn changed(event: Other, connection: Option<ConnectionChange>) -> Event {
    let alert = connection.and_then(ConnectionChange::alert);
    let warning = connection.and_then(ConnectionChange::warning);
    Event::Other(Box::new(Other { alert, warning, connection, ..event }))
}

/// Baileys' codes: <https://github.com/WhiskeySockets/Baileys/blob/master/src/Types/index.ts>.
pub(in super::super) fn reason(code: i64) -> ConnectionReason {
    match code {
        401 => ConnectionReason::LoggedOut,
        403 => ConnectionReason::Blocked,
        411 => ConnectionReason::PairAgain,
        440 => ConnectionReason::Replaced,
        500 => ConnectionReason::SessionBroken,
        _ => ConnectionReason::Ended,
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
