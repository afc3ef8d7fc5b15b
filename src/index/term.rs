//! A word of a chunk, as it is counted and weighed. It knows no chunk.

/// A word of a chunk.
pub(super) struct Term {
    /// The folded word.
    pub(super) surface: String,
    /// Its folded stem in the chunk's language; the surface itself where there is no stemmer.
    pub(super) stem: String,
    /// How often the chunk has it.
    pub(super) count: f32,
}
