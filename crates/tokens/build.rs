//! Writes the tables of the vocabularies (`src/table.rs`), from those in tiktoken-rs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tiktoken_rs::CoreBPE;

#[path = "src/hash.rs"]
mod hash;

/// No vocabulary has more tokens.
const MAX_TOKENS: u32 = 250_000;
/// Average number of tokens in a bucket: about one cache line.
const BUCKET_SIZE: usize = 4;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/hash.rs");
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    write(&folder, ("cl100k", 100_256), &tiktoken_rs::cl100k_base().expect("a vocabulary"));
    write(&folder, ("o200k", 199_998), &tiktoken_rs::o200k_base().expect("a vocabulary"));
}

fn write(folder: &Path, (name, many): (&str, usize), vocabulary: &CoreBPE) {
    let (mut tokens, mut starts) = (Vec::new(), vec![0; 4]);
    let buckets = buckets(vocabulary);
    assert_eq!(buckets.iter().map(Vec::len).sum::<usize>(), many, "tokens of {name}");
    for bucket in buckets {
        for (rank, token) in bucket {
            let mut head = [0; hash::HEAD];
            head[0] = u8::try_from(token.len()).expect("a short token");
            head[1..].copy_from_slice(&rank.to_le_bytes()[..hash::HEAD - 1]);
            tokens.extend(head);
            tokens.extend(token);
        }
        starts.extend(u32::try_from(tokens.len()).expect("a small file").to_le_bytes());
    }
    std::fs::write(folder.join(format!("{name}.tokens")), tokens).expect("written");
    std::fs::write(folder.join(format!("{name}.starts")), starts).expect("written");
}

/// The tokens with their ranks, by the bucket that their hash says.
fn buckets(vocabulary: &CoreBPE) -> Vec<Vec<(u32, Vec<u8>)>> {
    let special: HashSet<&[u8]> =
        vocabulary.special_tokens().into_iter().map(str::as_bytes).collect();
    let known =
        (0..MAX_TOKENS).filter_map(|rank| Some((rank, vocabulary.decode_bytes(&[rank]).ok()?)));
    let tokens: Vec<_> = known.filter(|(_, token)| !special.contains(&token[..])).collect();
    let mut buckets = vec![Vec::new(); tokens.len() / BUCKET_SIZE];
    for (rank, token) in tokens {
        let bucket = hash::bucket(&token, buckets.len());
        buckets[bucket].push((rank, token));
    }
    buckets
}
