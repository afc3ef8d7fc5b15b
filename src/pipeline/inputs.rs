//! What a turn heard and found, as its recording keeps it: a later run of the same turn starts from that. Plain data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::transcribe::TranscriptionError;
use crate::domain::Passage;

/// What stages 2 to 4 brought.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedInputs {
    /// Why nothing was heard in recordings, in the order in which they were tried.
    #[serde(rename = "deaf", default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TranscriptionError>,
    /// The curated answer that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curated: Option<String>,
    /// How sure retrieval was, and the question as it stands alone. `None` when nothing was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<(f32, Option<String>)>,
    /// The passages; they stand in the trace, not here.
    #[serde(skip)]
    pub passages: Arc<[Passage]>,
}
