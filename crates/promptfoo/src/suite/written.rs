//! Cases as they are written, on their way from files of every form.

use serde_json::{Map, Value};

use super::source::Place;
use super::wrong::Wrong;

/// A case as it is written.
pub(super) struct Written {
    pub(super) map: Map<String, Value>,
    pub(super) place: Place,
}

/// What takes cases one by one.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(Written) -> Result<(), Wrong> + Send);
