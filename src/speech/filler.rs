//! Removes from a transcript what nobody said: sentences that Whisper learned from subtitles and
//! writes over silence, notes of sounds, and loops. Pure. Must not remove what somebody may have
//! said: a sentence goes only when there is another reason to doubt it.

use std::collections::HashSet;
use std::sync::LazyLock;

use frontdesk_language::data;

/// A segment of a transcript with the adapter's measurements.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Piece {
    /// Start, in milliseconds from the beginning of the recording.
    pub(super) start_ms: u64,
    /// End, in milliseconds from the beginning of the recording.
    pub(super) end_ms: u64,
    /// The words, with a leading space in languages that use spaces.
    pub(super) text: String,
    /// Mean token probability, from 0 to 1.
    pub(super) confidence: Option<f32>,
    /// Probability that nobody spoke, from 0 to 1.
    pub(super) no_speech: Option<f32>,
    /// Share of the segment in which speech was detected, from 0 to 1.
    pub(super) spoken: Option<f32>,
    /// Compression ratio of the text: its size divided by its compressed size.
    pub(super) packed: Option<f32>,
}

/// Film and video credits, which nobody says to a business.
static CREDITS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| data::each(|language| &language.subtitles.credits).collect());

/// Polite phrases that Whisper writes over silence and people also say: removed only on strong
/// doubt.
static POLITE: LazyLock<HashSet<&str>> =
    LazyLock::new(|| data::each(|language| &language.subtitles.polite).collect());

/// Repetitions in a row that make a loop: of one word, and of a phrase of several words.
const WORD_LOOP: usize = 8;
const PHRASE_LOOP: usize = 4;
/// Maximum number of words in such a phrase.
const PHRASE: usize = 8;
/// Repetitions in a row of a segment that make a loop.
const PIECE_LOOP: usize = 3;
/// Compression ratio above which Whisper itself assumes a loop.
const LOOPED: f32 = 2.4;
/// Silence before and after a segment that makes it isolated, in milliseconds.
const ALONE_MS: u64 = 5_000;

/// Returns the transcript without filler.
pub(super) fn clean(pieces: Vec<Piece>) -> Vec<Piece> {
    let stands_alone = alone(&pieces);
    let said = pieces.into_iter().zip(stands_alone).filter_map(|(mut piece, alone)| {
        piece.text = without_loops(&without_notes(&piece.text));
        let key = key(&piece.text);
        (!key.is_empty() && !is_filler(&key, &piece, alone)).then_some((key, piece))
    });
    let mut left: Vec<(String, Vec<Piece>)> = Vec::new();
    for (key, piece) in said {
        match left.last_mut() {
            Some((last, same)) if *last == key => same.push(piece),
            _ => left.push((key, vec![piece])),
        }
    }
    let once = left.into_iter().flat_map(|(key, mut same)| {
        // Single words stay: "Five. Five. Five." are digits of a number.
        if same.len() >= PIECE_LOOP && key.split(' ').count() > 1 {
            same.truncate(1);
        }
        same
    });
    once.collect()
}

/// Whether each segment is isolated by long silence. The only segment never is: short notes have
/// just one.
fn alone(pieces: &[Piece]) -> Vec<bool> {
    let gap = |from: Option<&Piece>, to: Option<&Piece>| match (from, to) {
        (Some(from), Some(to)) => to.start_ms.saturating_sub(from.end_ms),
        _ => u64::MAX,
    };
    let before = |at: usize| at.checked_sub(1).and_then(|before| pieces.get(before));
    let one = |at: usize| {
        pieces.len() > 1
            && gap(before(at), pieces.get(at)) >= ALONE_MS
            && gap(pieces.get(at), pieces.get(at + 1)) >= ALONE_MS
    };
    (0..pieces.len()).map(one).collect()
}

fn is_filler(key: &str, piece: &Piece, alone: bool) -> bool {
    let below = |value: Option<f32>, limit: f32| value.is_some_and(|value| value < limit);
    let above = |value: Option<f32>, limit: f32| value.is_some_and(|value| value > limit);
    if CREDITS.contains(key) {
        return alone
            || below(piece.confidence, 0.6)
            || above(piece.no_speech, 0.4)
            || below(piece.spoken, 0.4)
            || above(piece.packed, LOOPED);
    }
    POLITE.contains(key) && (above(piece.no_speech, 0.8) || below(piece.spoken, 0.1))
}

/// Normalizes a text for comparison: lower case, without accents and punctuation.
fn key(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let plain = |c: char| match c {
        'ı' => 'i',
        'ł' => 'l',
        '\'' | '’' => ' ',
        c if c.is_alphanumeric() => c,
        _ => ' ',
    };
    let is_latin = |c: char| c.is_ascii() || ('\u{c0}'..'\u{250}').contains(&c);
    let lower = text.to_lowercase();
    let mut bare = String::new();
    let is_accent = |c: char| ('\u{300}'..'\u{370}').contains(&c);
    for c in lower.chars().filter(|c| !is_accent(*c)) {
        if is_latin(c) {
            bare.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c)).map(plain));
        } else if !c.is_control() {
            bare.push(if is_combining_mark(c) { c } else { plain(c) });
        }
    }
    let words: Vec<&str> = bare.split_whitespace().collect();
    // The lists contain "don't" as one word.
    words.join(" ").replace("don t ", "dont ")
}

/// Removes notes of sounds: "[Music]", "(applause)", "♪".
fn without_notes(text: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '(', '♪', '♫', '【', '（', '*']) {
        let (before, from) = rest.split_at(at);
        left.push_str(before);
        let open = from.chars().next().unwrap_or_default();
        let after = from.get(open.len_utf8()..).unwrap_or_default();
        let close = match open {
            '[' => ']',
            '(' => ')',
            '【' => '】',
            '（' => '）',
            '*' => '*',
            _ => {
                rest = after;
                continue;
            }
        };
        let note = after.split_once(close).filter(|(inside, _)| is_note(open, inside));
        rest = if let Some((_, behind)) = note {
            behind
        } else {
            left.push(open);
            after
        };
    }
    left.push_str(rest);
    left
}

/// Whether a bracketed text is a note. Square brackets always are: nobody speaks them.
fn is_note(open: char, inside: &str) -> bool {
    const MAX_LEN: usize = 40;
    let short = inside.chars().count() <= MAX_LEN;
    let lower = inside.to_lowercase();
    let sounds = || data::each(|language| &language.subtitles.sounds);
    short && (matches!(open, '[' | '【') || sounds().any(|sound| lower.contains(sound)))
}

/// Reduces repeated words and phrases to one. Digits are exempt: telephone numbers repeat.
fn without_loops(text: &str) -> String {
    let lead = if text.starts_with(' ') { " " } else { "" };
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() < PHRASE_LOOP {
        return without_loops_of_letters(text);
    }
    let keys: Vec<String> = words.iter().map(|word| key(word)).collect();
    let (mut kept, mut at) = (Vec::<&str>::new(), 0);
    while at < words.len() {
        let looped = (1..=PHRASE).find_map(|length| {
            let phrase = keys.get(at..at + length)?;
            // First of all: counting again and again what is not shortened takes quadratic time.
            if phrase.iter().any(|word| word.chars().any(char::is_numeric)) {
                return None;
            }
            let again = |part: &&[String]| *part == phrase;
            let times = keys.get(at..)?.chunks_exact(length).take_while(again).count();
            let enough = if length == 1 { WORD_LOOP } else { PHRASE_LOOP };
            (times >= enough).then_some((length, times))
        });
        let (length, times) = looped.unwrap_or((1, 1));
        kept.extend(words.get(at..at + length).unwrap_or_default());
        at += length * times;
    }
    if kept.len() == words.len() { text.to_owned() } else { format!("{lead}{}", kept.join(" ")) }
}

/// Reduces repetitions in writing without spaces.
fn without_loops_of_letters(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (mut kept, mut at) = (String::new(), 0);
    while at < letters.len() {
        let looped = (2..=20).find_map(|length| {
            let part = letters.get(at..at + length)?;
            if part.iter().any(|c| c.is_numeric() || c.is_ascii() || c.is_whitespace()) {
                return None;
            }
            let again = |other: &&[char]| *other == part;
            let times = letters.get(at..)?.chunks_exact(length).take_while(again).count();
            (times >= WORD_LOOP).then_some((length, times))
        });
        let (length, times) = looped.unwrap_or((1, 1));
        kept.extend(letters.get(at..at + length).unwrap_or_default());
        at += length * times;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(start_s: u64, text: &str) -> Piece {
        Piece {
            start_ms: start_s * 1_000,
            end_ms: start_s * 1_000 + 2_000,
            text: format!(" {text}"),
            confidence: Some(0.9),
            no_speech: Some(0.02),
            spoken: Some(0.9),
            packed: None,
        }
    }

    fn left(pieces: Vec<Piece>) -> Vec<String> {
        clean(pieces).into_iter().map(|piece| piece.text.trim().to_owned()).collect()
    }

    #[test]
    fn sentences_of_subtitles_go_where_nobody_spoke_in_every_language() {
        for text in [
            "Thanks for watching!",
            "Subtitles by the Amara.org community",
            "Sous-titres réalisés par la communauté d'Amara.org",
            "Untertitel im Auftrag des ZDF",
            "¡Suscríbete al canal!",
            "Legendas pela comunidade Amara.org",
            "Продолжение следует...",
            "ご視聴ありがとうございました。",
            "시청해주셔서 감사합니다.",
            "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
            "ترجمة نانسي قنقر",
            "Don't forget to like and subscribe.",
            "İzlediğiniz için teşekkür ederim.",
        ] {
            let doubts: [fn(&mut Piece); 3] = [
                |piece| piece.no_speech = Some(0.7),
                |piece| piece.confidence = Some(0.3),
                |piece| piece.spoken = Some(0.0),
            ];
            for doubt in doubts {
                let mut piece = said(0, text);
                doubt(&mut piece);
                assert_eq!(left(vec![piece]), [""; 0], "{text}");
            }
            assert_eq!(left(vec![said(0, text)]), [text], "said clearly, it is kept");
            let apart = vec![said(0, "I want a table."), said(20, text), said(40, "At eight.")];
            assert_eq!(left(apart), ["I want a table.", "At eight."]);
        }
    }

    #[test]
    fn thanks_are_kept_when_they_were_said_and_go_when_nobody_spoke() {
        let thanks = said(0, "Thank you.");
        assert_eq!(left(vec![thanks.clone()]), ["Thank you."]);
        let mumbled = Piece { confidence: Some(0.3), no_speech: Some(0.5), ..thanks.clone() };
        assert_eq!(left(vec![mumbled]), ["Thank you."]);
        let apart = vec![said(0, "I need it on Monday."), said(30, "Gracias.")];
        assert_eq!(left(apart), ["I need it on Monday.", "Gracias."]);
        let silent = Piece { spoken: Some(0.0), ..thanks.clone() };
        let not_heard = Piece { no_speech: Some(0.95), ..thanks };
        assert_eq!(left(vec![silent, not_heard]), [""; 0]);
        let unknown = Piece { confidence: None, no_speech: None, spoken: None, ..said(0, "Bye.") };
        assert_eq!(left(vec![unknown]), ["Bye."], "without a reason to doubt it stays");
    }

    #[test]
    fn a_sentence_that_only_holds_such_words_stays() {
        for text in [
            "Thank you, I will subscribe to the newsletter.",
            "Gracias por ver mi pedido tan rápido.",
            "You said that music is included.",
        ] {
            let doubtful = Piece { confidence: Some(0.1), no_speech: Some(0.9), ..said(0, text) };
            assert_eq!(left(vec![doubtful]), [text]);
        }
    }

    #[test]
    fn notes_of_sounds_go_and_the_words_beside_them_stay() {
        for note in
            ["[Music]", "(applause)", "♪♪", "[Música]", "(音楽)", "【拍手】", "*laughs*", "♪"]
        {
            assert_eq!(left(vec![said(0, note)]), [""; 0], "{note}");
        }
        assert_eq!(
            left(vec![said(0, "[noise] Do you open on Sunday? (laughs)")]),
            ["Do you open on Sunday?"]
        );
        let kept = "The large one (the blue) for 2 * 3 euros [";
        assert_eq!(left(vec![said(0, kept)]), [kept]);
    }

    #[test]
    fn loops_are_cut_to_one_and_what_people_repeat_is_kept() {
        let many = |text: &str, times: usize| vec![text; times].join(" ");
        assert_eq!(left(vec![said(0, &many("the", 40))]), ["the"]);
        let text = format!("I said {} please", many("I want to go", 12));
        assert_eq!(left(vec![said(0, &text)]), ["I said I want to go please"]);
        assert_eq!(left(vec![said(0, &"ありがとう".repeat(12))]), ["ありがとう"]);
        for kept in
            ["No, no, no, no!", "It is 5 5 5 5 5 5 5 5 5", "zero zero seven zero zero", "哈哈哈哈"]
        {
            assert_eq!(left(vec![said(0, kept)]), [kept]);
        }
        let again = |text: &str, times: u64| (0..times).map(|at| said(at * 2, text)).collect();
        assert_eq!(left(again("I am going to the shop.", 7)), ["I am going to the shop."]);
        assert_eq!(left(again("I am going to the shop.", 2)).len(), 2);
        assert_eq!(left(again("Five.", 4)).len(), 4, "the digits of a number");
    }
}
