//! One SQL for two databases: a connection to either, and three macros that run a statement on it.
//!
//! Statements are written once, in the dialect that both understand (`$1`, `on conflict`,
//! `returning`), with text ids, integer milliseconds and JSON as text. Two kinds differ: row locks,
//! see [`Conn::dialect`], and reading the newest messages of many conversations, because SQLite
//! has no lateral join (`turns.rs`).

use frontdesk_sqlite as lite;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::{
    Arguments, ColumnIndex, Decode, Encode, FromRow, PgConnection, Row, SqlSafeStr,
    SqliteConnection, Type,
};

use super::single_row::SingleRows;

/// A connection inside a transaction, or a read connection.
pub(crate) enum Conn<'c> {
    /// A read connection to SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// The writer's connection to SQLite: statements run on its thread.
    Writer(&'c mut WriterConnection),
    Postgres(&'c mut PgConnection),
}

/// The writer's connection to SQLite.
pub(crate) struct WriterConnection {
    pub(super) inner: lite::Connection,
    pub(super) single: SingleRows,
}

impl Conn<'_> {
    /// Picks the statement for this database. Only Postgres needs row locks, for example `for
    /// update skip locked`.
    pub(crate) fn sql_for(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_sqlite() { sqlite } else { postgres }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        !matches!(self, Self::Postgres(_))
    }
}

/// The arguments of a statement that the writer's connection runs.
macro_rules! arguments {
    ($($arg:expr),*) => {{
        let arguments = Ok(frontdesk_sqlite::Arguments::default());
        $(let arguments = arguments.and_then(|arguments| $crate::store::sql::with(arguments, $arg));)*
        arguments.map_err(sqlx::Error::Encode)
    }};
}

/// The arguments with one more.
pub(crate) fn with<'t, T>(
    mut arguments: lite::Arguments,
    argument: T,
) -> std::result::Result<lite::Arguments, BoxDynError>
where
    T: Encode<'t, lite::Lite> + Type<lite::Lite>,
{
    arguments.add(argument).map(|()| arguments)
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
            $crate::store::sql::Conn::Writer(conn) => {
                $crate::store::sql::arguments!($($arg),*)
                    .and_then(|arguments| $crate::store::sql::run_here(conn, $sql, &arguments))
            }
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

/// Runs a statement on this thread and returns the number of affected rows.
pub(crate) fn run_here(
    conn: &mut WriterConnection,
    sql: impl SqlSafeStr,
    arguments: &lite::Arguments,
) -> sqlx::Result<u64> {
    conn.inner.run(sql.into_sql_str().as_str(), arguments)
}

/// Runs a query on this thread and returns all rows.
pub(crate) fn all_here<T: for<'r> FromRow<'r, lite::Row>>(
    conn: &mut WriterConnection,
    sql: impl SqlSafeStr,
    arguments: &lite::Arguments,
) -> sqlx::Result<Vec<T>> {
    let mut read = Vec::new();
    conn.inner.query(sql.into_sql_str().as_str(), arguments, |row| {
        read.push(read_row(row)?);
        Ok(true)
    })?;
    Ok(read)
}

/// Runs a query on this thread and returns the first row, if any.
pub(crate) fn first_here<T: for<'r> FromRow<'r, lite::Row>>(
    conn: &mut WriterConnection,
    sql: impl SqlSafeStr,
    arguments: &lite::Arguments,
) -> sqlx::Result<Option<T>> {
    let mut read = None;
    conn.inner.query(sql.into_sql_str().as_str(), arguments, |row| {
        read = Some(read_row(row)?);
        Ok(false)
    })?;
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
            $crate::store::sql::Conn::Writer(conn) => {
                $crate::store::sql::arguments!($($arg),*).and_then(|arguments| {
                    $crate::store::sql::all_here::<$row>(conn, $sql, &arguments)
                })
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
            $crate::store::sql::Conn::Writer(conn) => {
                $crate::store::sql::arguments!($($arg),*).and_then(|arguments| {
                    $crate::store::sql::first_here::<$row>(conn, $sql, &arguments)
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

/// The assignment that marks a conversation as changed at a moment, an expression of SQL. The column
/// only rises, whatever the clocks of several processes say: of two states, the one with the higher
/// value is newer.
macro_rules! revised {
    ($moment:literal) => {
        concat!(
            "updated_at = case when conversations.updated_at >= ",
            $moment,
            " then conversations.updated_at + 1 else ",
            $moment,
            " end"
        )
    };
}

pub(crate) use {all, arguments, first, revised, run};
