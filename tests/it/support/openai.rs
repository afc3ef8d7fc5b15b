//! A fake OpenAI-compatible server: chat, embeddings, transcriptions, models, rerank. Must stay
//! simple: answers are scripted, and embeddings compare words.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use futures::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::fake::{
    Climate, Failure, Failures, Refusal, Running, Weather, cut, json as answer, listen, pause,
    refusal,
};
use super::form::{Recorded, read};

/// Returns the answer to a request from its body.
type Script = Arc<dyn Fn(&Value) -> String + Send + Sync>;

/// Embedding dimensions when a request does not set them.
const DIMENSIONS: usize = 256;

/// The fake server, on its own port until it is dropped.
pub(crate) struct OpenAi {
    /// Value for `base_url`; ends with `/v1`.
    pub(crate) url: String,
    state: Arc<Shared>,
    _running: Running,
}

struct Shared {
    key: Mutex<Option<String>>,
    script: Mutex<Script>,
    delay: Mutex<Duration>,
    held: watch::Sender<bool>,
    transcriptions_held: watch::Sender<bool>,
    hung_up: AtomicU64,
    climate: Climate,
    transcripts: Mutex<HashMap<Vec<u8>, Value>>,
    chats: Mutex<Vec<Value>>,
    embedded: Mutex<Vec<Value>>,
    reranked: Mutex<Vec<Value>>,
    recorded: Mutex<Vec<Recorded>>,
    count: AtomicU64,
    requests: AtomicU64,
    failures: Failures,
}

impl OpenAi {
    /// Starts the server. By default a chat is answered with `ANSWER: ` and the start of the last
    /// message.
    pub(crate) async fn start() -> Self {
        let (listener, url) = listen().await;
        let state = Arc::new(Shared {
            key: Mutex::default(),
            script: Mutex::new(Arc::new(echo)),
            delay: Mutex::default(),
            held: watch::Sender::new(false),
            transcriptions_held: watch::Sender::new(false),
            hung_up: AtomicU64::new(0),
            climate: Climate::default(),
            transcripts: Mutex::default(),
            chats: Mutex::default(),
            embedded: Mutex::default(),
            reranked: Mutex::default(),
            recorded: Mutex::default(),
            count: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: Failures::default(),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/audio/transcriptions", post(transcriptions))
            .route("/v1/models", get(models))
            .route("/v1/rerank", post(rerank))
            .layer(from_fn_with_state(Arc::clone(&state), authorize))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        let url = format!("{url}/v1");
        Self { url, state, _running: Running::serve(listener, router) }
    }

    /// Makes the closure answer chats from the request's body.
    pub(crate) fn answer_with(&self, script: impl Fn(&Value) -> String + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Arc::new(script);
    }

    /// Delays the answer to every chat.
    pub(crate) fn delay(&self, time: Duration) {
        *self.state.delay.lock().unwrap() = time;
    }

    /// Holds all chats until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.state.held.send_replace(true);
    }

    /// Answers the held chats and stops holding.
    pub(crate) fn release(&self) {
        self.state.held.send_replace(false);
    }

    /// Holds all transcriptions until [`Self::release_recordings`].
    pub(crate) fn hold_recordings(&self) {
        self.state.transcriptions_held.send_replace(true);
    }

    /// Transcribes the held recordings and stops holding.
    pub(crate) fn release_recordings(&self) {
        self.state.transcriptions_held.send_replace(false);
    }

    /// Returns the number of transcriptions whose client closed the connection before the answer.
    pub(crate) fn cancelled_transcriptions(&self) -> u64 {
        self.state.hung_up.load(Ordering::SeqCst)
    }

    /// Lets the closure decide the conditions of every chat from the request's body.
    pub(crate) fn set_conditions(
        &self,
        forecast: impl Fn(&Value) -> Weather + Send + Sync + 'static,
    ) {
        self.state.climate.set(forecast);
    }

    /// Makes the next `n` chats fail.
    pub(crate) fn fail_next(&self, n: usize, failure: &Failure) {
        self.fail_next_at("/v1/chat/completions", n, failure);
    }

    /// Makes the next `n` requests to a path fail, such as `/v1/embeddings`.
    pub(crate) fn fail_next_at(&self, path: &str, n: usize, failure: &Failure) {
        self.state.failures.add(n, failure, Some(path));
    }

    /// Returns how many requests of any kind came.
    pub(crate) fn request_count(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Refuses every request without this key.
    pub(crate) fn require_key(&self, key: &str) {
        *self.state.key.lock().unwrap() = Some(key.to_owned());
    }

    /// Sets the transcript of a recording and its language as Whisper names it (`english`). Other
    /// recordings are refused.
    pub(crate) fn put_transcript(&self, bytes: &[u8], text: &str, language: &str) {
        self.put_verbose(
            bytes,
            json!({"language": language, "duration": 2.5, "text": text, "segments": segments(text)}),
        );
    }

    /// Like [`Self::put_transcript`], with the whole `verbose_json` response.
    pub(crate) fn put_verbose(&self, bytes: &[u8], answer: Value) {
        let mut transcripts = self.state.transcripts.lock().unwrap();
        transcripts.insert(Sha256::digest(bytes).to_vec(), answer);
    }

    /// Returns the bodies of all chats, in order.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.state.chats.lock().unwrap().clone()
    }

    /// Returns the bodies of all embedding requests, in order.
    pub(crate) fn embedded(&self) -> Vec<Value> {
        self.state.embedded.lock().unwrap().clone()
    }

    /// Returns the bodies of all rerank requests, in order.
    pub(crate) fn rerank_requests(&self) -> Vec<Value> {
        self.state.reranked.lock().unwrap().clone()
    }

    /// Returns all recordings sent for transcription, in order.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.state.recorded.lock().unwrap().clone()
    }

    /// Returns the number of chats answered or begun.
    pub(crate) fn chat_count(&self) -> u64 {
        self.state.count.load(Ordering::SeqCst)
    }
}

/// The default answer.
fn echo(request: &Value) -> String {
    format!("ANSWER: {}", question(request).chars().take(200).collect::<String>())
}

/// Returns the last message of a chat request: the passages and the question.
pub(crate) fn last_message(request: &Value) -> &str {
    let last = request["messages"].as_array().and_then(|messages| messages.last());
    let content = last.map(|message| &message["content"]);
    // Beside pictures, the text is the first part.
    content.and_then(|it| it.as_str().or_else(|| it[0]["text"].as_str())).unwrap_or_default()
}

/// Returns the customer's words at the end of a chat request.
pub(crate) fn question(request: &Value) -> &str {
    written(last_message(request))
}

/// Returns the customer's words in a message of a chat request: an earlier one is nothing else.
pub(crate) fn written(content: &str) -> &str {
    content.rsplit_once("\nThe customer writes:\n").map_or(content, |(_, words)| words)
}

async fn authorize(
    State(state): State<Arc<Shared>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, Refusal> {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let expected = state.key.lock().unwrap().as_ref().map(|key| format!("Bearer {key}"));
    let given = request.headers().get("authorization").and_then(|key| key.to_str().ok());
    if expected.is_some() && given != expected.as_deref() {
        let told = given.unwrap_or("none");
        return Err(wrong(401, "invalid_api_key", &format!("Incorrect API key provided: {told}")));
    }
    let path = request.uri().path().to_owned();
    let then_cut = state.failures.play(&path).await?;
    let mut request = request;
    request.extensions_mut().insert(Half(then_cut));
    let response = next.run(request).await;
    let streams =
        response.headers().get("content-type").is_some_and(|it| it == "text/event-stream");
    if then_cut && !streams { cut() } else { Ok(response) }
}

/// Whether a stream is cut half-way.
#[derive(Clone, Copy)]
struct Half(bool);

async fn chat(
    State(state): State<Arc<Shared>>,
    axum::Extension(half): axum::Extension<Half>,
    body: Bytes,
) -> Result<Response, Refusal> {
    state.count.fetch_add(1, Ordering::SeqCst);
    let request: Value =
        serde_json::from_slice(&body).map_err(|_| wrong(400, "invalid_json", "Not JSON"))?;
    let usual = || Weather { before: *state.delay.lock().unwrap(), ..Weather::default() };
    let weather = state.climate.conditions_for(&request).unwrap_or_else(usual);
    pause(weather.before).await;
    drop(state.held.subscribe().wait_for(|held| !held).await);
    let then_cut = match weather.failure {
        Some(failure) => failure.play().await?,
        None => false,
    };
    if request["model"].as_str().is_none_or(str::is_empty) || !request["messages"].is_array() {
        return Err(wrong(400, "missing_parameter", "model and messages are required"));
    }
    state.chats.lock().unwrap().push(request.clone());
    pause(weather.after).await;
    if then_cut {
        cut();
    }
    let script = Arc::clone(&*state.script.lock().unwrap());
    let text = script(&request);
    if request["stream"] == true {
        return Ok(stream(&request, &text, half));
    }
    let message = json!({"role": "assistant", "content": text, "refusal": null});
    Ok(answer(&json!({
        "id": "chatcmpl-fake", "object": "chat.completion", "created": 1_760_000_000,
        "model": request["model"], "usage": usage(&request, &text),
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
    })))
}

/// Streams the answer in chunks of one word.
fn stream(request: &Value, text: &str, half: Half) -> Response {
    let chunk = |choices: Value| {
        json!({
            "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_760_000_000,
            "model": request["model"], "choices": choices,
        })
    };
    let piece = |delta: Value, end: Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": end}]))
    };
    let mut events = vec![piece(json!({"role": "assistant", "content": ""}), Value::Null)];
    let words = text.split_inclusive(' ');
    events.extend(words.map(|word| piece(json!({"content": word}), Value::Null)));
    if half.0 {
        events.truncate(events.len().div_ceil(2));
        return events_then_cut(&events);
    }
    events.push(piece(json!({}), "stop".into()));
    if request["stream_options"]["include_usage"] == true {
        let mut last = chunk(json!([]));
        last["usage"] = usage(request, text);
        events.push(last);
    }
    let events: String = events.iter().map(event).collect();
    event_stream(Body::from(format!("{events}data: [DONE]\n\n")))
}

fn events_then_cut(events: &[Value]) -> Response {
    // An immediate error would cut the connection before the first bytes are sent.
    let cut = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(std::io::Error::other("cut"))
    };
    let begun = futures::stream::iter([Ok(events.iter().map(event).collect::<String>())]);
    event_stream(Body::from_stream(begun.chain(futures::stream::once(cut))))
}

fn event(event: &Value) -> String {
    format!("data: {event}\n\n")
}

fn event_stream(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

async fn embeddings(State(state): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refusal> {
    let request: Value =
        serde_json::from_slice(&body).map_err(|_| wrong(400, "invalid_json", "Not JSON"))?;
    let texts: Vec<&str> = match &request["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if texts.is_empty() || texts.iter().any(|text| text.is_empty()) {
        return Err(wrong(400, "invalid_input", "input cannot be an empty string"));
    }
    let length = request["dimensions"].as_u64().and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(DIMENSIONS);
    let embed = |(index, text): (usize, &&str)| json!({"object": "embedding", "index": index, "embedding": embedding(text, length)});
    let data: Vec<_> = texts.iter().enumerate().map(embed).collect();
    let tokens: usize = texts.iter().map(|text| text.len().div_ceil(4)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let response =
        json!({"object": "list", "data": data, "model": request["model"], "usage": usage});
    state.embedded.lock().unwrap().push(request);
    Ok(answer(&response))
}

/// Returns a text as a unit vector. Each word counts in the dimension of its hash, so that texts
/// with common words are similar.
pub(crate) fn embedding(text: &str, length: usize) -> Vec<f32> {
    let mut vector = vec![0.0f32; length];
    let text = text.to_lowercase();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
    {
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let place = usize::try_from((hash >> 8) % length as u64).unwrap();
        vector[place] += if hash & 1 == 0 { 1.0 } else { -1.0 };
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        for x in &mut vector {
            *x /= norm;
        }
    } else {
        vector[0] = 1.0;
    }
    vector
}

async fn transcriptions(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let recorded =
        read(kind, &body).ok_or_else(|| wrong(400, "invalid_form", "file is required"))?;
    let plain = recorded.fields.get("response_format").is_none_or(|format| format == "json");
    let digest = Sha256::digest(&recorded.bytes).to_vec();
    state.recorded.lock().unwrap().push(recorded);
    let unanswered = Unanswered(&state);
    drop(state.transcriptions_held.subscribe().wait_for(|held| !held).await);
    std::mem::forget(unanswered);
    match state.transcripts.lock().unwrap().get(&digest) {
        None => Err(wrong(400, "unknown_audio", "no transcript was put for this recording")),
        Some(put) if plain => Ok(answer(&json!({"text": put["text"]}))),
        Some(put) => Ok(answer(put)),
    }
}

/// A recording that waits for its transcript; dropped when the client disconnects.
struct Unanswered<'a>(&'a Shared);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.hung_up.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns one segment that spans the recording, with a probability of 0.9.
fn segments(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!([]);
    }
    json!([{"id": 0, "start": 0.0, "end": 2.5, "text": text, "avg_logprob": 0.9_f64.ln()}])
}

/// Scores texts by how early they contain the word that ends the model's name: `prefers-refunds`.
/// Answers in the format of the request: Cohere or text-embeddings-inference.
async fn rerank(State(state): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refusal> {
    let request: Value =
        serde_json::from_slice(&body).map_err(|_| wrong(400, "invalid_json", "Not JSON"))?;
    let cohere = request["documents"].is_array();
    let texts = if cohere { &request["documents"] } else { &request["texts"] };
    let texts = texts.as_array().ok_or_else(|| wrong(422, "invalid_input", "no texts"))?;
    let model = request["model"].as_str().unwrap_or_default();
    let word = model.rsplit('-').next().unwrap_or_default().to_lowercase();
    let score = |text: &Value| {
        let at = text.as_str().unwrap_or_default().to_lowercase().find(&word);
        at.map_or(0.01, |at| 1.0 / (2.0 + f64::from(u32::try_from(at).unwrap())))
    };
    let name = if cohere { "relevance_score" } else { "score" };
    let mut results: Vec<Value> =
        (0..texts.len()).map(|index| json!({"index": index, name: score(&texts[index])})).collect();
    results.sort_by(|a, b| b[name].as_f64().unwrap().total_cmp(&a[name].as_f64().unwrap()));
    state.reranked.lock().unwrap().push(request.clone());
    Ok(answer(&if cohere { json!({"id": "rr", "results": results}) } else { json!(results) }))
}

async fn models() -> Response {
    let model = |id| json!({"id": id, "object": "model", "created": 1, "owned_by": "fake"});
    let models = ["gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "whisper-1"].map(model);
    answer(&json!({"object": "list", "data": models}))
}

/// Estimates token usage at four characters per token.
fn usage(request: &Value, text: &str) -> Value {
    let input = request["messages"].to_string().len().div_ceil(4);
    let output = text.len().div_ceil(4);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

fn wrong(status: u16, code: &str, message: &str) -> Refusal {
    let kind = "invalid_request_error";
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    refusal(status, &json!({"error": error}), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    }

    async fn ask(server: &OpenAi, body: &Value) -> Result<String, reqwest::Error> {
        let url = format!("{}/chat/completions", server.url);
        client().post(url).json(body).send().await?.text().await
    }

    fn question(stream: bool) -> Value {
        let messages = [json!({"role": "user", "content": "When do you open?"})];
        let options = json!({"include_usage": true});
        json!({"model": "m", "messages": messages, "stream": stream, "stream_options": options})
    }

    #[tokio::test]
    async fn chats_are_answered_by_the_script_and_remembered() {
        let server = OpenAi::start().await;
        let told: Value =
            serde_json::from_str(&ask(&server, &question(false)).await.unwrap()).unwrap();
        assert_eq!(told["choices"][0]["message"]["content"], "ANSWER: When do you open?");
        server.answer_with(|request| format!("At nine, {}.", request["model"].as_str().unwrap()));
        let told = ask(&server, &question(true)).await.unwrap();
        assert!(
            told.contains("\"nine, \"") && told.contains("usage") && told.ends_with("[DONE]\n\n")
        );
        assert_eq!(server.requests(), [question(false), question(true)]);
        assert_eq!(server.chat_count(), 2);
    }

    #[tokio::test]
    async fn it_fails_when_told_to() {
        let server = OpenAi::start().await;
        server.fail_next(1, &Failure::Status(429, json!({"error": {}}), Some(2)));
        server.fail_next(1, &Failure::Drop);
        server.fail_next(2, &Failure::AcceptThenDrop);
        assert_eq!(ask(&server, &question(false)).await.unwrap(), r#"{"error":{}}"#);
        for stream in [false, false, true] {
            assert!(ask(&server, &question(stream)).await.is_err());
        }
        assert_eq!(server.requests().len(), 2);
        server.require_key("sk-1");
        assert!(ask(&server, &question(false)).await.unwrap().contains("invalid_api_key"));
    }

    #[test]
    fn texts_with_common_words_are_near() {
        let near = |a: &str, b: &str| -> f32 {
            embedding(a, 256).iter().zip(embedding(b, 256)).map(|(a, b)| a * b).sum()
        };
        let question = "When do you open on Sunday?";
        assert!(near(question, "On Sunday we open at ten.") > 0.4);
        assert!(near(question, "Refunds take five days.") < 0.3);
        assert!((near(question, question) - 1.0).abs() < 1e-5);
    }

    #[tokio::test]
    async fn recordings_are_known_by_their_bytes() {
        let server = OpenAi::start().await;
        let audio = b"OggS\r\n--x\r\n\xff";
        server.put_transcript(audio, "Open?", "english");
        let part = reqwest::multipart::Part::bytes(audio.to_vec()).file_name("a.ogg");
        let form = reqwest::multipart::Form::new().text("response_format", "verbose_json");
        let url = format!("{}/audio/transcriptions", server.url);
        let response = client().post(url).multipart(form.part("file", part)).send().await.unwrap();
        let told: Value = response.json().await.unwrap();
        assert_eq!((&told["text"], &told["language"]), (&json!("Open?"), &json!("english")));
        let recorded = &server.recorded()[0];
        assert_eq!((recorded.file_name.as_str(), recorded.bytes.as_slice()), ("a.ogg", &audio[..]));
    }

    #[tokio::test]
    async fn embeddings_have_the_length_that_is_asked_for() {
        let server = OpenAi::start().await;
        let body = json!({"model": "e", "input": ["a", "b c"], "dimensions": 8});
        let url = format!("{}/embeddings", server.url);
        let told = client().post(url).json(&body).send().await.unwrap();
        let told: Value = told.json().await.unwrap();
        assert_eq!(told["data"][1]["embedding"].as_array().unwrap().len(), 8);
        assert_eq!(server.embedded(), [body]);
    }
}
