//! How the databases read and write ids and the words of closed sets: here once, so that no row holds them as text.

use std::str::FromStr;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use super::bulk::Value;
use super::replicas::HoldName;
use crate::domain::trial::TrialKind;
use crate::domain::word::UnknownWord;
use crate::domain::{
    AgentId, AnswerId, AuditId, Author, ChunkId, CollectionId, ContactId, ConversationId,
    Direction, DocumentId, EscalationId, GapId, MessageId, MessageKind, MessageState, NumberId,
    Owner, RunId, SourceId, TurnId, VersionId, WebhookId, WorkspaceId,
};
use crate::domain::{NumberState, ProviderKind, RunState, StoredProvider, audit};

/// A stored word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("{column}: {unknown}")]
struct UnknownStoredWord {
    /// Table and column.
    column: &'static str,
    unknown: UnknownWord,
}

/// A word, or none where this version does not know it: for rows of which one must not stop the work of all others. Such a field is
/// an `Option` with `#[sqlx(try_from = "Lenient<…>")]`.
#[derive(Debug)]
pub(super) struct Lenient<T>(Option<T>);

impl<T, DB: Database> Type<DB> for Lenient<T>
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

impl<'r, T: FromStr<Err = UnknownWord>, DB: Database> Decode<'r, DB> for Lenient<T>
where
    &'r str: Decode<'r, DB>,
{
    fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let word = <&'r str as Decode<'r, DB>>::decode(value)?.parse();
        Ok(Self(
            word.inspect_err(|unknown| tracing::error!(%unknown, "a stored word is not known"))
                .ok(),
        ))
    }
}

macro_rules! word_columns {
    ($($name:ty: $column:literal,)+) => {$(
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
                Ok(word.parse().map_err(|unknown| UnknownStoredWord { column: $column, unknown })?)
            }
        }

        impl From<$name> for Value {
            fn from(word: $name) -> Self {
                Self::Text(Some(word.as_str().to_owned()))
            }
        }

        impl From<Lenient<$name>> for Option<$name> {
            fn from(word: Lenient<$name>) -> Self {
                word.0
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
    EscalationState: "escalations.state",
    GapState: "gaps.state",
    TurnOutcome: "turns.outcome",
}

/// Columns of which another version may know more words: one such row must not hide all others, so it is read as something.
macro_rules! open_columns {
    ($($name:ty: $read:path,)+) => {$(
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
    DocumentId, SourceId, ChunkId, AnswerId, GapId, WebhookId, RunId, AuditId,
}
