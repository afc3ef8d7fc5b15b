//! Hash of a document, which tells whether it has to be learned again.

use frontdesk_doctext::chunk;
use sha2::{Digest, Sha256};

/// Version of the extraction method, part of every document's hash. Changing it makes a release
/// learn all documents again.
pub(super) const METHOD: &str = "2";

/// Hash of a document's content and of how it is chunked.
pub(super) fn hash_of(bytes: &[u8], settings: &chunk::Settings) -> String {
    let mut hasher = Sha256::new();
    hasher.update(METHOD);
    hasher.update(format!("{settings:?}"));
    hasher.update(bytes);
    hex::encode(hasher.finalize())
}
