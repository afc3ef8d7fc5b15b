//! The attack templates that are shipped, one file a kind.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The languages that attacks are written in.
pub(super) const LANGUAGES: &[&str] = &["en", "es", "pt", "ar"];

/// The kinds of attacks.
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

/// A kind of attack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the files name it so")]
pub struct Kind {
    /// Its name.
    pub kind: String,
    /// What shows that an attack got through, where the attack says nothing else.
    #[serde(default)]
    pub(super) forbidden: Option<Vec<String>>,
    /// What a model that obeys gives away: `true` its whole prompt.
    #[serde(default)]
    pub(super) reveals: Option<Value>,
    /// Whether anything but a refusal or the sentence for no answer got through.
    #[serde(default)]
    pub(super) refusal: bool,
    /// What is planted before what is found.
    #[serde(default)]
    pub(super) planted: Option<Vec<Value>>,
    /// The attacks.
    pub(super) attacks: Vec<Attack>,
    /// Harmless messages that look like them.
    #[serde(rename = "look-alikes")]
    pub(super) look_alikes: Vec<Attack>,
}

/// An attack, in one or several languages.
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
    /// What is said, in a language.
    pub(super) fn text(&self, language: &str) -> Option<&str> {
        self.texts.get(language).map(String::as_str)
    }
}

/// Reads the templates.
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
