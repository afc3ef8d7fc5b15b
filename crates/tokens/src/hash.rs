//! Hashes of tokens, shared by the build script that fills the tables and the code that reads them.

/// Bytes before those of each token in a table: its length, and its rank in three bytes.
pub(crate) const HEAD: usize = 4;

/// From splitmix64.
const MIX: u64 = 0xbf58_476d_1ce4_e5b9;

/// The bucket of a token, out of so many.
pub(crate) fn bucket(token: &[u8], buckets: usize) -> usize {
    let mut hash = token.len() as u64;
    for eight in token.chunks(8) {
        let mut word = [0; 8];
        word[..eight.len()].copy_from_slice(eight);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MIX);
        hash ^= hash >> 29;
    }
    let upper = (u128::from(hash) * buckets as u128) >> u64::BITS;
    usize::try_from(upper).unwrap_or_default()
}
