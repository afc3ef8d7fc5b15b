//! Environment variables that a suite sees. Templates also contain text from customers and models,
//! so no template sees a secret; programs and scripts on the command line see the shell's
//! environment.

use serde_json::Value;

use super::{Permit, Policy};
use crate::spec::Vars;

/// Name parts that mark a secret.
const SECRET: &[&str] = &[
    "KEY",
    "TOKEN",
    "SECRET",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "SESSION",
    "PRIVATE",
    "SIGNATURE",
    "SALT",
    "CERT",
    "WEBHOOK",
    "DSN",
    "DATABASE",
    "REDIS",
    "MONGO",
    "POSTGRES",
    "MYSQL",
    "FRONTDESK__",
];
/// Names that are not secret although they contain such a part.
const PUBLIC: &[&str] = &["PWD", "OLDPWD"];
/// Variables that a program needs to run.
const BASE_ENV_VARS: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER"];

pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    !PUBLIC.contains(&&*name) && SECRET.iter().any(|part| name.contains(part))
}

/// Whether a URL holds credentials, as in `postgres://me:secret@host`.
fn holds_secret(value: &str) -> bool {
    let host = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    host.is_some_and(|host| host.contains('@'))
}

/// The process environment; variables that are not UTF-8 are left out.
fn process() -> impl Iterator<Item = (String, Value)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .map(|(name, value)| (name, value.into()))
}

impl Policy {
    /// What templates see as `env`: the suite's own values over process variables that are not
    /// secret; over the API only those that the configuration lists.
    pub fn shown_env(&self, own: &Vars) -> Vars {
        let listed = &self.rules.settings.env;
        let is_shown = |name: &str| self.is_command_line() || listed.iter().any(|it| it == name);
        let clean = |value: &Value| !holds_secret(value.as_str().unwrap_or_default());
        let mut all: Vars = process()
            .filter(|(name, value)| is_shown(name) && !is_secret(name) && clean(value))
            .collect();
        all.extend(own.clone());
        all
    }

    /// What target settings and the suite's `env` may refer to: everything on the command line,
    /// where only the suite's author writes them; over the API what templates see.
    pub(crate) fn settings_env(&self, own: &Vars) -> Vars {
        if !self.is_command_line() {
            return self.shown_env(own);
        }
        let mut all: Vars = process().collect();
        all.extend(own.clone());
        all
    }

    /// What programs and scripts see: on the command line everything; over the API the basics and
    /// what templates see.
    pub(crate) fn script_env(&self, own: &Vars) -> Vars {
        if self.is_command_line() {
            return self.settings_env(own);
        }
        let mut all: Vars =
            process().filter(|(name, _)| BASE_ENV_VARS.contains(&&**name)).collect();
        all.extend(self.shown_env(own));
        all
    }
}

/// Returns a process environment variable to a target that has a permit.
pub(crate) fn process_env(name: &str, _: Permit) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Settings;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "OPENAI_API_KEY",
            "SUPERSECRET",
            "DATABASE_URL",
            "PGPASSWORD",
            "GITHUB_TOKEN",
            "frontdesk__llm__api_key",
            "FRONTDESK__HTTP__HOST",
            "AWS_CREDENTIALS",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "HOME", "TOWN", "BASE_URL", "PWD"] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(holds_secret("amqp://me:pw@host/x") && !holds_secret("https://x.example/a@b"));
    }

    #[test]
    fn templates_see_the_suites_own_names_and_those_that_are_listed() {
        let own = json!({"TOWN": "Lima", "MY_KEY": "written here"}).as_object().unwrap().clone();
        assert_eq!(Policy::default().shown_env(&own), own);
        let settings = Settings { env: vec!["PATH".into()], ..Settings::default() };
        let seen = Policy::api(settings, ".".into(), None).shown_env(&own);
        assert!(seen.contains_key("PATH") && seen.len() == 3, "{seen:?}");
        let seen = Policy::command_line().shown_env(&own);
        assert!(seen.contains_key("PATH") && !seen.keys().any(|it| it == "DATABASE_URL"));
        let wrong = Settings { env: vec!["DATABASE_URL".into()], ..Settings::default() };
        assert!(wrong.check().unwrap_err().contains("DATABASE_URL"));
    }
}
