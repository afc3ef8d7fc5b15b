//! A counted term of a chunk, independent of the chunk.

/// A term: a word of a chunk with its stem and count.
pub(super) struct Term {
    /// The word, folded as in the chunk's language.
    pub(super) surface: String,
    /// Its folded stem in the chunk's language; the folded word without a stemmer.
    pub(super) stem: String,
    /// Its count in the chunk.
    pub(super) count: f32,
}
