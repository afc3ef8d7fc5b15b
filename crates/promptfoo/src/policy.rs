//! The security policy of a suite: whether it runs code or sends requests, which files it reads,
//! which environment variables its templates see, and how large it may be. Everything that starts a
//! program, runs a script or opens a connection for a suite needs a [`Permit`], which only this
//! file creates; the JavaScript engine matches patterns without one. The default allows nothing, so
//! new code cannot forget to ask.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk_endpoint::Access;
use serde::Deserialize;

use super::spec::TargetSpec;

mod files;
mod limits;
mod names;

pub use files::canonical_regular_file;
pub(crate) use files::check_file_size;
pub use limits::Limits;
pub(super) use names::process_env;

/// Target settings that choose the endpoint or the credentials.
const ADDRESSES: &[&str] = &[
    "apiKey",
    "apiKeyEnvar",
    "apiBaseUrl",
    "apiHost",
    "basePath",
    "headers",
    "organization",
    "mcp",
    "functionToolCallbacks",
];

/// What suites may do that run over the API, as written in the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether suites may run programs and scripts and send requests to any URL.
    pub allow_code: bool,
    /// Target ids that suites may use, and requests may name as grader, besides frontdesk's own.
    pub targets: Vec<String>,
    /// Names of environment variables that templates see.
    pub env: Vec<String>,
}

impl Settings {
    /// Validates the settings; the error names what is wrong.
    pub fn check(&self) -> Result<(), String> {
        match self.env.iter().find(|name| names::is_secret(name)) {
            Some(name) => Err(format!(
                "`{name}` in `env` is named like a secret: templates of suites never see secrets"
            )),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Trust {
    /// A signed-in user: no code, and only targets that the configuration names.
    #[default]
    Api,
    /// A user with a shell on this machine: everything that the suite's author wrote.
    CommandLine,
}

/// What a suite may do. The default allows only frontdesk's own agents.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    rules: Arc<Rules>,
}

#[derive(Debug, Clone, Default)]
struct Rules {
    trust: Trust,
    settings: Settings,
    /// The folder that files must be in.
    folder: Option<PathBuf>,
    /// The endpoint of frontdesk's own model, if it has one.
    model: Option<Access>,
}

/// Proof that code may run or a URL may be requested. Only the policy creates one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permit(());

/// What a target may connect to.
pub(super) enum Reach {
    /// Nothing; it stays in this process.
    Inside,
    /// Any URL in its settings and the environment.
    Anywhere(Permit),
    /// Only what its id says; the configuration names it.
    Named(Permit),
    /// The endpoint of frontdesk's own model, with its key.
    Model(Access),
}

/// What the policy forbids, and which setting allows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

impl Policy {
    /// The policy for a suite that is run from a shell.
    pub fn command_line() -> Self {
        let rules = Rules { trust: Trust::CommandLine, ..Rules::default() };
        Self { rules: Arc::new(rules) }
    }

    /// The policy for suites that run over the API. `model` is the endpoint of frontdesk's own
    /// model.
    pub fn api(settings: Settings, folder: PathBuf, model: Option<Access>) -> Self {
        let rules = Rules { trust: Trust::Api, settings, folder: Some(folder), model };
        Self { rules: Arc::new(rules) }
    }

    /// Returns a copy for what an API request itself names: `allow_code` applies only to suites.
    pub(super) fn for_requests(&self) -> Self {
        let mut rules = (*self.rules).clone();
        rules.settings.allow_code = false;
        Self { rules: Arc::new(rules) }
    }

    /// Returns a copy that is limited to a folder, unless one is already set.
    pub(super) fn restricted_to_folder(&self, folder: &Path) -> Self {
        if self.rules.folder.is_some() {
            return self.clone();
        }
        let rules = Rules { folder: Some(folder.to_owned()), ..(*self.rules).clone() };
        Self { rules: Arc::new(rules) }
    }

    /// Whether suites may run code.
    pub fn allows_code(&self) -> bool {
        self.is_command_line() || self.rules.settings.allow_code
    }

    /// The size limits of a suite and its run.
    pub fn limits(&self) -> &'static Limits {
        if self.is_command_line() { &limits::COMMAND_LINE } else { &limits::API }
    }

    pub(super) fn is_command_line(&self) -> bool {
        self.rules.trust == Trust::CommandLine
    }

    /// Returns a permit to run a part of a suite as code, or to send a request to its URL.
    pub(super) fn code(&self, part: impl fmt::Display) -> Result<Permit, PolicyError> {
        if self.allows_code() {
            return Ok(Permit(()));
        }
        Err(PolicyError(format!(
            "{part} runs code or asks an address, which suites may not over the API: run this suite with `frontdesk eval`, or set \
             `allow_code = true` under [evals]"
        )))
    }

    pub(super) fn target(&self, spec: &TargetSpec) -> Result<Reach, PolicyError> {
        let id = spec.id.as_str();
        if is_inside(id) {
            return Ok(Reach::Inside);
        }
        if self.allows_code() {
            return Ok(Reach::Anywhere(Permit(())));
        }
        let Rules { settings, model, .. } = &*self.rules;
        if settings.targets.iter().any(|named| named == id) {
            plain(spec)?;
            return Ok(Reach::Named(Permit(())));
        }
        if let Some(access) = model.as_ref().filter(|_| id.starts_with("openai:")) {
            plain(spec)?;
            return Ok(Reach::Model(access.clone()));
        }
        let model = if model.is_some() { ", `openai:MODEL` at the endpoint of [llm]" } else { "" };
        let more = settings.targets.iter();
        let more = more.fold(String::new(), |all, named| all + ", `" + named + "`");
        Err(PolicyError(format!(
            "`{id}` cannot be asked over the API: there are `echo`, `frontdesk:AGENT`{model}{more}. Name it in `targets` under \
             [evals], or run the suite with `frontdesk eval`"
        )))
    }
}

/// Whether a target needs no program, script or URL. What a simulated user talks to is opened
/// separately.
fn is_inside(id: &str) -> bool {
    id == "echo"
        || id == "frontdesk"
        || id.starts_with("frontdesk:")
        || id == "promptfoo:simulated-user"
}

/// Refuses a target named in the configuration when the suite overrides its endpoint or
/// credentials.
fn plain(spec: &TargetSpec) -> Result<(), PolicyError> {
    let is_model = ["openai:", "anthropic:"].iter().any(|kind| spec.id.starts_with(kind));
    let written = spec.config.as_object();
    let own = written.and_then(|map| {
        map.keys().find(|key| !is_model || ADDRESSES.contains(&key.as_str())).map(String::as_str)
    });
    let own = own.or((!spec.env.is_empty()).then_some("env"));
    match own {
        Some(key) => Err(PolicyError(format!(
            "`{}` may not have `{key}` over the API: the configuration alone says where it is and with which key it is asked",
            spec.id
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(id: &str) -> TargetSpec {
        TargetSpec { id: id.into(), ..TargetSpec::default() }
    }

    fn access() -> Access {
        Access {
            base_url: "http://127.0.0.1:9/v1".into(),
            api_key: None,
            timeout_ms: 1,
            attempt_ms: 1,
            retries: 0,
            retry_cap_ms: 1,
        }
    }

    #[test]
    fn without_more_said_nothing_runs_and_nothing_is_asked() {
        let policy = Policy::default();
        assert!(policy.code("x").is_err() && !policy.allows_code());
        for id in ["exec:sh", "file://a.py", "http://x", "https://x", "http", "webhook:http://x"] {
            assert!(policy.target(&spec(id)).is_err(), "{id}");
        }
        for id in ["openai:gpt-4o", "anthropic:messages:m", "echoes", "frontdesks:x", "nonsense"] {
            assert!(policy.target(&spec(id)).is_err(), "{id}");
        }
        for id in ["echo", "frontdesk", "frontdesk:acme@3"] {
            assert!(matches!(policy.target(&spec(id)), Ok(Reach::Inside)), "{id}");
        }
        assert!(Policy::command_line().code("x").is_ok());
    }

    #[test]
    fn what_the_configuration_names_goes_where_it_says() {
        let targets = vec!["anthropic:messages:m".into(), "exec:grade.sh".into()];
        let settings = Settings { targets, ..Settings::default() };
        let policy = Policy::api(settings, ".".into(), Some(access()));
        assert!(matches!(policy.target(&spec("openai:gpt-4o")), Ok(Reach::Model(_))));
        assert!(matches!(policy.target(&spec("anthropic:messages:m")), Ok(Reach::Named(_))));
        assert!(matches!(policy.target(&spec("exec:grade.sh")), Ok(Reach::Named(_))));
        for id in ["exec:grade.sh; id", "exec:sh", "anthropic:messages:other"] {
            assert!(policy.target(&spec(id)).is_err(), "{id}");
        }
        for key in ADDRESSES {
            let elsewhere = TargetSpec { config: json!({*key: "http://evil"}), ..spec("openai:m") };
            assert!(policy.target(&elsewhere).is_err(), "{key}");
        }
        let env = json!({"OPENAI_BASE_URL": "http://evil"}).as_object().cloned();
        let elsewhere = TargetSpec { env: env.unwrap_or_default(), ..spec("anthropic:messages:m") };
        assert!(policy.target(&elsewhere).is_err());
        let cool = TargetSpec { config: json!({"temperature": 0}), ..spec("openai:m") };
        assert!(policy.target(&cool).is_ok());
    }

    #[test]
    fn permission_to_run_code_is_for_suites_and_not_for_requests() {
        let settings = Settings { allow_code: true, ..Settings::default() };
        let policy = Policy::api(settings, ".".into(), None);
        assert!(policy.target(&spec("exec:sh")).is_ok() && policy.code("x").is_ok());
        assert!(policy.for_requests().target(&spec("exec:sh")).is_err());
        assert!(policy.for_requests().code("x").is_err());
    }
}
