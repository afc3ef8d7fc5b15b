//! Bodies of messages with a template, in Meta's format.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates>.

use serde::Serialize;

use crate::domain::{FilledHeader, FilledTemplate, Media, MediaKind, TemplatePart, TemplateValue};

/// A template with its parameters.
#[derive(Serialize)]
pub(super) struct TemplateMessage<'a> {
    name: &'a str,
    language: Language<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    r#type: TemplatePart,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Parameter<'a> {
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        text: &'a str,
    },
    Image {
        image: HeaderFile<'a>,
    },
    Video {
        video: HeaderFile<'a>,
    },
    Document {
        document: HeaderFile<'a>,
    },
    Location {
        location: HeaderLocation<'a>,
    },
    CouponCode {
        coupon_code: &'a str,
    },
}

/// A file that was uploaded.
#[derive(Serialize)]
struct HeaderFile<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
struct HeaderLocation<'a> {
    latitude: &'a str,
    longitude: &'a str,
    name: &'a str,
    address: &'a str,
}

impl<'a> From<&'a FilledTemplate> for TemplateMessage<'a> {
    /// One component for the header and one for the text with all their values, and one for each button.
    fn from(filled: &'a FilledTemplate) -> Self {
        let mut components: Vec<Component<'a>> = Vec::new();
        components.extend(filled.header.as_ref().map(|header| Component {
            r#type: TemplatePart::Header,
            sub_type: None,
            index: None,
            parameters: vec![Parameter::header(header, &filled.values)],
        }));
        let has_header = filled.header.is_some();
        let texts =
            filled.values.iter().filter(|it| !has_header || it.part != TemplatePart::Header);
        for TemplateValue { part, name, value } in texts {
            let is_button = *part == TemplatePart::Button;
            let copies = is_button && filled.copies.as_deref() == Some(name);
            let parameter_name = (filled.named && !is_button).then_some(name.as_str());
            let parameter = if copies {
                Parameter::CouponCode { coupon_code: value }
            } else {
                Parameter::Text { parameter_name, text: value }
            };
            match components.last_mut().filter(|last| last.r#type == *part && !is_button) {
                Some(last) => last.parameters.push(parameter),
                None => components.push(Component {
                    r#type: *part,
                    sub_type: is_button.then_some(if copies { "copy_code" } else { "url" }),
                    index: is_button.then_some(name),
                    parameters: vec![parameter],
                }),
            }
        }
        let language = Language { code: &filled.language };
        Self { name: &filled.name, language, components }
    }
}

impl<'a> Parameter<'a> {
    /// What stands above the text.
    fn header(header: &'a FilledHeader, values: &'a [TemplateValue]) -> Self {
        match header {
            FilledHeader::File(media) => Self::file(media),
            FilledHeader::Location {} => {
                let is = |value: &&TemplateValue, name: &str| {
                    value.part == TemplatePart::Header && value.name == name
                };
                let of = |name: &str| {
                    values
                        .iter()
                        .find(|value| is(value, name))
                        .map_or("", |value| value.value.as_str())
                };
                let location = HeaderLocation {
                    latitude: of("latitude"),
                    longitude: of("longitude"),
                    name: of("name"),
                    address: of("address"),
                };
                Self::Location { location }
            }
        }
    }

    /// Only documents have a name.
    fn file(media: &'a Media) -> Self {
        let file = HeaderFile { id: media.id.as_deref().unwrap_or_default(), filename: None };
        match media.kind {
            MediaKind::Image => Self::Image { image: file },
            MediaKind::Video => Self::Video { video: file },
            _ => Self::Document {
                document: HeaderFile { filename: media.file_name.as_deref(), ..file },
            },
        }
    }
}
