//! Part of stage 3: whether a customer accepts the bot's offer of a person. Pure: reads the bot's
//! last message and the customer's words, with the word lists of all languages.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use frontdesk_language::data::{self, Language};
use frontdesk_language::phrase::Phrases;
use frontdesk_language::sentences;
use frontdesk_language::terms::{fold, words};

use crate::domain::{Line, Speaker, Texts};
use crate::pipeline::framing::without_sources_line;

/// Maximum length of a message that only accepts, in words.
const MAX_WORDS: usize = 10;
/// Maximum length of quoted words that may call a person, in characters.
const MAX_QUOTED_LEN: usize = 40;
const QUOTATION_MARKS: &[char] = &['"', '“', '”', '„', '«', '»', '「', '」', '『', '』'];
const QUESTION_MARKS: [char; 3] = ['?', '？', '؟'];
/// Symbols that accept an offer when nothing else is written.
const SYMBOLS: &[char] = &['👍', '👌', '✅', '🙏', '✔'];

/// Whether a message accepts the offer of a person in the bot's last message. `calls` tells words
/// that call a person: a message that asks to write some, such as `Write "real person"`, is an
/// offer.
pub(super) fn is_accepted(
    (history, texts): (&[Line], &Texts),
    message: &str,
    calls: impl Fn(&str) -> bool,
) -> bool {
    let last = history.last().filter(|line| line.speaker == Speaker::Bot);
    last.is_some_and(|line| {
        accepts(message)
            && match offer(texts.split_choices(without_sources_line(&line.text)).0, calls) {
                Some(Offer::Asked) => true,
                // Nothing was asked: "ok, thanks" may end the conversation.
                Some(Offer::Told) => !acknowledges(message),
                None => false,
            }
    })
}

/// How the bot offers a person.
enum Offer {
    /// "Shall I ...?"
    Asked,
    /// "I can ... if you like", or words to write.
    Told,
}

/// Returns how a text offers a person: in its last question, or else its last sentence. A yes to
/// anything before that is not clear. What the text only quotes is asked of nobody.
fn offer(text: &str, calls: impl Fn(&str) -> bool) -> Option<Offer> {
    let said = without_quoted_offers(text);
    let sentences: Vec<&str> = said.lines().flat_map(sentences).collect();
    let asked = sentences.iter().rev().find(|sentence| sentence.contains(QUESTION_MARKS));
    let told = sentences.iter().rev().find(|said| said.chars().any(char::is_alphanumeric));
    if asked.is_some_and(|sentence| offers_person(sentence)) {
        return Some(Offer::Asked);
    }
    let told = told.filter(|_| asked.is_none());
    let is_told = told.is_some_and(|told| offers_person(told) && !is_self_service(told));
    let quotes = |sentence: &&str| asks_to_write(sentence) && quoted(sentence).any(&calls);
    (is_told || sentences.iter().any(quotes)).then_some(Offer::Told)
}

/// Returns a text without the quotations and quoted lines that are offers by themselves, such as
/// the agent's own sentence in an answer about the desk. A text that is nothing else stays.
fn without_quoted_offers(text: &str) -> Cow<'_, str> {
    let is_said = |line: &&str| !(line.trim_start().starts_with('>') && offers_person(line));
    let lines: String = text.split_inclusive('\n').filter(is_said).collect();
    let (mut said, mut from) = (String::with_capacity(lines.len()), 0);
    for quoted in quotations(&lines) {
        if offers_person(&lines[quoted.clone()]) {
            said.push_str(&lines[from..quoted.start]);
            from = quoted.end;
        }
    }
    said.push_str(&lines[from..]);
    let is_whole = said.len() == text.len() || !said.contains(char::is_alphanumeric);
    if is_whole { Cow::Borrowed(text) } else { Cow::Owned(said) }
}

/// Returns the short texts in quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let parts = quotations(text).into_iter().map(|quoted| &text[quoted]);
    parts.filter(|part| part.chars().count() <= MAX_QUOTED_LEN)
}

/// Returns where the texts in quotation marks are, without the marks. Quotations within them, and
/// marks that nothing closes, do not count.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut past) = (Vec::new(), 0);
    // Nothing is searched twice: the text may be full of one mark.
    let mut unclosed = Vec::new();
    for (at, mark) in text.match_indices(QUOTATION_MARKS) {
        // One after a number is a unit: inches.
        let is_unit =
            matches!(mark, "\"" | "”") && text[..at].ends_with(|c: char| c.is_ascii_digit());
        if at < past || is_unit || unclosed.contains(&mark) {
            continue;
        }
        let from = at + mark.len();
        let Some(len) = text[from..].find(closing_marks(mark)) else {
            unclosed.push(mark);
            continue;
        };
        found.push(from..from + len);
        past = text.ceil_char_boundary(from + len + 1);
    }
    found
}

/// The marks that close a quotation, by the one that opens it.
fn closing_marks(mark: &str) -> &'static [char] {
    match mark {
        "\"" => &['"'],
        "“" => &['”', '“'],
        "”" => &['”'],
        "„" => &['“', '”'],
        "«" => &['»'],
        "»" => &['«', '»'],
        "「" => &['」'],
        "『" => &['』'],
        _ => &[],
    }
}

fn asks_to_write(sentence: &str) -> bool {
    static WRITES: LazyLock<Phrases> =
        LazyLock::new(|| Phrases::of(data::each(|language| &language.person_offer.writes)));
    WRITES.is_in(sentence)
}

/// Whether a sentence tells the customer what he may do himself.
fn is_self_service(sentence: &str) -> bool {
    static PHRASES: LazyLock<Vec<String>> = LazyLock::new(|| {
        data::each(|language| &language.person_offer.self_service).map(spaced).collect()
    });
    let said = spaced(sentence);
    PHRASES.iter().any(|phrase| said.contains(phrase))
}

/// Returns the folded words of a text with a space around each.
fn spaced(text: &str) -> String {
    let folded: Vec<String> = words(text).iter().map(|word| fold(word)).collect();
    format!(" {} ", folded.join(" "))
}

/// Words of one language: for asking leave, for passing somebody on, for the staff.
struct OfferWords([Phrases; 3]);

impl OfferWords {
    fn of(language: &'static Language) -> Self {
        let offer = &language.person_offer;
        let lists = [&offer.frames, &offer.actions, &offer.people];
        Self(lists.map(|list| Phrases::of(list.iter().map(String::as_str))))
    }

    fn are_in(&self, sentence: &str) -> bool {
        self.0.iter().all(|phrases| phrases.is_in(sentence))
    }
}

fn offers_person(sentence: &str) -> bool {
    static OFFERS: LazyLock<Vec<OfferWords>> =
        LazyLock::new(|| data::languages().iter().map(OfferWords::of).collect());
    OFFERS.iter().any(|words| words.are_in(sentence))
}

/// Whether a message that accepts has no other yes than a word that also ends a conversation.
fn acknowledges(message: &str) -> bool {
    static PLAIN: LazyLock<Phrases> = LazyLock::new(|| {
        let weak = data::each(|language| &language.person_offer.acknowledges);
        let weak: HashSet<&str> = weak.collect();
        let accepts = data::each(|language| &language.person_offer.accepts);
        Phrases::of(accepts.filter(|word| !weak.contains(word)))
    });
    !words(message).is_empty() && !PLAIN.is_in(message)
}

/// Whether a message says yes and nothing else: "yes, but when?" asks something.
fn accepts(message: &str) -> bool {
    static YES: LazyLock<Phrases> =
        LazyLock::new(|| Phrases::of(data::each(|language| &language.person_offer.accepts)));
    static ALLOWED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let accepts = data::each(|language| &language.person_offer.accepts);
        let fillers = data::each(|language| &language.person_offer.fillers);
        accepts.chain(fillers).flat_map(words).map(|word| fold(&word)).collect()
    });
    let said = words(message);
    if said.is_empty() {
        return message.contains(SYMBOLS) && !message.contains(QUESTION_MARKS);
    }
    said.len() <= MAX_WORDS
        && !message.contains(QUESTION_MARKS)
        && said.iter().all(|word| ALLOWED.contains(&fold(word)))
        && YES.is_in(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> Texts {
        let default = "Did you mean one of these?".into();
        let did_you_mean = crate::domain::Sentence { default, ..Default::default() };
        Texts { did_you_mean, ..Texts::default() }
    }

    fn after(offer: &str, message: &str) -> bool {
        let line = |speaker, text: &str| Line::new(speaker, text);
        let asked = line(Speaker::Customer, "Do you repair tents?");
        let texts = texts();
        let history = [asked, line(Speaker::Bot, offer)];
        is_accepted((&history, &texts), message, |words| words == "real person")
    }

    const OFFER: &str =
        "I'm sorry, I can't find that. Would you like me to pass you to someone in the shop?";

    #[test]
    fn a_yes_after_an_offer_is_understood_in_many_languages() {
        for (offer, message) in [
            (OFFER, "yes please"),
            (OFFER, "Yes!"),
            (OFFER, "ok, thanks 🙂"),
            (OFFER, "Yes, that would be great"),
            (OFFER, "👍"),
            ("Shall I connect you with a *colleague*?\n\n📄 _Returns_", "sure"),
            ("I can pass the chat to the team if you like.", "please do"),
            ("No lo encuentro. ¿Quiere que le pase con alguien de la tienda?", "Sí, por favor"),
            ("Quer que eu passe você para um atendente?", "sim, por favor"),
            ("Soll ich Sie an einen Kollegen weiterleiten?", "Ja, gerne"),
            ("Voulez-vous parler à quelqu'un de l'équipe ?", "oui, s'il vous plaît"),
            ("Vuole parlare con una persona?", "sì grazie"),
            ("Zal ik je doorverbinden met een collega?", "graag"),
            ("هل تريد التحدث مع موظف؟", "نعم من فضلك"),
            ("¿Te paso con un compañero de la tienda?", "sí"),
            ("I cannot find that. Write \"real person\" and someone will answer.", "yes please"),
            ("Escriba “real person” y le responderá alguien.", "sí, por favor"),
            ("If you like I can ask the team.", "yes"),
            ("I cannot find that. Shall I ask a colleague? We are open till six.", "ok"),
            ("\"I cannot find that. Shall I ask a colleague?\"", "yes"),
            ("Shall I ask a colleague about the \"Alpine 3\" tent?", "yes"),
            ("We have no 27\" tent. Shall I ask a colleague about the 32\" one?", "yes"),
            ("Would you like to speak to a \"real person\" now?", "yes"),
            ("> Do you repair tents?\nI cannot find that. Shall I ask a colleague?", "yes"),
            ("Write 「real person」 and someone will answer.", "yes"),
            ("Reply 1「more」. Shall I ask a colleague? Or write 「less」.", "yes"),
            ("The 5\" one fits. Shall I ask a colleague? Or write \"less\".", "yes"),
        ] {
            assert!(after(offer, message), "{offer}: {message}");
        }
    }

    #[test]
    fn other_messages_and_a_yes_to_something_else_are_none() {
        for (offer, message) in [
            (OFFER, "no thanks"),
            (OFFER, "yes, but when do you open?"),
            (OFFER, "yes?"),
            (OFFER, "thank you"),
            (OFFER, "When do you open?"),
            (OFFER, "👎"),
            (OFFER, ""),
            ("Would you like the red one?", "yes please"),
            ("Is there anything else I can help you with?", "yes please"),
            ("We open at nine.", "ok"),
            ("Would you like me to write down the store's address?", "yes please"),
            ("If you like, you can also call the shop.", "ok"),
            ("If you like, you can also call our team.", "yes"),
            (
                "If you like I can ask the team. Or shall I reserve the red one for you?",
                "yes please",
            ),
            ("Choose \"real person\" in the app.", "yes please"),
            ("Write \"real person\" and someone will answer.", "ok thanks"),
            ("Escriba “real person” y le responderá alguien.", "vale, gracias"),
            ("The film is called \"A real person\" and starts at nine.", "ok"),
            ("I then say: \"I cannot find that. Shall I ask a colleague?\"", "ok"),
            ("I then say “I cannot find that. Shall I ask a colleague?”.", "yes"),
            ("Dann sage ich: „Soll ich Sie an einen Kollegen weiterleiten?“", "ok"),
            ("Digo: «¿Quiere que le pase con alguien de la tienda?»", "vale, sí"),
            ("Ich: „Erst »Soll ich Sie an einen Kollegen weiterleiten?«, dann Ruhe.“", "ja"),
            ("I then write:\n> Shall I ask a colleague?\nThat is all.", "yes"),
            ("I say \"Shall I ask a colleague?\" if I cannot find it.", "yes"),
        ] {
            assert!(!after(offer, message), "{offer}: {message}");
        }
        let person = Line::new(Speaker::Person, OFFER);
        let nothing = |_: &str| false;
        let texts = texts();
        assert!(!is_accepted((&[person], &texts), "yes", nothing), "a person's offer is theirs");
        assert!(!is_accepted((&[], &texts), "yes", nothing));
    }

    #[test]
    fn choices_below_an_offer_neither_hide_nor_make_one() {
        let choices = "Did you mean one of these?\n1. Shall I ask a colleague?";
        let offer = format!("I do not find that. Shall I ask a colleague?\n\n{choices}");
        assert!(after(&offer, "yes please"));
        assert!(!after(&format!("I do not find that.\n\n{choices}"), "yes please"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(offer in "\\PC{0,80}", message in "\\PC{0,40}") {
            let _ = after(&offer, &message);
        }
    }
}
