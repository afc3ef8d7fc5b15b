//! Samples from real programs with deterministic random damage.

use std::path::PathBuf;

use super::{Document, Fate};

/// A deterministic pseudo-random generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

/// Returns this many damaged copies of each sample.
pub(super) fn all(copies: usize) -> Vec<Document> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/doctext/tests/samples");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let mut dice = Dice(0x0bad_cafe_5eed);
    let mut all = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((stem, ending)) = name.rsplit_once('.') else { continue };
        if matches!(ending, "py") || name == "README.md" {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        for copy in 0..copies {
            let bytes = damaged(whole.clone(), copy, &mut dice);
            all.push(Document {
                name: format!("mutated-{stem}-{copy}.{ending}"),
                bytes,
                fate: Fate::Either,
            });
        }
    }
    all
}

/// Damages a file; `sort` cycles through the kinds of damage.
fn damaged(mut bytes: Vec<u8>, sort: usize, dice: &mut Dice) -> Vec<u8> {
    let at = dice.below(bytes.len());
    let end = (at + 1 + dice.below(400)).min(bytes.len());
    match sort % 4 {
        0 => {
            for _ in 0..=dice.below(40) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        1 => bytes.truncate(at.max(1)),
        2 => {
            let piece = bytes[at..end].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        // Replaces every declared length with another one.
        _ => {
            let digits: Vec<usize> = (7..bytes.len())
                .filter(|at| bytes[*at].is_ascii_digit() && bytes[..*at].ends_with(b"ength "))
                .collect();
            for at in digits {
                bytes[at] = b"0123456789"[dice.below(10)];
            }
            let at = dice.below(bytes.len());
            bytes[at] = 0xFF;
        }
    }
    bytes
}
