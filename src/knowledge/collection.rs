//! What a collection's own file says: `collection.toml` in its folder, about cutting its documents and ranking its
//! passages. Reads no files.

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};

use super::chunk;
use crate::index::Tuning;

/// The file's name.
pub(super) const FILE: &str = "collection.toml";

/// Settings of one collection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// How its documents are cut; those of the configuration where it is missing.
    pub(super) chunk: Option<chunk::Settings>,
    /// How its passages are ranked.
    pub(super) search: Tuning,
}

impl Settings {
    /// Reads the file's text; the error says what is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let settings: Self =
            Figment::from(Toml::string(text)).extract().map_err(|error| error.to_string())?;
        settings.search.check()?;
        Ok(settings)
    }

    /// As the database keeps them.
    pub(super) fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }

    /// From the database. What an other version wrote and this one cannot read is the default, and the log says so.
    pub(super) fn stored(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| {
            tracing::warn!(%error, "settings of a collection cannot be read, the defaults are used: learn it again");
            Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_differs_and_comes_back_from_the_database() {
        let text = "[chunk]\nmax_tokens = 100\n\n[search]\ndense = 0.4\n";
        let read = Settings::read(text).expect("a good file");
        assert_eq!(read.chunk.as_ref().map(|chunk| chunk.max_tokens), Some(100));
        assert_eq!(read.search.dense, Some(0.4));
        assert_eq!(Settings::stored(&read.to_stored()), read);
        assert_eq!(Settings::read("").expect("an empty file"), Settings::default());
        assert_eq!(Settings::stored("no JSON"), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("[search]\ndence = 1", "dence"),
            ("[search]\ndense = 1.5", "dense"),
            ("[search]\nngram = -1", "ngram"),
            ("[chunk]\nmax_tokens = \"many\"", "max_tokens"),
            ("= 3", "TOML"),
        ] {
            let told = Settings::read(text).expect_err(text);
            assert!(told.contains(word), "{text}: {told}");
        }
    }
}
