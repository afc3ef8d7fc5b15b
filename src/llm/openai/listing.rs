//! Lists an endpoint's models for a model picker: cached, and with a short timeout.

use std::time::{Duration, Instant};

use frontdesk_endpoint::Endpoint;
use serde_json::Value;

use super::wire::names;

/// Timeout of a listing request.
const LISTING_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of a listing that a start waits for.
const START_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a listing is cached. A failed request is cached as long.
const CACHE_TTL: Duration = Duration::from_mins(5);
/// Maximum number of names returned.
const MAX_NAMES: usize = 300;
/// Parts of the names of models that write no answers.
const NON_CHAT_MODEL_MARKERS: &[&str] = &[
    "embed",
    "whisper",
    "tts",
    "dall-e",
    "moderation",
    "transcribe",
    "realtime",
    "image",
    "audio",
    "sora",
    "rerank",
    "minilm",
    "bge-",
    "guard",
    "shieldgemma",
    "babbage",
    "davinci",
    "turbo-instruct",
];

/// Cache of the endpoint's listing with its time.
#[derive(Default)]
pub(super) struct Listing {
    seen: tokio::sync::Mutex<Option<(Instant, Vec<String>)>>,
}

impl Listing {
    /// Returns the listed names, or the last known ones if the endpoint does not answer.
    pub(super) async fn names(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut seen = self.seen.lock().await;
        if let Some((_, names)) = seen.as_ref().filter(|(at, _)| at.elapsed() < CACHE_TTL) {
            return names.clone();
        }
        let models = endpoint.whole().models();
        let listed = match tokio::time::timeout(LISTING_TIMEOUT, models.list_byot::<Value>()).await
        {
            Ok(Ok(answer)) => answering(names(&answer)),
            // A stale listing is better than none.
            _ => seen.take().map(|(_, names)| names).unwrap_or_default(),
        };
        *seen = Some((Instant::now(), listed.clone()));
        listed
    }
}

/// Returns the listed names that write answers, in the endpoint's order; `None` if it fails or is late.
pub(super) async fn list_once(endpoint: &Endpoint) -> Option<Vec<String>> {
    let models = endpoint.whole().models();
    let listed = tokio::time::timeout(START_TIMEOUT, models.list_byot::<Value>()).await;
    let answer = listed.ok()?.ok()?;
    Some(names(&answer).into_iter().filter(|name| writes_answers(name)).collect())
}

/// Returns the listed names that write answers, sorted; the error has the endpoint's words.
pub(super) async fn list_now(endpoint: &Endpoint) -> Result<Vec<String>, String> {
    let ask = || async { endpoint.whole().models().list_byot::<Value>().await };
    endpoint.ask(ask).await.map(|answer| answering(names(&answer)))
}

/// Whether a model of this name writes answers, as far as names tell.
pub(in super::super) fn writes_answers(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.trim().is_empty()
        && name.len() <= 200
        && !NON_CHAT_MODEL_MARKERS.iter().any(|other| name.contains(other))
}

fn answering(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| writes_answers(name));
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_write_no_answers_are_left_out() {
        let all = ["gpt-4o", "text-embedding-3-small", "all-minilm", "gpt-4o", "llama3.1:latest"];
        let left = answering(all.map(str::to_owned).to_vec());
        assert_eq!(left, ["gpt-4o", "llama3.1:latest"]);
    }
}
