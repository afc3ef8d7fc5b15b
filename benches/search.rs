//! Backs the README's figures on search: a question finds its passages among 10,000 chunks in a few
//! milliseconds.
//!
//! `cargo bench --bench search [-- --large] [-- --many] [-- --made-up]`; `--large` adds 100,000
//! chunks in one collection, `--many` 1,000 collections of 500 (or `--collections=N` of them) with
//! eight concurrent questions. It asserts nothing: times depend on the machine and its other load.
//! The floor is a lower bound of the dense leg: a bare scan over the same vectors that keeps only
//! the best score. "As shipped" is all of retrieval: the legs, their fusion, near-duplicates.
//!
//! Texts and questions are those of the shared data; beyond them, the texts come again with a third
//! of their words replaced by others of the same texts. `--made-up`, and a machine without the
//! shared data, has words made of syllables. Its vectors are random;
//! those of real texts are sums of pseudo-random vectors of their words.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use frontdesk::config::Config;
use frontdesk::domain::{Chunk, ChunkId, CollectionId, DocumentId};
use frontdesk::embed::{Embedder, Error, Purpose};
use frontdesk::index::{Entry, Index, Query, Settings};
use frontdesk::pipeline::LiveLookup;
use frontdesk::pipeline::retrieve::{Search, find};
use futures::executor::block_on;
use rustix::time::{ClockId, clock_gettime};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Dimensions of a vector.
const DIMS: usize = 384;

/// Number of words in a chunk.
const WORDS: usize = 120;

/// Number of words in a question.
const ASKED: usize = 9;

/// Number of questions, asked one at a time.
const QUESTIONS: usize = 1_000;

/// Maximum number of chunks that a leg returns.
const LIMIT: usize = 100;

/// Maximum number of passages of a search as shipped: an agent's default.
const PASSAGES: usize = 5;

/// Fewest words of a chunk of real text, unless its text ends.
const LEAST: usize = 100;

/// One in so many words of a repeated text is another one.
const REPLACED: usize = 3;

/// Sets of texts, and of those whose questions are asked.
const TEXTS: [&str; 4] = ["stackfaq-threads", "covidfaq", "xquad-en", "scifact"];
const ASKED_SETS: [&str; 2] = ["stackfaq-threads", "covidfaq"];

/// The most common English words, which a generated vocabulary lacks.
const COMMON: &str = "the of and to a in is for that you it on with are be this as or your we can from at not have \
                      by will if an our all which they has when there was but how what do their no so who where";

fn main() {
    let made_up = std::env::args().any(|argument| argument == "--made-up");
    let real = if made_up { None } else { Real::read() };
    // Kept, so that the next one cannot hide in memory that this one has freed.
    let small = report(10_000, real.as_ref());
    if std::env::args().any(|argument| argument == "--large") {
        report(100_000, real.as_ref());
    }
    drop(small);
    if std::env::args().any(|argument| argument == "--many") {
        let number = |text: String| text.strip_prefix("--collections=")?.parse().ok();
        many(std::env::args().find_map(number).unwrap_or(1_000), 500);
    }
}

/// Measures many small collections, one per business, with eight concurrent questions to different
/// collections.
fn many(collections: usize, chunks: usize) {
    let mut made = Made::new();
    let before = resident_mb();
    let settings: Settings = serde_json::from_str(r#"{"kind":"memory"}"#).expect("a known kind");
    let index = settings.build(None).expect("memory needs nothing");
    let names: Vec<CollectionId> =
        (0..collections).map(|n| CollectionId::stored(format!("col_{n:06}"))).collect();
    let mut took = Duration::ZERO;
    for (place, name) in names.iter().enumerate() {
        let entries: Vec<Entry> = (0..chunks).map(|n| made.entry(place * chunks + n)).collect();
        let document = DocumentId::stored(format!("doc_{place:06}"));
        took += timed(|| block_on(index.replace(name, &document, 1, entries)));
    }
    println!("{collections} collections of {chunks} chunks, eight questions at once");
    println!("  loaded in {:.2} s", took.as_secs_f64());
    println!("  memory grown by {} MB, the texts among it", resident_mb().saturating_sub(before));
    let spoken = block_on(index.languages(&names[..1])).unwrap_or_default();
    println!("  languages of the first: {spoken:?}");
    let questions: Vec<_> = (0..QUESTIONS * 8).map(|_| (made.text(ASKED), made.vector())).collect();
    let (waited, alone) = eight_at_once(&index, &names, questions).into_iter().unzip();
    show("eight at once, waiting", [waited, Vec::new()], None);
    show("of that its own search", [alone, Vec::new()], None);
}

/// Asks questions as a desk does: eight tasks on a runtime with one thread per core, each asking
/// one question after the other of a different collection. Returns the time of each question with
/// and without the wait for a thread.
fn eight_at_once(
    index: &Arc<dyn Index>,
    names: &[CollectionId],
    questions: Vec<(String, Vec<f32>)>,
) -> Vec<(Duration, Duration)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    let mut questions = questions.into_iter();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (index, names) = (Arc::clone(index), names.to_vec());
            let own: Vec<_> = questions.by_ref().take(QUESTIONS).collect();
            runtime.spawn(async move {
                let mut times = Vec::with_capacity(own.len());
                for (n, (text, vector)) in own.iter().enumerate() {
                    let collections = std::slice::from_ref(&names[(n * 8 + task) % names.len()]);
                    let query = Query {
                        collections,
                        text,
                        language: frontdesk_language::language(text),
                        vector: Some(vector),
                        limit: LIMIT,
                    };
                    let started = Instant::now();
                    // Yields, so that the total time includes scheduling among the other tasks.
                    tokio::task::yield_now().await;
                    let begun = Instant::now();
                    std::hint::black_box(index.search(&query).await.is_ok());
                    times.push((started.elapsed(), begun.elapsed()));
                }
                times
            })
        })
        .collect();
    let times = tasks.into_iter().map(|task| runtime.block_on(task).unwrap_or_default());
    times.flatten().collect()
}

/// Measures one collection. Returns what it measured.
fn report(chunks: usize, real: Option<&Real>) -> (Vec<f32>, LiveLookup) {
    let mut made = Made::new();
    // Not 0, so that the system commits the memory before it is measured.
    let mut rows = vec![1.0_f32; chunks * DIMS];
    let before = resident_mb();
    let (index, took) = load(&mut made, &mut rows, real);
    let grown = resident_mb().saturating_sub(before);
    let texts = if real.is_some() { "real text" } else { "made-up words" };
    println!("{chunks} chunks of {texts} and {DIMS} dimensions, the best {LIMIT} of each leg");
    println!("  loaded one by one in {:.2} s", took.as_secs_f64());
    let each = Duration::from_millis(grown * 1_024_000 / chunks as u64).as_secs_f64();
    println!("  memory grown by {grown} MB, the texts among it: {each:.1} kB a chunk");
    let questions: Vec<(String, Vec<f32>)> =
        (0..QUESTIONS).map(|number| made.question(real, number)).collect();

    let collections = [collection()];
    let [mut floor, mut dense, mut hybrid] = [const { [Vec::new(), Vec::new()] }; 3];
    for (text, vector) in &questions {
        clocked(&mut floor, || bare_scan(&rows, vector));
        for (times, text) in [(&mut dense, ""), (&mut hybrid, text.as_str())] {
            let query = Query {
                collections: &collections,
                text,
                language: frontdesk_language::language(text),
                vector: Some(vector),
                limit: LIMIT,
            };
            clocked(times, || block_on(index.search(&query)).map(|legs| legs.bm25.len()));
        }
    }
    let floor = show("floor: a bare scan", floor, None);
    show("dense leg alone", dense, Some(floor));
    show("hybrid: all three legs", hybrid, Some(floor));
    let shipped = shipped(index, &questions);
    for name in ["as shipped, first time", "as shipped, again"] {
        let mut times = [const { Vec::new() }; 2];
        for (text, _) in &questions {
            let search =
                Search { text, language: None, collections: &collections, limit: PASSAGES };
            clocked(&mut times, || block_on(find(shipped.retrieval(), &search)));
        }
        show(name, times, Some(floor));
    }
    (rows, shipped)
}

/// Indexes a chunk for each row; the vectors are copied to the rows. Returns the index and the
/// indexing time.
fn load(made: &mut Made, rows: &mut [f32], real: Option<&Real>) -> (Arc<dyn Index>, Duration) {
    let settings: Settings = serde_json::from_str(r#"{"kind":"memory"}"#).expect("a known kind");
    let index = settings.build(None).expect("memory needs nothing");
    let mut took = Duration::ZERO;
    for (number, row) in rows.chunks_exact_mut(DIMS).enumerate() {
        let entry = match real {
            Some(real) => made.real_entry(real, number),
            None => made.entry(number),
        };
        row.copy_from_slice(entry.vector.as_deref().expect("every chunk has a vector"));
        let document = entry.chunk.document.clone();
        took += timed(|| block_on(index.replace(&collection(), &document, 1, vec![entry])));
    }
    (index, took)
}

/// Returns retrieval with the default settings; these questions are embedded at once.
fn shipped(index: Arc<dyn Index>, questions: &[(String, Vec<f32>)]) -> LiveLookup {
    let config = Config::from_toml("").expect("the defaults");
    LiveLookup {
        embed: Arc::new(Known(questions.iter().cloned().collect())),
        index,
        tunings: Arc::default(),
        rerank: config.rerank.build(&config.models).expect("no reranker"),
        curated: Arc::default(),
        caches: Arc::default(),
    }
}

/// An embedder that knows the vectors of its texts.
struct Known(HashMap<String, Vec<f32>>);

#[async_trait]
impl Embedder for Known {
    fn identity(&self) -> Option<&str> {
        Some("bench")
    }

    fn languages(&self) -> &[String] {
        &[]
    }

    async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let vector = |text| self.0.get(text).cloned().unwrap_or_else(|| vec![0.0; DIMS]);
        Ok(texts.iter().map(vector).collect())
    }
}

fn chunk(number: usize, title: String, body: String) -> Chunk {
    Chunk {
        id: ChunkId::stored(format!("chk_{number:08}")),
        document: DocumentId::stored(format!("doc_{number:08}")),
        collection: collection(),
        source: String::new(),
        title,
        heading: String::new(),
        body,
        tokens: 160,
        place: String::new(),
    }
}

fn collection() -> CollectionId {
    CollectionId::stored("col_bench".to_owned())
}

/// Returns only the best dot product.
fn bare_scan(rows: &[f32], question: &[f32]) -> f32 {
    let dot = |row: &[f32]| {
        let mut sums = [0.0_f32; 32];
        for (a, b) in row.chunks_exact(32).zip(question.chunks_exact(32)) {
            for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                *sum += a * b;
            }
        }
        sums.iter().sum::<f32>()
    };
    rows.chunks_exact(question.len()).map(dot).fold(f32::MIN, f32::max)
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    std::hint::black_box(work());
    started.elapsed()
}

/// Adds the work's time by the clock, and by this thread's processor.
fn clocked<T>(times: &mut [Vec<Duration>; 2], work: impl FnOnce() -> T) {
    let cpu = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let before = cpu();
    times[0].push(timed(work));
    times[1].push(cpu().saturating_sub(before));
}

/// Prints the median and the 99th percentile by the clock, and by the processor if known. Returns
/// the first in milliseconds.
fn show(name: &str, times: [Vec<Duration>; 2], floor: Option<f64>) -> f64 {
    let [[median, worst], cpu] = times.map(|mut times| {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100);
        [50, 99].map(|percent| at(percent).map_or(0.0, |time| time.as_secs_f64() * 1_000.0))
    });
    let ratio =
        floor.map_or_else(String::new, |floor| format!(", {:.2} times the floor", median / floor));
    let cpu = match cpu {
        [0.0, 0.0] => String::new(),
        [median, worst] => format!(" (CPU {median:.2}, {worst:.2})"),
    };
    println!("  {name:<24} p50 {median:.2} ms, p99 {worst:.2} ms{cpu}{ratio}");
    median
}

/// Returns the resident memory in MB; 0 when the system does not report it.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Texts and questions of the shared data.
struct Real {
    /// Title and body of each chunk.
    chunks: Vec<(String, String)>,
    /// All words of the bodies, each as often as it stands there.
    words: Vec<String>,
    questions: Vec<String>,
}

impl Real {
    /// Reads the sets; `None` without the shared data.
    fn read() -> Option<Self> {
        let mut chunks = Vec::new();
        for (title, text) in TEXTS.iter().flat_map(|set| rows(set, "corpus")) {
            chunks.extend(pieces(&text).into_iter().map(|body| (title.clone(), body)));
        }
        let words = chunks.iter().flat_map(|(_, body)| body.split_whitespace());
        let words = words.map(str::to_owned).collect();
        let asked = ASKED_SETS.iter().flat_map(|set| rows(set, "queries"));
        let questions: Vec<String> = asked.map(|(_, text)| text).collect();
        (!chunks.is_empty() && !questions.is_empty()).then_some(Self { chunks, words, questions })
    }
}

/// Returns the titles and texts of a set's file.
fn rows(set: &str, name: &str) -> Vec<(String, String)> {
    let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    let file = shared.join("data/retrieval").join(set).join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        let title = row["title"].as_str().unwrap_or_default().to_owned();
        Some((title, row["text"].as_str()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// Cuts a text between sentences.
fn pieces(text: &str) -> Vec<String> {
    let (mut pieces, mut words) = (vec![String::new()], 0);
    for sentence in text.split_inclusive(". ") {
        if words >= LEAST {
            pieces.push(String::new());
            words = 0;
        }
        words += sentence.split_whitespace().count();
        pieces.last_mut().expect("one at least").push_str(sentence);
    }
    pieces
}

/// Returns a text's vector of length 1, which is like that of a text with the same words.
fn bag_of_words(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMS];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3) {
        // FNV-1a.
        let hash = word.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut made = Made { seed: hash | 1, words: Vec::new(), frequency: Vec::new() };
        for block in vector.chunks_exact_mut(64) {
            let mut bits = made.next();
            for number in block {
                *number += if bits & 1 == 1 { 1.0 } else { -1.0 };
                bits >>= 1;
            }
        }
    }
    normalize(&mut vector);
    vector
}

fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for x in vector {
        *x /= length;
    }
}

/// Generates texts and vectors, the same in every run: words made of syllables with Zipf
/// frequencies.
struct Made {
    seed: u64,
    words: Vec<String>,
    /// Cumulative word frequencies.
    frequency: Vec<f64>,
}

impl Made {
    fn new() -> Self {
        let mut made =
            Self { seed: 0x9e37_79b9_7f4a_7c15, words: Vec::new(), frequency: Vec::new() };
        made.words = COMMON.split_whitespace().map(str::to_owned).collect();
        while made.words.len() < 30_000 {
            let syllables = 1 + made.below(4);
            let word = (0..=syllables).map(|_| made.syllable()).collect();
            made.words.push(word);
        }
        let mut sum = 0.0;
        for rank in 1..=30_000_u32 {
            sum += 1.0 / f64::from(rank);
            made.frequency.push(sum);
        }
        made
    }

    fn entry(&mut self, number: usize) -> Entry {
        let chunk = chunk(number, String::new(), self.text(WORDS));
        Entry { chunk: Arc::new(chunk), vector: Some(self.vector()) }
    }

    /// Returns a chunk of real text, with words replaced if it has been used before.
    fn real_entry(&mut self, real: &Real, number: usize) -> Entry {
        let (title, body) = &real.chunks[number % real.chunks.len()];
        let body = if number < real.chunks.len() { body.clone() } else { self.changed(real, body) };
        let vector = bag_of_words(&format!("{title} {body}"));
        Entry { chunk: Arc::new(chunk(number, title.clone(), body)), vector: Some(vector) }
    }

    /// Replaces words by words of the same texts, frequent ones more often.
    fn changed(&mut self, real: &Real, body: &str) -> String {
        let mut changed = String::with_capacity(body.len());
        for word in body.split_whitespace() {
            let replaced = self.below(REPLACED) == 0;
            let word = if replaced { &real.words[self.below(real.words.len())] } else { word };
            changed.extend([word, " "]);
        }
        changed
    }

    /// Returns a question with its vector.
    fn question(&mut self, real: Option<&Real>, number: usize) -> (String, Vec<f32>) {
        let Some(real) = real else { return (self.text(ASKED), self.vector()) };
        // Of every set: 7 has no factor in common with their number.
        let text = &real.questions[number * 7 % real.questions.len()];
        (text.clone(), bag_of_words(text))
    }

    fn text(&mut self, words: usize) -> String {
        let words: Vec<String> = (0..words).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn word(&mut self) -> String {
        let at = self.fraction() * self.frequency.last().copied().unwrap_or(1.0);
        let rank = self.frequency.partition_point(|sum| *sum < at);
        self.words.get(rank).cloned().unwrap_or_default()
    }

    fn vector(&mut self) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let mut vector: Vec<f32> = (0..DIMS).map(|_| (self.fraction() - 0.5) as f32).collect();
        normalize(&mut vector);
        vector
    }

    fn syllable(&mut self) -> String {
        let onsets = [
            "b", "br", "c", "d", "f", "g", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v",
        ];
        let vowels = ["a", "e", "i", "o", "u", "ea", "io"];
        let codas = ["", "", "n", "r", "s", "l", "nt"];
        [self.pick(&onsets), self.pick(&vowels), self.pick(&codas)].concat()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    /// Returns a uniform number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// Xorshift64*.
    fn next(&mut self) -> u64 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
