//! Part of the answers without a model: detects messages that ask nothing, such as a greeting or
//! thanks.

use std::collections::HashSet;
use std::sync::LazyLock;

use frontdesk_language::data;
use frontdesk_language::fold::{Kind, fold, is_apostrophe};

/// Maximum length of a courtesy, in characters.
const MAX_LEN: usize = 120;

/// Returns whether a message asks nothing: only courtesies, or no letters and digits at all.
pub(crate) fn asks_nothing(message: &str) -> bool {
    static FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut phrases: Vec<String> =
            data::each(|language| &language.small_talk.phrases).map(plain).collect();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        phrases
    });
    let beginning: String = message.chars().take(MAX_LEN + 1).collect();
    if beginning.len() < message.len() {
        return !message.chars().any(char::is_alphanumeric);
    }
    let mut rest = format!(" {} ", plain(message));
    let mut polite = rest.trim().is_empty();
    for phrase in FOLDED.iter() {
        let spaced =
            !phrase.chars().any(|c| ('\u{0E00}'..='\u{0E7F}').contains(&c) || c >= '\u{3000}');
        let wanted = if spaced { format!(" {phrase} ") } else { phrase.clone() };
        // Repeated, because two equal phrases in a row share the space between them.
        while rest.contains(&wanted) {
            polite = true;
            rest = rest.replace(&wanted, " ");
        }
    }
    polite && rest.split_whitespace().all(is_filler)
}

fn is_filler(word: &str) -> bool {
    static FILLERS: LazyLock<HashSet<&str>> =
        LazyLock::new(|| data::each(|language| &language.small_talk.fillers).collect());
    FILLERS.contains(word)
}

/// Folds a text to words with one space between them. Drops apostrophes and emoji, and collapses
/// stretched letters, as in `hiiii`.
fn plain(message: &str) -> String {
    let without: String = message.chars().filter(|c| !is_apostrophe(*c)).collect();
    let spoken = |c: char| if Kind::of(c) == Kind::Symbol { ' ' } else { c };
    let folded: String = fold(&without).into_iter().map(spoken).collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    shrink(&words.join(" "))
}

fn shrink(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b && a.is_ascii_alphabetic());
    runs.flat_map(|run| if run.len() > 2 { run.get(..1).unwrap_or(run) } else { run }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hello_or_a_thank_you_asks_nothing() {
        for message in [
            "Hi",
            "hello!",
            "HELLO THERE",
            "Hiiii 👋",
            "thank 🙏 you",
            "سلام، متشكرم",
            "heyyyy",
            "Good morning team",
            "hi hi",
            "Hello, how are you?",
            "Thanks!",
            "please",
            "Por favor",
            "S’il vous plaît",
            "thank you so much for your help 🙏",
            "ok thanks",
            "Great, thank you!",
            "What's up",
            "bye",
            "👍",
            "🙂🙂",
            "...",
            "?",
            "",
            "¡Hola! ¿Qué tal?",
            "Buenos días",
            "muchas gracias por tu ayuda",
            "Olá, bom dia",
            "Obrigada!",
            "Tudo bem?",
            "Guten Tag",
            "Vielen Dank",
            "Dankeschön",
            "Grüß Gott",
            "Bonjour",
            "Merci beaucoup",
            "Ça va ?",
            "Buongiorno",
            "Hoi",
            "Dzień dobry",
            "Teşekkürler",
            "Merhaba",
            "Γεια σας",
            "Καλημέρα",
            "Привет",
            "Добрый день!",
            "Спасибо",
            "Дякую",
            "שלום",
            "תודה רבה",
            "السلام عليكم",
            "شُكْراً",
            "नमस्ते",
            "धन्यवाद",
            "你好",
            "您好！谢谢",
            "こんにちは",
            "ありがとうございます",
            "안녕하세요",
            "감사합니다",
            "สวัสดีครับ",
            "ขอบคุณค่ะ",
            "xin chào",
            "cảm ơn",
            "Terima kasih",
        ] {
            assert!(asks_nothing(message), "{message:?}");
        }
    }

    #[test]
    fn a_question_behind_a_hello_is_a_question() {
        for message in [
            "Hi, when do you open?",
            "hello do you sell helmets",
            "Thanks, and the price?",
            "team",
            "help",
            "you",
            "hire a bike",
            "Hola, ¿abren el domingo?",
            "Bom dia, quanto custa?",
            "Danke, was kostet das?",
            "Bonjour, vous ouvrez quand ?",
            "你好，几点开门？",
            "こんにちは、営業時間は？",
            "สวัสดี เปิดกี่โมง",
            "42",
            "yes",
            "no",
            "history",
            "okra",
            "menu",
        ] {
            assert!(!asks_nothing(message), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn no_message_panics(message in ".{0,80}") {
            let _ = asks_nothing(&message);
        }
    }
}
