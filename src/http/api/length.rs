//! How long a chat and its messages may be, in bytes: long texts cost much.

use crate::http::error::Problem;

/// The longest message, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 16 * 1024;
/// The longest chat, all messages together, in bytes.
pub(super) const LONGEST_CHAT: usize = 64 * 1024;

/// Refuses a text of too many bytes, by its name.
pub(super) fn short(what: &str, bytes: usize, most: usize) -> Result<(), Problem> {
    if bytes <= most {
        return Ok(());
    }
    Err(Problem::unprocessable(format!("{what} has {bytes} bytes; at most {most} are taken.")))
}
