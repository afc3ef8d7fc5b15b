//! Compares what a confidence says with what is seen. Pure.

/// Number of bins of equal width.
const BINS: usize = 10;

/// A confidence, and whether what it is about came true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The probability that was said, 0 to 1.
    pub said: f64,
    /// Whether it came true.
    pub is_true: bool,
    /// Weight beside the others, 0 and up.
    pub weight: f64,
}

/// Predictions of similar confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Lower end of the confidences, 0 to 1.
    pub from: f64,
    /// Upper end of the confidences, 0 to 1.
    pub to: f64,
    /// Their mean, 0 to 1.
    pub said: f64,
    /// Share that came true, 0 to 1.
    pub seen: f64,
    /// How many there are.
    pub count: usize,
}

/// What a confidence says beside what is seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reliability {
    /// The bins that hold something, lowest first.
    pub bins: Vec<Bin>,
    /// Expected calibration error: mean distance of said and seen over the bins, 0 to 1.
    pub error: f64,
    /// Brier score: mean squared distance from what came true, 0 to 1.
    pub brier: f64,
}

impl Reliability {
    /// Compares predictions.
    pub fn of(predictions: &[Prediction]) -> Self {
        let mut bins = [(Bin::default(), 0.0); BINS];
        let whole: f64 = predictions.iter().map(|one| one.weight).sum();
        if whole <= 0.0 {
            return Self::default();
        }
        let mut brier = 0.0;
        for Prediction { said, is_true, weight } in predictions {
            let seen = if *is_true { 1.0 } else { 0.0 };
            brier += weight * (said - seen) * (said - seen) / whole;
            let (bin, sum) = &mut bins[place(*said)];
            bin.said += weight * said;
            bin.seen += weight * seen;
            bin.count += 1;
            *sum += weight;
        }
        let mut error = 0.0;
        let ends = (0_u8..).map(|n| (f64::from(n) / 10.0, f64::from(n + 1) / 10.0));
        let filled = bins.into_iter().zip(ends).filter(|((_, sum), _)| *sum > 0.0);
        let bins = filled.map(|((bin, sum), (from, to))| {
            let bin = Bin { from, to, said: bin.said / sum, seen: bin.seen / sum, ..bin };
            error += sum / whole * (bin.said - bin.seen).abs();
            bin
        });
        let bins = bins.collect();
        Self { bins, error, brier }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list, saturating"
)]
fn place(said: f64) -> usize {
    ((said * 10.0) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(said: f64, is_true: bool) -> Prediction {
        Prediction { said, is_true, weight: 1.0 }
    }

    #[test]
    fn what_is_said_is_compared_with_what_is_seen() {
        let seen = Reliability::of(&[
            prediction(0.75, true),
            prediction(0.75, true),
            prediction(0.75, true),
            prediction(0.75, false),
            prediction(0.2, true),
            prediction(1.0, true),
        ]);
        let bins: Vec<_> = seen.bins.iter().map(|bin| (bin.from, bin.count, bin.seen)).collect();
        assert_eq!(bins, [(0.2, 1, 1.0), (0.7, 4, 0.75), (0.9, 1, 1.0)]);
        assert!((seen.error - 0.8 / 6.0).abs() < 1e-9, "only the second bin is off: {seen:?}");
        let squares = 3.0 * 0.0625 + 0.5625 + 0.64;
        assert!((seen.brier - squares / 6.0).abs() < 1e-9, "{seen:?}");
    }

    #[test]
    fn weights_count_and_nothing_breaks_nothing() {
        let heavy = Prediction { weight: 3.0, ..prediction(0.5, true) };
        let seen = Reliability::of(&[heavy, prediction(0.5, false)]);
        assert!((seen.bins[0].seen - 0.75).abs() < 1e-9 && (seen.error - 0.25).abs() < 1e-9);
        assert_eq!(Reliability::of(&[]), Reliability::default());
        let odd = [prediction(-1.0, false), prediction(7.0, true)];
        assert_eq!(Reliability::of(&odd).bins.len(), 2);
    }
}
