//! A fake server of Evolution API 2.3: answers as the captures of a running one do, records what it
//! got, and fails on demand. Must not send webhooks by itself: tests build them here and deliver
//! them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fake::{Failure, Failures, Refusal, Running, cut, json as answer, listen, refusal};

/// Digits of the phone that is paired with the instance.
const OUR_PHONE: &str = "15550783881";

/// The fake server, on its own port until it is dropped.
pub(crate) struct Evolution {
    /// Base URL without a trailing slash.
    pub(crate) url: String,
    state: Arc<Shared>,
    _running: Running,
}

/// A request that sent something.
#[derive(Debug, Clone)]
pub(crate) struct SentMessage {
    /// The method, such as `sendText`.
    pub(crate) method: String,
    /// To whom: digits, or a JID.
    pub(crate) number: String,
    /// The text, or the caption.
    pub(crate) text: String,
    /// The body of the request.
    pub(crate) body: Value,
    /// Id that the fake assigned.
    pub(crate) id: String,
    /// The message as the server stores it: its answer, and the data of `send.message`.
    pub(crate) stored: Value,
}

#[derive(Default)]
struct Shared {
    sent: Mutex<Vec<SentMessage>>,
    chats: Mutex<Vec<(String, Value)>>,
    files: Mutex<HashMap<String, Vec<u8>>>,
    strangers: Mutex<HashSet<String>>,
    /// Messages that it stored, oldest first.
    stored: Mutex<Vec<Value>>,
    failures: Failures,
    instance: Mutex<Instance>,
    instance_failures: Failures,
}

/// The instance, as its manager shows it.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// Whether there is one.
    pub(crate) exists: bool,
    /// `open`, `connecting` or `close`.
    pub(crate) state: &'static str,
    /// How many QR codes were made since the pairing began.
    pub(crate) codes: u32,
    /// The phone that a pairing code is for.
    pub(crate) phone: Option<String>,
    /// Why it was disconnected.
    pub(crate) reason: Option<i64>,
    /// What was last set.
    pub(crate) webhook: Value,
    /// The same of its settings.
    pub(crate) settings: Value,
    /// How many requests asked for its state.
    pub(crate) asked: usize,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            exists: true,
            state: "open",
            codes: 0,
            phone: None,
            reason: None,
            webhook: Value::Null,
            settings: json!({
                "rejectCall": false, "msgCall": "", "groupsIgnore": true, "alwaysOnline": true, "readMessages": false, "readStatus": false,
                "syncFullHistory": false, "wavoipToken": "",
            }),
            asked: 0,
        }
    }
}

impl Instance {
    /// What `connect` answers while a phone is waited for.
    fn codes(&self) -> Value {
        json!({
            "pairingCode": self.phone.as_ref().map(|_| format!("WZYEH1Y{}", self.codes)), "code": format!("2@qr-{}", self.codes),
            "base64": "data:image/png;base64,iVBORw0KGgo=", "count": self.codes,
        })
    }
}

impl Evolution {
    /// The only accepted key.
    pub(crate) const KEY: &str = "01492DAA-9705-473C-A00C-90B227F125D2";
    /// The only instance.
    pub(crate) const INSTANCE: &str = "shop1";
    /// Secret that its webhooks carry.
    pub(crate) const SECRET: &str = "webhook-secret-of-shop1";

    pub(crate) async fn start() -> Self {
        let (listener, url) = listen().await;
        let state = Arc::new(Shared::default());
        let router = Router::new()
            .route("/message/{method}/{instance}", post(messages))
            .route("/chat/{method}/{instance}", post(chats))
            .route("/instance/connectionState/{instance}", get(connection))
            .route("/instance/create", post(create))
            .route("/instance/connect/{instance}", get(connect))
            .route("/instance/restart/{instance}", post(restart))
            .route("/instance/logout/{instance}", delete(log_out))
            .route("/instance/delete/{instance}", delete(remove))
            .route("/webhook/set/{instance}", post(set_webhook))
            .route("/settings/find/{instance}", get(settings))
            .route("/settings/set/{instance}", post(set_settings))
            .route("/instance/fetchInstances", get(instances))
            .fallback(unknown_path)
            .with_state(Arc::clone(&state));
        Self { url, state, _running: Running::serve(listener, router) }
    }

    /// The configuration section of a number of this server.
    pub(crate) fn number(&self) -> String {
        format!(
            "[numbers.linked]\nprovider = \"evolution\"\nagent = \"acme\"\nserver_url = \"{}\"\ninstance = \"{}\"\n\
             api_key = \"{}\"\nwebhook_secret = \"{}\"\nrate = 1000\n",
            self.url,
            Self::INSTANCE,
            Self::KEY,
            Self::SECRET
        )
    }

    /// Returns the accepted messages, in order.
    pub(crate) fn sent(&self) -> Vec<SentMessage> {
        self.state.sent.lock().unwrap().clone()
    }

    /// Returns the accepted requests about chats, in order: method and body.
    pub(crate) fn chats(&self) -> Vec<(String, Value)> {
        self.state.chats.lock().unwrap().clone()
    }

    /// Makes the file of a customer's message available.
    pub(crate) fn put_file(&self, message: &str, bytes: &[u8]) {
        self.state.files.lock().unwrap().insert(message.to_owned(), bytes.to_vec());
    }

    /// Stores a message of which no webhook comes.
    pub(crate) fn store(&self, message: &Value) {
        self.state.stored.lock().unwrap().push(message.clone());
    }

    /// Makes a number one that is not on WhatsApp.
    pub(crate) fn add_stranger(&self, number: &str) {
        self.state.strangers.lock().unwrap().insert(number.to_owned());
    }

    /// Disconnects the instance from WhatsApp, or connects it again.
    pub(crate) fn set_connected(&self, connected: bool) {
        self.change(|instance| instance.state = if connected { "open" } else { "close" });
    }

    /// Changes the instance, as its manager or its phone does.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Instance)) {
        change(&mut self.state.instance.lock().unwrap());
    }

    /// The instance.
    pub(crate) fn instance(&self) -> Instance {
        self.state.instance.lock().unwrap().clone()
    }

    /// Makes the next `n` requests about the instance's state fail.
    pub(crate) fn fail_instance(&self, n: usize, failure: &Failure) {
        self.state.instance_failures.add(n, failure, Some("state"));
    }

    /// Makes the next request to create an instance fail.
    pub(crate) fn fail_create(&self, failure: &Failure) {
        self.state.instance_failures.add(1, failure, Some("create"));
    }

    /// Makes the next request for the list of messages fail.
    pub(crate) fn fail_list(&self, failure: &Failure) {
        self.state.instance_failures.add(1, failure, Some("list"));
    }

    /// Ends the failures of requests about the instance.
    pub(crate) fn forget_instance_failures(&self) {
        self.state.instance_failures.forget();
    }

    /// Makes the next `n` messages fail.
    pub(crate) fn fail_next(&self, n: usize, failure: &Failure) {
        self.state.failures.add(n, failure, None);
    }

    /// An error as the server writes it.
    #[expect(clippy::needless_pass_by_value, reason = "it is made in place")]
    pub(crate) fn error(status: u16, error: &str, message: Value) -> Value {
        json!({"status": status, "error": error, "response": {"message": message}})
    }
}

/// Returns the webhook of an event.
pub(crate) fn webhook(event: &str, data: &Value) -> Vec<u8> {
    let body = json!({
        "event": event, "instance": Evolution::INSTANCE, "data": data,
        "destination": "https://desk.example.com/webhooks/evolution", "date_time": "2026-07-26T18:13:30.262Z",
        "sender": format!("{OUR_PHONE}@s.whatsapp.net"), "server_url": "http://localhost:8080", "apikey": Evolution::KEY,
    });
    body.to_string().into_bytes()
}

/// Returns a message as webhooks have it: in a chat, ours or not, with this content.
pub(crate) fn message(chat: &str, from_me: bool, id: &str, content: &Value) -> Value {
    let kind = content.as_object().and_then(|fields| fields.keys().find(|key| *key != "base64"));
    let name = if from_me { "Você" } else { "Ana" };
    let now = frontdesk::domain::time::now_ms() / 1000;
    json!({
        "key": {"remoteJid": chat, "remoteJidAlt": chat, "fromMe": from_me, "id": id, "participant": "", "addressingMode": "pn"},
        "pushName": name, "status": "DELIVERY_ACK", "message": content, "messageType": kind, "messageTimestamp": now,
        "instanceId": "51824476-0269-4666-8998-79e44c208fb3", "source": "android",
    })
}

/// Returns the webhook of a customer's message (`from`: digits) with this content.
pub(crate) fn from_customer(from: &str, id: &str, content: &Value) -> Vec<u8> {
    let chat = format!("{from}@s.whatsapp.net");
    webhook("messages.upsert", &message(&chat, false, id, content))
}

/// Returns the webhook of a customer's text.
pub(crate) fn text(from: &str, id: &str, text: &str) -> Vec<u8> {
    from_customer(from, id, &json!({"conversation": text}))
}

/// Returns the webhook with the status of a message.
pub(crate) fn status(id: &str, to: &str, status: &str) -> Vec<u8> {
    let data = json!({"keyId": id, "remoteJid": format!("{to}@s.whatsapp.net"), "fromMe": true, "status": status});
    webhook("messages.update", &data)
}

fn bad_request(message: Value) -> Refusal {
    refusal(400, &Evolution::error(400, "Bad Request", message), None)
}

fn authorize(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get("apikey").is_some_and(|key| key == Evolution::KEY) {
        return Ok(());
    }
    let body = Evolution::error(401, "Unauthorized", "Unauthorized".into());
    Err(refusal(401, &body, None))
}

fn known(state: &Shared, instance: &str) -> Result<(), Refusal> {
    if instance == Evolution::INSTANCE && state.instance.lock().unwrap().exists {
        return Ok(());
    }
    let said = json!([format!("The \"{instance}\" instance does not exist")]);
    Err(refusal(404, &Evolution::error(404, "Not Found", said), None))
}

/// Refuses a body that the server's schema refuses: a field is missing, or no text.
fn checked(body: &Value, required: &[&str]) -> Result<(), Refusal> {
    let missing = required.iter().filter(|field| body.get(field).is_none());
    let mut wrong: Vec<_> =
        missing.map(|field| format!("instance requires property \"{field}\"")).collect();
    if body.get("number").is_some_and(|number| !number.is_string()) {
        wrong.push("instance.number is not of a type(s) string".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(bad_request(json!([wrong]))) }
}

async fn messages(
    State(state): State<Arc<Shared>>,
    Path((method, instance)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let body: Value = serde_json::from_slice(&body)
        .map_err(|_| bad_request(json!(["Unexpected token in JSON"])))?;
    let required: &[&str] = match method.as_str() {
        "sendText" => &["number", "text"],
        "sendMedia" => &["number", "mediatype"],
        "sendWhatsAppAudio" => &["number"],
        "sendLocation" => &["number", "latitude", "longitude", "name", "address"],
        "sendContact" => &["number", "contact"],
        "sendReaction" => &["key", "reaction"],
        other => return Err(no_path(&format!("/message/{other}/{instance}"))),
    };
    checked(&body, required)?;
    let number = body["number"].as_str().or_else(|| body["key"]["remoteJid"].as_str());
    let number = number.unwrap_or_default().to_owned();
    let then_cut = state.failures.play(&number).await?;
    if state.instance.lock().unwrap().state != "open" {
        let closed = Evolution::error(500, "Internal Server Error", "Connection Closed".into());
        return Err(refusal(500, &closed, None));
    }
    let jid =
        if number.contains('@') { number.clone() } else { format!("{number}@s.whatsapp.net") };
    if state.strangers.lock().unwrap().contains(&number) {
        return Err(bad_request(json!([{"exists": false, "jid": jid, "number": number}])));
    }
    let (content, text) = stored_content(&method, &body)?;
    let mut sent = state.sent.lock().unwrap();
    let id = format!("3EB0C767D26A1D{:04X}", sent.len() + 1);
    let mut stored = message(&jid, true, &id, &content);
    stored["status"] = "PENDING".into();
    stored["contextInfo"] = Value::Null;
    sent.push(SentMessage { method, number, text, body, id, stored: stored.clone() });
    drop(sent);
    if then_cut {
        cut()
    }
    Ok((StatusCode::CREATED, answer(&stored)).into_response())
}

/// The content of a message as the server stores it, and its text.
fn stored_content(method: &str, body: &Value) -> Result<(Value, String), Refusal> {
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let file = |base64: &str| {
        let bytes = STANDARD.decode(base64).ok().filter(|bytes| !bytes.is_empty());
        bytes.ok_or_else(|| bad_request(json!(["Owned media must be a url or base64"])))
    };
    Ok(match method {
        "sendText" if text("text").is_empty() => {
            let why = "TypeError: Cannot read properties of undefined (reading 'message')";
            return Err(bad_request(json!([why])));
        }
        "sendText" => (json!({"conversation": text("text")}), text("text")),
        "sendMedia" => {
            file(&text("media"))?;
            let mut own = json!({"mimetype": text("mimetype"), "fileName": text("fileName")});
            if body.get("caption").is_some() {
                own["caption"] = body["caption"].clone();
            }
            let kind = format!("{}Message", text("mediatype"));
            (json!({kind: own, "base64": body["media"]}), text("caption"))
        }
        "sendWhatsAppAudio" => {
            file(&text("audio"))?;
            let own = json!({"mimetype": "audio/ogg; codecs=opus", "ptt": true});
            (json!({"audioMessage": own, "base64": body["audio"]}), String::new())
        }
        "sendLocation" => {
            let place = json!({"degreesLatitude": body["latitude"], "degreesLongitude": body["longitude"], "name": body["name"], "address": body["address"]});
            (json!({"locationMessage": place}), String::new())
        }
        "sendContact" => (
            json!({"contactMessage": {"displayName": body["contact"][0]["fullName"]}}),
            String::new(),
        ),
        _ => (
            json!({"reactionMessage": {"key": body["key"], "text": body["reaction"]}}),
            String::new(),
        ),
    })
}

async fn chats(
    State(state): State<Arc<Shared>>,
    Path((method, instance)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    state.chats.lock().unwrap().push((method.clone(), body.clone()));
    let reply = match method.as_str() {
        "sendPresence" => {
            checked(&body, &["number", "presence", "delay"])?;
            // As the real one: the answer comes when the presence is over.
            tokio::time::sleep(Duration::from_millis(body["delay"].as_u64().unwrap_or(0))).await;
            json!({"presence": body["presence"]})
        }
        "markMessageAsRead" => {
            checked(&body, &["readMessages"])?;
            json!({"message": "Read messages", "read": "success"})
        }
        "getBase64FromMediaMessage" => {
            let id = body["message"]["key"]["id"].as_str().unwrap_or_default();
            let files = state.files.lock().unwrap();
            let bytes = files.get(id).ok_or_else(|| bad_request(json!(["Message not found"])))?;
            json!({
                "mediaType": "imageMessage", "fileName": format!("{id}.jpeg"), "size": {"fileLength": {"low": bytes.len(), "high": 0, "unsigned": true}},
                "mimetype": "image/jpeg", "base64": STANDARD.encode(bytes), "buffer": null,
            })
        }
        "findMessages" => {
            let _ = state.instance_failures.play("list").await?;
            return Ok(answer(&page(&state, &body)));
        }
        other => return Err(no_path(&format!("/chat/{other}/{instance}"))),
    };
    Ok((StatusCode::CREATED, answer(&reply)).into_response())
}

/// A page of the stored messages, newest first.
fn page(state: &Shared, body: &Value) -> Value {
    let number = |name: &str| usize::try_from(body[name].as_u64().unwrap()).unwrap();
    let (page, len) = (number("page"), number("offset"));
    let stored = state.stored.lock().unwrap();
    let records: Vec<_> = stored.iter().rev().skip((page - 1) * len).take(len).cloned().collect();
    json!({"messages": {
        "total": stored.len(), "pages": stored.len().div_ceil(len), "currentPage": page, "records": records,
    }})
}

async fn connection(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let _ = state.instance_failures.play("state").await?;
    let mut current = state.instance.lock().unwrap();
    current.asked += 1;
    Ok(answer(&json!({"instance": {"instanceName": instance, "state": current.state}})))
}

async fn create(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    let _ = state.instance_failures.play("create").await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if body["integration"] != "WHATSAPP-BAILEYS" {
        return Err(bad_request(json!(["Invalid integration"])));
    }
    let name = body["instanceName"].as_str().unwrap_or_default().to_owned();
    let mut instance = state.instance.lock().unwrap();
    if instance.exists {
        let said = json!([format!("This name \"{name}\" is already in use.")]);
        return Err(refusal(403, &Evolution::error(403, "Forbidden", said), None));
    }
    *instance = Instance { state: "close", ..Instance::default() };
    let made = json!({
        "instance": {"instanceName": name, "instanceId": "51824476-0269-4666-8998-79e44c208fb3", "integration": body["integration"],
            "webhookWaBusiness": null, "accessTokenWaBusiness": "", "status": "close"},
        "hash": Evolution::KEY, "settings": instance.settings,
    });
    Ok((StatusCode::CREATED, answer(&made)).into_response())
}

async fn connect(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let mut current = state.instance.lock().unwrap();
    match current.state {
        "open" => {
            return Ok(answer(&json!({"instance": {"instanceName": instance, "state": "open"}})));
        }
        "close" => {
            (current.state, current.codes) = ("connecting", 1);
            current.phone = query.get("number").cloned();
        }
        _ => {}
    }
    Ok(answer(&current.codes()))
}

async fn restart(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let mut current = state.instance.lock().unwrap();
    if current.state != "open" {
        return Ok(answer(&json!({"error": true, "message": "[object Object]"})));
    }
    current.state = "connecting";
    Ok(answer(&json!({"instance": {"instanceName": instance, "state": "connecting"}})))
}

async fn log_out(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let mut current = state.instance.lock().unwrap();
    if current.state == "close" {
        return Err(bad_request(json!([format!("The \"{instance}\" instance is not connected")])));
    }
    (current.state, current.reason) = ("close", Some(401));
    let said = json!({"status": "SUCCESS", "error": false, "response": {"message": "Instance logged out"}});
    Ok(answer(&said))
}

async fn remove(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    state.instance.lock().unwrap().exists = false;
    let said =
        json!({"status": "SUCCESS", "error": false, "response": {"message": "Instance deleted"}});
    Ok(answer(&said))
}

async fn set_webhook(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !body["webhook"].is_object() {
        return Err(bad_request(json!([["instance requires property \"webhook\""]])));
    }
    let mut current = state.instance.lock().unwrap();
    current.webhook = body["webhook"].clone();
    Ok((StatusCode::CREATED, answer(&current.webhook)).into_response())
}

async fn settings(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    Ok(answer(&state.instance.lock().unwrap().settings))
}

async fn set_settings(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known(&state, &instance)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let required = [
        "rejectCall",
        "groupsIgnore",
        "alwaysOnline",
        "readMessages",
        "readStatus",
        "syncFullHistory",
    ];
    checked(&body, &required)?;
    state.instance.lock().unwrap().settings = body.clone();
    let said = json!({"settings": {"instanceName": instance, "settings": body}});
    Ok((StatusCode::CREATED, answer(&said)).into_response())
}

async fn instances(
    State(state): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    let name = query.get("instanceName").cloned().unwrap_or_default();
    let instance = state.instance.lock().unwrap();
    if name != Evolution::INSTANCE || !instance.exists {
        let said = json!([format!("Instance \"{name}\" not found")]);
        return Err(refusal(404, &Evolution::error(404, "Not Found", said), None));
    }
    Ok(answer(&json!([{
        "id": "51824476-0269-4666-8998-79e44c208fb3", "name": name, "connectionStatus": instance.state,
        "ownerJid": format!("{OUR_PHONE}@s.whatsapp.net"), "profileName": "Fake Business", "profilePicUrl": null,
        "integration": "WHATSAPP-BAILEYS", "number": null, "businessId": null, "token": Evolution::KEY,
        "clientName": "evolution_exchange", "disconnectionReasonCode": instance.reason,
    }])))
}

fn no_path(path: &str) -> Refusal {
    let said = json!([format!("Cannot POST {path}")]);
    refusal(404, &Evolution::error(404, "Not Found", said), None)
}

async fn unknown_path(uri: Uri) -> Refusal {
    no_path(uri.path())
}

#[tokio::test]
async fn it_answers_as_the_captured_server() {
    let root = std::env::var("FRONTDESK_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let server = Evolution::start().await;
    let client = reqwest::Client::new();
    for (name, instance) in [
        ("sendText-missing-number", Evolution::INSTANCE),
        ("sendText-empty", Evolution::INSTANCE),
        ("connectionState-unknown", "nope"),
        ("connect-unknown", "nope"),
        ("delete-unknown", "nope"),
        ("settings-set-unknown-instance", "nope"),
        ("create-duplicate-name", Evolution::INSTANCE),
        ("create-missing-integration", Evolution::INSTANCE),
        ("connect-business", Evolution::INSTANCE),
        ("restart-baileys", Evolution::INSTANCE),
        ("logout-baileys-not-connected", Evolution::INSTANCE),
        ("settings-set-missing-field", Evolution::INSTANCE),
        ("settings-set", Evolution::INSTANCE),
        ("logout-business", Evolution::INSTANCE),
        ("fetchInstances-unknown", "nope"),
        ("connectionState-business", Evolution::INSTANCE),
        ("sendText-not-connected", Evolution::INSTANCE),
        ("connectionState-baileys", Evolution::INSTANCE),
    ] {
        let path = format!("{root}/fixtures/evolution/http.live236.{name}.json");
        let Ok(exchange) = std::fs::read(path) else { return println!("skipped: no shared data") };
        let exchange: Value = serde_json::from_slice(&exchange).unwrap();
        let closed = [
            "sendText-not-connected",
            "connectionState-baileys",
            "restart-baileys",
            "logout-baileys-not-connected",
        ];
        server.set_connected(!closed.contains(&name));
        let path = exchange["request"]["path"].as_str().unwrap();
        let path = path.replace("cloud1", instance).replace("shop1", instance);
        let url = format!("{}{path}", server.url);
        let method = exchange["request"]["method"].as_str().unwrap().parse().unwrap();
        let mut request = client.request(method, url);
        if !exchange["request"]["body"].is_null() {
            request = request.json(&exchange["request"]["body"]);
        }
        let response = request.header("apikey", Evolution::KEY).send().await.unwrap();
        assert_eq!(u64::from(response.status().as_u16()), exchange["status"], "{name}");
        let captured = exchange["response"].to_string().replace("cloud1", instance);
        let captured: Value = serde_json::from_str(&captured.replace("shop1", instance)).unwrap();
        assert_eq!(response.json::<Value>().await.unwrap(), captured, "{name}");
    }
}
