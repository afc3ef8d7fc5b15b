//! The form for connecting an instance of an Evolution server, and the check of its values there.

use async_trait::async_trait;
use serde_json::Value;

use super::super::{
    Class, DescribeNumber, Error, Field, FieldError, Form, Kind, NumberDescription, Shows, Step,
    json,
};
use super::jid::Jid;
use super::{Evolution, settings};
use crate::domain::ProviderKind;

pub(super) const FORM: Form = Form {
    provider: ProviderKind::Evolution,
    title: "Linked device (Evolution API)",
    about: "A server of your own that links to the phone as WhatsApp Web does, with the open Evolution API 2. No account at Meta is needed. \
            WhatsApp does not support it and may block the number: for anything large, take Meta's API.",
    fields: &[
        Field::required("server_url", Kind::Url, "Server address")
            .help("Of the Evolution server, as this desk reaches it, without /manager at the end. With https, unless it is in your own network.")
            .like("https://evolution.example.com"),
        Field::required("instance", Kind::Text, "Instance")
            .help("Its name on the server: a new one, such as your shop's, or that of an instance which is there already, with the same capitals.")
            .pattern("^[^/?#%\\\\]{1,100}$")
            .like("shop1"),
        Field::required("api_key", Kind::Secret, "API key")
            .help("The server's global key (AUTHENTICATION_API_KEY in its settings) makes a new instance. For one that is there already its own key works, too.")
            .pattern("^[!-~]{4,500}$")
            .like("…"),
        Field::required("webhook_secret", Kind::Secret, "Webhook secret")
            .help("Made here; the desk sets it as a header of the instance's webhook whenever the number is connected.")
            .pattern("^[!-~]{16,200}$")
            .like("…"),
        Field::optional("call_message", Kind::Text, "Answer to calls")
            .help("Calls are rejected, and callers get this message. It is set when the number is connected. Empty: calls ring on the phone.")
            .pattern("^.{0,500}$")
            .like("We take no calls here: please write to us."),
    ],
    steps: &[
        Step {
            title: "Have an Evolution server",
            text: "Version 2, in your own network or at a host. You need its address and its global key, which is AUTHENTICATION_API_KEY in its \
                   settings. For an instance that is there already its own key works, too.",
            shows: &[],
        },
        Step {
            title: "Choose a name for the instance",
            text: "An instance is the server's link to one phone. The desk makes it when the number is connected, if there is none of this name.",
            shows: &[],
        },
        Step {
            title: "Save, then connect the number",
            text: "Press Connect on the number's page and scan the QR code with the number's phone: WhatsApp > Linked devices > Link a device. The \
                   desk sets the webhook on the server itself: the server calls this address, so it must be able to reach it.",
            shows: &[Shows::CallbackUrl, Shows::WebhookSecret],
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
        "server_url" if value.contains("/manager") => {
            Some("That is the manager's page: the address ends before /manager.")
        }
        "server_url"
            if value.parse().is_ok_and(|url: reqwest::Url| {
                url.scheme() == "http" && !settings::is_local(&url)
            }) =>
        {
            Some("Over http anybody on the way reads the key and the messages: write https.")
        }
        "webhook_secret"
            if value.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("bearer ")) =>
        {
            Some("The secret goes here without the word Bearer.")
        }
        _ => None,
    }
}

/// What to do about an instance that is not connected.
pub(super) fn not_connected(instance: &str, state: &str) -> String {
    format!(
        "the instance {instance} is not connected to WhatsApp ({state}): connect it on the number's page, and scan the QR code with the number's phone"
    )
}

#[async_trait]
impl DescribeNumber for Evolution {
    async fn describe_number(&self) -> Result<NumberDescription, FieldError> {
        let mut url = self.endpoint(&["instance", "fetchInstances"]);
        url.query_pairs_mut().append_pair("instanceName", &self.instance);
        let answer = self.get(url).await.map_err(|error| field_error(&error))?;
        let Some(instances) = answer.as_array() else { return Err(no_server()) };
        let named =
            |one: &&Value| json::text(one, "name").as_deref() == Some(self.instance.as_str());
        instances.iter().find(named).map(|one| self.describe(one)).ok_or_else(no_instance)
    }
}

impl Evolution {
    /// The description of the instance. The list has tokens, too: they are not read.
    fn describe(&self, instance: &Value) -> NumberDescription {
        let owner = json::text(instance, "ownerJid");
        let phone = owner.and_then(|owner| match Jid::of(&owner) {
            Jid::Phone(phone) => Some(format!("+{phone}")),
            _ => None,
        });
        let name = json::text(instance, "profileName");
        let state = json::text(instance, "connectionStatus").unwrap_or_default();
        let words = if state == "open" {
            format!(
                "{} ({}), connected",
                name.as_deref().unwrap_or("a number without a name"),
                phone.as_deref().unwrap_or("phone number not shown")
            )
        } else {
            format!("Found, but {}.", not_connected(&self.instance, &state))
        };
        NumberDescription { display: phone, verified_name: name, words }
    }
}

/// The field that the server's refusal is about.
fn field_error(error: &Error) -> FieldError {
    let of = |field, message: &str| FieldError { field: Some(field), message: message.to_owned() };
    let none = |message: String| FieldError { field: None, message };
    let Error::Refused { class, fault, .. } = error else {
        return none(format!(
            "The server could not be reached, so nothing was checked there: {error}"
        ));
    };
    match (class, fault.code) {
        (Class::Token, _) => of(
            "api_key",
            "The server does not know this key. It is AUTHENTICATION_API_KEY in the server's settings, or the key on the instance's card in Evolution's manager.",
        ),
        (_, 404) if fault.title.contains("nstance") => no_instance(),
        (_, 404) => no_server(),
        _ => {
            none(format!("The server could not say: {} {}. Try it again.", fault.code, fault.title))
        }
    }
}

/// Without a field: a number may be saved before its instance is made.
fn no_instance() -> FieldError {
    FieldError {
        field: None,
        message: "The server has no instance of this name yet. Connecting the number makes it, with the server's global key. If it should be \
                  there: see its name at the top of its card in Evolution's manager, with the same capitals."
            .to_owned(),
    }
}

fn no_server() -> FieldError {
    FieldError {
        field: Some("server_url"),
        message: "No Evolution API answers at this address. It is the one of the manager, without /manager.".to_owned(),
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
        assert_eq!(of(404, "Instance \"nope\" not found", Class::OurFault), None);
        assert_eq!(of(404, "HTTP 404", Class::OurFault), Some("server_url"));
        assert_eq!(of(500, "Internal Server Error", Class::Transient), None);
        let lost = field_error(&Error::NotSent("no route".into()));
        assert!(lost.field.is_none() && lost.message.contains("could not be reached"), "{lost}");
    }

    #[test]
    fn common_mistakes_are_named() {
        for (field, value, says) in [
            ("server_url", "https://evo.example.com/manager", "before /manager"),
            ("server_url", "http://evo.example.com", "write https"),
            ("webhook_secret", "Bearer 0123456789abcdef", "without the word"),
        ] {
            assert!(trap(field, value).unwrap().contains(says), "{value}");
        }
        assert_eq!(trap("server_url", "http://evolution:8080"), None);
    }
}
