//! The send gate: decides about every outgoing message just before it is sent. Pure: decides, sends
//! nothing.
//!
//! Checks the owner of the conversation, the customer's opt-out, and WhatsApp's 24-hour window.
//! Loops are stopped at intake, which makes a person the owner. Spending is checked before a model
//! is called (`pipeline::budget`).

use crate::domain::{Author, FallbackTemplate, Fault, NoteCode, Owner};
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::outbox::ToSend;

/// A message to check, with what the decision depends on.
pub(super) struct GateRequest<'a> {
    /// The message and its recipient.
    pub(super) message: &'a ToSend,
    /// Whether the number has the 24-hour window.
    pub(super) has_window: bool,
    /// The template for messages outside the window; `None` if there is none.
    pub(super) template: Option<&'a FallbackTemplate>,
    /// The current time, in Unix milliseconds.
    pub(super) now: i64,
}

/// How a message may be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As free text.
    AsItIs,
    /// As this template, because the window is closed.
    AsTemplate(FallbackTemplate),
}

/// Why a message may not be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is no longer needed.
    Void(Fault),
    /// The customer waits for it: a person has to take over.
    Missed(Fault),
    /// It is a notice to a support contact: an operator has to know that nobody was told.
    Alarm(Fault),
}

/// Decides whether a message may be sent. Notices of the desk (a hand-off sentence, a note to a
/// support contact) may be sent while a person owns the conversation; the bot's messages may not. A
/// customer who opted out gets only the confirmation of that.
pub(super) fn pass(asked: &GateRequest<'_>) -> Result<Pass, Stop> {
    let message = asked.message;
    let may_speak = match message.author {
        Author::Bot | Author::FollowUp | Author::Consent => {
            message.owner.is_some_and(Owner::lets_bot_speak)
        }
        Author::Person | Author::Notice | Author::Campaign => true,
        // The outbox never contains messages of customers.
        Author::Customer => false,
    };
    if !may_speak {
        return Err(Stop::Void(Fault::ours("a person took over the conversation")));
    }
    if message.opted_out_at.is_some() && message.author != Author::Consent {
        return Err(unneeded(message, "the customer opted out"));
    }
    // A notice to the customer is what the bot said as it handed the conversation over.
    let by_bot = match message.author {
        Author::Bot | Author::FollowUp => true,
        Author::Notice => message.to_staff == 0,
        Author::Customer | Author::Person | Author::Consent | Author::Campaign => false,
    };
    if message.paused != 0 && by_bot {
        return Err(missed(message, Fault::ours(NoteCode::BotPaused.text())));
    }
    if message.outdated != 0 {
        return Err(Stop::Void(Fault::ours(NoteCode::CustomerWrote.text())));
    }
    if message.wa_id.is_none() && message.bsuid.is_none() && message.lid.is_none() {
        return Err(unneeded(message, "the contact has no WhatsApp id"));
    }
    // WhatsApp's word wins over the time of the customer's last message.
    let closed = message.window_closed_at.is_some()
        || message.last_inbound_at.is_some_and(|last| asked.now - last >= WINDOW_MS);
    if asked.has_window && closed && !message.is_template() {
        outside(message, asked.template).map(Pass::AsTemplate)
    } else {
        Ok(Pass::AsItIs)
    }
}

/// Decides what is sent outside the window: the template, if there is one. It does not stand for a
/// file, a location, an address card or a reaction, nor for a follow-up, for which nobody waits.
pub(super) fn outside(
    message: &ToSend,
    template: Option<&FallbackTemplate>,
) -> Result<FallbackTemplate, Stop> {
    let waits = message.is_text() && message.author != Author::FollowUp;
    if let Some(template) = template.filter(|_| waits) {
        return Ok(template.clone());
    }
    let fault = Fault::ours(
        "the 24-hour window is closed: WhatsApp takes only a template until the customer writes again \
         ([numbers.NAME] template)",
    );
    Err(missed(message, fault))
}

/// Decides whether anybody waits for a message that is not sent. A hand-off sentence is not needed:
/// the case exists all the same.
pub(super) fn missed(message: &ToSend, fault: Fault) -> Stop {
    match message.author {
        Author::Bot | Author::Person => Stop::Missed(fault),
        Author::Notice if message.to_staff != 0 => Stop::Alarm(fault),
        Author::Customer
        | Author::Notice
        | Author::Consent
        | Author::Campaign
        | Author::FollowUp => Stop::Void(fault),
    }
}

/// Decides about a message that a customer does not wait for.
fn unneeded(message: &ToSend, why: &str) -> Stop {
    let fault = Fault::ours(why);
    if message.to_staff != 0 { Stop::Alarm(fault) } else { Stop::Void(fault) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(author: Author, owner: Owner, last_inbound_at: Option<i64>) -> ToSend {
        ToSend {
            id: "msg_1".into(),
            conversation_id: "conv_1".into(),
            number_id: "num_1".into(),
            author,
            body: Some("Hello".into()),
            content: None,
            reply_to: None,
            attempts: 1,
            lease_until: i64::MAX,
            wa_id: Some("15550001".into()),
            bsuid: None,
            lid: None,
            opted_out_at: None,
            owner: Some(owner),
            last_inbound_at,
            window_closed_at: None,
            to_staff: 0,
            outdated: 0,
            paused: 0,
        }
    }

    fn ask(message: &ToSend, template: Option<&FallbackTemplate>) -> Result<Pass, Stop> {
        pass(&GateRequest { message, has_window: true, template, now: WINDOW_MS * 3 })
    }

    const JUST_NOW: Option<i64> = Some(WINDOW_MS * 3 - 1000);

    #[test]
    fn the_bot_never_speaks_in_a_persons_conversation() {
        for owner in Owner::ALL {
            for author in Author::ALL {
                let passes = match author {
                    Author::Bot | Author::FollowUp | Author::Consent => *owner != Owner::Person,
                    Author::Person | Author::Notice | Author::Campaign => true,
                    Author::Customer => false,
                };
                let asked = ask(&message(*author, *owner, JUST_NOW), None);
                assert_eq!(asked.is_ok(), passes, "{author} in a conversation of {owner}");
            }
        }
        let of_a_newer_version =
            ToSend { owner: None, ..message(Author::Bot, Owner::Bot, JUST_NOW) };
        assert!(ask(&of_a_newer_version, None).is_err());
    }

    #[test]
    fn nobody_who_opted_out_is_written_to_but_for_the_answer_to_that() {
        for (author, passes) in [
            (Author::Bot, false),
            (Author::FollowUp, false),
            (Author::Person, false),
            (Author::Notice, false),
            (Author::Consent, true),
            (Author::Campaign, false),
        ] {
            let mut message = message(author, Owner::Bot, JUST_NOW);
            message.opted_out_at = Some(1);
            assert_eq!(ask(&message, None).is_ok(), passes, "{author}");
        }
    }

    #[test]
    fn after_the_window_has_closed_only_a_template_leaves() {
        assert!(ask(&message(Author::Bot, Owner::Bot, Some(WINDOW_MS * 2 + 1)), None).is_ok());
        let late = message(Author::Bot, Owner::Bot, Some(WINDOW_MS * 2));
        assert!(matches!(ask(&late, None), Err(Stop::Missed(_))), "a person has to see to it");
        let name = "come_back".to_owned();
        let template = FallbackTemplate { name, language: "en".into(), with_text: true };
        assert_eq!(ask(&late, Some(&template)), Ok(Pass::AsTemplate(template.clone())));
        let sentence = message(Author::Notice, Owner::Bot, Some(WINDOW_MS * 2));
        assert!(matches!(ask(&sentence, None), Err(Stop::Void(_))));
        let mut notice = ToSend { to_staff: 1, ..sentence };
        assert!(matches!(ask(&notice, None), Err(Stop::Alarm(_))), "nobody was told");
        notice.opted_out_at = Some(1);
        assert!(matches!(ask(&notice, Some(&template)), Err(Stop::Alarm(_))));
        let reply = message(Author::Bot, Owner::Bot, JUST_NOW);
        let refused = ToSend { window_closed_at: Some(1), ..reply };
        assert!(matches!(ask(&refused, None), Err(Stop::Missed(_))), "WhatsApp's word wins");
        let stranger = message(Author::Notice, Owner::Bot, None);
        assert!(ask(&stranger, None).is_ok(), "a support contact who never wrote is tried");
    }

    #[test]
    fn of_a_paused_bot_nothing_is_sent_and_a_person_sees_to_it() {
        for author in Author::ALL {
            let paused = ToSend { paused: 1, ..message(*author, Owner::Bot, JUST_NOW) };
            let passes = matches!(author, Author::Person | Author::Consent | Author::Campaign);
            assert_eq!(ask(&paused, None).is_ok(), passes, "{author}");
        }
        let to_staff =
            ToSend { to_staff: 1, paused: 1, ..message(Author::Notice, Owner::Bot, None) };
        assert!(ask(&to_staff, None).is_ok(), "people are called");
        let answer = ToSend { paused: 1, ..message(Author::Bot, Owner::Bot, JUST_NOW) };
        assert!(matches!(ask(&answer, None), Err(Stop::Missed(_))));
    }

    #[test]
    fn any_id_of_the_customer_is_enough() {
        let of = |wa_id: Option<&str>, bsuid: Option<&str>, lid: Option<&str>| ToSend {
            wa_id: wa_id.map(str::to_owned),
            bsuid: bsuid.map(str::to_owned),
            lid: lid.map(str::to_owned),
            ..message(Author::Bot, Owner::Bot, JUST_NOW)
        };
        assert!(ask(&of(None, Some("US.1"), None), None).is_ok());
        assert!(ask(&of(None, None, Some("201")), None).is_ok());
        assert!(matches!(ask(&of(None, None, None), None), Err(Stop::Void(_))));
    }

    #[test]
    fn nobody_waits_for_a_follow_up() {
        let name = "come_back".to_owned();
        let template = FallbackTemplate { name, language: "en".into(), with_text: true };
        let late = message(Author::FollowUp, Owner::Bot, Some(WINDOW_MS * 2));
        assert!(matches!(ask(&late, Some(&template)), Err(Stop::Void(_))), "no template either");
        let asked = message(Author::FollowUp, Owner::Nobody, JUST_NOW);
        assert!(ask(&asked, None).is_ok());
        let outdated = ToSend { outdated: 1, ..asked };
        assert!(matches!(ask(&outdated, None), Err(Stop::Void(_))), "the customer wrote meanwhile");
    }

    #[test]
    fn what_the_gate_says_can_be_translated() {
        let mut stopped = vec![
            message(Author::Bot, Owner::Person, JUST_NOW),
            message(Author::Bot, Owner::Bot, Some(WINDOW_MS * 2)),
            message(Author::Bot, Owner::Bot, JUST_NOW),
            message(Author::Bot, Owner::Bot, JUST_NOW),
            message(Author::FollowUp, Owner::Bot, JUST_NOW),
        ];
        stopped[2].opted_out_at = Some(1);
        stopped[3].wa_id = None;
        stopped[4].outdated = 1;
        for message in stopped {
            let said = format!("{:?}", ask(&message, None).unwrap_err());
            let title = said.split("title: \"").nth(1).unwrap();
            assert!(NoteCode::of(title).is_some(), "{title}");
        }
    }
}
