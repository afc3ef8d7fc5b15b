//! Worker processes that read what others made: documents and sounds. The desk starts them from its own binary, gives them
//! bytes and believes nothing of what they answer, not even its length. Knows nothing of formats: what is done with a task is a
//! function that the binary gives to [`child::serve`].
//!
//! A worker process computes, and can do nothing else: no file, no socket, no other process (`sandbox`); so much memory and
//! processor time, and not a second beyond its deadline. What breaks it breaks that task alone. A process reads one file after
//! the other: whoever gets it into his hands by a hole in a parser sees, and may forge, what is read in it until it ends.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub mod check;
pub mod child;
mod frame;
mod pool;
mod process;
mod sandbox;

pub use frame::Kind;
pub use pool::Pool;

/// The most worker processes for documents, and for sounds, however many cores there are.
const MOST: usize = 64;
/// So many are started where the settings do not say, at the most.
const USUAL: usize = 8;

/// How foreign files are read, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many documents are read at once; 0: as many as there are cores, from 2 to 8.
    pub processes: usize,
    /// The most memory that reading a file may take beside the file itself, in MB.
    pub memory_mb: u64,
    /// The longest that reading a file may take, in seconds.
    pub seconds: u32,
    /// After so many seconds without work a process ends.
    pub idle_seconds: u64,
    /// The program to start: the binary of this very process, in whose command line [`COMMAND`] is a command. `None` in
    /// programs that are another one, such as tests: there nothing can be read in a process of its own.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// The command of the binary that makes it a worker process.
pub const COMMAND: &str = "reader";

/// The binary of this process, also where its file was replaced since it was started.
pub fn this_program() -> Option<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Some(link) } else { std::env::current_exe().ok() }
}

impl Settings {
    fn check(&self) -> Result<(), String> {
        if self.processes > MOST {
            return Err(format!("processes is at most {MOST}"));
        }
        if !(128..=16_384).contains(&self.memory_mb) {
            return Err("memory_mb is from 128 to 16384".into());
        }
        if !(1..=3_600).contains(&self.seconds) {
            return Err("seconds is from 1 to 3600".into());
        }
        Ok(())
    }

    /// How many documents are read at once.
    fn at_once(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.processes == 0 { cores.clamp(2, USUAL) } else { self.processes }
    }
}

/// Something to read.
pub struct Task {
    /// What is to be done.
    pub kind: Kind,
    /// What has to be known for that, as JSON.
    pub head: Vec<u8>,
    /// The file.
    pub body: Box<dyn AsRef<[u8]> + Send + Sync>,
    /// The longest that it may take, if that is shorter than the settings say.
    pub longest: Option<Duration>,
    /// The longest answer that is taken, in bytes.
    pub most_answer: usize,
    /// The most samples that are taken.
    pub most_samples: usize,
}

/// What a worker process said.
#[derive(Debug, Default)]
pub struct Reply {
    /// Its answer, as JSON. It comes from a process that may be in the hands of whoever made the file.
    pub answer: Vec<u8>,
    /// The samples of a sound, each a number from -1 to 1.
    pub samples: Vec<f32>,
}

/// A task that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not done at its deadline, or used up its processor time.
    #[error("reading it took more than {seconds} s")]
    TooSlow {
        /// The bound.
        seconds: u64,
    },
    /// It wants more memory than there is for it.
    #[error("it needs more than {mb} MB of memory to be read")]
    Memory {
        /// The bound.
        mb: u64,
    },
    /// It ended its process, or had it answer nonsense.
    #[error("reading it broke off")]
    Broken,
    /// There is no process to read it: no fault of the file.
    #[error("no process could be started to read it: {0}")]
    Unavailable(String),
    /// What happened around its process ended it, as far as can be told: killed, or without a processor for too long.
    #[error("the process that read it came to nothing: {0}")]
    Lost(&'static str),
}
