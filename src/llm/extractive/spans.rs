//! Part of the answers without a model: lets a question answering model choose what is quoted. It
//! finds the words that answer, which are then quoted with their sentence, row or record, as without
//! it. Must not decide by shared words where the model found an answer, or none.

use std::ops::Range;
use std::rc::Rc;

use futures::future::try_join_all;

use super::scoring::Question;
use super::units::{self, Kind, Unit};
use super::words::Words;
use super::write::{self, Part};
use super::{sections, split_questions};
use crate::domain::{Passage, Prompt, searchable};
use crate::qa::{Error, QaModel, Span};

/// How many passages are read for a question: each takes some tens of milliseconds.
const READ: usize = 8;

/// Returns the answer with a citation mark after each part, or `None` when the model finds none.
pub(super) async fn answer(qa: &dyn QaModel, prompt: &Prompt) -> Result<Option<String>, Error> {
    let mut asked = split_questions(&prompt.question);
    if asked.is_empty() {
        asked.push(prompt.question.trim());
    }
    // All at once, so that the time for several questions is limited as that for one.
    let parts = try_join_all(asked.into_iter().map(|asked| part(qa, asked, prompt))).await?;
    Ok(write::join(parts.into_iter().flatten().collect()))
}

/// Returns what answers one question.
async fn part(qa: &dyn QaModel, asked: &str, prompt: &Prompt) -> Result<Option<Part>, Error> {
    let read = likely(asked, prompt);
    let texts: Vec<String> = read.iter().map(|(_, passage)| text(passage)).collect();
    let spans = qa.find(asked, &texts).await?;
    let found = read.into_iter().zip(texts).zip(spans);
    let found =
        found.filter_map(|(place, span)| Some((place, span.filter(|one| one.margin > 0.0)?)));
    let best =
        found.reduce(|best, other| if other.1.margin > best.1.margin { other } else { best });
    let Some((((mark, passage), text), span)) = best else { return Ok(None) };
    tracing::debug!(
        mark,
        probability = span.probability,
        margin = span.margin,
        "a question answering model chose the passage"
    );
    let found = (text.as_str(), &span);
    Ok(quote((asked, prompt.weekday), passage, mark, found))
}

/// Returns the passages to read with their citation marks: those that share words with the question
/// first, best first. A translation or a synonym shares none.
fn likely<'a>(asked: &str, prompt: &'a Prompt) -> Vec<(usize, &'a Passage)> {
    let passages = &prompt.passages;
    let Some(first) = passages.first() else { return Vec::new() };
    let words = Words::of(asked, &first.chunk.body, prompt.weekday);
    let ranked = sections::rank(asked, passages, &words);
    let mut marks: Vec<usize> = ranked.iter().map(|section| section.mark).collect();
    let others = (1..=passages.len()).filter(|mark| !marks.contains(mark)).collect::<Vec<_>>();
    marks.extend(others);
    marks.into_iter().take(READ).filter_map(|mark| Some((mark, passages.get(mark - 1)?))).collect()
}

/// The text of a passage that is read: a sentence is often understood from its heading alone.
fn text(passage: &Passage) -> String {
    let chunk = &passage.chunk;
    searchable(&chunk.title, &chunk.heading, &units::without_marks(&chunk.body))
}

/// Quotes the unit that holds the span, to a question that is asked on this weekday.
fn quote(
    (asked, weekday): (&str, Option<u8>),
    passage: &Passage,
    mark: usize,
    (text, span): (&str, &Span),
) -> Option<Part> {
    let words = Words::of(asked, &passage.chunk.body, weekday);
    let mut units = units::read(mark, 1.0, &passage.chunk, &words);
    let body = units::without_marks(&passage.chunk.body);
    let above = text.len().saturating_sub(body.len());
    let in_body = span.range.start.saturating_sub(above)..span.range.end.saturating_sub(above);
    let best = unit_at(&units, &body, in_body);
    let said = text.get(span.range.clone()).unwrap_or_default();
    let is_record = units.get(best?).is_some_and(|unit| unit.block.kind == Kind::Record);
    // Of a record the fields are quoted that the question names.
    let asked = if is_record { format!("{asked} {said}") } else { asked.to_owned() };
    let question = Question::read(&asked, &units, &words);
    // In a title or heading: the words of the question choose what stands below.
    let best = if in_heading(span, above) { question.best(&units)?.0 } else { best? };
    let best = alone_if_words_prefer_others(&mut units, best, &question);
    write::part(&units, best, &question, write::TARGET_REPLY_LEN)
}

fn in_heading(span: &Span, above: usize) -> bool {
    span.range.end <= above
}

/// Takes the other rows or items out of a list in which words would choose another one than the
/// model did: they are what the question does not mean. Returns the place of the chosen one.
fn alone_if_words_prefer_others(units: &mut Vec<Unit>, best: usize, asked: &Question) -> usize {
    let Some(unit) = units.get(best) else { return best };
    let (block, share) = (unit.block.clone(), asked.own_share(unit));
    let is_other = |unit: &Unit| Rc::ptr_eq(&unit.block, &block);
    let is_list = matches!(block.kind, Kind::List | Kind::Rows);
    if !is_list || !units.iter().any(|unit| is_other(unit) && asked.own_share(unit) > share) {
        return best;
    }
    let chosen = units.swap_remove(best);
    units.retain(|unit| !is_other(unit));
    units.insert(0, chosen);
    0
}

/// Returns the unit that holds most of a range of the body; if none does, as with a caption, the next
/// one. Units have the letters and digits of the body in its order; spaces, bullets and what joins
/// items may differ.
fn unit_at(units: &[Unit], body: &str, range: Range<usize>) -> Option<usize> {
    let before = |at: usize| letters(body.get(..at).unwrap_or(body)).len();
    let (from, to) = (before(range.start), before(range.end));
    let all = letters(body);
    let (mut read, mut best) = (0, None);
    for (place, unit) in units.iter().enumerate() {
        let own = letters(&unit.text);
        let rest = all.get(read..).unwrap_or_default();
        // The numbers of inner items are in the body alone: then only the begin is as it stands.
        let mut begins = BEGINS.iter().map(|length| &own[..own.floor_char_boundary(*length)]);
        let found = begins.find_map(|begin| Some((read + rest.find(begin)?, begin.len())));
        let Some((start, length)) = found else { continue };
        read = start + length;
        let end = start + own.len();
        let common = end.min(to).saturating_sub(start.max(from));
        let is_better = best.map_or(end > from, |(_, most)| common > most);
        if is_better {
            best = Some((place, common));
        }
    }
    best.map(|(place, _)| place).or_else(|| units.len().checked_sub(1))
}

/// Bytes of a unit that are searched in the body, if those before are not found.
const BEGINS: [usize; 2] = [60, 8];

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Chunk, Scores};
    use crate::llm::{Completion, Settings};

    /// Finds what it is told to find, and notes what it is asked.
    #[derive(Default)]
    struct Fake {
        finds: Vec<(&'static str, f32)>,
        fails: Option<&'static str>,
        read: Mutex<Vec<(String, Vec<String>)>>,
    }

    impl Fake {
        fn finding(finds: &[(&'static str, f32)]) -> Arc<Self> {
            Arc::new(Self { finds: finds.to_vec(), ..Self::default() })
        }
    }

    #[async_trait]
    impl QaModel for Fake {
        fn identity(&self) -> Option<&str> {
            Some("local/fake")
        }

        async fn find(&self, question: &str, texts: &[String]) -> Result<Vec<Option<Span>>, Error> {
            self.read.lock().unwrap().push((question.to_owned(), texts.to_vec()));
            if let Some(why) = self.fails {
                return Err(Error::Failed(why.into()));
            }
            let find = |text: &String| {
                let found = self.finds.iter().find_map(|(words, margin)| {
                    let from = text.rfind(words)?;
                    Some((from..from + words.len(), *margin))
                });
                let (range, margin) = found.unwrap_or((0..0, -9.0));
                Some(Span { range, probability: 0.5, margin })
            };
            Ok(texts.iter().map(find).collect())
        }
    }

    fn passage(source: &str, heading: &str, body: &str) -> Passage {
        let chunk = Chunk {
            source: source.to_owned(),
            title: source.split('.').next().unwrap_or("").replace('-', " "),
            heading: heading.to_owned(),
            ..Chunk::saying(body)
        };
        Passage { chunk: Arc::new(chunk), scores: Scores::default() }
    }

    fn prompt(question: &str, passages: &[Passage]) -> Prompt {
        Prompt {
            model: String::new(),
            temperature: 0.0,
            max_output_tokens: 100,
            messages: Vec::new(),
            question: question.to_owned(),
            passages: passages.into(),
            confidence: 0.9,
            min_confidence: 0.5,
            weekday: None,
            tokens: 0,
            pictures: Vec::new(),
        }
    }

    async fn complete(qa: Arc<Fake>, question: &str, passages: &[Passage]) -> Completion {
        Settings::without_model(qa).complete(&prompt(question, passages), None).await.unwrap()
    }

    /// Returns the answer, empty without one.
    async fn said(finds: &[(&'static str, f32)], question: &str, passages: &[Passage]) -> String {
        match complete(Fake::finding(finds), question, passages).await {
            Completion::Text { text, failures, .. } => {
                assert_eq!(failures, [""; 0]);
                text
            }
            _ => String::new(),
        }
    }

    fn hours() -> Passage {
        let body = "Day: Open\nMonday: closed\nTuesday to Friday: 09:30 to 18:30\nSaturday: 09:00 to 17:00";
        passage("opening-hours.md", "Shop", body)
    }

    #[tokio::test]
    async fn the_span_chooses_the_passage_and_the_unit_though_words_choose_others() {
        let long = "The workshop is in the yard. ".repeat(30);
        let body = format!("We sell bikes of all kinds. {long}A loan costs six euros. {long}");
        let passages = [hours(), passage("loans.md", "", &body)];
        let asked = "do you sell bikes of all kinds on monday";
        assert!(said(&[("closed", 1.0)], asked, &passages).await.contains("Monday: closed"));
        let text = said(&[("six euros", 2.0), ("closed", 1.0)], asked, &passages).await;
        assert!(text.contains("A loan costs six euros.") && text.ends_with("[2]"), "{text}");
        assert!(!text.contains("all kinds") && text.len() < 400, "{text}");
        // Of two rows the one with the span, not the one with the question's words.
        let text = said(&[("09:30 to 18:30", 1.0)], "is saturday or a work day better", &passages);
        assert_eq!(text.await, "Tuesday to Friday: 09:30 to 18:30 [1]");
        let text = said(&[("09:00", 1.0)], "are you open on saturday?", &passages).await;
        assert_eq!(text, "Saturday: 09:00 to 17:00 [1]");
    }

    #[tokio::test]
    async fn the_unit_is_found_among_equal_words_captions_lists_and_marks() {
        let rest = "Nothing else is free of charge. ".repeat(30);
        let body = format!(
            "Free things:\n\n- air\n- a map [1]\n  - of the town\n\nA map costs €2 elsewhere. {rest}"
        );
        let free = [passage("free.md", "", &body)];
        let text = said(&[("of the town", 1.0)], "what is given away", &free).await;
        assert!(text.contains("- a map; of the town"), "{text}");
        let text = said(&[("€2", 1.0)], "what is given away", &free).await;
        assert!(text.starts_with("A map costs €2 elsewhere."), "{text}");
        let arabic = format!(
            "نفتح من التاسعة صباحا. {}التوصيل مجاني.",
            "المتجر في وسط المدينة. ".repeat(40)
        );
        let arabic = [passage("ar.md", "", &arabic)];
        let text = said(&[("مجاني", 1.0)], "كم رسوم الشحن؟", &arabic).await;
        assert!(text.contains("التوصيل مجاني."), "{text}");
        let chinese =
            format!("营业时间是9点到18点。{}停车场在店后面。", "星期天休息。".repeat(120));
        let text = said(&[("店后面", 1.0)], "在哪里", &[passage("zh.md", "", &chinese)]).await;
        assert!(text.contains("停车场在店后面。") && !text.contains("营业"), "{text}");
    }

    #[tokio::test]
    async fn a_record_is_said_with_the_field_that_holds_the_span() {
        let body = "sku: BW-CITY7\nname: Quay 7\ncategory: city bike\nprice: 649.00\nnotes: Aluminium frame.";
        let bikes = [passage("bikes.csv", "", body)];
        let text = said(&[("Aluminium", 1.0)], "what is it made of", &bikes).await;
        assert!(text.starts_with("Quay 7:\n- ") && text.contains("Aluminium frame."), "{text}");
    }

    #[tokio::test]
    async fn a_span_in_a_heading_quotes_what_stands_below() {
        let yearly =
            passage("service.md", "The yearly service, €95", "Wheels trued, cables oiled.");
        let text =
            said(&[("€95", 1.0)], "how much is the yearly service", &[hours(), yearly]).await;
        assert_eq!(text, "Wheels trued, cables oiled. [2]");
    }

    #[tokio::test]
    async fn no_answer_in_any_passage_refuses_and_offers_what_is_near() {
        let passages = [hours(), passage("loans.md", "", "A loan costs €6 a day.")];
        let completion = complete(Fake::finding(&[]), "what does a loan cost?", &passages).await;
        let near = vec!["loans".into()];
        assert_eq!(completion, Completion::NoAnswer { model: "extractive".into(), near });
        let even = said(&[("€6", 0.0)], "what does a loan cost?", &passages).await;
        assert_eq!(even, "", "no answer is as probable");
    }

    #[tokio::test]
    async fn several_questions_are_asked_one_by_one_and_few_passages_are_read() {
        let passages: Vec<Passage> = (0..15)
            .map(|n| passage(&format!("p{n}.md"), "", &format!("Word {n}. A loan costs €{n}.")))
            .collect();
        let fake = Fake::finding(&[("€14", 1.0)]);
        let asked = "What does loan word 14 cost? And when can I have it?";
        let completion = complete(fake.clone(), asked, &passages).await;
        let Completion::Text { text, .. } = completion else { panic!("{completion:?}") };
        assert_eq!(text, "Word 14. A loan costs €14. [15]", "said once");
        let read = std::mem::take(&mut *fake.read.lock().unwrap());
        let asked: Vec<&str> = read.iter().map(|(asked, _)| asked.as_str()).collect();
        assert_eq!(asked, ["What does loan word 14 cost?", "And when can I have it?"]);
        assert!(read.iter().all(|(_, texts)| texts.len() == READ));
        // Without shared words the passages come as they were found.
        let fake = Fake::finding(&[("€3", 1.0)]);
        let text = complete(fake.clone(), "combien?", &passages).await;
        assert!(matches!(text, Completion::Text { .. }), "{text:?}");
    }

    #[tokio::test]
    async fn a_model_that_fails_leaves_the_choice_to_words_and_the_trace_says_so() {
        let fails = Arc::new(Fake { fails: Some("8 passages were not read"), ..Fake::default() });
        let asked = "are you open on saturday?";
        let completion = complete(fails, asked, &[hours()]).await;
        let Completion::Text { text, failures, .. } = completion else { panic!("{completion:?}") };
        assert_eq!(text, "Saturday: 09:00 to 17:00 [1]");
        assert_eq!(failures.len(), 1);
        assert!(failures[0].contains("not read") && failures[0].contains("words"), "{failures:?}");
    }

    #[tokio::test]
    async fn below_the_confidence_and_for_greetings_nothing_is_read() {
        let fake = Fake::finding(&[("closed", 9.0)]);
        let unsure = Prompt { confidence: 0.4, ..prompt("are you open on monday?", &[hours()]) };
        let model = Settings::without_model(fake.clone());
        let completion = model.complete(&unsure, None).await;
        assert!(matches!(completion, Ok(Completion::NoAnswer { .. })), "{completion:?}");
        let completion = model.complete(&prompt("Hello!", &[hours()]), None).await;
        assert!(matches!(completion, Ok(Completion::Greeting { .. })), "{completion:?}");
        assert!(fake.read.lock().unwrap().is_empty());
        assert!(model.check().await.unwrap().contains("local/fake"));
    }

    proptest! {
        #[test]
        fn no_span_panics(body in ".{0,160}", question in ".{0,40}", from in 0..200_usize, length in 0..90_usize, csv in any::<bool>()) {
            let passage = passage(if csv { "a.csv" } else { "a.md" }, "heading", &body);
            let text = text(&passage);
            let from = text.floor_char_boundary(from);
            let to = text.ceil_char_boundary(from + length);
            let span = Span { range: from..to, probability: 1.0, margin: 1.0 };
            let _ = quote((&question, None), &passage, 1, (&text, &span));
        }

        #[test]
        fn a_span_in_any_structure_is_quoted(parts in prop::collection::vec(prop::sample::select(vec![
            "- ", "1. ", ": ", "; ", "\n", "\n\n", "word ", "It is. ", "€5", "?", "name: ", "  ", "价格", "🙂", ":", "[1]",
        ]), 0..40), csv in any::<bool>()) {
            let body = format!("{}\n\nThe end is near.", parts.concat());
            let passage = passage(if csv { "a.csv" } else { "a.md" }, "", &body);
            let text = text(&passage);
            let from = text.rfind("end is").unwrap();
            let span = Span { range: from..from + 6, probability: 1.0, margin: 1.0 };
            let said = quote(("what?", None), &passage, 1, (&text, &span)).and_then(|part| write::join(vec![part]));
            prop_assert!(said.as_ref().is_some_and(|said| said.contains("The end is near.")), "{:?}", said);
        }
    }
}
