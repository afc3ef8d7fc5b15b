//! The configuration: collects the settings of every module and names the key that is wrong. Does
//! not know what the settings mean.
//!
//! Two steps: defaults, file and environment are merged into one table; the table is deserialized
//! into settings, or into an error that names the key and the valid ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Data, Env, Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;

use crate::{
    embed, http, index, knowledge, llm, models, pipeline, provider, qa, reader, rerank, secrets,
    speech, store, telemetry, worker,
};

/// The documented defaults, as TOML.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
/// The configuration file that is read if none is named.
pub const FILE: &str = "frontdesk.toml";

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The web server.
    pub http: http::Settings,
    /// The database.
    pub store: store::Settings,
    /// How secrets in the database are encrypted.
    pub secrets: secrets::Settings,
    /// Prompt files and documents.
    pub files: Files,
    /// How documents are learned.
    pub knowledge: knowledge::Settings,
    /// How files from outside are parsed.
    pub reader: reader::Settings,
    /// The model that answers.
    pub llm: llm::Settings,
    /// Where local models are stored.
    pub models: models::Settings,
    /// Embeddings.
    pub embed: embed::Settings,
    /// Transcription of voice notes.
    pub speech: speech::Settings,
    /// The search index.
    pub index: index::Settings,
    /// How a model rewrites questions for the search.
    pub retrieve: pipeline::retrieve::Settings,
    /// How retrieved passages are reranked.
    pub rerank: rerank::Settings,
    /// How answers without a model are found in the passages.
    pub qa: qa::Settings,
    /// The spending limits for models.
    pub budget: pipeline::budget::Settings,
    /// What eval suites may do when they run over the API.
    pub evals: frontdesk_promptfoo::policy::Settings,
    /// The background work.
    pub worker: worker::Settings,
    /// Logging.
    pub log: telemetry::Settings,
    /// Limits for numbers that are added in the console.
    pub providers: provider::Limits,
    /// What WhatsApp charges for messages.
    pub message_prices: provider::MessagePrices,
    /// WhatsApp numbers, by name.
    pub numbers: BTreeMap<String, provider::Settings>,
}

/// Where prompt files and documents are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Folder with one file per agent.
    pub prompts: PathBuf,
    /// Folder with one subfolder per collection.
    pub knowledge: PathBuf,
    /// Folder with the eval suites that the API may run.
    pub suites: PathBuf,
}

/// An invalid configuration. The text names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Merges the defaults, the file and the environment, in this order. A file given explicitly
    /// must exist.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(file) = file.filter(|file| !file.is_file()) {
            return Err(ConfigError(format!("there is no configuration file {}", file.display())));
        }
        let file = file.unwrap_or(Path::new(FILE));
        let mut left_out = Vec::new();
        loop {
            let figment = layers(file, &left_out);
            let error = figment.extract::<Self>().err();
            match error.and_then(|error| key_of_other_kind(&error, file)) {
                Some(key) if !left_out.contains(&key) => left_out.push(key),
                _ => {
                    let mut config = Self::read(&figment)?;
                    config.llm.read_environment(|name| std::env::var_os(name));
                    return Ok(config);
                }
            }
        }
    }

    /// Reads settings in TOML over the defaults, without file and environment.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::read(&Figment::new().merge(Toml::string(DEFAULTS)).merge(Toml::string(text)))
    }

    /// The folder of the database, with what is kept beside it.
    pub fn data_folder(&self) -> &Path {
        self.store.path.parent().unwrap_or(Path::new("."))
    }

    /// Returns the folder of the suites and what they may do over the API.
    pub fn suites(&self) -> Result<(PathBuf, frontdesk_promptfoo::policy::Policy), ConfigError> {
        self.evals.check().map_err(|why| ConfigError(format!("[evals]: {why}")))?;
        let suites = self.files.suites.clone();
        let policy = frontdesk_promptfoo::policy::Policy::api(
            self.evals.clone(),
            suites.clone(),
            self.llm.access(),
        );
        Ok((suites, policy))
    }

    fn read(figment: &Figment) -> Result<Self, ConfigError> {
        let wrong = |errors: figment::Error| {
            let each: Vec<_> = errors.into_iter().map(|error| explain(figment, &error)).collect();
            ConfigError(each.join("\n"))
        };
        let mut config: Self = figment.extract().map_err(wrong)?;
        check_ranges(&figment.extract().map_err(wrong)?, "").map_err(ConfigError)?;
        let (upload, sent) = (config.knowledge.max_upload_bytes, config.worker.max_file_bytes());
        config.http.settle_budget(upload, sent).map_err(ConfigError)?;
        Ok(config)
    }
}

/// Merges the sources of settings: defaults, the file without some of its keys, the environment.
fn layers(file: &Path, left_out: &[Key]) -> Figment {
    let mut figment = Figment::new().merge(Toml::string(DEFAULTS));
    if file.is_file() {
        figment = figment.merge(FileLayer { toml: Toml::file_exact(file), left_out });
    }
    figment
        .merge(Env::raw().only(&["DATABASE_URL"]).map(|_| "store.url".into()))
        .merge(Env::raw().only(&["FRONTDESK_MODELS"]).map(|_| "models.folder".into()))
        .merge(Env::raw().only(&["HF_ENDPOINT"]).map(|_| "models.hub_url".into()))
        .merge(environment())
}

fn environment() -> Env {
    Env::prefixed("FRONTDESK__").split("__")
}

/// Returns the key that is unknown only because the environment chooses another `kind` of model or
/// index than the file: `FRONTDESK__LLM__KIND=extractive` over a file with an endpoint.
fn key_of_other_kind(error: &figment::Error, file: &Path) -> Option<Key> {
    let (Kind::UnknownField(key, _), [section]) = (&error.kind, error.path.as_slice()) else {
        return None;
    };
    let kind = |figment: Figment| figment.extract_inner::<String>(&format!("{section}.kind")).ok();
    let chosen = kind(Figment::from(environment()))?;
    let below = Figment::from(Toml::string(DEFAULTS)).merge(Toml::file_exact(file));
    (kind(below)? != chosen).then(|| (section.clone(), key.clone()))
}

/// A section and one of its keys.
type Key = (String, String);

/// The settings of a file without some of its keys.
struct FileLayer<'a> {
    toml: Data<Toml>,
    left_out: &'a [Key],
}

impl Provider for FileLayer<'_> {
    fn metadata(&self) -> Metadata {
        self.toml.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = self.toml.data()?;
        for settings in data.values_mut() {
            for (section, key) in self.left_out {
                if let Some(Value::Dict(_, section)) = settings.get_mut(section) {
                    section.remove(key);
                }
            }
        }
        Ok(data)
    }
}

/// Refuses times and counts that are too large: they would overflow when added to a timestamp, or
/// ask for more threads and connections than a system has.
fn check_ranges(value: &serde_json::Value, at: &str) -> Result<(), String> {
    if let Some(table) = value.as_object() {
        return table.iter().try_for_each(|(key, value)| {
            check_ranges(value, &if at.is_empty() { key.clone() } else { format!("{at}.{key}") })
        });
    }
    let key = at.rsplit('.').next().unwrap_or(at);
    let most = match key {
        "threads" | "workers" | "connections" => 1_000,
        "turns" | "sends" | "batch" => 1_000_000,
        _ if key.ends_with("_ms") => 30 * 24 * 3_600_000,
        _ if key.ends_with("_seconds") => 30 * 24 * 3_600,
        _ if key.ends_with("_minutes") => 365 * 24 * 60,
        _ if key.ends_with("_days") => 36_500,
        _ if key.ends_with("_bytes") => 1_u64 << 40,
        _ => return Ok(()),
    };
    match value.as_u64() {
        Some(number) if number > most => {
            Err(format!("in `{at}`: {number} is too much, it may be {most} at most"))
        }
        _ => Ok(()),
    }
}

/// Formats an error with its key and the source that set it.
fn explain(figment: &Figment, error: &figment::Error) -> String {
    let key = error.path.join(".");
    let unknown = match &error.kind {
        // Of a section that several sources write, the error names the source of another key.
        Kind::UnknownField(field, _) => figment.find_metadata(&format!("{key}.{field}")),
        _ => None,
    };
    let place =
        unknown.or(error.metadata.as_ref()).map_or_else(String::new, |from| match &from.source {
            Some(source) => format!(" ({source})"),
            None if from.name.contains("environment") => " (environment)".into(),
            None => String::new(),
        });
    let key = if key.is_empty() { String::new() } else { format!("in `{key}`: ") };
    let what = match &error.kind {
        // `kind` is all that a kind such as `extractive` takes.
        Kind::UnknownField(field, []) => {
            format!("unknown field: found `{field}`, this kind takes no settings but `kind`")
        }
        kind => kind.to_string(),
    };
    format!("{key}{what}{place}")
}

#[cfg(test)]
mod tests {
    use figment::providers::Serialized;
    use frontdesk_doctext::chunk;
    use serde_json::Value;

    use super::*;

    /// Settings that are also deserialized from tables that may lack them: recordings of older
    /// versions, and the settings of a single collection.
    const MAY_BE_MISSING: &[&str] = &[
        "/budget/prompts_a_day",
        "/budget/sandbox_day",
        "/knowledge/chunk/join_below_tokens",
        "/knowledge/chunk/max_tokens",
        "/knowledge/chunk/overlap_tokens",
    ];

    /// Returns the error of a whole configuration given as JSON.
    fn mistake(settings: &Value) -> Option<Kind> {
        let read = Figment::from(Serialized::globals(settings)).extract::<Config>();
        read.err().map(|error| error.kind)
    }

    /// Returns the JSON pointers of all tables in a value.
    fn tables(value: &Value, at: &str) -> Vec<String> {
        let mut found = vec![at.to_owned()];
        for (key, value) in value.as_object().into_iter().flatten() {
            if value.is_object() {
                found.extend(tables(value, &format!("{at}/{key}")));
            }
        }
        found
    }

    #[test]
    fn every_setting_has_its_default_in_the_file_and_nowhere_else() {
        let shipped = Figment::new().merge(Toml::string(DEFAULTS)).extract::<Value>();
        let shipped = shipped.expect("a file that can be read");
        assert_eq!(mistake(&shipped), None);
        let is_named = |place: &&String| ["/numbers", "/message_prices"].contains(&place.as_str());
        for place in tables(&shipped, "").iter().filter(|place| !is_named(place)) {
            let table = shipped.pointer(place).and_then(Value::as_object).expect("a table");
            let changed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                let mut settings = shipped.clone();
                let table = settings.pointer_mut(place).and_then(Value::as_object_mut);
                change(table.expect("a table"));
                mistake(&settings)
            };
            for key in table.keys() {
                let missing = changed(&|table| drop(table.remove(key)));
                let excused = MAY_BE_MISSING.contains(&format!("{place}/{key}").as_str());
                let said = matches!(missing, Some(Kind::MissingField(_)));
                assert!(said || excused, "{place}/{key} has another default: {missing:?}");
            }
            // An adapter's settings depend on its kind; the comments of the file list them.
            if table.contains_key("kind") {
                continue;
            }
            let unknown =
                changed(&|table| drop(table.insert("nonsense".into(), Value::Bool(true))));
            let Some(Kind::UnknownField(_, read)) = unknown else { panic!("{place}: {unknown:?}") };
            let absent: Vec<_> = read.iter().filter(|key| !table.contains_key(**key)).collect();
            assert!(absent.is_empty(), "{place}: {absent:?} are read and not in the file");
        }
        let config = Config::from_toml("").expect("the defaults");
        assert_eq!(config.knowledge.chunk, chunk::Settings::default());
    }

    fn wrong(text: &str) -> String {
        Config::from_toml(text).expect_err("this configuration is wrong").0
    }

    /// A number or a boolean that a comment in the file documents as an adapter's default.
    struct Comment {
        kind: String,
        setting: String,
    }

    impl Comment {
        /// Parses `#   key = value   description`. Values of other types are examples and are
        /// skipped.
        fn read(line: &str, kind: &str) -> Option<Self> {
            let (key, rest) = line.strip_prefix("#   ")?.split_once(" = ")?;
            let value = rest.split([' ', ',']).next()?;
            let plain = value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok();
            let (kind, setting) = (kind.to_owned(), format!("{key} = {value}"));
            (plain && !kind.is_empty()).then_some(Self { kind, setting })
        }
    }

    #[test]
    fn the_comments_of_the_file_give_the_defaults_of_the_adapters() {
        let shown = |text: &str| format!("{:?}", Config::from_toml(text).expect(text));
        let (mut kind, mut comments, mut compared) = ("", Vec::new(), 0);
        for line in DEFAULTS.lines() {
            if line.starts_with('[') {
                for Comment { kind, setting } in comments.drain(..) {
                    let usual = format!("{line}\nkind = \"{kind}\"\n");
                    let commented = shown(&format!("{usual}{setting}\n"));
                    assert_eq!(commented, shown(&usual), "{line} {kind}: {setting}");
                    compared += 1;
                }
            } else if line.starts_with("#   [") {
                // A table of examples.
                kind = "";
            } else if let Some((_, rest)) = line.rsplit_once(" kind = \"") {
                kind = rest.split('"').next().unwrap_or_default();
            }
            comments.extend(Comment::read(line, kind));
        }
        assert!(compared > 20, "only {compared} comments were found");
    }

    /// Returns the names that are accepted in place of an unknown one: of a kind, or of a key.
    fn accepted(text: &str) -> Vec<&'static str> {
        let all = Figment::new().merge(Toml::string(DEFAULTS)).merge(Toml::string(text));
        match all.extract::<Config>().expect_err(text).kind {
            Kind::UnknownVariant(_, names) | Kind::UnknownField(_, names) => names.to_vec(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_setting_of_every_adapter_is_in_the_file() {
        let mut compared = 0;
        for (section, table, tag) in [
            ("llm", "llm", "kind"),
            ("embed", "embed", "kind"),
            ("speech", "speech", "kind"),
            ("index", "index", "kind"),
            ("rerank", "rerank", "kind"),
            ("qa", "qa", "kind"),
            ("numbers", "numbers.any", "provider"),
        ] {
            let (before, _) = DEFAULTS.split_once(&format!("\n[{section}]")).expect(section);
            // The comments of a section stand above its header, after the one before.
            let text = before.rsplit_once("\n[").map_or(before, |(_, text)| text);
            let shown = |key: &str| {
                [format!(" {key} = "), format!("[{table}.{key}")]
                    .iter()
                    .any(|one| text.contains(one))
            };
            for kind in accepted(&format!("[{table}]\n{tag} = \"nonsense\"")) {
                let named = text.contains(&format!("{tag} = \"{kind}\""));
                assert!(named, "[{section}]: {tag} = \"{kind}\" is not in the file");
                let unknown = format!("[{table}]\n{tag} = \"{kind}\"\nnonsense = true");
                for key in accepted(&unknown) {
                    assert!(shown(key), "[{section}] {kind}: {key} is read and not in the file");
                    compared += 1;
                }
            }
        }
        assert!(compared > 80, "only {compared} keys were found");
    }

    #[test]
    fn the_documented_defaults_are_a_whole_configuration() {
        let config = Config::from_toml("").expect("the defaults");
        assert_eq!(config.http.port, 8080);
        assert!(config.numbers.is_empty());
    }

    #[test]
    fn a_wrong_key_is_refused_with_the_right_ones() {
        let error = wrong("[http]\nprot = 9");
        assert!(error.contains("prot") && error.contains("`port`"), "{error}");
        let error = wrong("[htpt]\nport = 9");
        assert!(error.contains("htpt") && error.contains("`http`"), "{error}");
        let error = wrong("[llm]\nkind = \"opnai\"");
        assert!(error.contains("opnai") && error.contains("openai"), "{error}");
        let error = wrong("[llm]\nkind = \"openai\"\nmodle = \"x\"");
        assert!(error.contains("modle") && error.contains("model"), "{error}");
        let error = wrong("[numbers.a]\nprovider = \"meta\"\nagent = \"x\"\nphone = 1");
        assert!(error.contains("phone"), "{error}");
        let error = wrong("[http]\nport = \"many\"");
        assert!(error.contains("http.port"), "{error}");
    }

    #[test]
    fn a_kind_without_settings_says_so() {
        let error = wrong("[llm]\nkind = \"extractive\"\napi_key = \"x\"");
        assert!(error.contains("`api_key`") && error.contains("no settings"), "{error}");
    }

    #[test]
    fn numbers_that_no_desk_can_keep_are_refused() {
        let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        for (part, key) in [
            ("worker", "turn_ms"),
            ("worker", "grace_ms"),
            ("worker", "stale_minutes"),
            ("worker", "keep_tapes_days"),
            ("worker", "turns"),
            ("store", "wait_ms"),
            ("http", "max_body_bytes"),
        ] {
            let error = wrong(&format!("[{part}]\n{key} = {most}"));
            assert!(error.contains(&format!("{part}.{key}")), "{error}");
        }
        let error = wrong("[embed]\nkind = \"auto\"\nthreads = 100000");
        assert!(error.contains("embed.threads") && error.contains("1000"), "{error}");
        assert!(Config::from_toml("[worker]\nturn_ms = 86400000").is_ok());
    }

    #[test]
    fn the_budget_for_bodies_is_enough_for_the_largest_or_refused() {
        for (larger, usual) in [
            ("", true),
            ("[http]\nmax_body_bytes = 20000000", false),
            ("[knowledge]\nmax_upload_bytes = 60000000", false),
        ] {
            let config = Config::from_toml(larger).expect("a budget that is large enough");
            let budget = config.http.max_bytes_in_flight;
            assert_eq!(budget == 64 * 1024 * 1024, usual, "{larger}: {budget}");
            assert!(budget / 4 * 3 >= config.knowledge.max_upload_bytes, "{larger}: {budget}");
            assert!(budget / 16 * 3 >= config.http.max_body_bytes, "{larger}: {budget}");
        }
        for larger in ["", "max_body_bytes = 20000000\n"] {
            let error = wrong(&format!("[http]\n{larger}max_bytes_in_flight = 10000000"));
            assert!(error.contains("max_bytes_in_flight") && error.contains("at least"), "{error}");
        }
    }
}
