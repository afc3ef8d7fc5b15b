//! A connection: opens a file, and runs statements, each prepared once.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags};
use sqlx_core::error::Error;

use crate::error::database;
use crate::{Arguments, AsValue, Row};

/// Statements that stay prepared.
const STATEMENTS: usize = 512;

thread_local! {
    /// Pages in the write-ahead log after this thread's last commit. A hook is a plain function, so
    /// that it can write to no place of the connection.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// How to open a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// Names and values of pragmas, run in this order.
    pub pragmas: Vec<(&'static str, &'static str)>,
}

/// A connection to a file.
#[derive(Debug)]
pub struct Connection {
    inner: rusqlite::Connection,
}

/// A statement that is ready to run, again and again.
pub struct Statement<'c> {
    statement: CachedStatement<'c>,
    /// For each parameter, the place of its argument.
    places: Vec<usize>,
}

impl Connection {
    /// Opens a file that exists.
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(path, flags).map_err(database)?;
        inner.busy_timeout(options.busy_timeout).map_err(database)?;
        inner.set_prepared_statement_cache_capacity(STATEMENTS);
        for (name, value) in &options.pragmas {
            inner.execute_batch(&format!("pragma {name} = {value}")).map_err(database)?;
        }
        Ok(Self { inner })
    }

    /// Prepares a statement, or finds it prepared.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement<'_>, Error> {
        let statement = self.inner.prepare_cached(sql).map_err(database)?;
        let places = places(&statement)?;
        Ok(Statement { statement, places })
    }

    /// Runs a statement and returns the number of changed rows.
    pub fn run(&mut self, sql: &str, arguments: &Arguments) -> Result<u64, Error> {
        self.prepare(sql)?.run(&arguments.values)
    }

    /// Runs a query and passes each row to `each`, which returns whether to go on.
    pub fn query(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        each: impl FnMut(&Row) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.prepare(sql)?.query(&arguments.values, each)
    }

    /// Has [`Self::log_pages`] know the length of the write-ahead log. SQLite then makes no checkpoints
    /// by itself.
    pub fn watch_log(&mut self) {
        self.inner.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(u32::try_from(pages).unwrap_or_default());
            Ok(())
        }));
    }

    /// Pages in the write-ahead log after the last commit, of a connection that alone commits on this
    /// thread.
    pub fn log_pages(&self) -> u32 {
        LOG_PAGES.get()
    }

    /// Copies pages of the write-ahead log into the file, as many as no reader needs there, and stops
    /// nobody.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.run("pragma wal_checkpoint(passive)", &Arguments::default()).map(drop)
    }

    /// Closes the file.
    pub fn shut(self) -> Result<(), Error> {
        self.inner.close().map_err(|(_, error)| database(error))
    }
}

#[cfg(test)]
mod tests;

/// For each parameter of a statement, the place of its argument: `$7` is the seventh, `?` the next.
fn places(statement: &CachedStatement<'_>) -> Result<Vec<usize>, Error> {
    let (count, mut next) = (statement.parameter_count(), 0);
    let mut places = Vec::with_capacity(count);
    for parameter in 1..=count {
        let place = match statement.parameter_name(parameter) {
            None => next,
            Some(name) => name[1..]
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(1))
                .ok_or_else(|| Error::Protocol(format!("the parameter {name} has no number")))?,
        };
        next = place + 1;
        places.push(place);
    }
    Ok(places)
}

impl Statement<'_> {
    fn bind<'a>(&mut self, arguments: &'a [impl AsValue]) -> Result<(), Error> {
        for (at, place) in self.places.iter().enumerate() {
            let value: Option<ValueRef<'a>> = arguments.get(*place).map(AsValue::as_value);
            let value = ToSqlOutput::Borrowed(value.unwrap_or(ValueRef::Null));
            self.statement.raw_bind_parameter(at + 1, value).map_err(database)?;
        }
        Ok(())
    }

    /// Runs the statement and returns the number of changed rows.
    pub fn run(&mut self, arguments: &[impl AsValue]) -> Result<u64, Error> {
        self.bind(arguments)?;
        if self.statement.column_count() > 0 {
            let mut count = 0;
            let mut rows = self.statement.raw_query();
            while rows.next().map_err(database)?.is_some() {
                count += 1;
            }
            return Ok(count);
        }
        let changed = self.statement.raw_execute().map_err(database)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    /// Runs the query and passes each row to `each`, which returns whether to go on.
    pub fn query(
        &mut self,
        arguments: &[impl AsValue],
        mut each: impl FnMut(&Row) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.bind(arguments)?;
        let mut read: Option<Row> = None;
        let mut rows = self.statement.raw_query();
        loop {
            let Some(row) = rows.next().map_err(database)? else { return Ok(()) };
            let read = read.get_or_insert_with(|| Row::of(row.as_ref()));
            read.read(row)?;
            if !each(read)? {
                return Ok(());
            }
        }
    }
}
