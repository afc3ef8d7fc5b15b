//! String interner: each text is stored once and identified by a number. Texts have no allocations
//! of their own, because many collections with thousands of words each have to fit into memory.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// With no more wasted bytes than this, the buffer is not compacted.
const MIN_WASTED_BYTES: usize = 4_096;

/// Interned texts. A released number is reused.
#[derive(Default)]
pub(super) struct Texts {
    letters: String,
    spans: Vec<Place>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    free: Vec<u32>,
    /// Bytes of `letters` that belong to no text.
    wasted: usize,
}

/// Location of a text in `letters`.
#[derive(Clone, Copy, Default)]
struct Place {
    start: u32,
    length: u32,
}

impl Texts {
    /// Interns a text. Returns its number, and whether it is new.
    pub(super) fn intern(&mut self, text: &str) -> (u32, bool) {
        if let Some(number) = self.number(text) {
            return (number, false);
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.spans.push(Place::default());
            small(self.spans.len() - 1)
        });
        let place = Place { start: small(self.letters.len()), length: small(text.len()) };
        self.letters.push_str(text);
        self.spans[number as usize] = place;
        let (letters, places, hasher) = (&self.letters, &self.spans, &self.hasher);
        let hash = |number: &u32| hasher.hash_one(of(letters, places, *number));
        self.numbers.insert_unique(self.hasher.hash_one(text), number, hash);
        (number, true)
    }

    /// The number of an interned text.
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        let same = |number: &u32| of(&self.letters, &self.spans, *number) == text;
        self.numbers.find(self.hasher.hash_one(text), same).copied()
    }

    /// The text of a number; empty for an unused number.
    pub(super) fn text(&self, number: u32) -> &str {
        of(&self.letters, &self.spans, number)
    }

    /// Removes a text. Its number is not reused until it is released.
    pub(super) fn remove(&mut self, number: u32) {
        let text = of(&self.letters, &self.spans, number);
        self.wasted += text.len();
        if let Ok(held) =
            self.numbers.find_entry(self.hasher.hash_one(text), |other| *other == number)
        {
            held.remove();
        }
        self.spans[number as usize] = Place::default();
        if self.wasted > MIN_WASTED_BYTES && self.wasted * 2 > self.letters.len() {
            self.compact();
        }
    }

    /// Releases the number of a removed text for reuse.
    pub(super) fn release_id(&mut self, number: u32) {
        self.free.push(number);
    }

    fn compact(&mut self) {
        let mut letters = String::with_capacity(self.letters.len() - self.wasted);
        for place in &mut self.spans {
            let (start, end) = (place.start as usize, place.start as usize + place.length as usize);
            place.start = small(letters.len());
            letters.push_str(self.letters.get(start..end).unwrap_or_default());
        }
        (self.letters, self.wasted) = (letters, 0);
    }
}

fn of<'a>(letters: &'a str, places: &[Place], number: u32) -> &'a str {
    let place = places.get(number as usize).copied().unwrap_or_default();
    let start = place.start as usize;
    letters.get(start..start + place.length as usize).unwrap_or_default()
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("the words of a collection are fewer than 4 GB")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_stand_for_texts_whatever_comes_and_goes(
            steps in prop::collection::vec(("[a-cé]{0,40}", any::<bool>()), 1..600),
        ) {
            let mut texts = Texts::default();
            let mut known: HashMap<String, u32> = HashMap::new();
            for (text, put) in steps {
                if put {
                    let (number, new) = texts.intern(&text);
                    prop_assert_eq!(new, !known.contains_key(&text));
                    prop_assert_eq!(*known.entry(text).or_insert(number), number);
                } else if let Some(number) = known.remove(&text) {
                    texts.remove(number);
                    texts.release_id(number);
                    prop_assert_eq!(texts.number(&text), None);
                }
                for (text, number) in &known {
                    prop_assert_eq!(texts.text(*number), text);
                    prop_assert_eq!(texts.number(text), Some(*number));
                }
            }
            let used: usize = known.keys().map(String::len).sum();
            prop_assert!(texts.letters.len() <= MIN_WASTED_BYTES.max(used * 2) + 40);
        }
    }
}
