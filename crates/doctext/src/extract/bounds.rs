//! Runs readers of third-party formats within limits: each on its own thread with its own stack, so
//! that a panic fails only its document. Knows nothing of the formats. A reader that does not check
//! its deadline cannot be stopped here; outside of tests, all of this runs in a process that can be
//! killed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::Unreadable;

/// Stack size of a reader, in bytes: formats nest, and their parsers recurse. Only used pages take
/// memory.
const STACK: usize = 64 * 1024 * 1024;

/// Time limit of a reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Creates a deadline after this time.
    pub(super) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Aborts the reader if its time is over, by unwinding through third-party code. Not a panic:
    /// the panic hook does not run.
    pub(super) fn check(self) {
        if Instant::now() > self.0 {
            resume_unwind(Box::new("the time is over"));
        }
    }
}

/// Runs a reader; `what` names the format in errors.
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
