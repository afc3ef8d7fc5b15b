//! Readers of foreign formats, kept within bounds: each runs on a thread of its own, with a stack of its own, for so
//! long, and what goes wrong in it is its document's failure. Knows nothing of the formats.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Unreadable;

/// The longest that reading a document may take.
pub(super) const LONGEST: Duration = Duration::from_mins(1);
/// The reader's stack in bytes: formats nest, and their parsers call themselves. Only what is used takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// When a reader has to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub(super) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Breaks the reader off when its time is over, through whatever called this. Not a panic: nothing is reported.
    pub(super) fn check(self) {
        if Instant::now() > self.0 {
            resume_unwind(Box::new("the time is over"));
        }
    }
}

/// Runs a reader of `what`. One that does not look at its deadline is left behind when its time is over: its thread
/// ends when it ends, and its result is dropped.
pub(super) fn within<T: Send + 'static>(
    what: &'static str,
    longest: Duration,
    read: impl FnOnce(Deadline) -> Result<T, Unreadable> + Send + 'static,
) -> Result<T, Unreadable> {
    let (done, result) = channel();
    let deadline = Deadline::after(longest);
    let reader = move || {
        // No one listens any more when the time is over.
        drop(done.send(catch_unwind(AssertUnwindSafe(|| read(deadline)))));
    };
    if thread::Builder::new().stack_size(STACK).spawn(reader).is_err() {
        return Err(Unreadable::Damaged(what));
    }
    match result.recv_timeout(longest + Duration::from_secs(1)) {
        Ok(Ok(read)) => read,
        Ok(Err(_)) if Instant::now() < deadline.0 => Err(Unreadable::Damaged(what)),
        Ok(Err(_)) | Err(RecvTimeoutError::Timeout) => {
            Err(Unreadable::TooSlow { what, seconds: longest.as_secs() })
        }
        Err(RecvTimeoutError::Disconnected) => Err(Unreadable::Damaged(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn a_reader_that_breaks_is_its_documents_failure() {
        let read = within("PDF", LONGEST, |_| -> Result<(), _> { panic!("as some do") });
        assert_eq!(read, Err(Unreadable::Damaged("PDF")));
        assert_eq!(within("PDF", LONGEST, |_| Ok(1)), Ok(1));
    }

    #[test]
    fn a_reader_without_end_is_given_up() {
        let slow = Err(Unreadable::TooSlow { what: "PDF", seconds: 0 });
        let polite = within("PDF", SHORT, |deadline| -> Result<(), _> {
            loop {
                deadline.check();
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(polite, slow);
        let (stop, stopped) = channel::<()>();
        let deaf = within("PDF", SHORT, move |_| {
            assert!(stopped.recv().is_err());
            Ok(())
        });
        assert_eq!(deaf, slow);
        drop(stop);
    }
}
