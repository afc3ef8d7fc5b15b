//! Calibrates the minimum retrieval confidence: what each threshold would answer and refuse. Pure.

use super::rank::auroc;

/// The effect of a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Minimum confidence for an answer, 0 to 1.
    pub threshold: f32,
    /// Share of the answerable questions that are still answered, 0 to 1.
    pub answered: f64,
    /// Share of the unanswerable questions that are refused, 0 to 1.
    pub refused: f64,
}

/// Retrieval confidences of answerable and of unanswerable questions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    answerable: Vec<f32>,
    unanswerable: Vec<f32>,
}

impl Curve {
    /// Builds a curve from confidences, 0 to 1.
    pub fn new(mut answerable: Vec<f32>, mut unanswerable: Vec<f32>) -> Self {
        answerable.sort_by(f32::total_cmp);
        unanswerable.sort_by(f32::total_cmp);
        Self { answerable, unanswerable }
    }

    /// AUROC of the confidence: 0.5 is chance, 1 is perfect separation. `None` when a group is
    /// empty.
    pub fn auroc(&self) -> Option<f64> {
        auroc(&self.answerable, &self.unanswerable)
    }

    /// Returns the effect of a threshold.
    pub fn at(&self, threshold: f32) -> Point {
        let below = |sorted: &[f32]| sorted.partition_point(|confidence| *confidence < threshold);
        let share = |part: usize, all: &[f32]| match all.len() {
            0 => 0.0,
            all => count(part) / count(all),
        };
        Point {
            threshold,
            answered: 1.0 - share(below(&self.answerable), &self.answerable),
            refused: share(below(&self.unanswerable), &self.unanswerable),
        }
    }

    /// Returns the highest threshold at which at least this share of the answerable questions, 0 to
    /// 1, is still answered.
    pub fn threshold_keeping(&self, share: f64) -> Point {
        let most = (1.0 - share.clamp(0.0, 1.0)) * count(self.answerable.len());
        let below = (0..self.answerable.len()).rev().find(|n| count(*n) <= most).unwrap_or(0);
        self.at(self.answerable.get(below).copied().unwrap_or(0.0))
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_keeps_the_share_that_was_asked_for() {
        let curve = Curve::new(
            (0_u8..100).map(|n| f32::from(n) / 100.0).collect(),
            vec![0.01, 0.02, 0.03, 0.9],
        );
        let point = curve.threshold_keeping(0.95);
        assert!(point.answered >= 0.95 && point.threshold >= 0.05, "{point:?}");
        assert!((point.refused - 0.75).abs() < 1e-9, "{point:?}");
        assert!((curve.at(0.0).answered - 1.0).abs() < 1e-9 && curve.at(2.0).answered < 1e-9);
        assert!((curve.threshold_keeping(1.0).answered - 1.0).abs() < 1e-9);
    }

    #[test]
    fn equal_confidences_and_nothing_at_all_break_nothing() {
        let point = Curve::new(vec![0.5; 10], vec![0.5; 10]).threshold_keeping(0.95);
        assert!((point.answered - 1.0).abs() < 1e-9 && point.refused < 1e-9, "{point:?}");
        let empty = Curve::new(Vec::new(), Vec::new());
        assert_eq!((empty.threshold_keeping(0.95).threshold, empty.auroc()), (0.0, None));
    }
}
