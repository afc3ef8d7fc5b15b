//! Shows WhatsApp's typing indicator while a turn runs. Must not delay the turn.

use std::time::Duration;

use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::desk::Number;
use crate::store::Store;

/// Renewal interval: WhatsApp shows the indicator for 25 seconds.
const TYPING_AGAIN: Duration = Duration::from_secs(20);

/// Shows the typing indicator until it is dropped. Failures are only logged.
#[derive(Default)]
pub(super) struct Typing {
    shown: Option<(String, AbortHandle)>,
}

impl Typing {
    /// Shows a contact the indicator for the last message.
    pub(super) fn show(
        &mut self,
        (store, number): (&Store, &Number),
        (contact, message): (&str, Option<&str>),
    ) {
        let Some(message) = message else { return };
        if self.shown.as_ref().is_some_and(|(shown, _)| shown == message) {
            return;
        }
        self.stop();
        let (line, below) = (number.client.clone(), message.to_owned());
        let (store, contact) = (store.clone(), contact.to_owned());
        let show = async move {
            let customer = store.party(&contact).await.unwrap_or_default().unwrap_or_default();
            loop {
                if let Err(error) = line.typing(&customer, &below).await {
                    tracing::debug!(%error, "the typing indicator could not be shown");
                }
                tokio::time::sleep(TYPING_AGAIN).await;
            }
        };
        let task = tokio::spawn(show.in_current_span());
        self.shown = Some((message.to_owned(), task.abort_handle()));
    }

    fn stop(&mut self) {
        if let Some((_, task)) = self.shown.take() {
            task.abort();
        }
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        self.stop();
    }
}
