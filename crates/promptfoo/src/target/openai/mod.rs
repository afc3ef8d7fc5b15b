//! OpenAI and compatible servers: chats, completions, responses, embeddings and moderation.

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::{Access, Endpoint, OPENAI};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::settings::{Settings, conceal};
use super::{AskError, Embeds, Moderates, Target, TargetRequest, Targets, prices};
use crate::policy::Permit;
use crate::result::{Response, Tokens};
use crate::spec::TargetSpec;

mod wire;

pub(super) use wire::messages;

/// The API that a target uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Completion,
    Responses,
    Embedding,
    Moderation,
}

impl Kind {
    /// Parses an id into kind and model.
    fn read(id: &str) -> Result<(Self, &str), String> {
        let rest = id.strip_prefix("openai:").unwrap_or_default();
        let (word, model) = rest.split_once(':').unwrap_or(("", rest));
        let (kind, model, usual) = match (word, rest) {
            (_, "chat") | ("chat", _) => (Self::Chat, model, "gpt-4.1-mini"),
            ("completion", _) => (Self::Completion, model, "gpt-3.5-turbo-instruct"),
            (_, "responses") | ("responses", _) => (Self::Responses, model, "gpt-4.1-mini"),
            (_, "embedding" | "embeddings") | ("embedding" | "embeddings", _) => {
                (Self::Embedding, model, "text-embedding-3-large")
            }
            (_, "moderation") | ("moderation", _) => {
                (Self::Moderation, model, "omni-moderation-latest")
            }
            ("realtime" | "assistant" | "image" | "codex-sdk" | "transcription", _) => {
                return Err(format!(
                    "`{id}` is of a kind that cannot be asked here: there are chat, completion, responses, embedding and moderation"
                ));
            }
            _ => (Self::Chat, rest, "gpt-4.1-mini"),
        };
        let only_kind = word.is_empty() && kind != Self::Chat || rest == "chat" || model.is_empty();
        Ok((kind, if only_kind { usual } else { model }))
    }

    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completion => "/completions",
            Self::Responses => "/responses",
            Self::Embedding => "/embeddings",
            Self::Moderation => "/moderations",
        }
    }
}

struct OpenAi {
    kind: Kind,
    model: String,
    config: Value,
    endpoint: Endpoint,
    headers: HeaderMap,
    key: Option<String>,
    /// The error for a missing key, when OpenAI itself is the endpoint.
    missing: Option<String>,
}

/// Opens a model at frontdesk's own endpoint with its key; the suite cannot change the endpoint.
pub(super) fn at(spec: &TargetSpec, endpoint: Access) -> Result<Arc<dyn Target>, String> {
    let (kind, model) = Kind::read(&spec.id)?;
    let key = endpoint.api_key.as_ref().map(|key| key.expose_secret().to_owned());
    let settings = Settings::of(&spec.config, &Value::Null);
    let access = access(&settings, endpoint.base_url, key.as_deref());
    let endpoint = Endpoint::new(access)
        .map_err(|error| format!("{}: {}", spec.id, conceal(&error, key.as_deref())))?;
    let (model, config, headers) = (model.to_owned(), spec.config.clone(), HeaderMap::new());
    Ok(Arc::new(OpenAi { kind, model, config, endpoint, headers, key, missing: None }))
}

/// Opens a model at the endpoint that the suite or the environment names.
pub(super) fn open(
    spec: &TargetSpec,
    targets: &Targets,
    _: Permit,
) -> Result<Arc<dyn Target>, String> {
    let (kind, model) = Kind::read(&spec.id)?;
    let settings = Settings::of(&spec.config, &Value::Null);
    let named = settings.text("apiKeyEnvar").unwrap_or_else(|| "OPENAI_API_KEY".into());
    let key = settings.text("apiKey").or_else(|| targets.env(spec, &named));
    let base_url = base_url(&settings, spec, targets);
    let missing = (key.is_none() && base_url == OPENAI)
        .then(|| format!("no key for `{}`: set {named} or `config.apiKey`", spec.id));
    let endpoint = Endpoint::new(access(&settings, base_url, key.as_deref()))
        .map_err(|error| format!("{}: {}", spec.id, conceal(&error, key.as_deref())))?;
    let mut headers = headers(&settings)?;
    if let Some(organization) =
        settings.text("organization").or_else(|| targets.env(spec, "OPENAI_ORGANIZATION"))
    {
        add(&mut headers, "OpenAI-Organization", &organization)?;
    }
    let (model, config) = (model.to_owned(), spec.config.clone());
    Ok(Arc::new(OpenAi { kind, model, config, endpoint, headers, key, missing }))
}

fn base_url(settings: &Settings, spec: &TargetSpec, targets: &Targets) -> String {
    let host = settings.text("apiHost").or_else(|| targets.env(spec, "OPENAI_API_HOST"));
    let of_host = host.map(|host| format!("https://{host}/v1"));
    let of_env = || {
        let names = ["OPENAI_API_BASE_URL", "OPENAI_BASE_URL"];
        names.iter().find_map(|name| targets.env(spec, name))
    };
    of_host.or_else(|| settings.text("apiBaseUrl")).or_else(of_env).unwrap_or_else(|| OPENAI.into())
}

/// The endpoint with timeouts and retries from the settings.
pub(super) fn access(settings: &Settings, base_url: String, key: Option<&str>) -> Access {
    let attempt_ms = settings.count("timeoutMs").unwrap_or(120_000).max(1);
    let retries = settings.count("maxRetries").and_then(|n| u32::try_from(n).ok()).unwrap_or(4);
    Access {
        base_url,
        api_key: key.map(Into::into),
        timeout_ms: settings.count("totalTimeoutMs").unwrap_or(attempt_ms.saturating_mul(3)),
        attempt_ms,
        retries,
        retry_cap_ms: 60_000,
    }
}

pub(super) fn headers(settings: &Settings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in settings.pairs("headers") {
        add(&mut headers, &name, &value)?;
    }
    Ok(headers)
}

/// Adds a header. The error names the header and never shows its value.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let held = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
    let (header, value) = held.ok_or_else(|| {
        format!("the header `{name}` cannot be sent: it holds characters that no header has")
    })?;
    headers.insert(header, value);
    Ok(())
}

impl OpenAi {
    async fn post(&self, body: &Value) -> Result<Value, String> {
        if let Some(missing) = &self.missing {
            return Err(missing.clone());
        }
        let answer = self.endpoint.post_with(self.kind.path(), &self.headers, body).await;
        answer.map_err(|error| format!("{}: {}", self.model, conceal(&error, self.key.as_deref())))
    }

    /// Sends a request for a text and returns the raw response.
    async fn answer_about(&self, settings: &Settings, text: &str) -> Result<Value, AskError> {
        let body = wire::request(self.kind, &self.model, settings, text);
        let body = body.map_err(AskError::Unusable)?;
        match &self.missing {
            Some(missing) => Err(AskError::Unusable(missing.clone())),
            None => self.post(&body).await.map_err(AskError::Failed),
        }
    }

    fn malformed(&self, missing: &str) -> AskError {
        AskError::Malformed(format!("{}: the answer holds no {missing}", self.model))
    }

    fn cost(&self, settings: &Settings, answer: &Response) -> Option<f64> {
        prices::cost(&self.model, settings, answer.token_usage.as_ref()?)
    }
}

#[async_trait]
impl Target for OpenAi {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let settings = Settings::of(&self.config, asked.config);
        let body = match wire::request(self.kind, &self.model, &settings, asked.prompt) {
            Ok(body) => body,
            Err(error) => return Response { error: Some(error), ..Response::default() },
        };
        match self.post(&body).await {
            Ok(answer) => {
                let response = wire::response(self.kind, &answer, &settings);
                let cost = self.cost(&settings, &response);
                Response { cost, ..response }
            }
            Err(error) => Response { error: Some(error), ..Response::default() },
        }
    }

    fn embeds(&self) -> Option<&dyn Embeds> {
        (self.kind == Kind::Embedding).then_some(self)
    }

    fn moderates(&self) -> Option<&dyn Moderates> {
        (self.kind == Kind::Moderation).then_some(self)
    }
}

#[async_trait]
impl Embeds for OpenAi {
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError> {
        let settings = Settings::of(&self.config, &Value::Null);
        let answer = self.answer_about(&settings, text).await?;
        let tokens = wire::tokens(&answer["usage"]);
        let cost = prices::cost(&self.model, &settings, &tokens).unwrap_or_default();
        let numbers = answer["data"][0]["embedding"].as_array();
        let vector: Option<Vec<f64>> = numbers.and_then(|n| n.iter().map(Value::as_f64).collect());
        match vector.filter(|vector| !vector.is_empty()) {
            Some(vector) => Ok((vector, tokens, cost)),
            None => Err(self.malformed("embedding")),
        }
    }
}

#[async_trait]
impl Moderates for OpenAi {
    async fn moderate(&self, _: &str, answer: &str) -> Result<Vec<(String, f64)>, AskError> {
        let settings = Settings::of(&self.config, &Value::Null);
        let answer = self.answer_about(&settings, answer).await?;
        let result = &answer["results"][0];
        let flags = result["categories"].as_object().ok_or_else(|| self.malformed("categories"))?;
        let flagged = flags.iter().filter(|(_, flag)| flag.as_bool() == Some(true));
        let sure = |code: &String| result["category_scores"][code].as_f64().unwrap_or(1.0);
        Ok(flagged.map(|(code, _)| (code.clone(), sure(code))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_a_kind_and_a_model() {
        assert_eq!(Kind::read("openai:gpt-4o").unwrap(), (Kind::Chat, "gpt-4o"));
        assert_eq!(
            Kind::read("openai:chat:ft:gpt-4o:acme").unwrap(),
            (Kind::Chat, "ft:gpt-4o:acme")
        );
        assert_eq!(Kind::read("openai:ft:gpt-4o:acme").unwrap(), (Kind::Chat, "ft:gpt-4o:acme"));
        assert_eq!(Kind::read("openai:chat").unwrap(), (Kind::Chat, "gpt-4.1-mini"));
        assert_eq!(Kind::read("openai:embeddings:e").unwrap(), (Kind::Embedding, "e"));
        assert_eq!(Kind::read("openai:embedding").unwrap().1, "text-embedding-3-large");
        assert_eq!(Kind::read("openai:moderation").unwrap().1, "omni-moderation-latest");
        assert!(Kind::read("openai:image:dall-e-3").is_err());
    }
}
