//! What sqlx's traits demand of a database beside arguments and rows, and nobody calls: statements
//! run through [`Connection`] itself, and so do transactions.

use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;
use sqlx_core::column::ColumnIndex;
use sqlx_core::connection::{ConnectOptions, Connection as ConnectionTrait};
use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::statement::Statement as StatementTrait;
use sqlx_core::transaction::{Transaction, TransactionManager};
use sqlx_core::{Either, Url, impl_statement_query};

use crate::row::Column;
use crate::{Arguments, Connection, Kind, Lite, Options, Row, Value};

impl Database for Lite {
    type Connection = Connection;
    type TransactionManager = Transactions;
    type Row = Row;
    type QueryResult = QueryResult;
    type Column = Column;
    type TypeInfo = Kind;
    type Value = Value;
    type ValueRef<'r> = &'r Value;
    type Arguments = Arguments;
    type ArgumentBuffer = Vec<Value>;
    type Statement = SqlStatement;

    const NAME: &'static str = "SQLite";
    const URL_SCHEMES: &'static [&'static str] = &[];
}

fn not_so() -> Error {
    Error::Protocol("statements run through the connection's own methods".into())
}

/// The result of a statement.
#[derive(Debug, Default)]
pub struct QueryResult;

impl Extend<Self> for QueryResult {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, _: T) {}
}

/// Transactions.
#[derive(Debug)]
pub struct Transactions;

impl TransactionManager for Transactions {
    type Database = Lite;

    async fn begin(_: &mut Connection, _: Option<SqlStr>) -> Result<(), Error> {
        Err(not_so())
    }

    async fn commit(_: &mut Connection) -> Result<(), Error> {
        Err(not_so())
    }

    async fn rollback(_: &mut Connection) -> Result<(), Error> {
        Err(not_so())
    }

    fn start_rollback(_: &mut Connection) {}

    fn get_transaction_depth(_: &Connection) -> usize {
        0
    }
}

impl ConnectionTrait for Connection {
    type Database = Lite;
    type Options = Options;

    async fn close(self) -> Result<(), Error> {
        self.shut()
    }

    async fn close_hard(self) -> Result<(), Error> {
        self.shut()
    }

    async fn ping(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Lite>, Error> {
        Err(not_so())
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

impl FromStr for Options {
    type Err = Error;

    fn from_str(_: &str) -> Result<Self, Error> {
        Err(not_so())
    }
}

impl ConnectOptions for Options {
    type Connection = Connection;

    fn from_url(_: &Url) -> Result<Self, Error> {
        Err(not_so())
    }

    async fn connect(&self) -> Result<Connection, Error> {
        Err(not_so())
    }

    fn log_statements(self, _: LevelFilter) -> Self {
        self
    }

    fn log_slow_statements(self, _: LevelFilter, _: Duration) -> Self {
        self
    }
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub struct SqlStatement {
    sql: SqlStr,
}

impl StatementTrait for SqlStatement {
    type Database = Lite;

    fn into_sql(self) -> SqlStr {
        self.sql
    }

    fn sql(&self) -> &SqlStr {
        &self.sql
    }

    fn parameters(&self) -> Option<Either<&[Kind], usize>> {
        None
    }

    fn columns(&self) -> &[Column] {
        &[]
    }

    impl_statement_query!(Arguments);
}

impl ColumnIndex<SqlStatement> for &'_ str {
    fn index(&self, _: &SqlStatement) -> Result<usize, Error> {
        Err(not_so())
    }
}
