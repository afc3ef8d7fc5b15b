//! What a word weighs: BM25 as Lucene computes it, and the cosine of n-grams. Both adapters score by these, so that
//! they rank alike.

/// How soon more occurrences of a word stop to matter.
const K1: f32 = 1.2;

/// How much a long chunk is held back.
const B: f32 = 0.75;

/// How much a word or n-gram says that so many of the chunks hold; never below 0.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
pub(super) fn idf(chunks: usize, holders: f32) -> f32 {
    let without = (chunks as f32 - holders).max(0.0);
    ((without + 0.5) / (holders + 0.5)).ln_1p()
}

/// What so many occurrences of a word weigh in a chunk of this length, 0 to 1. All words that share a stem with a word
/// of the question count as that one word: their occurrences are added up before they are weighed.
pub(super) fn saturated(count: f32, length: f32, average: f32) -> f32 {
    count / (count + K1 * (1.0 - B + B * length / average))
}

/// The cosine, from the sum of the weights that a chunk's and the question's n-grams have in common and the lengths of
/// both vectors; 0 to 1.
pub(super) fn cosine(sum: f32, question: f32, chunk: f32) -> f32 {
    if sum > 0.0 { (sum / (question * chunk)).min(1.0) } else { 0.0 }
}
