//! Failpoints: named points in the processing of a message at which a test can abort the process,
//! as a power cut would: `failpoint!("turn.answered")`.
//!
//! A release binary contains no failpoints. The test binary reads the environment variable
//! `FAILPOINTS` in the syntax of the crate `fail`: `FAILPOINTS="turn.answered=3*off->1*return"`
//! aborts the process when the failpoint is reached for the fourth time. Must not be used for
//! anything but tests.

/// Activates the failpoints in `FAILPOINTS`, until the result is dropped.
pub fn listen() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// Defines a failpoint of this name.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        fail::fail_point!($name, |_| std::process::abort())
    };
}
