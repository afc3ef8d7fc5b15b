//! Webhooks byte for byte as Meta sends them, with non-ASCII characters and slashes escaped. Must
//! not send them.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The account that all numbers belong to.
pub(crate) const ACCOUNT: &str = "102290129340398";
/// Our display phone number.
const OUR_PHONE: &str = "15550783881";

/// A status update of a message that we sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News<'a> {
    /// Meta's id of the message.
    pub(crate) id: &'a str,
    /// `sent`, `delivered`, `read` or `failed`.
    pub(crate) status: &'a str,
    /// The customer's `wa_id`: digits without `+`.
    pub(crate) recipient: &'a str,
    /// The reference sent with the message.
    pub(crate) reference: Option<&'a str>,
    /// Meta's error code and title of a failed message.
    pub(crate) error: Option<(i64, &'a str)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Note<'a> {
    /// Meta's id of the file; upload it to the fake with `put_media`.
    pub(crate) media_id: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// Returns the webhook of a text message from a customer (`from`: digits without `+`) to the number
/// `pnid`.
pub(crate) fn text_webhook(pnid: &str, from: &str, id: &str, text: &str) -> Vec<u8> {
    let content = json!({"type": "text", "text": {"body": text}});
    message_webhook(pnid, from, id, &content)
}

/// Returns the webhook of a voice note from a customer.
pub(crate) fn voice_webhook(pnid: &str, from: &str, id: &str, note: Note<'_>) -> Vec<u8> {
    let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(note.bytes));
    let audio = json!({
        "id": note.media_id, "mime_type": "audio/ogg; codecs=opus", "sha256": sha256, "voice": true,
    });
    message_webhook(pnid, from, id, &json!({"type": "audio", "audio": audio}))
}

/// Returns the webhook of a customer's message with any content: `content` is merged into it, such
/// as `{"type": "reaction", "reaction": {..}}` or a `context`.
pub(crate) fn message_webhook(pnid: &str, from: &str, id: &str, content: &Value) -> Vec<u8> {
    let mut message = json!({"from": from, "id": id, "timestamp": now()});
    for (name, value) in content.as_object().unwrap() {
        message[name] = value.clone();
    }
    let name = format!("Customer {}", from.get(from.len().saturating_sub(4)..).unwrap_or(from));
    let contact = json!({"profile": {"name": name}, "wa_id": from});
    hook(pnid, "messages", json!({"contacts": [contact], "messages": [message]}))
}

/// Returns the status webhook of a message that we sent.
pub(crate) fn status_webhook(pnid: &str, news: News<'_>) -> Vec<u8> {
    let mut status = json!({
        "id": news.id, "status": news.status, "timestamp": now(), "recipient_id": news.recipient,
    });
    if let Some(reference) = news.reference {
        status["biz_opaque_callback_data"] = reference.into();
    }
    if let Some((code, title)) = news.error {
        status["errors"] = json!([{"code": code, "title": title, "message": title}]);
    } else {
        status["pricing"] = json!({
            "billable": false, "pricing_model": "PMP", "category": "service",
            "type": "free_customer_service",
        });
    }
    hook(pnid, "messages", json!({"statuses": [status]}))
}

/// Returns the webhook of a message that a person sent to a customer (`to`: digits without `+`)
/// from the business's phone.
pub(crate) fn echo_webhook(pnid: &str, to: &str, id: &str, text: &str) -> Vec<u8> {
    echo_of(pnid, to, id, &json!({"type": "text", "text": {"body": text}}))
}

/// Like [`echo_webhook`], with any content, as in [`message_webhook`].
pub(crate) fn echo_of(pnid: &str, to: &str, id: &str, content: &Value) -> Vec<u8> {
    let mut echo = json!({"from": OUR_PHONE, "to": to, "id": id, "timestamp": now()});
    for (name, value) in content.as_object().unwrap() {
        echo[name] = value.clone();
    }
    hook(pnid, "smb_message_echoes", json!({"message_echoes": [echo]}))
}

/// Combines webhooks into one request, as Meta does under load.
pub(crate) fn batch(bodies: &[Vec<u8>]) -> Vec<u8> {
    let entries = bodies.iter().flat_map(|body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["entry"].as_array().unwrap().clone()
    });
    let entries: Vec<_> = entries.collect();
    meta_bytes(&json!({"object": "whatsapp_business_account", "entry": entries}))
}

/// Returns the value of `X-Hub-Signature-256` for a body.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn hook(pnid: &str, field: &str, mut value: Value) -> Vec<u8> {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({"display_phone_number": OUR_PHONE, "phone_number_id": pnid});
    let change = json!({"value": value, "field": field});
    let entry = json!({"id": ACCOUNT, "changes": [change]});
    meta_bytes(&json!({"object": "whatsapp_business_account", "entry": [entry]}))
}

fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string()
}

/// Returns JSON in ASCII, with `\u00e9` for `é` and `\/` for `/`.
fn meta_bytes(body: &Value) -> Vec<u8> {
    let mut escaped = String::new();
    for letter in body.to_string().chars() {
        match letter {
            '/' => escaped.push_str("\\/"),
            letter if letter.is_ascii() => escaped.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(escaped, "\\u{unit:04x}").unwrap();
                }
            }
        }
    }
    escaped.into_bytes()
}

/// Returns a captured Meta payload by name; `None` (and a note on the terminal) without the shared
/// data.
#[cfg(test)]
pub(crate) fn captured(name: &str) -> Option<Value> {
    let text = shared(&format!("fixtures/meta/{name}.json"))?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Returns every captured webhook of a provider with its name (without `in.`), sorted by name; empty
/// (and a note on the terminal) without the shared data.
#[cfg(test)]
pub(crate) fn all_captured(provider: &str) -> Vec<(String, Value)> {
    let folder = format!("fixtures/{provider}");
    let Some(index) = shared(&format!("{folder}/INDEX.json")) else { return Vec::new() };
    let index: serde_json::Map<String, Value> = serde_json::from_str(&index).unwrap();
    let names = index.keys().filter_map(|name| name.strip_prefix("in."));
    let read = |name: &str| {
        let text = shared(&format!("{folder}/in.{name}.json"))?;
        Some((name.to_owned(), serde_json::from_str(&text).ok()?))
    };
    names.filter_map(read).collect()
}

/// Returns a file of the shared data; `None` (and a note on the terminal) when it does not exist.
#[cfg(test)]
pub(crate) fn shared(path: &str) -> Option<String> {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = std::env::var("FRONTDESK_SHARED").unwrap_or_else(|_| near.to_owned());
    let text = std::fs::read_to_string(format!("{shared}/{path}")).ok();
    if text.is_none() {
        println!("skipped: no shared data");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_ascii_and_says_what_was_written() {
        let body = text_webhook("106", "4477001", "wamid.1", "é 👍 a/b");
        assert!(body.is_ascii());
        assert!(String::from_utf8_lossy(&body).contains(r"\u00e9 \ud83d\udc4d a\/b"));
        let value: Value = serde_json::from_slice(&body).unwrap();
        let said = &value["entry"][0]["changes"][0]["value"];
        assert_eq!(said["messages"][0]["text"]["body"], "é 👍 a/b");
        assert_eq!(said["metadata"]["phone_number_id"], "106");
        assert_eq!(said["contacts"][0]["wa_id"], said["messages"][0]["from"]);
    }

    #[test]
    fn a_batch_holds_every_entry() {
        let news = News {
            id: "w",
            status: "failed",
            recipient: "44",
            reference: None,
            error: Some((1, "x")),
        };
        let bodies = [echo_webhook("1", "44", "e", "hi"), status_webhook("2", news)];
        let value: Value = serde_json::from_slice(&batch(&bodies)).unwrap();
        assert_eq!(value["entry"].as_array().unwrap().len(), 2);
        assert_eq!(value["entry"][1]["changes"][0]["value"]["statuses"][0]["errors"][0]["code"], 1);
    }

    /// The example in RFC 4231, section 4.3.
    #[test]
    fn a_signature_is_hmac_sha256_in_hex() {
        let signature = sign("Jefe", b"what do ya want for nothing?");
        assert!(signature.starts_with(
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ));
    }

    /// Returns the paths of all fields.
    fn fields(value: &Value, above: &str) -> Vec<String> {
        match value {
            Value::Object(object) => object
                .iter()
                .flat_map(|(name, value)| {
                    let path = format!("{above}.{name}");
                    let below = fields(value, &path);
                    below.into_iter().chain([path])
                })
                .collect(),
            Value::Array(values) => values.iter().flat_map(|value| fields(value, above)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn webhooks_have_the_fields_of_captured_ones() {
        let note = Note { media_id: "1", bytes: b"OggS" };
        let news =
            News { id: "w", status: "sent", recipient: "44", reference: Some("r"), error: None };
        let failed = News { status: "failed", error: Some((131_047, "closed")), ..news };
        let tracked = &["in.pywa.message_status.with_tracker", "in.pywa.message_status.sent"];
        let refused = &["in.edge.status_failed_131047", "in.pywa.message_status.with_tracker"];
        for (body, names) in [
            (text_webhook("1", "44", "w", "x"), &["in.pywa.message.text"][..]),
            (voice_webhook("1", "44", "w", note), &["in.pywa.message.voice"]),
            (echo_webhook("1", "44", "w", "x"), &["in.metadocs.smb_message_echoes.1"]),
            (status_webhook("1", news), tracked),
            (status_webhook("1", failed), refused),
        ] {
            let mut known = vec![".entry.changes.value.statuses.pricing.type".to_owned()];
            for name in names {
                let Some(payload) = captured(name) else { return };
                known.extend(fields(&payload, ""));
            }
            for field in fields(&serde_json::from_slice(&body).unwrap(), "") {
                assert!(known.contains(&field), "{names:?} has no {field}");
            }
        }
    }
}
