//! The form for connecting a number of Meta's Cloud API, and the check of its values with Meta.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::graph::{self, fields};
use super::super::{
    Class, DescribeNumber, Error, Field, FieldError, Form, Kind, NumberDescription, Shows, Step,
    signature,
};
use super::Meta;
use crate::domain::ProviderKind;

pub(super) const FORM: Form = Form {
    provider: ProviderKind::Meta,
    title: "WhatsApp Cloud API (Meta)",
    about: "Meta's own way to WhatsApp: an app at developers.facebook.com with the product WhatsApp. Meta's test number costs nothing.",
    fields: &[
        Field::required("phone_number_id", Kind::Digits, "Phone number id")
            .help("Meta: your app > WhatsApp > API Setup, below the phone number: 15 digits or so, not the phone number itself.")
            .pattern("^[0-9]{14,20}$")
            .like("106540352242922"),
        Field::required("access_token", Kind::Secret, "Access token")
            .help(
                "Meta: Business settings > Users > System users > Generate token, with whatsapp_business_messaging and \
                 whatsapp_business_management. The token of the page API Setup works too, but only for a day.",
            )
            .pattern("^[A-Za-z0-9._|-]{10,1000}$")
            .like("EAAG…"),
        Field::required("app_secret", Kind::Secret, "App secret")
            .help("Meta: your app > App settings > Basic > App secret > Show: 32 digits and letters from a to f. Webhooks are checked with it.")
            .pattern("^[0-9a-fA-F]{32}$")
            .like("…"),
        Field::required("verify_token", Kind::Secret, "Verify token")
            .help("Made here; it is typed into Meta's webhook form, see the steps.")
            .pattern("^[!-~]{8,200}$")
            .like("…"),
        Field::optional("account_id", Kind::Digits, "WhatsApp Business account id")
            .help(
                "For message templates. Meta: your app > WhatsApp > API Setup, beside the phone number id; without it, the first webhook \
                 of the number tells it.",
            )
            .pattern("^[0-9]{5,20}$")
            .like("102290129340398"),
        fields::COEXISTENCE,
        fields::TEMPLATE_NAME,
        fields::TEMPLATE_LANGUAGE,
        fields::TEMPLATE_WITH_TEXT,
        fields::VERSION,
        Field::optional("base_url", Kind::Url, "Address")
            .help("Of Meta's Graph API, where it is reached through a proxy.")
            .like("https://graph.facebook.com")
            .advanced(),
    ],
    steps: &[
        Step {
            title: "Make an app at Meta",
            text: "developers.facebook.com > My Apps > Create App, of the type Business; add the product WhatsApp. An app that you have \
                   already does as well.",
            shows: &[],
        },
        Step {
            title: "Copy what is asked for here",
            text: "Phone number id: WhatsApp > API Setup. Access token: Business settings > Users > System users. App secret: App settings > Basic.",
            shows: &[],
        },
        Step {
            title: "Tell Meta where your desk is",
            text: "WhatsApp > Configuration > Webhook > Edit: paste both, then Verify and save. Meta calls at once, and needs a public \
                   https address.",
            shows: &[Shows::CallbackUrl, Shows::VerifyToken],
        },
        Step {
            title: "Subscribe to messages",
            text: "On the same page, Webhook fields > Manage: switch `messages` on. Also `smb_message_echoes` if the number is used on the \
                   phone, too: then the bot is silent where somebody answers from there. For alerts here: `account_update`, \
                   `account_alerts`, `phone_number_quality_update`, `business_capability_update`, `message_template_status_update`, \
                   `message_template_quality_update` and `template_category_update`.",
            shows: &[],
        },
        Step {
            title: "Subscribe the app to the account",
            text: "Without this, Meta sends test calls alone. In a terminal, with the WhatsApp Business Account ID of the page API Setup \
                   and your access token: `curl -X POST -H \"Authorization: Bearer TOKEN\" \
                   https://graph.facebook.com/v24.0/ACCOUNT_ID/subscribed_apps`",
            shows: &[],
        },
        Step {
            title: "Write to the number",
            text: "From your phone, in WhatsApp. With Meta's test number, add your phone as a recipient on the page API Setup first.",
            shows: &[],
        },
    ],
    practice: false,
    credentials: &["access_token"],
    detect_mistake: trap,
    verification,
};

/// Detects values that are commonly confused with a field's.
fn trap(field: &str, value: &str) -> Option<&'static str> {
    match field {
        "phone_number_id" if fields::is_phone(value) => {
            Some("That looks like the phone number itself.")
        }
        "access_token"
            if value.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("bearer")) =>
        {
            Some("The token goes here without the word Bearer.")
        }
        "app_secret" if value.starts_with("EAA") => Some("That is an access token."),
        _ => None,
    }
}

/// The verify token and the challenge of Meta's request to verify the webhook address.
pub(super) fn verification(query: &[(String, String)]) -> Option<(&str, &str)> {
    let get = |name| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let asked = Some((get("hub.verify_token")?, get("hub.challenge")?));
    asked.filter(|_| get("hub.mode") == Some("subscribe"))
}

#[async_trait]
impl DescribeNumber for Meta {
    async fn describe_number(&self) -> Result<NumberDescription, FieldError> {
        let number = self.about(None).await.map_err(|error| field_error(&error))?;
        if let Some(secret) = &self.app_secret {
            // Meta checks the proof whenever one is given: it shows whether secret and token belong
            // to the same app.
            let token = self.graph.secret.expose_secret();
            let proof = signature::sign(secret.expose_secret(), token.as_bytes());
            let proof = proof.trim_start_matches("sha256=");
            match self.about(Some(proof)).await {
                Err(Error::Refused { fault, .. }) if fault.title.contains("appsecret_proof") => {
                    return Err(FieldError {
                        field: Some("app_secret"),
                        message: "Meta says that this is not the secret of the app that the access token is of. Meta: App settings > Basic \
                                  of the same app."
                            .to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(graph::describe(&number))
    }
}

impl Meta {
    /// Queries Meta about the number.
    pub(super) async fn about(&self, proof: Option<&str>) -> Result<Value, Error> {
        let mut url = self.graph.endpoint(&[&self.graph.phone_number_id]);
        url.query_pairs_mut()
            .append_pair("fields", "display_phone_number,verified_name,quality_rating");
        if let Some(proof) = proof {
            url.query_pairs_mut().append_pair("appsecret_proof", proof);
        }
        self.graph.ask(url).await
    }
}

/// The field that Meta's refusal is about, by its error code and, where that is ambiguous, its
/// subcode.
fn field_error(error: &Error) -> FieldError {
    let of = |field, message: &str| FieldError { field: Some(field), message: message.to_owned() };
    let none = |message: String| FieldError { field: None, message };
    let Error::Refused { class, fault, .. } = error else {
        return none(format!("Meta could not be reached, so nothing was checked there: {error}"));
    };
    let subcode = fault.details.as_deref().unwrap_or_default();
    match (fault.code, class) {
        (190, _) if subcode.contains("subcode 463") => of(
            "access_token",
            "Meta says that this token has expired. A system user's token does not: Business settings > Users > System users > Generate token.",
        ),
        (190, _) => of(
            "access_token",
            "Meta does not know this token. Copy it again, whole: Business settings > Users > System users > Generate token.",
        ),
        (3 | 10 | 200..=299, _) => of(
            "access_token",
            "The token may not do this. It needs whatsapp_business_messaging and whatsapp_business_management, and the system user \
             the WhatsApp account as an asset (Business settings > System users > Add assets).",
        ),
        (33 | 100, _) => of(
            "phone_number_id",
            "Meta knows no number with this id, or this token may not see it. The id: WhatsApp > API Setup, below the phone number; the \
             token must be of the same business.",
        ),
        (_, Class::Token) => of("access_token", "Meta refuses this token. Make another one."),
        (_, Class::Throttled) => {
            none("Meta wants fewer questions right now: try it again in a few minutes.".to_owned())
        }
        _ => none(format!("Meta could not say: {} {}. Try it again.", fault.code, fault.title)),
    }
}

/// Compares a verify token in constant time.
pub(super) fn same(given: &str, right: &SecretString) -> bool {
    subtle::ConstantTimeEq::ct_eq(given.as_bytes(), right.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    #[test]
    fn every_refusal_names_the_field_that_is_to_be_mended() {
        let of = |code, details: Option<&str>, class| {
            let fault = Fault { code, title: "t".into(), details: details.map(Into::into) };
            let doubt = field_error(&Error::Refused { class, fault, retry_after: None });
            (doubt.field, doubt.message)
        };
        assert_eq!(of(190, None, Class::Token).0, Some("access_token"));
        assert!(of(190, Some("subcode 463"), Class::Token).1.contains("expired"));
        assert!(of(10, None, Class::Token).1.contains("whatsapp_business_messaging"));
        assert_eq!(of(100, Some("subcode 33"), Class::OurFault).0, Some("phone_number_id"));
        assert_eq!(of(4, None, Class::Throttled).0, None);
        assert_eq!(of(2, None, Class::Transient).0, None);
        let lost = field_error(&Error::NotSent("no route".into()));
        assert!(lost.field.is_none() && lost.message.contains("could not be reached"), "{lost}");
    }
}
