//! A fake Meta Graph API: accepts messages like the real one, records them, and fails on demand.
//! Must not send webhooks by itself: tests build them with `hooks` and deliver them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::fake::{
    Climate, Failure, Failures, Refusal, Running, Weather, cut, json as answer, listen, pause,
    refusal,
};
use super::hooks::{News, sign, status_webhook};

mod kinds;
mod templates;
mod uploads;

pub(crate) use uploads::{SentFile, Upload};

/// The fake API, on its own port until it is dropped.
pub(crate) struct Graph {
    /// Base URL without version and without a trailing slash.
    pub(crate) url: String,
    state: Arc<Shared>,
    _running: Running,
}

/// An accepted message.
#[derive(Debug, Clone)]
pub(crate) struct SentMessage {
    /// Id of the sending number (`phone_number_id`).
    pub(crate) number: String,
    /// Recipient: the phone number with `+`, or the business-scoped id.
    pub(crate) to: String,
    pub(crate) text: String,
    /// Id of the quoted message.
    pub(crate) reply_to: Option<String>,
    /// Our reference (`biz_opaque_callback_data`).
    pub(crate) reference: Option<String>,
    /// Id that the fake assigned, `wamid.OUT…`.
    pub(crate) id: String,
    /// The template; `text` is then the value of its only parameter.
    pub(crate) template: Option<Template>,
    /// The components of the template, as they came.
    pub(crate) components: Value,
    /// The file; `text` is then its caption.
    pub(crate) file: Option<SentFile>,
    /// What came under the name of its type.
    pub(crate) content: Value,
    /// Time of arrival.
    pub(crate) received_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) name: String,
    pub(crate) language: String,
}

/// A read receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typing {
    /// Id of our number.
    pub(crate) number: String,
    /// Id of the customer's message.
    pub(crate) message_id: String,
    /// Whether the customer is shown a typing indicator.
    pub(crate) writing: bool,
}

#[derive(Default)]
struct Shared {
    url: String,
    is_proxied: bool,
    delay: Mutex<Duration>,
    late: Mutex<Duration>,
    climate: Climate,
    count: AtomicU64,
    taken: Notify,
    sent: Mutex<Vec<SentMessage>>,
    tried: Mutex<Vec<SentMessage>>,
    typing: Mutex<Vec<Typing>>,
    media: Mutex<HashMap<String, File>>,
    fetched: Mutex<Vec<String>>,
    failures: Failures,
    media_failures: Failures,
    uploads: Mutex<Vec<Upload>>,
    upload_failures: Failures,
    templates: Mutex<HashMap<String, Vec<Value>>>,
    template_reads: Mutex<usize>,
    template_requests: Mutex<Vec<Value>>,
    template_failures: Mutex<Vec<Value>>,
    user_ids: Mutex<HashMap<String, String>>,
}

struct File {
    bytes: Bytes,
    mime: String,
    /// Part of the URL; increasing it makes the old URL expire.
    edition: u64,
    expire_next: bool,
}

impl Graph {
    /// The only accepted access token.
    pub(crate) const TOKEN: &str = "graph-token";
    /// Secret of the app that the token belongs to.
    pub(crate) const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Answers a message to this phone with the business-scoped id of its owner, too.
    pub(crate) fn set_user_id(&self, phone: &str, id: &str) {
        self.state.user_ids.lock().unwrap().insert(phone.to_owned(), id.to_owned());
    }

    pub(crate) async fn start() -> Self {
        Self::start_behind("", |routes| routes).await
    }

    /// Starts it as a server that passes the API on below a path. `around` puts in front what that
    /// server does; files are at its own address.
    pub(crate) async fn start_behind(path: &str, around: impl FnOnce(Router) -> Router) -> Self {
        let (listener, url) = listen().await;
        let (own, is_proxied) = (format!("{url}{path}"), !path.is_empty());
        let state = Arc::new(Shared { url: own, is_proxied, ..Shared::default() });
        let routes = Router::new()
            .route("/{version}/{number}/messages", post(messages))
            .route("/{version}/{number}/media", post(uploads::take))
            .route(
                "/{version}/{account}/message_templates",
                get(templates::list).post(templates::create).delete(templates::delete),
            )
            .route("/{version}/{id}", get(media_info))
            .route("/media/{id}/{edition}", get(download))
            .with_state(Arc::clone(&state));
        Self { url, state, _running: Running::serve(listener, around(routes)) }
    }

    /// Returns the accepted messages, in order.
    pub(crate) fn sent(&self) -> Vec<SentMessage> {
        self.sent_after(0)
    }

    /// Returns the accepted messages after the first `n`, in order.
    pub(crate) fn sent_after(&self, n: usize) -> Vec<SentMessage> {
        self.state.sent.lock().unwrap()[n..].to_vec()
    }

    /// Returns every message that arrived, in order: accepted, refused or dropped.
    pub(crate) fn tried(&self) -> Vec<SentMessage> {
        self.state.tried.lock().unwrap().clone()
    }

    /// Returns the number of accepted messages.
    pub(crate) fn sent_count(&self) -> u64 {
        self.state.count.load(Ordering::SeqCst)
    }

    /// Waits up to `limit` for `n` accepted messages and returns whether they arrived.
    pub(crate) async fn wait_sent(&self, n: u64, limit: Duration) -> bool {
        let enough = async {
            loop {
                let next = self.state.taken.notified();
                if self.sent_count() >= n {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(limit, enough).await.is_ok()
    }

    /// Returns the read receipts, in order.
    pub(crate) fn read_receipts(&self) -> Vec<Typing> {
        self.state.typing.lock().unwrap().clone()
    }

    /// Makes a customer's file available for download.
    pub(crate) fn put_media(&self, id: &str, bytes: &[u8], mime: &str) {
        let file = File {
            bytes: Bytes::copy_from_slice(bytes),
            mime: mime.to_owned(),
            edition: 0,
            expire_next: false,
        };
        self.state.media.lock().unwrap().insert(id.to_owned(), file);
    }

    /// Drops a file, as Meta does after some days.
    pub(crate) fn drop_media(&self, id: &str) {
        self.state.media.lock().unwrap().remove(id);
    }

    /// Makes the URL of a file expire before the next download: that URL answers 404, a new one
    /// works.
    pub(crate) fn expire_media_url_once(&self, id: &str) {
        self.state.media.lock().unwrap().get_mut(id).unwrap().expire_next = true;
    }

    /// Returns the requests for customers' files, in order: `where ID`, then `file ID`.
    pub(crate) fn media_requests(&self) -> Vec<String> {
        self.state.fetched.lock().unwrap().clone()
    }

    /// Makes the next `n` messages fail.
    pub(crate) fn fail_next(&self, n: usize, failure: &Failure) {
        self.state.failures.add(n, failure, None);
    }

    /// Makes the next `n` messages to one recipient (as in `to`) fail.
    pub(crate) fn fail_next_to(&self, to: &str, n: usize, failure: &Failure) {
        self.state.failures.add(n, failure, Some(to));
    }

    /// Makes the next `n` file downloads fail.
    pub(crate) fn fail_next_media(&self, n: usize, failure: &Failure) {
        self.state.media_failures.add(n, failure, None);
    }

    /// Delays the handling and the response of every message.
    pub(crate) fn delay(&self, time: Duration) {
        *self.state.delay.lock().unwrap() = time;
    }

    /// Accepts every message at once but delays the response: a caller that dies meanwhile does not
    /// learn of it.
    pub(crate) fn delay_response(&self, time: Duration) {
        *self.state.late.lock().unwrap() = time;
    }

    /// Lets the closure decide the conditions of every message from the request's body.
    pub(crate) fn set_conditions(
        &self,
        forecast: impl Fn(&Value) -> Weather + Send + Sync + 'static,
    ) {
        self.state.climate.set(forecast);
    }

    /// Returns an error in the format of the Graph API, for a [`Failure`]. PROVIDERS.md section
    /// 1.11 lists the codes.
    pub(crate) fn error(code: i64, message: &str) -> Value {
        let kind = "OAuthException";
        json!({"error": {"message": message, "type": kind, "code": code, "fbtrace_id": "AFake"}})
    }
}

impl SentMessage {
    /// Returns the status webhook of this message.
    pub(crate) fn status_webhook(&self, status: &str) -> Vec<u8> {
        self.news(status, None)
    }

    /// Returns the webhook which says that this message failed after all.
    pub(crate) fn failed_webhook(&self, code: i64, title: &str) -> Vec<u8> {
        self.news("failed", Some((code, title)))
    }

    fn news(&self, status: &str, error: Option<(i64, &str)>) -> Vec<u8> {
        let news = News {
            id: &self.id,
            status,
            recipient: self.to.trim_start_matches('+'),
            reference: self.reference.as_deref(),
            error,
        };
        status_webhook(&self.number, news)
    }
}

async fn messages(
    State(state): State<Arc<Shared>>,
    Path((version, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| wrong("Invalid JSON"))?;
    if body["messaging_product"] != "whatsapp" {
        return Err(wrong("The parameter messaging_product is required."));
    }
    if body["status"] == "read" {
        return state.mark_read(number, &body);
    }
    let message = read_message(&state, number, &body)?;
    state.tried.lock().unwrap().push(message.clone());
    let weather = state.climate.conditions_for(&body).unwrap_or_else(|| state.usual());
    pause(weather.before).await;
    let then_cut = match weather.failure {
        Some(failure) => failure.play().await?,
        None => state.failures.play(&message.to).await?,
    };
    let response = state.take(message);
    pause(weather.after).await;
    if then_cut { cut() } else { Ok(response) }
}

impl Shared {
    /// The conditions when no closure is set.
    fn usual(&self) -> Weather {
        let (before, after) = (*self.delay.lock().unwrap(), *self.late.lock().unwrap());
        Weather { before, failure: None, after }
    }

    fn mark_read(&self, number: String, body: &Value) -> Result<Response, Refusal> {
        let message_id = body["message_id"].as_str();
        let message_id =
            message_id.ok_or_else(|| wrong("The parameter message_id is required."))?;
        let writing = body["typing_indicator"]["type"] == "text";
        let message_id = message_id.to_owned();
        self.typing.lock().unwrap().push(Typing { number, message_id, writing });
        Ok(answer(&json!({"success": true})))
    }

    fn take(&self, mut message: SentMessage) -> Response {
        // Holding the lock keeps the ids in the order of the messages.
        let mut sent = self.sent.lock().unwrap();
        let n = self.count.load(Ordering::SeqCst) + 1;
        message.id = format!("wamid.OUT{n:06}");
        let contact = match message.to.strip_prefix('+') {
            Some(digits) => match self.user_ids.lock().unwrap().get(digits) {
                Some(id) => json!({"input": message.to, "wa_id": digits, "user_id": id}),
                None => json!({"input": message.to, "wa_id": digits}),
            },
            None => json!({"input": message.to, "user_id": message.to}),
        };
        let response = json!({
            "messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.id}],
        });
        sent.push(message);
        self.count.store(n, Ordering::SeqCst);
        drop(sent);
        self.taken.notify_waiters();
        answer(&response)
    }
}

/// Validates a message as strictly as Meta documents it; PROVIDERS.md section 1.9.
fn read_message(state: &Shared, number: String, body: &Value) -> Result<SentMessage, Refusal> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let to = match (text(&body["to"]), text(&body["recipient"])) {
        (Some(to), _) if is_phone(&to) => to,
        (Some(_), _) => return Err(wrong("Param to must be + and the digits of a phone number.")),
        (None, Some(recipient)) if recipient.contains('.') => recipient,
        _ => return Err(wrong("The parameter to is required.")),
    };
    let (mut template, mut file) = (None, None);
    let words = match body["type"].as_str() {
        Some("text") => text(&body["text"]["body"]).unwrap_or_default(),
        Some("template") => {
            let (used, words) = read_template(&body["template"])?;
            state.check_values(&body["template"])?;
            file = state.header_file(&body["template"])?;
            template = used;
            words
        }
        Some(kind @ ("interactive" | "location" | "contacts" | "reaction")) => {
            kinds::read(kind, &body[kind])?
        }
        Some(kind) => {
            let (sent, caption) = state.read_file(kind, &body[kind])?;
            file = Some(sent);
            caption
        }
        None => return Err(wrong("The parameter type is required.")),
    };
    if words.is_empty() && template.is_none() && file.is_none() {
        return Err(wrong("The parameter text['body'] is required."));
    }
    if words.encode_utf16().count() > 4096 {
        return Err(wrong("Param text['body'] must be at most 4096 characters long."));
    }
    let reference = text(&body["biz_opaque_callback_data"]);
    if reference.as_ref().is_some_and(|reference| reference.len() > 512) {
        return Err(wrong("Param biz_opaque_callback_data must be at most 512 characters long."));
    }
    let reply_to = text(&body["context"]["message_id"]);
    let (id, came_at) = (String::new(), Instant::now());
    Ok(SentMessage {
        number,
        to,
        text: words,
        reply_to,
        reference,
        id,
        template,
        components: body["template"]["components"].clone(),
        file,
        content: body[body["type"].as_str().unwrap_or_default()].clone(),
        received_at: came_at,
    })
}

/// Parses a template and the value of its parameter; PROVIDERS.md section 1.9.
fn read_template(body: &Value) -> Result<(Option<Template>, String), Refusal> {
    let required = |value: &Value| {
        let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        text.ok_or_else(|| wrong("The parameters template['name'] and ['language'] are required."))
    };
    let template =
        Template { name: required(&body["name"])?, language: required(&body["language"]["code"])? };
    let components = body["components"].as_array().into_iter().flatten();
    let places = components.filter(|one| one["type"] == "body");
    let places = places.flat_map(|one| one["parameters"].as_array().into_iter().flatten());
    let mut words = Vec::new();
    for place in places {
        let text = place["text"].as_str().filter(|_| place["type"] == "text");
        let text = text.filter(|text| !text.is_empty() && !text.contains(['\n', '\t']));
        let refuse =
            || refusal(400, &Graph::error(132_012, "Parameter format does not match"), None);
        words.push(text.ok_or_else(refuse)?);
    }
    Ok((Some(template), words.join("|")))
}

fn is_phone(to: &str) -> bool {
    let digits = to.strip_prefix('+').unwrap_or_default();
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

async fn media_info(
    State(state): State<Arc<Shared>>,
    Path((version, id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    if !query.contains_key("fields") {
        state.fetched.lock().unwrap().push(format!("where {id}"));
    }
    if let Some(file) = state.media.lock().unwrap().get(&id) {
        let url = format!("{}/media/{id}/{}", state.url, file.edition);
        let mut info = json!({
            "messaging_product": "whatsapp", "url": url, "mime_type": file.mime,
            "sha256": hex::encode(Sha256::digest(&file.bytes)), "file_size": file.bytes.len(), "id": id,
        });
        if state.is_proxied {
            let at_meta = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1";
            info["download_url"] = std::mem::replace(&mut info["url"], at_meta.into());
        }
        return Ok(answer(&info));
    }
    if !id.bytes().all(|byte| byte.is_ascii_digit()) || !query.contains_key("fields") {
        return Err(unknown(&id));
    }
    let proof = sign(Graph::APP_SECRET, Graph::TOKEN.as_bytes()).replace("sha256=", "");
    if query.get("appsecret_proof").is_some_and(|given| *given != proof) {
        return Err(wrong("Invalid appsecret_proof provided in the API argument"));
    }
    if id.starts_with("404") {
        return Err(unknown(&id));
    }
    let mut number = json!({
        "display_phone_number": "+1 555-078-3881", "verified_name": "Fake Business",
        "quality_rating": "GREEN", "platform_type": "CLOUD_API",
        "code_verification_status": "VERIFIED", "throughput": {"level": "STANDARD"},
    });
    let asked: Vec<_> = query["fields"].split(',').collect();
    number.as_object_mut().unwrap().retain(|name, _| asked.contains(&name.as_str()));
    number["id"] = id.into();
    Ok(answer(&number))
}

async fn download(
    State(state): State<Arc<Shared>>,
    Path((id, edition)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    state.fetched.lock().unwrap().push(format!("file {id}"));
    authorize(&headers)?;
    let then_cut = state.media_failures.play(&id).await?;
    let mut media = state.media.lock().unwrap();
    let file = media.get_mut(&id).ok_or_else(|| unknown(&id))?;
    if std::mem::take(&mut file.expire_next) {
        file.edition += 1;
    }
    if file.edition != edition {
        return Err(refusal(404, &"URL expired".into(), None));
    }
    let (bytes, mime) = (file.bytes.clone(), file.mime.clone());
    drop(media);
    if then_cut {
        cut();
    }
    Ok(Response::builder().header("content-type", mime).body(Body::from(bytes)).unwrap())
}

fn authorize(headers: &HeaderMap) -> Result<(), Refusal> {
    let expected = format!("Bearer {}", Graph::TOKEN);
    if headers.get("authorization").is_some_and(|given| given == expected.as_str()) {
        return Ok(());
    }
    Err(refusal(401, &Graph::error(190, "Invalid OAuth access token."), None))
}

fn known_version(version: &str) -> Result<(), Refusal> {
    let number = version.strip_prefix('v').and_then(|number| number.parse::<f32>().ok());
    number.map(|_| ()).ok_or_else(|| refusal(400, &Graph::error(2635, "Unknown path"), None))
}

fn wrong(message: &str) -> Refusal {
    refusal(400, &Graph::error(100, &format!("(#100) {message}")), None)
}

fn unknown(id: &str) -> Refusal {
    let mut error = Graph::error(
        100,
        &format!(
            "Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation."
        ),
    );
    error["error"]["type"] = "GraphMethodException".into();
    error["error"]["error_subcode"] = 33.into();
    refusal(400, &error, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    }

    async fn send(graph: &Graph, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let request = client().post(format!("{}/v23.0/106/messages", graph.url));
        let response = request.bearer_auth(Graph::TOKEN).json(body).send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    }

    fn text(to: &str, words: &str) -> Value {
        json!({
            "messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": words},
            "biz_opaque_callback_data": "ref", "context": {"message_id": "wamid.IN"},
        })
    }

    #[tokio::test]
    async fn messages_are_taken_and_remembered() {
        let graph = Graph::start().await;
        let (status, body) = send(&graph, &text("+447700", "Hello")).await.unwrap();
        assert_eq!((status, &body["messages"][0]["id"]), (200, &json!("wamid.OUT000001")));
        assert_eq!(body["contacts"][0]["wa_id"], "447700");
        let sent = &graph.sent()[0];
        assert_eq!((sent.number.as_str(), sent.text.as_str()), ("106", "Hello"));
        assert_eq!(sent.reply_to.as_deref(), Some("wamid.IN"));
        let hook: Value = serde_json::from_slice(&sent.status_webhook("read")).unwrap();
        let status = &hook["entry"][0]["changes"][0]["value"]["statuses"][0];
        assert_eq!(status["biz_opaque_callback_data"], "ref");
    }

    #[tokio::test]
    async fn what_meta_refuses_is_refused() {
        let graph = Graph::start().await;
        let long = "👍".repeat(2049);
        for body in [
            json!({}),
            text("447700", "no plus"),
            text("+447700", ""),
            text("+447700", &long),
            json!({"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}),
            json!({"messaging_product": "whatsapp", "status": "read"}),
        ] {
            let (status, answer) = send(&graph, &body).await.unwrap();
            assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)), "{body}");
        }
        let request = client().post(format!("{}/v23.0/106/messages", graph.url)).bearer_auth("x");
        let response = request.json(&text("+447700", "x")).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(graph.sent_count(), 0);
    }

    #[tokio::test]
    async fn a_template_is_taken_with_one_line_in_its_place() {
        let graph = Graph::start().await;
        let template = |words: &str| {
            let place = json!({"type": "text", "text": words});
            json!({
                "messaging_product": "whatsapp", "to": "+447700", "type": "template",
                "template": {
                    "name": "hello", "language": {"code": "en_US"},
                    "components": [{"type": "body", "parameters": [place]}],
                },
            })
        };
        assert_eq!(send(&graph, &template("Two words")).await.unwrap().0, 200);
        let (status, answer) = send(&graph, &template("Two\nlines")).await.unwrap();
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(132_012)));
        let sent = graph.sent();
        let (name, language) = ("hello".to_owned(), "en_US".to_owned());
        assert_eq!(sent[0].template, Some(Template { name, language }));
        assert_eq!((sent.len(), sent[0].text.as_str(), graph.tried().len()), (1, "Two words", 1));
    }

    #[tokio::test]
    async fn it_fails_when_told_to() {
        let graph = Graph::start().await;
        let busy = Failure::Status(400, Graph::error(131_056, "pair rate"), Some(7));
        graph.fail_next_to("+447701", 1, &busy);
        assert_eq!(send(&graph, &text("+447700", "a")).await.unwrap().0, 200);
        let (status, body) = send(&graph, &text("+447701", "b")).await.unwrap();
        assert_eq!((status, &body["error"]["code"]), (400, &json!(131_056)));
        graph.fail_next(1, &Failure::Drop);
        graph.fail_next(1, &Failure::AcceptThenDrop);
        assert!(send(&graph, &text("+447700", "c")).await.is_err());
        assert!(send(&graph, &text("+447700", "d")).await.is_err());
        let sent: Vec<_> = graph.sent().into_iter().map(|sent| sent.text).collect();
        assert_eq!(sent, ["a", "d"]);
        assert!(graph.wait_sent(2, Duration::ZERO).await);
        assert!(!graph.wait_sent(3, Duration::from_millis(10)).await);
    }

    #[tokio::test]
    async fn media_are_fetched_with_the_token_from_an_address_that_expires() {
        let graph = Graph::start().await;
        graph.put_media("77", b"OggS", "audio/ogg");
        let get =
            async |url: String| client().get(url).bearer_auth(Graph::TOKEN).send().await.unwrap();
        let address = async || {
            let info: Value = get(format!("{}/v23.0/77", graph.url)).await.json().await.unwrap();
            info["url"].as_str().unwrap().to_owned()
        };
        graph.expire_media_url_once("77");
        let old = address().await;
        assert_eq!(get(old.clone()).await.status(), 404);
        assert_eq!(get(old).await.status(), 404);
        let fresh = address().await;
        assert_eq!(client().get(&fresh).send().await.unwrap().status(), 401);
        assert_eq!(get(fresh).await.bytes().await.unwrap(), "OggS");
        assert_eq!(get(format!("{}/v23.0/78", graph.url)).await.status(), 400);
    }

    #[tokio::test]
    async fn numbers_and_read_marks_are_known() {
        let graph = Graph::start().await;
        let url = format!("{}/v23.0/106?fields=verified_name,id", graph.url);
        let number = client().get(url).bearer_auth(Graph::TOKEN).send().await.unwrap();
        let number: Value = number.json().await.unwrap();
        assert_eq!(number, json!({"verified_name": "Fake Business", "id": "106"}));
        let body = json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN",
            "typing_indicator": {"type": "text"},
        });
        assert_eq!(send(&graph, &body).await.unwrap(), (200, json!({"success": true})));
        assert!(graph.read_receipts()[0].writing && graph.sent().is_empty());
    }

    #[tokio::test]
    async fn captured_requests_are_taken() {
        let graph = Graph::start().await;
        for name in ["text_reply", "text_with_tracker", "text_to_bsuid", "mark_read_with_typing"] {
            let Some(body) = super::super::hooks::captured(&format!("out.edge.{name}")) else {
                return;
            };
            let (status, answer) = send(&graph, &body).await.unwrap();
            assert_eq!(status, 200, "{name}: {answer}");
        }
        assert_eq!((graph.sent().len(), graph.read_receipts().len()), (3, 1));
    }
}
