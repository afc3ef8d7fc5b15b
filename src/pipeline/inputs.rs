//! What a turn heard and found, as its recording stores it: a replay starts from it. Plain data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attachments::RecordedAttachment;
use super::document_files::RecordedDocumentFiles;
use super::file_source::TranscriptionError;
use crate::domain::Passage;

/// Results of stages 2 to 4.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedInputs {
    /// Why voice notes have no transcript, in the order of the attempts.
    #[serde(rename = "deaf", default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TranscriptionError>,
    /// What was read of pictures and documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<RecordedAttachment>,
    /// The curated answer, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curated: Option<String>,
    /// Confidence of retrieval, 0 to 1, and the standalone question. `None` without a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<(f32, Option<String>)>,
    /// What was found of files to send.
    #[serde(default, skip_serializing_if = "RecordedDocumentFiles::is_empty")]
    pub files: RecordedDocumentFiles,
    /// The passages; stored in the trace, not here.
    #[serde(skip)]
    pub passages: Arc<[Passage]>,
}
