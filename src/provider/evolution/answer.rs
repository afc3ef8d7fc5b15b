//! Parses the server's responses: what a message got, or why it was refused.
//!
//! Nothing is said by code: errors are told apart by their HTTP status and, where that is the same
//! for several, by their words.

use serde_json::Value;

use super::super::exchange::Answer;
use super::super::{Class, Error, SentMessage, json};
use super::jid;
use crate::domain::Fault;

/// Maximum length of the server's words in a fault, in characters.
const MAX_WORDS_LEN: usize = 500;
/// HTTP statuses of a proxy that got no response, or not in time; the server itself has none of them.
const GATEWAY_TROUBLE: [u16; 4] = [502, 504, 520, 524];
/// Maximum depth of lists within its error messages.
const MAX_DEPTH: usize = 4;

/// Returns the body of a successful response, or why the request was refused. `key` is removed from
/// the stored error.
pub(super) fn taken(answer: Answer, key: &str) -> Result<Value, Error> {
    let Answer { status, retry_after, body } = answer;
    let is_error = body.get("error").and_then(Value::as_bool) == Some(true);
    if (200..300).contains(&status) && !is_error {
        return Ok(body);
    }
    let words = words(&body);
    let said = words.join("; ").replace(key, "(key)");
    let said: String = said.chars().take(MAX_WORDS_LEN).collect();
    if GATEWAY_TROUBLE.contains(&status) {
        // A proxy lost its connection to the server, which may have accepted the request.
        return Err(Error::Unknown(format!("a proxy before the server answered HTTP {status}")));
    }
    let has = |mark: &str| said.to_lowercase().contains(mark);
    if matches!(status, 400 | 500) && has("connection closed") {
        return Err(Error::NotSent(
            "the instance is not connected to WhatsApp: connect the number again on its page"
                .into(),
        ));
    }
    // What goes wrong after WhatsApp took the message is refused all the same.
    if status == 400 && (has("prisma") || has("timed out") || has("axioserror")) {
        return Err(Error::Unknown(format!("the server failed while it sent: {said}")));
    }
    let class = match status {
        400 if is_nobody(&body) => Class::Undeliverable,
        401 | 403 => Class::Token,
        413 => Class::TooLarge,
        429 => Class::Throttled,
        500.. => Class::Transient,
        _ => Class::OurFault,
    };
    let title = match class {
        Class::Undeliverable => "this number is not on WhatsApp".to_owned(),
        _ if said.is_empty() => format!("HTTP {status}"),
        _ => said,
    };
    let fault = Fault { code: i64::from(status), title, details: None };
    Err(Error::Refused { class, fault, retry_after })
}

/// A message to an instance that is gone waits for it: it can be made again by the same name.
pub(super) fn of_send(error: Error) -> Error {
    match error {
        Error::Refused { class: Class::OurFault, fault, .. }
            if fault.code == 404 && fault.title.contains("does not exist") =>
        {
            Error::NotSent(format!(
                "{}: connect the number on its page, which makes it again",
                fault.title
            ))
        }
        other => other,
    }
}

/// Parses the response to a sent message. `to` is to whom it was addressed.
pub(super) fn sent(body: &Value) -> Result<SentMessage, Error> {
    let key = body.get("key").unwrap_or(&Value::Null);
    let recipient = jid::party(key, &["remoteJid", "remoteJidAlt"]).unwrap_or_default();
    json::id(key, "id").map(|provider_id| SentMessage { provider_id, recipient }).ok_or_else(|| {
        Error::Unknown("the server took the request and named no message".to_owned())
    })
}

/// The server's words. They stand at the top or under `response`: as text, as a list, or as lists in
/// a list.
fn words(body: &Value) -> Vec<String> {
    let message = |of: &Value| of.get("message").cloned();
    let said = body.get("response").and_then(message).or_else(|| message(body));
    let mut words = Vec::new();
    collect(&said.or_else(|| body.get("error").cloned()).unwrap_or_default(), 0, &mut words);
    words
}

fn collect(said: &Value, depth: usize, words: &mut Vec<String>) {
    match said {
        Value::String(text) if !text.is_empty() => words.push(text.clone()),
        Value::Array(items) if depth < MAX_DEPTH => {
            for item in items {
                collect(item, depth + 1, words);
            }
        }
        _ => {}
    }
}

/// Whether the server says that the number is not on WhatsApp: `[{"exists": false, ..}]`.
fn is_nobody(body: &Value) -> bool {
    let said = body.pointer("/response/message").or_else(|| body.get("message"));
    let mut items = said.and_then(Value::as_array).into_iter().flatten();
    items.any(|item| item.get("exists").and_then(Value::as_bool) == Some(false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::test_data::shared;
    use super::*;

    fn refusal(status: u16, body: Value) -> Error {
        taken(Answer { status, retry_after: None, body }, "key-1").unwrap_err()
    }

    fn class(error: &Error) -> Option<Class> {
        if let Error::Refused { class, .. } = error { Some(*class) } else { None }
    }

    #[test]
    fn captured_refusals_fall_into_their_classes() {
        for (name, wanted, says) in [
            ("create-bad-key", Class::Token, "Unauthorized"),
            ("connectionState-unknown", Class::OurFault, "\"nope\" instance does not exist"),
            ("sendText-missing-number", Class::OurFault, "requires property \"number\""),
            ("settings-set-missing-field", Class::OurFault, "\"alwaysOnline\"; instance"),
            ("sendText-empty", Class::OurFault, "TypeError"),
            ("whatsappNumbers", Class::OurFault, "not available"),
            ("not-found", Class::OurFault, "Cannot GET"),
            ("create-duplicate-name", Class::Token, "already in use"),
        ] {
            let path = format!("fixtures/evolution/http.live236.{name}.json");
            let Some(exchange) = shared(&path) else { return };
            let exchange: Value = serde_json::from_slice(&exchange).unwrap();
            let status = u16::try_from(exchange["status"].as_u64().unwrap()).unwrap();
            let error = refusal(status, exchange["response"].clone());
            assert_eq!(class(&error), Some(wanted), "{name}: {error}");
            assert!(error.to_string().contains(says), "{name}: {error}");
        }
        let body = shared("fixtures/evolution/res.edge.sendText_400_not_on_whatsapp.json").unwrap();
        let error = refusal(400, serde_json::from_slice(&body).unwrap());
        assert_eq!(class(&error), Some(Class::Undeliverable));
    }

    #[test]
    fn words_say_whether_a_message_may_have_gone_out() {
        let said = |status, words: &str| {
            refusal(status, json!({"status": status, "response": {"message": words}}))
        };
        for not_sent in [said(500, "Connection Closed"), said(400, "Error: Connection Closed")] {
            assert!(
                matches!(&not_sent, Error::NotSent(why) if why.contains("manager")),
                "{not_sent}"
            );
        }
        for unknown in [
            said(400, "Error: Timed Out"),
            said(400, "PrismaClientKnownRequestError: too many connections"),
            refusal(502, Value::Null),
            refusal(504, Value::Null),
        ] {
            assert!(matches!(unknown, Error::Unknown(_)), "{unknown}");
        }
        assert_eq!(class(&said(500, "Internal Server Error")), Some(Class::Transient));
        assert_eq!(class(&refusal(503, Value::Null)), Some(Class::Transient));
        assert_eq!(class(&refusal(200, json!({"error": true}))), Some(Class::OurFault));
        let quoting = said(401, "key-1 is unknown");
        assert!(!format!("{quoting} {quoting:?}").contains("key-1"), "{quoting}");
    }

    #[test]
    fn every_shape_of_an_error_is_read() {
        for (body, says) in [
            (json!({"message": "top"}), "top"),
            (json!({"response": {"message": ["a", "b"]}}), "a; b"),
            (json!({"response": {"message": [["c"], [["d"]]]}}), "c; d"),
            (json!({"error": "Bad Request"}), "Bad Request"),
            (json!([1]), "HTTP 400"),
            (json!({"response": {"message": {"odd": 1}}}), "HTTP 400"),
        ] {
            let Error::Refused { fault, .. } = refusal(400, body.clone()) else { panic!("{body}") };
            assert_eq!((fault.title.as_str(), fault.code), (says, 400), "{body}");
        }
    }
}
