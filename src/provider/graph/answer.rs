//! Parses Graph API responses: what a message got, or why it was refused.

use serde_json::Value;

use super::super::exchange::Answer;
use super::super::{Error, SentMessage, json};
use super::codes;
use crate::domain::{Fault, Party};

/// Maximum length of a text copied into a fault, in characters.
const MAX_PIECE_LEN: usize = 500;
/// HTTP statuses of a gateway that got no response, or not in time.
const GATEWAY_TROUBLE: [u16; 2] = [502, 504];

impl Answer {
    /// Whether a server failed that is not Meta: it has no code of Meta's.
    pub(super) fn is_failed_proxy(&self) -> bool {
        let code = self.body.get("error").and_then(|error| json::whole(error, "code"));
        self.status >= 500 && code.is_none()
    }

    /// Returns the body of a successful response, or why the request was refused.
    ///
    /// Meta quotes a malformed token in its message: `token` is removed from the stored error.
    pub(super) fn taken(self, token: &str) -> Result<Value, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let error = self.body.get("error").unwrap_or(&Value::Null);
        if !error.is_object() && GATEWAY_TROUBLE.contains(&self.status) {
            // The gateway lost its connection to the Graph API, which may have accepted the
            // request.
            let why = format!("a gateway before Meta answered HTTP {}", self.status);
            return Err(Error::Unknown(why));
        }
        let class = codes::classify(json::whole(error, "code"), self.status);
        let fault = fault(error, self.status, token);
        Err(Error::Refused { class, fault, retry_after: self.retry_after })
    }
}

/// Parses the ids in the response to a sent message.
pub(super) fn sent(body: &Value) -> Result<SentMessage, Error> {
    let first = |name| json::list(body, name).first();
    let id = first("messages").and_then(|message| json::text(message, "id"));
    let contact = first("contacts").unwrap_or(&Value::Null);
    let recipient = Party {
        wa_id: json::id(contact, "wa_id").map(|id| id.trim_start_matches('+').trim().to_owned()),
        bsuid: json::id(contact, "user_id"),
        ..Party::default()
    };
    id.map(|provider_id| SentMessage { provider_id, recipient })
        .ok_or_else(|| Error::Unknown("Meta took the request and named no message".to_owned()))
}

fn fault(error: &Value, status: u16, token: &str) -> Fault {
    let data = error.get("error_data").unwrap_or(&Value::Null);
    let subcode = json::whole(error, "error_subcode").map(|subcode| format!("subcode {subcode}"));
    // What is said for people is more than the message of most errors of templates.
    let said = json::text(data, "details").or_else(|| json::text(error, "error_user_msg"));
    let details: Vec<String> =
        said.map(|words| kept(&words, token)).into_iter().chain(subcode).collect();
    let said = json::text(error, "message").or_else(|| error.as_str().map(ToOwned::to_owned));
    // What is not Meta's own has no code.
    let code = if error.is_string() { i64::from(status) } else { 0 };
    Fault {
        code: json::whole(error, "code").unwrap_or(code),
        title: said.map_or_else(|| format!("HTTP {status}"), |words| kept(&words, token)),
        details: (!details.is_empty()).then(|| details.join("; ")),
    }
}

fn kept(words: &str, token: &str) -> String {
    words.replace(token, "(token)").chars().take(MAX_PIECE_LEN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::test_data::shared;
    use super::*;
    use crate::provider::Class;

    fn refusal(status: u16, body: Value) -> Error {
        Answer { status, retry_after: None, body }.taken("key-1").unwrap_err()
    }

    #[test]
    fn an_error_that_is_only_words_goes_by_its_status() {
        for (status, class) in [
            (401, Class::Token),
            (404, Class::OurFault),
            (409, Class::Transient),
            (422, Class::OurFault),
        ] {
            let Error::Refused { class: got, fault, .. } =
                refusal(status, json!({"error": "Not with key-1."}))
            else {
                panic!("{status}")
            };
            assert_eq!((got, fault.code), (class, i64::from(status)));
            assert_eq!(fault.title, "Not with (token).");
        }
        let failed = |status, body| Answer { status, retry_after: None, body }.is_failed_proxy();
        assert!(failed(500, json!({"error": "Internal"})) && failed(503, Value::Null));
        assert!(!failed(500, json!({"error": {"code": 131_000}})) && !failed(422, Value::Null));
        for status in [502, 504] {
            let lost = refusal(status, json!({"error": "Kapso proxy timeout"}));
            assert!(matches!(lost, Error::Unknown(_)), "it may have gone out: {lost}");
        }
    }

    #[test]
    fn captured_errors_of_a_proxy_are_what_they_are() {
        let read = |name: &str| {
            let body = shared(&format!("fixtures/kapso/res.{name}.json"))?;
            serde_json::from_slice(&body).ok()
        };
        let Some(lost) = read("kapsosdk.error.proxy_timeout_504") else { return };
        assert!(matches!(refusal(504, lost), Error::Unknown(_)));
        let busy = refusal(409, read("error.conflict_409").unwrap());
        assert!(matches!(&busy, Error::Refused { class: Class::Transient, .. }), "{busy}");
        let taken = sent(&read("proxy.send_ok").unwrap()).unwrap();
        assert_eq!(taken.provider_id, "wamid.out");
    }
}
