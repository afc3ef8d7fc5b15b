//! Measures for how long status events could be received. A process that was down or suspended, or
//! whose database stalled, missed events that arrive later: elapsed wall-clock time alone does not
//! show that a message got no status.

use crate::domain::time::Millis;

/// Delay of a check beyond its interval, in milliseconds, from which it counts as a gap.
const LATE_MS: Millis = 1000;

/// Time in which events were missed and have not had time to arrive. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uptime {
    last: Millis,
    /// When the current period without gaps began.
    since: Millis,
    /// Missed time that is not made up for yet, at most [`Self::most`].
    missed: Millis,
    /// The longest duration that [`Self::has_heard`] is asked for.
    most: Millis,
    /// Maximum time between two checks without a gap.
    usual: Millis,
}

impl Uptime {
    /// Starts with everything before `moment` missed. `pause` is the interval of checks, in
    /// milliseconds.
    pub(super) fn begin(moment: Millis, pause: Millis) -> Self {
        let usual = pause.saturating_add(LATE_MS);
        Self { last: moment, since: moment, missed: Millis::MAX, most: Millis::MAX, usual }
    }

    /// Sets the longest duration that will be asked for.
    pub(super) fn at_most(&mut self, most: Millis) {
        self.most = most;
    }

    /// Records a check at which all works. The time since the last check counts as missed if this
    /// check is late; otherwise it makes up for as much missed time.
    pub(super) fn record_check(&mut self, moment: Millis) {
        let passed = (moment - self.last).max(0);
        self.last = moment;
        if passed > self.usual {
            self.since = moment;
            self.missed = self.missed.saturating_add(passed).min(self.most);
        } else {
            self.missed = (self.missed.min(self.most) - passed).max(0);
        }
    }

    /// Whether an event that was on its way for `long` milliseconds would have arrived by now.
    pub(super) fn has_heard(&self, long: Millis) -> bool {
        self.missed == 0 || self.last - self.since >= long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Millis = 3000;

    /// Returns the moments at which 3 seconds are covered, for a process that starts at 0 and is
    /// checked every 200 milliseconds.
    fn heard(moments: &[Millis]) -> Vec<Millis> {
        let mut uptime = Uptime::begin(0, 200);
        uptime.at_most(LONG);
        let mut has_heard = |moment: Millis| {
            uptime.record_check(moment);
            uptime.has_heard(LONG)
        };
        moments.iter().copied().filter(|moment| has_heard(*moment)).collect()
    }

    #[test]
    fn a_process_that_began_has_heard_nothing() {
        assert_eq!(heard(&[0, 900, 1900, 2900, 3000, 3900]), [3000, 3900]);
    }

    #[test]
    fn what_was_missed_is_made_up_for_and_no_more_than_is_asked_for() {
        let whole = [1000, 2000, 3000];
        let then = |more: &[Millis]| heard(&[&whole[..], more].concat())[1..].to_vec();
        assert_eq!(then(&[5000, 6000, 7000, 8000]), [7000, 8000], "2 seconds");
        assert_eq!(then(&[90_000, 91_000, 92_000, 93_000]), [93_000], "3 seconds at the most");
        assert_eq!(then(&[5000, 6000, 7500, 8500, 9500, 10_000]), [10_000], "1 second and 1.5");
    }

    #[test]
    fn gaps_that_come_again_and_again_do_not_put_it_off_for_ever() {
        let mut uptime = Uptime::begin(0, 200);
        uptime.at_most(60_000);
        // In each minute, ten seconds are missed.
        let minute = |minute: Millis| (0..=50).map(move |second| minute * 60_000 + second * 1000);
        let moments = (0..4).flat_map(minute);
        let heard = moments.map(|moment| {
            uptime.record_check(moment);
            uptime.has_heard(60_000)
        });
        assert!(heard.into_iter().any(|heard| heard));
    }

    #[test]
    fn a_clock_that_is_put_back_changes_nothing() {
        assert_eq!(heard(&[1000, 2000, 500, 1500, 1600]), [1500, 1600]);
    }

    #[test]
    fn a_time_that_is_shorter_than_the_pause_passes() {
        let mut uptime = Uptime::begin(0, 2000);
        uptime.at_most(500);
        uptime.record_check(400);
        assert!(!uptime.has_heard(500));
        uptime.record_check(2400);
        assert!(uptime.has_heard(500) && uptime.has_heard(0));
    }
}
