//! Stage 3: hand-off rules. Decides from the customer's words, and whether they accept the bot's
//! last offer, if a person is called. Pure: must never call a model, query anything, or fail because
//! of what a customer wrote.

use std::collections::HashMap;
use std::time::Instant;

use frontdesk_language::fold::{GAP, Kind, fold, is_apostrophe};

use super::timer::millis;
use crate::domain::trace::EscalateTrace;
use crate::domain::{Handoff, HandoffRule, Line, Question, Texts, TurnReason};
use regex::{Regex, RegexBuilder};

mod offer;

/// Maximum memory of one compiled pattern, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// An agent's hand-off rules, compiled.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The rules as written.
    written: Vec<HandoffRule>,
    /// Keywords by their first character.
    keywords: HashMap<char, Vec<Keyword>>,
    /// Patterns with their index in `written`.
    patterns: Vec<(usize, Regex)>,
}

/// Returns the reason for a hand-off if a rule matches the question, or if it accepts the offer in
/// the last line of the history.
pub(super) fn escalate(
    rules: &Rules,
    (history, texts): (&[Line], &Texts),
    question: &Question,
) -> (Option<TurnReason>, EscalateTrace) {
    let started = Instant::now();
    let calls = |words: &str| rules.decide(words).is_some();
    let accepted =
        || question.has_words && offer::is_accepted((history, texts), &question.text, calls);
    // Apart: a pattern's end is that of the words. Names of files are no words.
    let described = || {
        let more = question.has_words && !question.descriptions.is_empty();
        more.then(|| rules.decide(&question.descriptions.join("\n"))).flatten()
    };
    let reason = rules.decide(&question.text).or_else(described);
    let reason = reason.or_else(|| accepted().then_some(TurnReason::PersonOffer {}));
    let trace = EscalateTrace {
        rules: rules.len(),
        matched: reason.as_ref().map(ToString::to_string),
        matched_code: reason.clone(),
        took_ms: millis(started),
    };
    (reason, trace)
}

/// A keyword normalized for comparison.
#[derive(Debug)]
struct Keyword {
    /// Index in `written`.
    rule: usize,
    /// Folded characters, words separated by one `GAP`.
    letters: Vec<char>,
}

impl Rules {
    /// Compiles all rules. The error names the invalid regular expression.
    pub(crate) fn compile(handoff: &Handoff) -> Result<Self, String> {
        let mut rules = Self::default();
        for rule in &handoff.rules {
            rules.add(rule)?;
        }
        Ok(rules)
    }

    /// Number of rules; empty ones are not counted.
    pub(crate) fn len(&self) -> usize {
        self.written.len()
    }

    /// Returns the first rule that matches, in the order in which they were written.
    pub(crate) fn decide(&self, question: &str) -> Option<TurnReason> {
        let keyword = self.first_keyword(question);
        let limit = keyword.unwrap_or(usize::MAX);
        let mut earlier = self.patterns.iter().take_while(|(rule, _)| *rule < limit);
        let pattern = earlier.find(|(_, regex)| regex.is_match(question)).map(|(rule, _)| *rule);
        match self.written.get(pattern.or(keyword)?)? {
            HandoffRule::Keyword(keyword) => Some(TurnReason::Keyword { keyword: keyword.clone() }),
            HandoffRule::Pattern(pattern) => Some(TurnReason::Pattern { pattern: pattern.clone() }),
        }
    }

    fn add(&mut self, rule: &HandoffRule) -> Result<(), String> {
        let place = self.written.len();
        match rule {
            HandoffRule::Keyword(keyword) => {
                let forms = spellings(keyword);
                if forms.is_empty() {
                    return Ok(());
                }
                for letters in forms {
                    let Some(first) = letters.first().copied() else { continue };
                    self.keywords.entry(first).or_default().push(Keyword { rule: place, letters });
                }
            }
            HandoffRule::Pattern(pattern) if pattern.trim().is_empty() => return Ok(()),
            HandoffRule::Pattern(pattern) => self.patterns.push((place, expression(pattern)?)),
        }
        self.written.push(rule.clone());
        Ok(())
    }

    fn first_keyword(&self, question: &str) -> Option<usize> {
        if self.keywords.is_empty() {
            return None;
        }
        let text = fold(question);
        let mut best = None;
        for (at, first) in text.iter().enumerate() {
            for keyword in self.keywords.get(first).into_iter().flatten() {
                let better = best.is_none_or(|best| keyword.rule < best);
                if better && matches_at(&text, at, &keyword.letters) {
                    best = Some(keyword.rule);
                }
            }
        }
        best
    }
}

fn expression(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build()
        .map_err(|error| format!("handoff.patterns has `{pattern}`, which cannot be used: {error}"))
}

/// Returns a keyword's forms: an apostrophe may be written, be a space, or be left out.
fn spellings(keyword: &str) -> Vec<Vec<char>> {
    let without: String = keyword.chars().filter(|c| !is_apostrophe(*c)).collect();
    let mut forms = vec![fold(keyword)];
    if without.len() < keyword.len() {
        forms.push(fold(&without));
    }
    forms.retain(|letters| !letters.is_empty());
    forms.dedup();
    forms
}

/// Whether the keyword is at this position of the folded text as whole words.
fn matches_at(text: &[char], at: usize, keyword: &[char]) -> bool {
    let mut end = at;
    for (i, wanted) in keyword.iter().enumerate() {
        match text.get(end) {
            Some(found) if found == wanted => end += 1,
            // Scripts without spaces need none between the words of a phrase.
            _ if *wanted == GAP && i > 0 && is_loose(keyword, i) => {}
            _ => return false,
        }
    }
    let before = at.checked_sub(1).and_then(|i| text.get(i)).copied();
    begins_word(before, keyword) && ends_word(keyword, text.get(end).copied())
}

fn is_loose(keyword: &[char], gap: usize) -> bool {
    let beside = [gap.checked_sub(1).and_then(|i| keyword.get(i)), keyword.get(gap + 1)];
    beside.into_iter().flatten().all(|c| matches!(Kind::of(*c), Kind::Dense | Kind::Symbol))
}

fn begins_word(before: Option<char>, keyword: &[char]) -> bool {
    let Some(before) = before.map(Kind::of) else { return true };
    match keyword.first().copied().map_or(Kind::Symbol, Kind::of) {
        Kind::Dense | Kind::Symbol => true,
        Kind::Hangul => before != Kind::Hangul,
        Kind::Spaced | Kind::Mark | Kind::Gap => !matches!(before, Kind::Spaced | Kind::Mark),
    }
}

fn ends_word(keyword: &[char], after: Option<char>) -> bool {
    let Some(after) = after.map(Kind::of) else { return true };
    match keyword.last().copied().map_or(Kind::Symbol, Kind::of) {
        // Korean appends particles and verbs to a word.
        Kind::Dense | Kind::Symbol | Kind::Hangul => after != Kind::Mark,
        Kind::Spaced | Kind::Mark | Kind::Gap => !matches!(after, Kind::Spaced | Kind::Mark),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decide(question: &str, handoff: &Handoff) -> Option<TurnReason> {
        Rules::compile(handoff).ok()?.decide(question)
    }

    fn handoff(keywords: &[&str], patterns: &[&str]) -> Handoff {
        let mut rules: Vec<_> =
            keywords.iter().map(|word| HandoffRule::Keyword((*word).to_owned())).collect();
        rules.extend(patterns.iter().map(|pattern| HandoffRule::Pattern((*pattern).to_owned())));
        Handoff { rules, ..Handoff::default() }
    }

    fn matches(keyword: &str, message: &str) -> bool {
        decide(message, &handoff(&[keyword], &[])).is_some()
    }

    const FOUND: &[(&str, &str)] = &[
        // English
        ("human", "HUMAN!!!"),
        ("human", "can I talk to a human?"),
        ("human", "*human*"),
        ("human", "_human_ ~now~"),
        ("human", "Ｈｕｍａｎ please"),
        ("human", "hu\u{200B}man"),
        ("human", "𝐡𝐮𝐦𝐚𝐧"),
        ("human", "real-human"),
        ("human", "human's"),
        ("human", "我要human客服"),
        ("human", "human😡"),
        ("HUMAN", "human"),
        ("speak to someone", "I'd like to Speak-to  someone."),
        ("speak to someone", "speak\nto\nsomeone"),
        ("speak to someone", "please SPEAK, to... someone"),
        ("speak-to-someone", "speak to someone"),
        ("can't", "I can't log in"),
        ("can't", "I can’t log in"),
        ("can't", "i can t log in"),
        ("can't", "i cant log in"),
        ("can t", "I can't log in"),
        ("24/7", "are you there 24 / 7 ?"),
        ("999", "call 999 now"),
        ("1", "1\u{FE0F}\u{20E3}"),
        // Spanish
        ("devolución", "quiero una DEVOLUCION ya"),
        ("devolucion", "¿Devolución?"),
        ("hablar con una persona", "¡Quiero hablar con  una persona!"),
        // Portuguese
        ("reclamação", "tenho uma reclamacao"),
        ("não funciona", "o site NAO FUNCIONA"),
        // French
        ("humain", "passez-moi l'humain"),
        ("être humain", "Un ETRE HUMAIN svp"),
        ("sœur", "ma soeur"),
        ("plus tard", "Rappelez\u{00A0}plus\u{202F}tard"),
        // German
        ("Straße", "welche STRASSE?"),
        ("strasse", "Welche Straße?"),
        ("Rückgabe", "RÜCKGABE bitte"),
        ("Rückgabe", "ruckgabe"),
        ("Rückgabe", "Ru\u{0308}ckgabe"),
        // Polish, Czech, Danish, Vietnamese, Turkish
        ("człowiek", "chce czlowiek"),
        ("stížnost", "STIZNOST"),
        ("smørrebrød", "smorrebrod"),
        ("nhân viên", "cho toi gap nhan vien"),
        ("İNSAN", "bir insan ile"),
        ("iade", "IADE istiyorum"),
        ("ışık", "ISIK"),
        // Greek
        ("άνθρωπος", "ΑΝΘΡΩΠΟΣ"),
        ("ανθρωποσ", "άνθρωπος;"),
        // Russian, Ukrainian
        ("человек", "Позовите ЧЕЛОВЕКА, человек!"),
        ("ещё", "еще раз"),
        ("комп'ютер", "мій компʼютер"),
        ("комп'ютер", "мій компютер"),
        // Arabic, Persian
        ("إنسان", "أريد انسان"),
        ("موظف", "مُوَظَّف"),
        ("موظف", "مـوظـف"),
        ("خدمة العملاء", "خدمه العملاء؟"),
        ("کارشناس", "كارشناس"),
        // Hebrew
        ("נציג", "נָצִיג"),
        ("בן אדם", "בן־אדם"),
        // Hindi, Bengali, Tamil
        ("इंसान", "मुझे इंसान से बात करनी है"),
        ("মানুষ", "আমি মানুষ চাই।"),
        ("மனிதர்", "மனிதர் வேண்டும்"),
        // Chinese, Japanese, Korean
        ("人工", "请帮我转人工客服"),
        ("人工 客服", "转人工客服"),
        ("人工 客服", "人工、客服"),
        ("退款", "我要退款！"),
        ("返金", "返金してください"),
        ("オペレーター", "ｵﾍﾟﾚｰﾀｰにつないで"),
        ("担当者", "担当者と話したい"),
        ("상담원", "상담원과 통화하고 싶어요"),
        ("환불", "환불해주세요"),
        // Thai, Lao, Khmer, Burmese
        ("เจ้าหน้าที่", "ขอคุยกับเจ้าหน้าที่หน่อย"),
        ("คืนเงิน", "อยากคืนเงินค่ะ"),
        ("ພະນັກງານ", "ຂໍລົມກັບພະນັກງານ"),
        ("មនុស្ស", "ខ្ញុំចង់និយាយជាមួយមនុស្ស"),
        ("လူ", "လူနဲ့ပြောချင်တယ်"),
        // Emoji
        ("🆘", "help🆘🆘"),
        ("☎️", "☎"),
        ("🙋", "🙋🏽‍♀️"),
        ("call ☎", "call ☎️ me"),
    ];

    #[test]
    fn a_keyword_is_found_in_whatever_way_customers_write_it() {
        for (keyword, message) in FOUND {
            assert!(matches(keyword, message), "{keyword:?} should be found in {message:?}");
        }
    }

    #[test]
    fn descriptions_are_matched_apart_and_only_if_there_are_any() {
        let rules = Rules::compile(&handoff(&[], &[r"^\W*$", "^Basket: "])).unwrap();
        let reason = |question: &Question| escalate(&rules, (&[], &Texts::default()), question).0;
        let plain = Question::written("When do you open?");
        assert_eq!(reason(&plain), None, "nothing beside the words is no message of no words");
        let basket = Question { descriptions: vec!["Basket: 1 × lamp".into()], ..plain.clone() };
        assert!(reason(&basket).is_some());
        let file = Question { file_notes: vec!["Basket: it is a picture".into()], ..plain };
        assert_eq!(reason(&file), None, "the name of a file calls nobody");
    }

    #[test]
    fn a_keyword_is_not_found_inside_other_words() {
        for (keyword, message) in [
            ("human", "humana medical plan"),
            ("human", "inhuman, superhuman and humans"),
            ("human", "human2"),
            ("human", "hümanität"),
            ("speak to someone", "speak to a person, not someone"),
            ("speak to someone", "someone to speak"),
            ("speak to someone", "speaktosomeone"),
            ("ill", "I'll come tomorrow"),
            ("can't", "a decant cantata"),
            ("999", "it cost 1999"),
            ("24/7", "247"),
            ("persona", "personaje"),
            ("persona", "información personal"),
            ("agente", "es urgente, agentes"),
            ("pessoa", "pessoal"),
            ("humain", "humaine"),
            ("Mensch", "Menschen"),
            ("człowiek", "człowieka"),
            ("insan", "insanlar"),
            ("άνθρωπος", "ανθρωπότητα"),
            ("мой", "мои заказы"),
            ("человек", "человеческий"),
            ("موظف", "موظفون"),
            ("נציג", "נציגים"),
            ("मानव", "मानवी"),
            ("मानव", "मानवता"),
            ("மனித", "மனிதர்"),
            ("환불", "무환불"),
            ("人工", "人类和工人"),
            ("ハ", "パ"),
            ("か", "が"),
            ("คน", "คนิ"),
            ("🆘", "help ☎"),
            ("人工", "人。工"),
        ] {
            assert!(!matches(keyword, message), "{keyword:?} should not be found in {message:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_is_the_reason() {
        let mut rules = handoff(&["refund", "human"], &["(?i)order #\\d+"]);
        rules.rules.rotate_right(1);
        let compiled = Rules::compile(&rules).unwrap();
        assert_eq!(compiled.len(), 3);
        let reason = |message| compiled.decide(message);
        let keyword = |word: &str| Some(TurnReason::Keyword { keyword: word.to_owned() });
        assert_eq!(reason("a human must refund me"), keyword("refund"));
        assert_eq!(reason("a human!"), keyword("human"));
        assert_eq!(
            reason("refund Order #12"),
            Some(TurnReason::Pattern { pattern: "(?i)order #\\d+".to_owned() })
        );
        assert_eq!(reason("when do you open?"), None);
    }

    #[test]
    fn a_pattern_sees_the_message_as_it_was_written() {
        assert!(decide("COMPLAINT", &handoff(&[], &["^[A-Z]+$"])).is_some());
        assert!(decide("complaint", &handoff(&[], &["^[A-Z]+$"])).is_none());
        assert!(decide("¿Devolución?", &handoff(&[], &["Devolución"])).is_some());
        assert!(decide("?? ?", &handoff(&[], &[r"\?{2}"])).is_some());
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let rules = handoff(&["human"], &["(unclosed", "refund"]);
        let error = Rules::compile(&rules).unwrap_err();
        assert!(error.contains("`(unclosed`"), "{error}");
        let error = Rules::compile(&handoff(&[], &[r"(\w{500}){500}"])).unwrap_err();
        assert!(error.contains("size limit"), "{error}");
    }

    #[test]
    fn empty_rules_are_ignored() {
        let rules = handoff(&["", "  ", "...", "\u{200B}", "'"], &["", " "]);
        assert_eq!(Rules::compile(&rules).unwrap().len(), 0);
        for message in ["", " ", "hello", "...", "'"] {
            assert_eq!(decide(message, &rules), None, "{message:?}");
        }
    }

    #[test]
    fn a_long_hostile_message_is_decided_quickly() {
        let words: Vec<String> = (0..500).map(|n| format!("aaaa aaaa aaaa {n}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let rules = Rules::compile(&handoff(&words, &["(a+)+$"])).unwrap();
        let message = "aaaa ".repeat(20_000) + "\u{0301}".repeat(1000).as_str() + "b";
        let started = std::time::Instant::now();
        assert_eq!(rules.decide(&message), None);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_panics(keyword in ".{0,12}", pattern in ".{0,12}", message in ".{0,80}") {
            let _ = decide(&message, &handoff(&[&keyword], &[&pattern]));
        }

        #[test]
        fn a_word_is_found_between_any_others(word in "[a-zà-öø-ÿа-я]{1,9}", before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            let message = format!("{before} ({}) {after}", word.to_uppercase());
            prop_assert!(matches(&word, &message), "{} in {}", word, message);
        }
    }
}
