//! Enum words as SQL literals, written into statements by `const_format`: SQLite and Postgres match
//! a partial index only by a literal. Words that are plain values are bound instead.

use const_format::formatcp;

/// All authors that this version knows. Messages by other authors are left to the version that
/// knows them.
pub(super) const AUTHORS: &str = formatcp!(
    "'{}', '{}', '{}', '{}', '{}', '{}', '{}'",
    author::BOT,
    author::CAMPAIGN,
    author::CONSENT,
    author::CUSTOMER,
    author::FOLLOW_UP,
    author::NOTICE,
    author::PERSON
);

/// All owners that this version knows.
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
        CAMPAIGN = Campaign,
        CONSENT = Consent,
        CUSTOMER = Customer,
        FOLLOW_UP = FollowUp,
        NOTICE = Notice,
        PERSON = Person,
    }
    campaign_state: CampaignState {
        DRAFT = Draft,
        FINISHED = Finished,
        RUNNING = Running,
        SCHEDULED = Scheduled,
        STOPPED = Stopped,
    }
    connection_state: ConnectionState {
        OFFLINE = Offline,
        STOPPED = Stopped,
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
    file_state: FileState {
        STORED = Stored,
        WAITING = Waiting,
    }
    health_topic: HealthTopic {
        BAN = Ban,
        RESTRICTION = Restriction,
    }
    message_kind: MessageKind {
        CONTACTS = Contacts,
        FLOW = Flow,
        FORM = Form,
        LOCATION = Location,
        ORDER = Order,
        REACTION = Reaction,
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
    identity_kind: IdentityKind {
        BSUID = Bsuid,
        LID = Lid,
        PHONE = Phone,
    }
    owner: Owner {
        BOT = Bot,
        NOBODY = Nobody,
        PERSON = Person,
    }
    recipient_state: RecipientState {
        QUEUED = Queued,
        WAITING = Waiting,
    }
    restriction: Restriction {
        SENDING = Sending,
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
