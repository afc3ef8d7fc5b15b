//! The conversations of a batch of webhooks: found and locked, created if new, written back once.
//! Decides nothing about messages.

use std::collections::HashMap;

use const_format::formatcp;
use sqlx::FromRow;

use super::contacts::Contacts;
use super::loaded::{Lease, LoadedConversation};
use super::thread_columns::{ThreadColumns, thread_columns, written};
use super::{Offer, Targets, merge};
use crate::domain::thread::{Disposition, InboundEvent, Thread};
use crate::domain::{ConversationId, NumberId, Owner, Party, WorkspaceId};
use crate::store::turns::Claim;
use crate::store::{Conn, Error, Result, Rows, cases, first, now, revised};

/// Conversations by number and customer, with the changes of this batch.
#[derive(Default)]
pub(super) struct Conversations {
    pub(super) contacts: Contacts,
    kept: Vec<LoadedConversation>,
    places: HashMap<(String, usize), usize>,
}

#[derive(FromRow)]
struct ThreadRow {
    id: String,
    number_id: String,
    contact_id: String,
    lease_until: i64,
    lease_token: i64,
    attempts: i64,
    #[sqlx(flatten)]
    columns: ThreadColumns,
}

/// A number and one of its customers.
pub(super) type Place<'a> = (&'a NumberId, &'a Party);

impl Conversations {
    /// Loads the conversations of these customers, locks them until the commit, and creates new
    /// ones.
    pub(super) async fn open(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        Targets { places, authenticated, also, new_owner }: &Targets<'_>,
    ) -> Result<Self> {
        let mut conversations = Self::default();
        let parties = places.iter().map(|(_, party)| *party).chain(also);
        conversations.contacts.find(conn, workspace, parties).await?;
        merge::unite(conn, workspace, (&mut conversations.contacts, authenticated)).await?;
        let mut wanted: Vec<(String, usize)> = Vec::new();
        for (number, party) in places {
            let contact = conversations.contacts.find_or_add(party);
            let place = (number.to_string(), contact);
            if !wanted.contains(&place) {
                wanted.push(place);
            }
        }
        conversations.contacts.make(conn, workspace).await?;
        conversations.find_threads(conn, &wanted).await?;
        conversations.make_threads(conn, workspace, (wanted, *new_owner)).await?;
        Ok(conversations)
    }

    /// Loads and locks one conversation; `None` if it does not exist.
    pub(super) async fn of_one(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        id: &ConversationId,
    ) -> Result<Option<Self>> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select v.id, v.number_id, v.contact_id, v.lease_until, v.lease_token, v.attempts, ",
                    thread_columns!(),
                    " from conversations v join contacts c on c.id = v.contact_id
                    where v.id = $1 and v.workspace_id = $2 ",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for update of v"));
        let row = first!(conn, ThreadRow, sql, id.as_str(), workspace.as_str())?;
        // The customer is not loaded, because it does not change.
        Ok(row.map(|row| Self { kept: vec![row.kept(0)], ..Self::default() }))
    }

    pub(super) fn only(&mut self) -> Option<&mut LoadedConversation> {
        self.kept.first_mut()
    }

    /// The loaded conversation of a customer with a number.
    pub(super) fn at(&mut self, (number, party): Place<'_>) -> Result<&mut LoadedConversation> {
        let contact = self.contacts.find_or_add(party);
        let place = self.places.get(&(number.to_string(), contact)).copied();
        // An id moved to another customer within the batch. The webhook succeeds when it is
        // committed alone.
        let kept = place.and_then(|place| self.kept.get_mut(place)).ok_or_else(|| {
            Error::Failed("a customer's conversation is not among those of the batch".into())
        })?;
        kept.changed = true;
        Ok(kept)
    }

    /// Applies a customer's message. An opt-out holds on every number, so it is carried over to the
    /// customer's other conversations of the batch.
    pub(super) fn hear(
        &mut self,
        place: Place<'_>,
        event: &InboundEvent<'_>,
    ) -> Result<(&mut LoadedConversation, Disposition)> {
        let (kept, disposition) = self.decide(place, |thread| thread.receive(event))?;
        kept.spoken = true;
        Ok((kept, disposition))
    }

    /// Like [`Self::hear`], for another decision.
    pub(super) fn decide<T>(
        &mut self,
        place: Place<'_>,
        decision: impl FnOnce(&mut Thread) -> T,
    ) -> Result<(&mut LoadedConversation, T)> {
        let contact = self.at(place)?.contact;
        let opted_out_at = self.contacts.opted_out_at(contact);
        let kept = self.at(place)?;
        kept.thread.opted_out_at = opted_out_at;
        let decided = decision(&mut kept.thread);
        let opted_out_at = kept.thread.opted_out_at;
        self.contacts.set_opted_out(contact, opted_out_at);
        Ok((self.at(place)?, decided))
    }

    /// Claims due conversations up to each webhook's offered capacity. Each claim comes with its
    /// webhook's index.
    pub(super) fn claim(&mut self, mut offers: Vec<Offer>, moment: i64) -> Vec<(usize, Claim)> {
        let mut claims = Vec::new();
        for kept in self.kept.iter_mut().filter(|kept| kept.is_due(moment)) {
            let Some(offer) = offers.get_mut(kept.webhook_index).filter(|offer| offer.most > 0)
            else {
                continue;
            };
            offer.most -= 1;
            kept.claimed = Some(moment + offer.lease_ms);
            let attempts = if kept.void { 0 } else { kept.lease.attempts };
            let claim = Claim {
                id: kept.id.to_string(),
                number_id: kept.number.clone(),
                contact_id: self.contacts.id(kept.contact).to_owned(),
                lease_token: kept.lease.token + i64::from(kept.void) + 1,
                attempts: attempts + 1,
            };
            claims.push((kept.webhook_index, claim));
        }
        claims
    }

    pub(super) async fn write_back(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        self.contacts.write_back(conn).await?;
        self.write_threads(conn).await?;
        for kept in self.kept.iter().filter(|kept| kept.closed) {
            cases::close(conn, &kept.id).await?;
        }
        Ok(())
    }

    async fn write_threads(&self, conn: &mut Conn<'_>) -> Result<()> {
        let (mut rows, moment) = (Rows::default(), now());
        for kept in self.kept.iter().filter(|kept| kept.changed) {
            let thread = &kept.thread;
            rows.push([
                kept.id.as_str().into(),
                kept.new_owner().map(Owner::as_str).into(),
                thread.person_at.into(),
                thread.waiting_since.into(),
                thread.due_at.into(),
                thread.quiet_at.into(),
                thread.last_inbound_at.into(),
                written(&thread.sender_stats).into(),
                i64::from(kept.void).into(),
                kept.claimed.into(),
                i64::from(kept.claimed.is_some()).into(),
                moment.into(),
                kept.new_messages.into(),
                kept.seen.map(|_| moment).into(),
                i64::from(kept.all_answered).into(),
                i64::from(kept.spoken).into(),
                i64::from(kept.heard).into(),
                thread.edited_turns.into(),
                kept.new_unanswered.into(),
            ]);
        }
        let before = "with v (id, owner, person_at, waiting_since, due_at, quiet_at, last_inbound_at, habit, void, until,
            claimed, moment, came, seen_at, answered, spoken, heard, edited_turns, asked) as (";
        let after = formatcp!(
            ") update conversations set owner = coalesce(v.owner, conversations.owner),
                person_at = coalesce(v.person_at, conversations.person_at), waiting_since = v.waiting_since, due_at = v.due_at, quiet_at = v.quiet_at,
                edited_turns = v.edited_turns, last_inbound_at = v.last_inbound_at, habit = v.habit,
                lease_token = lease_token + v.void + v.claimed, {revised},
                last_message_at = case when v.spoken = 1 then v.moment else last_message_at end,
                seen_at = coalesce(v.seen_at, conversations.seen_at),
                unread = case when v.seen_at is not null then v.came when unread + v.came > 0 then unread + v.came else 0 end,
                unanswered = v.asked + case when v.answered = 1 then 0 else unanswered end,
                lease_until = case when v.claimed = 1 then v.until when v.void = 1 then 0 else lease_until end,
                attempts = case when v.void = 1 then 0 else attempts end + v.claimed,
                window_closed_at = case when v.heard = 1 then null else window_closed_at end
            from v where conversations.id = v.id",
            revised = revised!("v.moment")
        );
        conn.many(before, &rows, after).await.map(|_| ())
    }

    /// Finds conversations. On Postgres, locks them until the commit and reads them under the lock,
    /// because a person may have taken over meanwhile. SQLite has one writer.
    async fn find_threads(
        &mut self,
        conn: &mut Conn<'_>,
        wanted: &[(String, usize)],
    ) -> Result<()> {
        let mut rows = Rows::default();
        for (number, contact) in
            wanted.iter().filter(|(_, contact)| !self.contacts.is_fresh(*contact))
        {
            rows.push([number.as_str().into(), self.contacts.id(*contact).into()]);
        }
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    ") select v.id, v.number_id, v.contact_id, v.lease_until, v.lease_token, v.attempts, ",
                    thread_columns!(),
                    " from asked cross join conversations v cross join contacts c
                    where v.number_id = asked.number_id and v.contact_id = asked.contact_id and c.id = v.contact_id ",
                    $lock
                )
            };
        }
        let after = conn.sql_for(find!(""), find!("order by v.id for update of v, c"));
        let before = "with asked (number_id, contact_id) as (";
        for row in conn.many_rows::<ThreadRow>(before, &rows, after).await? {
            let Some(contact) = self.contacts.place(&row.contact_id) else { continue };
            self.contacts.refresh_opted_out(contact, row.columns.opted_out_at);
            self.keep(row.kept(contact));
        }
        Ok(())
    }

    fn keep(&mut self, kept: LoadedConversation) {
        self.places.insert((kept.number.clone(), kept.contact), self.kept.len());
        self.kept.push(kept);
    }

    async fn make_threads(
        &mut self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        (wanted, owner): (Vec<(String, usize)>, Owner),
    ) -> Result<()> {
        let (mut rows, moment) = (Rows::default(), now());
        for (number, contact) in wanted {
            if self.places.contains_key(&(number.clone(), contact)) {
                continue;
            }
            let id = ConversationId::generate();
            let opted_out_at = self.contacts.opted_out_at(contact);
            let thread = Thread { owner, opted_out_at, ..Thread::default() };
            rows.push([
                id.as_str().into(),
                workspace.as_str().into(),
                number.as_str().into(),
                self.contacts.id(contact).into(),
                thread.owner.into(),
                moment.into(),
                moment.into(),
                moment.into(),
            ]);
            let fresh = LoadedConversation::new(contact, number);
            self.keep(LoadedConversation { id, thread, previous_owner: owner, ..fresh });
        }
        let into = "insert into conversations
            (id, workspace_id, number_id, contact_id, owner, last_message_at, created_at, updated_at)";
        conn.many(into, &rows, "").await.map(|_| ())
    }
}

impl ThreadRow {
    fn kept(self, contact: usize) -> LoadedConversation {
        let thread = self.columns.thread();
        LoadedConversation {
            id: ConversationId::stored(self.id),
            previous_owner: thread.owner,
            thread,
            lease: Lease {
                until: self.lease_until,
                token: self.lease_token,
                attempts: self.attempts,
            },
            ..LoadedConversation::new(contact, self.number_id)
        }
    }
}
