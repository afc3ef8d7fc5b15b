//! Hashes of tokens, shared by the build script that fills the tables and the code that reads them.

/// A slot without a token.
pub(crate) const FREE: u32 = u32::MAX;

/// Bits of a slot that hold the rank of its token; the others hold bits of its hash, so that most
/// other tokens are told apart without a look at their bytes.
pub(crate) const RANK_BITS: u32 = 18;

/// From splitmix64.
const MIX: u64 = 0xbf58_476d_1ce4_e5b9;

/// Hash of a token's bytes.
pub(crate) fn of(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    for eight in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..eight.len()].copy_from_slice(eight);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MIX);
        hash ^= hash >> 29;
    }
    hash
}

/// The slot at which the search for a token begins.
pub(crate) fn first_slot(hash: u64, slots: usize) -> usize {
    let upper = u128::from(hash) * slots as u128;
    usize::try_from(upper >> u64::BITS).unwrap_or_default()
}

/// The bits of a hash that are in the slot of its token, beside the rank.
pub(crate) fn tag(hash: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    let low = hash as u32;
    low << RANK_BITS
}
