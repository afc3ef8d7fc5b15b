//! WhatsApp through Kapso, which passes on Meta's Cloud API and has webhooks of its own: receives those,
//! and calls Meta's API there.
//!
//! Its JSON stays in `wire`; what is Meta's is read and written in `graph`.

mod settings;
mod form;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::GuardedClient;
use http::{HeaderMap, HeaderName};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::graph::{self, Graph};
use super::http_client::endpoint;
use super::signature::SignatureHeader;
use super::{
    Abilities, DescribeNumber, Error, MalformedWebhook, OutgoingMessage, Provider, Receiver,
    SentMessage, Spec, TemplateCatalog, UnverifiedWebhook, UploadFile,
};
use crate::domain::{Item, Media, Party};

pub(super) use settings::Settings;

/// Entry in the table of adapters.
pub(super) static SPEC: Spec<Settings> = Spec {
    form: form::FORM,
    stored_body: wire::stored_body,
    brings_files: false,
    has_window: true,
    abilities: Abilities::WHATSAPP,
    agent: |settings| &settings.agent,
    sending: Settings::sending,
    connect: |settings, client| Ok(Arc::new(Kapso::new(settings, client)?)),
};

/// Header with the project's key.
const KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Header with the signature of a webhook.
const SIGNATURE: SignatureHeader =
    SignatureHeader { name: "x-webhook-signature", needs_prefix: false };

/// A number at Kapso.
pub(super) struct Kapso {
    /// Meta's API, as Kapso passes it on.
    graph: Graph,
    /// Kapso's own description of the number.
    about_url: Url,
    webhook_secret: SecretString,
    transcripts: bool,
}

impl Kapso {
    /// Creates the adapter. The error names the invalid setting.
    fn new(settings: &Settings, client: &GuardedClient) -> Result<Self, String> {
        settings.check()?;
        let (base, id) = (settings.base()?, settings.phone_number_id.clone());
        let about_url =
            endpoint(&base, &["platform", "v1", "whatsapp", "phone_numbers", id.as_str()]);
        let graph = Graph {
            is_proxied: true,
            phone_number_id: id,
            account_id: settings.account_id.clone().filter(|id| !id.is_empty()),
            base: endpoint(&base, &["meta", "whatsapp", settings.version.as_str()]),
            key: (KEY, settings.key()?),
            secret: settings.api_key.clone(),
            // Meta's own hosts do not know the key.
            file_hosts: &[],
            // The key is in a header of its own, which a redirect would take to another host.
            client: client
                .without_redirects()
                .map_err(|error| format!("cannot set up HTTP: {error}"))?,
        };
        let (webhook_secret, transcripts) = (settings.webhook_secret.clone(), settings.transcripts);
        Ok(Self { graph, about_url, webhook_secret, transcripts })
    }

    /// Queries Kapso about the number.
    async fn about(&self) -> Result<Value, Error> {
        let answer = self.graph.ask(self.about_url.clone()).await?;
        Ok(answer.get("data").cloned().unwrap_or(answer))
    }
}

impl Receiver for Kapso {
    fn external_id(&self) -> &str {
        &self.graph.phone_number_id
    }

    fn verify_webhook(&self, _query: &[(String, String)]) -> Option<String> {
        None
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook> {
        SIGNATURE.given(headers).map(drop)
    }

    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), UnverifiedWebhook> {
        SIGNATURE.check(headers, &self.webhook_secret, body)
    }

    fn decode(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
        wire::decode(headers, body, self.transcripts)
    }
}

#[async_trait]
impl Provider for Kapso {
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
        Ok(graph::describe(&self.about().await?).words)
    }

    fn uploader(&self) -> Option<&dyn UploadFile> {
        Some(&self.graph)
    }

    fn describer(&self) -> Option<&dyn DescribeNumber> {
        Some(self)
    }

    fn template_catalog(&self) -> Option<&dyn TemplateCatalog> {
        Some(&self.graph)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
    use serde_json::json;

    use super::super::test_data::shared;
    use super::*;

    fn kapso(secret: &str) -> Kapso {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings =
            json!({"agent": "a", "phone_number_id": "1", "api_key": "k", "webhook_secret": secret});
        let client = super::super::client(Duration::from_secs(1), None).unwrap();
        Kapso::new(&serde_json::from_value(settings).unwrap(), &client).unwrap()
    }

    #[test]
    fn captured_signatures_are_checked_over_the_raw_bytes() {
        let Some(vectors) = shared("fixtures/signatures.json") else { return };
        let vectors: Value = serde_json::from_slice(&vectors).unwrap();
        let of_kapso = vectors.as_array().unwrap().iter().filter(|one| one["provider"] == "kapso");
        for vector in of_kapso {
            let get = |key: &str| vector[key].as_str().unwrap();
            let (kapso, body) = (kapso(get("secret")), get("body_utf8"));
            let signed = |value: &str, body: &str| {
                let name = HeaderName::from_bytes(get("header").as_bytes()).unwrap();
                let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
                kapso.admit(&headers).and(kapso.authenticate(&headers, body.as_bytes()))
            };
            assert_eq!(signed(get("value"), body), Ok(()));
            assert_eq!(signed(get("also_accept"), body), Ok(()));
            assert!(signed(get("value"), &format!("{body} ")).is_err());
            assert!(signed(&get("value")[2..], body).is_err());
            assert!(kapso.authenticate(&HeaderMap::new(), body.as_bytes()).is_err());
            let items = kapso.decode(&HeaderMap::new(), body.as_bytes()).unwrap();
            assert_eq!(items.len(), 1);
        }
        assert!(
            kapso("x").graph.endpoint(&["1", "messages"]).as_str()
                == "https://api.kapso.ai/meta/whatsapp/v24.0/1/messages"
        );
        assert_eq!(
            kapso("x").about_url.as_str(),
            "https://api.kapso.ai/platform/v1/whatsapp/phone_numbers/1"
        );
    }
}
