//! One SQL for two databases: a connection to either, and three macros that run a statement on it.
//!
//! Statements are written once, in the dialect that both understand (`$1`, `on conflict`, `returning`). Only
//! claiming a job differs, see [`Conn::claiming`].

use sqlx::{PgConnection, SqliteConnection};

/// A connection inside a transaction, or one to read with.
pub(crate) enum Conn<'c> {
    /// To SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// To Postgres.
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// The one statement that differs: on Postgres, rows that another replica holds are passed over.
    pub(crate) fn claiming(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// Runs a statement; the number of rows it touched.
macro_rules! run {
    ($conn:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::sql::Conn::Sqlite(conn) => sqlx::query($sql)
                $(.bind($arg))*
                .execute(&mut **conn)
                .await
                .map(|done| done.rows_affected()),
            $crate::store::sql::Conn::Postgres(conn) => sqlx::query($sql)
                $(.bind($arg))*
                .execute(&mut **conn)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err($crate::store::Error::from)
    };
}

/// Runs a query; all its rows.
macro_rules! all {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::sql::Conn::Sqlite(conn) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **conn).await
            }
            $crate::store::sql::Conn::Postgres(conn) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **conn).await
            }
        }
        .map_err($crate::store::Error::from)
    };
}

/// Runs a query; its first row, if there is one.
macro_rules! first {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::sql::Conn::Sqlite(conn) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **conn).await
            }
            $crate::store::sql::Conn::Postgres(conn) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **conn).await
            }
        }
        .map_err($crate::store::Error::from)
    };
}

pub(crate) use {all, first, run};
