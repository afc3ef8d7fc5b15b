//! Fields of the forms of all numbers of the Graph API.

use super::super::{Field, Kind};

/// Whether the Business app uses the number, too.
pub(in crate::provider) const COEXISTENCE: Field =
    Field::optional("coexistence", Kind::Switch, "Used on the phone, too")
        .help("Whether the number goes on being used in the WhatsApp Business app: then WhatsApp takes fewer messages a second from it.")
        .like("false");

/// Name of the fallback template.
pub(in crate::provider) const TEMPLATE_NAME: Field =
    Field::optional("template.name", Kind::Text, "Fallback template")
        .help(
            "Sent when WhatsApp's 24-hour window is closed; without it a case is opened. Meta: WhatsApp Manager > Message templates, \
             the name of an approved one.",
        )
        .pattern("^[a-z0-9_]{1,512}$")
        .like("come_back");

/// Language of the fallback template.
pub(in crate::provider) const TEMPLATE_LANGUAGE: Field = Field::optional(
    "template.language",
    Kind::Text,
    "Template language",
)
.help("WhatsApp's code of the fallback template's language, as it stands beside it, such as en_US.")
.pattern("^[a-z]{2,3}(_[A-Za-z]{2,4})?$")
.like("en_US");

/// Whether the fallback template holds the message.
pub(in crate::provider) const TEMPLATE_WITH_TEXT: Field =
    Field::optional("template.with_text", Kind::Switch, "Template takes the message")
        .help("Whether the fallback template has a {{1}}, which the message fills.")
        .like("false");

/// Version of the API.
pub(in crate::provider) const VERSION: Field = Field::optional("version", Kind::Text, "Version")
    .help("Of Meta's Graph API, such as v24.0.")
    .pattern("^v[0-9]{1,3}\\.[0-9]{1,2}$")
    .like("v24.0")
    .advanced();

/// Whether a value looks like a phone number, where Meta's id of one is asked for.
pub(in crate::provider) fn is_phone(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit() || b"+ ()-.".contains(&byte));
    is_plain && (7..=13).contains(&digits)
}
