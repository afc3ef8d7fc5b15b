//! Term weights: BM25 as Lucene computes it, and the n-gram cosine. Both adapters use these, so
//! that they rank alike.

/// BM25's k1: saturation of the term frequency.
const K1: f32 = 1.2;

/// BM25's b: strength of the length normalisation.
const B: f32 = 0.75;

/// Inverse document frequency of a word or n-gram that `holders` of `chunks` contain; never below
/// 0.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
pub(super) fn idf(chunks: usize, holders: f32) -> f32 {
    let without = (chunks as f32 - holders).max(0.0);
    ((without + 0.5) / (holders + 0.5)).ln_1p()
}

/// BM25's saturated term frequency, 0 to 1. All words that share a stem with a word of the question
/// count as that word: add up their counts first.
pub(super) fn saturated(count: f32, length: f32, average: f32) -> f32 {
    count / (count + K1 * (1.0 - B + B * length / average))
}

/// Cosine from the dot product of the chunk's and the question's n-gram vectors and their norms; 0
/// to 1.
pub(super) fn cosine(sum: f32, question: f32, chunk: f32) -> f32 {
    if sum > 0.0 { (sum / (question * chunk)).min(1.0) } else { 0.0 }
}
