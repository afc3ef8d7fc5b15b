//! Test support: precision and recall of curated answers on real questions, through the real store
//! and engine. `FRONTDESK_TEST_EMBED` holds an `[embed]` section as JSON; without it only words are
//! compared. `FRONTDESK_TEST_DUMP` names a file that gets every judgement.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::phrase::Phrase;
use super::{Ask, find_answer};
use crate::domain::{AnswerContent, CollectionId, Consult};
use crate::embed::Purpose;
use crate::pipeline::{Engine, LiveLookup, budget, retrieve};
use crate::slot::AdapterSlot;
use crate::store::answers::NewAnswer;
use crate::store::{Settings, Store};
use crate::{embed, index, llm, models, rerank, speech};

/// Paraphrases of an answer that become its phrasings; the others are asked.
const PHRASINGS: usize = 3;

/// A data set: answers with their phrasings, and questions with the expected answer, if any.
struct Sheet {
    answers: BTreeMap<String, Vec<String>>,
    asked: Vec<(String, Option<String>)>,
}

/// The result of one question.
#[expect(clippy::struct_excessive_bools, reason = "what a judgement says is yes or no")]
struct Judgement {
    score: f32,
    second: f32,
    allowed: bool,
    right: bool,
    given: bool,
    has_answer: bool,
}

fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("FRONTDESK_SHARED").map_or("../shared".into(), PathBuf::from);
    std::fs::read_to_string(root.join("data").join(path)).ok()
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

fn field(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().trim().to_owned()
}

/// Stores two of three answers of a set with their titles and first paraphrases. Asks their other
/// paraphrases, everything of the third answer, and off-topic questions.
fn faq(name: &str, offtopic: &[String]) -> Option<Sheet> {
    let corpus = shared(&format!("retrieval/{name}/corpus.jsonl"))?;
    let queries = shared(&format!("retrieval/{name}/queries.jsonl"))?;
    let relevant = shared(&format!("retrieval/{name}/qrels/test.tsv"))?;
    let texts: BTreeMap<String, String> =
        lines(&queries).map(|query| (field(&query, "_id"), field(&query, "text"))).collect();
    let mut paraphrases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in relevant.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(query), Some(document)) = (columns.next(), columns.next()) else { continue };
        let text = texts.get(query).cloned().unwrap_or_default();
        paraphrases.entry(document.to_owned()).or_default().push(text);
    }
    let mut sheet = Sheet { answers: BTreeMap::new(), asked: Vec::new() };
    for (at, document) in lines(&corpus).enumerate() {
        let id = field(&document, "_id");
        let mut texts = paraphrases.remove(&id).unwrap_or_default();
        if at % 3 == 2 {
            texts.push(field(&document, "title"));
            sheet.asked.extend(texts.into_iter().map(|text| (text, None)));
            continue;
        }
        let rest = texts.split_off(PHRASINGS.min(texts.len()));
        texts.push(field(&document, "title"));
        sheet.asked.extend(rest.into_iter().map(|text| (text, Some(id.clone()))));
        sheet.answers.insert(id, texts);
    }
    sheet.asked.extend(offtopic.iter().map(|text| (text.clone(), None)));
    Some(sheet)
}

fn rows(path: &str) -> Option<Vec<(String, String)>> {
    let text = shared(path)?;
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        // The last column is a label without a comma. Lines inside quotes are skipped.
        let Some((question, label)) = line.rsplit_once(',') else { continue };
        if question.matches('"').count() % 2 == 0
            && label
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_lowercase() || c == '_' || c == '?')
        {
            let question = question.trim_matches('"').replace("\"\"", "\"");
            rows.push((question, label.to_owned()));
        }
    }
    Some(rows)
}

/// The intents of a live bot, with up to 50 training questions each as phrasings.
fn hint3() -> Option<Sheet> {
    let mut sheet = Sheet { answers: BTreeMap::new(), asked: Vec::new() };
    for (text, label) in rows("intents/hint3-curekart/curekart_train.csv")? {
        sheet.answers.entry(label).or_default().push(text);
    }
    sheet.answers.values_mut().for_each(|texts| texts.truncate(50));
    for (text, label) in rows("intents/hint3-curekart/curekart_test.csv")? {
        let answer = Some(label).filter(|label| sheet.answers.contains_key(label));
        sheet.asked.push((text, answer));
    }
    Some(sheet)
}

/// Builds an engine over a fresh database with a sheet's answers.
async fn desk(sheet: &Sheet, home: &tempfile::TempDir) -> (Engine, CollectionId) {
    let path = home.path().join("desk.db");
    let settings = Settings { url: String::new().into(), path, connections: 2, wait_ms: 5000 };
    let store = Store::open(&settings).await.expect("a database");
    let collection = store.collection("desk").await.expect("a collection");
    for (id, phrasings) in &sheet.answers {
        let curated = AnswerContent {
            phrasings: phrasings.clone(),
            body: id.clone(),
            language: None,
            enabled: true,
        };
        let curated = curated.tidied().expect("a good answer");
        let new = NewAnswer { collection: collection.clone(), curated, author: "test".into() };
        store.add_answer(new).await.expect("stored").expect("room");
    }
    let embed = match std::env::var("FRONTDESK_TEST_EMBED") {
        Ok(json) => serde_json::from_str(&json).expect("an [embed] section as JSON"),
        Err(_) => embed::Settings::Off {},
    };
    let lookup = LiveLookup {
        embed: embed.build(&folders()).expect("an embedder"),
        index: index::Settings::Memory {}.build(None).expect("an index"),
        tunings: Arc::default(),
        rerank: rerank::Settings::Off {}.build(&folders()).expect("no reranker"),
        curated: Arc::default(),
        caches: Arc::default(),
    };
    let engine = Engine {
        speech: AdapterSlot::new(speech::off()),
        attachments: Arc::new(crate::pipeline::NoAttachments),
        document_files: Arc::new(crate::pipeline::NoDocumentFiles),
        lookup: Arc::new(lookup),
        retrieve: retrieve::Settings { rewrite_ms: 0, rewrite_model: String::new() },
        model: llm::ModelSource::fixed(llm::Settings::without_model(crate::qa::off())),
        fallback_model: llm::Settings::without_model(crate::qa::off()),
        budget: budget::Settings {
            turn: 0.0,
            agent_day: 0.0,
            day: 0.0,
            sandbox_day: 0.0,
            prompts_a_day: 0,
            cheap_model: String::new(),
        },
        layout: crate::pipeline::PromptLayout::default(),
    };
    let live = engine.live();
    live.curated.sync_with_store(&store, &*live.embed).await.expect("followed");
    (engine, collection)
}

fn folders() -> models::Settings {
    serde_json::from_str(r#"{"folder": "", "hub_url": ""}"#).expect("settings of models")
}

async fn judge(name: &str, sheet: &Sheet) -> Vec<Judgement> {
    let home = tempfile::tempdir().expect("a folder");
    let (engine, collection) = desk(sheet, &home).await;
    let live = engine.live();
    let collections = [collection];
    let (mut judged, mut dump) = (Vec::new(), String::new());
    for (text, answer) in &sheet.asked {
        let ask = |threshold| Ask {
            text,
            language: None,
            collections: &collections,
            consult: Consult { enabled: true, threshold },
        };
        // A threshold above 1 accepts nothing: the trace then has the nearest answer and its score.
        let (_, seen) = find_answer(&live.curated, &*live.embed, &ask(Some(1.5))).await;
        let (given, _) = find_answer(&live.curated, &*live.embed, &ask(None)).await;
        let nearest = seen.nearest.unwrap_or_default();
        let refused = seen.refused.unwrap_or_default();
        let shown = live.curated.of(&collections);
        let row = shown[0].rows.iter().find(|row| row.id == nearest.answer);
        let right = row.is_some_and(|row| Some(&row.body) == answer.as_ref());
        let given_right = given.as_ref().is_some_and(|given| Some(given) == answer.as_ref());
        judged.push(Judgement {
            score: nearest.score,
            second: nearest.second,
            allowed: refused == "no phrasing is near enough",
            right: if given.is_some() { given_right } else { right },
            given: given.is_some(),
            has_answer: answer.is_some(),
        });
        if std::env::var_os("FRONTDESK_TEST_DUMP").is_none() {
            continue;
        }
        let set = &shown[0].set;
        let phrase = Phrase::read(text, set.languages());
        let vector = live.embed.embed(std::slice::from_ref(text), Purpose::Query).await.ok();
        let vector = vector.and_then(|mut vectors| vectors.pop());
        let near = set.near(&phrase, vector.as_deref());
        let own = |near: &super::similarity::Near| {
            Some(&shown[0].rows[near.answer].body) == answer.as_ref()
        };
        for near in near.iter().filter(|near| near.differs.is_none()).take(3) {
            let _ = write!(
                dump,
                "{}\t{}\t{}\t{}\t{}\t{}\t",
                near.question_coverage,
                near.phrasing_coverage,
                near.meaning.unwrap_or(-1.0),
                u8::from(near.same),
                u8::from(own(near)),
                set.text(near.phrasing)
            );
        }
        let _ = writeln!(dump, "|\t{text}\t{}\t{refused}", answer.as_deref().unwrap_or("-"));
    }
    if let Ok(file) = std::env::var("FRONTDESK_TEST_DUMP") {
        std::fs::write(format!("{file}.{name}.tsv"), dump).expect("a dump");
    }
    judged
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions")]
/// Precision and recall of the given answers, 0 to 1, and their number.
fn rates(judged: &[Judgement], given: impl Fn(&Judgement) -> bool) -> (f64, f64, usize) {
    let given: Vec<_> = judged.iter().filter(|one| given(one)).collect();
    let right = given.iter().filter(|one| one.right).count() as f64;
    let known = judged.iter().filter(|one| one.has_answer).count() as f64;
    (right / given.len().max(1) as f64, right / known.max(1.0), given.len())
}

#[tokio::test]
async fn precision_comes_first_on_questions_that_people_wrote() {
    let Some(bank) = rows("intents/banking77/test.csv") else {
        println!("skipped: no shared data");
        return;
    };
    let bank: Vec<String> = bank.into_iter().map(|(text, _)| text).step_by(4).collect();
    for (name, sheet, least) in
        [("stackfaq-threads", faq("stackfaq-threads", &bank), 0.98), ("hint3", hint3(), 0.93)]
    {
        let Some(sheet) = sheet else { continue };
        let judged = judge(name, &sheet).await;
        println!("{name}: {} answers, {} questions", sheet.answers.len(), sheet.asked.len());
        for percent in [50_u8, 60, 65, 70, 75, 80, 85, 90, 95] {
            let threshold = f32::from(percent) / 100.0;
            let given = |one: &Judgement| {
                one.allowed && one.score >= threshold && one.score - one.second >= super::MARGIN
            };
            let (precision, recall, many) = rates(&judged, given);
            println!(
                "  {threshold:.2}: precision {precision:.3}, recall {recall:.3}, {many} given"
            );
        }
        let (precision, recall, many) = rates(&judged, |one| one.given);
        println!("  default: precision {precision:.3}, recall {recall:.3}, {many} given");
        assert!(precision >= least, "{name}: precision {precision:.3}");
        assert!(many > 0, "{name}: nothing was given");
    }
}
