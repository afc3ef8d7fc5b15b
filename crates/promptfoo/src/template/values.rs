//! Template values: objects keep their order, and values print as in JavaScript.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use crate::spec::Vars;

/// An object; always truthy, as in JavaScript.
#[derive(Debug)]
struct Fields {
    names: Vec<Value>,
    values: HashMap<String, Value>,
}

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names.clone())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// An array; always truthy, as in JavaScript.
#[derive(Debug)]
struct Items(Vec<Value>);

impl Object for Items {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// The variable `env`: only what the policy lets templates see.
#[derive(Debug)]
pub(super) struct Surroundings(pub(super) Vars);

impl Object for Surroundings {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).map(into_template)
    }
}

/// An error of a filter or a method.
pub(super) fn wrong(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}

/// Converts a JSON value for templates.
pub(super) fn into_template(value: &Json) -> Value {
    match value {
        Json::Array(items) => list(items.iter().map(into_template).collect()),
        Json::Object(fields) => {
            let names = fields.keys().map(|name| Value::from(name.as_str())).collect();
            let values = fields.iter().map(|(name, value)| (name.clone(), into_template(value)));
            Value::from_object(Fields { names, values: values.collect() })
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Null => Value::from(()),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

pub(super) fn list(items: Vec<Value>) -> Value {
    Value::from_object(Items(items))
}

/// Converts a template value to JSON; whole numbers become integers.
pub(super) fn from_template(value: &Value) -> Json {
    match value.kind() {
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()
            .map_or(Json::Null, |items| items.map(|item| from_template(&item)).collect()),
        ValueKind::Map => {
            let field = |key: Value| {
                (printed(&key), from_template(&value.get_item(&key).unwrap_or_default()))
            };
            value.try_iter().map_or(Json::Null, |keys| Json::Object(keys.map(field).collect()))
        }
        _ => serde_json::to_value(value).unwrap_or(Json::Null),
    }
}

fn number(value: &Value) -> Json {
    match i64::try_from(value.clone()) {
        Ok(whole) => Json::from(whole),
        Err(_) => serde_json::to_value(value).unwrap_or(Json::Null),
    }
}

/// Formats a value as JavaScript's `String(value)` does; undefined and null become empty.
pub(super) fn printed(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if !value.is_integer() => number.to_string(),
            _ => value.to_string(),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map(|items| items.map(|item| printed(&item)).collect());
            items.map_or_else(|_| String::new(), |items: Vec<_>| items.join(","))
        }
        ValueKind::Map => "[object Object]".into(),
        _ => value.to_string(),
    }
}
