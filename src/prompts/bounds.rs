//! Limits of a prompt file's header: numbers, lists and texts, and the forms of codes and phones. Every turn reads the header and pays
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
        for (key, number, least, most) in self.whole_numbers() {
            if !(least..=most).contains(&number) {
                return Err((key, format!("{key} is {number}, it goes from {least} to {most}")));
            }
        }
        for (key, number, most) in self.fractions() {
            let Some(number) = number else { continue };
            if !(0.0..=most).contains(&number) {
                return Err((key, format!("{key} is {number}, it goes from 0 to {most}")));
            }
        }
        self.bounded_lists()?;
        if let Some(label) = self.choices_list.all().find(|label| label.encode_utf16().count() > 20)
        {
            let why = format!("choices_list is `{label}`, it takes at most 20 characters");
            return Err(("choices_list", why));
        }
        let sentences = self.sentences().map(|(key, text)| (key, text, SENTENCE));
        for (key, text, most) in self.texts().into_iter().chain(sentences) {
            let length = text.chars().count();
            if length > most {
                return Err((key, format!("{key} has {length} characters, it may have {most}")));
            }
        }
        Ok(())
    }

    /// Returns the whole numbers: key, value, least and most.
    pub(super) fn whole_numbers(&self) -> [(&'static str, i64, i64, i64); 6] {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        [
            ("passages", count(self.passages), 1, 50),
            ("history", count(self.history), 0, 200),
            ("max_output_tokens", i64::from(self.max_output_tokens), 1, 200_000),
            ("handoff.return_minutes", self.handoff.return_minutes, 0, 525_600),
            // Within the 24-hour window, which the customer's message opened before the reply.
            ("follow_up.after_minutes", self.follow_up.after_minutes, 0, 23 * 60),
            ("follow_up.close_minutes", self.follow_up.close_minutes, 0, 525_600),
        ]
    }

    /// Returns the other numbers, from 0: key, value and most.
    pub(super) fn fractions(&self) -> [(&'static str, Option<f32>, f32); 5] {
        [
            ("temperature", Some(self.temperature), 2.0),
            ("min_confidence", self.min_confidence, 1.0),
            ("curated.threshold", self.curated.threshold, 1.0),
            ("grounding.threshold", Some(self.grounding.threshold), 1.0),
            ("grounding.hold_below", Some(self.grounding.hold_below), 1.0),
        ]
    }

    /// Returns the lists: key, entries, and how many and how long they may be.
    pub(super) fn lists(&self) -> [(&'static str, &[String], usize, usize); 6] {
        [
            ("knowledge", self.knowledge.as_deref().unwrap_or_default(), 50, 60),
            ("languages", &self.languages, 50, 20),
            ("voice.vocabulary", &self.voice.vocabulary, 500, 100),
            ("handoff.keywords", &self.handoff.keywords, 500, 200),
            ("handoff.patterns", &self.handoff.patterns, 200, 1000),
            ("handoff.notify", &self.handoff.notify, 50, 40),
        ]
    }

    /// Returns the texts of one language: key, text and maximum length.
    pub(super) fn texts(&self) -> [(&'static str, &str, usize); 4] {
        [
            ("name", &self.name, 100),
            ("model", &self.model, 200),
            ("opt_out.reply", &self.opt_out.reply, SENTENCE),
            ("opt_out.welcome", &self.opt_out.welcome, SENTENCE),
        ]
    }

    /// Checks the phone numbers.
    pub(super) fn check_phones(&self) -> Result<(), (&'static str, String)> {
        let Some(bad) = self.handoff.notify.iter().find(|phone| !is_phone(phone)) else {
            return Ok(());
        };
        let takes = "it takes phone numbers such as +15551230000";
        Err(("handoff.notify", format!("handoff.notify has `{bad}`, {takes}")))
    }

    fn bounded_lists(&self) -> Result<(), (&'static str, String)> {
        for (key, list, many, longest) in self.lists() {
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

/// Whether this looks like an ISO 639-1 code, with or without a region.
pub(super) fn is_language(code: &str) -> bool {
    let primary = code.split(['-', '_']).next().unwrap_or_default();
    primary.len() == 2 && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_phone(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    let allowed = |c: char| c.is_ascii_digit() || c == ' ' || c == '-';
    digits.chars().filter(char::is_ascii_digit).count() >= 6 && digits.chars().all(allowed)
}
