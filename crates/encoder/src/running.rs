//! A model with the threads that run it: texts to tokens, those of similar length together, each group a job. Must not
//! keep the threads of the network busy.

use std::sync::Arc;
use std::thread::available_parallelism;

use futures::future::try_join_all;

use super::encoder::{Encoder, Head, Scratch};
use super::pool::{Pool, Urgency, UrgentJobs};
use super::tokens::{Sequence, Text, Tokens};

/// So many tokens go through the model together, at least one text: short texts share the products with the weights.
const TOGETHER: usize = 256;
/// So many texts are cut into tokens in one job.
const TEXTS: usize = 16;

/// A model that runs, with what is made of each text.
pub struct ModelRunner<H> {
    core: Arc<Core<H>>,
    pool: Pool<Worker>,
}

struct Core<H> {
    tokens: Tokens,
    encoder: Encoder,
    head: H,
}

/// What a thread keeps: room for a job, and for an urgent one within it.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    within: Option<Box<Worker>>,
}

impl<H: Head> ModelRunner<H> {
    /// Starts so many threads under this name; as many as there are cores where it is 0.
    pub fn start(
        (tokens, encoder, head): (Tokens, Encoder, H),
        threads: usize,
        name: &'static str,
    ) -> Result<Self, String> {
        let cores = available_parallelism().map_or(1, usize::from);
        let pool = Pool::start(if threads == 0 { cores } else { threads }, name)?;
        Ok(Self { core: Arc::new(Core { tokens, encoder, head }), pool })
    }

    /// What the head makes of one text, in one job: every change of threads adds to a customer's wait.
    pub async fn one(&self, text: Text, urgency: Urgency) -> Result<H::Out, String> {
        let core = self.core.clone();
        let job = move |worker: &mut Worker, _: &UrgentJobs<'_, Worker>| {
            let tokens = core.tokens.of(&text)?;
            worker.encode(&core, &[tokens])
        };
        let made = self.pool.run(urgency, job).await.unwrap_or_else(broken)?;
        made.into_iter().next().ok_or_else(|| "nothing was computed".into())
    }

    /// What the head makes of each text, in their order.
    pub async fn all(&self, texts: Vec<Text>, urgency: Urgency) -> Result<Vec<H::Out>, String> {
        let tokens = self.tokens(texts, urgency).await?;
        let groups = together(tokens).into_iter().map(|(places, texts)| {
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

    /// The tokens of the texts.
    async fn tokens(&self, texts: Vec<Text>, urgency: Urgency) -> Result<Vec<Sequence>, String> {
        let parts = texts.chunks(TEXTS).map(|part| {
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

    /// Between the layers, questions that came meanwhile go first.
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

/// Texts of similar length together, the longest first; each group with the places that its texts had.
fn together(texts: Vec<Sequence>) -> Vec<(Vec<usize>, Vec<Sequence>)> {
    let mut sorted: Vec<_> = texts.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, text)| std::cmp::Reverse(text.ids.len()));
    let mut groups: Vec<(Vec<usize>, Vec<Sequence>)> = Vec::new();
    let mut room = 0;
    for (place, text) in sorted {
        if groups.is_empty() || text.ids.len() > room {
            groups.push((Vec::new(), Vec::new()));
            room = TOGETHER.max(text.ids.len());
        }
        room -= text.ids.len();
        if let Some((places, texts)) = groups.last_mut() {
            places.push(place);
            texts.push(text);
        }
    }
    groups
}
