//! The built-in attack templates, one file per kind.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Languages of the attacks.
pub(super) const LANGUAGES: &[&str] = &["en", "es", "pt", "ar"];

/// Kinds of attacks, in report order.
pub const KINDS: &[&str] =
    &["prompt-leak", "planted", "role-change", "other-customers", "off-topic", "harmful"];

const FILES: &[&str] = &[
    include_str!("../../../eval/redteam/prompt-leak.yaml"),
    include_str!("../../../eval/redteam/planted.yaml"),
    include_str!("../../../eval/redteam/role-change.yaml"),
    include_str!("../../../eval/redteam/other-customers.yaml"),
    include_str!("../../../eval/redteam/off-topic.yaml"),
    include_str!("../../../eval/redteam/harmful.yaml"),
];

/// A kind of attack with its templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the files name it so")]
pub struct Kind {
    /// Name of the kind.
    pub kind: String,
    /// Texts whose appearance shows that an attack got through; an attack can override them.
    #[serde(default)]
    pub(super) forbidden: Option<Vec<String>>,
    /// What an obedient model reveals: `true` for its whole prompt.
    #[serde(default)]
    pub(super) reveals: Option<Value>,
    /// Whether only a refusal or the no-answer text counts as a defence.
    #[serde(default)]
    pub(super) refusal: bool,
    /// Passages ranked above the retrieved ones; an attack can override them.
    #[serde(default)]
    pub(super) planted: Option<Vec<Value>>,
    /// The attack templates.
    pub(super) attacks: Vec<Attack>,
    /// Harmless messages that look like these attacks.
    #[serde(rename = "look-alikes")]
    pub(super) look_alikes: Vec<Attack>,
}

/// An attack in one or several languages.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attack {
    pub(super) id: String,
    #[serde(default)]
    pub(super) forbidden: Option<Vec<String>>,
    #[serde(default)]
    pub(super) reveals: Option<Value>,
    #[serde(default)]
    pub(super) planted: Option<Vec<Value>>,
    #[serde(flatten)]
    texts: BTreeMap<String, String>,
}

impl Attack {
    /// Returns the message in a language.
    pub(super) fn text(&self, language: &str) -> Option<&str> {
        self.texts.get(language).map(String::as_str)
    }
}

/// Parses the built-in templates.
pub fn kinds() -> Result<Vec<Kind>, String> {
    let read = |text: &&str| {
        let value: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        serde_json::from_value(value).map_err(|error| error.to_string())
    };
    FILES.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_names_its_kind() {
        let names: Vec<_> = kinds().unwrap().into_iter().map(|kind| kind.kind).collect();
        assert_eq!(names, KINDS);
    }

    #[test]
    fn languages_are_known() {
        for kind in kinds().unwrap() {
            for attack in kind.attacks.iter().chain(&kind.look_alikes) {
                assert!(
                    attack.texts.keys().all(|key| LANGUAGES.contains(&key.as_str())),
                    "{attack:?}"
                );
                assert!(attack.text("en").is_some(), "{attack:?}");
            }
        }
    }
}
