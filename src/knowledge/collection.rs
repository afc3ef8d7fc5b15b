//! Chunking and ranking settings of one collection, from `collection.toml` in its folder or from
//! the API. Both follow the same rules; the file wins. Reads no files.

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use frontdesk_doctext::chunk;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash::hash_of;
use super::{Error, Library};
use crate::domain::{CollectionId, SettingsOrigin};
use crate::index::Tuning;

/// Suffix of a draft collection's name.
pub(super) const DRAFT_SUFFIX: &str = "@draft";

/// Whether a collection is a draft of another one.
pub fn is_staged(name: &str) -> bool {
    name.ends_with(DRAFT_SUFFIX)
}

/// Name of the settings file in a collection's folder.
pub(super) const FILE: &str = "collection.toml";

/// Settings of one collection, as a file or the API gives them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// How documents are chunked; `None` for the configured default.
    chunk: Option<chunk::Settings>,
    /// How passages are ranked.
    search: Tuning,
}

/// Stored settings of one collection; they override the configured ones.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectionOverrides {
    /// How documents are chunked; `None` for the configured default.
    pub chunk: Option<chunk::Settings>,
    /// How passages are ranked.
    pub search: Tuning,
    from: Option<SettingsOrigin>,
}

impl Settings {
    /// Parses the file's text. The error says what is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        Self::extract(&Figment::from(Toml::string(text)))
    }

    /// Parses settings from the API by the rules of the file.
    pub(super) fn given(value: &Value) -> Result<Self, String> {
        Self::extract(&Figment::from(Serialized::defaults(value)))
    }

    fn extract(given: &Figment) -> Result<Self, String> {
        let settings: Self = given.extract().map_err(|error| {
            let all = error.into_iter().map(|one| match one.path.join(".") {
                path if path.is_empty() => one.kind.to_string(),
                path => format!("{} for key `{path}`", one.kind),
            });
            all.collect::<Vec<_>>().join("; ")
        })?;
        settings.search.check()?;
        Ok(settings)
    }

    pub(super) fn from(self, from: SettingsOrigin) -> CollectionOverrides {
        let from = (from == SettingsOrigin::File || self != Self::default()).then_some(from);
        CollectionOverrides { chunk: self.chunk, search: self.search, from }
    }
}

impl CollectionOverrides {
    /// Where the settings come from.
    pub fn from(&self) -> SettingsOrigin {
        // Older versions stored no origin and knew only files.
        let silent = self.chunk.is_none() && self.search == Tuning::default();
        self.from.unwrap_or(if silent { SettingsOrigin::Default } else { SettingsOrigin::File })
    }

    fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }

    /// Parses stored settings. What another version wrote and this one cannot read becomes the
    /// default, with a warning in the log.
    pub(super) fn stored(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| {
            tracing::warn!(%error, "settings of a collection cannot be read, the defaults are used: learn it again");
            Self::default()
        })
    }
}

impl Library {
    /// Returns a collection's own settings; `None` when there is no such collection.
    pub async fn own_settings(
        &self,
        collection: &CollectionId,
    ) -> Result<Option<CollectionOverrides>, Error> {
        let all = self.store.collections().await?;
        let row = all.into_iter().find(|row| row.id == collection.as_str());
        Ok(row.map(|row| CollectionOverrides::stored(&row.settings)))
    }

    /// The hash that a document of a collection has if it was learned from this content with the
    /// present settings.
    pub async fn content_hash(
        &self,
        collection: &CollectionId,
        bytes: &[u8],
    ) -> Result<String, Error> {
        let own = self.own_settings(collection).await?.unwrap_or_default();
        Ok(hash_of(bytes, own.chunk.as_ref().unwrap_or(&self.settings.chunk)))
    }

    /// Replaces a collection's settings. Ranking changes at once, chunking when documents are
    /// learned again. Fails when the collection's folder has a `collection.toml`.
    pub async fn set_settings(
        &self,
        collection: &CollectionId,
        given: &Value,
    ) -> Result<CollectionOverrides, Error> {
        let settings = Settings::given(given).map_err(Error::Settings)?;
        let own = self
            .change(collection, |before| {
                if before.from() == SettingsOrigin::File {
                    return Err(Error::FileDecides);
                }
                Ok(settings.clone().from(SettingsOrigin::Api))
            })
            .await?;
        self.sync_index().await?;
        self.renew_uploads().await?;
        Ok(own)
    }

    /// Updates a collection's settings when its folder is learned: to those of the file or, without
    /// one, to those set over the API.
    pub(super) async fn apply_settings(
        &self,
        collection: &CollectionId,
        file: Option<&Settings>,
    ) -> Result<(), Error> {
        let change = |before: CollectionOverrides| {
            Ok(match file {
                Some(settings) => settings.clone().from(SettingsOrigin::File),
                None if before.from() == SettingsOrigin::Api => before,
                None => CollectionOverrides::default(),
            })
        };
        self.change(collection, change).await.map(drop)
    }

    /// Compare-and-set: calls `decide` again when the settings were changed concurrently.
    async fn change(
        &self,
        collection: &CollectionId,
        decide: impl Fn(CollectionOverrides) -> Result<CollectionOverrides, Error>,
    ) -> Result<CollectionOverrides, Error> {
        loop {
            let all = self.store.collections().await?;
            let Some(row) = all.into_iter().find(|row| row.id == collection.as_str()) else {
                return Err(Error::Settings("the collection is gone".into()));
            };
            let own = decide(CollectionOverrides::stored(&row.settings))?;
            let new = own.to_stored();
            let same = new == row.settings;
            if same || self.store.set_collection_settings(collection, row.settings, new).await? {
                return Ok(own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_says_what_differs_and_comes_back_from_the_database() {
        let text = "[chunk]\nmax_tokens = 100\n\n[search]\ndense = 0.4\n";
        let read = Settings::read(text).expect("a good file");
        assert_eq!(read.chunk.as_ref().map(|chunk| chunk.max_tokens), Some(100));
        assert_eq!(read.search.dense, Some(0.4));
        let own = read.from(SettingsOrigin::File);
        assert_eq!(CollectionOverrides::stored(&own.to_stored()), own);
        assert_eq!(own.from(), SettingsOrigin::File);
        assert_eq!(Settings::read("").expect("an empty file"), Settings::default());
        assert_eq!(CollectionOverrides::stored("no JSON"), CollectionOverrides::default());
    }

    #[test]
    fn who_said_it_is_known_of_what_older_versions_stored_too() {
        for (stored, from) in [
            ("{}", SettingsOrigin::Default),
            (r#"{"chunk":null,"search":{"dense":null,"ngram":null}}"#, SettingsOrigin::Default),
            (r#"{"chunk":null,"search":{"dense":0.4,"ngram":null}}"#, SettingsOrigin::File),
        ] {
            assert_eq!(CollectionOverrides::stored(stored).from(), from, "{stored}");
        }
        let given = |settings: Settings, from| settings.from(from).from();
        assert_eq!(
            given(Settings::default(), SettingsOrigin::Api),
            SettingsOrigin::Default,
            "nothing is said"
        );
        assert_eq!(
            given(Settings::default(), SettingsOrigin::File),
            SettingsOrigin::File,
            "the file is there"
        );
    }

    #[test]
    fn the_api_is_read_by_the_rules_and_in_the_words_of_the_file() {
        let good = json!({"chunk": {"max_tokens": 100}, "search": {"dense": 0.4}});
        let file = "[chunk]\nmax_tokens = 100\n\n[search]\ndense = 0.4\n";
        assert_eq!(Settings::given(&good), Settings::read(file));
        assert_eq!(Settings::given(&json!({"chunk": null})), Ok(Settings::default()));
        for (given, file) in [
            (json!({"search": {"dence": 1}}), "[search]\ndence = 1"),
            (json!({"search": {"dense": 1.5}}), "[search]\ndense = 1.5"),
            (json!({"chunk": {"max_tokens": "many"}}), "[chunk]\nmax_tokens = \"many\""),
            (json!({"chunk": {"max_tokens": -1}}), "[chunk]\nmax_tokens = -1"),
            (json!({"colour": "red"}), "colour = \"red\""),
        ] {
            let told = Settings::given(&given).expect_err(file);
            assert_eq!(Err(told), Settings::read(file), "{given}");
        }
        for strange in [json!([]), json!(3), json!(null), json!("x"), json!({"chunk": [1]})] {
            drop(Settings::given(&strange));
        }
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
