//! One statement for many rows: `… values ($1, $2), ($3, $4) …`. Knows no table.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::sql::read_all;
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

impl Conn<'_> {
    /// Runs a statement for all rows and returns the number of affected rows.
    pub(crate) async fn many(&mut self, before: &str, rows: &Rows, after: &str) -> Result<u64> {
        let mut touched = 0;
        for piece in rows.pieces() {
            let named = matches!(self, Self::Postgres(_));
            let sql = AssertSqlSafe(rows.sql(piece, (before, after), named));
            touched += match self {
                Self::Sqlite(conn) => {
                    bind!(sqlx::query(sql), piece).execute(&mut **conn).await?.rows_affected()
                }
                Self::Postgres(conn) => {
                    bind!(sqlx::query(sql), piece).execute(&mut **conn).await?.rows_affected()
                }
            };
        }
        Ok(touched)
    }

    /// Runs a query for all rows and returns its results.
    pub(crate) async fn many_rows<R>(
        &mut self,
        before: &str,
        rows: &Rows,
        after: &str,
    ) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut found = Vec::new();
        for piece in rows.pieces() {
            let named = matches!(self, Self::Postgres(_));
            let sql = AssertSqlSafe(rows.sql(piece, (before, after), named));
            match self {
                Self::Sqlite(conn) => {
                    let rows = bind!(sqlx::query(sql), piece).fetch(&mut **conn);
                    found.extend(read_all::<R, _>(rows).await?);
                }
                Self::Postgres(conn) => {
                    let rows = bind!(sqlx::query(sql), piece).fetch(&mut **conn);
                    found.extend(read_all::<R, _>(rows).await?);
                }
            }
        }
        Ok(found)
    }
}

impl Conn<'_> {
    /// On Postgres, locks rows until the commit in the order of their ids, so that replicas that
    /// change the same rows cannot deadlock. `rows_of` is `… from v join … r …`. Does nothing on
    /// SQLite, which has one writer.
    pub(crate) async fn hold(&mut self, before: &str, rows: &Rows, rows_of: &str) -> Result<()> {
        if let Self::Sqlite(_) = self {
            return Ok(());
        }
        let after = format!(") select r.id from {rows_of} order by r.id for update of r");
        self.many_rows::<(String,)>(before, rows, &after).await.map(|_| ())
    }
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
