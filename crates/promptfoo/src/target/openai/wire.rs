//! Requests and responses of OpenAI-compatible servers. Unknown settings are passed through.

use serde_json::{Map, Value, json};

use super::Kind;
use crate::chat::{ChatMessage, Role};
use crate::result::{Response, Tokens};
use crate::target::settings::Settings;

pub(super) fn request(
    kind: Kind,
    model: &str,
    settings: &Settings,
    prompt: &str,
) -> Result<Value, String> {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    match kind {
        Kind::Chat => body.insert("messages".into(), messages(prompt)?),
        Kind::Completion => body.insert("prompt".into(), prompt.into()),
        Kind::Responses => {
            let listed = serde_json::from_str::<Value>(prompt).ok().filter(Value::is_array);
            body.insert("input".into(), listed.unwrap_or_else(|| prompt.into()))
        }
        Kind::Embedding | Kind::Moderation => body.insert("input".into(), prompt.into()),
    };
    if !matches!(kind, Kind::Embedding | Kind::Moderation) {
        set_default_params(kind, model, &mut body);
    }
    body.extend(settings.passed_on());
    if let Some(Value::Object(passed)) = settings.0.get("passthrough") {
        body.extend(passed.clone());
    }
    if is_reasoning_model(model) && kind == Kind::Chat && body.contains_key("max_completion_tokens")
    {
        body.shift_remove("max_tokens");
    }
    Ok(Value::Object(body))
}

/// Sets default parameters: temperature 0 and 1,024 output tokens. Reasoning models get none.
fn set_default_params(kind: Kind, model: &str, body: &mut Map<String, Value>) {
    if is_reasoning_model(model) {
        return;
    }
    let most = if kind == Kind::Responses { "max_output_tokens" } else { "max_tokens" };
    body.insert(most.into(), json!(1024));
    body.insert("temperature".into(), json!(0));
}

/// Whether a model is a reasoning model; those reject a temperature.
fn is_reasoning_model(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| name.starts_with(family))
}

/// Parses a prompt as chat messages in JSON or YAML; any other text becomes one user message.
pub(in crate::target) fn messages(prompt: &str) -> Result<Value, String> {
    let text = prompt.trim_start();
    if text.starts_with("- role:") {
        return serde_saphyr::from_str::<Value>(prompt).map_err(|error| {
            format!("the prompt begins like chat messages and is no YAML: {error}")
        });
    }
    if text.starts_with('[') || text.starts_with('{') {
        match serde_json::from_str::<Value>(prompt) {
            Ok(Value::Array(list))
                if list.iter().all(|message| message.get("role").is_some()) && !list.is_empty() =>
            {
                return Ok(Value::Array(list));
            }
            _ => {}
        }
    }
    Ok(json!([ChatMessage { role: Role::User, content: prompt.to_owned() }]))
}

pub(super) fn response(kind: Kind, answer: &Value, settings: &Settings) -> Response {
    let read = match kind {
        Kind::Chat => chat(answer, settings),
        Kind::Completion => Some(Response {
            output: answer["choices"][0]["text"].clone(),
            finish_reason: finish(&answer["choices"][0]["finish_reason"]),
            ..Response::default()
        }),
        Kind::Responses => Some(responses(answer)),
        Kind::Embedding => {
            Some(Response { output: answer["data"][0]["embedding"].clone(), ..Response::default() })
        }
        Kind::Moderation => {
            Some(Response { output: answer["results"][0].clone(), ..Response::default() })
        }
    };
    let token_usage = answer.get("usage").map(tokens);
    match read {
        Some(read) if !read.output.is_null() => Response { token_usage, ..read },
        _ => {
            let start: String = answer.to_string().chars().take(200).collect();
            let error = Some(format!("the answer holds no output: {start}"));
            Response { error, token_usage, ..Response::default() }
        }
    }
}

fn chat(answer: &Value, settings: &Settings) -> Option<Response> {
    let choice = answer["choices"].get(0)?;
    let message = choice.get("message")?;
    let finish_reason = finish(&choice["finish_reason"]);
    if let Some(refusal) = message["refusal"].as_str().filter(|text| !text.is_empty()) {
        let guardrails = json!({"flagged": true});
        return Some(Response {
            output: refusal.into(),
            finish_reason,
            guardrails,
            ..Response::default()
        });
    }
    let filtered = finish_reason.as_deref() == Some("content_filter");
    let log_probs = choice["logprobs"]["content"]
        .as_array()
        .map(|list| list.iter().filter_map(|token| token["logprob"].as_f64()).collect());
    let guardrails = json!({ "flagged": filtered });
    let output = match message_output(message) {
        Value::Null if filtered => "the provider filtered the answer out".into(),
        Value::String(text) if wants_json(settings) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        output => output,
    };
    Some(Response { output, finish_reason, log_probs, guardrails, ..Response::default() })
}

/// The text of a message, its tool calls, or the whole message when it has both.
fn message_output(message: &Value) -> Value {
    let content = message.get("content").unwrap_or(&Value::Null);
    let calls =
        message.get("tool_calls").filter(|calls| !calls.as_array().is_some_and(Vec::is_empty));
    let calls = message.get("function_call").or(calls).filter(|calls| !calls.is_null());
    let empty = content.is_null() || content.as_str() == Some("");
    match calls {
        Some(calls) if empty => calls.clone(),
        Some(_) => message.clone(),
        None => content.clone(),
    }
}

fn wants_json(settings: &Settings) -> bool {
    settings.0.get("response_format").and_then(|format| format["type"].as_str())
        == Some("json_schema")
}

fn responses(answer: &Value) -> Response {
    let items = answer["output"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut parts = Vec::new();
    for item in items {
        match item["type"].as_str() {
            Some("message") => {
                parts.extend(item["content"].as_array().into_iter().flatten().filter_map(|part| {
                    part["text"].as_str().or_else(|| part["refusal"].as_str()).map(str::to_owned)
                }));
            }
            Some("function_call") => parts.push(item.to_string()),
            _ => {}
        }
    }
    let output = if parts.is_empty() { Value::Null } else { parts.join("\n").into() };
    let finish_reason = match answer["status"].as_str() {
        Some("completed") => Some("stop".to_owned()),
        Some("incomplete") => Some("length".to_owned()),
        _ => None,
    };
    Response { output, finish_reason, ..Response::default() }
}

fn finish(reason: &Value) -> Option<String> {
    let reason = reason.as_str()?.to_lowercase();
    Some(match reason.as_str() {
        "function_call" | "tool_use" => "tool_calls".into(),
        "end_turn" | "stop_sequence" => "stop".into(),
        "max_tokens" => "length".into(),
        _ => reason,
    })
}

pub(super) fn tokens(usage: &Value) -> Tokens {
    let count =
        |names: [&str; 2]| names.iter().find_map(|name| usage[*name].as_u64()).unwrap_or_default();
    let prompt = count(["prompt_tokens", "input_tokens"]);
    let completion = count(["completion_tokens", "output_tokens"]);
    let total = usage["total_tokens"].as_u64().unwrap_or(prompt + completion);
    Tokens { total, prompt, completion, cached: 0, num_requests: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(config: &Value) -> Settings {
        Settings::of(config, &Value::Null)
    }

    #[test]
    fn settings_are_passed_on_and_ours_are_not() {
        let config =
            json!({"apiKey": "k", "top_p": 0.5, "max_tokens": 9, "passthrough": {"seed": 1}});
        let body = request(Kind::Chat, "m", &settings(&config), "hi").unwrap();
        let expected = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 9, "temperature": 0, "top_p": 0.5, "seed": 1});
        assert_eq!(body, expected);
        let body = request(Kind::Chat, "o3-mini", &settings(&json!({})), "hi").unwrap();
        assert!(body.get("temperature").is_none());
    }

    #[test]
    fn chat_messages_are_read_as_json_and_yaml() {
        let list = json!([{"role": "system", "content": "s"}]);
        assert_eq!(messages(&list.to_string()).unwrap(), list);
        assert_eq!(messages("- role: system\n  content: s\n").unwrap(), list);
        assert_eq!(messages("[1]").unwrap()[0]["content"], "[1]");
        assert!(messages("- role: [").is_err());
    }

    #[test]
    fn calls_of_tools_are_the_output() {
        let call = json!([{"id": "1", "function": {"name": "f", "arguments": "{}"}}]);
        let read = |message: Value| {
            response(Kind::Chat, &json!({"choices": [{"message": message}]}), &settings(&json!({})))
        };
        assert_eq!(read(json!({"content": null, "tool_calls": call})).output, call);
        let both = json!({"content": "t", "tool_calls": call});
        assert_eq!(read(both.clone()).output, both);
        assert_eq!(read(json!({"content": "t", "tool_calls": []})).output, "t");
        assert!(read(json!({})).error.is_some());
        let refused = read(json!({"content": null, "refusal": "no"}));
        assert_eq!(
            (refused.output, refused.guardrails["flagged"].clone()),
            (json!("no"), json!(true))
        );
    }

    #[test]
    fn responses_are_joined() {
        let answer = json!({"status": "completed", "usage": {"input_tokens": 2, "output_tokens": 3},
            "output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]});
        let read = response(Kind::Responses, &answer, &settings(&json!({})));
        assert_eq!((read.output, read.finish_reason.as_deref()), (json!("hi"), Some("stop")));
        assert_eq!(read.token_usage.unwrap().total, 5);
    }
}
