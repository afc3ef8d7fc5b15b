//! Merges two contacts that are one customer: one known by phone, the other by business-scoped id or
//! LID, until a message carries ids of both. The contact with the phone stays. Where both have a conversation with a number, its conversation stays and takes over all of the
//! other's: messages, turns, cases, what waits and what is still to be sent.

use const_format::formatcp;
use serde_json::json;
use sqlx::FromRow;

use super::contacts::Contacts;
use super::thread_columns::{ThreadColumns, thread_columns, written};
use crate::domain::audit::Action;
use crate::domain::thread::{Thread, earliest};
use crate::domain::{
    ConversationId, IdentityKind, MessageState, NoteCode, NumberId, Owner, Party, WorkspaceId,
};
use crate::store::audit::{Actor, Entry};
use crate::store::{Conn, Error, Result, Store, Write, all, first, messages, now, revised, run};

impl Store {
    /// The conversation that took over all of this one; the same id if none did.
    pub async fn current_conversation(&self, id: &ConversationId) -> Result<ConversationId> {
        let workspace = self.workspace_id();
        self.read(async |conn| merged_into(conn, workspace, id).await).await
    }
}

/// Like [`Store::current_conversation`], for a write: the conversation is locked until the commit,
/// so that no merge removes it meanwhile.
pub(in crate::store) async fn current(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    id: &ConversationId,
) -> Result<ConversationId> {
    macro_rules! find {
        ($lock:literal) => {
            concat!("select id from conversations where id = $1 and workspace_id = $2 ", $lock)
        };
    }
    let sql = conn.sql_for(find!(""), find!("for update"));
    match first!(conn, (ConversationId,), sql, id.as_str(), workspace.as_str())? {
        Some((id,)) => Ok(id),
        None => merged_into(conn, workspace, id).await,
    }
}

async fn merged_into(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    id: &ConversationId,
) -> Result<ConversationId> {
    let sql = "select into_id from merged_conversations where workspace_id = $1 and id = $2";
    let found = first!(conn, (ConversationId,), sql, workspace.as_str(), id.as_str())?;
    Ok(found.map_or_else(|| id.clone(), |row| row.0))
}

/// Merges the contacts that these parties show to be one customer. Then the parties of the batch
/// that carry only one id find the same contact, wherever they stand in it.
pub(super) async fn unite(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (contacts, parties): (&mut Contacts, &[&Party]),
) -> Result<()> {
    for party in parties.iter().copied().filter(|party| party.ids().nth(1).is_some()) {
        while let Some((kept, gone)) = contacts.split(party) {
            let pair = Pair { workspace, kept: contacts.id(kept), gone: contacts.id(gone) };
            let is_stored = !contacts.is_fresh(gone);
            let merged = if is_stored { pair.merge(conn).await? } else { Some(Vec::new()) };
            let Some(merged) = merged else { break };
            contacts.absorb((kept, gone), merged);
        }
        contacts.add_identities(party);
    }
    Ok(())
}

/// Merges a contact with the one that is known by this id, unless both have ids of the same kind.
/// Returns the contact that stays, and the conversations that changed.
pub(in crate::store) async fn unite_by_id(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (contact, kind, id): (String, IdentityKind, &str),
) -> Result<(String, Vec<ConversationId>)> {
    let sql = "select g.id, g.wa_id from contact_identities i join contacts g on g.id = i.contact_id cross join contacts k
               where i.workspace_id = $1 and i.kind = $2 and i.value = $3 and k.id = $4 and g.id <> k.id
                   and (g.wa_id is null or k.wa_id is null) and (g.bsuid is null or k.bsuid is null)
                   and (g.lid is null or k.lid is null)";
    let found =
        first!(conn, (String, Option<String>), sql, workspace.as_str(), kind, id, &contact)?;
    let Some((other, phone)) = found else { return Ok((contact, Vec::new())) };
    let (kept, gone) = if phone.is_some() { (&other, &contact) } else { (&contact, &other) };
    Ok(match (Pair { workspace, kept, gone }).merge(conn).await? {
        Some(merged) => (kept.clone(), merged),
        None => (contact, Vec::new()),
    })
}

/// Two contacts that are one customer.
struct Pair<'a> {
    workspace: &'a WorkspaceId,
    kept: &'a str,
    gone: &'a str,
}

#[derive(FromRow)]
struct HalfContact {
    wa_id: Option<String>,
    bsuid: Option<String>,
    lid: Option<String>,
    name: Option<String>,
    username: Option<String>,
    opted_out_at: Option<i64>,
}

#[derive(FromRow)]
struct HalfRow {
    id: ConversationId,
    number_id: String,
    contact_id: String,
    window_closed_at: Option<i64>,
    #[sqlx(flatten)]
    columns: ThreadColumns,
}

impl Pair<'_> {
    /// Merges them. Returns the conversations that changed: both of each pair that became one, and
    /// those that got another customer. `None` if nothing was merged, because an owner's word is
    /// unknown to this version.
    async fn merge(&self, conn: &mut Conn<'_>) -> Result<Option<Vec<ConversationId>>> {
        let rows = self.lock_conversations(conn).await?;
        let (kept, gone) = (self.lock(conn, self.kept).await?, self.lock(conn, self.gone).await?);
        if kept.clashes_with(&gone) {
            return Err(changed());
        }
        if rows.iter().any(|row| row.columns.owner.is_none()) {
            return Ok(None);
        }
        let opted_out_at = earliest(kept.opted_out_at, gone.opted_out_at);
        let (stay, go): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.contact_id == self.kept);
        let mut merged = Vec::new();
        let joined = |row: &&HalfRow| go.iter().any(|one| one.number_id == row.number_id);
        for row in stay.iter().filter(|row| !joined(row)) {
            if kept.opted_out_at.is_none() && opted_out_at.is_some() {
                row.opt_out(conn).await?;
                merged.push(row.id.clone());
            }
        }
        for row in go {
            if let Some(into) = stay.iter().find(|one| one.number_id == row.number_id) {
                into.take_over_all_of(conn, self.workspace, &row).await?;
                merged.extend([into.id.clone(), row.id]);
            } else {
                let sql = formatcp!(
                    "update conversations set contact_id = $2, {revised} where id = $1",
                    revised = revised!("$3")
                );
                run!(conn, sql, row.id.as_str(), self.kept, now())?;
                if gone.opted_out_at.is_none() && opted_out_at.is_some() {
                    row.opt_out(conn).await?;
                }
                merged.push(row.id);
            }
        }
        self.join_contacts(conn, &gone, opted_out_at).await?;
        self.audit(conn, &merged).await?;
        Ok(Some(merged))
    }

    /// Writes down what nobody ordered. The ids alone: they are no phone numbers.
    async fn audit(&self, conn: &mut Conn<'_>, merged: &[ConversationId]) -> Result<()> {
        let entry = Entry::new(Actor::desk(), Action::ContactsMerged, self.kept);
        let detail = json!({"former": self.gone, "conversations": merged.len()});
        entry.with(detail).run(self.workspace, conn).await
    }

    /// Locks the conversations of both, in the order in which each batch locks its own.
    async fn lock_conversations(&self, conn: &mut Conn<'_>) -> Result<Vec<HalfRow>> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select v.id, v.number_id, v.contact_id, v.window_closed_at, ",
                    thread_columns!(),
                    " from conversations v join contacts c on c.id = v.contact_id
                    where v.contact_id in ($1, $2) order by v.id ",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for update of v, c"));
        all!(conn, HalfRow, sql, self.kept, self.gone)
    }

    /// Locks a contact and reads it under the lock.
    async fn lock(&self, conn: &mut Conn<'_>, id: &str) -> Result<HalfContact> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select wa_id, bsuid, lid, name, username, opted_out_at from contacts where id = $1 ",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for update"));
        first!(conn, HalfContact, sql, id)?.ok_or_else(changed)
    }

    async fn join_contacts(
        &self,
        conn: &mut Conn<'_>,
        gone: &HalfContact,
        opted_out_at: Option<i64>,
    ) -> Result<()> {
        let sql = "update campaign_recipients set contact_id = $1 where contact_id = $2";
        run!(conn, sql, self.kept, self.gone)?;
        let sql = "update contacts set opted_in_at = g.opted_in_at, opt_in_source = g.opt_in_source from contacts g
                   where contacts.id = $1 and g.id = $2 and contacts.opted_in_at is null";
        run!(conn, sql, self.kept, self.gone)?;
        let sql = "update contact_identities set contact_id = $1 where contact_id = $2";
        run!(conn, sql, self.kept, self.gone)?;
        run!(conn, "delete from contacts where id = $1", self.gone)?;
        let sql = "update contacts set bsuid = coalesce(bsuid, $2), lid = coalesce(lid, $3), name = coalesce(name, $4),
                       username = coalesce(username, $5), opted_out_at = $6, updated_at = $7
                   where id = $1";
        let HalfContact { bsuid, lid, name, username, .. } = gone;
        run!(conn, sql, self.kept, bsuid, lid, name, username, opted_out_at, now()).map(|_| ())
    }
}

impl HalfContact {
    /// Whether they are no halves of one: both have ids of the same kind, or the other has the phone.
    fn clashes_with(&self, gone: &Self) -> bool {
        let both = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some();
        gone.wa_id.is_some() || both(&self.bsuid, &gone.bsuid) || both(&self.lid, &gone.lid)
    }
}

impl HalfRow {
    /// Voids what waits, because the customer opted out as the other contact.
    async fn opt_out(&self, conn: &mut Conn<'_>) -> Result<()> {
        messages::void(conn, &self.id, NoteCode::OptedOut.text()).await?;
        let sql = formatcp!(
            "update conversations set waiting_since = null, due_at = null, quiet_at = null,
                 lease_token = lease_token + 1, lease_until = 0, attempts = 0, {revised}
             where id = $1",
            revised = revised!("$2")
        );
        run!(conn, sql, self.id.as_str(), now()).map(|_| ())
    }

    /// Moves everything of the other conversation into this one and deletes the other. A turn that
    /// runs in the other loses its lease; its messages wait here.
    async fn take_over_all_of(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        other: &Self,
    ) -> Result<()> {
        self.take_rows_of(conn, other).await?;
        let changed = self.settle_changes(conn, workspace).await?;
        let mut thread = self.columns.thread();
        let void = thread.join(&other.columns.thread());
        if void {
            let by_person = thread.owner == Owner::Person;
            let why = if by_person { NoteCode::PersonTookOver } else { NoteCode::OptedOut };
            messages::void(conn, &self.id, why.text()).await?;
        } else if self.has_waiting(conn).await? {
            thread.due_at = Some(thread.due_at.unwrap_or_else(now));
        } else {
            thread.withdraw();
        }
        self.write(conn, (&thread, void || changed), other).await?;
        let (id, into, space) = (other.id.as_str(), self.id.as_str(), workspace.as_str());
        let sql = "update merged_conversations set into_id = $2 where into_id = $1";
        run!(conn, sql, id, into)?;
        run!(conn, "delete from conversations where id = $1", id)?;
        let sql = "insert into merged_conversations (id, workspace_id, into_id, created_at)
                   values ($1, $2, $3, $4)";
        run!(conn, sql, id, space, into, now()).map(|_| ())
    }

    async fn take_rows_of(&self, conn: &mut Conn<'_>, other: &Self) -> Result<()> {
        let (into, from) = (self.id.as_str(), other.id.as_str());
        // A key that was used in both: whoever wrote under it in the other got his answer.
        let sql = "update messages set idempotency_key = null where conversation_id = $2 and idempotency_key in
                       (select m.idempotency_key from messages m
                        where m.conversation_id = $1 and m.idempotency_key is not null)";
        run!(conn, sql, into, from)?;
        let sql = "update messages set conversation_id = $1 where conversation_id = $2";
        run!(conn, sql, into, from)?;
        let sql = "update turns set conversation_id = $1 where conversation_id = $2";
        run!(conn, sql, into, from)?;
        let sql = "update escalations set conversation_id = $1 where conversation_id = $2";
        run!(conn, sql, into, from).map(|_| ())
    }

    /// Applies edits and deletions that came in the one conversation while their message is of the
    /// other. Returns whether a turn may have read what waits no longer as it was.
    async fn settle_changes(&self, conn: &mut Conn<'_>, workspace: &WorkspaceId) -> Result<bool> {
        let sql = "select distinct changes from messages where conversation_id = $1
                   and changes is not null and changed_id is null";
        let mut changed = false;
        let number = NumberId::stored(self.number_id.clone());
        for (original,) in all!(conn, (String,), sql, self.id.as_str())? {
            let applied = messages::apply_changes(conn, workspace, (&number, &original)).await?;
            changed |= applied.is_some_and(|applied| applied.waited);
        }
        Ok(changed)
    }

    async fn has_waiting(&self, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "select id from messages where conversation_id = $1 and state = $2 limit 1";
        let found = first!(conn, (String,), sql, self.id.as_str(), MessageState::Waiting)?;
        Ok(found.is_some())
    }

    /// Writes the joined state, with the sums of both counters.
    async fn write(
        &self,
        conn: &mut Conn<'_>,
        (thread, void): (&Thread, bool),
        other: &Self,
    ) -> Result<()> {
        let sql = formatcp!(
            "update conversations set owner = $3, person_at = $4, waiting_since = $5, due_at = $6, quiet_at = $7,
                       last_inbound_at = $8, replied_at = $9, reply_hash = $10, habit = $11,
                       lease_token = conversations.lease_token + $12,
                       lease_until = case when $12 = 1 then 0 else conversations.lease_until end,
                       attempts = case when $12 = 1 then 0 else conversations.attempts end,
                       unread = conversations.unread + o.unread, unanswered = conversations.unanswered + o.unanswered,
                       open_cases = conversations.open_cases + o.open_cases,
                       seen_at = case when coalesce(o.seen_at, 0) > coalesce(conversations.seen_at, 0) then o.seen_at
                           else conversations.seen_at end,
                       last_message_at = case when o.last_message_at > conversations.last_message_at then o.last_message_at
                           else conversations.last_message_at end,
                       created_at = case when o.created_at < conversations.created_at then o.created_at
                           else conversations.created_at end,
                       notice_at = $13, window_closed_at = $14, edited_turns = $15, {revised}
                   from conversations o where conversations.id = $1 and o.id = $2",
            revised = revised!("$16")
        );
        let habit = written(&thread.sender_stats);
        // What WhatsApp said before the customer wrote is over.
        let closed_at = self.window_closed_at.max(other.window_closed_at);
        let closed_at = closed_at.filter(|at| Some(*at) > thread.last_inbound_at);
        run!(
            conn,
            sql,
            self.id.as_str(),
            other.id.as_str(),
            thread.owner,
            thread.person_at,
            thread.waiting_since,
            thread.due_at,
            thread.quiet_at,
            thread.last_inbound_at,
            thread.replied_at,
            thread.reply_hash,
            habit.as_str(),
            i64::from(void),
            thread.notice_at,
            closed_at,
            thread.edited_turns,
            now()
        )
        .map(|_| ())
    }
}

/// Another process changed the contacts after this batch found them: the transaction runs again.
fn changed() -> Error {
    Error::Contended("a customer was changed meanwhile".into())
}
