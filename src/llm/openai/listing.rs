//! The models that an endpoint lists, for those who choose one: asked for now and then, and never waited for long.

use std::time::{Duration, Instant};

use frontdesk_endpoint::Endpoint;
use serde_json::Value;

use super::wire::names;

/// The longest that the endpoint is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long what it listed is believed, and how long it is not asked again after it did not answer.
const FRESH: Duration = Duration::from_mins(5);
/// The most names.
const MOST: usize = 300;
/// Models that write no answers.
const OTHERS: &[&str] = &[
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
];

/// What an endpoint listed, and when.
#[derive(Default)]
pub(super) struct Listing {
    seen: tokio::sync::Mutex<Option<(Instant, Vec<String>)>>,
}

impl Listing {
    /// The names that the endpoint lists; none where it lists none, or does not answer.
    pub(super) async fn names(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut seen = self.seen.lock().await;
        if let Some((_, names)) = seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return names.clone();
        }
        let models = endpoint.whole().models();
        let listed = match tokio::time::timeout(PATIENCE, models.list_byot::<Value>()).await {
            Ok(Ok(answer)) => answering(names(&answer)),
            // What was known before is better than nothing.
            _ => seen.take().map(|(_, names)| names).unwrap_or_default(),
        };
        *seen = Some((Instant::now(), listed.clone()));
        listed
    }
}

/// The models that write answers, by name.
fn answering(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| {
        let name = name.to_lowercase();
        !name.is_empty() && name.len() <= 200 && !OTHERS.iter().any(|other| name.contains(other))
    });
    names.sort();
    names.dedup();
    names.truncate(MOST);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_write_no_answers_are_left_out() {
        let all = ["gpt-4o", "text-embedding-3-small", "whisper-1", "gpt-4o", "llama3.1:latest"];
        let left = answering(all.map(str::to_owned).to_vec());
        assert_eq!(left, ["gpt-4o", "llama3.1:latest"]);
    }
}
