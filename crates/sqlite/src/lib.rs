//! A SQLite connection that runs its statements on the calling thread, with sqlx's traits for
//! arguments and rows: what derives `FromRow` or implements `Encode` for all databases works here.
//!
//! sqlx's own connection hands each statement to a thread of its own and gets each row back through
//! a channel. For a writer that runs dozens of small statements in one commit, that costs more than
//! the statements.
//!
//! Blocks: call it from a thread that may wait for the disk. It knows no table.

mod connection;
mod error;
mod kind;
mod row;
mod types;
mod unused;

pub use connection::{Connection, Options, Statement};
pub use kind::Kind;
pub use row::{AsValue, Row, Value};
pub use rusqlite::types::ValueRef;
pub use types::Arguments;

/// The database, for sqlx's traits.
#[derive(Debug)]
pub struct Lite;
