//! A row as SQLite returned it: owned values, found by place or name.

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use sqlx_core::column::{Column as ColumnTrait, ColumnIndex};
use sqlx_core::error::{BoxDynError, Error};
use sqlx_core::row::Row as RowTrait;
use sqlx_core::value::{Value as ValueTrait, ValueRef as ValueRefTrait};

use crate::error::database;
use crate::{Kind, Lite};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// An integer of 64 bits.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    const fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Integer(_) => Kind::Integer,
            Self::Real(_) => Kind::Real,
            Self::Text(_) => Kind::Text,
            Self::Blob(_) => Kind::Blob,
        }
    }

    fn unlike(&self, wanted: Kind) -> BoxDynError {
        format!("the value is {}, not {wanted}", self.kind()).into()
    }

    pub(crate) fn integer(&self) -> Result<i64, BoxDynError> {
        match self {
            Self::Integer(number) => Ok(*number),
            other => Err(other.unlike(Kind::Integer)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as SQLite converts it")]
    pub(crate) fn real(&self) -> Result<f64, BoxDynError> {
        match self {
            Self::Real(number) => Ok(*number),
            Self::Integer(number) => Ok(*number as f64),
            other => Err(other.unlike(Kind::Real)),
        }
    }

    pub(crate) fn text(&self) -> Result<&str, BoxDynError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.unlike(Kind::Text)),
        }
    }

    pub(crate) fn bytes(&self) -> Result<&[u8], BoxDynError> {
        match self {
            Self::Blob(bytes) => Ok(bytes),
            Self::Text(text) => Ok(text.as_bytes()),
            other => Err(other.unlike(Kind::Blob)),
        }
    }

    /// Takes over a value of the current row, and keeps the memory of the last one.
    fn set(&mut self, place: usize, read: ValueRef<'_>) -> Result<(), rusqlite::Error> {
        let unreadable = |error| rusqlite::Error::Utf8Error(place, error);
        match (self, read) {
            (Self::Text(old), ValueRef::Text(new)) => {
                let new = str::from_utf8(new).map_err(unreadable)?;
                old.clear();
                old.push_str(new);
            }
            (Self::Blob(old), ValueRef::Blob(new)) => {
                old.clear();
                old.extend_from_slice(new);
            }
            (value, read) => {
                *value = match read {
                    ValueRef::Null => Self::Null,
                    ValueRef::Integer(number) => Self::Integer(number),
                    ValueRef::Real(number) => Self::Real(number),
                    ValueRef::Text(text) => {
                        Self::Text(str::from_utf8(text).map_err(unreadable)?.to_owned())
                    }
                    ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
                };
            }
        }
        Ok(())
    }
}

/// What can be an argument without a copy.
pub trait AsValue {
    /// The value.
    fn as_value(&self) -> ValueRef<'_>;
}

impl AsValue for Value {
    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl ValueTrait for Value {
    type Database = Lite;

    fn as_ref(&self) -> &Self {
        self
    }

    fn type_info(&self) -> Cow<'_, Kind> {
        Cow::Owned(self.kind())
    }

    fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

impl<'r> ValueRefTrait<'r> for &'r Value {
    type Database = Lite;

    fn to_owned(&self) -> Value {
        (*self).clone()
    }

    fn type_info(&self) -> Cow<'_, Kind> {
        Cow::Owned(self.kind())
    }

    fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// A column of a result.
#[derive(Debug)]
pub struct Column {
    place: usize,
    name: String,
}

impl ColumnTrait for Column {
    type Database = Lite;

    fn ordinal(&self) -> usize {
        self.place
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn type_info(&self) -> &Kind {
        // Columns of SQLite have values of any type.
        &Kind::Null
    }
}

/// A row.
#[derive(Debug)]
pub struct Row {
    columns: Arc<[Column]>,
    values: Vec<Value>,
}

impl Row {
    /// A row of a statement without values.
    pub(crate) fn of(statement: &rusqlite::Statement<'_>) -> Self {
        let names = statement.column_names();
        let column = |(place, name): (usize, &str)| Column { place, name: name.to_owned() };
        let values = vec![Value::Null; names.len()];
        Self { columns: names.into_iter().enumerate().map(column).collect(), values }
    }

    /// Reads the current row.
    pub(crate) fn read(&mut self, row: &rusqlite::Row<'_>) -> Result<(), Error> {
        for (place, value) in self.values.iter_mut().enumerate() {
            let read = row.get_ref(place).map_err(database)?;
            value.set(place, read).map_err(|error| Error::Decode(error.into()))?;
        }
        Ok(())
    }
}

impl RowTrait for Row {
    type Database = Lite;

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, index: I) -> Result<&Value, Error> {
        Ok(&self.values[index.index(self)?])
    }
}

impl ColumnIndex<Row> for usize {
    fn index(&self, row: &Row) -> Result<usize, Error> {
        let len = row.values.len();
        (*self < len).then_some(*self).ok_or(Error::ColumnIndexOutOfBounds { len, index: *self })
    }
}

impl ColumnIndex<Row> for &'_ str {
    fn index(&self, row: &Row) -> Result<usize, Error> {
        let found = row.columns.iter().position(|column| column.name == *self);
        found.ok_or_else(|| Error::ColumnNotFound((*self).to_owned()))
    }
}
