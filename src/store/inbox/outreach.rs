//! Conversations that the business begins: found or created, with the customers in them. Writes no
//! message.

use super::Targets;
use super::conversations::Conversations;
use crate::domain::label::{display_name, one_line};
use crate::domain::{ConversationId, NumberId, Owner, Party, WorkspaceId};
use crate::store::{Conn, Result, Rows, now, storable};

/// Maximum length of a note on where a customer agreed, in characters.
const MAX_OPT_IN_LEN: usize = 300;

/// Customers to write to.
pub(in crate::store) struct Outreach<'a> {
    /// The number that writes.
    pub(in crate::store) number: &'a NumberId,
    /// The customers, with the names that they get if they have none.
    pub(in crate::store) parties: &'a [Party],
    /// Who owns conversations that do not exist yet.
    pub(in crate::store) owner: Owner,
    /// Where the customers agreed, if that is to be recorded.
    pub(in crate::store) opt_in: Option<&'a str>,
    /// Whether WhatsApp takes free text only after a customer wrote.
    pub(in crate::store) has_window: bool,
}

/// A conversation to write in; it is locked until the commit.
pub(in crate::store) struct OpenConversation {
    pub(in crate::store) id: ConversationId,
    pub(in crate::store) contact: String,
    pub(in crate::store) opted_out: bool,
}

impl Outreach<'_> {
    /// Opens the customers' conversations, in the order of the customers. Conversations with customers
    /// who opted out are not moved up in the lists.
    pub(in crate::store) async fn open(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<OpenConversation>> {
        let mut targets = Targets::new(self.owner);
        // The name that a customer chose stays.
        let parties: Vec<_> =
            self.parties.iter().map(|party| Party { name: None, ..party.clone() }).collect();
        // In a fixed order, so that two transactions with the same customers do not deadlock.
        let mut sorted: Vec<_> = parties.iter().collect();
        sorted.sort_by_key(|party| party.ids().next().map(|(_, id)| id));
        targets.places.extend(sorted.into_iter().map(|party| (self.number, party)));
        let mut conversations = Conversations::open(conn, workspace, &targets).await?;
        let mut opened = Vec::with_capacity(self.parties.len());
        for party in &parties {
            let place = conversations.contacts.find_or_add(party);
            let contact = conversations.contacts.id(place).to_owned();
            let opted_out = conversations.contacts.opted_out_at(place).is_some();
            let kept = conversations.at((self.number, party))?;
            (kept.changed, kept.spoken) = (!opted_out, !opted_out);
            opened.push(OpenConversation { id: kept.id.clone(), contact, opted_out });
        }
        conversations.write_back(conn).await?;
        self.complete_contacts(conn, &opened).await?;
        self.close_windows(conn, &opened).await?;
        Ok(opened)
    }

    /// Records the names, and where customers agreed, of whom that was not known.
    async fn complete_contacts(
        &self,
        conn: &mut Conn<'_>,
        opened: &[OpenConversation],
    ) -> Result<()> {
        let source =
            self.opt_in.map(|source| storable(&one_line(source, MAX_OPT_IN_LEN)).into_owned());
        let (mut rows, moment) = (Rows::default(), now());
        for (one, party) in opened.iter().zip(self.parties).filter(|(one, _)| !one.opted_out) {
            let name = party.name.as_deref().map(display_name).filter(|name| !name.is_empty());
            let name = name.map(|name| storable(&name).into_owned());
            if name.is_some() || source.is_some() {
                let at = source.as_ref().map(|_| moment);
                rows.push([
                    one.contact.as_str().into(),
                    name.into(),
                    at.into(),
                    source.clone().into(),
                ]);
            }
        }
        let before = "with v (id, name, moment, source) as (";
        let after = ") update contacts set name = coalesce(contacts.name, v.name),
                         opted_in_at = coalesce(contacts.opted_in_at, v.moment),
                         opt_in_source = case when contacts.opted_in_at is null then v.source else contacts.opt_in_source end
                     from v where contacts.id = v.id";
        conn.many(before, &rows, after).await.map(|_| ())
    }

    /// Until a customer writes, WhatsApp takes only templates. A support contact's conversation stays as
    /// it is: nobody knows when they wrote.
    async fn close_windows(&self, conn: &mut Conn<'_>, opened: &[OpenConversation]) -> Result<()> {
        if !self.has_window {
            return Ok(());
        }
        let (mut rows, moment) = (Rows::default(), now());
        for one in opened.iter().filter(|one| !one.opted_out) {
            rows.push([one.id.as_str().into(), moment.into()]);
        }
        let before = "with v (id, moment) as (";
        let after = ") update conversations set window_closed_at = v.moment from v
                     where conversations.id = v.id and conversations.last_inbound_at is null
                         and conversations.window_closed_at is null and conversations.notice_at is null";
        conn.many(before, &rows, after).await.map(|_| ())
    }
}
