//! A client of a desk's API. Streams answers of the sandbox.

use anyhow::{Context, bail};
use frontdesk_promptfoo::result::OpenWord;
use futures::StreamExt;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::stream::SandboxEventName;
use crate::domain::trial::TrialOutcome;
use crate::domain::{Line, Trace};

pub(super) struct DeskClient {
    /// The desk's address.
    pub(super) url: String,
    /// The desk's admin key.
    pub(super) key: String,
}

/// The result of a sandbox turn.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API's word for it")]
pub(super) struct Outcome {
    /// Outcome of the turn; a newer desk may use unknown words.
    pub(super) outcome: OpenWord,
    /// The messages the customer would get.
    pub(super) bubbles: Vec<String>,
    /// The reason for a hand-off or for silence, if there is one.
    pub(super) reason: Option<String>,
    /// Trace of the turn.
    pub(super) trace: Trace,
    /// State of the conversation, for the next turn; an older desk has none.
    pub(super) state: Option<String>,
    /// Whether the customer opted out.
    #[serde(default)]
    pub(super) opted_out: bool,
}

impl Outcome {
    /// Whether the turn had this outcome.
    pub(super) fn is(&self, outcome: TrialOutcome) -> bool {
        self.outcome.as_str() == outcome.as_str()
    }
}

pub(super) struct SandboxRequest<'a> {
    pub(super) agent: Option<&'a str>,
    pub(super) prompt: Option<&'a str>,
    pub(super) history: &'a [Line],
    /// The state after the turn before.
    pub(super) state: Option<&'a str>,
    /// Whether a person resolves the conversation before this message.
    pub(super) resolve: bool,
    pub(super) text: &'a str,
    /// A voice note: its file name and bytes.
    pub(super) recording: Option<(String, Vec<u8>)>,
}

impl DeskClient {
    /// Runs a turn; `hear` receives the answer in pieces.
    pub(super) async fn ask(
        &self,
        asked: &SandboxRequest<'_>,
        hear: impl Fn(&str),
    ) -> anyhow::Result<Outcome> {
        let body = json!({
            "agent": asked.agent, "prompt": asked.prompt, "history": asked.history, "text": asked.text,
            "state": asked.state, "resolve": asked.resolve,
        });
        let request = reqwest::Client::new()
            .post(format!("{}/api/v1/sandbox/turns", self.url))
            .header("accept", "text/event-stream");
        let request = match &asked.recording {
            None => request.json(&body),
            Some((name, bytes)) => {
                let file = Part::bytes(bytes.clone()).file_name(name.clone());
                request.multipart(
                    Form::new().text("request", body.to_string()).part("recording", file),
                )
            }
        };
        let mut stream = accepted(self.send(request).await?).await?.bytes_stream();
        let mut pending = Vec::new();
        while let Some(bytes) = stream.next().await {
            pending.extend_from_slice(&bytes.context("the connection to the desk broke")?);
            while let Some(event) = next_event(&mut pending) {
                match event.name.parse::<SandboxEventName>() {
                    Ok(SandboxEventName::Text) => {
                        hear(&serde_json::from_str::<String>(&event.data)?);
                    }
                    Ok(SandboxEventName::Done) => return Ok(serde_json::from_str(&event.data)?),
                    // Keep-alive comments have no name; a newer desk may send other events.
                    Ok(SandboxEventName::Error) | Err(_) => {}
                }
            }
        }
        bail!("the desk hung up before it had answered")
    }

    /// Returns the short names of the agents.
    pub(super) async fn agents(&self) -> anyhow::Result<Vec<String>> {
        let request = reqwest::Client::new().get(format!("{}/api/v1/agents", self.url));
        let all: Vec<Value> = accepted(self.send(request).await?).await?.json().await?;
        Ok(all.iter().filter_map(|agent| Some(agent["slug"].as_str()?.to_owned())).collect())
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let request = reqwest::Client::new().post(format!("{}/api/v1{path}", self.url)).json(body);
        let response = self.send(request).await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.bearer_auth(&self.key).send().await.with_context(|| {
            format!(
                "no desk answers at {}; start one with `make run` or `frontdesk serve`",
                self.url
            )
        })
    }
}

/// Returns a response unless the desk refused the request; the error then has its words.
async fn accepted(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let url = response.url().clone();
    let problem: Value = response.json().await.unwrap_or_default();
    match problem["detail"].as_str() {
        Some(detail) => bail!("{detail}"),
        None => bail!("{url} answers {status}, which is no answer of a desk: check the address"),
    }
}

struct Event {
    name: String,
    data: String,
}

/// Removes the next complete server-sent event from the received bytes.
fn next_event(pending: &mut Vec<u8>) -> Option<Event> {
    let end = pending.windows(2).position(|two| two == b"\n\n")?;
    let block: Vec<u8> = pending.drain(..end + 2).collect();
    let mut event = Event { name: String::new(), data: String::new() };
    for line in String::from_utf8_lossy(&block).lines() {
        if let Some(name) = line.strip_prefix("event:") {
            name.trim().clone_into(&mut event.name);
        } else if let Some(data) = line.strip_prefix("data:") {
            event.data.push_str(data.trim_start());
        }
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_only_a_newer_desk_knows_is_read() {
        let trace = serde_json::to_value(Trace::default()).unwrap();
        let told = json!({"outcome": "postponed", "bubbles": [], "reason": null, "trace": trace});
        let told: Outcome = serde_json::from_value(told).unwrap();
        assert_eq!(told.outcome.as_str(), "postponed");
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let mut pending = b"event: text\ndata: \"a\"\n\nevent: do".to_vec();
        let first = next_event(&mut pending).map(|event| (event.name, event.data));
        assert_eq!(first, Some(("text".into(), "\"a\"".into())));
        assert!(next_event(&mut pending).is_none());
        pending.extend_from_slice(b"ne\ndata: {}\n\n: keep-alive\n\n");
        assert_eq!(next_event(&mut pending).map(|event| event.name), Some("done".into()));
        assert_eq!(next_event(&mut pending).map(|event| event.name), Some(String::new()));
        assert!(pending.is_empty());
    }
}
