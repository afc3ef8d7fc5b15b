//! Confidence of a difference of means: the paired bootstrap of Efron and Tibshirani, *An
//! Introduction to the Bootstrap* (1993), chapters 13 (percentile interval) and 15.

const RESAMPLES: usize = 10_000;
/// A fixed seed, so that comparing the same runs always gives the same interval.
const SEED: u64 = 0x5eed_f407_de5c_2026;

/// The bootstrap estimate of a mean difference.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Estimate {
    /// The 95 % confidence interval of the mean.
    pub(super) interval: (f64, f64),
    /// Share of the resamples whose mean is below 0; ties count half.
    pub(super) p_worse: f64,
}

/// Estimates the mean difference by resampling the cases with replacement.
pub(super) fn estimate(differences: &[f64]) -> Estimate {
    resampled(differences, RESAMPLES, SEED)
}

fn resampled(differences: &[f64], resamples: usize, seed: u64) -> Estimate {
    if differences.is_empty() {
        return Estimate { interval: (0.0, 0.0), p_worse: 0.0 };
    }
    let mut random = SplitMix(seed);
    let many = number(differences.len());
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            let sum: f64 =
                differences.iter().map(|_| differences[random.below(differences.len())]).sum();
            sum / many
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let below = means.partition_point(|mean| *mean < 0.0);
    let ties = means.partition_point(|mean| *mean <= 0.0) - below;
    let nothing = differences.iter().all(|it| *it == 0.0);
    Estimate {
        interval: (means[resamples * 25 / 1_000], means[resamples * 975 / 1_000 - 1]),
        p_worse: if nothing {
            0.0
        } else {
            (number(below) + number(ties) / 2.0) / number(resamples)
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

/// Sebastiano Vigna's splitmix64: small, fast, and the same on every machine. <https://prng.di.unimi.it/splitmix64.c>
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random number below `end`, by Lemire's multiplication: biased by less than `end` in 2^64.
    fn below(&mut self, end: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the high half is below `end`")]
        let drawn = ((u128::from(self.next()) * end as u128) >> 64) as usize;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut random = SplitMix(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn nothing_changed_is_certain() {
        let same = estimate(&[0.0; 20]);
        assert_eq!(same, Estimate { interval: (0.0, 0.0), p_worse: 0.0 });
        assert_eq!(estimate(&[]).interval, (0.0, 0.0));
    }

    #[test]
    fn a_clear_improvement_excludes_nothing_changed() {
        let better: Vec<f64> = (0..30).map(|it| if it % 3 == 0 { 0.0 } else { 0.4 }).collect();
        let found = estimate(&better);
        assert!(found.interval.0 > 0.0 && found.p_worse < 0.001, "{found:?}");
        let worse: Vec<f64> = better.iter().map(|it| -it).collect();
        assert!(estimate(&worse).interval.1 < 0.0 && estimate(&worse).p_worse > 0.999);
    }

    /// 400 samples of 40 cases each, with a known true mean difference.
    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut random = SplitMix(7);
        let mut uniform = || number(random.below(1 << 30)) / f64::from(1 << 30);
        let mut held = 0;
        for round in 0..400 {
            // The sum of four uniform numbers is approximately normal; its mean is 2.
            let sample: Vec<f64> =
                (0..40).map(|_| uniform() + uniform() + uniform() + uniform() - 1.9).collect();
            let (low, high) = resampled(&sample, 1_000, round).interval;
            held += usize::from(low <= 0.1 && 0.1 <= high);
        }
        assert!((360..=396).contains(&held), "{held} of 400");
    }
}
