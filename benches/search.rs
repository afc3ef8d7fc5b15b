//! Backs the README's figures on search: a question finds its passages among 10,000 chunks in a few
//! milliseconds.
//!
//! `cargo bench --bench search [-- --large] [-- --many]`; `--large` adds 100,000 chunks in one
//! collection, `--many` 1,000 collections of 500 (or `--collections=N` of them) with eight
//! concurrent questions. It asserts nothing: times depend on the machine and its other load. The
//! floor is a lower bound of the dense leg: a bare scan over the same vectors that keeps only the
//! best score.

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::domain::{Chunk, ChunkId, CollectionId, DocumentId};
use frontdesk::index::{Entry, Index, Query, Settings};
use futures::executor::block_on;

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

/// The most common English words, which a generated vocabulary lacks.
const COMMON: &str = "the of and to a in is for that you it on with are be this as or your we can from at not have \
                      by will if an our all which they has when there was but how what do their no so who where";

fn main() {
    report(10_000);
    if std::env::args().any(|argument| argument == "--large") {
        report(100_000);
    }
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
    show("eight at once, waiting", waited, None);
    show("of that its own search", alone, None);
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

fn report(chunks: usize) {
    let mut made = Made::new();
    // Not 0, so that the system commits the memory before it is measured.
    let mut rows = vec![1.0_f32; chunks * DIMS];
    let before = resident_mb();
    let (index, took) = load(&mut made, &mut rows);
    println!(
        "{chunks} chunks of {WORDS} words and {DIMS} dimensions, the best {LIMIT} of each leg"
    );
    println!("  loaded one by one in {:.2} s", took.as_secs_f64());
    println!("  memory grown by {} MB, the texts among it", resident_mb().saturating_sub(before));
    let questions: Vec<_> = (0..QUESTIONS).map(|_| (made.text(ASKED), made.vector())).collect();

    let collections = [collection()];
    let [mut floor, mut dense, mut hybrid] = [const { Vec::new() }; 3];
    for (text, vector) in &questions {
        floor.push(timed(|| bare_scan(&rows, vector)));
        for (times, text) in [(&mut dense, ""), (&mut hybrid, text.as_str())] {
            let query = Query {
                collections: &collections,
                text,
                language: frontdesk_language::language(text),
                vector: Some(vector),
                limit: LIMIT,
            };
            times.push(timed(|| block_on(index.search(&query)).map(|legs| legs.bm25.len())));
        }
    }
    let floor = show("floor: a bare scan", floor, None);
    show("dense leg alone", dense, Some(floor));
    show("hybrid: all three legs", hybrid, Some(floor));
}

/// Generates a chunk for each row and indexes it; the vectors are copied to the rows. Returns the
/// index and the indexing time.
fn load(made: &mut Made, rows: &mut [f32]) -> (Arc<dyn Index>, Duration) {
    let settings: Settings = serde_json::from_str(r#"{"kind":"memory"}"#).expect("a known kind");
    let index = settings.build(None).expect("memory needs nothing");
    let mut took = Duration::ZERO;
    for (number, row) in rows.chunks_exact_mut(DIMS).enumerate() {
        let entry = made.entry(number);
        row.copy_from_slice(entry.vector.as_deref().expect("every chunk has a vector"));
        let document = entry.chunk.document.clone();
        took += timed(|| block_on(index.replace(&collection(), &document, 1, vec![entry])));
    }
    (index, took)
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

/// Prints the median and the 99th percentile. Returns the median in milliseconds.
fn show(name: &str, mut times: Vec<Duration>, floor: Option<f64>) -> f64 {
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(times.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    let ratio =
        floor.map_or_else(String::new, |floor| format!(", {:.2} times the floor", at(50) / floor));
    println!("  {name:<24} p50 {:.2} ms, p99 {:.2} ms{ratio}", at(50), at(99));
    at(50)
}

/// Returns the resident memory in MB; 0 when the system does not report it.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
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
        let chunk = Chunk {
            id: ChunkId::stored(format!("chk_{number:08}")),
            document: DocumentId::stored(format!("doc_{number:08}")),
            collection: collection(),
            source: String::new(),
            title: String::new(),
            heading: String::new(),
            body: self.text(WORDS),
            tokens: 160,
            place: String::new(),
        };
        Entry { chunk: Arc::new(chunk), vector: Some(self.vector()) }
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
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut vector {
            *x /= length;
        }
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
