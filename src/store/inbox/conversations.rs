//! The conversations that a batch of webhooks is about: found and locked, made where they are new, written back once.
//! Decides nothing of messages.

use std::collections::HashMap;

use sqlx::FromRow;

use super::Offer;
use super::contacts::Contacts;
use crate::domain::loop_guard::SenderStats;
use crate::domain::thread::{Disposition, InboundEvent, Thread};
use crate::domain::{ConversationId, NumberId, Owner, Party, WorkspaceId};
use crate::store::bulk::Value;
use crate::store::columns::LenientWord;
use crate::store::turns::Claim;
use crate::store::{Conn, Error, Result, Rows, cases, first, now};

/// Conversations by number and customer, with their changes in this batch.
#[derive(Default)]
pub(super) struct Conversations {
    contacts: Contacts,
    kept: Vec<LoadedConversation>,
    places: HashMap<(String, usize), usize>,
}

/// A conversation with the changes that are not written back yet.
pub(super) struct LoadedConversation {
    /// Its id.
    pub(super) id: ConversationId,
    /// What is kept of it.
    pub(super) thread: Thread,
    /// Set when what waited for the bot, and what the bot had not sent yet, is void: whoever runs a turn has lost.
    pub(super) void: bool,
    /// Whether a person's open cases are closed by what happened.
    pub(super) closed: bool,
    /// How many messages came that a person has not seen.
    pub(super) came: i64,
    /// Whether a person saw all that was there before those, and whether he answered it.
    pub(super) seen: Option<PersonAction>,
    /// The place of the webhook whose message came last.
    pub(super) asked_by: usize,
    /// Who might speak before; a person, where the database has another version's word.
    was: Owner,
    lease: Lease,
    /// Until when a turn is claimed, if it is.
    claimed: Option<i64>,
    contact: usize,
    number: String,
    changed: bool,
}

/// What a person did in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonAction {
    /// He took the conversation and wrote nothing.
    Looked,
    /// He wrote to the customer.
    Answered,
}

/// Who may run a turn of a conversation.
#[derive(Default)]
struct Lease {
    until: i64,
    token: i64,
    attempts: i64,
}

#[derive(FromRow)]
struct ThreadRow {
    id: String,
    number_id: String,
    contact_id: String,
    #[sqlx(try_from = "LenientWord<Owner>")]
    owner: Option<Owner>,
    person_at: Option<i64>,
    waiting_since: Option<i64>,
    due_at: Option<i64>,
    quiet_at: Option<i64>,
    last_inbound_at: Option<i64>,
    replied_at: Option<i64>,
    reply_hash: i64,
    habit: String,
    opted_out_at: Option<i64>,
    lease_until: i64,
    lease_token: i64,
    attempts: i64,
}

/// A number, and a customer of it.
pub(super) type Place<'a> = (&'a NumberId, &'a Party);

impl Conversations {
    /// Finds the conversations of these customers, holds them until the commit, and makes those that are new. `also` are
    /// ids that somebody may get.
    pub(super) async fn open(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        (places, also): (&[Place<'_>], &[Party]),
    ) -> Result<Self> {
        let mut conversations = Self::default();
        let parties = places.iter().map(|(_, party)| *party).chain(also);
        conversations.contacts.find(conn, workspace, parties).await?;
        let mut wanted: Vec<(String, usize)> = Vec::new();
        for (number, party) in places {
            let contact = conversations.contacts.named(party);
            let place = (number.to_string(), contact);
            if !wanted.contains(&place) {
                wanted.push(place);
            }
        }
        conversations.contacts.make(conn, workspace).await?;
        conversations.find_threads(conn, &wanted).await?;
        conversations.make_threads(conn, workspace, wanted).await?;
        Ok(conversations)
    }

    /// Loads and locks one conversation; none if there is no such conversation.
    pub(super) async fn of_one(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        id: &ConversationId,
    ) -> Result<Option<Self>> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select v.id, v.number_id, v.contact_id, v.owner, v.person_at, v.waiting_since, v.due_at, v.quiet_at,
                        v.last_inbound_at, v.replied_at, v.reply_hash, v.habit, c.opted_out_at, v.lease_until, v.lease_token,
                        v.attempts
                    from conversations v join contacts c on c.id = v.contact_id where v.id = $1 and v.workspace_id = $2 ",
                    $lock
                )
            };
        }
        let sql = conn.claiming(find!(""), find!("for update of v"));
        let row = first!(conn, ThreadRow, sql, id.as_str(), workspace.as_str())?;
        // Its customer is not loaded: nothing of him changes.
        Ok(row.map(|row| Self { kept: vec![row.kept(0)], ..Self::default() }))
    }

    /// The conversation of [`Self::of_one`].
    pub(super) fn only(&mut self) -> Option<&mut LoadedConversation> {
        self.kept.first_mut()
    }

    /// The conversation of a customer with a number: one of those that were loaded.
    pub(super) fn at(&mut self, (number, party): Place<'_>) -> Result<&mut LoadedConversation> {
        let contact = self.contacts.named(party);
        let place = self.places.get(&(number.to_string(), contact)).copied();
        // An id that moved to another customer within a batch: made alone, the webhook finds it.
        let kept = place.and_then(|place| self.kept.get_mut(place)).ok_or_else(|| {
            Error::Failed("a customer's conversation is not among those of the batch".into())
        })?;
        kept.changed = true;
        Ok(kept)
    }

    /// A customer's message. Who opted out did so on every number: what one conversation heard, the others of the batch
    /// know.
    pub(super) fn hear(
        &mut self,
        place: Place<'_>,
        event: &InboundEvent<'_>,
    ) -> Result<(&mut LoadedConversation, Disposition)> {
        let contact = self.at(place)?.contact;
        let opted_out_at = self.contacts.opted_out_at(contact);
        let kept = self.at(place)?;
        kept.thread.opted_out_at = opted_out_at;
        let disposition = kept.thread.hear(event);
        let opted_out_at = kept.thread.opted_out_at;
        self.contacts.set_opted_out(contact, opted_out_at);
        Ok((self.at(place)?, disposition))
    }

    /// The customer's phone or business-scoped id changed.
    pub(super) fn rename(&mut self, party: &Party, wa_id: Option<&str>, bsuid: Option<&str>) {
        self.contacts.rename(party, wa_id, bsuid);
    }

    /// Claims due conversations up to each webhook's offered capacity; by the place of the webhook.
    pub(super) fn claim(&mut self, mut offers: Vec<Offer>, moment: i64) -> Vec<(usize, Claim)> {
        let mut claims = Vec::new();
        for kept in self.kept.iter_mut().filter(|kept| kept.is_due(moment)) {
            let Some(offer) = offers.get_mut(kept.asked_by).filter(|offer| offer.most > 0) else {
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
            claims.push((kept.asked_by, claim));
        }
        claims
    }

    /// Writes back what changed.
    pub(super) async fn close(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        self.contacts.close(conn).await?;
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
                written(&thread.habit).into(),
                i64::from(kept.void).into(),
                kept.claimed.into(),
                i64::from(kept.claimed.is_some()).into(),
                moment.into(),
                kept.came.into(),
                kept.seen.map(|_| moment).into(),
                i64::from(kept.seen == Some(PersonAction::Answered)).into(),
                i64::from(kept.seen != Some(PersonAction::Looked) || kept.came > 0).into(),
            ]);
        }
        let before = "with v (id, owner, person_at, waiting_since, due_at, quiet_at, last_inbound_at, habit, void, until,
            claimed, moment, came, seen_at, answered, spoken) as (";
        let after = ") update conversations set owner = coalesce(v.owner, conversations.owner),
                person_at = coalesce(v.person_at, conversations.person_at), waiting_since = v.waiting_since, due_at = v.due_at, quiet_at = v.quiet_at, last_inbound_at = v.last_inbound_at, habit = v.habit,
                lease_token = lease_token + v.void + v.claimed, updated_at = v.moment,
                last_message_at = case when v.spoken = 1 then v.moment else last_message_at end,
                seen_at = coalesce(v.seen_at, conversations.seen_at),
                unread = v.came + case when v.seen_at is null then unread else 0 end,
                unanswered = v.came + case when v.answered = 1 then 0 else unanswered end,
                lease_until = case when v.claimed = 1 then v.until when v.void = 1 then 0 else lease_until end,
                attempts = case when v.void = 1 then 0 else attempts end + v.claimed
            from v where conversations.id = v.id";
        conn.many(before, &rows, after).await.map(|_| ())
    }

    /// Finds conversations. On Postgres they are held until the commit, and read as they are when they are held: a
    /// person may have taken over meanwhile. SQLite has one writer.
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
                    ") select v.id, v.number_id, v.contact_id, v.owner, v.person_at, v.waiting_since, v.due_at, v.quiet_at,
                        v.last_inbound_at, v.replied_at, v.reply_hash, v.habit, c.opted_out_at, v.lease_until, v.lease_token,
                        v.attempts
                    from asked cross join conversations v cross join contacts c
                    where v.number_id = asked.number_id and v.contact_id = asked.contact_id and c.id = v.contact_id ",
                    $lock
                )
            };
        }
        let after = conn.claiming(find!(""), find!("order by v.id for update of v, c"));
        let before = "with asked (number_id, contact_id) as (";
        for row in conn.many_rows::<ThreadRow>(before, &rows, after).await? {
            let Some(contact) = self.contacts.place(&row.contact_id) else { continue };
            self.contacts.know_opted_out(contact, row.opted_out_at);
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
        wanted: Vec<(String, usize)>,
    ) -> Result<()> {
        let (mut rows, moment) = (Rows::default(), now());
        for (number, contact) in wanted {
            if self.places.contains_key(&(number.clone(), contact)) {
                continue;
            }
            let id = ConversationId::generate();
            let opted_out_at = self.contacts.opted_out_at(contact);
            let thread = Thread { opted_out_at, ..Thread::default() };
            let row: [Value; 8] = [
                id.as_str().into(),
                workspace.as_str().into(),
                number.as_str().into(),
                self.contacts.id(contact).into(),
                thread.owner.into(),
                moment.into(),
                moment.into(),
                moment.into(),
            ];
            rows.push(row);
            let fresh = LoadedConversation::new(contact, number);
            self.keep(LoadedConversation { id, thread, ..fresh });
        }
        let into = "insert into conversations
            (id, workspace_id, number_id, contact_id, owner, last_message_at, created_at, updated_at)";
        conn.many(into, &rows, "").await.map(|_| ())
    }
}

impl ThreadRow {
    fn kept(self, contact: usize) -> LoadedConversation {
        let owner = self.owner.unwrap_or(Owner::Person);
        LoadedConversation {
            id: ConversationId::stored(self.id),
            was: owner,
            thread: Thread {
                owner,
                opted_out_at: self.opted_out_at,
                // From an owner who is another version's word the bot does not return, however long a person has been silent.
                person_at: self.owner.and(self.person_at),
                waiting_since: self.waiting_since,
                due_at: self.due_at,
                quiet_at: self.quiet_at,
                last_inbound_at: self.last_inbound_at,
                replied_at: self.replied_at,
                reply_hash: self.reply_hash,
                habit: serde_json::from_str(&self.habit).unwrap_or_default(),
            },
            lease: Lease {
                until: self.lease_until,
                token: self.lease_token,
                attempts: self.attempts,
            },
            ..LoadedConversation::new(contact, self.number_id)
        }
    }
}

impl LoadedConversation {
    /// A person takes the conversation. Whoever calls this voids what is in the queue, too.
    pub(super) fn take_over(&mut self, did: PersonAction) {
        self.thread.take_over(now());
        (self.void, self.changed) = (true, true);
        (self.seen, self.came) = (Some(did), 0);
    }

    fn new(contact: usize, number: String) -> Self {
        Self {
            id: ConversationId::stored(String::new()),
            thread: Thread::default(),
            void: false,
            closed: false,
            came: 0,
            seen: None,
            asked_by: 0,
            was: Owner::Bot,
            lease: Lease::default(),
            claimed: None,
            contact,
            number,
            changed: false,
        }
    }

    /// Who may speak from now on, where that changed or a person took it: another version's word stays otherwise.
    fn new_owner(&self) -> Option<Owner> {
        let owner = self.thread.owner;
        (owner != self.was || self.seen.is_some()).then_some(owner)
    }

    /// Whether a turn may begin, and nobody has one.
    fn is_due(&self, moment: i64) -> bool {
        let free = self.void || self.lease.until < moment;
        self.changed && free && self.thread.due_at.is_some_and(|due| due <= moment)
    }
}

/// A habit as the database keeps it; nothing where there is none.
fn written(habit: &SenderStats) -> String {
    if *habit == SenderStats::default() {
        return String::new();
    }
    serde_json::to_string(habit).unwrap_or_default()
}
