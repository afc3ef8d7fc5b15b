//! Size limits of chats and their messages: long texts are expensive.

use crate::http::error::Problem;

/// Maximum length of a message, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Maximum length of a chat, all messages together, in bytes.
pub(super) const MAX_CHAT_BYTES: usize = 64 * 1024;

/// Refuses a text longer than `most` bytes; `what` names it in the error.
pub(super) fn check_length(what: &str, bytes: usize, most: usize) -> Result<(), Problem> {
    if bytes <= most {
        return Ok(());
    }
    Err(Problem::unprocessable(format!("{what} has {bytes} bytes; at most {most} are taken.")))
}
