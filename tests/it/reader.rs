//! Documents, voice notes and pictures are read by sandboxed worker processes. A file that breaks its reader
//! fails with a reason, while others are learned and the desk keeps answering.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use frontdesk::pictures::{self, PictureError};
use frontdesk::reader::check::{Attempt, FORBIDDEN};
use frontdesk::reader::{Failure, Kind, Pool, Settings, Task};
use frontdesk_picture::size_of_prepared;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::support::app::{Db, KEY, Setup, TestApp, on_both, write_home_files};
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::process::{BINARY, Process};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/doctext/tests/samples");
/// Limits that hostile test files reach quickly.
const TIGHT: &str = "[reader]\nmemory_mb = 160\nseconds = 10\n";

fn pool(seconds: u32, idle_seconds: u64) -> Pool {
    let program = Some(BINARY.into());
    let settings = Settings { seconds, idle_seconds, memory_mb: 160, processes: 2, program };
    Pool::new(settings).unwrap()
}

/// Returns the default settings.
fn shipped() -> Settings {
    Config::from_toml("").unwrap().reader
}

/// Waits until a condition holds.
pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_mins(1), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_process_reaches_no_file_no_socket_and_no_process() {
    let pool = pool(20, 30);
    assert_eq!(pool.attempt(&FORBIDDEN).await.unwrap(), []);
    // Without a sandbox the same attempts succeed, so the check is meaningful.
    for attempt in FORBIDDEN.into_iter().filter(|one| *one != Attempt::Become) {
        assert!(attempt.make().is_ok(), "{attempt:?} fails without a sandbox, too");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_a_worker_process_has_a_name_and_the_next_task_a_new_process() {
    let pool = pool(1, 30);
    assert_eq!(pool.idle(), 0, "none is started before there is something to read");
    assert_eq!(pool.attempt(&[]).await.unwrap(), []);
    assert_eq!(pool.idle(), 1, "it waits for the next task");
    let (endless, greedy, aborted, polite) = tokio::join!(
        pool.attempt(&[Attempt::Loop]),
        pool.attempt(&[Attempt::Allocate]),
        pool.attempt(&[Attempt::Abort]),
        pool.attempt(&[]),
    );
    assert_eq!(endless, Err(Failure::TooSlow { seconds: 1 }));
    assert_eq!(greedy, Err(Failure::Memory { mb: 160 }));
    assert_eq!(aborted, Err(Failure::Broken));
    assert_eq!(polite, Ok(vec![]));
    assert_eq!(pool.attempt(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_task_without_room_beside_what_earlier_ones_left_gets_a_new_process() {
    let pool = pool(20, 30);
    assert_eq!(pool.attempt(&[Attempt::Keep]).await.unwrap(), [Attempt::Keep]);
    assert_eq!(pool.idle(), 1, "the process with 100 of 160 MB in use takes the next task");
    assert_eq!(pool.attempt(&[Attempt::Keep]).await.unwrap(), [Attempt::Keep]);
    assert_eq!(
        pool.attempt(&[Attempt::Keep, Attempt::Keep]).await,
        Err(Failure::Memory { mb: 160 }),
        "too much for a new process, too"
    );
}

#[tokio::test]
async fn a_task_that_a_worker_process_does_not_understand_is_given_up_at_once_and_no_files_fault() {
    let (head, body) = (b"nonsense".to_vec(), Box::new(*b"We open at nine."));
    let (kind, longest) = (Kind::Document, None);
    let task =
        Task { kind, head, body, time_limit: longest, max_answer_bytes: 1_000, most_samples: 0 };
    let lost = pool(60, 30).run(task).await.unwrap_err();
    assert!(matches!(lost, Failure::Lost(_)), "{lost:?}");
}

#[tokio::test]
async fn a_process_without_work_ends_and_one_whose_task_nobody_wants_any_more_too() {
    let pool = pool(60, 1);
    pool.attempt(&[]).await.unwrap();
    until("an idle process ends", async || pool.idle() == 0).await;
    let unwanted = pool.attempt(&[Attempt::Loop]);
    tokio::time::timeout(Duration::from_millis(300), unwanted).await.unwrap_err();
    // Both slots are free again at once.
    let (one, two) = tokio::join!(pool.attempt(&[]), pool.attempt(&[]));
    assert_eq!((one, two), (Ok(vec![]), Ok(vec![])));
}

#[tokio::test]
async fn a_program_that_is_none_of_ours_is_refused() {
    for (program, why) in [
        (None, "not known"),
        (Some("/no/such/program".into()), "No such file"),
        (Some("/bin/cat".into()), ""),
    ] {
        let pool = Pool::new(Settings { program, ..shipped() }).unwrap();
        let refused = pool.attempt(&[]).await.unwrap_err();
        assert!(
            matches!(&refused, Failure::Unavailable(said) if said.contains(why)),
            "{refused:?}"
        );
    }
    for wrong in [
        Settings { memory_mb: 1, ..shipped() },
        Settings { seconds: 0, ..shipped() },
        Settings { processes: 1_000, ..shipped() },
    ] {
        assert!(Pool::new(wrong).is_err());
    }
}

/// The same pictures as those of the crate's tests: red on the left half, blue on the right.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/picture/tests/picture/samples");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_prepared_in_a_worker_process_within_its_limits() {
    let pool = pool(20, 30);
    for name in ["progressive.jpg", "cmyk.jpg", "lossy.webp", "animated.webp", "interlaced.gif"] {
        let file: Arc<[u8]> = std::fs::read(Path::new(PICTURES).join(name)).unwrap().into();
        let picture = pictures::prepare(&pool, file).await.unwrap();
        assert_eq!((picture.identity.width, picture.identity.height), (80, 60), "{name}");
        assert_eq!(size_of_prepared(&picture.jpeg.unwrap().0), Some((80, 60)), "{name}");
    }
    assert_eq!(pool.idle(), 1, "one process prepared them all");
    let picture = pictures::prepare(&pool, white_png(6_000).into()).await.unwrap();
    assert_eq!(picture.identity.width, 1_536);
    for (file, why) in [
        (&white_png(30_000)[..33], "the picture has 30000 × 30000 pixels: at most 50000000"),
        (&white_png(300)[..60], "the picture is damaged: "),
        (b"%PDF-1.7", "this is a PDF document: only JPEG, PNG, WebP and GIF pictures can be read"),
    ] {
        let refused = pictures::prepare(&pool, file.into()).await.unwrap_err();
        assert!(matches!(refused, PictureError::Refused(_)), "{refused:?}");
        assert!(refused.to_string().starts_with(why), "{refused}");
    }
    // Within the limits of a picture, beyond those of this process: it fails, and the next works.
    let greedy = pictures::prepare(&pool, coloured_png(7_000).into()).await.unwrap_err();
    let why = "it needs more than 160 MB of memory to be read";
    assert_eq!(greedy, PictureError::Unreadable(why.into()));
    assert!(pictures::prepare(&pool, white_png(8).into()).await.is_ok());
    let none = Pool::new(Settings { program: None, ..shipped() }).unwrap();
    let refused = pictures::prepare(&none, white_png(8).into()).await.unwrap_err();
    assert!(matches!(refused, PictureError::Unavailable(_)), "{refused:?}");
}

/// Returns a PNG of white squares with a side of so many pixels, grey of 8 bits.
fn white_png(side: u32) -> Vec<u8> {
    png(side, 0, 1, if side > 10_000 { 0 } else { side })
}

/// Returns the same with red, green, blue and opacity.
fn coloured_png(side: u32) -> Vec<u8> {
    png(side, 6, 4, side)
}

/// Encodes so many rows of a PNG whose samples are all 255.
fn png(side: u32, colour: u8, samples: usize, rows: u32) -> Vec<u8> {
    let mut row = vec![0];
    row.resize(1 + side as usize * samples, 255);
    let mut data = ZlibEncoder::new(Vec::new(), Compression::fast());
    (0..rows).for_each(|_| data.write_all(&row).unwrap());
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([8, colour, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", data.finish().unwrap()), (b"IEND", vec![])] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(&body);
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        file.extend([&kind[..], &body, &sum.sum().to_be_bytes()].concat());
    }
    file
}

/// Returns a JSON file of many empty objects, in units of 120,000: small on disk, large in memory.
fn greedy(eighths: usize) -> Vec<u8> {
    format!("[{}{{}}]", "{\"a\":0},".repeat(eighths * 120_000)).into_bytes()
}

/// Returns a PDF of 50 pages with a million letters each.
fn slow() -> Vec<u8> {
    let text = format!("({}) Tj ", "lamp ".repeat(20)).repeat(10_000);
    let content = format!("BT /F1 1 Tf {text} ET");
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        String::new(),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
    ];
    let pages = 5..55;
    let kids: String = pages.clone().map(|page| format!("{page} 0 R ")).collect();
    objects[1] = format!("<</Type/Pages/Count 50/Kids[{kids}]>>");
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents 4 0 R>>";
    objects.extend(pages.map(|_| page.to_owned()));
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        places.push(file.len());
        write!(file, "{number} 0 obj\n{object}\nendobj\n").unwrap();
    }
    let (start, size) = (file.len(), places.len() + 1);
    write!(file, "xref\n0 {size}\n0000000000 65535 f \n").unwrap();
    for place in places {
        writeln!(file, "{place:010} 00000 n ").unwrap();
    }
    write!(file, "trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").unwrap();
    file
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(SAMPLES).join(name)).unwrap()
}

/// Uploads a file and returns its document's id.
async fn upload(url: &str, name: &str, bytes: Vec<u8>) -> String {
    let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
    let to = format!("{url}/api/v1/collections/acme/documents");
    let request = reqwest::Client::new().post(to).bearer_auth(KEY).multipart(form);
    let taken: Value = request.send().await.unwrap().json().await.unwrap();
    taken[0]["id"].as_str().unwrap_or_else(|| panic!("{taken}")).to_owned()
}

async fn document(url: &str, id: &str) -> Value {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/documents/{id}"));
    request.bearer_auth(KEY).send().await.unwrap().json().await.unwrap()
}

/// Waits until a document is learned or has failed.
async fn looked_at(url: &str, id: &str) -> Value {
    let mut shown = Value::Null;
    until("a document is looked at", async || {
        shown = document(url, id).await;
        shown["state"] != "learning"
    })
    .await;
    shown
}

on_both! {
    async fn hostile_uploads_are_refused_while_others_are_learned_and_the_desk_answers(db) {
        let app = Setup::on(db).with(TIGHT).start().await;
        let slow = upload(&app.url, "slow.pdf", slow()).await;
        let greedy = upload(&app.url, "greedy.json", greedy(4)).await;
        let good = upload(&app.url, "terms.pdf", sample("terms-reportlab.pdf")).await;
        let asked = Instant::now();
        app.get("/collections").await;
        println!("the desk answers within {:?} meanwhile", asked.elapsed());
        let shown = looked_at(&app.url, &good).await;
        assert_eq!(shown["state"], "ready", "{shown}");
        let shown = looked_at(&app.url, &greedy).await;
        assert_eq!((&shown["state"], &shown["code"]), (&"failed".into(), &"memory".into()), "{shown}");
        assert_eq!(shown["error"], "it needs more than 160 MB of memory to be read");
        assert!(shown["remedy"].as_str().unwrap().starts_with("Save it without pictures"), "{shown}");
        let shown = looked_at(&app.url, &slow).await;
        assert_eq!((&shown["state"], &shown["code"]), (&"failed".into(), &"too_slow".into()), "{shown}");
        assert!(shown["error"].as_str().unwrap().ends_with("took more than 10 s"), "{shown}");
        app.stop().await;
    }

    async fn a_document_that_broke_its_reader_is_not_tried_again_by_itself_until_it_changes(db) {
        let app = Setup::on(db).with(TIGHT).start().await;
        let folder = app.home.path().join("knowledge/acme");
        std::fs::write(folder.join("greedy.json"), greedy(4)).unwrap();
        let (found, failed) = began_anew(&app, true).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0].1.contains("more than 160 MB"), "{failed:?}");
        assert_eq!(found.learned + found.unchanged, 3, "the others are there: {found:?}");
        // Another attempt would fail differently, because there are no readers.
        let (_, failed) = began_anew(&app, false).await;
        assert!(failed[0].1.contains("more than 160 MB"), "{failed:?}");
        let source_folder = SourceFolder::find(&folder, None).unwrap().remove(0);
        let without = assembled(&app, false).await;
        let asked = without.desk.library.learn(source_folder, &SilentProgress).await.unwrap();
        assert!(asked.failed[0].1.contains("program to start"), "asked for, it is tried: {asked:?}");
        std::fs::write(folder.join("greedy.json"), sample("catalogue.json")).unwrap();
        let (found, _) = began_anew(&app, true).await;
        assert_eq!((found.learned, found.failed.len()), (1, 0), "{found:?}");
        app.stop().await;
    }
}

/// Assembles another desk on the same data, with or without readers.
async fn assembled(app: &TestApp, readers: bool) -> App {
    let mut config = app.config.clone();
    if !readers {
        config.reader.program = None;
    }
    App::assemble(config).await.unwrap()
}

/// Returns what a desk learns at its start, and what failed.
async fn began_anew(app: &TestApp, readers: bool) -> (Summary, Vec<(String, String)>) {
    let summary = assembled(app, readers).await.learn(&SilentProgress).await.unwrap();
    let failed = summary.failed.clone();
    (summary, failed)
}

pub(super) fn children(parent: u32) -> Vec<u32> {
    let of = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name is in parentheses and may contain anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?.parse::<u32>().ok()?);
        (state != "Z").then_some(parent)
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| of(*id) == Some(parent)).collect()
}

fn kill(id: u32) {
    let killed = std::process::Command::new("kill").args(["-9", &id.to_string()]).status();
    assert!(killed.unwrap().success());
}

fn is_there(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_processes_are_replaced_when_killed_and_none_outlives_its_desk() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let settings = Setup::on(Db::Sqlite).settings(home.path(), "", &whatsapp, &model);
    std::fs::write(home.path().join("desk.toml"), settings).unwrap();
    let desk = Process::start(home.path()).await;
    let id = desk.child.id().unwrap();
    assert_eq!(children(id), [] as [u32; 0], "small texts are read without a process");
    let terms = sample("terms-reportlab.pdf");
    let first = upload(&desk.url, "first.pdf", terms.clone()).await;
    assert_eq!(looked_at(&desk.url, &first).await["state"], "ready");
    let idle = children(id);
    assert!(!idle.is_empty(), "what read a document is kept for the next");
    for (n, reader) in idle.into_iter().enumerate() {
        let score = std::fs::read_to_string(format!("/proc/{reader}/oom_score_adj")).unwrap();
        assert_eq!(score.trim(), "1000", "where memory is short, the desk is the last to go");
        kill(reader);
        let next = upload(&desk.url, &format!("next{n}.pdf"), terms.clone()).await;
        assert_eq!(looked_at(&desk.url, &next).await["state"], "ready");
    }
    // A reader is killed at work, and so is the next one: a third reads the document. Idle ones are
    // killed first.
    children(id).into_iter().for_each(kill);
    until("those without work are gone", async || children(id).is_empty()).await;
    let slow = upload(&desk.url, "slow.pdf", slow()).await;
    until("it is being read", async || {
        document(&desk.url, &slow).await["progress"]["stage"] == "reading"
    })
    .await;
    until("a process reads it", async || !children(id).is_empty()).await;
    for _ in 0..2 {
        let readers = children(id);
        assert_eq!(readers.len(), 1, "one reads it");
        kill(readers[0]);
        until("another reads", async || children(id).iter().any(|one| !readers.contains(one)))
            .await;
        let shown = document(&desk.url, &slow).await;
        assert_eq!(shown["state"], "learning", "it is no fault of the file: {shown}");
    }
    // The readers end with the desk, even in the middle of work.
    let left = children(id);
    assert!(!left.is_empty());
    desk.kill().await;
    until("none is left", async || !left.iter().copied().any(is_there)).await;
}
