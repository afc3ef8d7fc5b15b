//! WhatsApp through Meta's Cloud API: receives its webhooks and calls its Graph API.
//!
//! Its JSON is read and written in `graph`.

mod settings;
mod form;

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::GuardedClient;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::graph::{self, Graph};
use super::http_client::endpoint;
use super::signature::SignatureHeader;
use super::{
    Abilities, DescribeNumber, Error, MalformedWebhook, OutgoingMessage, Provider, Receiver,
    SentMessage, Spec, TemplateCatalog, UnverifiedWebhook, UploadFile,
};
use crate::domain::{FallbackTemplate, Item, Media, Party};

pub(super) use settings::Settings;

/// Entry in the table of adapters.
pub(super) static SPEC: Spec<Settings> = Spec {
    form: form::FORM,
    stored_body: |_, body| body,
    brings_files: false,
    has_window: true,
    abilities: Abilities::WHATSAPP,
    agent: |settings| &settings.agent,
    sending: Settings::sending,
    connect: |settings, client| Ok(Arc::new(Meta::new(settings, client.clone())?)),
};

/// Header with the signature of a webhook.
const SIGNATURE: SignatureHeader =
    SignatureHeader { name: "x-hub-signature-256", needs_prefix: true };

/// Domains that serve WhatsApp's files.
const FILE_HOSTS: [&str; 3] = ["fbsbx.com", "facebook.com", "whatsapp.net"];

/// A number of Meta's Cloud API.
pub(super) struct Meta {
    graph: Graph,
    app_secret: Option<SecretString>,
    verify_token: SecretString,
    insecure: bool,
}

impl Meta {
    /// Creates the adapter. The error names the invalid setting.
    fn new(settings: &Settings, client: GuardedClient) -> Result<Self, String> {
        settings.check()?;
        let graph = Graph {
            is_proxied: false,
            phone_number_id: settings.phone_number_id.clone(),
            account_id: settings.account_id.clone().filter(|id| !id.is_empty()),
            base: endpoint(&settings.base()?, &[&settings.version]),
            key: (AUTHORIZATION, settings.authorization()?),
            secret: settings.access_token.clone(),
            file_hosts: &FILE_HOSTS,
            client,
        };
        Ok(Self {
            graph,
            app_secret: settings.signing_secret(),
            verify_token: settings.verify_token.clone(),
            insecure: settings.insecure,
        })
    }
}

impl Receiver for Meta {
    fn external_id(&self) -> &str {
        &self.graph.phone_number_id
    }

    fn verify_webhook(&self, query: &[(String, String)]) -> Option<String> {
        let (token, challenge) = form::verification(query)?;
        form::same(token, &self.verify_token).then(|| challenge.to_owned())
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook> {
        match &self.app_secret {
            Some(_) => SIGNATURE.given(headers).map(drop),
            None if self.insecure => Ok(()),
            None => Err(UnverifiedWebhook(format!(
                "the meta number {} has no app_secret to check webhooks with: set app_secret, or insecure = true \
                 to take them unchecked",
                self.graph.phone_number_id
            ))),
        }
    }

    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), UnverifiedWebhook> {
        self.admit(headers)?;
        match &self.app_secret {
            Some(secret) => SIGNATURE.check(headers, secret, body),
            None => Ok(()),
        }
    }

    fn decode(&self, _headers: &HeaderMap, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
        graph::decode(body)
    }
}

#[async_trait]
impl Provider for Meta {
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error> {
        self.graph.send(outgoing).await
    }

    async fn typing(&self, _customer: &Party, message: &str) -> Result<(), Error> {
        self.graph.typing(message).await
    }

    async fn media(&self, media: &Media, limit: usize) -> Result<Vec<u8>, Error> {
        self.graph.file(media, limit).await
    }

    async fn check(&self) -> Result<String, Error> {
        Ok(graph::describe(&self.about(None).await?).words)
    }

    fn uploader(&self) -> Option<&dyn UploadFile> {
        Some(&self.graph)
    }

    fn describer(&self) -> Option<&dyn DescribeNumber> {
        Some(self)
    }

    fn test_template(&self) -> Option<FallbackTemplate> {
        let (name, language) = ("hello_world".to_owned(), "en_US".to_owned());
        Some(FallbackTemplate { name, language, with_text: false })
    }

    fn template_catalog(&self) -> Option<&dyn TemplateCatalog> {
        Some(&self.graph)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{Request, StatusCode};
    use axum::response::{IntoResponse, Response};
    use secrecy::SecretString;
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    use super::super::test_data::shared;
    use super::super::{Class, OutgoingContent};
    use super::*;

    /// A request to the fake Graph API: method, path with query, token, body.
    #[derive(Debug, Clone)]
    struct Asked {
        line: String,
        token: Option<String>,
        body: Value,
    }

    type Reply = dyn Fn(usize, &str) -> Response + Send + Sync;

    #[derive(Clone)]
    struct Api {
        base: String,
        asked: Arc<Mutex<Vec<Asked>>>,
        reply: Arc<Reply>,
    }

    impl Api {
        /// Starts a server; `reply` gets the index of a request for its path, from 0, and the path.
        async fn start(reply: impl Fn(usize, &str) -> Response + Send + Sync + 'static) -> Self {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            let graph = Self { base, asked: Arc::default(), reply: Arc::new(reply) };
            let router = Router::new().fallback(answer).with_state(graph.clone());
            tokio::spawn(async move { axum::serve(listener, router).await });
            graph
        }

        fn asked(&self) -> Vec<Asked> {
            self.asked.lock().unwrap().clone()
        }

        fn lines(&self) -> Vec<String> {
            self.asked().into_iter().map(|asked| asked.line).collect()
        }
    }

    async fn answer(State(graph): State<Api>, request: Request<axum::body::Body>) -> Response {
        let line = format!("{} {}", request.method(), request.uri());
        let path = request.uri().path().to_owned();
        let token = request.headers().get(AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
        let n = {
            let mut asked = graph.asked.lock().unwrap();
            asked.push(Asked {
                line,
                token,
                body: serde_json::from_slice(&body).unwrap_or_default(),
            });
            asked.len() - 1
        };
        (graph.reply)(n, &path)
    }

    fn settings(base: &str) -> Settings {
        Settings {
            coexistence: false,
            rate: None,
            unknown: crate::domain::Unknown::default(),
            template: None,
            agent: "acme".into(),
            phone_number_id: "106540352242922".into(),
            account_id: None,
            access_token: "EAAG-token".into(),
            app_secret: Some("app-secret-123".into()),
            verify_token: "verify-me".into(),
            insecure: false,
            base_url: base.into(),
            version: "v24.0".into(),
        }
    }

    fn meta_with(settings: &Settings, timeout_ms: u64) -> Meta {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = super::super::client(Duration::from_millis(timeout_ms), None).unwrap();
        Meta::new(settings, client).unwrap()
    }

    fn meta(base: &str) -> Meta {
        meta_with(&settings(base), 5000)
    }

    fn to_phone() -> OutgoingMessage {
        let to = Party {
            wa_id: Some("15550100001".into()),
            bsuid: Some("US.1".into()),
            ..Party::default()
        };
        OutgoingMessage {
            to,
            content: OutgoingContent::Text("Here you go".into()),
            reply_to: None,
            reference: "turn:42:reply:1".into(),
        }
    }

    fn accepted() -> Response {
        let contacts =
            json!([{"input": "+15550100001", "wa_id": "15550100001", "user_id": "US.9"}]);
        let body = json!({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": "wamid.OUT"}]});
        axum::Json(body).into_response()
    }

    fn refusal(
        status: u16,
        body: &str,
    ) -> impl Fn(usize, &str) -> Response + Send + Sync + 'static {
        let body = body.to_owned();
        move |_, _| (StatusCode::from_u16(status).unwrap(), body.clone()).into_response()
    }

    async fn error_of(status: u16, body: &str) -> Error {
        let graph = Api::start(refusal(status, body)).await;
        meta(&graph.base).send(&to_phone()).await.unwrap_err()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn the_handshake_gives_the_challenge_back_for_the_right_token_only() {
        let meta = meta("http://127.0.0.1:9");
        let query = |mode, token, challenge| {
            [
                pair("hub.mode", mode),
                pair("hub.verify_token", token),
                pair("hub.challenge", challenge),
            ]
        };
        assert_eq!(
            meta.verify_webhook(&query("subscribe", "verify-me", "0115")).as_deref(),
            Some("0115")
        );
        for wrong in [
            query("subscribe", "verify-m", "1"),
            query("subscribe", "", "1"),
            query("unsubscribe", "verify-me", "1"),
        ] {
            assert_eq!(meta.verify_webhook(&wrong), None, "{wrong:?}");
        }
        assert_eq!(meta.verify_webhook(&query("subscribe", "verify-me", "1")[..2]), None);
        assert_eq!(meta.verify_webhook(&[]), None);
    }

    #[test]
    fn captured_signatures_are_checked_over_the_raw_bytes() {
        let Some(vectors) = shared("fixtures/signatures.json") else { return };
        let vectors: Value = serde_json::from_slice(&vectors).unwrap();
        let mut checked = 0;
        for vector in
            vectors.as_array().unwrap().iter().filter(|vector| vector["provider"] == "meta")
        {
            let get = |key: &str| vector[key].as_str();
            let mut settings = settings("http://127.0.0.1:9");
            settings.app_secret = Some(get("secret").unwrap().into());
            let meta = meta_with(&settings, 100);
            let body = get("body_utf8").unwrap().as_bytes();
            let signed = |value: &str| {
                let name = http::HeaderName::from_bytes(get("header").unwrap().as_bytes()).unwrap();
                meta.authenticate(&HeaderMap::from_iter([(name, value.parse().unwrap())]), body)
            };
            assert_eq!(signed(get("value").unwrap()), Ok(()), "{vector}");
            if let Some(wrong) = get("wrong_if_reserialised") {
                assert!(signed(wrong).is_err(), "{vector}");
                checked += 1;
            }
            assert!(meta.authenticate(&HeaderMap::new(), body).is_err(), "no header");
        }
        assert_eq!(checked, 1);
    }

    #[test]
    fn a_number_without_a_secret_refuses_webhooks_unless_its_owner_says_otherwise() {
        let mut settings = settings("http://127.0.0.1:9");
        for none in [None, Some(SecretString::from(""))] {
            settings.app_secret = none;
            settings.insecure = false;
            let error =
                meta_with(&settings, 100).authenticate(&HeaderMap::new(), b"{}").unwrap_err();
            assert!(
                error.0.contains("app_secret") && error.0.contains("insecure = true"),
                "{error}"
            );
            settings.insecure = true;
            assert_eq!(meta_with(&settings, 100).authenticate(&HeaderMap::new(), b"{}"), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_text_goes_out_as_meta_wants_it() {
        let graph = Api::start(|_, _| accepted()).await;
        let meta = meta(&format!("{}/", graph.base));
        let sent = meta
            .send(&OutgoingMessage { reply_to: Some("wamid.IN1".into()), ..to_phone() })
            .await
            .unwrap();
        assert_eq!(sent.provider_id, "wamid.OUT");
        assert_eq!(sent.recipient.bsuid.as_deref(), Some("US.9"));
        let asked = graph.asked().remove(0);
        assert_eq!(asked.line, "POST /v24.0/106540352242922/messages");
        assert_eq!(asked.token.as_deref(), Some("Bearer EAAG-token"));
        assert_eq!(
            asked.body,
            json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550100001",
                "type": "text", "text": {"body": "Here you go", "preview_url": false},
                "context": {"message_id": "wamid.IN1"}, "biz_opaque_callback_data": "turn:42:reply:1"})
        );
    }

    #[tokio::test]
    async fn a_customer_without_a_phone_is_reached_by_business_scoped_id() {
        let graph = Api::start(|_, _| {
            axum::Json(json!({"contacts": [{"input": "US.2", "user_id": "US.2"}], "messages": [{"id": "w"}]}))
                .into_response()
        })
        .await;
        let to = Party { bsuid: Some("US.2".into()), ..Party::default() };
        let sent = meta(&graph.base).send(&OutgoingMessage { to, ..to_phone() }).await.unwrap();
        assert_eq!((sent.recipient.wa_id, sent.recipient.bsuid), (None, Some("US.2".into())));
        let body = graph.asked().remove(0).body;
        assert_eq!((body["recipient"].as_str(), body.get("to")), (Some("US.2"), None));
        let nobody = OutgoingMessage { to: Party::default(), ..to_phone() };
        let error = meta(&graph.base).send(&nobody).await.unwrap_err();
        assert!(matches!(error, Error::Refused { class: Class::OurFault, .. }), "{error}");
        assert_eq!(graph.asked().len(), 1, "nothing is sent to nobody");
    }

    #[tokio::test]
    async fn typing_marks_the_message_as_read() {
        let graph = Api::start(|_, _| axum::Json(json!({"success": true})).into_response()).await;
        assert_eq!(meta(&graph.base).typing(&Party::default(), "wamid.IN1").await, Ok(()));
        assert_eq!(
            graph.asked().remove(0).body,
            json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN1",
                "typing_indicator": {"type": "text"}})
        );
    }

    #[tokio::test]
    async fn captured_refusals_fall_into_the_documented_classes() {
        for (name, status, class) in [
            ("edge.error.bsuid_unsupported_131062", 400, Class::Undeliverable),
            ("edge.error.invalid_param_100", 400, Class::OurFault),
            ("edge.error.pair_rate_131056", 400, Class::PairRate),
            ("edge.error.token_expired_190", 401, Class::Token),
            ("edge.error.transient_131016", 500, Class::Transient),
            ("edge.error.unknown_object_100_33", 400, Class::OurFault),
            ("edge.error.waba_rate_80007", 400, Class::Throttled),
            ("fbopenapi.messages.400.Invalid_JWE_Token", 400, Class::OurFault),
            ("fbopenapi.messages.400.Missing_Required_Fields", 400, Class::OurFault),
            ("fbopenapi.messages.401.Invalid_Access_Token", 401, Class::Token),
            ("fbopenapi.messages.403.Insufficient_Permissions", 403, Class::Token),
            ("fbopenapi.messages.429.Rate_Limit_Exceeded", 429, Class::Throttled),
            ("fbopenapi.messages.500.Internal_Server_Error", 500, Class::Transient),
            ("kapsosdk.error.reengagement_131047", 400, Class::WindowClosed),
            ("kapsosdk.error.throughput_130429", 429, Class::Throttled),
            ("metadocs.error.error_codes.1", 400, Class::Throttled),
        ] {
            let Some(body) = shared(&format!("fixtures/meta/res.{name}.json")) else { return };
            let body = String::from_utf8(body).unwrap();
            let code =
                serde_json::from_str::<Value>(&body).unwrap()["error"]["code"].as_i64().unwrap();
            let Error::Refused { class: got, fault, .. } = error_of(status, &body).await else {
                panic!("{name} is a refusal");
            };
            assert_eq!((got, fault.code), (class, code), "{name}");
            assert!(!fault.title.is_empty(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_refusal_keeps_meta_s_words_and_never_the_token() {
        let body = json!({"error": {"message": "Malformed access token EAAG-token", "code": "190",
            "error_subcode": 463, "error_data": {"details": "expired"}}});
        let error = error_of(400, &body.to_string()).await;
        let Error::Refused { class, fault, .. } = &error else { panic!("{error}") };
        assert_eq!(*class, Class::Token);
        assert_eq!(fault.title, "Malformed access token (token)");
        assert_eq!(fault.details.as_deref(), Some("expired; subcode 463"));
        assert!(!format!("{error} {error:?}").contains("EAAG"));
    }

    #[tokio::test]
    async fn a_refusal_without_a_readable_body_goes_by_its_status() {
        for (status, class) in [
            (503, Class::Transient),
            (401, Class::Token),
            (429, Class::Throttled),
            (404, Class::OurFault),
        ] {
            let error = error_of(status, "<html>no</html>").await;
            let Error::Refused { class: got, fault, .. } = error else { panic!("{error}") };
            assert_eq!((got, fault.title), (class, format!("HTTP {status}")));
        }
        for status in [502, 504] {
            let gateway = error_of(status, "<html>no</html>").await;
            assert!(matches!(gateway, Error::Unknown(_)), "{gateway}");
        }
    }

    #[tokio::test]
    async fn the_wait_that_meta_asks_for_is_passed_on() {
        for (header, wait) in [("17", Some(17)), ("soon", None), ("-1", None), ("1.5", None)] {
            let reply = move |_: usize, _: &str| {
                (StatusCode::TOO_MANY_REQUESTS, [("retry-after", header)], "{}").into_response()
            };
            let graph = Api::start(reply).await;
            let error = meta(&graph.base).send(&to_phone()).await.unwrap_err();
            let Error::Refused { class, retry_after, .. } = error else { panic!("{error}") };
            assert_eq!(
                (class, retry_after),
                (Class::Throttled, wait.map(Duration::from_secs)),
                "{header}"
            );
        }
    }

    #[tokio::test]
    async fn a_message_is_unknown_when_it_may_have_gone_out_and_not_sent_when_it_cannot_have() {
        for body in ["", "<html>", "{}", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#, "[]"]
        {
            let error = error_of(200, body).await;
            assert!(matches!(error, Error::Unknown(_)), "{body}: {error}");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stalled = meta_with(&settings(&base), 200).send(&to_phone()).await.unwrap_err();
        assert!(matches!(&stalled, Error::Unknown(why) if why.contains("time")), "{stalled}");
        drop(listener);
        let closed = meta(&base).send(&to_phone()).await.unwrap_err();
        assert!(matches!(&closed, Error::NotSent(_)), "{closed}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0_u8; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut request).await;
        });
        let error = meta(&base).send(&to_phone()).await.unwrap_err();
        assert!(matches!(&error, Error::Unknown(_)), "{error}");
        server.await.unwrap();
    }

    /// Takes one request on each connection and closes it when the next one is written, as a server does whose patience
    /// with an idle connection ends at that moment.
    #[tokio::test]
    async fn a_message_after_a_pause_never_meets_a_connection_that_the_server_closes() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let body = r#"{"messages":[{"id":"wamid.1"}]}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let server = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0_u8; 8192];
                    let _ = socket.read(&mut request).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                    let _ = socket.read(&mut request).await;
                });
            }
        });
        let meta = meta(&base);
        meta.send(&to_phone()).await.unwrap();
        let reused = meta.send(&to_phone()).await.unwrap_err();
        assert!(matches!(&reused, Error::Unknown(_)), "{reused}");
        meta.send(&to_phone()).await.unwrap();
        tokio::time::sleep(crate::provider::MAX_IDLE + Duration::from_millis(100)).await;
        meta.send(&to_phone()).await.unwrap();
        server.abort();
    }

    const FILE: &[u8] = b"OggS voice";

    fn voice(sha256: Option<String>) -> Media {
        Media { id: Some("77/../x".into()), sha256, ..Media::default() }
    }

    /// A Graph API whose file URLs work from request number `good` on.
    async fn files(good: usize) -> Api {
        let base = Arc::new(Mutex::new(String::new()));
        let downloads = Arc::new(Mutex::new(0));
        let own = base.clone();
        let graph = Api::start(move |n, path| {
            if !path.starts_with("/file") {
                let url = format!("{}/file/{n}", own.lock().unwrap());
                return axum::Json(json!({"url": url, "file_size": "9"})).into_response();
            }
            let mut count = downloads.lock().unwrap();
            *count += 1;
            if *count > good { FILE.into_response() } else { StatusCode::NOT_FOUND.into_response() }
        })
        .await;
        base.lock().unwrap().clone_from(&graph.base);
        graph
    }

    #[tokio::test]
    async fn an_expired_address_is_asked_for_again_once() {
        let graph = files(1).await;
        let hash = hex::encode(Sha256::digest(FILE));
        assert_eq!(meta(&graph.base).media(&voice(Some(hash)), 100).await.unwrap(), FILE);
        let ask = "GET /v24.0/77%2F..%2Fx?phone_number_id=106540352242922";
        assert_eq!(graph.lines(), [ask, "GET /file/0", ask, "GET /file/2"]);
        assert!(
            graph.asked().iter().all(|asked| asked.token.as_deref() == Some("Bearer EAAG-token"))
        );
    }

    #[tokio::test]
    async fn the_token_is_left_out_at_last_and_then_the_file_is_given_up() {
        let graph = files(2).await;
        assert_eq!(meta(&graph.base).media(&voice(None), 100).await.unwrap(), FILE);
        let tokens: Vec<bool> = graph.asked().iter().map(|asked| asked.token.is_some()).collect();
        assert_eq!(tokens, [true, true, true, true, false]);
        let graph = files(3).await;
        let error = meta(&graph.base).media(&voice(None), 100).await.unwrap_err();
        assert!(matches!(error, Error::Refused { class: Class::Gone, .. }), "{error}");
        assert_eq!(graph.asked().len(), 5);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_or_not_the_right_one_is_refused() {
        let graph = files(0).await;
        let meta = meta(&graph.base);
        let error = meta.media(&voice(None), FILE.len() - 1).await.unwrap_err();
        assert!(error.to_string().contains("larger than 9 bytes"), "{error}");
        let other = Sha256::digest(b"other");
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, other);
        for wrong in [hex::encode(other), base64] {
            let error = meta.media(&voice(Some(wrong)), 100).await.unwrap_err();
            assert!(matches!(error, Error::Refused { class: Class::Damaged, .. }), "{error}");
        }
        let unreadable = voice(Some("4654+8g=".into()));
        assert!(meta.media(&unreadable, 100).await.is_ok(), "no SHA-256 proves nothing");
        let bare = Media { id: None, ..Media::default() };
        assert!(meta.media(&bare, 100).await.is_err());
    }

    #[tokio::test]
    async fn an_address_from_an_event_is_fetched_from_meta_only() {
        let graph = files(0).await;
        let at = |url: String| Media { url: Some(url), ..Media::default() };
        let meta = meta(&graph.base);
        assert_eq!(meta.media(&at(format!("{}/file/1", graph.base)), 100).await.unwrap(), FILE);
        for elsewhere in
            ["http://169.254.169.254/latest", "https://fbsbx.com.evil.example/x", "nonsense"]
        {
            let error = meta.media(&at(elsewhere.into()), 100).await.unwrap_err();
            assert!(
                matches!(error, Error::Refused { class: Class::OurFault, .. }),
                "{elsewhere}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_number_of_the_console_is_led_to_no_special_address() {
        const METADATA: &str = "http://169.254.169.254/latest/meta-data/";
        let graph = Api::start(|_, path| match path {
            "/redirect" => (StatusCode::FOUND, [("location", METADATA)]).into_response(),
            path if path.contains("far") => axum::Json(json!({"url": METADATA})).into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        })
        .await;
        let guard = super::super::Limits { allow_base_url: true, ..Default::default() }.guard();
        let client = super::super::client(Duration::from_secs(5), Some(guard)).unwrap();
        let meta = Meta::new(&settings(&graph.base), client.clone()).unwrap();
        let far = Media { id: Some("far".into()), ..Media::default() };
        let led = Media { url: Some(format!("{}/redirect", graph.base)), ..Media::default() };
        let itself = Meta::new(&settings("http://169.254.169.254"), client).unwrap();
        for error in [
            meta.media(&far, 100).await.unwrap_err(),
            meta.media(&led, 100).await.unwrap_err(),
            itself.send(&to_phone()).await.unwrap_err(),
        ] {
            let Error::Refused { class: Class::OurFault, fault, .. } = &error else {
                panic!("{error}")
            };
            assert!(fault.title.contains("never connected to"), "{error}");
        }
    }

    #[tokio::test]
    async fn the_check_names_the_number() {
        let graph = Api::start(|_, _| {
            axum::Json(
                json!({"display_phone_number": "+1 555-078-3881", "verified_name": "Lucky Shrub",
                "quality_rating": "GREEN", "id": "1"}),
            )
            .into_response()
        })
        .await;
        let said = meta(&graph.base).check().await.unwrap();
        assert_eq!(said, "Lucky Shrub (+1 555-078-3881), quality GREEN");
        assert!(
            graph.lines()[0].starts_with("GET /v24.0/106540352242922?fields=display_phone_number")
        );
        let graph = Api::start(refusal(401, r#"{"error":{"code":190,"message":"no"}}"#)).await;
        let error = meta(&graph.base).check().await.unwrap_err();
        assert!(matches!(error, Error::Refused { class: Class::Token, .. }), "{error}");
    }
}
