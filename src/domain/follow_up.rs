//! What the bot does when a customer stays silent after its reply: it asks once, then closes the
//! conversation. Pure: the store keeps what is due, and writes what is decided here.

use super::agent::{FollowUp, Sentence};
use super::message::{Author, MessageState};
use super::thread::{OwnerChange, is_staff};
use super::time::Millis;
use super::turn::Owner;

/// What is due if the customer stays silent after a reply. The texts are in the customer's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUpPlan {
    /// When it asks, after the reply, and what.
    pub ask: Option<(Millis, String)>,
    /// When it closes the conversation, after the reply, and what it says then.
    pub close: Option<(Millis, Option<String>)>,
}

impl FollowUpPlan {
    /// Plans what follows a reply. Only after an answer is anything said: who got none, or said
    /// thanks, is not asked whether it helped. `None` if nothing is due.
    pub fn of(settings: &FollowUp, answers: bool, language: Option<&str>) -> Option<Self> {
        let after = |minutes: i64| (minutes > 0).then(|| minutes.saturating_mul(60_000));
        let said = |text: &Sentence| Some(text.to(language).to_owned()).filter(|it| !it.is_empty());
        let ask = after(settings.after_minutes).zip(said(&settings.text)).filter(|_| answers);
        let close = after(settings.close_minutes);
        let close = close.map(|after| (after, said(&settings.close_text).filter(|_| answers)));
        (ask.is_some() || close.is_some()).then_some(Self { ask, close })
    }
}

/// A conversation in which something is due, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentConversation {
    /// Who may speak.
    pub owner: Owner,
    /// When a person last acted.
    pub person_at: Option<Millis>,
    /// When the customer last got a notice, as a support contact.
    pub notice_at: Option<Millis>,
    /// Its open cases.
    pub open_cases: i64,
    /// Whether a message waits for the bot.
    pub waits: bool,
    /// When the reply was written.
    pub replied_at: Millis,
}

/// A message since the reply, with the reply's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterMessage {
    /// Whether it is of the turn that replied.
    pub is_reply: bool,
    /// Its author; `None` if the stored word is unknown to this version.
    pub author: Option<Author>,
    /// Its state; `None` likewise.
    pub state: Option<MessageState>,
}

impl SilentConversation {
    /// Whether the bot still has the last word: its reply reached WhatsApp, and since then nobody
    /// wrote, reacted or acted.
    pub fn is_silent(&self, since: &[LaterMessage], now: Millis) -> bool {
        use MessageState::{Delivered, Read, Sent};
        let untouched = self.owner == Owner::Bot
            && self.open_cases == 0
            && !self.waits
            && self.person_at.is_none_or(|at| at < self.replied_at)
            && !is_staff(self.notice_at, now);
        let fits = |one: &LaterMessage| {
            if one.is_reply {
                matches!(one.state, Some(Sent | Delivered | Read))
            } else {
                one.author == Some(Author::FollowUp)
            }
        };
        untouched && since.iter().any(|one| one.is_reply) && since.iter().all(fits)
    }
}

impl OwnerChange {
    /// Nobody has the conversation, because the customer stayed silent. The next message opens it
    /// for the bot.
    pub const fn closed() -> Self {
        Self { owner: Owner::Nobody, person_at: None, resets_sender_stats: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_hour() -> FollowUp {
        let said = |text: &str, spanish: &str| Sentence {
            default: text.into(),
            languages: [("es".to_owned(), spanish.to_owned())].into(),
        };
        FollowUp {
            after_minutes: 60,
            text: said("Did that help?", "¿Le ha ayudado?"),
            close_minutes: 120,
            close_text: said("Bye!", "¡Adiós!"),
        }
    }

    #[test]
    fn only_an_answer_is_followed_by_words() {
        let all = every_hour();
        let plan = FollowUpPlan::of;
        let told = plan(&all, true, Some("es")).expect("both are due");
        assert_eq!(told.ask, Some((3_600_000, "¿Le ha ayudado?".into())));
        assert_eq!(told.close, Some((7_200_000, Some("¡Adiós!".into()))));
        let quiet = plan(&all, false, None).expect("it is closed");
        assert_eq!((quiet.ask, quiet.close), (None, Some((7_200_000, None))));
        let asks = FollowUp { close_minutes: 0, ..all.clone() };
        assert_eq!(
            (plan(&asks, true, None).expect("it asks").close, plan(&asks, false, None)),
            (None, None)
        );
        let closes = FollowUp { after_minutes: 0, close_text: Sentence::default(), ..all };
        let told = plan(&closes, true, None).expect("it is closed");
        assert_eq!((told.ask, told.close), (None, Some((7_200_000, None))));
        assert_eq!(plan(&FollowUp::default(), true, None), None);
    }

    #[test]
    fn whatever_happens_after_the_reply_ends_the_silence() {
        const REPLIED: Millis = 1000;
        let still = SilentConversation {
            owner: Owner::Bot,
            person_at: None,
            notice_at: None,
            open_cases: 0,
            waits: false,
            replied_at: REPLIED,
        };
        let message = |author, state| LaterMessage {
            is_reply: author == Author::Bot,
            author: Some(author),
            state: Some(state),
        };
        let reply = message(Author::Bot, MessageState::Delivered);
        let asked = message(Author::FollowUp, MessageState::Failed);
        assert!(still.is_silent(&[reply], 2000) && still.is_silent(&[reply, asked], 2000));
        let before = SilentConversation { person_at: Some(REPLIED - 1), ..still };
        assert!(before.is_silent(&[reply], 2000));
        for ended in [
            SilentConversation { owner: Owner::Person, ..still },
            SilentConversation { owner: Owner::Nobody, ..still },
            SilentConversation { person_at: Some(REPLIED), ..still },
            SilentConversation { notice_at: Some(REPLIED), ..still },
            SilentConversation { open_cases: 1, ..still },
            SilentConversation { waits: true, ..still },
        ] {
            assert!(!ended.is_silent(&[reply], 2000), "{ended:?}");
        }
        for later in [Author::Customer, Author::Person, Author::Notice, Author::Consent] {
            let later = message(later, MessageState::Stored);
            assert!(!still.is_silent(&[reply, later], 2000), "{later:?}");
        }
        let another = LaterMessage { is_reply: false, ..reply };
        assert!(!still.is_silent(&[reply, another], 2000), "another turn replied");
        assert!(!still.is_silent(&[], 2000), "the reply was deleted");
        for state in [MessageState::Queued, MessageState::Unknown, MessageState::Failed] {
            assert!(!still.is_silent(&[reply, message(Author::Bot, state)], 2000), "{state}");
        }
    }
}
