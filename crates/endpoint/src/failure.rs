//! Failure of one attempt: a message without secrets, and whether to retry. Never waits.

use std::error::Error as _;
use std::time::Duration;

use async_openai::error::OpenAIError;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Maximum length of the quote from an endpoint's error message, in characters.
const MAX_QUOTE_CHARS: usize = 200;

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Failure {
    /// What happened and what to check, without secrets.
    pub(super) words: String,
    /// Whether to retry.
    pub(super) remedy: RetryAdvice,
}

/// Whether another attempt may help, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryAdvice {
    /// Repeat the request later; after this time, if the endpoint sent one.
    Later(Option<Duration>),
    /// Repeat the request at once, but only one time.
    Once,
    /// Use another model.
    OtherModel,
    /// Do not retry: the key or the account is refused.
    Nothing,
}

impl Failure {
    /// Creates a transient failure.
    pub(super) fn transient_failure(words: impl Into<String>) -> Self {
        Self { words: words.into(), remedy: RetryAdvice::Later(None) }
    }

    /// Creates a failure for an answer without content, which is retried once.
    pub fn empty(words: impl Into<String>) -> Self {
        Self { words: words.into(), remedy: RetryAdvice::Once }
    }

    /// Prefixes the message with the name of the model that failed.
    #[must_use]
    pub fn of(self, model: &str) -> Self {
        Self { words: format!("{model}: {}", self.words), ..self }
    }

    /// Creates a failure from an error response.
    pub(super) fn of_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        key: &SecretString,
    ) -> Self {
        let complaint = ErrorBody::read(body);
        let code = status.as_u16();
        if complaint.is_quota_exceeded() {
            let words = format!("{code}: no credit left: check the account's plan and billing");
            return Self { words, remedy: RetryAdvice::Nothing };
        }
        let (advice, remedy) = match code {
            401 => {
                let words = "401: the endpoint refused the key: check api_key".to_owned();
                return Self { words, remedy: RetryAdvice::Nothing };
            }
            403 => (": not allowed: check api_key and model", RetryAdvice::OtherModel),
            404 => (": not found: check model and base_url", RetryAdvice::OtherModel),
            408 | 409 | 425 | 429 | 500.. => ("", RetryAdvice::Later(retry_after(headers))),
            _ => (": refused: check model and base_url", RetryAdvice::OtherModel),
        };
        let quote = complaint.quote(key);
        Self { words: format!("{}{advice}{quote}", name_of(status)), remedy }
    }

    /// Creates a failure from an error object that came with status 200, whole or in a stream.
    pub(super) fn of_error_object(error: &Value, key: &SecretString) -> Self {
        let body = serde_json::json!({ "error": error }).to_string();
        let named = ["code", "status", "status_code"].iter().find_map(|name| error[*name].as_u64());
        let status = named
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code))
            .and_then(|code| StatusCode::from_u16(code).ok());
        if let Some(status) = status {
            return Self::of_status(status, &HeaderMap::new(), body.as_bytes(), key);
        }
        let complaint = ErrorBody::read(body.as_bytes());
        let money = complaint.is_quota_exceeded();
        let remedy = if money { RetryAdvice::Nothing } else { RetryAdvice::Later(None) };
        Self { words: format!("an error{}", complaint.quote(key)), remedy }
    }

    /// Creates a failure from a connection that failed or broke.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        let what = if error.is_connect() {
            "cannot connect: check base_url"
        } else if error.is_builder() {
            let words = "the request could not be built: check base_url and api_key".to_owned();
            return Self { words, remedy: RetryAdvice::Nothing };
        } else {
            "the connection broke"
        };
        let mut cause = error.source();
        while let Some(deeper) = cause.and_then(std::error::Error::source) {
            cause = Some(deeper);
        }
        Self::transient_failure(match cause {
            Some(cause) => format!("{what} ({})", shorten(&cause.to_string())),
            None => what.to_owned(),
        })
    }
}

impl From<OpenAIError> for Failure {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(ours) => match ours.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(_) => Self::transient_failure("the request failed"),
            },
            OpenAIError::Reqwest(error) => Self::of_transport(&error),
            OpenAIError::StreamError(_) => Self::transient_failure("the stream broke off"),
            OpenAIError::JSONDeserialize(..) => Self::transient_failure(
                "the answer is not what an OpenAI-compatible endpoint sends",
            ),
            _ => Self {
                words: "the request could not be built".into(),
                remedy: RetryAdvice::Nothing,
            },
        }
    }
}

impl From<Failure> for OpenAIError {
    fn from(failure: Failure) -> Self {
        Self::Boxed(Box::new(failure))
    }
}

/// Error message of an endpoint: `{"error":{"message","code","type"}}`, `{"error":"text"}`,
/// `{"message"}` or `{"detail"}`; empty if the body is not JSON.
struct ErrorBody {
    message: String,
    kinds: [String; 2],
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &body["error"];
        let told = [&error["message"], error, &body["message"], &body["detail"]];
        let message = told.iter().find_map(|value| value.as_str()).unwrap_or_default().to_owned();
        let kinds = [&error["code"], &error["type"]]
            .map(|kind| kind.as_str().unwrap_or_default().to_owned());
        Self { message, kinds }
    }

    fn is_quota_exceeded(&self) -> bool {
        self.kinds.iter().any(|kind| kind == "insufficient_quota")
    }

    /// Returns the message in brackets, shortened, with anything that looks like a key masked.
    fn quote(&self, key: &SecretString) -> String {
        let key = key.expose_secret().trim();
        let words = self.message.split_whitespace().map(|word| {
            let bare = word.trim_start_matches(|c: char| !c.is_alphanumeric());
            let secret = bare.starts_with("sk-") || (!key.is_empty() && word.contains(key));
            if secret { "***" } else { word }
        });
        let words = shorten(&words.collect::<Vec<_>>().join(" "));
        if words.is_empty() { words } else { format!(" ({words})") }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn name_of(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Returns the wait that the endpoint requests: `retry-after-ms`, or `retry-after` in seconds or as
/// a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = header("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let text = header("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    (date.to_utc() - chrono::Utc::now()).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn every_way_to_ask_for_a_wait_is_understood_and_nonsense_is_not() {
        assert_eq!(wait("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(30)).to_rfc2822();
        let asked = wait("retry-after", &soon.replace("+0000", "GMT")).unwrap();
        assert!(asked > Duration::from_secs(27) && asked <= Duration::from_secs(30), "{asked:?}");
        for nonsense in ["soon", "-3", "NaN", "inf", "1e400", "", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_endpoints_words_are_shortened_and_carry_no_key() {
        let key = SecretString::from("abcdef123");
        let said = format!("key abcdef123 and\n sk-proj-1*** {}", "ä".repeat(500));
        let body = serde_json::json!({"error": {"message": said}}).to_string();
        let failure =
            Failure::of_status(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes(), &key);
        assert!(failure.words.contains("(key *** and *** ää"), "{}", failure.words);
        assert!(failure.words.chars().count() < 300);
        assert_eq!(failure.remedy, RetryAdvice::OtherModel);
    }

    #[test]
    fn hostile_bodies_are_survived() {
        let key = SecretString::default();
        for body in ["", "[]", "null", "{\"error\":[1]}", "{\"error\":{\"message\":7}}", "\u{0}"] {
            let body = body.as_bytes();
            let failure =
                Failure::of_status(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body, &key);
            assert_eq!(failure.words, "502 Bad Gateway");
        }
        let odd = Failure::of_error_object(&Value::from(3), &key);
        assert_eq!(odd.remedy, RetryAdvice::Later(None));
    }
}
