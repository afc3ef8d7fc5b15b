//! Written cases on their way from files to the builder.

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::source::Place;

/// A case as written in its file, not parsed yet.
pub(super) struct RawCase {
    pub(super) map: Map<String, Value>,
    pub(super) place: Place,
}

/// Receives cases one by one.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(RawCase) -> Result<(), SuiteError> + Send);
