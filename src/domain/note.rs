//! Notes on messages: why one was not answered or not sent. The database has their English text;
//! the console translates their codes.

use frontdesk_words::words;

words! {
    /// Why a message was not answered or not sent.
    pub enum NoteCode {
        /// A person took over the conversation.
        PersonTookOver = "person_took_over",
        /// The conversation was handed over to a person.
        HandedOver = "handed_over",
        /// The customer opted out of messages.
        OptedOut = "opted_out",
        /// The customer wants messages again.
        OptedIn = "opted_in",
        /// An opt-out on a practice number, which does not keep it.
        PracticeOptOut = "practice_opt_out",
        /// The sender looks like a machine.
        Machine = "machine",
        /// It is part of an import of old messages.
        Imported = "imported",
        /// It was written in a group.
        Group = "group",
        /// Its content needs no answer.
        Nothing = "nothing",
        /// It is too old to be answered.
        Stale = "stale",
        /// The bot is paused on the number.
        BotPaused = "bot_paused",
        /// It is from a support contact who got a notice.
        Staff = "staff",
        /// A person wrote it from the phone or with another tool.
        WrittenElsewhere = "written_elsewhere",
        /// The contact has no WhatsApp id.
        NoWhatsappId = "no_whatsapp_id",
        /// The 24-hour window is closed.
        WindowClosed = "window_closed",
        /// The number was removed before it was sent.
        NumberRemoved = "number_removed",
        /// The process ended while it was being sent.
        ProcessEnded = "process_ended",
        /// Whether it was sent was unknown: it was sent again.
        Resent = "resent",
        /// It failed, or its outcome was unknown: a person had it sent again.
        SentOnceMore = "sent_once_more",
        /// Whether it was sent is unknown: it was given up.
        GivenUp = "given_up",
        /// Whether it was sent is unknown: a person was asked.
        PersonAsked = "person_asked",
        /// No process could send it: a person was asked.
        Orphaned = "orphaned",
        /// WhatsApp takes its template no more.
        TemplateUnusable = "template_unusable",
        /// The customer wrote before this follow-up was sent.
        CustomerWrote = "customer_wrote",
    }
}

impl NoteCode {
    /// The note in English.
    pub const fn text(self) -> &'static str {
        match self {
            Self::PersonTookOver => "a person took over",
            Self::HandedOver => "handed over",
            Self::OptedOut => "the customer opted out",
            Self::OptedIn => "the customer wants messages again",
            Self::PracticeOptOut => "an opt-out, which a practice number does not keep",
            Self::Machine => "the sender looks like a machine",
            Self::Imported => "part of an import of old messages",
            Self::Group => "written in a group",
            Self::Nothing => "nothing to answer",
            Self::Stale => "too old to be answered",
            Self::BotPaused => "the bot is paused on this number",
            Self::Staff => "from a support contact who got a notice",
            Self::WrittenElsewhere => "written from the phone or another tool",
            Self::NoWhatsappId => "the contact has no WhatsApp id",
            Self::WindowClosed => "the 24-hour window is closed",
            Self::NumberRemoved => "the number was removed before this was sent",
            Self::ProcessEnded => "the process ended while it was being sent",
            Self::Resent => "whether it was sent was unknown: it was sent again",
            Self::SentOnceMore => "sent once more on a person's word",
            Self::GivenUp => "whether it was sent is unknown: it was given up",
            Self::PersonAsked => "whether it was sent is unknown: a person was asked",
            Self::TemplateUnusable => {
                "WhatsApp takes this template no more: it is paused, rejected or removed"
            }
            Self::CustomerWrote => "the customer has written",
            Self::Orphaned => "for long no process knew how to send it: a person was asked",
        }
    }

    /// The code of a stored note; `None` for the words of a provider. Some notes go on after the
    /// text.
    pub fn of(note: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| note.starts_with(code.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_the_code_of_its_text_and_no_other() {
        for code in NoteCode::ALL {
            assert_eq!(NoteCode::of(code.text()), Some(*code));
        }
        assert_eq!(
            NoteCode::of("a person took over the conversation"),
            Some(NoteCode::PersonTookOver)
        );
        assert_eq!(NoteCode::of("Message undeliverable"), None);
    }
}
