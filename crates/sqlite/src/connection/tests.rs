//! Tests on a real file.

use sqlx_core::row::Row as _;

use super::*;
use crate::{Kind, Value};

fn open(folder: &tempfile::TempDir) -> Connection {
    let path = folder.path().join("test.db");
    drop(rusqlite::Connection::open(&path).unwrap());
    let pragmas = vec![("journal_mode", "wal"), ("synchronous", "full"), ("foreign_keys", "on")];
    Connection::open(&path, &Options { busy_timeout: Duration::from_secs(1), pragmas }).unwrap()
}

fn arguments(values: &[Value]) -> Arguments {
    let mut arguments = Arguments::default();
    values.iter().cloned().for_each(|value| arguments.push(value));
    arguments
}

/// The values of a query's first column.
fn read(connection: &mut Connection, sql: &str, values: &[Value]) -> Vec<Value> {
    let mut found = Vec::new();
    connection
        .query(sql, &arguments(values), |row| {
            found.push(row.try_get_raw(0)?.clone());
            Ok(true)
        })
        .unwrap();
    found
}

#[test]
fn the_pragmas_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder);
    assert_eq!(read(&mut connection, "pragma synchronous", &[]), [Value::Integer(2)]);
    assert_eq!(read(&mut connection, "pragma foreign_keys", &[]), [Value::Integer(1)]);
    assert_eq!(read(&mut connection, "pragma journal_mode", &[]), [Value::Text("wal".into())]);
}

#[test]
fn values_come_back_as_they_went_in_also_after_others_of_another_type() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder);
    connection.run("create table t (v)", &Arguments::default()).unwrap();
    let values = [
        Value::Text("é".into()),
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Blob(vec![0, 255]),
        Value::Text(String::new()),
    ];
    for value in &values {
        let one = arguments(std::slice::from_ref(value));
        assert_eq!(connection.run("insert into t values ($1)", &one).unwrap(), 1);
    }
    assert_eq!(read(&mut connection, "select v from t order by rowid", &[]), values);
    assert_eq!(Kind::Null.to_string(), "NULL");
}

#[test]
fn arguments_go_by_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder);
    let values = [Value::Integer(1), Value::Integer(2)];
    let two = read(&mut connection, "select $2 * 10 + $1", &values);
    assert_eq!(two, [Value::Integer(21)]);
    assert_eq!(read(&mut connection, "select ? - ?", &values), [Value::Integer(-1)]);
}

#[test]
fn a_statement_that_failed_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder);
    connection.run("create table t (v unique)", &Arguments::default()).unwrap();
    let one = arguments(&[Value::Integer(1)]);
    connection.run("insert into t values ($1)", &one).unwrap();
    let error = connection.run("insert into t values ($1)", &one).unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code().map(|c| c.to_string()));
    assert_eq!(code.as_deref(), Some("2067"), "{error}");
    let two = arguments(&[Value::Integer(2)]);
    assert_eq!(connection.run("insert into t values ($1)", &two).unwrap(), 1);
}
