//! Scores with any `/rerank` endpoint: those with Cohere's API (Cohere, Jina, Voyage, vLLM,
//! `LiteLLM`) and text-embeddings-inference. Must not order passages, nor accept a score for a
//! passage that was not sent.

use async_trait::async_trait;
use frontdesk_endpoint::address::Guard;
use frontdesk_endpoint::{Access, Endpoint};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Reranker};
use crate::domain::ModelProvider;
use crate::models::ModelSetting;

/// Configuration of a rerank endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL up to `/rerank`, such as `https://api.cohere.com/v2`.
    base_url: String,
    /// API key; local servers need none.
    api_key: Option<SecretString>,
    /// Model name; empty for servers with one model.
    model: String,
    /// Request format.
    dialect: Dialect,
    /// Maximum number of passages to score, 2 to 1000.
    candidates: usize,
    /// Maximum characters sent of each passage; the rest is cut off.
    longest: usize,
    /// Milliseconds for an answer, including all attempts and waits.
    timeout_ms: u64,
    /// Milliseconds for one attempt.
    attempt_ms: u64,
    /// How often a transient failure is retried.
    retries: u32,
    /// Longest wait between two attempts, in milliseconds, whatever the endpoint asks for.
    retry_cap_ms: u64,
    /// Set for an address that somebody chose while the desk runs: whether it may be private.
    #[serde(skip)]
    allow_private: Option<bool>,
}

/// Request format of an endpoint. Responses are accepted in either format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dialect {
    /// `{model, query, documents, top_n}`.
    Cohere,
    /// `{query, texts, truncate}`, for text-embeddings-inference.
    Tei,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            api_key: None,
            model: String::new(),
            dialect: Dialect::Cohere,
            candidates: 30,
            longest: 4000,
            timeout_ms: 2500,
            attempt_ms: 2000,
            retries: 1,
            retry_cap_ms: 500,
            allow_private: None,
        }
    }
}

impl Settings {
    /// URL up to `/rerank`.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same at the endpoint and with the model that somebody chose.
    pub(super) fn at(&self, chosen: &ModelSetting) -> Self {
        let dialect = match chosen.provider {
            ModelProvider::Tei => Dialect::Tei,
            _ => Dialect::Cohere,
        };
        Self {
            base_url: chosen.base_url.clone(),
            api_key: chosen.api_key.clone(),
            model: chosen.model.clone(),
            dialect,
            allow_private: Some(chosen.trusted),
            ..self.clone()
        }
    }
}

pub(super) struct Remote {
    endpoint: Endpoint,
    settings: Settings,
    identity: String,
}

impl Remote {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let settings = settings.clone();
        if settings.base_url.trim().is_empty() {
            return Err(
                "base_url is missing: everything before /rerank, such as https://api.cohere.com/v2"
                    .into(),
            );
        }
        if !(2..=1000).contains(&settings.candidates) || settings.longest == 0 {
            return Err("candidates goes from 2 to 1000, and longest from 1".into());
        }
        let guard = settings.allow_private.map(Guard::new);
        let access = Access {
            base_url: settings.base_url.clone(),
            api_key: settings.api_key.clone(),
            timeout_ms: settings.timeout_ms,
            attempt_ms: settings.attempt_ms,
            retries: settings.retries,
            retry_cap_ms: settings.retry_cap_ms,
        };
        let endpoint = Endpoint::maybe_guarded(access, guard)?;
        let named = settings.model.trim();
        let model = if named.is_empty() { endpoint.base_url() } else { named };
        let identity = format!("endpoint/{model}");
        Ok(Self { endpoint, settings, identity })
    }

    fn body(&self, query: &str, texts: &[String]) -> Value {
        let cut = |text: &String| text.chars().take(self.settings.longest).collect::<String>();
        let texts: Vec<String> = texts.iter().map(cut).collect();
        let mut body = match self.settings.dialect {
            Dialect::Cohere => json!({"query": query, "top_n": texts.len(), "documents": texts}),
            Dialect::Tei => json!({"query": query, "texts": texts, "truncate": true}),
        };
        if let Some(body) = body.as_object_mut().filter(|_| !self.settings.model.trim().is_empty())
        {
            body.insert("model".into(), self.settings.model.trim().into());
        }
        body
    }
}

#[async_trait]
impl Reranker for Remote {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn candidates(&self) -> usize {
        self.settings.candidates
    }

    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>, Error> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.endpoint.post("/rerank", &self.body(query, texts)).await;
        scores(&answer.map_err(Error::Failed)?, texts.len()).map_err(Error::Failed)
    }
}

/// Reads the scores in a response: a list, bare or under `results` or `data`, of `{index}` with
/// `relevance_score` or `score`.
fn scores(answer: &Value, texts: usize) -> Result<Vec<Option<f32>>, String> {
    let lists = [&answer["results"], &answer["data"], answer];
    let list = lists.iter().find_map(|list| list.as_array());
    let list = list.ok_or("the answer holds no list of results: check base_url and dialect")?;
    let mut scores = vec![None; texts];
    for item in list {
        let index = item["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let place = index.and_then(|index| scores.get_mut(index));
        let place = place.ok_or("the answer scores a text that was not sent")?;
        let score = ["relevance_score", "score"].iter().find_map(|key| number(&item[*key]));
        *place = Some(score.ok_or("the answer holds a result without a score")?);
    }
    if scores.iter().any(Option::is_some) {
        return Ok(scores);
    }
    Err("the answer scores nothing".into())
}

#[expect(clippy::cast_possible_truncation, reason = "scores are kept in single precision")]
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer};

    use super::*;

    fn reranker(server: &ScriptedServer, more: &Value) -> Remote {
        let mut settings = json!({"base_url": server.url, "retries": 0});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Remote::new(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    async fn rerank(answer: &str, sent: &[&str]) -> Result<Vec<Option<f32>>, String> {
        let server = ScriptedServer::start(vec![Act::say(answer)]).await;
        let scored = reranker(&server, &json!({})).rerank("q", &texts(sent)).await;
        scored.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn every_maker_s_answer_is_read_in_the_order_of_the_texts() {
        for answer in [
            r#"{"id":"x","results":[{"index":1,"relevance_score":0.75},{"index":0,"relevance_score":0.25}],"meta":{}}"#,
            r#"{"model":"m","usage":{"total_tokens":9},"results":[{"index":0,"relevance_score":0.25,"document":{"text":"a"}},{"index":1,"relevance_score":0.75}]}"#,
            r#"{"object":"list","data":[{"index":1,"relevance_score":0.75},{"index":0,"relevance_score":0.25}]}"#,
            r#"[{"index":1,"score":0.75},{"index":0,"score":0.25,"text":null}]"#,
        ] {
            let scores = rerank(answer, &["a", "b"]).await.unwrap();
            assert_eq!(scores, [Some(0.25), Some(0.75)], "{answer}");
        }
        let some = rerank(r#"{"results":[{"index":1,"relevance_score":-3}]}"#, &["a", "b"]).await;
        assert_eq!(some.unwrap(), [None, Some(-3.0)], "top_n was cut by the server");
    }

    #[tokio::test]
    async fn each_dialect_is_asked_in_its_own_words() {
        let server = ScriptedServer::start(vec![Act::say(r#"[{"index":0,"score":1}]"#)]).await;
        let cohere = reranker(&server, &json!({"model": "rerank-v3.5", "longest": 3}));
        cohere.rerank("why?", &texts(&["ábcdef", "b"])).await.unwrap();
        let tei = reranker(&server, &json!({"dialect": "tei"}));
        tei.rerank("why?", &texts(&["a"])).await.unwrap();
        assert_eq!(
            server.bodies(),
            [
                json!({"model": "rerank-v3.5", "query": "why?", "documents": ["ábc", "b"], "top_n": 2}),
                json!({"query": "why?", "texts": ["a"], "truncate": true}),
            ]
        );
        assert_eq!(server.received_requests()[0].path, "/v1/rerank");
        assert_eq!(cohere.identity(), Some("endpoint/rerank-v3.5"));
        assert!(tei.identity().unwrap().contains("127.0.0.1"), "a server with one model");
    }

    #[tokio::test]
    async fn answers_that_do_not_fit_are_refused_by_name() {
        for (answer, word) in [
            (r#"{"results":[]}"#, "scores nothing"),
            (r#"{"results":[{"index":2,"relevance_score":1}]}"#, "not sent"),
            (r#"{"results":[{"index":-1,"relevance_score":1}]}"#, "not sent"),
            (r#"{"results":[{"index":0}]}"#, "without a score"),
            (r#"{"results":[{"index":0,"relevance_score":"high"}]}"#, "without a score"),
            (r#"{"choices":[]}"#, "no list"),
            (r#"{"error":{"message":"no such model"}}"#, "no such model"),
            ("<html>", "not JSON"),
        ] {
            let told = rerank(answer, &["a", "b"]).await.unwrap_err();
            assert!(told.contains(word), "{answer}: {told}");
        }
    }

    #[tokio::test]
    async fn nothing_is_asked_for_no_texts_and_a_stall_ends_with_the_time() {
        assert_eq!(rerank("no JSON", &[]).await.unwrap(), []);
        let server = ScriptedServer::start(vec![Act::Stall]).await;
        let slow = reranker(&server, &json!({"timeout_ms": 150}));
        let told = slow.rerank("q", &texts(&["a"])).await.unwrap_err().to_string();
        assert!(told.contains("150 ms"), "{told}");
    }

    #[test]
    fn wrong_settings_are_named() {
        let wrong = |settings: Value| match serde_json::from_value::<Settings>(settings) {
            Ok(settings) => Remote::new(&settings).err().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert!(wrong(json!({})).contains("base_url"));
        assert!(wrong(json!({"base_url": "http://x", "candidates": 1})).contains("candidates"));
        assert!(wrong(json!({"base_url": "http://x", "dialect": "jina"})).contains("cohere"));
        assert!(wrong(json!({"modle": "x"})).contains("model"));
    }
}
