//! Runs a model on its threads: tokenizes texts and batches those of similar length, one job for
//! each batch. Must not block the network threads.

use std::sync::Arc;
use std::thread::available_parallelism;

use futures::future::try_join_all;

use super::encoder::{Encoder, Head, Scratch};
use super::pool::{Pool, Urgency, UrgentJobs};
use super::tokens::{Sequence, Text, TokenRanges, Tokens};

/// Maximum tokens of a batch, but at least one text: short texts share the matrix products with the
/// weights.
const MAX_BATCH_TOKENS: usize = 256;
/// Texts tokenized in one job.
const TOKENIZE_BATCH_SIZE: usize = 16;

/// A loaded model with its head and threads.
pub struct ModelRunner<H> {
    core: Arc<Core<H>>,
    pool: Pool<Worker>,
}

struct Core<H> {
    tokens: Tokens,
    encoder: Encoder,
    head: H,
}

/// Buffers of a thread: for a job, and for an urgent one that runs in its pauses.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    within: Option<Box<Worker>>,
}

impl<H: Head> ModelRunner<H> {
    /// Starts the threads under this name; 0 threads: one for each core.
    pub fn start(
        (tokens, encoder, head): (Tokens, Encoder, H),
        threads: usize,
        name: &'static str,
    ) -> Result<Self, String> {
        let cores = available_parallelism().map_or(1, usize::from);
        let pool = Pool::start(if threads == 0 { cores } else { threads }, name)?;
        Ok(Self { core: Arc::new(Core { tokens, encoder, head }), pool })
    }

    /// Runs the head on one text, in a single job, because each change of thread adds latency.
    pub async fn run_one(&self, text: Text, urgency: Urgency) -> Result<H::Out, String> {
        let core = self.core.clone();
        let job = move |worker: &mut Worker, _: &UrgentJobs<'_, Worker>| {
            let tokens = core.tokens.of(&text)?;
            worker.encode(&core, &[tokens])
        };
        let made = self.pool.run(urgency, job).await.unwrap_or_else(broken)?;
        made.into_iter().next().ok_or_else(|| "nothing was computed".into())
    }

    /// Runs the head on each text. Results are in the order of the texts.
    pub async fn run_batch(
        &self,
        texts: Vec<Text>,
        urgency: Urgency,
    ) -> Result<Vec<H::Out>, String> {
        let tokens = self.tokens(texts, urgency).await?;
        self.encode_batch(tokens, urgency).await
    }

    /// Reads each text together with the question, in windows, and runs the head on each window.
    /// Returns the windows of each text, in order.
    pub async fn run_windows(
        &self,
        question: &Arc<str>,
        texts: &[String],
        urgency: Urgency,
    ) -> Result<Vec<Vec<(TokenRanges, H::Out)>>, String> {
        let parts = texts.iter().map(|text| {
            let (question, text, core) = (question.clone(), text.clone(), self.core.clone());
            let cut = move |_: &mut Worker, _: &UrgentJobs<'_, Worker>| {
                core.tokens.windows(&question, &text)
            };
            async { self.pool.run(urgency, cut).await.unwrap_or_else(broken) }
        });
        let parts = try_join_all(parts).await?;
        let counts: Vec<usize> = parts.iter().map(Vec::len).collect();
        let (sequences, ranges): (Vec<_>, Vec<_>) = parts.into_iter().flatten().unzip();
        let made = self.encode_batch(sequences, urgency).await?;
        let mut windows = ranges.into_iter().zip(made);
        Ok(counts.into_iter().map(|count| windows.by_ref().take(count).collect()).collect())
    }

    async fn encode_batch(
        &self,
        tokens: Vec<Sequence>,
        urgency: Urgency,
    ) -> Result<Vec<H::Out>, String> {
        let groups = batch_by_length(tokens).into_iter().map(|(places, texts)| {
            let core = self.core.clone();
            let encode = move |worker: &mut Worker, waiting: &UrgentJobs<'_, Worker>| match urgency
            {
                Urgency::First => worker.encode(&core, &texts),
                Urgency::Later => worker.encode_with_pauses(&core, &texts, waiting),
            };
            async move {
                let made = self.pool.run(urgency, encode).await.unwrap_or_else(broken)?;
                Ok::<_, String>(places.into_iter().zip(made))
            }
        });
        let mut made: Vec<_> = try_join_all(groups).await?.into_iter().flatten().collect();
        made.sort_unstable_by_key(|(place, _)| *place);
        Ok(made.into_iter().map(|(_, one)| one).collect())
    }

    /// Tokenizes the texts.
    async fn tokens(&self, texts: Vec<Text>, urgency: Urgency) -> Result<Vec<Sequence>, String> {
        let parts = texts.chunks(TOKENIZE_BATCH_SIZE).map(|part| {
            let (part, core) = (part.to_vec(), self.core.clone());
            let cut = move |_: &mut Worker, _: &UrgentJobs<'_, Worker>| {
                part.iter().map(|text| core.tokens.of(text)).collect::<Result<Vec<_>, _>>()
            };
            async { self.pool.run(urgency, cut).await.unwrap_or_else(broken) }
        });
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }
}

impl Worker {
    fn encode<H: Head>(
        &mut self,
        core: &Core<H>,
        texts: &[Sequence],
    ) -> Result<Vec<H::Out>, String> {
        core.encoder.encode(texts, &core.head, &mut self.scratch, &mut || ())
    }

    /// Encodes texts and runs queued urgent jobs between the layers.
    fn encode_with_pauses<H: Head>(
        &mut self,
        core: &Core<H>,
        texts: &[Sequence],
        waiting: &UrgentJobs<'_, Worker>,
    ) -> Result<Vec<H::Out>, String> {
        let Self { scratch, within } = self;
        let mut pause = || waiting.run(within.get_or_insert_default());
        core.encoder.encode(texts, &core.head, scratch, &mut pause)
    }
}

fn broken<T>() -> Result<T, String> {
    Err("the computation broke off; the log says why".into())
}

/// Groups texts of similar length, the longest first; each group with the original indices of its
/// texts.
fn batch_by_length(texts: Vec<Sequence>) -> Vec<(Vec<usize>, Vec<Sequence>)> {
    let mut sorted: Vec<_> = texts.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, text)| std::cmp::Reverse(text.ids.len()));
    let mut groups: Vec<(Vec<usize>, Vec<Sequence>)> = Vec::new();
    let mut room = 0;
    for (place, text) in sorted {
        if groups.is_empty() || text.ids.len() > room {
            groups.push((Vec::new(), Vec::new()));
            room = MAX_BATCH_TOKENS.max(text.ids.len());
        }
        room -= text.ids.len();
        if let Some((places, texts)) = groups.last_mut() {
            places.push(place);
            texts.push(text);
        }
    }
    groups
}
