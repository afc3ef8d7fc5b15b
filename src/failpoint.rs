//! Failpoints: named steps of a message's way, at which a test can end the process as a power cut would:
//! `failpoint!("turn.answered")`.
//!
//! In a released binary a failpoint is nothing. The tests' binary reads the environment variable `FAILPOINTS`, written as the
//! crate `fail` reads it: `FAILPOINTS="turn.answered=3*off->1*return"` ends the process when the failpoint is reached for the
//! fourth time. Must not be used for anything but tests.

/// Begins to listen to `FAILPOINTS`; to be kept as long as the process runs.
pub fn listen() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// A failpoint of this name.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        fail::fail_point!($name, |_| std::process::abort())
    };
}
