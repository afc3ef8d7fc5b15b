//! What a customer's message quotes, and what it causes besides being stored: a confirmation, or a case.

use const_format::formatcp;

use super::{Arriving, Batch, Scope};
use crate::domain::thread::Disposition;
use crate::domain::{Author, CaseReason, ConversationId, Direction, Inbound, MessageReason};
use crate::store::words::message_kind::FLOW;
use crate::store::{Conn, Result, cases, first, outbox, storable};

const OUT: &str = Direction::Out.as_str();

impl Batch<'_> {
    /// The provider's id of the message that one quotes. A form that was filled in quotes the message
    /// that it was sent with, which its token names.
    pub(super) async fn quotes(
        &self,
        conn: &mut Conn<'_>,
        conversation: &ConversationId,
        message: &Inbound,
    ) -> Result<Option<String>> {
        let token = message.content.form_token().filter(|_| message.reply_to.is_none());
        let Some(token) = token else { return Ok(message.reply_to.clone()) };
        let sql = formatcp!(
            "select provider_id from messages
             where id = $1 and conversation_id = $2 and direction = '{OUT}' and kind = '{FLOW}'"
        );
        let row = first!(conn, (Option<String>,), sql, storable(token), conversation.as_str())?;
        Ok(row.and_then(|row| row.0))
    }

    /// Confirms an opt-out or opt-in, and calls a person for what the bot does not answer.
    pub(super) async fn apply_effects(
        &mut self,
        conn: &mut Conn<'_>,
        at: &Scope<'_>,
        message: &Inbound,
        state: &Arriving<'_>,
    ) -> Result<()> {
        match state.disposition {
            Disposition::OptedOut | Disposition::OptedIn => {
                if let Some(text) =
                    at.policy.consent.as_ref().and_then(|consent| consent.reply.as_deref())
                {
                    let queued = outbox::OutboxEntry {
                        conversation: state.conversation,
                        number: at.number.as_str(),
                        turn: None,
                        author: Author::Consent,
                    };
                    let row = queued.values(
                        self.workspace,
                        &outbox::OutgoingRow::new(text),
                        (0, None),
                    )?;
                    self.consent_replies.push(row);
                    self.taken[at.place].queued += 1;
                }
                Ok(())
            }
            Disposition::Machine(machine) => {
                self.call_person(conn, state, ((*machine).into(), message)).await
            }
            Disposition::Stale => {
                let reason = MessageReason::Stale {}.into();
                self.call_person(conn, state, (reason, message)).await
            }
            Disposition::Paused => {
                let reason = MessageReason::BotPaused {}.into();
                self.call_person(conn, state, (reason, message)).await
            }
            Disposition::Waits { .. } | Disposition::Stored(_) => Ok(()),
        }
    }

    async fn call_person(
        &self,
        conn: &mut Conn<'_>,
        state: &Arriving<'_>,
        (reason, message): (CaseReason, &Inbound),
    ) -> Result<()> {
        let question = message.content.words().unwrap_or_default();
        let conversation = state.conversation;
        let case = cases::Case { conversation, turn: None, reason: &reason, question };
        case.open(conn, self.workspace, false).await
    }
}
