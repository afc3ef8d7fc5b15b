//! The ids by which customers are known: how they are looked for, and what the answer to a send shows
//! of them.

use async_trait::async_trait;
use const_format::formatcp;

use super::outbox::ToSend;
use super::words::identity_kind;
use super::{Conn, Result, Rows, Store, Write, now, run};
use crate::domain::{ConversationId, IdentityKind, Party, WorkspaceId, phone};

impl Store {
    /// Records the ids by which the provider knows who got a message. An id of another contact stays
    /// there.
    pub async fn know_recipient(&self, message: &ToSend, recipient: &Party) -> Result<()> {
        let conversation = ConversationId::stored(message.conversation_id.clone());
        self.apply(KnowRecipient { conversation, recipient: recipient.clone() }).await
    }
}

#[derive(Clone)]
struct KnowRecipient {
    conversation: ConversationId,
    recipient: Party,
}

#[async_trait]
impl Write for KnowRecipient {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let Party { wa_id, bsuid, .. } = &self.recipient;
        if let Some(bsuid) = bsuid {
            // The first one is that by which messages may be sent.
            let sql = formatcp!(
                "update contacts set bsuid = $3, updated_at = $4
                 where id = (select contact_id from conversations where id = $1 and workspace_id = $2) and bsuid is null
                     and not exists (select 1 from contact_identities i
                                     where i.workspace_id = $2 and i.kind = '{}' and i.value = $3)",
                identity_kind::BSUID
            );
            run!(conn, sql, self.conversation.as_str(), workspace.as_str(), bsuid, now())?;
        }
        let mut rows = Rows::default();
        for (kind, id) in [(IdentityKind::Phone, wa_id), (IdentityKind::Bsuid, bsuid)] {
            if let Some(id) = id {
                let (conversation, id) = (self.conversation.as_str(), id.as_str());
                rows.push([conversation.into(), workspace.as_str().into(), kind.into(), id.into()]);
            }
        }
        let before = "with asked (conversation, workspace, kind, value) as (";
        let after = ") insert into contact_identities (workspace_id, kind, value, contact_id)
                     select v.workspace_id, asked.kind, asked.value, v.contact_id
                     from asked join conversations v on v.id = asked.conversation and v.workspace_id = asked.workspace where true
                     on conflict (workspace_id, kind, value) do nothing";
        conn.many(before, &rows, after).await.map(|_| ())
    }
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
