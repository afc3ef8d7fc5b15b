//! The fake's embeddings: the sum of a pseudo-random vector for each word, rarer words heavier, so
//! that texts with the same words are alike. Rendered once for each text: the fake shares the cores
//! with what is measured.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::data::Data;
use super::talk::{Random, hash};

/// Numbers of a vector, as of OpenAI's text-embedding-3-small.
pub(crate) const DIMS: usize = 1536;
/// Leading characters of a word that tell it from others: a simple stem.
const STEM: usize = 6;
/// Bytes of a token of English text, about.
const TOKEN_BYTES: usize = 4;

/// A request for embeddings.
#[derive(Deserialize)]
struct Request {
    input: Vec<String>,
    #[serde(default)]
    encoding_format: Encoding,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

/// A vector as it stands in an answer, in either encoding.
#[derive(Default)]
struct Rendered {
    float: OnceLock<Bytes>,
    base64: OnceLock<Bytes>,
}

/// Makes vectors and keeps their texts in JSON.
pub(crate) struct Vectors {
    /// Weight of each stem of the passages, by its hash.
    weights: HashMap<u64, f32>,
    /// Weight of any other word.
    rarest: f32,
    /// Vectors of stems, of signs alone.
    signs: RwLock<HashMap<u64, Arc<[f32]>>>,
    rendered: RwLock<HashMap<String, Arc<Rendered>>>,
}

impl Vectors {
    pub(crate) fn new(data: &Data) -> Self {
        let mut counts: HashMap<u64, f32> = HashMap::new();
        for passage in &data.passages {
            let words = format!("{} {}", passage.heading, passage.body);
            let own: std::collections::HashSet<u64> = stems(&words).collect();
            for stem in own {
                *counts.entry(stem).or_default() += 1.0;
            }
        }
        let rows = data.passages.len() as f32;
        let weights = counts.into_iter().map(|(stem, count)| (stem, (rows / count).ln() + 0.05));
        Self {
            weights: weights.collect(),
            rarest: rows.ln(),
            signs: RwLock::default(),
            rendered: RwLock::default(),
        }
    }

    /// Answers a request; also returns the number of its texts.
    pub(crate) fn answer(&self, body: &[u8]) -> (Bytes, usize) {
        let Request { input, encoding_format } = serde_json::from_slice(body).expect("a request");
        let vectors: Vec<Bytes> =
            input.iter().map(|text| self.rendered(text, encoding_format)).collect();
        let tokens = input.iter().map(String::len).sum::<usize>() / TOKEN_BYTES + 1;
        let length: usize = vectors.iter().map(|vector| vector.len() + 64).sum();
        let mut answer = Vec::with_capacity(length + 200);
        answer.extend(br#"{"object":"list","data":["#);
        for (index, vector) in vectors.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let head = format!(r#"{comma}{{"object":"embedding","index":{index},"embedding":"#);
            answer.extend(head.as_bytes());
            answer.extend_from_slice(vector);
            answer.push(b'}');
        }
        let end = format!(
            r#"],"model":"fake","usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}}}"#
        );
        answer.extend(end.as_bytes());
        (answer.into(), input.len())
    }

    /// Returns a text's vector in JSON.
    fn rendered(&self, text: &str, encoding: Encoding) -> Bytes {
        let known = self.rendered.read().expect("no panic").get(text).cloned();
        let known = known.unwrap_or_else(|| {
            let mut all = self.rendered.write().expect("no panic");
            all.entry(text.to_owned()).or_default().clone()
        });
        let bytes = match encoding {
            Encoding::Float => known
                .float
                .get_or_init(|| serde_json::to_vec(&self.vector(text)).expect("numbers").into()),
            Encoding::Base64 => known.base64.get_or_init(|| {
                let bytes: Vec<u8> =
                    self.vector(text).into_iter().flat_map(f32::to_le_bytes).collect();
                format!("\"{}\"", STANDARD.encode(bytes)).into()
            }),
        };
        bytes.clone()
    }

    /// Makes the vector of a text that will be asked for, before anything is measured.
    pub(crate) fn prepare(&self, text: &str) {
        self.rendered(text, Encoding::Float);
    }

    fn signs(&self, stem: u64) -> Arc<[f32]> {
        if let Some(signs) = self.signs.read().expect("no panic").get(&stem) {
            return signs.clone();
        }
        let mut random = Random::of(stem);
        let words: Vec<u64> = (0..DIMS / 64).map(|_| random.next()).collect();
        let bit = |at: usize| words[at / 64] >> (at % 64) & 1;
        let signs = (0..DIMS).map(|at| if bit(at) == 1 { 1.0 } else { -1.0 });
        let signs: Arc<[f32]> = signs.collect();
        self.signs.write().expect("no panic").insert(stem, signs.clone());
        signs
    }

    /// Returns a text's vector, of length 1.
    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; DIMS];
        for stem in stems(text) {
            let weight = self.weights.get(&stem).copied().unwrap_or(self.rarest);
            let signs = self.signs(stem);
            vector.iter_mut().zip(&*signs).for_each(|(number, sign)| *number += weight * sign);
        }
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        for number in &mut vector {
            *number /= length.max(f32::MIN_POSITIVE);
        }
        vector
    }
}

/// Returns the hashes of the words' stems.
fn stems(text: &str) -> impl Iterator<Item = u64> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| {
        let stem: String = word.chars().take(STEM).flat_map(char::to_lowercase).collect();
        hash(&stem)
    })
}
