//! What a customer writes in one conversation: real questions, with what people add to them.
//! Depends on nothing but the conversation's number.

use super::data::Data;

/// The most messages of a conversation.
pub(crate) const LONGEST: usize = 12;
/// Chance that a conversation goes on after a message: a mean of 3.9 messages with `LONGEST`.
const GOES_ON: f64 = 0.78;
/// Percentage of the messages after the first that depend on the conversation.
const FOLLOW_UPS: u64 = 22;

const GREETINGS: [&str; 7] =
    ["Hello, ", "Hi! ", "Hi there, ", "Good morning. ", "hey ", "Good afternoon, ", "Hello 👋 "];
const THANKS: [&str; 6] = [
    " Thanks!",
    " Thank you in advance.",
    " thx",
    " Many thanks.",
    " Thank you so much 🙏",
    " Please let me know, thanks",
];
const DEPENDENT: [&str; 14] = [
    "and how long does that take?",
    "what about on my phone?",
    "And if that does not work?",
    "is that free?",
    "does that also work on a tablet?",
    "why is that?",
    "How do I do that?",
    "and for my children?",
    "can I undo it later?",
    "Where do I find that",
    "and at the weekend?",
    "Is it safe?",
    "how much is it",
    "What does that mean?",
];

/// Returns the messages of a conversation, in their order. No text follows itself.
pub(crate) fn talk(data: &Data, number: usize) -> Vec<String> {
    let mut random = Random::of(number as u64);
    let questions = &data.questions[usize::from(random.below(2) == 1)];
    let length = length(&mut random);
    let mut texts: Vec<String> = Vec::with_capacity(length);
    while texts.len() < length {
        let text = if !texts.is_empty() && random.below(100) < FOLLOW_UPS {
            random.one_of(&DEPENDENT).to_owned()
        } else {
            message(questions, &mut random)
        };
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts
}

fn length(random: &mut Random) -> usize {
    let goes_on = |random: &mut Random| (random.below(10_000) as f64) < GOES_ON * 10_000.0;
    // A longer conversation is drawn again.
    loop {
        let mut length = 1;
        while length <= LONGEST && goes_on(random) {
            length += 1;
        }
        if length <= LONGEST {
            return length;
        }
    }
}

/// Returns a question as asked (47 %), with a greeting (12 %), thanks (8 %) or both (5 %), in lower
/// case and without question mark (20 %), or two in one (8 %).
fn message(questions: &[String], random: &mut Random) -> String {
    let question = random.one_of(questions);
    match random.below(100) {
        0..12 => format!("{}{question}", random.one_of(&GREETINGS)),
        12..20 => format!("{question}{}", random.one_of(&THANKS)),
        20..25 => {
            format!("{}{question}{}", random.one_of(&GREETINGS), random.one_of(&THANKS))
        }
        25..45 => question.to_lowercase().trim_end_matches(['?', '.', ' ']).to_owned(),
        45..53 => {
            let first = question.trim_end_matches(['?', '.', ' ']);
            format!("{first}? And also: {}", random.one_of(questions))
        }
        _ => question.to_owned(),
    }
}

/// A reproducible sequence of numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_of<'a, T: AsRef<str>>(&mut self, all: &'a [T]) -> &'a str {
        all[(self.next() % all.len() as u64) as usize].as_ref()
    }
}

/// Returns the hash of a text (FNV-1a).
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
