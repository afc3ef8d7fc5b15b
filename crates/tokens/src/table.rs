//! Tables of the tokens of a vocabulary, as the build script writes them. They are compiled in and
//! read as they are: nothing is loaded or built at run time, and all processes of the program share
//! their pages.

use crate::hash::{self, HEAD};

/// The tokens of a vocabulary. Merging two tokens to one of a lower rank comes first.
pub(crate) struct Table {
    /// The tokens, bucket by bucket, each after its length and its rank.
    tokens: &'static [u8],
    /// Where each bucket begins in `tokens`, and at last where the last one ends.
    starts: &'static [[u8; 4]],
}

/// The files of one vocabulary.
macro_rules! table {
    ($name:literal) => {
        Table {
            tokens: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".tokens")),
            starts: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".starts")).as_chunks().0,
        }
    };
}

pub(crate) static CL100K: Table = table!("cl100k");
pub(crate) static O200K: Table = table!("o200k");

impl Table {
    /// The rank of a token; `None` if no token has these bytes.
    pub(crate) fn rank(&self, bytes: &[u8]) -> Option<u32> {
        let at = hash::bucket(bytes, self.starts.len() - 1);
        let start = |at: usize| u32::from_le_bytes(self.starts[at]) as usize;
        let mut bucket = &self.tokens[start(at)..start(at + 1)];
        while let Some(([length, rank @ ..], rest)) = bucket.split_first_chunk::<HEAD>() {
            let (token, after) = rest.split_at(usize::from(*length));
            if token == bytes {
                let [a, b, c] = *rank;
                return Some(u32::from_le_bytes([a, b, c, 0]));
            }
            bucket = after;
        }
        None
    }
}
