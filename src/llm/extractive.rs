//! Answers without a model: the sentences of the best passages that answer the question, or an
//! honest "I don't know". Words choose them, or a question answering model (`spans`). Must not write
//! a word that is not in a passage.

use std::rc::Rc;

use async_trait::async_trait;
use frontdesk_language::sentences;

use super::{Completion, Error, Hear, Model, ModelKind};
use crate::domain::{Prompt, Usage};
use crate::qa::QaModel;
use crate::slot::AdapterSlot;

mod small_talk;
pub(crate) use small_talk::asks_nothing;
mod sections;
mod units;
mod scoring;
mod spans;
mod words;
mod write;

use scoring::Question;
use sections::Section;
use units::Unit;
use words::Words;
use write::Part;

/// Model name recorded for answers without a model.
const NAME: &str = "extractive";

/// Minimum probability that the passages answer, 0 to 1. Below it, most answers are to another
/// question; benches/RESULTS.md has the shares.
const MIN_CONFIDENCE: f32 = 0.5;

/// How many passages are ranked for an answer, if the search found as many: the right one is often
/// not among the first. benches/RESULTS.md has the figures.
pub(crate) const PASSAGES: usize = 15;

/// How many of the best sections are compared to weigh words and find similar records.
const COMPARED: usize = 5;

/// Minimum share of a question's words that its section holds, when a message asks several.
const MIN_SHARE: f32 = 0.5;

/// Minimum score of a second section, relative to the first.
const MIN_SECOND_SCORE: f32 = 0.7;

/// Maximum length of a reply of two sections, in characters.
const MAX_REPLY_LEN: usize = 900;

/// Minimum share of a question's words in a section that is offered instead of an answer.
const MIN_NEAR_SHARE: f32 = 0.25;

/// Maximum sections offered.
const CHOICES: usize = 3;

/// Maximum questions answered per message.
const QUESTIONS: usize = 3;

pub(super) struct Extractive {
    qa: AdapterSlot<dyn QaModel>,
}

impl Extractive {
    /// Answers whose sentences `qa` chooses, or words if it is off.
    pub(super) fn new(qa: AdapterSlot<dyn QaModel>) -> Self {
        Self { qa }
    }

    /// Returns the answer, if there is one, and why words chose it though there is a model that could.
    async fn answer(&self, prompt: &Prompt) -> (Option<String>, Vec<String>) {
        let qa = self.qa.current();
        if qa.identity().is_none() {
            return (answer(prompt), Vec::new());
        }
        match spans::answer(&*qa, prompt).await {
            Ok(text) => (text, Vec::new()),
            Err(error) => {
                tracing::warn!(%error, "words choose what is quoted");
                (answer(prompt), vec![format!("{error}; words chose what is quoted")])
            }
        }
    }
}

#[async_trait]
impl Model for Extractive {
    fn kind(&self, _: &str) -> ModelKind {
        ModelKind::Quotes
    }

    fn default_model(&self) -> &'static str {
        NAME
    }

    fn min_confidence(&self) -> f32 {
        MIN_CONFIDENCE
    }

    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error> {
        let model = NAME.to_owned();
        if small_talk::asks_nothing(&prompt.question) {
            return Ok(Completion::Greeting { model });
        }
        let sure = prompt.confidence >= prompt.min_confidence;
        let (answer, failures) = if sure { self.answer(prompt).await } else { (None, Vec::new()) };
        let Some(text) = answer else {
            let near = near(prompt);
            return Ok(Completion::NoAnswer { model, near });
        };
        if let Some(hear) = hear {
            hear(&text);
        }
        Ok(Completion::Text { text, model, usage: Usage::default(), failures })
    }

    async fn check(&self) -> Result<String, Error> {
        Ok(match self.qa.current().identity() {
            None => "extractive answers, no model needed".to_owned(),
            Some(name) => format!("extractive answers, chosen by {name}"),
        })
    }
}

/// Returns the answer with a citation mark after each part, or `None` when no passage holds one.
fn answer(prompt: &Prompt) -> Option<String> {
    let Prompt { question, passages, weekday, .. } = prompt;
    let words = Words::of(question, &passages.first()?.chunk.body, *weekday);
    let mut parts = Vec::new();
    for asked in split_questions(question) {
        let sections = sections::rank(asked, passages, &words);
        if sections.first().is_some_and(|best| best.share >= MIN_SHARE && best.is_about) {
            parts.extend(quote(asked, &sections, &words).into_iter().take(1));
        }
    }
    if parts.is_empty() {
        parts = quote(question, &sections::rank(question, passages, &words), &words);
    }
    write::join(parts)
}

/// Returns the titles and headings of the sections that may be meant, best first.
fn near(prompt: &Prompt) -> Vec<String> {
    let Prompt { question, passages, weekday, .. } = prompt;
    let Some(best) = passages.first() else { return Vec::new() };
    let words = Words::of(question, &best.chunk.body, *weekday);
    let sections = sections::rank(question, passages, &words);
    let mut near: Vec<String> = Vec::new();
    let may_be_meant = sections.iter().filter(|one| one.is_about && one.share >= MIN_NEAR_SHARE);
    for label in may_be_meant.filter_map(|section| sections::label(&section.passage.chunk)) {
        // What was chosen before, and gave no answer, gives none now.
        let is_new = !near.contains(&label) && label != question.trim();
        if near.len() < CHOICES && is_new {
            near.push(label);
        }
    }
    near
}

/// Returns what answers the question: of the best section, and of one more of the same document.
/// Sections of two documents rarely speak of the same.
fn quote(question: &str, sections: &[Section], words: &Words) -> Vec<Part> {
    let read = |section: &Section| {
        units::read(section.mark, section.relative_score, &section.passage.chunk, words)
    };
    let units: Vec<Unit> = sections.iter().take(COMPARED).flat_map(read).collect();
    let asked = Question::read(question, &units, words);
    // A table of contents holds all words and says nothing.
    let best = sections.iter().take(COMPARED).enumerate().find_map(|(place, section)| {
        let from = units.iter().position(|unit| unit.block.mark == section.mark)?;
        let own = units.iter().skip(from).take_while(|unit| unit.block.mark == section.mark);
        let (best, _) = asked.best(units.get(from..from + own.count())?)?;
        Some((place, section, from + best))
    });
    let Some((place, first, best)) = best else { return Vec::new() };
    if units.get(best).is_some_and(|unit| unit.block.kind == units::Kind::Record) {
        let records = similar_records(&units, best, &asked);
        let room = write::TARGET_REPLY_LEN / records.len().max(1);
        return records
            .into_iter()
            .filter_map(|record| write::part(&units, record, &asked, room))
            .collect();
    }
    let mut parts = Vec::from_iter(write::part(&units, best, &asked, write::TARGET_REPLY_LEN));
    let near = |other: &&Section| {
        other.passage.chunk.source == first.passage.chunk.source
            && !units::is_rows_file(&other.passage.chunk.source)
            && other.score >= MIN_SECOND_SCORE * first.score
    };
    let mut second = sections.iter().skip(place + 1).find(near).map(read).unwrap_or_default();
    // Neighbouring sections of a long text share sentences.
    second.retain(|unit| !parts.iter().any(|part| part.says(&unit.text)));
    if let Some((best, _)) = asked.best(&second) {
        let part = write::part(&second, best, &asked, write::TARGET_REPLY_LEN);
        let fits = |part: &Part| {
            part.length() + parts.iter().map(Part::length).sum::<usize>() <= MAX_REPLY_LEN
        };
        parts.extend(part.filter(fits));
    }
    parts
}

/// Returns `first` plus the records that match as well as it does: customers rarely know an
/// article's exact name.
fn similar_records(units: &[Unit], first: usize, asked: &Question) -> Vec<usize> {
    let Some(best) = units.get(first) else { return vec![first] };
    let mut found = vec![first];
    for (i, unit) in units.iter().enumerate() {
        let equal = unit.block.kind == units::Kind::Record
            && asked.share_above(unit) >= 0.95 * asked.share_above(best)
            && asked.own_share(unit) >= 0.95 * asked.own_share(best);
        let known = found.iter().any(|known| {
            units.get(*known).is_some_and(|known| Rc::ptr_eq(&known.block, &unit.block))
        });
        if equal && !known && found.len() < QUESTIONS {
            found.push(i);
        }
    }
    found
}

/// Splits a message into its questions; empty when it asks fewer than two.
fn split_questions(question: &str) -> Vec<&str> {
    let (mut asked, mut from, mut end): (Vec<&str>, _, _) = (Vec::new(), 0, 0);
    for sentence in sentences(question) {
        end += sentence.len();
        let part = question[from..end].trim();
        if part.ends_with(['?', '？', '؟']) {
            from = end;
            asked.extend((part.split_whitespace().count() > 1).then_some(part));
        }
    }
    if asked.len() < 2 { Vec::new() } else { asked.into_iter().take(QUESTIONS).collect() }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Chunk, Passage, Scores};

    fn passage(source: &str, heading: &str, body: &str, coverage: f32) -> Passage {
        let chunk = Chunk {
            source: source.to_owned(),
            title: source.split('.').next().unwrap_or("").replace('-', " "),
            heading: heading.to_owned(),
            ..Chunk::saying(body)
        };
        Passage { chunk: Arc::new(chunk), scores: Scores { coverage, ..Scores::default() } }
    }

    fn words_only() -> Extractive {
        Extractive::new(AdapterSlot::new(crate::qa::off()))
    }

    fn from(passages: &[Passage], question: &str) -> String {
        answer(&prompt(question, passages.to_vec())).unwrap_or_default()
    }

    fn prompt(question: &str, passages: Vec<Passage>) -> Prompt {
        let best = passages.iter().map(|passage| passage.scores.coverage).fold(0.0, f32::max);
        Prompt {
            model: String::new(),
            temperature: 0.0,
            max_output_tokens: 100,
            messages: Vec::new(),
            question: question.to_owned(),
            passages: passages.into(),
            confidence: best,
            min_confidence: 0.5,
            weekday: None,
            tokens: 0,
            pictures: Vec::new(),
        }
    }

    fn offered(question: &str, passages: &[Passage]) -> Vec<String> {
        near(&prompt(question, passages.to_vec()))
    }

    /// Answers on a weekday, 0 for Monday.
    fn on(weekday: u8, passages: &[Passage], question: &str) -> String {
        let prompt = Prompt { weekday: Some(weekday), ..prompt(question, passages.to_vec()) };
        answer(&prompt).unwrap_or_default()
    }

    fn hours() -> Passage {
        let body = "Day: Open\nMonday: closed\nTuesday to Friday: 09:30 to 18:30\nSaturday: 09:00 to 17:00\nSunday (May to September): 10:00 to 14:00, rentals only";
        passage("opening-hours.md", "Shop", body, 0.9)
    }

    fn returns() -> Passage {
        let body = "You can bring or send back unused articles within 30 days of receiving them, in the original packing. No reason needed.\n\n- In the shop: bring the article and the receipt or order number.\n- By post: ask us for a return label. It costs €4.50, which we take off the refund.";
        passage("returns.md", "Parts, clothing and accessories", body, 0.8)
    }

    fn late() -> Passage {
        let body = "Tell us. The first 20 minutes are free, then €10 per started hour. If you come after closing, put the bike in the yard, lock it to the rail and drop the key in the red letter box.";
        passage("rental-rules.md", "Late back?", body, 0.8)
    }

    #[test]
    fn the_sentence_that_answers_is_said_with_its_mark() {
        let text =
            from(&[late(), returns()], "How much does it cost if I bring the rental back late?");
        assert!(
            text.contains("The first 20 minutes are free, then €10 per started hour."),
            "{text}"
        );
        assert!(text.ends_with("[1]") && text.len() < 300, "{text}");
        let text = from(&[late(), returns()], "Where do I put the key after closing?");
        assert!(text.contains("red letter box"), "{text}");
        let text = from(&[late(), returns()], "How many days do I have to return unused articles?");
        assert!(
            text.starts_with("You can bring or send back unused articles within 30 days"),
            "{text}"
        );
        assert!(text.ends_with("[2]"), "{text}");
    }

    #[test]
    fn a_row_of_a_table_is_said_alone_and_a_table_as_a_list() {
        assert_eq!(from(&[hours()], "are you open on saturday?"), "Saturday: 09:00 to 17:00 [1]");
        let text = from(&[hours()], "When is the shop open?");
        assert!(text.starts_with("Shop:\n- Monday: closed\n- Tuesday to Friday: 09:30"), "{text}");
        let areas = passage(
            "deliveries.md",
            "Areas and prices",
            "Area: A: Port Ansel, up to 5 km; How: our van; Price: €5; Free from: €60\nArea: B: Little Tarrow and Dunmere; How: our van; Price: €12; Free from: €150",
            0.8,
        );
        let text = from(&[areas], "how much is delivery to Dunmere?");
        assert_eq!(
            text,
            "Area: B: Little Tarrow and Dunmere; How: our van; Price: €12; Free from: €150 [1]"
        );
    }

    #[test]
    fn hours_of_today_and_of_days_within_a_span_are_said() {
        let hours = [hours()];
        let asked = "hi what time do you close today";
        assert_eq!(on(2, &hours, asked), "Tuesday to Friday: 09:30 to 18:30 [1]");
        assert_eq!(on(5, &hours, asked), "Saturday: 09:00 to 17:00 [1]");
        assert_eq!(on(0, &hours, asked), "Monday: closed [1]");
        assert_eq!(
            on(0, &hours, "are you open tomorrow?"),
            "Tuesday to Friday: 09:30 to 18:30 [1]"
        );
        assert_eq!(from(&hours, "open on wednesday?"), "Tuesday to Friday: 09:30 to 18:30 [1]");
        let said = passage(
            "opening-hours.md",
            "Shop",
            "From Tuesday to Friday we open at 09:30 and close at 18:30. On Saturday we open at 09:00 and close at 17:00. On Monday we are closed.",
            0.9,
        );
        let text = on(2, &[said], asked);
        assert_eq!(text, "From Tuesday to Friday we open at 09:30 and close at 18:30. [1]");
        let body = "Dia: Horário\nSegunda-feira a quinta-feira: 10h às 19h\nSexta-feira: 10h às 18h\nSábado: fechado";
        let horas = [passage("horarios.md", "Horário da clínica", body, 0.9)];
        assert!(on(1, &horas, "a que horas fecham hoje?").starts_with("Segunda-feira a quinta"));
        assert_eq!(on(4, &horas, "vocês abrem amanhã?"), "Sábado: fechado [1]");
    }

    #[test]
    fn the_section_that_speaks_of_it_is_quoted_though_another_was_found_first() {
        let air = passage(
            "faq.csv",
            "How much air should I put in my tyres?",
            "How much air should I put in my tyres?\nCity tyres: 4 bar.",
            0.5,
        );
        let yearly = passage(
            "service-levels.md",
            "Flow: the yearly service, €95",
            "Everything in Ebb, plus wheels trued, all cables lubricated.\n\nWe keep the bike for a day.",
            0.5,
        );
        let text = from(&[air, yearly], "Hello, how much for a yearly service");
        assert!(
            text.starts_with("Everything in Ebb") && text.ends_with("for a day. [2]"),
            "{text}"
        );
    }

    #[test]
    fn a_second_section_is_quoted_from_the_same_document_only() {
        let storing = |heading: &str, body: &str| passage("winter-storage.md", heading, body, 0.6);
        let how = storing("How to do it", "Bring the bike in October, we store it over winter.");
        let price = storing("Price", "- bike: €48 for the whole winter\n- e-bike: €72");
        let other = passage("rides.md", "Winter", "We ride in winter, too, on every bike.", 0.6);
        let asked = "do you store bikes over winter? how much is it";
        let text = from(&[how.clone(), other.clone(), price], asked);
        assert!(text.contains("October") && text.contains("€48"), "{text}");
        let text = from(&[how, other], asked);
        assert!(text.contains("October") && !text.contains("We ride"), "{text}");
        let row = |question: &str, answer: &str| {
            passage("faq.csv", question, &format!("{question}\n{answer}"), 0.6)
        };
        let rows = [
            row("Can I store a bike over winter?", "Yes, in October."),
            row("Can I ride a bike in winter?", "Yes, on studs."),
        ];
        assert_eq!(from(&rows, "can you store my bike over winter"), "Yes, in October. [1]");
    }

    #[test]
    fn a_list_keeps_the_line_that_introduces_it() {
        let body = "Cannot be returned:\n- helmets with the inner seal removed\n- worn shorts, gloves and socks\n- wheels built to your order";
        let passages = [passage("returns.md", "Limits", body, 0.9)];
        assert_eq!(
            from(&passages, "Can I return worn gloves?"),
            "Cannot be returned:\n- worn shorts, gloves and socks [1]"
        );
        let text = from(&passages, "What cannot be returned?");
        assert_eq!(text.lines().count(), 4, "{text}");
        let body = "We repair these on the spot:\n\n1. punctures\n2. brake pads\n3. gear cables";
        let text = from(&[passage("repairs.md", "", body, 0.9)], "what do you repair on the spot?");
        assert!(text.contains("- gear cables"), "{text}");
    }

    #[test]
    fn a_row_of_a_file_is_said_without_its_raw_columns() {
        let body = "sku: BW-CITY7\nname: Brightwater Quay 7\ncategory: city bike\nprice: 649.00\ncurrency: EUR\nstock: 6\ndescription: Aluminium city bike with 7 hub gears, mudguards, rack and dynamo light.";
        let text =
            from(&[passage("products.csv", "", body, 0.9)], "What is the price of the Quay 7?");
        assert!(text.starts_with("Brightwater Quay 7:\n- "), "{text}");
        assert!(text.contains("- Price: 649.00 EUR\n"), "{text}");
        for raw in ["BW-CITY7", "Currency", "Stock", "stock", "Description"] {
            assert!(!text.contains(raw), "{raw}: {text}");
        }
        let text = from(&[passage("products.csv", "", body, 0.9)], "How many Quay 7 are in stock?");
        assert!(text.contains("- Stock: 6"), "{text}");
        let body = "sku: GR-KID\nname: Grebe Duckling helmet\nprice: 39.90\nstock: 18\ndescription: Children's helmet.";
        let text = from(&[passage("products.csv", "", body, 0.9)], "Is there a kid helmet?");
        assert!(!text.contains("GR-KID") && !text.contains("18"), "{text}");
        let body = "Do you have a pump I can use?\nYes. A floor pump hangs on a chain to the right of the front door, day and night, free. It fits all three valve types.";
        let text = from(
            &[passage("faq.csv", "Do you have a pump I can use?", body, 0.9)],
            "do you have a bike pump",
        );
        assert!(text.starts_with("Yes. A floor pump hangs on a chain"), "{text}");
    }

    #[test]
    fn a_sentence_that_speaks_of_the_one_before_takes_it_along() {
        let rest = "The workshop is in the yard. ".repeat(20);
        let body = format!(
            "Our loan bikes are city bikes. They cost €6 a day. Ask for one when you book. {rest}"
        );
        let text = from(&[passage("loans.md", "", &body, 0.9)], "how much a day?");
        assert!(text.starts_with("Our loan bikes are city bikes. They cost €6 a day."), "{text}");
        assert!(!text.contains("yard"), "{text}");
    }

    #[test]
    fn a_sentence_with_an_address_is_said_whole() {
        let link = "https://www.youtube.com/watch?v=dQw4w9WgXcQ";
        let body = format!(
            "We love bikes. Here's a [video]({link}) about fitting mudguards. Ask Sr. Gil too."
        );
        let passages = [passage("mudguards.md", "", &body, 0.9)];
        let text = from(&passages, "Is there a video about fitting mudguards?");
        assert!(text.contains(&format!("Here's a [video]({link}) about fitting")), "{text}");
        let asked = format!("Does {link} say how to fit mudguards? And do you love bikes?");
        assert_eq!(split_questions(&asked).len(), 2, "the address asks nothing");
    }

    #[test]
    fn two_questions_get_two_answers() {
        let text = from(
            &[hours(), returns()],
            "Are you open on Saturday? And what does a return label cost by post?",
        );
        assert!(text.contains("Saturday: 09:00 to 17:00 [1]"), "{text}");
        assert!(text.contains("€4.50") && text.contains("[2]"), "{text}");
    }

    #[test]
    fn answers_are_given_in_the_language_of_the_documents() {
        let es = "Día: Abierto\nLunes: cerrado\nMartes a viernes: de 09:30 a 18:30\nSábado: de 09:00 a 17:00";
        assert_eq!(
            from(&[passage("horario.md", "Horario", es, 0.9)], "¿A qué hora abren el sabado?"),
            "Sábado: de 09:00 a 17:00 [1]"
        );
        let de = "Der Versand kostet 4,90 €. Ab 60 € liefern wir kostenlos. Die Lieferung dauert zwei bis drei Werktage. Im Laden gibt es Kaffee.";
        let text = from(&[passage("versand.md", "Versand", de, 0.9)], "Was kostet der Versand?");
        assert!(text.starts_with("Der Versand kostet 4,90 €."), "{text}");
        let text =
            from(&[passage("versand.md", "Versand", de, 0.9)], "Wie lange dauert die Lieferung?");
        assert!(text.contains("zwei bis drei Werktage"), "{text}");
        let fr = "La livraison coûte 6 €. Elle prend deux jours. Les retours sont gratuits pendant 30 jours.";
        let text = from(&[passage("livraison.md", "", fr, 0.9)], "Combien coûte la livraison ?");
        assert!(text.starts_with("La livraison coûte 6 €."), "{text}");
        let pt = "A entrega custa R$ 10. O prazo é de três dias. Aceitamos devoluções em 30 dias.";
        let text = from(&[passage("entrega.md", "", pt, 0.9)], "quanto custa a entrega?");
        assert!(text.starts_with("A entrega custa R$ 10."), "{text}");
        let ja = "営業時間は9時から18時までです。日曜日は休みです。駐車場は店の裏にあります。";
        let text = from(&[passage("jp.md", "", ja, 0.9)], "駐車場はどこですか");
        assert!(text.contains("駐車場は店の裏にあります。"), "{text}");
        let ar = "نفتح من التاسعة صباحا. التوصيل مجاني للطلبات فوق 50 يورو. المتجر في وسط المدينة.";
        let text = from(&[passage("ar.md", "", ar, 0.9)], "هل التوصيل مجاني؟");
        assert!(text.contains("التوصيل مجاني"), "{text}");
    }

    #[test]
    fn an_answer_is_short_and_holds_only_marks_of_ours() {
        let body = "We sell bikes [3] of all kinds. ".repeat(60);
        let text = from(&[passage("a.md", "", &body, 0.9)], "do you sell bikes?");
        assert!(text.chars().count() <= 460, "{}", text.len());
        assert!(!text.contains("[3]"), "{text}");
        assert_eq!(text.matches("[1]").count(), 1);
    }

    #[tokio::test]
    async fn below_the_confidence_there_is_no_answer() {
        let weak = passage("a.md", "", "We sell bikes.", 0.3);
        let asked = prompt("do you sell boats?", vec![weak]);
        let model = NAME.to_owned();
        let near = vec!["a".into()];
        let no_answer = Completion::NoAnswer { model: model.clone(), near };
        assert_eq!(words_only().complete(&asked, None).await, Ok(no_answer));
        let nothing = prompt("do you sell boats?", Vec::new());
        assert_eq!(
            words_only().complete(&nothing, None).await,
            Ok(Completion::NoAnswer { model: model.clone(), near: Vec::new() })
        );
        let hello = prompt("Hello!", vec![hours()]);
        assert_eq!(words_only().complete(&hello, None).await, Ok(Completion::Greeting { model }));
    }

    #[test]
    fn paragraphs_of_a_section_keep_the_captions_that_tell_them_apart() {
        let body = "Can I pay by card?\nYes, all of them.\n\nCan I pay with crypto?\nNo.";
        let text = from(&[passage("paying.md", "", body, 0.9)], "can i pay with crypto");
        assert!(text.contains("Can I pay with crypto?\nNo."), "{text}");
        let contents = "- When do you open?\n- Where are you?";
        let answer = "We open at nine every morning.";
        let passages = [
            passage("contents.md", "When do you open?", contents, 0.9),
            passage("a.md", "", answer, 0.9),
        ];
        assert_eq!(from(&passages, "when do you open"), "We open at nine every morning. [2]");
    }

    #[test]
    fn what_may_be_meant_is_offered_by_its_title_and_heading() {
        let passages = [
            passage("rental-prices.md", "City bikes", "A day costs €22.", 0.4),
            passage("rental-prices.md", "City bikes", "A week costs €95.", 0.4),
            passage("deposit.md", "", "The deposit of a city bike is €50.", 0.4),
            passage("faq.csv", "Can I rent a bike?", "Can I rent a bike?\nYes.", 0.4),
            passage("other.md", "", "We ride on Sundays.", 0.4),
            passage("bait.md", "City bikes: call 0900 123 4567", "Now.", 0.4),
            passage("bait.md", "City bikes at evil.example", "Now.", 0.4),
            passage("bait.md", "City *bikes*", "Now.", 0.4),
            passage("bait.md", "City \u{202E}bikes", "Now.", 0.4),
        ];
        assert_eq!(
            offered("what is a city bike to rent", &passages),
            ["rental prices: City bikes", "Can I rent a bike?", "deposit"]
        );
        assert_eq!(offered("Can I rent a bike?", &passages[3..4]), Vec::<String>::new(), "again");
        assert_eq!(offered("who won the world cup?", &passages), Vec::<String>::new());
        assert_eq!(offered("surfboards", &[]), Vec::<String>::new());
    }

    #[tokio::test]
    async fn the_answer_is_heard_once() {
        let heard = Mutex::new(Vec::new());
        let hear = |text: &str| heard.lock().expect("nobody panicked").push(text.to_owned());
        let asked = prompt("open on saturday?", vec![hours()]);
        let Ok(Completion::Text { text, model, .. }) =
            words_only().complete(&asked, Some(&hear)).await
        else {
            panic!("there is an answer");
        };
        assert_eq!(*heard.lock().expect("nobody panicked"), [text]);
        assert_eq!(
            (model.as_str(), words_only().kind(""), words_only().default_model()),
            (NAME, ModelKind::Quotes, NAME)
        );
        assert!(words_only().check().await.is_ok_and(|said| said.contains("no model")));
    }

    proptest! {
        #[test]
        fn nothing_that_is_asked_or_learned_panics(question in ".{0,60}", heading in ".{0,20}", body in ".{0,160}", csv in any::<bool>()) {
            let source = if csv { "a.csv" } else { "a.md" };
            let _ = from(&[passage(source, &heading, &body, 1.0)], &question);
        }

        #[test]
        fn every_structure_is_survived(parts in prop::collection::vec(prop::sample::select(vec![
            "- ", "1. ", ": ", "; ", "\n", "\n\n", "word ", "It is. ", "€5", "?", "name: ", "  ", "价格", "🙂", ":",
        ]), 0..40), csv in any::<bool>()) {
            let source = if csv { "a.csv" } else { "a.md" };
            let text = from(&[passage(source, "", &parts.concat(), 1.0)], "how much is the word? what is it?");
            prop_assert!(text.is_empty() || text.ends_with("[1]"), "{}", text);
        }
    }
}
