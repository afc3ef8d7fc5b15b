//! A conversation's state as the database keeps it, for those who load conversations and for the
//! merge. Decides nothing.

use sqlx::FromRow;

use crate::domain::Owner;
use crate::domain::loop_guard::SenderStats;
use crate::domain::thread::Thread;
use crate::store::columns::LenientWord;

/// The columns of [`ThreadColumns`]; `v` is the conversation and `c` its customer.
macro_rules! thread_columns {
    () => {
        "v.owner, v.person_at, v.waiting_since, v.due_at, v.quiet_at, v.edited_turns, v.last_inbound_at, v.notice_at,
         v.replied_at, v.reply_hash, v.habit, c.opted_out_at"
    };
}
pub(super) use thread_columns;

/// A conversation's state.
#[derive(FromRow)]
pub(super) struct ThreadColumns {
    /// `None` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<Owner>")]
    pub(super) owner: Option<Owner>,
    person_at: Option<i64>,
    waiting_since: Option<i64>,
    due_at: Option<i64>,
    quiet_at: Option<i64>,
    edited_turns: i64,
    last_inbound_at: Option<i64>,
    notice_at: Option<i64>,
    replied_at: Option<i64>,
    reply_hash: i64,
    habit: String,
    pub(super) opted_out_at: Option<i64>,
}

impl ThreadColumns {
    pub(super) fn thread(&self) -> Thread {
        Thread {
            owner: self.owner.unwrap_or(Owner::Person),
            opted_out_at: self.opted_out_at,
            // With an owner unknown to this version, the bot never takes the conversation back,
            // however long a person is silent.
            person_at: self.owner.and(self.person_at),
            waiting_since: self.waiting_since,
            due_at: self.due_at,
            quiet_at: self.quiet_at,
            edited_turns: self.edited_turns,
            last_inbound_at: self.last_inbound_at,
            notice_at: self.notice_at,
            replied_at: self.replied_at,
            reply_hash: self.reply_hash,
            sender_stats: serde_json::from_str(&self.habit).unwrap_or_default(),
        }
    }
}

/// Sender statistics as JSON; empty for the default.
pub(super) fn written(habit: &SenderStats) -> String {
    if *habit == SenderStats::default() {
        return String::new();
    }
    serde_json::to_string(habit).unwrap_or_default()
}
