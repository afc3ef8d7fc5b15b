//! One SQL for two databases: a connection to either, and three macros that run a statement on it.
//!
//! Statements are written once, in the dialect that both understand (`$1`, `on conflict`,
//! `returning`), with text ids, integer milliseconds and JSON as text. Two kinds differ: row locks,
//! see [`Conn::dialect`], and reading the newest messages of many conversations, because SQLite
//! has no lateral join (`turns.rs`).

use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::{ColumnIndex, Decode, FromRow, PgConnection, Row, SqliteConnection, Type};

/// A connection inside a transaction, or a read connection.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// Picks the statement for this database. Only Postgres needs row locks, for example `for
    /// update skip locked`.
    pub(crate) fn sql_for(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// Runs a statement and returns the number of affected rows.
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

/// Decodes a row. If a column does not decode, the error also names the row's id.
pub(crate) fn read_row<'r, T, R>(row: &'r R) -> sqlx::Result<T>
where
    T: FromRow<'r, R>,
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    T::from_row(row).map_err(|error| match (error, row.try_get::<String, _>("id")) {
        (sqlx::Error::ColumnDecode { index, source }, Ok(id)) => {
            sqlx::Error::ColumnDecode { index, source: format!("{source} (row {id})").into() }
        }
        (error, _) => error,
    })
}

/// Decodes rows one by one as they arrive: holding all raw rows as well would double the memory.
pub(crate) async fn read_all<T, R>(mut rows: BoxStream<'_, sqlx::Result<R>>) -> sqlx::Result<Vec<T>>
where
    T: for<'r> FromRow<'r, R>,
    R: Row,
    &'static str: ColumnIndex<R>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let mut read = Vec::new();
    while let Some(row) = rows.try_next().await? {
        read.push(read_row(&row)?);
    }
    Ok(read)
}

/// Runs a query and returns all rows.
macro_rules! all {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::sql::Conn::Sqlite(conn) => {
                let rows = sqlx::query($sql)$(.bind($arg))*.fetch(&mut **conn);
                $crate::store::sql::read_all::<$row, _>(rows).await
            }
            $crate::store::sql::Conn::Postgres(conn) => {
                let rows = sqlx::query($sql)$(.bind($arg))*.fetch(&mut **conn);
                $crate::store::sql::read_all::<$row, _>(rows).await
            }
        }
        .map_err($crate::store::Error::from)
    };
}

/// Runs a query and returns the first row, if any.
macro_rules! first {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::sql::Conn::Sqlite(conn) => {
                sqlx::query($sql)$(.bind($arg))*.fetch_optional(&mut **conn).await.and_then(|row| {
                    row.as_ref().map($crate::store::sql::read_row::<$row, _>).transpose()
                })
            }
            $crate::store::sql::Conn::Postgres(conn) => {
                sqlx::query($sql)$(.bind($arg))*.fetch_optional(&mut **conn).await.and_then(|row| {
                    row.as_ref().map($crate::store::sql::read_row::<$row, _>).transpose()
                })
            }
        }
        .map_err($crate::store::Error::from)
    };
}

pub(crate) use {all, first, run};
