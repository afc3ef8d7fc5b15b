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

/// Every owner that this version knows.
pub(super) const OWNERS: &str =
    formatcp!("'{}', '{}', '{}'", owner::BOT, owner::NOBODY, owner::PERSON);

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
    use super::{AUTHORS, OWNERS};
    use crate::domain::{Author, Owner};

    fn sorted(list: &str) -> Vec<String> {
        let mut words: Vec<_> = list.split(", ").map(ToOwned::to_owned).collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn every_author_and_every_owner_is_listed() {
        let authors: Vec<_> = Author::ALL.iter().map(|author| format!("'{author}'")).collect();
        assert_eq!(sorted(AUTHORS), sorted(&authors.join(", ")));
        let owners: Vec<_> = Owner::ALL.iter().map(|owner| format!("'{owner}'")).collect();
        assert_eq!(sorted(OWNERS), sorted(&owners.join(", ")));
    }
}
