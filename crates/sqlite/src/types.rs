//! The types of SQLite's values, and how Rust's become them.

use std::borrow::Cow;

use sqlx_core::arguments::Arguments as ArgumentsTrait;
use sqlx_core::decode::Decode;
use sqlx_core::encode::{Encode, IsNull};
use sqlx_core::error::BoxDynError;
use sqlx_core::types::Type;

use crate::row::Value;
use crate::{Kind, Lite};

/// The arguments of a statement, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Arguments {
    pub(crate) values: Vec<Value>,
}

impl Arguments {
    /// Adds an argument.
    pub fn push(&mut self, value: Value) {
        self.values.push(value);
    }
}

impl ArgumentsTrait for Arguments {
    type Database = Lite;

    fn reserve(&mut self, additional: usize, _: usize) {
        self.values.reserve(additional);
    }

    fn add<'t, T>(&mut self, value: T) -> Result<(), BoxDynError>
    where
        T: Encode<'t, Lite> + Type<Lite>,
    {
        if value.encode(&mut self.values)?.is_null() {
            self.values.push(Value::Null);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.values.len()
    }
}

impl<'q, T> Encode<'q, Lite> for Option<T>
where
    T: Encode<'q, Lite> + Type<Lite> + 'q,
{
    fn encode(self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        self.map_or(Ok(IsNull::Yes), |value| value.encode(values))
    }

    fn encode_by_ref(&self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        self.as_ref().map_or(Ok(IsNull::Yes), |value| value.encode_by_ref(values))
    }
}

/// Defines how a type is written and read. `also` has the kinds beside its own from which it is
/// read.
macro_rules! types {
    ($($type:ty: $kind:ident $(or $also:ident)*, $self:ident => $write:expr, $value:ident => $read:expr;)+) => {$(
        impl Type<Lite> for $type {
            fn type_info() -> Kind {
                Kind::$kind
            }

            fn compatible(kind: &Kind) -> bool {
                matches!(kind, Kind::$kind $(| Kind::$also)*)
            }
        }

        impl Encode<'_, Lite> for $type {
            fn encode_by_ref(&self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
                let $self = self;
                values.push($write);
                Ok(IsNull::No)
            }
        }

        impl<'r> Decode<'r, Lite> for $type {
            fn decode($value: &'r Value) -> Result<Self, BoxDynError> {
                $read
            }
        }
    )+};
}

types! {
    i64: Integer, it => Value::Integer(*it), value => value.integer();
    i32: Integer, it => Value::Integer((*it).into()), value => Ok(value.integer()?.try_into()?);
    bool: Integer, it => Value::Integer((*it).into()), value => Ok(value.integer()? != 0);
    f64: Real or Integer, it => Value::Real(*it), value => value.real();
    String: Text, it => Value::Text(it.clone()), value => Ok(value.text()?.to_owned());
    Vec<u8>: Blob or Text, it => Value::Blob(it.clone()), value => Ok(value.bytes()?.to_vec());
}

impl Type<Lite> for str {
    fn type_info() -> Kind {
        Kind::Text
    }
}

impl Encode<'_, Lite> for &'_ str {
    fn encode_by_ref(&self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        values.push(Value::Text((*self).to_owned()));
        Ok(IsNull::No)
    }
}

impl Encode<'_, Lite> for Cow<'_, str> {
    fn encode(self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        values.push(Value::Text(self.into_owned()));
        Ok(IsNull::No)
    }

    fn encode_by_ref(&self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        values.push(Value::Text(self.clone().into_owned()));
        Ok(IsNull::No)
    }
}

impl<'r> Decode<'r, Lite> for &'r str {
    fn decode(value: &'r Value) -> Result<Self, BoxDynError> {
        value.text()
    }
}

impl Type<Lite> for [u8] {
    fn type_info() -> Kind {
        Kind::Blob
    }

    fn compatible(kind: &Kind) -> bool {
        matches!(kind, Kind::Blob | Kind::Text)
    }
}

impl Encode<'_, Lite> for &'_ [u8] {
    fn encode_by_ref(&self, values: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        values.push(Value::Blob(self.to_vec()));
        Ok(IsNull::No)
    }
}

impl<'r> Decode<'r, Lite> for &'r [u8] {
    fn decode(value: &'r Value) -> Result<Self, BoxDynError> {
        value.bytes()
    }
}
