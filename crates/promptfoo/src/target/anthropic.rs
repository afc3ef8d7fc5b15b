//! Anthropic's Messages API.

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::Endpoint;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::openai::{access, add, headers, messages};
use super::settings::{Settings, conceal};
use super::{Target, TargetRequest, Targets, prices};
use crate::chat::Role;
use crate::policy::Permit;
use crate::result::{Response, Tokens};
use crate::spec::TargetSpec;

struct Anthropic {
    model: String,
    config: Value,
    endpoint: Endpoint,
    headers: HeaderMap,
    key: Option<String>,
}

pub(super) fn open(
    spec: &TargetSpec,
    targets: &Targets,
    _: Permit,
) -> Result<Arc<dyn Target>, String> {
    let rest = spec.id.strip_prefix("anthropic:").unwrap_or_default();
    let model = rest.strip_prefix("messages:").unwrap_or(rest);
    if model.is_empty()
        || ["messages", "completion", "claude-agent-sdk"]
            .iter()
            .any(|kind| model == *kind || model.starts_with(&format!("{kind}:")))
    {
        return Err(format!("`{}` names no model: write it as anthropic:messages:MODEL", spec.id));
    }
    let settings = Settings::of(&spec.config, &Value::Null);
    let named = settings.text("apiKeyEnvar").unwrap_or_else(|| "ANTHROPIC_API_KEY".into());
    let key = settings.text("apiKey").or_else(|| targets.env(spec, &named));
    let base = settings.text("apiBaseUrl").or_else(|| targets.env(spec, "ANTHROPIC_BASE_URL"));
    let base = base.unwrap_or_else(|| "https://api.anthropic.com".into());
    let mut headers = headers(&settings)?;
    add(&mut headers, "anthropic-version", "2023-06-01")?;
    if let Some(key) = &key {
        add(&mut headers, "x-api-key", key)?;
    }
    let endpoint = Endpoint::new(access(&settings, base, None))
        .map_err(|error| format!("{}: {error}", spec.id))?;
    Ok(Arc::new(Anthropic {
        model: model.into(),
        config: spec.config.clone(),
        endpoint,
        headers,
        key,
    }))
}

#[async_trait]
impl Target for Anthropic {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let settings = Settings::of(&self.config, asked.config);
        let asking = async {
            if self.key.is_none() {
                return Err("no key: set ANTHROPIC_API_KEY or `config.apiKey`".to_owned());
            }
            let body = request(&self.model, &settings, asked.prompt)?;
            self.endpoint.post_with("/v1/messages", &self.headers, &body).await
        };
        match asking.await {
            Ok(answer) => {
                let response = response(&answer);
                let cost = response
                    .token_usage
                    .as_ref()
                    .and_then(|tokens| prices::cost(&self.model, &settings, tokens));
                Response { cost, ..response }
            }
            Err(error) => {
                let error = format!("{}: {}", self.model, conceal(&error, self.key.as_deref()));
                Response { error: Some(error), ..Response::default() }
            }
        }
    }
}

fn request(model: &str, settings: &Settings, prompt: &str) -> Result<Value, String> {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    let Value::Array(all) = messages(prompt)? else {
        return Err("the prompt is no list of chat messages".into());
    };
    let is_system = |message: &Value| message["role"] == Role::System.as_str();
    let (system, turns): (Vec<Value>, Vec<Value>) = all.into_iter().partition(is_system);
    let system: Vec<&str> =
        system.iter().filter_map(|message| message["content"].as_str()).collect();
    if !system.is_empty() {
        body.insert("system".into(), system.join("\n\n").into());
    }
    body.insert("messages".into(), turns.into());
    body.insert("max_tokens".into(), json!(1024));
    body.extend(settings.passed_on());
    if let Some(Value::Object(more)) = settings.0.get("extra_body") {
        body.extend(more.clone());
    }
    Ok(Value::Object(body))
}

fn response(answer: &Value) -> Response {
    let blocks = answer["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = blocks.iter().filter_map(|block| match block["type"].as_str() {
        Some("text") => block["text"].as_str().map(str::to_owned),
        Some("thinking" | "redacted_thinking") => None,
        _ => Some(block.to_string()),
    });
    let shown: Vec<String> = shown.collect();
    let usage = &answer["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let prompt = count("input_tokens")
        + count("cache_read_input_tokens")
        + count("cache_creation_input_tokens");
    let completion = count("output_tokens");
    let tokens =
        Tokens { total: prompt + completion, prompt, completion, cached: 0, num_requests: 1 };
    let finish_reason = answer["stop_reason"].as_str().map(|reason| match reason {
        "end_turn" | "stop_sequence" => "stop".to_owned(),
        "max_tokens" => "length".to_owned(),
        "tool_use" => "tool_calls".to_owned(),
        other => other.to_owned(),
    });
    let response = Response { token_usage: Some(tokens), finish_reason, ..Response::default() };
    if shown.is_empty() {
        return Response { error: Some("the answer holds no output".into()), ..response };
    }
    Response { output: shown.join("\n\n").into(), ..response }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_message_stands_apart() {
        let prompt = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]);
        let body = request("m", &Settings::default(), &prompt.to_string()).unwrap();
        assert_eq!(body["system"], "s");
        assert_eq!(body["messages"], json!([{"role": "user", "content": "u"}]));
    }

    #[test]
    fn text_is_read_and_thoughts_are_not() {
        let answer = json!({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}});
        let read = response(&answer);
        assert_eq!((read.output, read.finish_reason.as_deref()), (json!("hi"), Some("stop")));
        assert_eq!(read.token_usage.unwrap().total, 5);
        assert!(response(&json!({"content": []})).error.is_some());
    }
}
