//! Ranking metrics. Pure numbers over ids.
//!
//! nDCG as in `trec_eval`: the gain is the label, the discount is the logarithm of the rank, and
//! the ideal ranking has all relevant texts first.

use std::collections::HashMap;

/// Cutoff of nDCG and MRR, and cutoff of recall.
const DEEP: usize = 10;
const SHALLOW: usize = 5;

/// Relevant texts of a question by id, each with its relevance label, above 0.
pub(super) type Relevance = HashMap<String, f64>;

/// Mean metrics over questions, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Normalised discounted cumulative gain at 10.
    pub ndcg: f64,
    /// Recall at 5.
    pub recall: f64,
    /// Mean reciprocal rank at 10.
    pub mrr: f64,
    /// Number of questions.
    pub questions: usize,
}

impl Score {
    /// Scores one ranking, best first. A question without relevant texts scores 0.
    pub fn of<'a>(right: &Relevance, found: impl IntoIterator<Item = &'a str>) -> Self {
        let mut score = Self { questions: 1, ..Self::default() };
        let (mut gained, mut recalled) = (0.0, 0_u32);
        for (rank, id) in (0_u32..).zip(found).take(DEEP) {
            let Some(label) = right.get(id) else { continue };
            gained += label * discount(rank);
            if (rank as usize) < SHALLOW {
                recalled += 1;
            }
            if score.mrr <= 0.0 {
                score.mrr = 1.0 / f64::from(rank + 1);
            }
        }
        let mut labels: Vec<f64> = right.values().copied().collect();
        labels.sort_by(|a, b| b.total_cmp(a));
        let ideal: f64 =
            (0_u32..).zip(labels).take(DEEP).map(|(rank, label)| label * discount(rank)).sum();
        if ideal > 0.0 {
            score.ndcg = gained / ideal;
        }
        let right = u32::try_from(right.len()).unwrap_or(u32::MAX);
        score.recall = f64::from(recalled) / f64::from(right.max(1));
        score
    }

    /// Averages scores over questions.
    pub fn mean(scores: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for one in scores {
            sum.ndcg += one.ndcg;
            sum.recall += one.recall;
            sum.mrr += one.mrr;
            sum.questions += 1;
        }
        let questions = f64::from(u32::try_from(sum.questions.max(1)).unwrap_or(u32::MAX));
        sum.ndcg /= questions;
        sum.recall /= questions;
        sum.mrr /= questions;
        sum
    }
}

fn discount(rank: u32) -> f64 {
    1.0 / (f64::from(rank) + 2.0).log2()
}

/// Area under the ROC curve: the probability that a value of `high` is above one of `low`, ties
/// counting half. `None` when a group is empty.
pub(super) fn auroc(high: &[f32], low: &[f32]) -> Option<f64> {
    if high.is_empty() || low.is_empty() {
        return None;
    }
    let mut all: Vec<(f32, bool)> = high.iter().map(|x| (*x, true)).collect();
    all.extend(low.iter().map(|x| (*x, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Mann-Whitney U: the rank sum of `high`; equal values share their mean rank.
    let (mut ranks, mut at) = (0.0, 0_usize);
    while let Some((value, _)) = all.get(at) {
        let run = all.iter().skip(at).take_while(|(other, _)| other.total_cmp(value).is_eq());
        let (length, highs) = run.fold((0, 0), |(n, h), (_, is)| (n + 1, h + u32::from(*is)));
        let middle = count(at) + f64::midpoint(count(length), 1.0);
        ranks += f64::from(highs) * middle;
        at += length;
    }
    let (high, low) = (count(high.len()), count(low.len()));
    Some((ranks - high * (high + 1.0) / 2.0) / (high * low))
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(labels: &[(&str, f64)]) -> Relevance {
        labels.iter().map(|(id, label)| ((*id).to_owned(), *label)).collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_ranking_scores_as_by_hand() {
        let score = Score::of(&right(&[("a", 1.0), ("b", 1.0)]), ["x", "a", "y", "z", "w", "b"]);
        let ideal = 1.0 + 1.0 / 3_f64.log2();
        assert!(near(score.ndcg, (1.0 / 3_f64.log2() + 1.0 / 7_f64.log2()) / ideal));
        assert!(near(score.recall, 0.5) && near(score.mrr, 0.5));
        let graded = Score::of(&right(&[("a", 1.0), ("b", 2.0)]), ["a", "b"]);
        assert!(near(graded.ndcg, (1.0 + 2.0 / 3_f64.log2()) / (2.0 + 1.0 / 3_f64.log2())));
        let perfect = Score::of(&right(&[("a", 1.0)]), ["a"]);
        assert!(near(perfect.ndcg, 1.0) && near(perfect.mrr, 1.0) && near(perfect.recall, 1.0));
        let nothing = Score::of(&right(&[("a", 1.0)]), []);
        assert!(near(nothing.ndcg + nothing.mrr + nothing.recall, 0.0));
        let eleventh = Score::of(&right(&[("a", 1.0)]), ["x"; 10].into_iter().chain(["a"]));
        assert!(near(eleventh.ndcg + eleventh.mrr, 0.0));
        let both = Score::mean([perfect, nothing]);
        assert!(near(both.ndcg, 0.5) && both.questions == 2);
    }

    #[test]
    fn auroc_is_the_chance_that_the_high_is_above_the_low() {
        assert_eq!(auroc(&[3.0, 2.0], &[1.0, 0.0]), Some(1.0));
        assert_eq!(auroc(&[1.0], &[1.0]), Some(0.5));
        assert_eq!(auroc(&[0.0, 2.0], &[1.0]), Some(0.5));
        assert_eq!(auroc(&[2.0, 1.0, 1.0], &[1.0, 0.0]), Some((2.0 + 1.5 + 1.5) / 6.0));
        assert_eq!(auroc(&[], &[1.0]), None);
    }
}
