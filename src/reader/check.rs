//! Sandbox self-test: a worker process tries forbidden operations and reports the results.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{Failure, Kind, Pool, Task};

/// An operation that a worker process must not be able to perform; the last four use memory, or end
/// or exhaust the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// Open a file for reading.
    Open,
    /// Open a file for writing.
    Write,
    /// List a directory.
    List,
    /// Create a network socket.
    Socket,
    /// Listen on the network.
    Listen,
    /// Create a Unix socket pair.
    SocketPair,
    /// Start a program.
    Start,
    /// Replace itself with another program (`exec`).
    Become,
    /// Send a signal to the parent process.
    Signal,
    /// Map shared memory, which no limit counts.
    Share,
    /// Allocate 100 MB and keep them until the process ends.
    Keep,
    /// Allocate memory without end.
    Allocate,
    /// Loop forever.
    Loop,
    /// Abort.
    Abort,
}

/// The operations that the sandbox forbids.
pub const FORBIDDEN: [Attempt; 10] = [
    Attempt::Open,
    Attempt::Write,
    Attempt::List,
    Attempt::Socket,
    Attempt::Listen,
    Attempt::SocketPair,
    Attempt::Start,
    Attempt::Become,
    Attempt::Signal,
    Attempt::Share,
];

impl Attempt {
    /// Tries the operation in this process. The error is the operating system's. Some attempts
    /// never return.
    pub fn make(self) -> std::io::Result<()> {
        match self {
            Self::Open => File::open("/dev/null").map(drop),
            Self::Write => File::options().write(true).open("/dev/null").map(drop),
            Self::List => std::fs::read_dir("/").map(drop),
            Self::Socket => UdpSocket::bind("127.0.0.1:0").map(drop),
            Self::Listen => TcpListener::bind("127.0.0.1:0").map(drop),
            Self::SocketPair => std::os::unix::net::UnixStream::pair().map(drop),
            Self::Start => {
                let null = Stdio::null;
                let mut command = Command::new("/bin/true");
                command.stdin(null()).stdout(null()).stderr(null());
                command.status().map(drop)
            }
            Self::Become => {
                use std::os::unix::process::CommandExt;
                Err(Command::new("/bin/true").exec())
            }
            Self::Signal => {
                let desk = rustix::process::getppid();
                let desk = desk.ok_or(std::io::ErrorKind::NotFound)?;
                rustix::process::test_kill_process(desk).map_err(Into::into)
            }
            Self::Share => share_memory(),
            Self::Keep => {
                std::hint::black_box(vec![1_u8; 100 * 1024 * 1024].leak());
                Ok(())
            }
            Self::Allocate => {
                let mut all = Vec::new();
                loop {
                    all.push(vec![1_u8; 1024 * 1024]);
                    std::hint::black_box(&all);
                }
            }
            Self::Loop => loop {
                std::hint::black_box(0);
            },
            Self::Abort => std::process::abort(),
        }
    }
}

/// Each attempt with the errno of its refusal; `None` if it succeeded.
pub(super) type Outcome = Vec<(Attempt, Option<i32>)>;

/// Performs the requested attempts, in the worker process.
pub fn answer(head: &[u8]) -> std::io::Result<Vec<u8>> {
    let attempts: Vec<Attempt> = serde_json::from_slice(head)?;
    let outcome = |attempt: Attempt| {
        let error = attempt.make().err();
        (attempt, error.map(|error| error.raw_os_error().unwrap_or(0)))
    };
    let outcomes: Outcome = attempts.into_iter().map(outcome).collect();
    Ok(serde_json::to_vec(&outcomes)?)
}

impl Pool {
    /// Runs attempts in a worker process. Returns those that were not refused by the filter.
    pub async fn attempt(&self, attempts: &[Attempt]) -> Result<Vec<Attempt>, Failure> {
        let task = Task {
            kind: Kind::Check,
            head: serde_json::to_vec(attempts).unwrap_or_default(),
            body: Box::new([0_u8; 0]),
            time_limit: None,
            max_answer_bytes: 4_096,
            most_samples: 0,
        };
        let reply = self.run(task).await?;
        let outcomes: Outcome =
            serde_json::from_slice(&reply.answer).map_err(|_| Failure::Broken)?;
        let named = |attempt: &Attempt| outcomes.iter().any(|(made, _)| made == attempt);
        if !attempts.iter().all(named) {
            return Err(Failure::Broken);
        }
        // The filter answers EPERM. Another error comes from this machine, not from the sandbox.
        let made = outcomes.iter().filter(|(_, error)| *error != Some(1));
        Ok(made.map(|(attempt, _)| *attempt).collect())
    }
}

#[expect(unsafe_code, reason = "the system's own answer is wanted")]
fn share_memory() -> std::io::Result<()> {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    // SAFETY: the kernel chooses an unused address, and nobody accesses the mapping.
    let shared =
        unsafe { mmap_anonymous(std::ptr::null_mut(), 4_096, ProtFlags::READ, MapFlags::SHARED) };
    shared.map(|_| ()).map_err(Into::into)
}
