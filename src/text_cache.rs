//! Bounded cache of what is computed about texts that come again, such as passages, instructions and
//! earlier messages. In memory, under a 128-bit hash of the text; a value may hold words of it. Knows
//! nothing of what it keeps.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Values by text, least used first out. Shared by threads.
pub struct TextCache<V> {
    values: Cache<Key, Entry<V>, EntryWeight>,
    hashers: [RandomState; 2],
}

/// Two hashes with different random seeds, which nobody sees: two texts with the same key do not
/// occur by chance, and cannot be looked for.
type Key = (u64, u64);

#[derive(Clone)]
struct Entry<V> {
    value: V,
    bytes: u64,
}

#[derive(Clone)]
struct EntryWeight;

impl<V> Weighter<Key, Entry<V>> for EntryWeight {
    fn weight(&self, _: &Key, entry: &Entry<V>) -> u64 {
        entry.bytes
    }
}

/// Bytes that the cache itself needs for an entry, about.
const OVERHEAD: usize = 96;

impl<V: Clone> TextCache<V> {
    /// Creates a cache for values of at most `max_bytes` in all, of about `value_bytes` each.
    pub fn new(max_bytes: usize, value_bytes: usize) -> Self {
        let items = max_bytes / (value_bytes + OVERHEAD);
        Self {
            values: Cache::with_weighter(items, max_bytes as u64, EntryWeight),
            hashers: [RandomState::default(), RandomState::default()],
        }
    }

    /// Returns what is kept for a text and a variant of it, such as a language; `bytes` is the size
    /// of a value.
    pub fn get_or_compute(
        &self,
        (text, variant): (&str, u64),
        bytes: impl FnOnce(&V) -> usize,
        compute: impl FnOnce() -> V,
    ) -> V {
        let key = self.key(text, variant);
        if let Some(entry) = self.values.get(&key) {
            return entry.value;
        }
        let value = compute();
        let bytes = (bytes(&value) + OVERHEAD) as u64;
        self.values.insert(key, Entry { value: value.clone(), bytes });
        value
    }

    /// Returns what is kept for a text; `None` if nothing is.
    pub fn get(&self, text: &str) -> Option<V> {
        self.values.get(&self.key(text, 0)).map(|entry| entry.value)
    }

    /// Keeps a value of this size for a text.
    pub fn insert(&self, text: &str, value: V, bytes: usize) {
        self.values.insert(self.key(text, 0), Entry { value, bytes: (bytes + OVERHEAD) as u64 });
    }

    fn key(&self, text: &str, variant: u64) -> Key {
        let [one, other] = &self.hashers;
        (one.hash_one((text, variant)), other.hash_one((text, variant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_computed_once_for_each_variant() {
        let cache = TextCache::new(100_000, 8);
        let mut computed = 0;
        for (text, variant) in [("a", 0), ("a", 1), ("b", 0), ("a", 0), ("b", 0)] {
            let value = cache.get_or_compute(
                (text, variant),
                |_| 8,
                || {
                    computed += 1;
                    (text, variant)
                },
            );
            assert_eq!(value, (text, variant));
        }
        assert_eq!(computed, 3);
        assert_eq!(cache.get("b"), Some(("b", 0)));
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let cache = TextCache::new(10_000, 400);
        for number in 0..1_000 {
            cache.insert(&format!("text {number}"), number, 400);
        }
        let kept = (0..1_000).filter(|number| cache.get(&format!("text {number}")).is_some());
        assert!((5..=20).contains(&kept.count()));
    }
}
