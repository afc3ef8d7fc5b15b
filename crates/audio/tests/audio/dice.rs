//! Random damage that can be repeated by its seed, and a hook that counts panics. The tests of
//! `frontdesk-picture` use it, too.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// Panics since the program started, counted by the hook.
pub(crate) static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts panics in dependencies instead of reporting them: a backtrace takes more memory than a
/// decoder.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_some_and(|at| at.file().contains("/registry/")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            } else {
                report(panic);
            }
        }));
    });
}

/// Pseudo-random numbers (splitmix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    /// Returns any number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % most.max(1) as u64).unwrap_or_default()
    }
}
