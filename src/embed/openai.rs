//! Embeds with any OpenAI-compatible `/embeddings`. Must not mix vectors of different lengths or
//! orders: an answer that does not match the request is an error.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk_endpoint::address::Guard;
use frontdesk_endpoint::{Access, Endpoint, OPENAI, lenient};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Embedder, Error, Purpose};
use crate::models::ModelSetting;

/// Most numbers of a vector: more than any known model's, few enough to be stored for each passage.
const MAX_DIMENSIONS: usize = 16_384;
/// Statuses with which a server refuses a request that it does not understand.
const REFUSED: [&str; 4] = ["400", "415", "422", "501"];

/// Configuration of an OpenAI-compatible embedding endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL up to `/embeddings`.
    base_url: String,
    /// API key; local servers need none.
    api_key: Option<SecretString>,
    /// Model name.
    model: String,
    /// Vector length, for models that can shorten their vectors; none: the model's own.
    dimensions: Option<u32>,
    /// Texts in one request.
    batch: usize,
    /// ISO 639-1 codes of the languages that the model was trained on; empty: all.
    languages: Vec<String>,
    /// Prefix of each question, such as `query: ` for E5 models.
    query_prefix: String,
    /// Prefix of each document chunk, such as `passage: `.
    passage_prefix: String,
    /// Milliseconds for one batch, including all attempts and waits.
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
    /// Part of the identity: set for another address than the configured one, whose model of the same
    /// name may have other vectors.
    #[serde(skip)]
    place: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: OPENAI.into(),
            api_key: None,
            model: "text-embedding-3-small".into(),
            dimensions: None,
            batch: 96,
            languages: Vec::new(),
            query_prefix: String::new(),
            passage_prefix: String::new(),
            timeout_ms: 60_000,
            attempt_ms: 30_000,
            retries: 3,
            retry_cap_ms: 20_000,
            allow_private: None,
            place: None,
        }
    }
}

impl Settings {
    /// URL up to `/embeddings`.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same at the endpoint and with the model that somebody chose. What belongs to a model, such
    /// as the length of its vectors, stays only for the same one.
    pub(super) fn at(&self, chosen: &ModelSetting) -> Self {
        let is_own_place = chosen.is_at(&self.base_url);
        let is_own = is_own_place && self.model.trim() == chosen.model;
        let basis = if is_own { self.clone() } else { Self::default() };
        let hash = || hex::encode(&Sha256::digest(chosen.base_url.as_bytes())[..4]);
        Self {
            base_url: chosen.base_url.clone(),
            api_key: chosen.api_key.clone(),
            model: chosen.model.clone(),
            allow_private: Some(chosen.trusted),
            place: (!is_own_place).then(hash),
            ..basis
        }
    }
}

pub(super) struct Openai {
    endpoint: Endpoint,
    settings: Settings,
    identity: String,
    /// Whether the server refused vectors in base64, but sent numbers.
    wants_floats: AtomicBool,
}

/// A request.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: Encoding,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

/// How a server writes vectors.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// Little-endian 32-bit floats: a quarter of the bytes, and no number has to be parsed.
    Base64,
    /// Decimal numbers.
    Float,
}

impl Openai {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let settings = settings.clone();
        if settings.model.trim().is_empty() {
            return Err("model is empty: name one, such as text-embedding-3-small".into());
        }
        if settings.batch == 0 || settings.dimensions == Some(0) {
            return Err("batch and dimensions must be at least 1".into());
        }
        let length = settings.dimensions.map_or("default".into(), |length| length.to_string());
        let place = settings.place.as_ref().map_or_else(String::new, |place| format!("/{place}"));
        let identity = format!("openai/{}/{length}{place}", settings.model);
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
        Ok(Self { endpoint, settings, identity, wants_floats: AtomicBool::new(false) })
    }

    /// Embeds one batch. Returns the vectors in the order of the texts. A server that refuses base64
    /// is asked for numbers, and from then on only for those.
    async fn batch(&self, texts: &[String], prefix: &str) -> Result<Vec<Vec<f32>>, String> {
        let input: Vec<_> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        if self.wants_floats.load(Ordering::Relaxed) {
            return self.request(&input, Encoding::Float).await;
        }
        match self.request(&input, Encoding::Base64).await {
            Err(words) if REFUSED.iter().any(|status| words.starts_with(status)) => {
                let vectors = self.request(&input, Encoding::Float).await?;
                self.wants_floats.store(true, Ordering::Relaxed);
                Ok(vectors)
            }
            answer => answer,
        }
    }

    /// Sends one request, again after a transient failure.
    async fn request(
        &self,
        input: &[String],
        encoding_format: Encoding,
    ) -> Result<Vec<Vec<f32>>, String> {
        let Settings { model, dimensions, .. } = &self.settings;
        let body = Request { model, input, encoding_format, dimensions: *dimensions };
        let ask = || async {
            let embeddings = self.endpoint.whole().embeddings();
            embeddings.create_byot::<_, Answer>(&body).await
        };
        let vectors = in_order(self.endpoint.ask(ask).await?.data)?;
        if vectors.len() == input.len() {
            return Ok(vectors);
        }
        Err(format!("{} texts were sent and {} vectors came back", input.len(), vectors.len()))
    }

    /// Checks that all vectors can be compared: finite numbers and one length, the configured one
    /// if set.
    fn fit(&self, vectors: &[Vec<f32>]) -> Result<(), String> {
        let Some(first) = vectors.first() else { return Ok(()) };
        let length = self.settings.dimensions.map_or(first.len(), |length| length as usize);
        if let Some(other) = vectors.iter().find(|vector| vector.len() != length) {
            return Err(format!(
                "a vector of {} numbers came back where {length} were expected: check model and dimensions",
                other.len()
            ));
        }
        if length > MAX_DIMENSIONS {
            return Err(format!(
                "a vector of {length} numbers came back: at most {MAX_DIMENSIONS} are kept"
            ));
        }
        let numbers = length > 0 && vectors.iter().flatten().all(|number| number.is_finite());
        if numbers { Ok(()) } else { Err("a vector without numbers came back".into()) }
    }
}

#[async_trait]
impl Embedder for Openai {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn languages(&self) -> &[String] {
        &self.settings.languages
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let prefix = match purpose {
            Purpose::Query => &self.settings.query_prefix,
            Purpose::Passage => &self.settings.passage_prefix,
        };
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(self.settings.batch) {
            vectors.extend(self.batch(texts, prefix).await.map_err(Error::Failed)?);
        }
        self.fit(&vectors).map_err(Error::Failed)?;
        for vector in &mut vectors {
            super::normalize(vector);
        }
        Ok(vectors)
    }
}

/// A response; every field may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(deserialize_with = "lenient")]
    data: Vec<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(deserialize_with = "lenient")]
    index: Option<usize>,
    embedding: Option<Box<RawValue>>,
}

/// Sorts the vectors by index; keeps their order if a server sends no index.
fn in_order(mut items: Vec<Item>) -> Result<Vec<Vec<f32>>, String> {
    if items.iter().all(|item| item.index.is_some()) {
        items.sort_by_key(|item| item.index);
        if items.iter().enumerate().any(|(place, item)| item.index != Some(place)) {
            return Err("the vectors that came back are not numbered 0, 1, 2 and so on".into());
        }
    }
    let vectors = items.iter().map(|item| vector(item.embedding.as_deref()?));
    vectors.collect::<Option<_>>().ok_or_else(|| "a vector that is no vector came back".into())
}

/// Reads a list of numbers, or base64 of little-endian 32-bit floats, whatever format was requested.
fn vector(embedding: &RawValue) -> Option<Vec<f32>> {
    let written = embedding.get();
    if !written.starts_with('"') {
        let numbers: Vec<f64> = serde_json::from_str(written).ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "vectors are kept in single precision"
        )]
        return Some(numbers.into_iter().map(|number| number as f32).collect());
    }
    let text: Cow<'_, str> = serde_json::from_str(written).ok()?;
    let bytes = STANDARD.decode(&*text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().copied().map(f32::from_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer};
    use serde_json::{Value, json};

    use super::*;

    fn embedder(server: &ScriptedServer, more: &Value) -> Openai {
        let mut settings = json!({"base_url": server.url, "retries": 0});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Openai::new(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    async fn embed(answers: &[&str], more: Value, texts: &[&str]) -> Result<Vec<Vec<f32>>, String> {
        let server =
            ScriptedServer::start(answers.iter().map(|answer| Act::say(answer)).collect()).await;
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let vectors = embedder(&server, &more).embed(&texts, Purpose::Query).await;
        vectors.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn vectors_come_in_the_order_of_the_texts_and_have_length_1() {
        let shuffled = r#"{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}]}"#;
        let vectors = embed(&[shuffled], json!({}), &["a", "b"]).await.unwrap();
        assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    }

    #[tokio::test]
    async fn lax_answers_are_read() {
        let bytes: Vec<u8> = [3f32, 4.0].into_iter().flat_map(f32::to_le_bytes).collect();
        let base64 = STANDARD.encode(bytes);
        let answer = json!({"data": [{"embedding": base64}], "usage": "?"}).to_string();
        assert_eq!(embed(&[&answer], json!({}), &["a"]).await.unwrap(), [[0.6, 0.8]]);
        let without = r#"{"data":[{"embedding":[1,0]},{"embedding":[0,1]}]}"#;
        let vectors = embed(&[without], json!({}), &["a", "b"]).await.unwrap();
        assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[tokio::test]
    async fn many_texts_go_in_batches_with_the_prefix_of_their_purpose() {
        let two = r#"{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,1]}]}"#;
        let one = r#"{"data":[{"index":0,"embedding":[1,0]}]}"#;
        let server = ScriptedServer::start(vec![Act::say(two), Act::say(one)]).await;
        let more = json!({"batch": 2, "dimensions": 2, "passage_prefix": "passage: "});
        let texts: Vec<_> = ["a", "b", "c"].map(str::to_owned).into();
        let embedder = embedder(&server, &more);
        assert_eq!(embedder.embed(&texts, Purpose::Passage).await.unwrap().len(), 3);
        assert_eq!(embedder.identity(), Some("openai/text-embedding-3-small/2"));
        let expected = json!({
            "model": "text-embedding-3-small", "encoding_format": "base64", "dimensions": 2,
            "input": ["passage: a", "passage: b"],
        });
        assert_eq!(server.bodies()[0], expected);
        assert_eq!(server.bodies()[1]["input"], json!(["passage: c"]));
        assert_eq!(server.received_requests()[0].path, "/v1/embeddings");
    }

    #[tokio::test]
    async fn a_server_that_refuses_base64_is_asked_for_numbers_from_then_on() {
        let refusal = r#"{"error":{"message":"encoding_format: only float"}}"#;
        let one = r#"{"data":[{"index":0,"embedding":[3,4]}]}"#;
        let server = ScriptedServer::start(vec![
            Act::refuse(422, &[], refusal),
            Act::say(one),
            Act::say(one),
            Act::refuse(400, &[], refusal),
        ])
        .await;
        let embedder = embedder(&server, &json!({}));
        let text = ["a".to_owned()];
        for _ in 0..2 {
            assert_eq!(embedder.embed(&text, Purpose::Query).await.unwrap(), [[0.6, 0.8]]);
        }
        let told = embedder.embed(&text, Purpose::Query).await.unwrap_err().to_string();
        assert!(told.contains("only float"), "{told}");
        let formats: Vec<Value> =
            server.bodies().iter().map(|body| body["encoding_format"].clone()).collect();
        assert_eq!(formats, ["base64", "float", "float", "float"]);
    }

    #[tokio::test]
    async fn nothing_is_asked_for_no_texts() {
        assert_eq!(embed(&["no JSON"], json!({}), &[]).await.unwrap(), Vec::<Vec<f32>>::new());
    }

    #[tokio::test]
    async fn answers_that_do_not_fit_are_refused() {
        for (answer, more, word) in [
            (r#"{"data":[]}"#, json!({}), "2 texts were sent and 0"),
            (r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#, json!({}), "expected"),
            (r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#, json!({"dimensions": 3}), "3"),
            (r#"{"data":[{"embedding":[]},{"embedding":[]}]}"#, json!({}), "without numbers"),
            (r#"{"data":[{"embedding":[1]},{"embedding":[1e60]}]}"#, json!({}), "without numbers"),
            (r#"{"data":[{"embedding":"?"},{"embedding":null}]}"#, json!({}), "no vector"),
            (
                r#"{"data":[{"index":1,"embedding":[1]},{"index":1,"embedding":[1]}]}"#,
                json!({}),
                "numbered",
            ),
        ] {
            let told = embed(&[answer], more, &["a", "b"]).await.unwrap_err();
            assert!(told.contains(word), "{answer}: {told}");
        }
    }

    #[tokio::test]
    async fn a_vector_that_no_model_makes_is_not_stored() {
        let of_length =
            |length: usize| json!({"data": [{"embedding": vec![1; length]}]}).to_string();
        let most = embed(&[&of_length(MAX_DIMENSIONS)], json!({}), &["a"]).await;
        assert_eq!(most.unwrap()[0].len(), MAX_DIMENSIONS);
        let told = embed(&[&of_length(MAX_DIMENSIONS + 1)], json!({}), &["a"]).await.unwrap_err();
        assert!(told.contains("16384"), "{told}");
    }

    #[test]
    fn another_address_has_another_identity_and_the_same_one_keeps_its_settings() {
        let settings: Settings = serde_json::from_value(json!({
            "base_url": "https://A.example/v1/", "model": "m", "dimensions": 3
        }))
        .unwrap();
        let at = |base_url: &str, model: &str| {
            let chosen = ModelSetting {
                provider: crate::domain::ModelProvider::Compatible,
                base_url: base_url.into(),
                model: model.into(),
                api_key: None,
                trusted: false,
            };
            Openai::new(&settings.at(&chosen)).unwrap().identity
        };
        frontdesk_endpoint::scripted::crypto();
        assert_eq!(at("https://a.example/v1", "m"), "openai/m/3");
        assert_eq!(at("https://a.example/v1", "n"), "openai/n/default");
        let elsewhere = at("https://b.example/v1", "m");
        assert!(elsewhere.starts_with("openai/m/default/"), "{elsewhere}");
        assert!(elsewhere != at("https://c.example/v1", "m"));
    }

    #[test]
    fn wrong_settings_are_named() {
        let wrong = |settings: Value| match serde_json::from_value::<Settings>(settings) {
            Ok(settings) => Openai::new(&settings).err().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert!(wrong(json!({"dimension": 3})).contains("dimensions"));
        assert!(wrong(json!({"batch": 0})).contains("batch"));
        assert!(wrong(json!({"model": ""})).contains("model"));
    }
}
