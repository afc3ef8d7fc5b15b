//! Since when a number's status events could be taken in without a gap. A process that was suspended, or whose database stood
//! still, heard nothing meanwhile and hears it now: time that passed by the wall clock alone tells nothing.

use crate::domain::time::Millis;

/// How much later than usual a look may come, as a share of the time that is asked for, and in milliseconds at the least: what
/// comes later was held up, and nothing was heard meanwhile.
const LATE_SHARE: Millis = 3;
const LATE_MS: Millis = 1000;

/// The uptime of one number in this process; moments are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uptime {
    since: Millis,
    last: Millis,
    pause: Millis,
}

impl Uptime {
    /// It begins at this moment, and is looked at with a pause of so many milliseconds.
    pub(super) fn begin(moment: Millis, pause: Millis) -> Self {
        Self { since: moment, last: moment, pause }
    }

    /// Everything works at this moment; whether it did for so many milliseconds. Begins anew after a gap, and where the clock
    /// was put back.
    pub(super) fn lasts(&mut self, moment: Millis, long: Millis) -> bool {
        let usual = self.pause + LATE_MS.max(long / LATE_SHARE);
        if !(0..=usual).contains(&(moment - self.last)) {
            self.since = moment;
        }
        self.last = moment;
        moment - self.since >= long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which of these moments it lasts for 3 seconds, begun at 0 and looked at each 200 milliseconds.
    fn lasting(moments: &[Millis]) -> Vec<Millis> {
        let mut uptime = Uptime::begin(0, 200);
        moments.iter().copied().filter(|moment| uptime.lasts(*moment, 3000)).collect()
    }

    #[test]
    fn it_lasts_when_looks_are_close_together() {
        assert_eq!(lasting(&[900, 1900, 2900, 3000, 3900]), [3000, 3900]);
    }

    #[test]
    fn it_begins_anew_after_a_gap_and_where_the_clock_was_put_back() {
        assert_eq!(lasting(&[900, 1900, 2900, 8000, 9000, 10_000, 11_000]), [11_000]);
        assert_eq!(lasting(&[1000, 2000, 500, 1500, 2500, 3500]), [3500]);
    }

    #[test]
    fn a_time_that_is_shorter_than_the_pause_passes() {
        let mut uptime = Uptime::begin(0, 2000);
        assert!(!uptime.lasts(90_000, 500) && uptime.lasts(92_100, 500));
        assert!(uptime.lasts(190_000, 0));
    }
}
