//! The instance on the server, and its pairing with the phone.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use reqwest::{RequestBuilder, Url};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::super::exchange::{self, RequestError, refused};
use super::super::{Class, DeviceLink, Error, MissedMessages, Pairing, json};
use super::request::Call;
use super::{Evolution, KEY, answer, settings, wire};
use crate::domain::time::Millis;
use crate::domain::{ConnectionChange, ConnectionReason, ConnectionState, Fault};

/// The events that webhooks bring. An empty list would mean all of them.
const EVENTS: [&str; 11] = [
    "MESSAGES_UPSERT",
    "MESSAGES_UPDATE",
    "MESSAGES_EDITED",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "CONNECTION_UPDATE",
    "QRCODE_UPDATED",
    "CALL",
    "STATUS_INSTANCE",
    "LOGOUT_INSTANCE",
    "REMOVE_INSTANCE",
];
/// Messages on a page of the server's list of them, and the most pages that are read.
const PAGE_LEN: usize = 50;
const MAX_PAGES: usize = 40;
/// Maximum size of a page, in bytes: pictures have previews in it, a number for each byte.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;
/// How often and with which pause it is looked whether a pairing ended: the server does not wait for it.
const CLOSING_LOOKS: usize = 6;
const CLOSING_PAUSE: Duration = Duration::from_millis(500);
/// Maximum length of a QR code's content and of a pairing code, in bytes.
const MAX_CODE_LEN: usize = 1000;

#[async_trait]
impl DeviceLink for Evolution {
    async fn set_up(&self, webhook_url: &str) -> Result<(), Error> {
        match self.state().await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => self.create().await?,
            Err(error) => return Err(error),
        }
        self.check_reach(webhook_url)?;
        let bearer = format!("Bearer {}", self.webhook_secret.expose_secret());
        // Files are fetched: one above the limit of a webhook would take its message with it.
        let webhook = json!({"webhook": {"enabled": true, "url": webhook_url, "byEvents": false, "base64": false,
            "headers": {"authorization": bearer}, "events": EVENTS}});
        self.set("webhook", webhook).await?;
        self.set_calls().await
    }

    async fn connection(&self) -> Result<ConnectionChange, Error> {
        let state = match self.state().await {
            Err(error) if is_missing(&error) => {
                return Ok(ConnectionReason::InstanceRemoved.into());
            }
            state => state?,
        };
        Ok(match state.as_str() {
            "open" => ConnectionState::Ready.into(),
            "connecting" => ConnectionState::Connecting.into(),
            _ => self.closed().await?,
        })
    }

    async fn pair(&self, phone: Option<&str>) -> Result<Pairing, Error> {
        if phone.is_some() {
            self.end_pairing().await?;
        }
        let mut url = self.endpoint(&["instance", "connect", &self.instance]);
        if let Some(phone) = phone {
            url.query_pairs_mut().append_pair("number", phone);
        }
        Ok(pairing(&self.get(url).await?))
    }

    async fn messages_since(&self, since: Millis) -> Result<MissedMessages, Error> {
        let owner = self.row().await?.and_then(|row| json::text(&row, "ownerJid"));
        let webhook = |data: Vec<Value>| {
            json!({"event": "messages.upsert", "instance": self.instance, "sender": owner, "data": data})
                .to_string()
                .into_bytes()
        };
        let (mut found, mut is_complete) = (Vec::new(), false);
        for page in 1..=MAX_PAGES {
            let records = self.page(page).await?;
            // Newest first. The server's own filter by time differs between its versions.
            let is_old = |record: &Value| sent_at(record) < since;
            is_complete = records.len() < PAGE_LEN || records.last().is_some_and(is_old);
            found.extend(records.into_iter().filter(|record| !is_old(record)));
            if is_complete {
                break;
            }
        }
        found.reverse();
        Ok(MissedMessages {
            webhooks: by_chat(found).into_iter().map(webhook).collect(),
            is_complete,
        })
    }

    async fn restart(&self) -> Result<(), Error> {
        let call = Call { method: ["instance", "restart"], body: json!({}), file_len: 0 };
        let refused_restart = |error| match error {
            // Its words are `[object Object]`.
            Error::Refused { class: Class::OurFault, fault, .. } if fault.code == 200 => refused(
                Class::OurFault,
                "the instance is not connected: connect it, there is nothing to restart",
            ),
            other => other,
        };
        self.ask(self.post(&call)?).await.map(drop).map_err(refused_restart)
    }

    async fn log_out(&self) -> Result<(), Error> {
        let url = self.endpoint(&["instance", "logout", &self.instance]);
        match self.ask(self.delete_request(url)?).await {
            Err(Error::Refused { fault, .. }) if fault.title.contains("is not connected") => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn delete(&self) -> Result<(), Error> {
        let url = self.endpoint(&["instance", "delete", &self.instance]);
        match self.ask(self.delete_request(url)?).await {
            Err(error) if is_missing(&error) => Ok(()),
            answer => answer.map(drop),
        }
    }
}

impl Evolution {
    fn delete_request(&self, url: Url) -> Result<RequestBuilder, Error> {
        Ok(self.client.request(Method::DELETE, url)?.header(KEY, self.key.clone()))
    }

    /// Changes a part of the instance.
    async fn set(&self, part: &'static str, body: Value) -> Result<(), Error> {
        let call = Call { method: [part, "set"], body, file_len: 0 };
        self.ask(self.post(&call)?).await.map(drop)
    }

    /// The server's word for the instance's connection.
    pub(super) async fn state(&self) -> Result<String, Error> {
        let url = self.endpoint(&["instance", "connectionState", &self.instance]);
        let answer = self.get(url).await?;
        let state = answer.get("instance").and_then(|instance| json::text(instance, "state"));
        state.ok_or_else(|| {
            refused(
                Class::OurFault,
                "server_url answers, but is no server of Evolution API: take its address without /manager",
            )
        })
    }

    /// Refuses an address of this machine for the webhooks of a server that is elsewhere.
    fn check_reach(&self, webhook_url: &str) -> Result<(), Error> {
        let host =
            webhook_url.parse::<Url>().ok().and_then(|url| url.host_str().map(str::to_owned));
        let is_own = host
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
        if is_own && !settings::is_local(&self.server) {
            let why = format!(
                "its webhooks would go to {webhook_url}, which only this machine reaches: set [http] base_url to the desk's public address"
            );
            return Err(refused(Class::OurFault, why));
        }
        Ok(())
    }

    /// Ends a pairing that began without the phone, since it has no code for it. A number that was
    /// paired before and connects anew is left alone.
    async fn end_pairing(&self) -> Result<(), Error> {
        if self.state().await? != "connecting" || self.pair(None).await?.qr.is_none() {
            return Ok(());
        }
        // A server that cannot end it gives no code, and the QR code is left.
        drop(self.log_out().await);
        for _ in 0..CLOSING_LOOKS {
            if self.state().await? != "connecting" {
                break;
            }
            tokio::time::sleep(CLOSING_PAUSE).await;
        }
        Ok(())
    }

    /// A page of the server's list of messages, without what is not read.
    async fn page(&self, page: usize) -> Result<Vec<Value>, Error> {
        let body = json!({"where": {}, "page": page, "offset": PAGE_LEN});
        let call = Call { method: ["chat", "findMessages"], body, file_len: 0 };
        let answer = exchange::send_request_within(self.post(&call)?, MAX_PAGE_BYTES).await;
        let answer = answer.map_err(RequestError::of_read_only)?;
        let mut answer = answer::taken(answer, self.api_key.expose_secret())?;
        wire::without_files(&mut answer);
        match answer.pointer_mut("/messages/records").map(Value::take) {
            Some(Value::Array(records)) => Ok(records),
            _ => Err(refused(Class::OurFault, "the server answers with no list of messages")),
        }
    }

    /// The instance as the server lists it.
    async fn row(&self) -> Result<Option<Value>, Error> {
        let mut url = self.endpoint(&["instance", "fetchInstances"]);
        url.query_pairs_mut().append_pair("instanceName", &self.instance);
        let mut answer = self.get(url).await?;
        Ok(answer.as_array_mut().and_then(|rows| (!rows.is_empty()).then(|| rows.swap_remove(0))))
    }

    /// Makes the instance. It connects to nothing yet.
    async fn create(&self) -> Result<(), Error> {
        let url = self.endpoint(&["instance", "create"]);
        let body = json!({"instanceName": self.instance, "integration": "WHATSAPP-BAILEYS", "qrcode": false, "groupsIgnore": true});
        let request = self.client.post(url)?.header(KEY, self.key.clone()).json(&body);
        let hint = |error| match error {
            Error::Refused { class: Class::Token, fault, retry_after } if fault.code == 401 => {
                let details = Some(
                    "Only the server's global key (AUTHENTICATION_API_KEY) makes instances: enter it as the number's API key, or make the \
                     instance in Evolution's manager."
                        .to_owned(),
                );
                Error::Refused {
                    class: Class::Token,
                    fault: Fault { details, ..fault },
                    retry_after,
                }
            }
            other => other,
        };
        self.ask(request).await.map(drop).map_err(hint)
    }

    /// Lets the server reject calls with the message, or none. It takes all settings at once, so the
    /// others stay as they are. A message of the server's manager would look like a person's.
    async fn set_calls(&self) -> Result<(), Error> {
        let url = self.endpoint(&["settings", "find", &self.instance]);
        let found = self.get(url).await?;
        let is_on = |name: &str| found.get(name).and_then(Value::as_bool).unwrap_or(false);
        let (before, message) =
            (json::text(&found, "msgCall").unwrap_or_default(), &self.call_message);
        let rejects = message.is_some() || is_on("rejectCall") && before.is_empty();
        let message = message.as_deref().unwrap_or_default();
        if before == message && is_on("rejectCall") == rejects {
            return Ok(());
        }
        let mut settings = json!({"rejectCall": rejects, "msgCall": message});
        for name in
            ["groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory"]
        {
            settings[name] = is_on(name).into();
        }
        self.set("settings", settings).await
    }

    /// What became of an instance that is closed: it is for a moment, too, whenever it connects anew.
    async fn closed(&self) -> Result<ConnectionChange, Error> {
        let row = self.row().await?.unwrap_or_default();
        if json::text(&row, "connectionStatus").is_some_and(|state| state != "close") {
            return Ok(ConnectionState::Connecting.into());
        }
        let code = json::whole(&row, "disconnectionReasonCode");
        Ok(code.map_or(ConnectionReason::NotPaired, wire::reason).into())
    }
}

/// What `connect` answered: the newest codes, or that the instance is linked.
fn pairing(answer: &Value) -> Pairing {
    let code = |name: &str| {
        let is_code = |code: &String| {
            (1..=MAX_CODE_LEN).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_graphic())
        };
        json::text(answer, name).filter(is_code)
    };
    let state = answer.get("instance").and_then(|instance| json::text(instance, "state"));
    Pairing {
        is_done: state.as_deref() == Some("open"),
        qr: code("code"),
        code: code("pairingCode"),
    }
}

/// The messages of each chat, in their order.
fn by_chat(records: Vec<Value>) -> Vec<Vec<Value>> {
    let mut chats = Vec::<(Option<String>, Vec<Value>)>::new();
    for record in records {
        let chat = record.get("key").and_then(|key| json::text(key, "remoteJid"));
        match chats.iter_mut().find(|(known, _)| *known == chat) {
            Some((_, records)) => records.push(record),
            None => chats.push((chat, vec![record])),
        }
    }
    chats.into_iter().map(|(_, records)| records).collect()
}

/// When a listed message was sent, in Unix milliseconds.
fn sent_at(record: &Value) -> Millis {
    wire::whole(record, "messageTimestamp").unwrap_or_default().saturating_mul(1000)
}

/// Whether the server has no instance of this name.
fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Refused { fault, .. } if fault.code == 404 && fault.title.contains("nstance"))
}

#[cfg(test)]
mod tests {
    use super::super::super::test_data::shared;
    use super::*;

    #[test]
    fn what_connect_answers_is_read() {
        let of = |answer: Value| pairing(&answer);
        assert!(of(json!({"count": 0})) == Pairing::default());
        assert!(of(json!({"instance": {"instanceName": "shop1", "state": "open"}})).is_done);
        assert!(of(json!([1, {"code": 2}])) == Pairing::default());
        let long = "x".repeat(MAX_CODE_LEN + 1);
        assert!(of(json!({"code": long, "pairingCode": ""})) == Pairing::default());
        let Some(body) = shared("fixtures/evolution/res.edge.connect_200_qr.json") else { return };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let found = of(body.clone());
        assert_eq!(found.qr.as_deref(), body["code"].as_str());
        assert!(!found.is_done && found.qr.is_some(), "{body}");
    }
}
