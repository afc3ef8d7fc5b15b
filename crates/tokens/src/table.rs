//! Tables of the tokens of a vocabulary, as the build script writes them. They are compiled in and
//! read as they are: nothing is loaded or built at run time, and all processes of the program share
//! their pages.

use crate::hash;

/// The tokens of a vocabulary. Merging two tokens to one of a lower rank comes first.
pub(crate) struct Table {
    /// The bytes of all tokens, by rank.
    tokens: &'static [u8],
    /// Where each token ends in `tokens`.
    ends: &'static [[u8; 4]],
    /// A hash table of the ranks.
    slots: &'static [[u8; 4]],
}

/// The files of one vocabulary.
macro_rules! table {
    ($name:literal) => {
        Table {
            tokens: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".tokens")),
            ends: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".ends")).as_chunks().0,
            slots: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".slots")).as_chunks().0,
        }
    };
}

pub(crate) static CL100K: Table = table!("cl100k");
pub(crate) static O200K: Table = table!("o200k");

impl Table {
    /// The rank of a token; `None` if no token has these bytes.
    pub(crate) fn rank(&self, bytes: &[u8]) -> Option<u32> {
        let hash = hash::of(bytes);
        let mut at = hash::first_slot(hash, self.slots.len());
        loop {
            let slot = u32::from_le_bytes(*self.slots.get(at)?);
            if slot == hash::FREE {
                return None;
            }
            let rank = slot ^ hash::tag(hash);
            if rank >> hash::RANK_BITS == 0 && self.token(rank) == bytes {
                return Some(rank);
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    fn token(&self, rank: u32) -> &'static [u8] {
        let end = |rank: usize| self.ends.get(rank).map_or(0, |end| u32::from_le_bytes(*end));
        let at = rank as usize;
        let start = at.checked_sub(1).map_or(0, end);
        self.tokens.get(start as usize..end(at) as usize).unwrap_or_default()
    }
}
