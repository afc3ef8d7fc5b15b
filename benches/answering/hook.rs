//! Webhooks in WhatsApp's words, and their signature.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The number that is written to.
pub(crate) const NUMBER: &str = "106540352242922";
/// Signs the webhooks.
pub(crate) const SECRET: &str = "app-secret-123";

/// A text from a customer, as the body of a webhook.
pub(crate) fn message(customer: &str, id: &str, text: &str) -> Vec<u8> {
    body(&json!({
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": customer}],
        "messages": [{"from": customer, "id": id, "timestamp": now_s(), "type": "text", "text": {"body": text}}],
    }))
}

/// The news of a reply, as the body of a webhook. `reference` is what the desk sent along.
pub(crate) fn status(customer: &str, (id, reference): (&str, &str), state: &str) -> Vec<u8> {
    body(&json!({"statuses": [{
        "id": id, "status": state, "timestamp": now_s(), "recipient_id": customer,
        "biz_opaque_callback_data": reference,
        "pricing": {"billable": false, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"},
    }]}))
}

/// A message's id. As in real ones, its beginning does not tell when it was made: in an index, new ones are everywhere
/// among the old. `seed` stores ids of the same kind.
pub(crate) fn wamid(number: usize, rest: &str) -> String {
    format!("wamid.{:010}{rest}", number as u64 * 2_654_435_761 % (1 << 32))
}

/// The value of `x-hub-signature-256`.
pub(crate) fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn body(what: &Value) -> Vec<u8> {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
    });
    if let (Some(value), Some(what)) = (value.as_object_mut(), what.as_object()) {
        value.extend(what.clone());
    }
    json!({"object": "whatsapp_business_account", "entry": [
        {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}]})
    .to_string()
    .into_bytes()
}

fn now_s() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock").as_secs().to_string()
}
