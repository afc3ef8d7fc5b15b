//! Limits of a prompt file's header: numbers, lists and texts. Every turn reads the header and pays
//! for what it requests.

use super::Header;

/// Maximum size of a prompt file, in bytes.
pub(super) const FILE: usize = 1024 * 1024;
/// Maximum length of a file sent over the API, in characters. The API schemas repeat the number.
pub const MAX_API_CHARS: usize = 200_000;
/// Maximum length of a sentence sent to customers, in characters: WhatsApp's limit.
const SENTENCE: usize = 4096;

impl Header {
    /// Checks the limits. The error is the key and what it may hold.
    pub(super) fn bounded(&self) -> Result<(), (&'static str, String)> {
        self.numbers()?;
        self.lists()?;
        let texts = [
            ("name", &self.name, 100),
            ("model", &self.model, 200),
            ("no_answer", &self.no_answer, SENTENCE),
            ("failure", &self.failure, SENTENCE),
            ("greeting", &self.greeting, SENTENCE),
            ("unreadable", &self.unreadable, SENTENCE),
            ("reply", &self.handoff.reply, SENTENCE),
            ("reply", &self.opt_out.reply, SENTENCE),
            ("welcome", &self.opt_out.welcome, SENTENCE),
        ];
        let voice = self.voice.sentences().map(|(key, text)| (key, text, SENTENCE));
        for (key, text, most) in texts.into_iter().chain(voice) {
            let length = text.chars().count();
            if length > most {
                return Err((key, format!("{key} has {length} characters, it may have {most}")));
            }
        }
        Ok(())
    }

    fn numbers(&self) -> Result<(), (&'static str, String)> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let numbers = [
            ("passages", count(self.passages), 1, 50),
            ("history", count(self.history), 0, 200),
            ("max_output_tokens", i64::from(self.max_output_tokens), 1, 200_000),
            ("return_minutes", self.handoff.return_minutes, 0, 525_600),
        ];
        for (key, number, least, most) in numbers {
            if !(least..=most).contains(&number) {
                return Err((key, format!("{key} is {number}, it goes from {least} to {most}")));
            }
        }
        let shares = [
            ("temperature", Some(self.temperature), 2.0),
            ("min_confidence", self.min_confidence, 1.0),
            ("threshold", self.curated.threshold, 1.0),
            ("threshold", Some(self.grounding.threshold), 1.0),
            ("hold_below", Some(self.grounding.hold_below), 1.0),
        ];
        for (key, number, most) in shares {
            let Some(number) = number else { continue };
            if !(0.0..=most).contains(&number) {
                return Err((key, format!("{key} is {number}, it goes from 0 to {most}")));
            }
        }
        Ok(())
    }

    fn lists(&self) -> Result<(), (&'static str, String)> {
        let lists = [
            ("knowledge", &self.knowledge, 50, 60),
            ("languages", &self.languages, 50, 20),
            ("vocabulary", &self.voice.vocabulary, 500, 100),
            ("keywords", &self.handoff.keywords, 500, 200),
            ("patterns", &self.handoff.patterns, 200, 1000),
            ("notify", &self.handoff.notify, 50, 40),
        ];
        for (key, list, many, longest) in lists {
            if list.len() > many {
                let length = list.len();
                return Err((key, format!("{key} has {length} entries, it may have {many}")));
            }
            if let Some(long) = list.iter().find(|entry| entry.chars().count() > longest) {
                let begin: String = long.chars().take(20).collect();
                return Err((
                    key,
                    format!("`{begin}…` of {key} is too long: it may have {longest} characters"),
                ));
            }
        }
        Ok(())
    }
}
