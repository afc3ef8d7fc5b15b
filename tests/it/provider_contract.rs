//! The contract of all providers, independent of the adapter: a new one defines here what its
//! webhooks look like and which server acts as the provider.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use frontdesk::domain::{Content, Event, MediaKind, Party, ProviderKind};
use frontdesk::provider::abilities::Abilities;
use frontdesk::provider::{
    self, Class, Error, Fields, Form, Kind, Limits, OutgoingContent, OutgoingMessage, Provider,
    Retry, Settings,
};
use frontdesk_endpoint::GuardedClient;
use serde_json::{Value, json};

use crate::support::app::{Db, MAIN, Setup};
use crate::support::evolution::{self, Evolution};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{all_captured, sign, text_webhook};
use crate::support::kapso::{self, Kapso};

const CUSTOMER: &str = "447700960077";
const TEXT: &str = "Até às 18h? 👍";
/// Longer than any successful response takes.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The wait that a provider asks for when it limits the rate.
const WAIT: Duration = Duration::from_secs(17);

/// An adapter's number and the server that acts as the provider.
struct Subject {
    form: &'static Form,
    /// The values of the form: every secret, and the server's URL.
    fields: Fields,
    proof: Proof,
    webhook_secret: &'static str,
    /// Holds one message: [`CUSTOMER`] writes [`TEXT`].
    webhook: Vec<u8>,
    /// Captured webhooks by name; empty without the shared data.
    captured: Vec<(String, Value)>,
    /// `None` if sending never leaves the process.
    server: Option<Box<dyn Server>>,
}

/// How a webhook proves whose it is.
#[derive(Clone, Copy)]
enum Proof {
    /// By a signature over the body, in this header.
    Signature(&'static str),
    /// By the secret itself, which proves nothing about the body.
    Secret,
}

/// A server that acts as a provider.
trait Server {
    /// Returns the accepted texts, in order.
    fn texts(&self) -> Vec<String>;

    /// Makes the next message fail this way, in the provider's format.
    fn play(&self, trouble: Trouble);
}

/// A failure of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    BadRequest,
    /// The error quotes the token.
    BadToken,
    ClosedWindow,
    RateLimit,
    Outage,
    /// No response within the client's time limit.
    Timeout,
    /// The connection breaks before the message is accepted.
    BrokenRequest,
    /// The message is accepted, but the connection breaks before the response.
    BrokenAnswer,
}

impl Trouble {
    const ALL: [Self; 8] = [
        Self::BadRequest,
        Self::BadToken,
        Self::ClosedWindow,
        Self::RateLimit,
        Self::Outage,
        Self::Timeout,
        Self::BrokenRequest,
        Self::BrokenAnswer,
    ];

    /// Returns whether an error is the right one for this failure and is retried as it should be.
    fn explains(self, error: &Error) -> bool {
        let retry = error.retry(1, 0.0);
        let class = match error {
            Error::Refused { class, .. } => Some(*class),
            Error::NotSent(_) | Error::Unknown(_) => None,
        };
        let again = matches!(retry, Retry::After(_));
        match self {
            Self::BadRequest => class == Some(Class::OurFault) && retry == Retry::Never,
            Self::BadToken => class == Some(Class::Token) && again,
            Self::ClosedWindow => class == Some(Class::WindowClosed) && retry == Retry::Never,
            Self::RateLimit => class == Some(Class::Throttled) && retry == Retry::After(WAIT),
            Self::Outage => class == Some(Class::Transient) && again,
            Self::Timeout | Self::BrokenRequest | Self::BrokenAnswer => {
                matches!(error, Error::Unknown(_)) && retry == Retry::Unknown
            }
        }
    }
}

impl Server for Graph {
    fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.text).collect()
    }

    fn play(&self, trouble: Trouble) {
        let refuse =
            |status, code, words: &str| Failure::Status(status, Self::error(code, words), None);
        let quoting = format!("Malformed access token {}", Self::TOKEN);
        let failure = match trouble {
            Trouble::BadRequest => refuse(400, 100, "Invalid parameter"),
            Trouble::BadToken => refuse(401, 190, &quoting),
            Trouble::ClosedWindow => refuse(400, 131_047, "Re-engagement message"),
            Trouble::RateLimit => {
                let words = Self::error(130_429, "Rate limit hit");
                Failure::Status(429, words, Some(WAIT.as_secs()))
            }
            Trouble::Outage => refuse(500, 131_016, "Service unavailable"),
            Trouble::Timeout => Failure::Stall(TIMEOUT),
            Trouble::BrokenRequest => Failure::Drop,
            Trouble::BrokenAnswer => Failure::AcceptThenDrop,
        };
        self.fail_next(1, &failure);
    }
}

impl Server for Kapso {
    fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.text).collect()
    }

    fn play(&self, trouble: Trouble) {
        let own = |status, words: &str| Failure::Status(status, Self::words(words), None);
        let failure = match trouble {
            Trouble::BadToken => own(401, &format!("{} is no key", Self::KEY)),
            Trouble::RateLimit => {
                let words = Self::words("Rate limit exceeded");
                Failure::Status(429, words, Some(WAIT.as_secs()))
            }
            Trouble::Outage => own(500, "Internal server error"),
            // What Meta says is passed on.
            _ => return self.deref().play(trouble),
        };
        self.fail_next(1, &failure);
    }
}

impl Server for Evolution {
    fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.text).collect()
    }

    fn play(&self, trouble: Trouble) {
        let refuse = |status, error: &str, words: Value| {
            Failure::Status(status, Self::error(status, error, words), None)
        };
        let failure = match trouble {
            Trouble::BadRequest => {
                refuse(400, "Bad Request", json!([["instance requires property \"number\""]]))
            }
            Trouble::BadToken => {
                refuse(401, "Unauthorized", format!("{} is no key", Self::KEY).into())
            }
            Trouble::ClosedWindow => unreachable!("a linked device has no window"),
            Trouble::RateLimit => {
                let body = Self::error(429, "Too Many Requests", "Too many requests".into());
                Failure::Status(429, body, Some(WAIT.as_secs()))
            }
            Trouble::Outage => refuse(500, "Internal Server Error", "Internal Server Error".into()),
            Trouble::Timeout => Failure::Stall(TIMEOUT),
            Trouble::BrokenRequest => Failure::Drop,
            Trouble::BrokenAnswer => Failure::AcceptThenDrop,
        };
        self.fail_next(1, &failure);
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Subject {
    async fn of(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Meta => Self::meta(Graph::start().await),
            ProviderKind::Evolution => Self::evolution(Evolution::start().await),
            ProviderKind::Kapso => Self::kapso(Kapso::start().await),
            ProviderKind::Sandbox => Self::sandbox(),
        }
    }

    fn meta(graph: Graph) -> Self {
        Self {
            form: Form::of(ProviderKind::Meta),
            fields: fields(&[
                ("phone_number_id", MAIN),
                ("access_token", Graph::TOKEN),
                ("app_secret", Graph::APP_SECRET),
                ("verify_token", "verify-token-of-the-contract"),
                ("base_url", graph.url.as_str()),
            ]),
            proof: Proof::Signature("x-hub-signature-256"),
            webhook_secret: Graph::APP_SECRET,
            webhook: text_webhook(MAIN, CUSTOMER, "wamid.IN1", TEXT),
            captured: all_captured("meta"),
            server: Some(Box::new(graph)),
        }
    }

    fn evolution(server: Evolution) -> Self {
        Self {
            form: Form::of(ProviderKind::Evolution),
            fields: fields(&[
                ("server_url", server.url.as_str()),
                ("instance", Evolution::INSTANCE),
                ("api_key", Evolution::KEY),
                ("webhook_secret", Evolution::SECRET),
            ]),
            proof: Proof::Secret,
            webhook_secret: Evolution::SECRET,
            webhook: evolution::text(CUSTOMER, "3EB0IN1", TEXT),
            captured: all_captured("evolution"),
            server: Some(Box::new(server)),
        }
    }

    fn kapso(server: Kapso) -> Self {
        Self {
            form: Form::of(ProviderKind::Kapso),
            fields: fields(&[
                ("phone_number_id", Kapso::NUMBER),
                ("api_key", Kapso::KEY),
                ("webhook_secret", Kapso::SECRET),
                ("base_url", server.url.as_str()),
            ]),
            proof: Proof::Signature("x-webhook-signature"),
            webhook_secret: Kapso::SECRET,
            webhook: kapso::text(CUSTOMER, "wamid.IN1", TEXT).to_string().into_bytes(),
            captured: kapso::captured(),
            server: Some(Box::new(server)),
        }
    }

    fn sandbox() -> Self {
        let secret = "secret-of-the-contract";
        let text = json!({"messages": [{"id": "m1", "from": CUSTOMER, "text": TEXT}]});
        let voice = json!({"data": "T2dnUw==", "mime_type": "audio/ogg"});
        let recording = json!({"messages": [{"from": CUSTOMER, "voice": voice}]});
        Self {
            form: Form::of(ProviderKind::Sandbox),
            fields: fields(&[("id", "contract"), ("secret", secret)]),
            proof: Proof::Signature("x-frontdesk-signature"),
            webhook_secret: secret,
            webhook: text.to_string().into_bytes(),
            captured: vec![("text".to_owned(), text), ("voice".to_owned(), recording)],
            server: None,
        }
    }

    fn settings(&self) -> Settings {
        let limits = &Limits { allow_base_url: true, ..Limits::default() };
        assert_eq!(self.form.validate_all(&self.fields, limits), Ok(()));
        Settings::from_form(self.form, "acme", &self.fields).unwrap()
    }

    /// Connects the number; its calls time out after `timeout`.
    fn connect(&self, timeout: Duration) -> Arc<dyn Provider> {
        self.settings().build(&client(timeout)).unwrap()
    }

    /// Returns the headers of its webhook, proved with a secret.
    fn proved(&self, secret: &str) -> HeaderMap {
        let (name, value) = match self.proof {
            Proof::Signature(header) => (header, sign(secret, &self.webhook)),
            Proof::Secret => ("authorization", format!("Bearer {secret}")),
        };
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(&value).unwrap());
        headers
    }

    /// Asserts that a text contains no secret of the form.
    fn assert_hidden(&self, text: &str) {
        for field in self.form.fields.iter().filter(|field| field.kind == Kind::Secret) {
            let secret = &self.fields[field.name];
            assert!(!text.contains(secret.as_str()), "{} is in {text}", field.name);
        }
    }
}

fn client(timeout: Duration) -> GuardedClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    provider::client(timeout, None).unwrap()
}

fn outgoing(text: &str) -> OutgoingMessage {
    let to = Party { wa_id: Some(CUSTOMER.to_owned()), ..Party::default() };
    let (text, reference) = (text.to_owned(), "turn:1".to_owned());
    OutgoingMessage { to, content: OutgoingContent::Text(text), reply_to: None, reference }
}

#[tokio::test]
async fn a_webhook_is_taken_with_the_right_proof_alone() {
    for kind in ProviderKind::ALL {
        let subject = Subject::of(*kind).await;
        let number = subject.connect(TIMEOUT);
        let right = subject.proved(subject.webhook_secret);
        assert_eq!(number.admit(&right), Ok(()), "{kind}");
        assert_eq!(number.authenticate(&right, &subject.webhook), Ok(()), "{kind}");
        let (forged, bare) = (subject.proved("a secret of somebody else"), HeaderMap::new());
        assert!(number.admit(&bare).is_err(), "{kind}");
        let mut refused =
            vec![(&forged, subject.webhook.clone()), (&bare, subject.webhook.clone())];
        match subject.proof {
            Proof::Signature(_) => refused.push((&right, [&subject.webhook, &b" "[..]].concat())),
            // Nothing more is read of it.
            Proof::Secret => assert!(number.admit(&forged).is_err(), "{kind}"),
        }
        for (headers, body) in refused {
            let refusal = number.authenticate(headers, &body).unwrap_err();
            subject.assert_hidden(&format!("{refusal} {refusal:?}"));
        }
        assert_eq!(number.verify_webhook(&[]), None, "{kind}: nobody asked");
    }
}

#[tokio::test]
async fn webhooks_are_read_and_anything_else_is_malformed() {
    for kind in ProviderKind::ALL {
        let subject = Subject::of(*kind).await;
        let number = subject.connect(TIMEOUT);
        let items = number.decode(&HeaderMap::new(), &subject.webhook).unwrap();
        assert_eq!(items.len(), 1, "{kind}: {items:?}");
        assert_eq!(items[0].number.as_deref(), Some(number.external_id()));
        let Event::Message(message) = &items[0].event else { panic!("{kind}: {items:?}") };
        assert_eq!(message.from.wa_id.as_deref(), Some(CUSTOMER));
        assert_eq!(message.content, Content::Text { body: TEXT.to_owned() });
        for (name, body) in &subject.captured {
            let items = number.decode(&HeaderMap::new(), body.to_string().as_bytes());
            let items = items.unwrap_or_else(|why| panic!("{kind} {name}: {why}"));
            let lost = items.iter().find(
                |item| matches!(&item.event, Event::Other(other) if other.kind.starts_with("unreadable")),
            );
            assert_eq!(lost, None, "{kind} {name}");
        }
        for wrong in ["", "hello", "{", "{}"] {
            assert!(number.decode(&HeaderMap::new(), wrong.as_bytes()).is_err(), "{kind}: {wrong}");
        }
    }
}

#[tokio::test]
async fn a_text_that_is_taken_has_an_id_of_its_own() {
    for kind in ProviderKind::ALL {
        let subject = Subject::of(*kind).await;
        let number = subject.connect(TIMEOUT);
        let first = number.send(&outgoing(TEXT)).await.unwrap();
        let second = number.send(&outgoing("Bye")).await.unwrap();
        assert!(!first.provider_id.is_empty() && first.provider_id != second.provider_id);
        assert_eq!(first.recipient.wa_id.as_deref(), Some(CUSTOMER), "{kind}");
        assert_eq!(number.typing(&outgoing("").to, "m1").await, Ok(()), "{kind}");
        if let Some(server) = &subject.server {
            assert_eq!(server.texts(), [TEXT, "Bye"], "{kind}");
        }
    }
}

#[tokio::test]
async fn an_error_says_whether_the_message_may_have_gone_out_and_when_to_try_again() {
    for kind in ProviderKind::ALL {
        let mut subject = Subject::of(*kind).await;
        let Some(server) = &subject.server else { continue };
        let has_window = subject.settings().has_window();
        for trouble in Trouble::ALL {
            if trouble == Trouble::ClosedWindow && !has_window {
                continue;
            }
            let timeout = match trouble {
                Trouble::Timeout => Duration::from_secs(1),
                _ => TIMEOUT,
            };
            server.play(trouble);
            let error = subject.connect(timeout).send(&outgoing(TEXT)).await.unwrap_err();
            // A proxy that fails may have passed the message on before.
            let explains = match (kind, trouble) {
                (ProviderKind::Kapso, Trouble::Outage) => matches!(error, Error::Unknown(_)),
                _ => trouble.explains(&error),
            };
            assert!(explains, "{kind} {trouble:?}: {error:?}");
            subject.assert_hidden(&format!("{error} {error:?} {:?}", error.fault()));
        }
        assert_eq!(server.texts(), [TEXT], "{kind}: only the one whose answer was lost");
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        for field in subject.form.fields.iter().filter(|field| field.kind == Kind::Url) {
            subject.fields.insert(field.name.to_owned(), nobody.clone());
        }
        let error = subject.connect(TIMEOUT).send(&outgoing(TEXT)).await.unwrap_err();
        let again = matches!(error.retry(1, 0.0), Retry::After(_));
        assert!(matches!(error, Error::NotSent(_)) && again, "{kind}: {error:?}");
        subject.assert_hidden(&format!("{error:?}"));
    }
}

#[tokio::test]
async fn secrets_are_in_no_debug_output_and_in_no_error() {
    for kind in ProviderKind::ALL {
        let subject = Subject::of(*kind).await;
        subject.assert_hidden(&format!("{:?}", subject.settings()));
        let limits = &Limits { allow_base_url: true, ..Limits::default() };
        for field in subject.form.fields.iter().filter(|field| field.kind == Kind::Secret) {
            let mut wrong = subject.fields.clone();
            wrong.get_mut(field.name).unwrap().push('\n');
            let error = subject.form.validate_all(&wrong, limits).unwrap_err();
            assert_eq!(error.field, Some(field.name), "{kind}");
            subject.assert_hidden(&format!("{error} {error:?}"));
            let settings = Settings::from_form(subject.form, "acme", &wrong).unwrap();
            let built = settings.build(&client(TIMEOUT));
            subject.assert_hidden(&built.err().unwrap_or_default());
            let mut unknown = subject.fields.clone();
            unknown.insert("nonsense".to_owned(), String::new());
            let error = subject.form.validate_all(&unknown, limits).unwrap_err();
            subject.assert_hidden(&format!("{error} {error:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_answer_of_the_api() {
    let key = "1".repeat(64);
    let setup = Setup::on(Db::Sqlite).extractive().with("[providers]\nallow_base_url = true");
    let app = setup.with(&format!("[secrets]\nkey = \"{key}\"")).start().await;
    for kind in ProviderKind::ALL {
        let mut subject = Subject::of(*kind).await;
        // The desk's own number has the same id.
        if subject.fields.get("phone_number_id").is_some_and(|id| id == MAIN) {
            subject.fields.insert("phone_number_id".to_owned(), "303030303030304".to_owned());
        }
        let wanted = json!({
            "slug": format!("contract-{kind}"), "provider": kind, "agent": "acme", "fields": subject.fields,
        });
        let (status, added) = app.call("/numbers", &wanted).await;
        assert_eq!(status, 201, "{kind}: {added}");
        subject.assert_hidden(&added.to_string());
        subject.assert_hidden(&app.get("/numbers").await.to_string());
    }
    app.stop().await;
}

/// The names of MIME types in README.
const NAMES: [(&str, &str); 17] = [
    ("image/jpeg", "JPEG"),
    ("image/png", "PNG"),
    ("video/mp4", "MP4"),
    ("video/3gpp", "3GP"),
    ("audio/ogg", "OGG"),
    ("audio/aac", "AAC"),
    ("audio/mp4", "M4A"),
    ("audio/mpeg", "MP3"),
    ("audio/amr", "AMR"),
    ("application/pdf", "PDF"),
    ("application/msword", "DOC"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "DOCX"),
    ("application/vnd.ms-excel", "XLS"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
    ("application/vnd.ms-powerpoint", "PPT"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "PPTX"),
    ("text/plain", "TXT"),
];

/// A row of README's table of what providers send, from the adapter's declaration.
fn row(provider: ProviderKind) -> String {
    let abilities = Abilities::of(provider);
    let kinds = [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Voice,
        MediaKind::Audio,
        MediaKind::Document,
    ];
    let cell = |kind: MediaKind| {
        let Some(one) = abilities.files.iter().find(|one| one.kind == kind) else {
            return "no".to_owned();
        };
        let name = |mime: &&str| NAMES.iter().find(|(known, _)| known == mime).unwrap().1;
        let names: Vec<_> = one.types.iter().map(name).collect();
        format!("{}; {} MB", names.join(", "), one.max_bytes / 1024 / 1024)
    };
    format!("| {provider} | 4,096 characters | {} |", kinds.map(cell).join(" | "))
}

#[test]
fn readme_says_what_each_provider_sends() {
    let readme = include_str!("../../README.md");
    for provider in ProviderKind::ALL {
        let row = row(*provider);
        assert!(readme.contains(&row), "README.md lacks the row\n{row}");
        let caption = Abilities::of(*provider).max_caption;
        let caption = format!("a caption of {},{:03} characters", caption / 1000, caption % 1000);
        assert!(readme.contains(&caption), "{caption}");
    }
}
