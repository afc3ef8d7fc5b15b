//! How the databases read and write ids and enum words. Defined here once, so that row types need
//! not hold them as text.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_words::UnknownWord;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use super::bulk::Value;
use super::replicas::HoldName;
use crate::domain::trial::TrialKind;
use crate::domain::{
    AgentId, AlertCode, AnswerId, AuditId, Author, CampaignHold, CampaignId, CampaignState,
    CampaignStop, ChunkId, CollectionId, ConnectionReason, ConnectionState, ContactId,
    ConversationId, Direction, DocumentId, DocumentOrigin, DocumentState, DocumentStatus,
    EscalationId, EscalationState, FailureCode, FileState, GapId, GapState, HealthTopic,
    IdentityKind, MessageId, MessageKind, MessageState, ModelProvider, ModelRole, NumberId,
    NumberState, Owner, PageState, ProviderKind, RecipientState, RunId, RunState, SkipReason,
    SourceId, SourceKind, SourceState, StoredProvider, TemplateCategory, TemplateQuality,
    TemplateState, TurnId, TurnOutcome, UploadState, VersionId, WebhookId, WorkspaceId, audit,
};

/// Maximum number of unknown words logged per [`LOG_INTERVAL`].
const MAX_LOGGED: usize = 100;
/// How long an unknown word is not logged again.
const LOG_INTERVAL: Duration = Duration::from_hours(1);

/// An enum that a column stores as a word.
pub trait StoredWord: FromStr<Err = UnknownWord> {
    /// Table and column, or the meaning of an expression over several columns. Used in errors.
    const COLUMN: &'static str;
}

/// A stored word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("{column}: {unknown}")]
struct UnknownStoredWord {
    column: &'static str,
    unknown: UnknownWord,
}

impl UnknownStoredWord {
    fn of<W: StoredWord>(unknown: UnknownWord) -> Self {
        Self { column: W::COLUMN, unknown }
    }

    /// Logs the word at a limited rate, because lists are read again and again. Column and word
    /// identify the rows. The state is static because a row decoder gets no context.
    fn log_limited(&self) {
        static TOLD: Mutex<ToldWords> = Mutex::new(ToldWords(BTreeMap::new()));
        let is_news = {
            let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            told.is_news(self.column, &self.unknown.word, Instant::now())
        };
        if is_news {
            tracing::warn!(unknown = %self, "the database holds a word that this version does not know: {self}");
        }
    }
}

/// When each unknown word was last logged, by column and word.
struct ToldWords(BTreeMap<(&'static str, String), Instant>);

impl ToldWords {
    /// Whether to log now; if so, records it as logged.
    fn is_news(&mut self, column: &'static str, word: &str, now: Instant) -> bool {
        self.0.retain(|_, told_at| now.duration_since(*told_at) < LOG_INTERVAL);
        let word = (column, word.to_owned());
        let is_news = self.0.len() < MAX_LOGGED && !self.0.contains_key(&word);
        if is_news {
            self.0.insert(word, now);
        }
        is_news
    }
}

/// A word that decodes as `None` and is logged if this version does not know it. For rows that are
/// read with many others or stand first in a queue: one bad row must not block the rest.
#[derive(Debug)]
pub struct LenientWord<W>(Option<W>);

impl<W> LenientWord<W> {
    /// The word, or `other` if it is unknown.
    pub(super) fn or(self, other: W) -> W {
        self.0.unwrap_or(other)
    }
}

impl<W> From<LenientWord<W>> for Option<W> {
    fn from(word: LenientWord<W>) -> Self {
        word.0
    }
}

impl<DB: Database, W> Type<DB> for LenientWord<W>
where
    str: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <str as Type<DB>>::type_info()
    }

    fn compatible(info: &DB::TypeInfo) -> bool {
        <str as Type<DB>>::compatible(info)
    }
}

impl<'r, DB: Database, W> Decode<'r, DB> for LenientWord<W>
where
    &'r str: Decode<'r, DB>,
    W: StoredWord,
{
    fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let word = <Option<&'r str> as Decode<'r, DB>>::decode(value)?;
        let known = word.map(str::parse::<W>).transpose();
        Ok(Self(known.unwrap_or_else(|unknown| {
            UnknownStoredWord::of::<W>(unknown).log_limited();
            None
        })))
    }
}

/// Fallbacks for unknown words. Each loses no data and keeps the bot silent.
macro_rules! fallbacks {
    ($($set:ident::$word:ident,)+) => {$(
        impl From<LenientWord<Self>> for $set {
            fn from(word: LenientWord<Self>) -> Self {
                word.or(Self::$word)
            }
        }
    )+};
}

fallbacks! {
    MessageKind::Unknown,
    MessageState::Unknown,
    // Not mistaken for the customer's or the bot's words.
    Author::Notice,
    Owner::Person,
    // Stays visible to staff.
    EscalationState::Open,
    GapState::Open,
    // This process runs nothing there.
    NumberState::Stopped,
    RunState::Stopped,
    // This process queues none of its messages.
    CampaignState::Stopped,
    RecipientState::Skipped,
    // Nothing is answered from it; learning it again corrects the word.
    DocumentState::Learning,
    DocumentStatus::Learning,
    // Reading the source or page again corrects the word.
    SourceKind::Site,
    SourceState::Failed,
    PageState::Failed,
}

macro_rules! stored_as_text {
    ($name:ty) => {
        impl<DB: Database> Type<DB> for $name
        where
            str: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <str as Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <str as Type<DB>>::compatible(info)
            }
        }
    };
}

macro_rules! word_columns {
    ($($name:ty: $column:literal,)+) => {$(
        stored_as_text!($name);

        impl StoredWord for $name {
            const COLUMN: &'static str = $column;
        }

        impl<'q, DB: Database> Encode<'q, DB> for $name
        where
            &'static str: Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <&'static str as Encode<'q, DB>>::encode(self.as_str(), buffer)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            &'r str: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let word = <&'r str as Decode<'r, DB>>::decode(value)?;
                Ok(word.parse::<Self>().map_err(UnknownStoredWord::of::<Self>)?)
            }
        }

        impl From<$name> for Value {
            fn from(word: $name) -> Self {
                Self::Text(Some(word.as_str().to_owned()))
            }
        }
    )+};
}

word_columns! {
    Author: "messages.author",
    Direction: "messages.direction",
    MessageKind: "messages.kind",
    MessageState: "messages.state",
    Owner: "conversations.owner",
    NumberState: "numbers.state",
    ProviderKind: "numbers.provider",
    RunState: "eval_runs.state",
    HoldName: "holds.name",
    TrialKind: "trials.kind",
    ModelProvider: "model_choices.provider",
    ModelRole: "model_choices.role",
    EscalationState: "escalations.state",
    GapState: "gaps.state",
    TurnOutcome: "turns.outcome",
    DocumentState: "documents.state",
    DocumentStatus: "documents.state",
    DocumentOrigin: "the origin of documents",
    FailureCode: "documents.code",
    UploadState: "uploads.state",
    FileState: "message_files.state",
    SourceKind: "sources.kind",
    SourceState: "sources.state",
    PageState: "source_pages.state",
    AlertCode: "provider_events.code",
    TemplateCategory: "message_templates.category",
    TemplateState: "message_templates.state",
    TemplateQuality: "message_templates.quality",
    CampaignState: "campaigns.state",
    CampaignStop: "campaigns.reason",
    CampaignHold: "campaigns.hold",
    RecipientState: "campaign_recipients.state",
    SkipReason: "campaign_recipients.reason",
    HealthTopic: "number_health.topic",
    ConnectionState: "number_connections.state",
    ConnectionReason: "number_connections.reason",
    IdentityKind: "contact_identities.kind",
}

/// Columns for which another version may know more words. They decode to a catch-all, so that one
/// such row does not hide all others.
macro_rules! open_columns {
    ($($name:ty: $read:path,)+) => {$(
        stored_as_text!($name);

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            &'r str: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok($read(<&'r str as Decode<'r, DB>>::decode(value)?))
            }
        }
    )+};
}

open_columns! {
    audit::Action: audit::Action::of,
    audit::Outcome: audit::Outcome::of,
    StoredProvider: StoredProvider::of,
}

macro_rules! id_columns {
    ($($name:ty,)+) => {$(
        stored_as_text!($name);

        impl<'q, DB: Database> Encode<'q, DB> for $name
        where
            String: Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <String as Encode<'q, DB>>::encode(self.as_str().to_owned(), buffer)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            String: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(Self::stored(<String as Decode<'r, DB>>::decode(value)?))
            }
        }

        impl From<&$name> for Value {
            fn from(id: &$name) -> Self {
                id.as_str().into()
            }
        }
    )+};
}

id_columns! {
    WorkspaceId, AgentId, VersionId, NumberId, ContactId, ConversationId, MessageId, TurnId, EscalationId, CollectionId,
    DocumentId, SourceId, ChunkId, AnswerId, GapId, WebhookId, RunId, AuditId, CampaignId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_of_a_word_seldom_and_never_silent_for_good() {
        let (mut told, now) = (ToldWords(BTreeMap::new()), Instant::now());
        assert!(told.is_news("a.b", "robot", now));
        assert!(!told.is_news("a.b", "robot", now));
        assert!(told.is_news("a.c", "robot", now), "another column");
        let news = (0..200).filter(|n| told.is_news("a.b", &n.to_string(), now)).count();
        assert_eq!(news, MAX_LOGGED - 2);
        assert!(told.is_news("a.b", "robot", now + LOG_INTERVAL));
        assert!(told.is_news("a.b", "199", now + LOG_INTERVAL));
    }
}
