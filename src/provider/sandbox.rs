//! An in-process number for trials and tests: accepts webhooks like any other and sends to nobody.
//! What is written to it opts nobody out or in.
//!
//! A webhook is `{"messages": [{"id"?, "from", "text", "name"?, "timestamp"?}]}`, times in seconds
//! since 1970. For a recording, `voice`, `audio` or `video` replaces `text`: `{"data": base64,
//! "mime_type"?, "transcript"?, "caption"?}`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::signature::SignatureHeader;
use super::{
    Abilities, Error, Field, FileUpload, Form, Kind, MalformedWebhook, OutgoingMessage, Provider,
    Receiver, SentMessage, Spec, Step, UnverifiedWebhook, UploadFile, UploadedFile, json,
};
use crate::domain::time::now_ms;
use crate::domain::{
    Account, Blob, Content, Event, Inbound, Item, Media, MediaKind, Other, Party, ProviderKind,
    Sending, Unknown,
};

/// Header with the signature of a webhook.
const SIGNATURE: SignatureHeader =
    SignatureHeader { name: "x-frontdesk-signature", needs_prefix: true };
/// Maximum sent messages kept in memory.
const REMEMBERED: usize = 1000;

/// How long an upload can be sent: as long as Meta's.
const UPLOAD_VALID_FOR: Duration = Duration::from_hours(30 * 24);

/// Entry in the table of adapters.
pub(super) static SPEC: Spec<Settings> = Spec {
    form: FORM,
    stored_body: |_, body| body,
    brings_files: false,
    has_window: false,
    abilities: Abilities::WHATSAPP,
    agent: |settings| &settings.agent,
    sending: |settings| Sending { rate: settings.rate, unknown: settings.unknown, template: None },
    connect: |settings, _| Ok(Arc::new(Sandbox::new(settings))),
};

const FORM: Form = Form {
    provider: ProviderKind::Sandbox,
    title: "Practice number",
    about: "A number of this desk alone: it takes in webhooks like any other and sends to nobody. For trying the whole way of a message \
            without WhatsApp.",
    fields: &[
        Field::required("id", Kind::Text, "Id")
            .help("By which its webhooks name it; any small letters, digits, - and _.")
            .pattern("^[a-z0-9_-]{1,40}$")
            .like("practice"),
        Field::optional("secret", Kind::Secret, "Secret")
            .help("Its webhooks are signed with it: header X-Frontdesk-Signature, as GitHub and Meta do it.")
            .pattern("^[!-~]{8,200}$"),
        Field::optional("insecure", Kind::Switch, "Take unsigned webhooks")
            .help("For practice alone: everybody who reaches the desk can then write in a customer's name.")
            .like("false"),
    ],
    steps: &[Step {
        title: "Send it a message",
        text: "In a terminal: `curl -d '{\"messages\": [{\"from\": \"15550100001\", \"text\": \"When do you open?\"}]}' CALLBACK`, with \
               the callback address. With a secret, sign the body: `-H \"X-Frontdesk-Signature: sha256=HEX\"`, the HMAC-SHA256 of the \
               body in hex. The conversation appears in the inbox.",
        shows: &[super::Shows::CallbackUrl],
    }],
    practice: true,
    credentials: &[],
    detect_mistake: |_, _| None,
    verification: |_| None,
};

/// Settings of an in-process number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The agent that answers on the number.
    pub agent: String,
    /// The number's id, used by events.
    #[serde(default = "default_id")]
    pub id: String,
    /// Secret that signs webhooks.
    #[serde(default)]
    pub secret: Option<SecretString>,
    /// Whether to accept unsigned webhooks when there is no `secret`.
    #[serde(default)]
    pub insecure: bool,
    /// Messages per second.
    #[serde(default = "default_rate")]
    pub rate: f64,
    /// What to do with a message whose outcome stays unknown.
    #[serde(default)]
    pub unknown: Unknown,
    /// Whether to use the transcript that comes with a recording instead of transcribing it.
    #[serde(default)]
    pub transcripts: bool,
}

fn default_rate() -> f64 {
    1000.0
}

/// An in-process number.
pub(super) struct Sandbox {
    id: String,
    secret: Option<SecretString>,
    insecure: bool,
    transcripts: bool,
    sent: Mutex<VecDeque<OutgoingMessage>>,
}

impl Sandbox {
    fn new(settings: &Settings) -> Self {
        Self {
            id: settings.id.clone(),
            secret: settings.secret.clone().filter(|secret| !secret.expose_secret().is_empty()),
            insecure: settings.insecure,
            transcripts: settings.transcripts,
            sent: Mutex::default(),
        }
    }

    fn event(&self, message: &Value) -> Event {
        self.inbound(message).unwrap_or_else(|| {
            Event::Other(Box::new(Other {
                kind: "unreadable_message".to_owned(),
                payload: message.clone(),
                ..Other::default()
            }))
        })
    }

    fn inbound(&self, message: &Value) -> Option<Event> {
        let from = json::text(message, "from")?;
        Some(Event::Message(Box::new(Inbound {
            provider_id: json::text(message, "id").unwrap_or_else(new_id),
            from: Party {
                wa_id: Some(from.trim_start_matches('+').to_owned()),
                name: json::text(message, "name"),
                ..Party::default()
            },
            sent_at: json::time(message, "timestamp"),
            content: self.content(message)?,
            reply_to: None,
            referral: None,
            group: None,
            imported: false,
            faults: Vec::new(),
        })))
    }
}

impl Sandbox {
    /// Content of a message: a recording or text. `None` if neither can be read.
    fn content(&self, message: &Value) -> Option<Content> {
        let kinds = [MediaKind::Voice, MediaKind::Audio, MediaKind::Video];
        let found = kinds.into_iter().find_map(|kind| Some((message.get(kind.as_str())?, kind)));
        let Some((file, kind)) = found else {
            return Some(Content::Text { body: json::string(message, "text")? });
        };
        let bytes = STANDARD.decode(file.get("data")?.as_str()?.trim()).ok()?;
        Some(Content::Media(Media {
            kind,
            mime_type: json::text(file, "mime_type"),
            caption: json::text(file, "caption"),
            transcript: json::text(file, "transcript").filter(|_| self.transcripts),
            bytes: Some(Blob(bytes.into())),
            ..Media::default()
        }))
    }
}

impl Receiver for Sandbox {
    fn external_id(&self) -> &str {
        &self.id
    }

    fn verify_webhook(&self, _query: &[(String, String)]) -> Option<String> {
        None
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook> {
        match &self.secret {
            Some(_) => SIGNATURE.given(headers).map(drop),
            None if self.insecure => Ok(()),
            None => Err(UnverifiedWebhook(format!(
                "the sandbox number {} has no secret to check webhooks with: set secret, or insecure = true to take \
                 them unchecked",
                self.id
            ))),
        }
    }

    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), UnverifiedWebhook> {
        self.admit(headers)?;
        match &self.secret {
            Some(secret) => SIGNATURE.check(headers, secret, body),
            None => Ok(()),
        }
    }

    fn decode(&self, _headers: &HeaderMap, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
        let top = json::parse(body)?;
        if top.get("messages").is_none() {
            return Err(MalformedWebhook(
                "the body has no `messages`: it is no webhook of the sandbox".into(),
            ));
        }
        let number = || Some(self.id.clone());
        let messages = json::list(&top, "messages").iter();
        let item = |message| Item {
            number: number(),
            account: Account::default(),
            event: self.event(message),
        };
        Ok(messages.map(item).collect())
    }
}

#[async_trait]
impl Provider for Sandbox {
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error> {
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back(outgoing.clone());
        Ok(SentMessage { provider_id: new_id(), recipient: outgoing.to.clone() })
    }

    async fn typing(&self, _customer: &Party, _message: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn media(&self, _media: &Media, _limit: usize) -> Result<Vec<u8>, Error> {
        Err(Error::NotSent(
            "the recording is not kept any more, and the sandbox has no other copy".to_owned(),
        ))
    }

    async fn check(&self) -> Result<String, Error> {
        Ok("in-process".to_owned())
    }

    fn uploader(&self) -> Option<&dyn UploadFile> {
        Some(self)
    }

    fn practice_webhook(&self, from: &str, text: &str) -> Option<Vec<u8>> {
        // With an id, so that a replay finds the message instead of making another.
        let message = serde_json::json!({"id": new_id(), "timestamp": now_ms() / 1_000, "from": from, "text": text});
        let body = serde_json::json!({"messages": [message]});
        Some(body.to_string().into_bytes())
    }
}

#[async_trait]
impl UploadFile for Sandbox {
    async fn upload(&self, _file: FileUpload) -> Result<UploadedFile, Error> {
        Ok(UploadedFile { media_id: new_id(), valid_for: UPLOAD_VALID_FOR })
    }
}

fn default_id() -> String {
    "sandbox".to_owned()
}

fn new_id() -> String {
    format!("sandbox.{}", ulid::Ulid::generate())
}

#[cfg(test)]
mod tests {
    use super::super::OutgoingContent;
    use super::super::{Settings as Any, signature};
    use super::*;
    use serde_json::json;

    fn sandbox(settings: &Value) -> Sandbox {
        match serde_json::from_value(settings.clone()).unwrap() {
            Any::Sandbox(settings) => Sandbox::new(&settings),
            other => panic!("a sandbox was asked for, not {}", other.provider()),
        }
    }

    fn open() -> Sandbox {
        sandbox(&json!({"provider": "sandbox", "agent": "a", "insecure": true}))
    }

    fn outgoing(text: &str) -> OutgoingMessage {
        let to = Party { wa_id: Some("4477".into()), ..Party::default() };
        OutgoingMessage {
            to,
            content: OutgoingContent::Text(text.into()),
            reply_to: None,
            reference: "r".into(),
        }
    }

    #[test]
    fn messages_are_read_and_a_bad_one_does_not_lose_the_others() {
        let body = json!({"messages": [
            {"id": "m1", "from": "+4477", "text": "hi\u{0}", "name": "Ana", "timestamp": 1_760_000_000},
            {"text": "from nobody"},
            7,
            {"from": 4478, "text": ""},
        ]});
        let items = open().decode(&HeaderMap::new(), body.to_string().as_bytes()).unwrap();
        assert_eq!(items.len(), 4);
        assert!(items.iter().all(|item| item.number.as_deref() == Some("sandbox")));
        let Event::Message(first) = &items[0].event else { panic!("{items:?}") };
        assert_eq!(first.provider_id, "m1");
        assert_eq!(first.from.wa_id.as_deref(), Some("4477"));
        assert_eq!(first.sent_at, 1_760_000_000_000);
        assert_eq!(first.content, Content::Text { body: "hi\u{fffd}".into() });
        assert!(
            matches!(&items[1].event, Event::Other(other) if other.kind == "unreadable_message")
        );
        assert!(matches!(&items[2].event, Event::Other(_)));
        assert!(
            matches!(&items[3].event, Event::Message(m) if m.provider_id.starts_with("sandbox."))
        );
        for wrong in ["", "[]", "{}", "hello"] {
            assert!(open().decode(&HeaderMap::new(), wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_practice_message_is_the_same_one_when_its_webhook_is_read_again() {
        let body = open().practice_webhook("4477", "hi").unwrap();
        let read = || match open().decode(&HeaderMap::new(), &body).unwrap().remove(0).event {
            Event::Message(message) => *message,
            other => panic!("{other:?}"),
        };
        assert_eq!(read().provider_id, read().provider_id);
        assert!(read().sent_at > 1_760_000_000_000 && read().from.wa_id.as_deref() == Some("4477"));
    }

    #[test]
    fn webhooks_are_checked_unless_the_owner_says_otherwise() {
        let body = br#"{"messages":[]}"#;
        let mut headers = HeaderMap::new();
        assert!(open().authenticate(&headers, body).is_ok());
        let bare = sandbox(&json!({"provider": "sandbox", "agent": "a", "secret": ""}));
        let refused = bare.authenticate(&headers, body).unwrap_err().to_string();
        assert!(refused.contains("set secret") && refused.contains("insecure = true"), "{refused}");
        let signed = sandbox(&json!({"provider": "sandbox", "agent": "a", "secret": "s"}));
        assert!(signed.authenticate(&headers, body).is_err());
        headers.insert(SIGNATURE.name, signature::sign("s", body).parse().unwrap());
        assert!(signed.authenticate(&headers, body).is_ok());
    }

    #[test]
    fn a_mistyped_key_is_answered_with_the_right_ones() {
        let wrong = json!({"provider": "sandbox", "agent": "a", "sekret": "s"});
        let error = serde_json::from_value::<Any>(wrong).unwrap_err().to_string();
        assert!(error.contains("sekret") && error.contains("`secret`"), "{error}");
    }

    #[tokio::test]
    async fn the_last_thousand_sent_messages_are_remembered() {
        let sandbox = open();
        for n in 0..=REMEMBERED {
            sandbox.send(&outgoing(&n.to_string())).await.unwrap();
        }
        let sent = sandbox.sent.lock().unwrap();
        assert_eq!(sent.len(), REMEMBERED);
        let first = sent.front().map(|message| message.content.clone());
        assert_eq!(first, Some(OutgoingContent::Text("1".into())));
    }

    #[tokio::test]
    async fn every_sent_message_has_its_own_id() {
        let sandbox = open();
        let first = sandbox.send(&outgoing("a")).await.unwrap();
        let second = sandbox.send(&outgoing("b")).await.unwrap();
        assert_ne!(first.provider_id, second.provider_id);
        assert_eq!(first.recipient.wa_id.as_deref(), Some("4477"));
        assert_eq!(sandbox.typing(&Party::default(), "m").await, Ok(()));
        assert!(sandbox.media(&Media::default(), 10).await.is_err());
        assert_eq!(sandbox.check().await.as_deref(), Ok("in-process"));
    }
}
