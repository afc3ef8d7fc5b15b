//! Asks customers who stay silent and closes their conversations, as their agents say. Decides
//! nothing: the store sees in one transaction whether the customer is still silent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::time::now_ms;
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::Result;
use crate::store::follow_ups::{DueFollowUp, FollowUpOutcome};
use crate::store::staff_messages::Window;

/// Longest interval of looks at what is due; it is planned in minutes.
const MAX_INTERVAL: Duration = Duration::from_secs(10);
/// Conversations that one look takes.
const MOST: i64 = 100;

/// Runs until stopped.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let pause = MAX_INTERVAL.min(Duration::from_millis(poll_ms));
    let follow = async {
        loop {
            if let Err(error) = follow_all(&desk).await {
                tracing::warn!(%error, "silent customers cannot be followed up, it is tried again");
            }
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        () = follow => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Follows up everybody who is due. One conversation that fails does not hold back the others.
async fn follow_all(desk: &Desk) -> Result<()> {
    let mut all = Ok(());
    for due in desk.store.due_follow_ups(MOST).await? {
        match desk.store.follow_up(&due.conversation_id, window(desk, &due)).await {
            Ok(done) => announce(desk, &due, done),
            Err(error) => all = Err(error),
        }
    }
    all
}

fn announce(desk: &Desk, due: &DueFollowUp, done: FollowUpOutcome) {
    if done.said {
        crate::failpoint!("follow_up.queued");
        desk.notifier.wake_outbox();
    }
    if done.said || done.closed {
        desk.notifier.changed(&due.conversation_id);
    }
}

/// When the number takes free text. One that is not connected has the window of its provider: it is
/// taken for WhatsApp's.
fn window(desk: &Desk, due: &DueFollowUp) -> Window {
    let without = desk.number(&due.number_id).is_some_and(|number| !number.has_window);
    if without { Window::Always } else { Window::Since(now_ms() - WINDOW_MS) }
}
