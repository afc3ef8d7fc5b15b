//! The send gate: every message of ours passes it just before it leaves. Pure: decides, sends nothing.

use crate::domain::{Fault, Owner};
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::outbox::ToSend;

/// What the gate needs to know of a message.
pub(super) struct Asked<'a> {
    /// The message, with whom it goes to.
    pub(super) message: &'a ToSend,
    /// Whether the provider closes the window 24 hours after the customer's last message.
    pub(super) has_window: bool,
    /// The moment.
    pub(super) now: i64,
}

/// Whether a message may go out. A notice of the desk itself (a hand-off sentence, a note to a support contact) may
/// be sent in a person's conversation; the bot's words may not.
pub(super) fn pass(asked: &Asked<'_>) -> Result<(), Fault> {
    let owner = Owner::stored(&asked.message.owner);
    if asked.message.author == "bot" && owner == Owner::Person {
        return Err(Fault::ours("a person took over the conversation"));
    }
    let last = asked.message.last_inbound_at;
    let closed = last.is_some_and(|last| asked.now - last >= WINDOW_MS);
    if asked.has_window && closed {
        return Err(Fault::ours(
            "the 24-hour window is closed: WhatsApp takes only a template until the customer writes again",
        ));
    }
    if asked.message.wa_id.is_none() && asked.message.bsuid.is_none() {
        return Err(Fault::ours("the contact has no WhatsApp id"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(author: &str, owner: &str, last_inbound_at: Option<i64>) -> Result<(), Fault> {
        let message = ToSend {
            id: "msg_1".into(),
            conversation_id: "conv_1".into(),
            number_id: "num_1".into(),
            author: author.into(),
            body: Some("Hello".into()),
            reply_to: None,
            attempts: 1,
            wa_id: Some("15550001".into()),
            bsuid: None,
            owner: owner.into(),
            last_inbound_at,
        };
        pass(&Asked { message: &message, has_window: true, now: WINDOW_MS * 3 })
    }

    #[test]
    fn the_bot_never_speaks_in_a_persons_conversation() {
        let just_now = Some(WINDOW_MS * 3 - 1000);
        assert!(ask("bot", "bot", just_now).is_ok());
        assert!(ask("bot", "person", just_now).is_err());
        assert!(ask("bot", "something new", just_now).is_err());
        assert!(ask("notice", "person", just_now).is_ok());
        assert!(ask("person", "person", just_now).is_ok());
    }

    #[test]
    fn nothing_leaves_after_the_window_has_closed() {
        assert!(ask("bot", "bot", Some(WINDOW_MS * 2 + 1)).is_ok());
        assert!(ask("bot", "bot", Some(WINDOW_MS * 2)).is_err());
        assert!(ask("notice", "bot", None).is_ok(), "a support contact who never wrote is tried");
    }
}
