//! Whether the desk can take in messages, asked of the database once a moment.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::{NotReady, Store};

/// How long an answer holds: probes are no load.
const FRESH: Duration = Duration::from_secs(1);

/// Whether a webhook could be stored, a moment ago.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// Whether a webhook could be stored: as it was found a moment ago, or asked anew.
    pub(super) async fn now(&self, store: &Store) -> Result<(), NotReady> {
        // Those who ask at once wait for one answer.
        let mut last = self.last.lock().await;
        let known = last.filter(|(at, _)| at.elapsed() < FRESH).map(|(_, ready)| ready);
        let ready = if let Some(ready) = known {
            ready
        } else {
            let ready = store.ready().await;
            *last = Some((Instant::now(), ready));
            ready
        };
        drop(last);
        ready
    }
}
