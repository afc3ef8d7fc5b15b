//! The customers of a batch of webhooks: found by any of their ids, created if new,
//! written back once. Decides which two are one customer; `merge.rs` merges them.

use std::collections::HashMap;

use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::label::display_name;
use crate::domain::phone::other_spelling;
use crate::domain::thread::earliest;
use crate::domain::{ContactId, ConversationId, IdentityKind, Party, WorkspaceId};
use crate::store::words::identity_kind;
use crate::store::{Conn, Result, Rows, now, run};

/// Customers, with indexes by phone and by business-scoped id.
#[derive(Default)]
pub(super) struct Contacts {
    all: Vec<Contact>,
    phones: HashMap<String, usize>,
    bsuids: HashMap<String, usize>,
    /// Conversations that changed because their customers are one.
    merged: Vec<ConversationId>,
    /// Further ids of customers that are not stored yet.
    aliases: Vec<(usize, IdentityKind, String)>,
}

#[derive(FromRow)]
struct ContactRow {
    id: String,
    wa_id: Option<String>,
    bsuid: Option<String>,
    name: Option<String>,
    opted_out_at: Option<i64>,
}

/// A contact that is known by an id.
#[derive(FromRow)]
struct IdentityRow {
    key: String,
    #[sqlx(flatten)]
    contact: ContactRow,
}

struct Contact {
    row: ContactRow,
    username: Option<String>,
    fresh: bool,
    changed: bool,
    /// Whether this batch set the phone, and the business-scoped id.
    new_ids: (bool, bool),
}

/// The end of a statement that finds the contacts of `asked`, a list of ids of a kind.
macro_rules! known_by {
    ($kind:ident) => {
        formatcp!(
            ") select asked.key as key, c.id, c.wa_id, c.bsuid, c.name, c.opted_out_at
             from asked cross join contact_identities i cross join contacts c
             where i.workspace_id = asked.workspace_id and i.kind = '{}' and i.value = asked.key and c.id = i.contact_id",
            identity_kind::$kind
        )
    };
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
        let (mut phones, mut bsuids) = (Rows::default(), Rows::default());
        for party in parties {
            let other = party.wa_id.as_deref().and_then(other_spelling);
            for wa_id in party.wa_id.iter().chain(&other) {
                phones.push([workspace.as_str().into(), wa_id.as_str().into()]);
            }
            if let Some(bsuid) = &party.bsuid {
                bsuids.push([workspace.as_str().into(), bsuid.as_str().into()]);
            }
        }
        for (kind, keys) in [(IdentityKind::Phone, phones), (IdentityKind::Bsuid, bsuids)] {
            // The cross join makes SQLite start from the requested keys.
            let after = match kind {
                IdentityKind::Phone => known_by!(PHONE),
                IdentityKind::Bsuid => known_by!(BSUID),
            };
            let before = "with asked (workspace_id, key) as (";
            for IdentityRow { key, contact } in conn.many_rows(before, &keys, after).await? {
                self.know(kind, key, contact);
            }
        }
        Ok(())
    }

    fn know(&mut self, kind: IdentityKind, key: String, row: ContactRow) {
        let known = |id: &Option<String>, ids: &HashMap<String, usize>| {
            id.as_ref().and_then(|id| ids.get(id)).copied()
        };
        let known = known(&row.wa_id, &self.phones).or_else(|| known(&row.bsuid, &self.bsuids));
        let place = known.unwrap_or_else(|| {
            self.add(Contact {
                row,
                username: None,
                fresh: false,
                changed: false,
                new_ids: (false, false),
            })
        });
        self.ids(kind).insert(key, place);
    }

    fn ids(&mut self, kind: IdentityKind) -> &mut HashMap<String, usize> {
        match kind {
            IdentityKind::Phone => &mut self.phones,
            IdentityKind::Bsuid => &mut self.bsuids,
        }
    }

    fn add(&mut self, contact: Contact) -> usize {
        let place = self.all.len();
        if let Some(wa_id) = &contact.row.wa_id {
            self.phones.insert(wa_id.clone(), place);
        }
        if let Some(bsuid) = &contact.row.bsuid {
            self.bsuids.insert(bsuid.clone(), place);
        }
        self.all.push(contact);
        place
    }

    /// The contact with this phone, or else with its other spelling.
    fn phone(&self, wa_id: &str) -> Option<usize> {
        let known = |id: &str| self.phones.get(id).copied();
        known(wa_id).or_else(|| known(&other_spelling(wa_id)?))
    }

    /// The contact of a party, created if new. If phone and business-scoped id name different
    /// contacts, the phone wins. New details of the party are stored on the contact.
    pub(super) fn find_or_add(&mut self, party: &Party) -> usize {
        let by_phone = party.wa_id.as_deref().and_then(|id| self.phone(id));
        let by_bsuid = || party.bsuid.as_ref().and_then(|id| self.bsuids.get(id)).copied();
        let Some(place) = by_phone.or_else(by_bsuid) else {
            let row = ContactRow {
                id: ContactId::generate().to_string(),
                wa_id: party.wa_id.clone(),
                bsuid: party.bsuid.clone(),
                name: name_of(party),
                opted_out_at: None,
            };
            let username =
                party.username.as_deref().map(display_name).filter(|name| !name.is_empty());
            return self.add(Contact {
                row,
                username,
                fresh: true,
                changed: false,
                new_ids: (false, false),
            });
        };
        self.learn(place, party);
        place
    }

    /// The two contacts of a party: one known by its phone alone, the other by its business-scoped
    /// id alone. Contacts with another phone or id stay apart: a phone may get a new owner.
    pub(super) fn split(&self, party: &Party) -> Option<(usize, usize)> {
        let kept = self.phone(party.wa_id.as_ref()?)?;
        let gone = *self.bsuids.get(party.bsuid.as_ref()?)?;
        let apart = self.all[kept].row.bsuid.is_none() && self.all[gone].row.wa_id.is_none();
        (kept != gone && apart).then_some((kept, gone))
    }

    /// Records that the database merged the second contact into the first, and the conversations
    /// that changed with that.
    pub(super) fn absorb(&mut self, (kept, gone): (usize, usize), merged: Vec<ConversationId>) {
        let row = &mut self.all[gone].row;
        let (bsuid, name, opted_out_at) = (row.bsuid.take(), row.name.take(), row.opted_out_at);
        let kept_row = &mut self.all[kept].row;
        kept_row.name = kept_row.name.take().or(name);
        kept_row.opted_out_at = earliest(kept_row.opted_out_at, opted_out_at);
        kept_row.bsuid = bsuid.or(kept_row.bsuid.take());
        for place in self.phones.values_mut().chain(self.bsuids.values_mut()) {
            if *place == gone {
                *place = kept;
            }
        }
        for (place, ..) in &mut self.aliases {
            if *place == gone {
                *place = kept;
            }
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
        let (knows_phone, knows_bsuid) = (contact.row.wa_id.is_some(), contact.row.bsuid.is_some());
        let wa_id = party.wa_id.as_deref().filter(|_| !knows_phone);
        let bsuid = party.bsuid.as_deref().filter(|_| !knows_bsuid);
        self.set_ids(place, wa_id, bsuid);
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
                row.name.clone().into(),
                contact.username.clone().into(),
                moment.into(),
                moment.into(),
            ]);
            contact.changed = false;
        }
        let into = "insert into contacts (id, workspace_id, wa_id, bsuid, name, username, created_at, updated_at)";
        conn.many(into, &rows, "").await.map(|_| ())
    }

    /// Changes the customer's phone or business-scoped id on the same contact. An id that belongs
    /// to another contact stays there.
    pub(super) fn rename(&mut self, party: &Party, wa_id: Option<&str>, bsuid: Option<&str>) {
        let place = self.find_or_add(party);
        self.set_ids(place, wa_id, bsuid);
    }

    fn set_ids(&mut self, place: usize, wa_id: Option<&str>, bsuid: Option<&str>) {
        // Only the id by which messages are sent to another contact stays there.
        let is_taken =
            |ids: &HashMap<String, usize>, id: &str, kept: fn(&ContactRow) -> &Option<String>| {
                let owner = ids.get(id).filter(|owner| **owner != place);
                owner.is_some_and(|owner| kept(&self.all[*owner].row).as_deref() == Some(id))
            };
        let wa_id = wa_id.filter(|id| !is_taken(&self.phones, id, |row| &row.wa_id));
        let bsuid = bsuid.filter(|id| !is_taken(&self.bsuids, id, |row| &row.bsuid));
        let contact = &mut self.all[place];
        if let Some(wa_id) = wa_id {
            contact.row.wa_id = Some(wa_id.to_owned());
            (contact.changed, contact.new_ids.0) = (true, true);
            self.phones.insert(wa_id.to_owned(), place);
        }
        if let Some(bsuid) = bsuid {
            contact.row.bsuid = Some(bsuid.to_owned());
            (contact.changed, contact.new_ids.1) = (true, true);
            self.bsuids.insert(bsuid.to_owned(), place);
        }
    }

    /// Records the ids of a party whose ids are known to be theirs, on the contact that it is: the
    /// next message may carry only one of them. An id of another contact stays there.
    pub(super) fn add_identities(&mut self, party: &Party) {
        let place = self.find_or_add(party);
        let given = [(IdentityKind::Phone, &party.wa_id), (IdentityKind::Bsuid, &party.bsuid)];
        for (kind, id) in given {
            let Some(id) = id.as_ref().filter(|id| !self.ids(kind).contains_key(*id)) else {
                continue;
            };
            self.ids(kind).insert(id.clone(), place);
            self.aliases.push((place, kind, id.clone()));
        }
    }

    /// Writes the changes back.
    pub(super) async fn write_back(&self, conn: &mut Conn<'_>) -> Result<()> {
        for contact in self.all.iter().filter(|contact| contact.changed) {
            // An id that another process set meanwhile stays.
            let sql = "update contacts set name = $2, username = coalesce($3, username), wa_id = coalesce($4, wa_id),
                       bsuid = coalesce($5, bsuid), opted_out_at = $6, updated_at = $7 where id = $1";
            let (row, (new_phone, new_bsuid)) = (&contact.row, contact.new_ids);
            run!(
                conn,
                sql,
                &row.id,
                &row.name,
                &contact.username,
                row.wa_id.as_ref().filter(|_| new_phone),
                row.bsuid.as_ref().filter(|_| new_bsuid),
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

/// The party's name, cleaned for display; `None` if nothing is left of it.
fn name_of(party: &Party) -> Option<String> {
    party.name.as_deref().map(display_name).filter(|name| !name.is_empty())
}
