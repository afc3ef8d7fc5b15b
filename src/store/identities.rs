//! The ids by which customers are known: how they are looked for, and what the answer to a send shows
//! of them.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::inbox::merge::{current, unite_by_id};
use super::outbox::ToSend;
use super::words::identity_kind;
use super::{Conn, Result, Rows, Store, Write, first, now, run, storable};
use crate::domain::{ConversationId, Direction, IdentityKind, NumberId, Party, WorkspaceId, phone};

impl Store {
    /// The ids of a contact; `None` if it became another one meanwhile.
    pub async fn party(&self, contact: &str) -> Result<Option<Party>> {
        let workspace = self.workspace_id();
        let found = self
            .read(async |conn| {
                let sql =
                    "select wa_id, bsuid, lid from contacts where workspace_id = $1 and id = $2";
                first!(conn, OwnIds, sql, workspace.as_str(), contact)
            })
            .await?;
        Ok(found.map(Party::from))
    }

    /// The customer of a message, by the provider's id of it, and whether it came in or went out.
    pub async fn customer_of(
        &self,
        number: &NumberId,
        provider_id: &str,
    ) -> Result<Option<(Party, Direction)>> {
        let workspace = self.workspace_id();
        let found = self
            .read(async |conn| {
                let sql = "select c.wa_id, c.bsuid, c.lid, m.direction from messages m
                               join conversations v on v.id = m.conversation_id join contacts c on c.id = v.contact_id
                           where m.workspace_id = $1 and m.number_id = $2 and m.provider_id = $3";
                let provider_id = storable(provider_id);
                first!(conn, CustomerRow, sql, workspace.as_str(), number.as_str(), provider_id)
            })
            .await?;
        Ok(found.and_then(|row| Some((row.ids.into(), row.direction.parse().ok()?))))
    }

    /// Records the ids by which the provider knows who got a message, and merges the contacts that
    /// prove to be one. Returns the conversations that changed with that.
    pub async fn know_recipient(
        &self,
        message: &ToSend,
        recipient: &Party,
    ) -> Result<Vec<ConversationId>> {
        let conversation = ConversationId::stored(message.conversation_id.clone());
        let know = KnowRecipient { conversation, recipient: recipient.clone() };
        if know.is_known(self).await? {
            return Ok(Vec::new());
        }
        self.apply(know).await
    }
}

/// The ids by which a contact is written to.
#[derive(FromRow)]
struct OwnIds {
    wa_id: Option<String>,
    bsuid: Option<String>,
    lid: Option<String>,
}

impl From<OwnIds> for Party {
    fn from(OwnIds { wa_id, bsuid, lid }: OwnIds) -> Self {
        Self { wa_id, bsuid, lid, ..Self::default() }
    }
}

/// The customer of a message.
#[derive(FromRow)]
struct CustomerRow {
    #[sqlx(flatten)]
    ids: OwnIds,
    direction: String,
}

#[derive(Clone)]
struct KnowRecipient {
    conversation: ConversationId,
    recipient: Party,
}

impl KnowRecipient {
    /// Whether all of the ids are the contact's.
    async fn is_known(&self, store: &Store) -> Result<bool> {
        let Party { wa_id, bsuid, lid, .. } = &self.recipient;
        let (workspace, given) = (store.workspace_id(), self.recipient.ids().count());
        let known = store
            .read(async |conn| {
                let sql = formatcp!(
                    "select count(*) from contact_identities i join conversations v on v.contact_id = i.contact_id
                     where {IS_PARTY} and v.id = $6"
                );
                let (space, id) = (workspace.as_str(), self.conversation.as_str());
                first!(conn, (i64,), sql, space, wa_id, wa_id, bsuid, lid, id)
            })
            .await?;
        Ok(known.is_some_and(|known| usize::try_from(known.0) == Ok(given)))
    }
}

/// An id, if no other contact has it in any of its spellings.
macro_rules! free {
    ($kind:ident, $id:literal, $spellings:literal) => {
        formatcp!(
            "case when not exists (select 1 from contact_identities i where i.workspace_id = contacts.workspace_id
                 and i.kind = '{kind}' and i.value in ({spellings}) and i.contact_id <> contacts.id) then {id} end",
            kind = identity_kind::$kind,
            id = $id,
            spellings = $spellings
        )
    };
}

#[async_trait]
impl Write for KnowRecipient {
    type Out = Vec<ConversationId>;

    async fn run(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<ConversationId>> {
        // Locks the conversation, as all that locks its contact does first.
        let conversation = current(conn, workspace, &self.conversation).await?;
        let sql =
            "select v.contact_id, c.lid from conversations v join contacts c on c.id = v.contact_id
                   where v.id = $1 and v.workspace_id = $2";
        let (conversation, space) = (conversation.as_str(), workspace.as_str());
        let found = first!(conn, (String, Option<String>), sql, conversation, space)?;
        let Some((mut contact, known_lid)) = found else { return Ok(Vec::new()) };
        // One with another LID is somebody else, whose phone this was or is.
        if known_lid.is_some() && self.recipient.lid.is_some() && known_lid != self.recipient.lid {
            return Ok(Vec::new());
        }
        // The first one of a kind is that by which messages are sent. This comes first: a message that
        // creates a contact with the id meanwhile is a conflict, or that contact is merged below.
        let sql = formatcp!(
            "update contacts set wa_id = coalesce(wa_id, {phone}), bsuid = coalesce(bsuid, {bsuid}),
                 lid = coalesce(lid, {lid}), updated_at = $5
             where id = $1 and (wa_id is null and $2 is not null or bsuid is null and $3 is not null
                 or lid is null and $4 is not null)",
            phone = free!(PHONE, "$2", "$2, $6"),
            bsuid = free!(BSUID, "$3", "$3"),
            lid = free!(LID, "$4", "$4")
        );
        let Ids { phone, other, bsuid, lid } = Ids::of(&self.recipient);
        run!(conn, sql, &contact, phone, bsuid, lid, now(), &other)?;
        let mut rows = Rows::default();
        for (kind, id) in self.recipient.ids() {
            rows.push([space.into(), kind.into(), id.into(), contact.as_str().into()]);
        }
        let into = "insert into contact_identities (workspace_id, kind, value, contact_id)";
        conn.many(into, &rows, "on conflict (workspace_id, kind, value) do nothing").await?;
        let other = other.as_deref().map(|phone| (IdentityKind::Phone, phone));
        let mut merged = Vec::new();
        for (kind, id) in self.recipient.ids().chain(other) {
            let (kept, changed) = unite_by_id(conn, workspace, (contact, kind, id)).await?;
            contact = kept;
            merged.extend(changed);
        }
        Ok(merged)
    }
}

/// Whether a customer opted out, under whatever id.
pub(super) async fn has_opted_out(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    customer: &Party,
) -> Result<bool> {
    let sql = formatcp!(
        "select c.id from contact_identities i join contacts c on c.id = i.contact_id
         where {IS_PARTY} and c.opted_out_at is not null"
    );
    let Ids { phone, other, bsuid, lid } = Ids::of(customer);
    Ok(first!(conn, (String,), sql, workspace.as_str(), phone, other, bsuid, lid)?.is_some())
}

/// Whether the identity `i` is one of [`Ids`], from the second parameter on; the first is the workspace.
/// It is in each branch because SQLite else reads all identities of the workspace.
pub(super) const IS_PARTY: &str = formatcp!(
    "(i.workspace_id = $1 and i.kind = '{}' and i.value in ($2, $3)
      or i.workspace_id = $1 and i.kind = '{}' and i.value = $4
      or i.workspace_id = $1 and i.kind = '{}' and i.value = $5)",
    identity_kind::PHONE,
    identity_kind::BSUID,
    identity_kind::LID
);

/// The ids by which a customer is looked for.
pub(super) struct Ids<'a> {
    pub(super) phone: Option<&'a str>,
    /// The phone's other spelling.
    pub(super) other: Option<String>,
    pub(super) bsuid: Option<&'a str>,
    pub(super) lid: Option<&'a str>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(Party { wa_id, bsuid, lid, .. }: &'a Party) -> Self {
        let other = wa_id.as_deref().and_then(phone::other_spelling);
        Self { phone: wa_id.as_deref(), other, bsuid: bsuid.as_deref(), lid: lid.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Settings, all};

    /// Else each first message takes as long as there are customers.
    #[tokio::test]
    async fn sqlite_finds_a_customer_by_the_index() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("desk.db");
        let settings = Settings { url: String::new().into(), path, connections: 1, wait_ms: 1000 };
        let store = Store::open(&settings).await.unwrap();
        let sql =
            formatcp!("explain query plan select 1 from contact_identities i where {IS_PARTY}");
        let x = "x";
        let read = store.read(async |conn| all!(conn, (i64, i64, i64, String), sql, x, x, x, x, x));
        let steps: Vec<_> = read.await.unwrap().into_iter().map(|step| step.3).collect();
        let read: Vec<_> = steps.iter().filter(|step| step.contains(" i ")).collect();
        assert!(read.len() == 3 && read.iter().all(|step| step.contains("value=?")), "{steps:?}");
    }
}
