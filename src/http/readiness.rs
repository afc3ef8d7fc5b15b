//! Whether the desk can store webhooks: a cached check of the database.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::{NotReady, Store};

/// How long a result is cached, so that probes put no load on the database.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The last result of the readiness check.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// Returns the cached result, or checks again.
    pub(super) async fn now(&self, store: &Store) -> Result<(), NotReady> {
        // Held during the check, so that concurrent probes share one.
        let mut last = self.last.lock().await;
        let known = last.filter(|(at, _)| at.elapsed() < CACHE_TTL).map(|(_, ready)| ready);
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
