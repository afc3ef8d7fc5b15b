//! The form for connecting a number at Kapso, and the check of its values there.

use async_trait::async_trait;

use super::super::graph::{self, fields};
use super::super::{
    Class, DescribeNumber, Error, Field, FieldError, Form, Kind, NumberDescription, Shows, Step,
};
use super::Kapso;
use crate::domain::ProviderKind;

/// HTTP status of what Kapso does not know.
const NOT_FOUND: i64 = 404;

pub(super) const FORM: Form = Form {
    provider: ProviderKind::Kapso,
    title: "WhatsApp Cloud API (Kapso)",
    about: "Meta's WhatsApp through an account at kapso.ai, which sets the number up and passes Meta's API on: no app at Meta is needed.",
    fields: &[
        Field::required("phone_number_id", Kind::Digits, "Phone number id")
            .help("Kapso: Phone numbers, your number's Phone number ID: 15 digits or so, not the phone number itself.")
            .pattern("^[0-9]{14,20}$")
            .like("106540352242922"),
        Field::required("api_key", Kind::Secret, "API key")
            .help("Kapso: Project settings > API keys.")
            .pattern("^[!-~]{10,500}$")
            .like("…"),
        Field::required("webhook_secret", Kind::Secret, "Webhook secret")
            .help("Made here; it is set as the secret key of the number's webhook, see the steps. Webhooks are checked with it.")
            .pattern("^[!-~]{8,200}$")
            .like("…"),
        Field::optional("account_id", Kind::Digits, "WhatsApp Business account id")
            .help("For message templates. Kapso: Phone numbers, your number's Business Account ID.")
            .pattern("^[0-9]{5,20}$")
            .like("102290129340398"),
        fields::COEXISTENCE,
        fields::TEMPLATE_NAME,
        fields::TEMPLATE_LANGUAGE,
        fields::TEMPLATE_WITH_TEXT,
        fields::VERSION,
        Field::optional("base_url", Kind::Url, "Address")
            .help("Of Kapso's API, without /meta or /platform at the end.")
            .like("https://api.kapso.ai")
            .advanced(),
    ],
    steps: &[
        Step {
            title: "Connect the number at Kapso",
            text: "In Kapso's dashboard: Phone numbers > Add. Copy its Phone number ID, and a key from Project settings > API keys.",
            shows: &[],
        },
        Step {
            title: "Tell Kapso where your desk is",
            text: "In a terminal, with your key, the phone number id, and the two values below as URL and SECRET. `curl -X POST \
                   https://api.kapso.ai/platform/v1/whatsapp/phone_numbers/PHONE_NUMBER_ID/webhooks -H \"X-API-Key: KEY\" -H \
                   \"Content-Type: application/json\" -d '{\"whatsapp_webhook\": {\"url\": \"URL\", \"secret_key\": \"SECRET\", \"kind\": \
                   \"kapso\", \"payload_version\": \"v2\", \"active\": true, \"events\": [\"whatsapp.message.received\", \
                   \"whatsapp.message.sent\", \"whatsapp.message.delivered\", \"whatsapp.message.read\", \"whatsapp.message.failed\"]}}'` Or \
                   in the dashboard: Webhooks > WhatsApp webhooks > Add Webhook, with these five events and the payload version v2; then copy the \
                   secret key that Kapso shows to Webhook secret here. The public https address must lead to this desk.",
            shows: &[Shows::CallbackUrl, Shows::WebhookSecret],
        },
        Step {
            title: "Switch Kapso's own answers off",
            text: "Workflows and agents of Kapso for this number: what they write looks like a person's, and silences the bot.",
            shows: &[],
        },
        Step {
            title: "Write to the number",
            text: "From your phone, in WhatsApp.",
            shows: &[],
        },
    ],
    practice: false,
    credentials: &["api_key"],
    detect_mistake: trap,
    verification: |_| None,
};

/// Detects values that are commonly confused with a field's.
fn trap(field: &str, value: &str) -> Option<&'static str> {
    match field {
        "phone_number_id" if fields::is_phone(value) => {
            Some("That looks like the phone number itself.")
        }
        "api_key" if value.starts_with("EAA") => Some("That is an access token of Meta."),
        "base_url" if value.contains("/meta") || value.contains("/platform") => {
            Some("The address ends before /meta or /platform.")
        }
        _ => None,
    }
}

#[async_trait]
impl DescribeNumber for Kapso {
    async fn describe_number(&self) -> Result<NumberDescription, FieldError> {
        let number = self.about().await.map_err(|error| field_error(&error))?;
        Ok(graph::describe(&number))
    }
}

/// The field that Kapso's refusal is about.
fn field_error(error: &Error) -> FieldError {
    let of = |field, message: &str| FieldError { field: Some(field), message: message.to_owned() };
    let none = |message: String| FieldError { field: None, message };
    let Error::Refused { class, fault, .. } = error else {
        return none(format!("Kapso could not be reached, so nothing was checked there: {error}"));
    };
    match class {
        Class::Token => of(
            "api_key",
            "Kapso does not know this key. Copy it again, whole: Project settings > API keys.",
        ),
        Class::OurFault if fault.code == NOT_FOUND || fault.title == "HTTP 404" => of(
            "phone_number_id",
            "Kapso has no number with this id in the project of this key. The id: Phone numbers, your number's Phone number ID.",
        ),
        Class::Throttled => {
            none("Kapso wants fewer questions right now: try it again in a few minutes.".to_owned())
        }
        _ => none(format!("Kapso could not say: {} {}. Try it again.", fault.code, fault.title)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    #[test]
    fn every_refusal_names_the_field_that_is_to_be_mended() {
        let of = |code, title: &str, class| {
            let fault = Fault { code, title: title.into(), details: None };
            field_error(&Error::Refused { class, fault, retry_after: None }).field
        };
        assert_eq!(of(401, "Unauthorized", Class::Token), Some("api_key"));
        assert_eq!(of(404, "Not found", Class::OurFault), Some("phone_number_id"));
        assert_eq!(of(0, "HTTP 404", Class::OurFault), Some("phone_number_id"));
        assert_eq!(of(422, "Unprocessable", Class::OurFault), None);
        assert_eq!(of(429, "Too many", Class::Throttled), None);
        let lost = field_error(&Error::NotSent("no route".into()));
        assert!(lost.field.is_none() && lost.message.contains("could not be reached"), "{lost}");
    }

    #[test]
    fn common_mistakes_are_named() {
        for (field, value, says) in [
            ("phone_number_id", "+1 (555) 123-4567", "phone number itself"),
            ("api_key", "EAAGx1234567890", "token of Meta"),
            ("base_url", "https://api.kapso.ai/meta/whatsapp", "before /meta"),
        ] {
            assert!(trap(field, value).unwrap().contains(says), "{value}");
        }
        assert_eq!(trap("base_url", "https://api.kapso.ai"), None);
    }
}
