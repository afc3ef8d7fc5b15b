//! Lists an endpoint's models for a model picker: cached, and with a short timeout.

use std::time::{Duration, Instant};

use frontdesk_endpoint::Endpoint;
use serde_json::Value;

use super::wire::names;
use crate::domain::ModelRole;

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

/// Returns the listed names for a task, sorted; all of them if no name tells. The error has the
/// endpoint's words.
pub(super) async fn list_now(endpoint: &Endpoint, role: ModelRole) -> Result<Vec<String>, String> {
    let ask = || async { endpoint.whole().models().list_byot::<Value>().await };
    endpoint.ask(ask).await.map(|answer| for_task(names(&answer), role))
}

/// Parts of the names of models for a task; `None` for what writes answers.
fn markers(role: ModelRole) -> Option<&'static [&'static str]> {
    match role {
        ModelRole::Chat => None,
        ModelRole::Embeddings => {
            Some(&["embed", "minilm", "bge-", "bge_", "e5-", "gte-", "arctic", "mpnet"])
        }
        ModelRole::Speech => Some(&["whisper", "transcribe", "voxtral", "parakeet", "canary"]),
        ModelRole::Reranking => Some(&["rerank", "ms-marco", "mmarco", "cross-encoder"]),
    }
}

fn for_task(mut names: Vec<String>, role: ModelRole) -> Vec<String> {
    let Some(markers) = markers(role) else { return answering(names) };
    let is_for = |name: &String| {
        let name = name.to_lowercase();
        let is_reranker = name.contains("rerank");
        markers.iter().any(|part| name.contains(part))
            && (role == ModelRole::Reranking || !is_reranker)
    };
    if names.iter().any(is_for) {
        names.retain(is_for);
    }
    sorted(names)
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
    sorted(names)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
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

    #[test]
    fn a_task_gets_the_models_whose_names_say_so_or_all() {
        let all = ["gpt-4o", "text-embedding-3-small", "whisper-1", "bge-reranker-v2", "bge-m3"];
        let of = |role| for_task(all.map(str::to_owned).to_vec(), role);
        assert_eq!(of(ModelRole::Embeddings), ["bge-m3", "text-embedding-3-small"]);
        assert_eq!(of(ModelRole::Speech), ["whisper-1"]);
        assert_eq!(of(ModelRole::Reranking), ["bge-reranker-v2"]);
        assert_eq!(for_task(vec!["mine".into()], ModelRole::Speech), ["mine"]);
    }
}
