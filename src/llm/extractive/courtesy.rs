//! Part of the answers without a model: messages that ask nothing, such as a hello or a thank-you.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A longer message is more than a courtesy, in characters.
const LONGEST: usize = 120;

/// What people say to be polite, in small letters, parted by bars.
const PHRASES: &[&str] = &[
    // English
    "thank you very much|thank you so much|thank you|thanks a lot|thanks|thanx|thx|ty",
    "cheers|good morning|good afternoon|good evening|good night|good day",
    "how are you doing|how are you|how r u|hows it going|whats up|wassup|hello|hallo|helo",
    "hiya|hi|hey|heya|yo|greetings|goodbye|bye bye|bye|see you later|see you",
    "have a nice day|have a good day|have a great day|youre welcome|no problem",
    "nice to meet you|okay|ok|k|great|perfect|cool|awesome|got it|understood",
    "is anyone there|anyone there|anybody there|are you there",
    // Spanish
    "muchas gracias|mil gracias|gracias|buenos dias|buenas tardes|buenas noches|buen dia",
    "buenas|hola|que tal|como estas|como esta|adios|hasta luego|chao|chau|vale|perfecto",
    "de nada|entendido",
    // Portuguese
    "muito obrigado|muito obrigada|obrigado|obrigada|obg|valeu|bom dia|boa tarde",
    "boa noite|ola|oi|tudo bem|tudo bom|tchau|ate logo|ate mais|perfeito|beleza",
    // German
    "vielen dank|danke schon|dankeschon|danke sehr|danke|guten morgen|guten tag",
    "guten abend|gute nacht|gruss gott|servus|moin|wie geht es ihnen|wie gehts",
    "wie geht es dir|auf wiedersehen|tschuss|alles klar|bis bald",
    // French
    "merci beaucoup|merci bien|merci|bonjour|bonsoir|bonne journee|bonne soiree|salut",
    "coucou|ca va|comment allez vous|au revoir|a bientot|daccord|parfait",
    // Italian, Dutch, Polish, Turkish, Scandinavian, Indonesian, Swahili, Vietnamese, Romanian
    "grazie mille|grazie|buongiorno|buonasera|ciao|salve|arrivederci|come va|dank je wel",
    "dank je|dank u|bedankt|goedemorgen|goedemiddag|goedenavond|hoi|doei|dziekuje",
    "dzien dobry|czesc|tesekkurler|tesekkur ederim|merhaba|selam|gunaydin|hej|tack|tak",
    "takk|terima kasih|selamat pagi|selamat siang|halo|asante|habari|jambo|cam on",
    "xin chao|multumesc|buna ziua|buna",
    // Greek, Russian, Ukrainian
    "ευχαριστω|γεια σας|γεια σου|γεια|καλημερα|καλησπερα|большое спасибо|спасибо",
    "здравствуйте|привет|добрый день|доброе утро|добрый вечер|до свидания|хорошо|дякую",
    "привіт|добрий день",
    // Hebrew, Arabic, Persian, Urdu
    "תודה רבה|תודה|שלום|היי|בוקר טוב|ערב טוב|شكرا جزيلا|شكرا|مرحبا|السلام عليكم",
    "سلام عليكم|اهلا وسهلا|اهلا|صباح الخير|مساء الخير|مع السلامة|سلام|ممنون|متشکرم|شکریہ",
    // Hindi, Bengali
    "नमस्ते|नमस्कार|धन्यवाद|शुक्रिया|ধন্যবাদ|নমস্কার|হ্যালো",
    // Chinese, Japanese, Korean, Thai
    "你好|您好|早上好|下午好|晚上好|谢谢你|谢谢您|谢谢|謝謝|再见|好的|在吗|こんにちは|こんばんは|おはようございます|おはよう|ありがとうございます",
    "ありがとうございました|ありがとう|さようなら|안녕하세요|안녕|감사합니다|고마워요|고맙습니다|สวัสดีครับ|สวัสดีค่ะ|สวัสดี",
    "ขอบคุณครับ|ขอบคุณค่ะ|ขอบคุณ",
];

/// Words around them that ask nothing either.
const FILLERS: &[&str] = &[
    "there|all|everyone|everybody|team|again|so|very|much|and|to|you|u|guys|sir|madam|mam",
    "maam|dear|friend|bot|a|todos|equipo|amigo|amigos|y|e|et|und|pessoal|gente|zusammen",
    "alle|leute|tous|tout|le|monde|ragazzi|for|your|help|the|now|then|por|tu|su|ayuda",
    "pela|ajuda|fur|die|hilfe|pour|votre|aide|info|information",
];

/// Whether a message asks nothing: nothing but courtesies, or no letters and digits at all.
pub(crate) fn asks_nothing(message: &str) -> bool {
    static FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut phrases: Vec<String> =
            PHRASES.iter().flat_map(|line| line.split('|')).map(fold).collect();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        phrases
    });
    let beginning: String = message.chars().take(LONGEST + 1).collect();
    if beginning.len() < message.len() {
        return !message.chars().any(char::is_alphanumeric);
    }
    let mut rest = format!(" {} ", fold(message));
    let mut polite = rest.trim().is_empty();
    for phrase in FOLDED.iter() {
        let spaced =
            !phrase.chars().any(|c| ('\u{0E00}'..='\u{0E7F}').contains(&c) || c >= '\u{3000}');
        let wanted = if spaced { format!(" {phrase} ") } else { phrase.clone() };
        // Again, because two of the same share the space between them.
        while rest.contains(&wanted) {
            polite = true;
            rest = rest.replace(&wanted, " ");
        }
    }
    polite && rest.split_whitespace().all(is_filler)
}

fn is_filler(word: &str) -> bool {
    FILLERS.iter().flat_map(|line| line.split('|')).any(|filler| filler == word)
}

/// Small letters without accents; apostrophes go, everything else that is no letter becomes a space. A letter that
/// is stretched, as in `hiiii`, is said once.
fn fold(message: &str) -> String {
    let mut folded = String::with_capacity(message.len());
    let accent = |c: &char| {
        is_combining_mark(*c)
            && (*c < '\u{0700}' || *c == '\u{20E3}' || ('\u{FE00}'..='\u{FE0F}').contains(c))
    };
    for c in message.nfkd().flat_map(char::to_lowercase).filter(|c| !accent(c)).nfc() {
        match c {
            '\'' | '’' | '`' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' => {}
            'ß' => folded.push_str("ss"),
            'ı' => folded.push('i'),
            c if c.is_alphanumeric() || is_combining_mark(c) => folded.push(c),
            _ if folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    shrink(folded.trim())
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
            "heyyyy",
            "Good morning team",
            "hi hi",
            "Hello, how are you?",
            "Thanks!",
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
