//! Cases as they are written, on their way from files of every form.

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::source::Place;

/// A case as it stands in its file, not parsed yet.
pub(super) struct RawCase {
    pub(super) map: Map<String, Value>,
    pub(super) place: Place,
}

/// What takes cases one by one.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(RawCase) -> Result<(), SuiteError> + Send);
