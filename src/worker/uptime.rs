//! For how long status events could be taken in. A process that was down or suspended, or whose database stood still, heard nothing
//! meanwhile and hears it now: time that passed by the wall clock alone says nothing of a message.

use crate::domain::time::Millis;

/// How much later than usual a look may come, in milliseconds: one that comes later was held up.
const LATE_MS: Millis = 1000;

/// What this process missed and has not made up for yet; moments are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uptime {
    last: Millis,
    /// Since when there was no gap.
    since: Millis,
    /// For how long nothing was heard that may still come, at most [`Self::most`].
    missed: Millis,
    /// The longest time that anybody asks for.
    most: Millis,
    /// How far apart looks may be.
    usual: Millis,
}

impl Uptime {
    /// It begins at this moment, when nothing was heard for ever; it is looked at with a pause of so many milliseconds.
    pub(super) fn begin(moment: Millis, pause: Millis) -> Self {
        let usual = pause.saturating_add(LATE_MS);
        Self { last: moment, since: moment, missed: Millis::MAX, most: Millis::MAX, usual }
    }

    /// Nobody asks for more than this.
    pub(super) fn at_most(&mut self, most: Millis) {
        self.most = most;
    }

    /// All works at this moment. Where it did not since the last one, as much time has to pass again.
    pub(super) fn look(&mut self, moment: Millis) {
        let passed = (moment - self.last).max(0);
        self.last = moment;
        if passed > self.usual {
            self.since = moment;
            self.missed = self.missed.saturating_add(passed).min(self.most);
        } else {
            self.missed = (self.missed.min(self.most) - passed).max(0);
        }
    }

    /// Whether what was on its way for so many milliseconds has been heard.
    pub(super) fn has_heard(&self, long: Millis) -> bool {
        self.missed == 0 || self.last - self.since >= long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Millis = 3000;

    /// At which of these moments all of 3 seconds has been heard; begun at 0 and looked at each 200 milliseconds.
    fn heard(moments: &[Millis]) -> Vec<Millis> {
        let mut uptime = Uptime::begin(0, 200);
        uptime.at_most(LONG);
        let mut has_heard = |moment: Millis| {
            uptime.look(moment);
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
        // Each minute ten seconds are missed, and fifty are not.
        let minute = |minute: Millis| (0..=50).map(move |second| minute * 60_000 + second * 1000);
        let moments = (0..4).flat_map(minute);
        let heard = moments.map(|moment| {
            uptime.look(moment);
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
        uptime.look(400);
        assert!(!uptime.has_heard(500));
        uptime.look(2400);
        assert!(uptime.has_heard(500) && uptime.has_heard(0));
    }
}
