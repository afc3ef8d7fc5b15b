//! One statement for many rows: `… values ($1, $2), ($3, $4) …`. Knows no table.

use std::borrow::Cow;
use std::collections::HashSet;

use frontdesk_sqlite as lite;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::sql::{WriterConnection, read_all, read_row};
use super::{Conn, Result};

/// Maximum rows of one statement; more are split. Each statement text is prepared once and cached.
const MAX_ROWS: usize = 64;

/// A column value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Text, or null.
    Text(Option<String>),
    /// An integer, or null.
    Int(Option<i64>),
    Bytes(Vec<u8>),
}

impl lite::AsValue for Value {
    fn as_value(&self) -> lite::ValueRef<'_> {
        match self {
            Self::Text(Some(text)) => lite::ValueRef::Text(text.as_bytes()),
            Self::Int(Some(number)) => lite::ValueRef::Integer(*number),
            Self::Text(None) | Self::Int(None) => lite::ValueRef::Null,
            Self::Bytes(bytes) => lite::ValueRef::Blob(bytes),
        }
    }
}

/// Rows of equal width.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    pub(crate) fn push<const WIDTH: usize>(&mut self, row: [Value; WIDTH]) {
        debug_assert!(self.width == 0 || self.width == WIDTH, "rows of one width");
        self.width = WIDTH;
        self.values.extend(row);
    }

    /// The values in chunks of at most [`MAX_ROWS`] rows.
    fn pieces(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks(self.width.max(1) * MAX_ROWS)
    }

    /// The rows.
    fn each(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks(self.width.max(1))
    }

    /// `before values (?, …), (…) after`, or with `$1` for Postgres. SQLite searches all parameter
    /// names for each value, so named ones are slow by the thousand; `?` is not.
    fn sql(&self, piece: &[Value], (before, after): (&str, &str), named: bool) -> String {
        let mut sql = String::with_capacity(before.len() + after.len() + piece.len() * 7 + 16);
        sql.push_str(before);
        sql.push_str(" values ");
        for place in 0..piece.len() {
            sql.push_str(match place % self.width {
                0 if place == 0 => "(",
                0 => "), (",
                _ => ", ",
            });
            if named {
                sql.push('$');
                sql.push_str(&(place + 1).to_string());
            } else {
                sql.push('?');
            }
        }
        sql.push_str(") ");
        sql.push_str(after);
        sql
    }
}

/// Binds a chunk's values to a query of either database.
macro_rules! bind {
    ($query:expr, $piece:expr) => {{
        let mut query = $query;
        for value in $piece {
            query = match value {
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Int(number) => query.bind(*number),
                Value::Bytes(bytes) => query.bind(bytes.as_slice()),
            };
        }
        query
    }};
}

/// Part of a statement: a constant, or built for the occasion.
pub(crate) trait Sql: Into<Cow<'static, str>> + Send {}

impl<T: Into<Cow<'static, str>> + Send> Sql for T {}

impl Conn<'_> {
    /// Runs a statement for all rows and returns the number of affected rows. The writer of SQLite
    /// runs it for one row after the other: it has each statement prepared once, and no other
    /// thread to wait for.
    pub(crate) async fn many(
        &mut self,
        before: impl Sql,
        rows: &Rows,
        after: impl Sql,
    ) -> Result<u64> {
        let (before, after) = (before.into(), after.into());
        if let Self::Writer(conn) = self {
            return run_each(conn, (&before, &after), rows, |_| {});
        }
        let mut touched = 0;
        for piece in rows.pieces() {
            let named = matches!(self, Self::Postgres(_));
            let sql = AssertSqlSafe(rows.sql(piece, (&before, &after), named));
            touched += match self {
                Self::Sqlite(conn) => {
                    bind!(sqlx::query(sql), piece).execute(&mut **conn).await?.rows_affected()
                }
                Self::Postgres(conn) => {
                    bind!(sqlx::query(sql), piece).execute(&mut **conn).await?.rows_affected()
                }
                Self::Writer(_) => 0,
            };
        }
        Ok(touched)
    }

    /// Runs a change for all rows and returns for which of them it changed something. Their first
    /// column is their place, from 0, and called `v.place`.
    pub(crate) async fn many_hits(
        &mut self,
        before: impl Sql,
        rows: &Rows,
        after: impl Sql,
    ) -> Result<HashSet<i64>> {
        let (before, after) = (before.into(), after.into());
        if let Self::Writer(conn) = self {
            let mut counts = Vec::new();
            run_each(conn, (&before, &after), rows, |changed| counts.push(changed))?;
            return Ok((0..).zip(counts).filter_map(|(at, n)| (n > 0).then_some(at)).collect());
        }
        let after = format!("{after} returning v.place");
        let hits = self.many_rows::<(i64,)>(before, rows, after).await?;
        Ok(hits.into_iter().map(|(place,)| place).collect())
    }

    /// Runs a query for all rows and returns its results; see [`Self::many`].
    pub(crate) async fn many_rows<R>(
        &mut self,
        before: impl Sql,
        rows: &Rows,
        after: impl Sql,
    ) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, lite::Row>,
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let (before, after, mut found) = (before.into(), after.into(), Vec::new());
        if let Self::Writer(conn) = self {
            query_each(conn, (&before, &after), rows, &mut found)?;
            return Ok(found);
        }
        for piece in rows.pieces() {
            let named = matches!(self, Self::Postgres(_));
            let sql = AssertSqlSafe(rows.sql(piece, (&before, &after), named));
            match self {
                Self::Sqlite(conn) => {
                    let rows = bind!(sqlx::query(sql), piece).fetch(&mut **conn);
                    found.extend(read_all::<R, _>(rows).await?);
                }
                Self::Postgres(conn) => {
                    let rows = bind!(sqlx::query(sql), piece).fetch(&mut **conn);
                    found.extend(read_all::<R, _>(rows).await?);
                }
                Self::Writer(_) => {}
            }
        }
        Ok(found)
    }

    /// On Postgres, locks rows until the commit in the order of their ids, so that replicas that
    /// change the same rows cannot deadlock. `rows_of` is `… from v join … r …`. Does nothing on
    /// SQLite, which has one writer.
    pub(crate) async fn hold(
        &mut self,
        before: &'static str,
        rows: &Rows,
        rows_of: &str,
    ) -> Result<()> {
        if self.is_sqlite() {
            return Ok(());
        }
        let after = format!(") select r.id from {rows_of} order by r.id for update of r");
        self.many_rows::<(String,)>(before, rows, after).await.map(|_| ())
    }
}

/// The two parts of a statement.
type Parts<'p> = (&'p Cow<'static, str>, &'p Cow<'static, str>);

/// Runs a statement for each row on this thread. Tells `each` how many rows it changed.
fn run_each(
    conn: &mut WriterConnection,
    parts: Parts<'_>,
    rows: &Rows,
    mut each: impl FnMut(u64),
) -> Result<u64> {
    if rows.values.is_empty() {
        return Ok(0);
    }
    let mut statement = conn.inner.prepare(&conn.single.of(parts, rows.width))?;
    let mut all = 0;
    for row in rows.each() {
        let changed = statement.run(row)?;
        each(changed);
        all += changed;
    }
    Ok(all)
}

/// Runs a query for each row on this thread.
fn query_each<R: for<'r> FromRow<'r, lite::Row>>(
    conn: &mut WriterConnection,
    parts: Parts<'_>,
    rows: &Rows,
    found: &mut Vec<R>,
) -> Result<()> {
    if rows.values.is_empty() {
        return Ok(());
    }
    let mut statement = conn.inner.prepare(&conn.single.of(parts, rows.width))?;
    for row in rows.each() {
        statement.query(row, |row| {
            found.push(read_row(row)?);
            Ok(true)
        })?;
    }
    Ok(())
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(ToOwned::to_owned))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_statement_and_many_become_several() {
        let mut rows = Rows::default();
        assert!(rows.pieces().next().is_none());
        for n in 0..70_i64 {
            rows.push([n.into(), "x".into()]);
        }
        let pieces: Vec<_> = rows.pieces().map(<[Value]>::len).collect();
        assert_eq!(pieces, [128, 12]);
        let (two, around) = (&rows.values[..4], ("insert into t", "returning a"));
        let sql = rows.sql(two, around, true);
        assert_eq!(sql, "insert into t values ($1, $2), ($3, $4) returning a");
        assert_eq!(rows.sql(two, around, false), "insert into t values (?, ?), (?, ?) returning a");
    }
}
