//! Webhooks in WhatsApp's format and their signature.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Phone number id that customers write to.
pub(crate) const NUMBER: &str = "106540352242922";
/// App secret that signs the webhooks.
pub(crate) const SECRET: &str = "app-secret-123";

/// Returns the webhook body of a customer's text message.
pub(crate) fn message(customer: &str, id: &str, text: &str) -> Vec<u8> {
    body(&json!({
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": customer}],
        "messages": [{"from": customer, "id": id, "timestamp": now_s(), "type": "text", "text": {"body": text}}],
    }))
}

/// Returns the webhook body of a status update. `reference` is what the desk sent with the message.
pub(crate) fn status(customer: &str, (id, reference): (&str, &str), state: &str) -> Vec<u8> {
    body(&json!({"statuses": [{
        "id": id, "status": state, "timestamp": now_s(), "recipient_id": customer,
        "biz_opaque_callback_data": reference,
        "pricing": {"billable": false, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"},
    }]}))
}

/// Returns a message id. As in real ids, the prefix does not follow time: new ids spread over the
/// whole index. `seed` stores ids of the same kind.
pub(crate) fn wamid(number: usize, rest: &str) -> String {
    format!("wamid.{:010}{rest}", (number as u64).wrapping_mul(2_654_435_761) % (1 << 32))
}

/// Returns the value of `x-hub-signature-256`.
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
