//! The words of closed sets as SQL holds them: a partial index is found by a literal, so they are written into the statement, by
//! `const_format`. A word that is a mere value is bound.

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
        CUSTOMER = Customer,
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
