//! Embeds in this process, with a BERT or XLM-RoBERTa model from a folder. Must not keep the threads of the network busy,
//! nor fetch anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;
use futures::future::try_join_all;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Embedder, Error, Purpose};
use crate::transformer::{Encoder, Model, Pool, Scratch, Tensors, Tokens, Urgency, Waiting, read};

/// So many tokens go through the model together, at least one text: short texts share the products with the weights.
const TOGETHER: usize = 256;
/// So many texts are cut into tokens in one job.
const TEXTS: usize = 16;

/// A model in a folder.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its name: a folder among the models, `frontdesk models list`. Default: the first that is there.
    pub(super) model: String,
    /// Its folder, where it is elsewhere. Default: none.
    pub(super) path: Option<PathBuf>,
    /// Threads that compute. Default: 0, as many as there are cores.
    threads: usize,
    /// Longer texts are cut after so many tokens. Default: 0, as the model's files say.
    max_tokens: usize,
    /// Written before each question. Default: as the model wants it, `query: ` for E5.
    query_prefix: Option<String>,
    /// Written before each piece of a document. Default: as the model wants it, `passage: ` for E5.
    passage_prefix: Option<String>,
    /// ISO 639-1 codes of the languages that the model was trained on, `[]` for all. Default: all for a multilingual model,
    /// English for others.
    languages: Option<Vec<String>>,
    /// Whether it may be fetched from the hub at the start. Default: no.
    pub(super) fetch: bool,
}

pub(super) struct Local {
    core: Arc<Core>,
    pool: Pool<Worker>,
    identity: String,
    languages: Vec<String>,
    query_prefix: String,
    passage_prefix: String,
}

struct Core {
    tokens: Tokens,
    encoder: Encoder,
}

/// What a thread keeps: room for a job, and for an urgent one within it.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    within: Option<Box<Worker>>,
}

impl Local {
    /// Reads a model's folder and starts the threads.
    pub(super) fn new(settings: &Settings, folder: &Path) -> Result<Self, String> {
        let mut model = read(folder)?;
        if settings.max_tokens > 0 {
            let room = model.positions - model.first_position;
            if settings.max_tokens > room {
                return Err(format!("max_tokens is more than the {room} that the model can take"));
            }
            model.max_tokens = settings.max_tokens;
        }
        let (tokens, tokenizer) = Tokens::load(folder, model.max_tokens, model.words)?;
        let tensors = Tensors::open(&folder.join("model.safetensors"))?;
        let encoder = Encoder::load(&model, &tensors)?;
        let (query_prefix, passage_prefix) = prefixes(settings, &model);
        let mut hash = Sha256::new();
        tensors.sample(|bytes| hash.update(bytes))?;
        hash.update(tokenizer);
        let ways = (model.pooling, model.max_tokens, &query_prefix, &passage_prefix);
        hash.update(format!("{ways:?}"));
        let hash = hex::encode(hash.finalize());
        let name = model.names.first().map(String::as_str).unwrap_or_default();
        let identity = format!("local/{name}/{}", hash.get(..12).unwrap_or_default());
        let languages = settings
            .languages
            .clone()
            .unwrap_or_else(|| if model.multilingual { Vec::new() } else { vec!["en".into()] });
        let cores = available_parallelism().map_or(1, usize::from);
        let threads = if settings.threads == 0 { cores } else { settings.threads };
        let pool = Pool::start(threads)?;
        let core = Arc::new(Core { tokens, encoder });
        Ok(Self { core, pool, identity, languages, query_prefix, passage_prefix })
    }

    /// The vector of one text, in one job: every change of threads adds to a customer's wait.
    async fn one(&self, text: String, urgency: Urgency) -> Result<Vec<f32>, Error> {
        let core = self.core.clone();
        let job = move |worker: &mut Worker, _: &Waiting<'_, Worker>| {
            let tokens = core.tokens.of(&text)?;
            worker.encode(&core, &[tokens])
        };
        let vectors = self.pool.run(urgency, job).await.unwrap_or_else(broken);
        vectors.map_err(Error::Failed)?.pop().ok_or_else(|| Error::Failed("no vector".into()))
    }

    /// The tokens of the texts.
    async fn tokens(&self, texts: Vec<String>, urgency: Urgency) -> Result<Vec<Vec<u32>>, String> {
        let parts = texts.chunks(TEXTS).map(|part| {
            let (part, core) = (part.to_vec(), self.core.clone());
            let cut = move |_: &mut Worker, _: &Waiting<'_, Worker>| {
                part.iter().map(|text| core.tokens.of(text)).collect::<Result<Vec<_>, _>>()
            };
            async { self.pool.run(urgency, cut).await.unwrap_or_else(broken) }
        });
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }

    /// The vectors of the texts, those of similar length computed together.
    async fn vectors(
        &self,
        texts: Vec<Vec<u32>>,
        urgency: Urgency,
    ) -> Result<Vec<Vec<f32>>, String> {
        let count = texts.len();
        let groups = together(texts).into_iter().map(|(places, texts)| {
            let core = self.core.clone();
            let encode = move |worker: &mut Worker, waiting: &Waiting<'_, Worker>| match urgency {
                Urgency::First => worker.encode(&core, &texts),
                Urgency::Later => worker.encode_with_pauses(&core, &texts, waiting),
            };
            async move {
                let vectors = self.pool.run(urgency, encode).await.unwrap_or_else(broken)?;
                Ok::<_, String>(places.into_iter().zip(vectors))
            }
        });
        let mut vectors = vec![Vec::new(); count];
        for (place, vector) in try_join_all(groups).await?.into_iter().flatten() {
            if let Some(to) = vectors.get_mut(place) {
                *to = vector;
            }
        }
        Ok(vectors)
    }
}

impl Worker {
    fn encode(&mut self, core: &Core, texts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, String> {
        core.encoder.encode(texts, &mut self.scratch, &mut || ())
    }

    /// Between the layers, questions that came meanwhile are embedded first.
    fn encode_with_pauses(
        &mut self,
        core: &Core,
        texts: &[Vec<u32>],
        waiting: &Waiting<'_, Worker>,
    ) -> Result<Vec<Vec<f32>>, String> {
        let Self { scratch, within } = self;
        let mut pause = || waiting.run(within.get_or_insert_default());
        core.encoder.encode(texts, scratch, &mut pause)
    }
}

#[async_trait]
impl Embedder for Local {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn languages(&self) -> &[String] {
        &self.languages
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let (urgency, prefix) = match purpose {
            Purpose::Query => (Urgency::First, &self.query_prefix),
            Purpose::Passage => (Urgency::Later, &self.passage_prefix),
        };
        if let [text] = texts {
            return Ok(vec![self.one(format!("{prefix}{text}"), urgency).await?]);
        }
        let texts = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let tokens = self.tokens(texts, urgency).await.map_err(Error::Failed)?;
        self.vectors(tokens, urgency).await.map_err(Error::Failed)
    }
}

fn broken<T>() -> Result<T, String> {
    Err("the computation broke off; the log says why".into())
}

/// Texts of similar length together, the longest first; each group with the places that its texts had.
fn together(texts: Vec<Vec<u32>>) -> Vec<(Vec<usize>, Vec<Vec<u32>>)> {
    let mut sorted: Vec<_> = texts.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, text)| std::cmp::Reverse(text.len()));
    let mut groups: Vec<(Vec<usize>, Vec<Vec<u32>>)> = Vec::new();
    let mut room = 0;
    for (place, text) in sorted {
        if groups.is_empty() || text.len() > room {
            groups.push((Vec::new(), Vec::new()));
            room = TOGETHER.max(text.len());
        }
        room -= text.len();
        if let Some((places, texts)) = groups.last_mut() {
            places.push(place);
            texts.push(text);
        }
    }
    groups
}

/// What is written before a question and before a passage: as the settings say, then as the model's files say, then as its
/// name does.
fn prefixes(settings: &Settings, model: &Model) -> (String, String) {
    let e5 = model.names.iter().any(|name| {
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case("e5"))
    });
    let known = |of_e5: &str| if e5 { of_e5.to_owned() } else { String::new() };
    let (query, passage) = (&settings.query_prefix, &settings.passage_prefix);
    let query = query.clone().or_else(|| model.prompts.query.clone());
    let passage = passage.clone().or_else(|| model.prompts.passage.clone());
    (query.unwrap_or_else(|| known("query: ")), passage.unwrap_or_else(|| known("passage: ")))
}
