//! Worker processes that parse untrusted files: documents, audio, pictures. The main process starts them
//! from its own binary, sends them bytes and trusts no answer, not even its length. Knows no
//! formats: the binary passes the task handler to [`child::serve`].
//!
//! A worker process can only compute (`sandbox`): no files, no sockets, no other processes, and
//! limited memory, processor time and wall time. A crash fails its task only. A process reads
//! several files in turn: an attacker who exploits a parser sees, and can forge, what the process
//! reads until it ends.

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

/// Maximum worker processes for documents, and for audio and pictures.
const MAX_PROCESSES: usize = 64;
/// Maximum worker processes when the settings give no number.
const MAX_DEFAULT_PROCESSES: usize = 8;

/// How untrusted files are read, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many documents are read concurrently; 0 for the number of cores, from 2 to 8.
    pub processes: usize,
    /// Maximum memory for reading a file, in MB, not counting the file itself.
    pub memory_mb: u64,
    /// Maximum time for reading a file, in seconds.
    pub seconds: u32,
    /// Idle time after which a process ends, in seconds.
    pub idle_seconds: u64,
    /// The program to start: this binary, which has the command [`COMMAND`]. `None` in other
    /// programs, such as tests: they have no worker processes.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// The subcommand that runs the binary as a worker process.
pub const COMMAND: &str = "reader";

/// The running binary, even if its file was replaced since the start.
pub fn this_program() -> Option<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Some(link) } else { std::env::current_exe().ok() }
}

impl Settings {
    fn check(&self) -> Result<(), String> {
        if self.processes > MAX_PROCESSES {
            return Err(format!("processes is at most {MAX_PROCESSES}"));
        }
        if !(128..=16_384).contains(&self.memory_mb) {
            return Err("memory_mb is from 128 to 16384".into());
        }
        if !(1..=3_600).contains(&self.seconds) {
            return Err("seconds is from 1 to 3600".into());
        }
        Ok(())
    }

    /// How many documents are read concurrently.
    fn at_once(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.processes == 0 { cores.clamp(2, MAX_DEFAULT_PROCESSES) } else { self.processes }
    }
}

/// A task for a worker process.
pub struct Task {
    /// What to do.
    pub kind: Kind,
    /// Parameters, as JSON.
    pub head: Vec<u8>,
    /// Content of the file.
    pub body: Box<dyn AsRef<[u8]> + Send + Sync>,
    /// Time limit, if shorter than the configured one.
    pub time_limit: Option<Duration>,
    /// Maximum size of the answer, in bytes.
    pub max_answer_bytes: usize,
    /// Maximum number of samples.
    pub most_samples: usize,
}

/// The result of a task.
#[derive(Debug, Default)]
pub struct Reply {
    /// The answer: JSON, and after its line a prepared picture. Untrusted: the file may have taken over the process.
    pub answer: Vec<u8>,
    /// Audio samples from -1 to 1.
    pub samples: Vec<f32>,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The task exceeded its deadline or its processor time.
    #[error("reading it took more than {seconds} s")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The task needs more memory than allowed.
    #[error("it needs more than {mb} MB of memory to be read")]
    Memory {
        /// The limit.
        mb: u64,
    },
    /// The file crashed the process or made it answer nonsense.
    #[error("reading it broke off")]
    Broken,
    /// No process could be started: not the file's fault.
    #[error("no process could be started to read it: {0}")]
    Unavailable(String),
    /// The process was probably ended from outside: killed, or starved of processor time.
    #[error("the process that read it came to nothing: {0}")]
    Lost(&'static str),
}
