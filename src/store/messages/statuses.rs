//! Status updates: what the provider says about messages that we sent.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use const_format::formatcp;

use super::{OUT, close_window, faults_json};
use crate::domain::{
    ConversationId, Delivery, MessageId, MessageReason, MessageState, NumberId, Pricing, Status,
    WorkspaceId,
};
use crate::store::bulk::Value;
use crate::store::cases::Case;
use crate::store::events::LostNotice;
use crate::store::files;
use crate::store::outbox::{PROVIDER_ID, TO_STAFF};
use crate::store::words::author::{BOT, NOTICE, PERSON};
use crate::store::words::message_state::FAILED;
use crate::store::{Conn, Result, Rows, Write, first, now, storable, to_json};

const DELIVERED_RANK: i64 = MessageState::Delivered.rank();

/// Whether a status update applies: states only rise, and a delivered message cannot fail.
fn rises(known: Delivery, news: Delivery) -> bool {
    known < news && (news != Delivery::Failed || known < Delivery::Delivered)
}

/// A message whose state changed, and its conversation.
type SettledMessage = (String, ConversationId);

/// What status updates changed.
pub(in crate::store) struct StatusEffects {
    /// The conversations of the changed messages.
    pub(in crate::store) changed: BTreeSet<ConversationId>,
    /// How many notices to support contacts failed.
    pub(in crate::store) lost_notices: usize,
}

/// What a batch says about a sent message.
struct StatusNews<'a> {
    /// The highest status.
    status: &'a Status,
    reference: Option<&'a str>,
    pricing: Option<&'a Pricing>,
}

/// Returns what a batch says about each message, by number and provider's id.
fn last_news<'a>(
    statuses: &[(&'a NumberId, &'a Status)],
) -> BTreeMap<(&'a str, &'a str), StatusNews<'a>> {
    let mut last: BTreeMap<_, StatusNews<'_>> = BTreeMap::new();
    for (number, status) in statuses {
        let known = last.entry((number.as_str(), status.provider_id.as_str()));
        let news = known.or_insert(StatusNews { status, reference: None, pricing: None });
        if rises(news.status.delivery, status.delivery) {
            news.status = status;
        }
        news.reference = news.reference.or(status.reference.as_deref());
        news.pricing = news.pricing.or(status.pricing.as_ref());
    }
    last
}

/// What a batch says about sent messages, as rows of the statements that store it.
#[derive(Default)]
struct StatusRows {
    all: Rows,
    /// With our reference.
    referred: Rows,
    /// With a price.
    prices: Rows,
}

impl StatusRows {
    fn of(workspace: &WorkspaceId, statuses: &[(&NumberId, &Status)]) -> Result<Self> {
        let mut rows = Self::default();
        for ((number, provider_id), StatusNews { status, reference, pricing }) in
            last_news(statuses)
        {
            let mut row = [
                workspace.as_str().into(),
                number.into(),
                storable(provider_id).into_owned().into(),
                Value::from(None::<String>),
                MessageState::from(status.delivery).into(),
                MessageState::from(status.delivery).rank().into(),
                faults_json(&status.faults)?.into(),
                now().into(),
                pricing.map(to_json).transpose()?.into(),
            ];
            rows.all.push(row.clone());
            if pricing.is_some() {
                rows.prices.push(row.clone());
            }
            if let Some(reference) = reference {
                row[3] = storable(reference).into_owned().into();
                rows.referred.push(row);
            }
        }
        Ok(rows)
    }
}

/// Applies the provider's status updates to outgoing messages, found by the provider's id, or by
/// our reference if that id was never received.
pub(in crate::store) async fn apply_statuses(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    statuses: &[(&NumberId, &Status)],
) -> Result<StatusEffects> {
    let StatusRows { all: rows, referred, prices } = StatusRows::of(workspace, statuses)?;
    let before = "with v (workspace_id, number_id, provider_id, reference, state, rank, error, moment, pricing) as (";
    macro_rules! settle {
        ($found:literal) => {
            formatcp!(
                ") update messages set state = v.state, state_rank = v.rank, provider_id = {PROVIDER_ID},
                    error = coalesce(v.error, messages.error), pricing = coalesce(v.pricing, messages.pricing), lease_until = null, due_at = null, updated_at = v.moment
                from v where {found} and messages.number_id = v.number_id and messages.workspace_id = v.workspace_id
                    and messages.direction = '{OUT}' and messages.state_rank < v.rank
                    and (v.state <> '{FAILED}' or messages.state_rank < {DELIVERED_RANK})
                returning messages.id, messages.conversation_id",
                found = $found
            )
        };
    }
    let known = "v join messages r on r.number_id = v.number_id and r.provider_id = v.provider_id";
    conn.hold(before, &referred, "v join messages r on r.id = v.reference").await?;
    conn.hold(before, &rows, known).await?;
    // By reference first, because this sets a missing provider id.
    let found = settle!("messages.id = v.reference and messages.provider_id is null");
    let mut settled = conn.many_rows::<SettledMessage>(before, &referred, found).await?;
    let found = settle!("messages.provider_id = v.provider_id");
    settled.extend(conn.many_rows::<SettledMessage>(before, &rows, found).await?);
    // What it costs may come with a lower status, after a higher one.
    let priced = formatcp!(
        ") update messages set pricing = v.pricing from v
         where messages.provider_id = v.provider_id and messages.number_id = v.number_id
             and messages.workspace_id = v.workspace_id and messages.direction = '{OUT}' and messages.pricing is null"
    );
    conn.many(before, &prices, priced).await?;
    let mut unreported: HashSet<String> = settled.iter().map(|(id, _)| id.clone()).collect();
    let mut lost_notices = 0;
    for (number, status) in statuses.iter().filter(|(_, news)| news.delivery == Delivery::Failed) {
        if status.window_closed {
            close_window_of(conn, number, status).await?;
        }
        if status.file_refused {
            forget_upload_of(conn, workspace, number, status).await?;
        }
        let lost = report_undelivered(conn, workspace, (number, status), &mut unreported).await?;
        lost_notices += usize::from(lost);
    }
    let changed = settled.into_iter().map(|(_, conversation)| conversation).collect();
    Ok(StatusEffects { changed, lost_notices })
}

/// Marks the window of a refused message's conversation as closed, unless the customer has written
/// since the message left.
async fn close_window_of(conn: &mut Conn<'_>, number: &NumberId, status: &Status) -> Result<()> {
    let sql = "select conversation_id, coalesce(left_at, sent_at) from messages
               where number_id = $1 and provider_id = $2";
    let provider_id = storable(&status.provider_id);
    match first!(conn, (ConversationId, i64), sql, number.as_str(), provider_id)? {
        Some((id, left_at)) => close_window(conn, &id, (now(), left_at)).await,
        None => Ok(()),
    }
}

/// Forgets the upload of a failed message's file: the provider may not have taken the file itself.
async fn forget_upload_of(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    number: &NumberId,
    status: &Status,
) -> Result<()> {
    // Not one that was made since.
    let sql = "select m.message_id from messages r join message_files m on m.message_id = r.id
                   join file_uploads u on u.number_id = m.number_id and u.hash = m.hash
               where r.number_id = $1 and r.provider_id = $2 and u.uploaded_at <= r.left_at";
    let provider_id = storable(&status.provider_id);
    match first!(conn, (MessageId,), sql, number.as_str(), provider_id)? {
        Some((message,)) => files::forget_upload(conn, workspace, &message).await,
        None => Ok(()),
    }
}

/// Opens a case for a message that WhatsApp accepted and then could not deliver. For a notice to a
/// support contact, records an alarm instead and returns true. Each of the changed messages is
/// reported once: `unreported` has those that are not yet.
async fn report_undelivered(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, status): (&NumberId, &Status),
    unreported: &mut HashSet<String>,
) -> Result<bool> {
    let sql = formatcp!(
        "select conversation_id, body, id, author from messages
         where number_id = $1 and provider_id = $2 and state = '{FAILED}'
             and (messages.author in ('{BOT}', '{PERSON}') or ({TO_STAFF}))"
    );
    let at = (number.as_str(), storable(&status.provider_id));
    let row = first!(conn, (String, Option<String>, String, String), sql, at.0, at.1)?;
    let Some((conversation, body, message, author)) = row else { return Ok(false) };
    // A repeated status changes nothing, also if both came in one webhook.
    if !unreported.remove(&message) {
        return Ok(false);
    }
    let why = status.faults.first().map_or("it does not say why", |fault| &fault.title);
    if author == NOTICE {
        let (number, why) = (number.to_string(), why.to_owned());
        LostNotice { number, conversation, message, why }.run(workspace, conn).await?;
        return Ok(true);
    }
    let case = Case {
        conversation: &ConversationId::stored(conversation),
        turn: None,
        reason: &MessageReason::Undelivered { problem: why.to_owned() }.into(),
        question: body.as_deref().unwrap_or_default(),
    };
    case.open(conn, workspace, false).await.map(|()| false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Delivery::{Delivered, Failed, Read, Sent};

    #[test]
    fn states_only_rise_and_what_arrived_cannot_fail() {
        for (known, news, counts) in [
            (Sent, Delivered, true),
            (Delivered, Read, true),
            (Sent, Failed, true),
            (Delivered, Failed, false),
            (Read, Failed, false),
            (Failed, Delivered, false),
            (Read, Delivered, false),
            (Sent, Sent, false),
        ] {
            assert_eq!(rises(known, news), counts, "{known:?} then {news:?}");
        }
    }
}
