//! Readers of foreign formats, kept within bounds: each runs on a thread of its own, with a stack of its own, and what goes
//! wrong in it is its document's failure. Knows nothing of the formats. A reader that does not look at its deadline ends when
//! it ends: outside of tests all of this happens in a process that is killed then.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::Unreadable;

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

/// Runs a reader of `what`.
pub(super) fn within<T: Send>(
    what: &'static str,
    longest: Duration,
    read: impl FnOnce(Deadline) -> Result<T, Unreadable> + Send,
) -> Result<T, Unreadable> {
    let deadline = Deadline::after(longest);
    let guarded = || catch_unwind(AssertUnwindSafe(|| read(deadline)));
    let read = thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, guarded);
        reader.map(|reader| reader.join().and_then(|read| read))
    });
    match read {
        Ok(Ok(read)) => read,
        Ok(Err(_)) if Instant::now() >= deadline.0 => {
            Err(Unreadable::TooSlow { what, seconds: longest.as_secs() })
        }
        Ok(Err(_)) | Err(_) => Err(Unreadable::Damaged(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_breaks_is_its_documents_failure() {
        let long = Duration::from_mins(1);
        let read = within("PDF", long, |_| -> Result<(), _> { panic!("as some do") });
        assert_eq!(read, Err(Unreadable::Damaged("PDF")));
        assert_eq!(within("PDF", long, |_| Ok(1)), Ok(1));
    }

    #[test]
    fn a_reader_that_looks_at_its_deadline_keeps_to_it() {
        let read = within("PDF", Duration::from_millis(50), |deadline| -> Result<(), _> {
            loop {
                deadline.check();
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(read, Err(Unreadable::TooSlow { what: "PDF", seconds: 0 }));
    }
}
