//! The ids by which customers are known: how they are looked for, and what the answer to a send shows
//! of them.

use async_trait::async_trait;
use const_format::formatcp;

use super::inbox::merge::unite_by_id;
use super::outbox::ToSend;
use super::words::identity_kind;
use super::{Conn, Result, Rows, Store, Write, first, now, run};
use crate::domain::{ConversationId, IdentityKind, Party, WorkspaceId, phone};

impl Store {
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

#[derive(Clone)]
struct KnowRecipient {
    conversation: ConversationId,
    recipient: Party,
}

impl KnowRecipient {
    /// Whether all of the ids are the contact's.
    async fn is_known(&self, store: &Store) -> Result<bool> {
        let Party { wa_id, bsuid, .. } = &self.recipient;
        let (workspace, given) =
            (store.workspace_id(), [wa_id, bsuid].into_iter().flatten().count());
        let known = store
            .read(async |conn| {
                let sql = formatcp!(
                    "select count(*) from contact_identities i join conversations v on v.contact_id = i.contact_id
                     where {IS_PARTY} and v.id = $5"
                );
                let (space, id) = (workspace.as_str(), self.conversation.as_str());
                first!(conn, (i64,), sql, space, wa_id, wa_id, bsuid, id)
            })
            .await?;
        Ok(known.is_some_and(|known| usize::try_from(known.0) == Ok(given)))
    }
}

#[async_trait]
impl Write for KnowRecipient {
    type Out = Vec<ConversationId>;

    async fn run(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<ConversationId>> {
        let sql = "select contact_id from conversations where id = $1 and workspace_id = $2";
        let (conversation, space) = (self.conversation.as_str(), workspace.as_str());
        let Some((contact,)) = first!(conn, (String,), sql, conversation, space)? else {
            return Ok(Vec::new());
        };
        let Party { wa_id, bsuid, .. } = &self.recipient;
        let mut merged = Vec::new();
        if let Some(bsuid) = bsuid {
            merged = unite_by_id(conn, workspace, (&contact, bsuid)).await?;
            // The first one is that by which messages may be sent.
            let sql = formatcp!(
                "update contacts set bsuid = $3, updated_at = $4 where id = $1 and bsuid is null
                     and not exists (select 1 from contact_identities i
                                     where i.workspace_id = $2 and i.kind = '{}' and i.value = $3)",
                identity_kind::BSUID
            );
            run!(conn, sql, contact.as_str(), space, bsuid, now())?;
        }
        let mut rows = Rows::default();
        for (kind, id) in [(IdentityKind::Phone, wa_id), (IdentityKind::Bsuid, bsuid)] {
            if let Some(id) = id {
                rows.push([space.into(), kind.into(), id.as_str().into(), contact.as_str().into()]);
            }
        }
        let into = "insert into contact_identities (workspace_id, kind, value, contact_id)";
        conn.many(into, &rows, "on conflict (workspace_id, kind, value) do nothing").await?;
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
    let Ids { phone, other, bsuid } = Ids::of(customer);
    Ok(first!(conn, (String,), sql, workspace.as_str(), phone, other, bsuid)?.is_some())
}

/// Whether the identity `i` is one of [`Ids`], from the second parameter on; the first is the workspace.
pub(super) const IS_PARTY: &str = formatcp!(
    "i.workspace_id = $1 and (i.kind = '{}' and i.value in ($2, $3) or i.kind = '{}' and i.value = $4)",
    identity_kind::PHONE,
    identity_kind::BSUID
);

/// The ids by which a customer is looked for.
pub(super) struct Ids<'a> {
    pub(super) phone: Option<&'a str>,
    /// The phone's other spelling.
    pub(super) other: Option<String>,
    pub(super) bsuid: Option<&'a str>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(Party { wa_id, bsuid, .. }: &'a Party) -> Self {
        let other = wa_id.as_deref().and_then(phone::other_spelling);
        Self { phone: wa_id.as_deref(), other, bsuid: bsuid.as_deref() }
    }
}
