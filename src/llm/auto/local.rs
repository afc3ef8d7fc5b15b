//! Asks the usual ports of this machine for a server that speaks OpenAI's API. Must not ask another
//! machine, nor take what only looks like such a server.

use std::time::Duration;

use frontdesk_endpoint::LocalClient;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::Value;

use super::choice;
use super::{is_plain, writes_answers};

/// Time that all requests to one port have together, and all connections before them.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

/// Context window that is assumed where a server does not tell its own, in tokens. Ollama cuts
/// longer prompts at its default of 4096 without saying so, and LM Studio loads models with as much.
const USUAL_WINDOW: u32 = 4096;
/// Context windows that are believed, in tokens.
const WINDOWS: std::ops::RangeInclusive<u32> = 1024..=2_000_000;

/// Owners of models that are run elsewhere: the usual ones of a relay, to which the owner of this
/// machine did not choose to send customers' messages. A relay with other owners is not noticed.
/// `frontdesk` is a desk.
const OWNERS_ELSEWHERE: &[&str] =
    &["openai", "openai-internal", "system", "anthropic", "google", "azure", "frontdesk"];

/// A server on this machine, with the model that was chosen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalServer {
    pub(super) port: u16,
    /// Product name.
    pub(super) name: &'static str,
    pub(super) model: String,
    /// Context window in tokens.
    pub(super) window: u32,
}

impl LocalServer {
    /// URL up to `/chat/completions`.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", address(self.port))
    }

    /// Whether the server still lists the model.
    pub(super) async fn is_there(&self) -> bool {
        let Some(client) = LocalClient::of_open_ports(&[self.port], ASK_TIMEOUT).await else {
            return false;
        };
        let listed = client.json(self.port, "/v1/models").await;
        listed.is_some_and(|listed| models(listed).iter().any(|model| model.id == self.model))
    }
}

/// The address that is asked.
pub(super) fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Asks all ports at once. Returns the server of the first one that has one.
pub(super) async fn find(ports: &[u16]) -> Option<LocalServer> {
    let client = &LocalClient::of_open_ports(ports, ASK_TIMEOUT).await?;
    let servers = join_all(ports.iter().map(|port| ask(client, *port))).await;
    servers.into_iter().flatten().next()
}

async fn ask(client: &LocalClient, port: u16) -> Option<LocalServer> {
    let server = async {
        let listed = models(client.json(port, "/v1/models").await?);
        // Among equals the first: the one that was used or changed last, in Ollama's order.
        let best = listed.into_iter().rev().max_by(|a, b| choice::compare(&a.id, &b.id))?;
        let window = match best.max_model_len {
            None if best.owned_by == LLAMA_CPP => {
                window_of_llama_cpp(client.json(port, "/props").await)
            }
            told => told.and_then(|tokens| u32::try_from(tokens).ok()),
        };
        let window = window.filter(|tokens| WINDOWS.contains(tokens)).unwrap_or(USUAL_WINDOW);
        Some(LocalServer { port, name: product(&best.owned_by, port), model: best.id, window })
    };
    tokio::time::timeout(ASK_TIMEOUT, server).await.ok()?
}

/// A model as servers list it. `max_model_len` is vLLM's.
#[derive(Debug, Deserialize)]
struct ListedModel {
    id: String,
    object: String,
    #[serde(default)]
    owned_by: String,
    #[serde(default)]
    max_model_len: Option<u64>,
}

/// The `owned_by` of llama.cpp's server.
const LLAMA_CPP: &str = "llamacpp";

/// Returns the models that write answers on this machine, as far as names and owners tell, in the
/// order of the listing. Empty for what is not `{"object":"list","data":[{"object":"model","id":…}]}`.
fn models(mut listed: Value) -> Vec<ListedModel> {
    if listed["object"] != "list" {
        return Vec::new();
    }
    let Value::Array(listed) = listed["data"].take() else { return Vec::new() };
    let all = listed.into_iter().filter_map(|one| serde_json::from_value(one).ok());
    let usable = |model: &ListedModel| {
        model.object == "model"
            && writes_answers(&model.id)
            && is_plain(&model.id)
            && !choice::is_run_elsewhere(&model.id)
            && !choice::is_too_small(&model.id)
            && !OWNERS_ELSEWHERE.contains(&model.owned_by.to_lowercase().as_str())
    };
    all.filter(usable).collect()
}

/// Returns the context of one slot. The listing has only `n_ctx_train`, which the server need not
/// have been started with.
fn window_of_llama_cpp(props: Option<Value>) -> Option<u32> {
    let tokens = props?["default_generation_settings"]["n_ctx"].as_u64()?;
    u32::try_from(tokens).ok()
}

fn product(owned_by: &str, port: u16) -> &'static str {
    match (owned_by, port) {
        ("vllm", _) => "vLLM",
        (LLAMA_CPP, _) => "llama.cpp",
        ("library", _) | (_, 11434) => "Ollama",
        ("organization_owner", _) | (_, 1234) => "LM Studio",
        _ => "a server",
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer};
    use serde_json::json;

    use super::*;

    async fn found(acts: Vec<Act>) -> Option<LocalServer> {
        let server = ScriptedServer::start(acts).await;
        find(&[port(&server)]).await
    }

    fn port(server: &ScriptedServer) -> u16 {
        let port = server.url.trim_end_matches("/v1").rsplit(':').next();
        port.and_then(|port| port.parse().ok()).unwrap()
    }

    fn listing(models: &Value) -> Act {
        Act::say(&json!({"object": "list", "data": models}).to_string())
    }

    fn model(id: &str, owned_by: &str) -> Value {
        json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": owned_by})
    }

    #[tokio::test]
    async fn each_server_is_read_as_it_lists_its_models() {
        let ollama = json!([
            model("nomic-embed-text:latest", "library"),
            model("llama3.2:1b", "library"),
            model("gpt-oss:120b-cloud", "library"),
            model("llama3.1:8b", "library"),
        ]);
        let server = found(vec![listing(&ollama)]).await.unwrap();
        assert_eq!((server.name, server.model.as_str()), ("Ollama", "llama3.1:8b"));
        assert_eq!(server.window, USUAL_WINDOW);

        let mut vllm = model("Qwen/Qwen2.5-7B-Instruct", "vllm");
        vllm["max_model_len"] = 32_768.into();
        let server = found(vec![listing(&json!([vllm]))]).await.unwrap();
        assert_eq!((server.name, server.window), ("vLLM", 32_768));

        let mut llama_cpp = model("gemma-3-4b-it", "llamacpp");
        llama_cpp["meta"] = json!({"n_ctx_train": 131_072});
        let listed = listing(&json!([llama_cpp]));
        let props = Act::say(r#"{"default_generation_settings":{"n_ctx":8192}}"#);
        let server = found(vec![listed.clone(), props]).await.unwrap();
        assert_eq!((server.name, server.window), ("llama.cpp", 8192));
        let server = found(vec![listed, Act::refuse(404, &[], "")]).await.unwrap();
        assert_eq!(server.window, USUAL_WINDOW);
    }

    #[tokio::test]
    async fn what_is_no_server_of_models_here_is_not_taken() {
        for act in [
            Act::say("<html>"),
            Act::say("[]"),
            Act::say(r#"{"data":[{"id":"users"}]}"#),
            Act::say(r#"{"object":"list","data":"none"}"#),
            listing(&json!([])),
            listing(&json!([{"id": "x"}, 7, null])),
            listing(&json!([
                model("nomic-embed-text", "library"),
                model("llama-guard3:8b", "library")
            ])),
            listing(&json!([model("glm-4.6:cloud", "library")])),
            listing(&json!([model("gpt-4o", "openai")])),
            listing(&json!([model("llama3.2:1b", "library"), model("gemma3:270m", "library")])),
            listing(&json!([model("evil\u{1b}[2J:8b", "library")])),
            listing(&json!([model("evil\u{202e}b8:", "library")])),
            listing(&json!([model("acme", "frontdesk")])),
            Act::refuse(
                401,
                &[],
                &json!({"object": "list", "data": [model("m", "x")]}).to_string(),
            ),
        ] {
            assert_eq!(found(vec![act]).await, None);
        }
    }

    #[tokio::test]
    async fn the_first_port_with_a_server_wins_and_a_hanging_one_delays_little() {
        let hangs = ScriptedServer::start(vec![Act::Stall]).await;
        let one = ScriptedServer::start(vec![listing(&json!([model("one", "library")]))]).await;
        let two = ScriptedServer::start(vec![listing(&json!([model("two", "vllm")]))]).await;
        let started = std::time::Instant::now();
        let server = find(&[port(&hangs), port(&two), port(&one)]).await.unwrap();
        assert_eq!(server.model, "two");
        assert!(started.elapsed() < ASK_TIMEOUT * 3, "{:?}", started.elapsed());
        for asked in [&hangs, &one, &two] {
            assert_eq!(asked.received_requests().len(), 1);
        }
    }

    #[test]
    fn absurd_windows_are_not_believed() {
        let props = |n_ctx: Value| Some(json!({"default_generation_settings": {"n_ctx": n_ctx}}));
        assert_eq!(window_of_llama_cpp(props(json!(8192))), Some(8192));
        assert_eq!(window_of_llama_cpp(props(json!("all"))), None);
        assert_eq!(window_of_llama_cpp(props(json!(u64::MAX))), None);
        assert!(!WINDOWS.contains(&0));
    }
}
