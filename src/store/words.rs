//! The words of closed sets as SQL holds them: a partial index is found by a literal, so they are written into the statement, by
//! `const_format`. A word that is a mere value is bound.

use const_format::formatcp;

/// Every author that this version knows. What another version's authors write is left to that version.
pub(super) const AUTHORS: &str = formatcp!(
    "'{}', '{}', '{}', '{}', '{}'",
    author::BOT,
    author::CONSENT,
    author::CUSTOMER,
    author::NOTICE,
    author::PERSON
);

macro_rules! sql_words {
    ($($module:ident: $set:ident { $($name:ident = $word:ident,)+ })+) => {$(
        pub(super) mod $module {
            use crate::domain::$set;

            $(pub(in crate::store) const $name: &str = $set::$word.as_str();)+
        }
    )+};
}

sql_words! {
    author: Author {
        BOT = Bot,
        CONSENT = Consent,
        CUSTOMER = Customer,
        NOTICE = Notice,
        PERSON = Person,
    }
    document_state: DocumentState {
        FAILED = Failed,
        LEARNING = Learning,
        READY = Ready,
        REMOVED = Removed,
    }
    escalation_state: EscalationState {
        OPEN = Open,
        RESOLVED = Resolved,
    }
    message_state: MessageState {
        FAILED = Failed,
        QUEUED = Queued,
        SENDING = Sending,
        SENT = Sent,
        STORED = Stored,
        UNKNOWN = Unknown,
        WAITING = Waiting,
    }
    number_state: NumberState {
        READY = Ready,
        REMOVED = Removed,
    }
    owner: Owner {
        BOT = Bot,
        NOBODY = Nobody,
        PERSON = Person,
    }
    upload_state: UploadState {
        WAITING = Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::AUTHORS;
    use crate::domain::Author;

    #[test]
    fn every_author_is_among_the_authors() {
        assert_eq!(AUTHORS.split(", ").count(), Author::ALL.len());
        for author in Author::ALL {
            assert!(AUTHORS.contains(&format!("'{author}'")), "{author}");
        }
    }
}
