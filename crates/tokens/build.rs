//! Writes the tables of the vocabularies (`src/table.rs`), from those in tiktoken-rs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tiktoken_rs::CoreBPE;

#[path = "src/hash.rs"]
mod hash;

/// No vocabulary has more tokens; the last rank would look like a free slot.
const MAX_TOKENS: u32 = (1 << hash::RANK_BITS) - 1;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/hash.rs");
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    write(&folder, "cl100k", &tiktoken_rs::cl100k_base().expect("a vocabulary"));
    write(&folder, "o200k", &tiktoken_rs::o200k_base().expect("a vocabulary"));
}

fn write(folder: &Path, name: &str, vocabulary: &CoreBPE) {
    let special: HashSet<&[u8]> =
        vocabulary.special_tokens().into_iter().map(str::as_bytes).collect();
    let known = (0..MAX_TOKENS).filter_map(|rank| vocabulary.decode_bytes(&[rank]).ok());
    let tokens: Vec<Vec<u8>> = known.filter(|token| !special.contains(&token[..])).collect();
    for (rank, token) in (0..).zip(&tokens) {
        let own = vocabulary.decode_bytes(&[rank]).expect("a token");
        assert_eq!(*token, own, "the tokens before the special ones have no gap");
    }
    let mut ends = Vec::new();
    let mut end = 0_usize;
    for token in &tokens {
        end += token.len();
        ends.extend_from_slice(&u32::try_from(end).expect("a small file").to_le_bytes());
    }
    let slots: Vec<u8> = slots(&tokens).into_iter().flat_map(u32::to_le_bytes).collect();
    let write = |kind: &str, bytes: &[u8]| {
        std::fs::write(folder.join(format!("{name}.{kind}")), bytes).expect("written");
    };
    write("tokens", &tokens.concat());
    write("ends", &ends);
    write("slots", &slots);
}

/// A hash table of half as many tokens as slots: the ranks, each in the first free slot from the
/// one that its hash says.
fn slots(tokens: &[Vec<u8>]) -> Vec<u32> {
    let mut slots = vec![hash::FREE; tokens.len() * 2];
    for (rank, token) in (0..).zip(tokens) {
        let hash = hash::of(token);
        let mut at = hash::first_slot(hash, slots.len());
        while slots[at] != hash::FREE {
            at = (at + 1) % slots.len();
        }
        slots[at] = hash::tag(hash) | rank;
    }
    slots
}
