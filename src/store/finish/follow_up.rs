//! What is due if a customer stays silent after a reply, stored in the reply's commit. Does nothing
//! of it: `follow_ups.rs` does.

use super::FinishedTurn;
use crate::domain::WorkspaceId;
use crate::domain::time::Millis;
use crate::store::{Conn, Result, Rows, storable};

/// Plans what follows these replies, which were written after `replied_at`, in the place of what
/// followed earlier ones.
pub(super) async fn plan(
    turns: &[&FinishedTurn],
    workspace: &WorkspaceId,
    (conn, replied_at): (&mut Conn<'_>, Millis),
) -> Result<()> {
    let mut rows = Rows::default();
    for turn in turns {
        let Some(plan) = &turn.follow_up else { continue };
        let stored = |text: &str| storable(text).into_owned();
        let ask_at = plan.ask.as_ref().map(|(after, _)| replied_at.saturating_add(*after));
        let close_at = plan.close.as_ref().map(|(after, _)| replied_at.saturating_add(*after));
        rows.push([
            turn.claim.id.as_str().into(),
            workspace.as_str().into(),
            turn.id.as_str().into(),
            replied_at.into(),
            ask_at.or(close_at).into(),
            plan.ask.as_ref().map(|(_, text)| stored(text)).into(),
            close_at.into(),
            plan.close.as_ref().and_then(|(_, text)| text.as_deref().map(stored)).into(),
        ]);
    }
    let into = "insert into follow_ups
        (conversation_id, workspace_id, turn_id, replied_at, due_at, ask_text, close_at, close_text)";
    let instead = "on conflict (conversation_id) do update set turn_id = excluded.turn_id, replied_at = excluded.replied_at,
        due_at = excluded.due_at, ask_text = excluded.ask_text, close_at = excluded.close_at, close_text = excluded.close_text";
    conn.many(into, &rows, instead).await.map(|_| ())
}
