//! The customers of a batch of webhooks: found by any of their ids, created if new,
//! written back once. Decides which two are one customer; `merge.rs` merges them.

use std::collections::HashMap;

use sqlx::FromRow;

use crate::domain::label::display_name;
use crate::domain::phone::other_spelling;
use crate::domain::thread::earliest;
use crate::domain::{ContactId, ConversationId, IdentityKind, Party, WorkspaceId};
use crate::store::{Conn, Result, Rows, now, run};

/// Customers, with an index by each kind of id.
#[derive(Default)]
pub(super) struct Contacts {
    all: Vec<Contact>,
    places: HashMap<IdentityKind, HashMap<String, usize>>,
    /// Conversations that changed because their customers are one.
    merged: Vec<ConversationId>,
    /// Further ids of customers that are not stored yet.
    aliases: Vec<(usize, IdentityKind, String)>,
}

#[derive(Clone, FromRow)]
struct ContactRow {
    id: String,
    wa_id: Option<String>,
    bsuid: Option<String>,
    lid: Option<String>,
    name: Option<String>,
    opted_out_at: Option<i64>,
}

/// A contact that is known by an id.
#[derive(FromRow)]
struct IdentityRow {
    kind: IdentityKind,
    value: String,
    #[sqlx(flatten)]
    contact: ContactRow,
}

struct Contact {
    row: ContactRow,
    username: Option<String>,
    fresh: bool,
    changed: bool,
    /// The kinds of ids that this batch set.
    new_ids: Vec<IdentityKind>,
}

impl ContactRow {
    fn id_of(&self, kind: IdentityKind) -> Option<&String> {
        match kind {
            IdentityKind::Phone => self.wa_id.as_ref(),
            IdentityKind::Bsuid => self.bsuid.as_ref(),
            IdentityKind::Lid => self.lid.as_ref(),
        }
    }

    fn set_id(&mut self, kind: IdentityKind, id: &str) {
        *self.place_of(kind) = Some(id.to_owned());
    }

    fn take_id(&mut self, kind: IdentityKind) {
        *self.place_of(kind) = None;
    }

    fn place_of(&mut self, kind: IdentityKind) -> &mut Option<String> {
        match kind {
            IdentityKind::Phone => &mut self.wa_id,
            IdentityKind::Bsuid => &mut self.bsuid,
            IdentityKind::Lid => &mut self.lid,
        }
    }
}

impl Contacts {
    pub(super) fn id(&self, place: usize) -> &str {
        &self.all[place].row.id
    }

    /// Whether this batch creates the contact.
    pub(super) fn is_fresh(&self, place: usize) -> bool {
        self.all[place].fresh
    }

    /// When the customer opted out, if they did.
    pub(super) fn opted_out_at(&self, place: usize) -> Option<i64> {
        self.all[place].row.opted_out_at
    }

    /// Sets the opt-out read under the lock: it may have changed since the contact was found.
    pub(super) fn refresh_opted_out(&mut self, place: usize, at: Option<i64>) {
        self.all[place].row.opted_out_at = at;
    }

    /// Records that the customer opted out, or in again.
    pub(super) fn set_opted_out(&mut self, place: usize, at: Option<i64>) {
        let contact = &mut self.all[place];
        contact.changed |= contact.row.opted_out_at != at;
        contact.row.opted_out_at = at;
    }

    /// The index of a loaded contact.
    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.all.iter().position(|contact| contact.row.id == id)
    }

    pub(super) async fn find(
        &mut self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        parties: impl Iterator<Item = &Party>,
    ) -> Result<()> {
        let mut asked = Rows::default();
        for party in parties {
            let other = party.wa_id.as_deref().and_then(other_spelling);
            let other = other.as_deref().map(|phone| (IdentityKind::Phone, phone));
            for (kind, id) in party.ids().chain(other) {
                asked.push([workspace.as_str().into(), kind.into(), id.into()]);
            }
        }
        // The cross join makes SQLite start from the requested ids.
        let before = "with asked (workspace_id, kind, value) as (";
        let after = ") select i.kind, i.value, c.id, c.wa_id, c.bsuid, c.lid, c.name, c.opted_out_at
                     from asked cross join contact_identities i cross join contacts c
                     where i.workspace_id = asked.workspace_id and i.kind = asked.kind and i.value = asked.value
                         and c.id = i.contact_id";
        for row in conn.many_rows::<IdentityRow>(before, &asked, after).await? {
            let IdentityRow { kind, value, contact } = row;
            let mut ids = IdentityKind::ALL.iter().copied();
            let known = ids.find_map(|kind| self.known(kind, contact.id_of(kind)?));
            let place = known.unwrap_or_else(|| self.add(Contact::stored(contact)));
            self.ids(kind).insert(value, place);
        }
        Ok(())
    }

    fn ids(&mut self, kind: IdentityKind) -> &mut HashMap<String, usize> {
        self.places.entry(kind).or_default()
    }

    fn add(&mut self, contact: Contact) -> usize {
        let place = self.all.len();
        for kind in IdentityKind::ALL {
            if let Some(id) = contact.row.id_of(*kind) {
                self.ids(*kind).insert(id.clone(), place);
            }
        }
        self.all.push(contact);
        place
    }

    /// The contact with exactly this id.
    fn known(&self, kind: IdentityKind, id: &str) -> Option<usize> {
        self.places.get(&kind)?.get(id).copied()
    }

    /// The contact with this id. A phone is also found by its other spelling.
    fn by_id(&self, kind: IdentityKind, id: &str) -> Option<usize> {
        let other = || other_spelling(id).filter(|_| kind == IdentityKind::Phone);
        self.known(kind, id).or_else(|| self.known(kind, &other()?))
    }

    /// The contacts of a party, by each of its ids. One with another LID is somebody else: a LID is one
    /// for a WhatsApp account and stays, and a phone may get a new owner.
    fn places_of(&self, party: &Party) -> impl Iterator<Item = usize> {
        let is_other = |place: usize| {
            let known = self.all[place].row.lid.as_ref();
            known.zip(party.lid.as_ref()).is_some_and(|(known, given)| known != given)
        };
        let found = party.ids().filter_map(|(kind, id)| self.by_id(kind, id));
        found.filter(move |place| !is_other(*place))
    }

    /// The contact of a party, created if new. If its ids name different contacts, the phone wins,
    /// then the business-scoped id. New details of the party are stored on the contact.
    pub(super) fn find_or_add(&mut self, party: &Party) -> usize {
        let found = self.places_of(party).next();
        if let Some(place) = found {
            self.learn(place, party);
            return place;
        }
        let mut contact = Contact::new(party);
        // What is left of the ids of somebody else stays theirs.
        for kind in IdentityKind::ALL {
            let known = contact.row.id_of(*kind).and_then(|id| self.by_id(*kind, id));
            if known.is_some() {
                contact.row.take_id(*kind);
            }
        }
        self.add(contact)
    }

    /// Two contacts that a party shows to be one customer: the one that stays, and the one that goes.
    /// Two that have ids of the same kind stay apart: a phone may get a new owner.
    pub(super) fn split(&self, party: &Party) -> Option<(usize, usize)> {
        let places: Vec<_> = self.places_of(party).collect();
        let mut pairs =
            places.iter().flat_map(|one| places.iter().map(move |other| (*one, *other)));
        let has = |place: usize, kind| self.all[place].row.id_of(kind).is_some();
        // The stored one stays; of two, the one with the phone.
        let rank = |place: usize| (self.all[place].fresh, !has(place, IdentityKind::Phone));
        pairs.find(|&(kept, gone)| {
            let clash = |kind: &IdentityKind| has(kept, *kind) && has(gone, *kind);
            kept != gone && rank(kept) <= rank(gone) && !IdentityKind::ALL.iter().any(clash)
        })
    }

    /// Records that the second contact is now the first one, and the conversations that changed with
    /// that. If the second one is stored, the database has merged them.
    pub(super) fn absorb(&mut self, (kept, gone): (usize, usize), merged: Vec<ConversationId>) {
        let former = &mut self.all[gone];
        let was_news = former.fresh || former.changed;
        (former.fresh, former.changed) = (false, false);
        let (row, new_ids) = (former.row.clone(), std::mem::take(&mut former.new_ids));
        let username = former.username.take();
        let contact = &mut self.all[kept];
        contact.changed |= was_news;
        contact.new_ids.extend(new_ids);
        contact.username = contact.username.take().or(username);
        contact.row.opted_out_at = earliest(contact.row.opted_out_at, row.opted_out_at);
        for kind in IdentityKind::ALL {
            if let Some(id) = row.id_of(*kind) {
                contact.row.set_id(*kind, id);
            }
        }
        contact.row.name = contact.row.name.take().or(row.name);
        let places = self.places.values_mut().flat_map(HashMap::values_mut);
        let aliases = self.aliases.iter_mut().map(|(place, ..)| place);
        for place in places.chain(aliases).filter(|place| **place == gone) {
            *place = kept;
        }
        self.merged.extend(merged);
    }

    /// The conversations that changed because their customers became one in this batch.
    pub(super) fn merged(&self) -> &[ConversationId] {
        &self.merged
    }

    fn learn(&mut self, place: usize, party: &Party) {
        let contact = &mut self.all[place];
        if let Some(name) = name_of(party)
            && contact.row.name.as_ref() != Some(&name)
        {
            contact.row.name = Some(name);
            contact.changed = true;
        }
        for (kind, id) in party.ids() {
            if self.all[place].row.id_of(kind).is_none() {
                self.set_id(place, (kind, id));
            }
        }
    }

    pub(super) async fn make(
        &mut self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
    ) -> Result<()> {
        let (mut rows, moment) = (Rows::default(), now());
        for contact in self.all.iter_mut().filter(|contact| contact.fresh) {
            let row = &contact.row;
            rows.push([
                row.id.as_str().into(),
                workspace.as_str().into(),
                row.wa_id.clone().into(),
                row.bsuid.clone().into(),
                row.lid.clone().into(),
                row.name.clone().into(),
                contact.username.clone().into(),
                moment.into(),
                moment.into(),
            ]);
            contact.changed = false;
        }
        let into = "insert into contacts (id, workspace_id, wa_id, bsuid, lid, name, username, created_at, updated_at)";
        conn.many(into, &rows, "").await.map(|_| ())
    }

    /// Changes the customer's phone or business-scoped id on the same contact. An id that belongs
    /// to another contact stays there.
    pub(super) fn rename(&mut self, party: &Party, wa_id: Option<&str>, bsuid: Option<&str>) {
        let place = self.find_or_add(party);
        let new = [(IdentityKind::Phone, wa_id), (IdentityKind::Bsuid, bsuid)];
        for (kind, id) in new.into_iter().filter_map(|(kind, id)| Some((kind, id?))) {
            self.set_id(place, (kind, id));
        }
    }

    fn set_id(&mut self, place: usize, (kind, id): (IdentityKind, &str)) {
        // Only the id by which messages are sent to another contact stays there.
        let owner = self.known(kind, id).filter(|owner| *owner != place);
        let kept = owner.and_then(|owner| self.all[owner].row.id_of(kind));
        if kept.is_some_and(|kept| kept == id) {
            return;
        }
        let contact = &mut self.all[place];
        contact.row.set_id(kind, id);
        contact.changed = true;
        contact.new_ids.push(kind);
        self.ids(kind).insert(id.to_owned(), place);
    }

    /// Records the ids of a party whose ids are known to be theirs, on the contact that it is: the
    /// next message may carry only one of them. An id of another contact stays there.
    pub(super) fn add_identities(&mut self, party: &Party) {
        let place = self.find_or_add(party);
        self.move_phone(place, party);
        for (kind, id) in party.ids() {
            if self.known(kind, id).is_none() {
                self.ids(kind).insert(id.to_owned(), place);
                self.aliases.push((place, kind, id.to_owned()));
            }
        }
    }

    /// Whoever writes under the contact's LID with another phone has that phone now.
    fn move_phone(&mut self, place: usize, party: &Party) {
        let row = &self.all[place].row;
        let (Some(new), Some(former)) = (&party.wa_id, &row.wa_id) else { return };
        let is_same = new == former || other_spelling(former).as_ref() == Some(new);
        if party.lid.is_some() && party.lid == row.lid && !is_same {
            self.set_id(place, (IdentityKind::Phone, new));
        }
    }

    /// Writes the changes back.
    pub(super) async fn write_back(&self, conn: &mut Conn<'_>) -> Result<()> {
        for contact in self.all.iter().filter(|contact| contact.changed) {
            // An id that another process set meanwhile stays.
            let sql = "update contacts set name = $2, username = coalesce($3, username), wa_id = coalesce($4, wa_id),
                       bsuid = coalesce($5, bsuid), lid = coalesce($6, lid), opted_out_at = $7, updated_at = $8 where id = $1";
            let row = &contact.row;
            let new = |kind| row.id_of(kind).filter(|_| contact.new_ids.contains(&kind));
            run!(
                conn,
                sql,
                &row.id,
                &row.name,
                &contact.username,
                new(IdentityKind::Phone),
                new(IdentityKind::Bsuid),
                new(IdentityKind::Lid),
                row.opted_out_at,
                now()
            )?;
        }
        let mut rows = Rows::default();
        for (place, kind, id) in &self.aliases {
            rows.push([self.id(*place).into(), (*kind).into(), id.as_str().into()]);
        }
        let into = "with v (contact_id, kind, value) as (";
        let after = ") insert into contact_identities (workspace_id, kind, value, contact_id)
                     select c.workspace_id, v.kind, v.value, c.id from v join contacts c on c.id = v.contact_id where true
                     on conflict (workspace_id, kind, value) do nothing";
        conn.many(into, &rows, after).await.map(|_| ())
    }
}

impl Contact {
    fn stored(row: ContactRow) -> Self {
        Self { row, username: None, fresh: false, changed: false, new_ids: Vec::new() }
    }

    /// A contact that is to be created.
    fn new(party: &Party) -> Self {
        let username = party.username.as_deref().map(display_name);
        Self {
            row: ContactRow {
                id: ContactId::generate().to_string(),
                wa_id: party.wa_id.clone(),
                bsuid: party.bsuid.clone(),
                lid: party.lid.clone(),
                name: name_of(party),
                opted_out_at: None,
            },
            username: username.filter(|name| !name.is_empty()),
            fresh: true,
            changed: false,
            new_ids: party.ids().map(|(kind, _)| kind).collect(),
        }
    }
}

/// The party's name, cleaned for display; `None` if nothing is left of it.
fn name_of(party: &Party) -> Option<String> {
    party.name.as_deref().map(display_name).filter(|name| !name.is_empty())
}
