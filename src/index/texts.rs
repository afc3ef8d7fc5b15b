//! Short texts, each kept once, and numbers that stand for them: many collections of some thousand words each have to fit
//! into memory, so no text has an allocation of its own.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Below so many bytes nothing is moved together.
const FEW: usize = 4_096;

/// Texts by number. A number that is given back is used again.
#[derive(Default)]
pub(super) struct Texts {
    letters: String,
    places: Vec<Place>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    free: Vec<u32>,
    /// Bytes of `letters` that belong to no text.
    wasted: usize,
}

/// Where a text's letters are.
#[derive(Clone, Copy, Default)]
struct Place {
    start: u32,
    length: u32,
}

impl Texts {
    /// The number of a text; it is put in where it is new, and then `true` stands beside it.
    pub(super) fn put(&mut self, text: &str) -> (u32, bool) {
        if let Some(number) = self.number(text) {
            return (number, false);
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            small(self.places.len() - 1)
        });
        let place = Place { start: small(self.letters.len()), length: small(text.len()) };
        self.letters.push_str(text);
        self.places[number as usize] = place;
        let (letters, places, hasher) = (&self.letters, &self.places, &self.hasher);
        let hash = |number: &u32| hasher.hash_one(of(letters, places, *number));
        self.numbers.insert_unique(self.hasher.hash_one(text), number, hash);
        (number, true)
    }

    /// The number of a text that is in.
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        let same = |number: &u32| of(&self.letters, &self.places, *number) == text;
        self.numbers.find(self.hasher.hash_one(text), same).copied()
    }

    /// The text of a number; empty for one that is not given.
    pub(super) fn text(&self, number: u32) -> &str {
        of(&self.letters, &self.places, number)
    }

    /// Takes a text out. Its number stays taken until it is given back.
    pub(super) fn take_out(&mut self, number: u32) {
        let text = of(&self.letters, &self.places, number);
        self.wasted += text.len();
        if let Ok(held) =
            self.numbers.find_entry(self.hasher.hash_one(text), |other| *other == number)
        {
            held.remove();
        }
        self.places[number as usize] = Place::default();
        if self.wasted > FEW && self.wasted * 2 > self.letters.len() {
            self.move_together();
        }
    }

    /// Lets a number be used again.
    pub(super) fn give_back(&mut self, number: u32) {
        self.free.push(number);
    }

    fn move_together(&mut self) {
        let mut letters = String::with_capacity(self.letters.len() - self.wasted);
        for place in &mut self.places {
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
                    let (number, new) = texts.put(&text);
                    prop_assert_eq!(new, !known.contains_key(&text));
                    prop_assert_eq!(*known.entry(text).or_insert(number), number);
                } else if let Some(number) = known.remove(&text) {
                    texts.take_out(number);
                    texts.give_back(number);
                    prop_assert_eq!(texts.number(&text), None);
                }
                for (text, number) in &known {
                    prop_assert_eq!(texts.text(*number), text);
                    prop_assert_eq!(texts.number(text), Some(*number));
                }
            }
            let used: usize = known.keys().map(String::len).sum();
            prop_assert!(texts.letters.len() <= FEW.max(used * 2) + 40);
        }
    }
}
