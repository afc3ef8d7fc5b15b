//! The parent's side of a worker process: start it, send tasks, and find out why it ended. Its
//! answers are untrusted and limited in size.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::frame::{Header, Tag};
use super::{COMMAND, Failure, Reply, Settings, Task};

/// Maximum time until a process is ready: the machine may be busy.
const START: Duration = Duration::from_secs(20);
/// Maximum wait for a broken process to exit.
const END: Duration = Duration::from_secs(5);
/// Tasks after which a process is replaced.
const MAX_TASKS: usize = 1_000;
/// Working time after which a process is replaced: its total processor time is limited.
const MAX_WORK_TIME: Duration = Duration::from_mins(15);
/// Growth of peak memory, in KB, after which a process is replaced to free it. The first document
/// loads the tokenizer's table, which alone takes 50 MB.
const LARGE_KB: u64 = 128 * 1024;
/// A timed-out task that got less than 1/`FAIR_PART` of its time as processor time was starved, not
/// slow.
const FAIR_PART: u32 = 4;
/// Clock ticks per second in Linux's `/proc`.
const TICKS: u64 = 100;
/// Maximum bytes read from a process's standard error.
const LAST_WORDS: usize = 4_096;

/// An idle worker process.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    words: ChildStderr,
    tasks: usize,
    worked: Duration,
    small_kb: u64,
    /// Why its system calls are not filtered; empty if they are.
    pub(super) unfiltered: String,
}

/// Why an exchange with a process failed.
pub(super) enum ProcessError {
    /// The process or its pipe is gone.
    Gone,
    /// The answer violates the protocol.
    Nonsense,
    /// The process reported that the task panicked.
    Broken,
}

impl From<io::Error> for ProcessError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitCause {
    /// It ran out of memory.
    Memory,
    /// It used up its processor time.
    Time,
    /// It crashed on its input.
    Fault,
    /// It exited or was killed: this says nothing about its input.
    Outside(&'static str),
}

impl Process {
    /// Starts a process and waits until it is ready.
    pub(super) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let unavailable = |why: &dyn std::fmt::Display| Failure::Unavailable(why.to_string());
        let program = settings.program.as_ref();
        let program = program.ok_or_else(|| unavailable(&"the program to start is not known"))?;
        let mut command = Command::new(program);
        command
            .arg(COMMAND)
            .args(["--memory-mb", &settings.memory_mb.to_string()])
            .env_clear()
            // Otherwise mimalloc commits its first gigabyte at once, which no limit would count.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Keep terminal signals for the parent, such as Ctrl-C, away from it; and give it a
        // readable name.
        #[cfg(unix)]
        command.process_group(0).arg0("frontdesk");
        let mut child = command.spawn().map_err(|error| unavailable(&error))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(words)) = pipes else {
            return Err(unavailable(&"it has no pipes"));
        };
        let (tasks, worked, unfiltered) = (0, Duration::ZERO, String::new());
        let mut new = Self { child, input, output, words, tasks, worked, small_kb: 0, unfiltered };
        match timeout(START, new.frame(LAST_WORDS)).await {
            Ok(Ok((Tag::Ready, why))) => {
                new.unfiltered = String::from_utf8_lossy(&why).into_owned();
                new.small_kb = new.peak_kb();
                Ok(new)
            }
            Ok(_) => Err(unavailable(&new.read_stderr().await)),
            Err(_) => Err(unavailable(&"it did not become ready")),
        }
    }

    /// Whether it is running and can take another task.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has not worked on a task yet.
    pub(super) fn is_new(&self) -> bool {
        self.tasks == 0
    }

    /// Whether it should be replaced.
    pub(super) fn should_recycle(&self) -> bool {
        self.tasks >= MAX_TASKS
            || self.worked >= MAX_WORK_TIME
            || self.peak_kb() > self.small_kb + LARGE_KB
    }

    /// Runs a task.
    pub(super) async fn ask(&mut self, task: &Task, seconds: u32) -> Result<Reply, ProcessError> {
        let began = Instant::now();
        let body = (*task.body).as_ref();
        let header = Header {
            kind: task.kind,
            seconds,
            head: u32::try_from(task.head.len()).map_err(|_| ProcessError::Nonsense)?,
            body: body.len() as u64,
        };
        self.input.write_all(&header.to_bytes()).await?;
        self.input.write_all(&task.head).await?;
        self.input.write_all(body).await?;
        let mut samples = Vec::new();
        loop {
            let left = task.most_samples.saturating_sub(samples.len()).saturating_mul(4);
            match self.frame(task.max_answer_bytes.max(left)).await? {
                (Tag::Samples, bytes) if bytes.len() <= left && bytes.len() % 4 == 0 => {
                    samples.extend(bytes.chunks_exact(4).map(sample));
                }
                (Tag::Answer, answer) if answer.len() <= task.max_answer_bytes => {
                    self.tasks += 1;
                    self.worked += began.elapsed();
                    return Ok(Reply { answer, samples });
                }
                (Tag::Broken, _) => return Err(ProcessError::Broken),
                _ => return Err(ProcessError::Nonsense),
            }
        }
    }

    /// Reads the next frame. Memory grows with the bytes received, not with the announced length.
    async fn frame(&mut self, most: usize) -> Result<(Tag, Vec<u8>), ProcessError> {
        let mut start = [0; 5];
        self.output.read_exact(&mut start).await?;
        let (tag, length) = Tag::read(start).ok_or(ProcessError::Nonsense)?;
        if length > most {
            return Err(ProcessError::Nonsense);
        }
        let mut bytes = Vec::new();
        (&mut self.output).take(length as u64).read_to_end(&mut bytes).await?;
        if bytes.len() == length { Ok((tag, bytes)) } else { Err(ProcessError::Gone) }
    }

    /// Determines why the process ended. Waits some seconds for its exit, and kills one that still
    /// runs.
    pub(super) async fn exit_cause(mut self, trouble: &ProcessError) -> ExitCause {
        if !matches!(trouble, ProcessError::Gone) {
            return ExitCause::Fault;
        }
        // It closed its pipe and still runs: an intact worker never does.
        let Ok(Ok(status)) = timeout(END, self.child.wait()).await else { return ExitCause::Fault };
        // The standard library prints this before it aborts; there is no other sign.
        if self.read_stderr().await.contains("memory allocation of") {
            return ExitCause::Memory;
        }
        death(status)
    }

    /// Whether the process got a fair share of processor time since `before`, for a task with the
    /// limit `longest`. True where the system does not tell.
    pub(super) fn has_worked(&self, before: Option<Duration>, longest: Duration) -> bool {
        let used =
            before.zip(self.processor_time()).map(|(before, now)| now.saturating_sub(before));
        used.is_none_or(|used| used >= longest / FAIR_PART)
    }

    /// Processor time used so far; `None` where the system does not tell.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // The name is in parentheses and may contain anything; user and system time follow eleven
        // fields later.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        Some(Duration::from_millis((ticks()? + ticks()?).saturating_mul(1_000 / TICKS)))
    }

    async fn read_stderr(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut words = (&mut self.words).take(LAST_WORDS as u64);
        // It may be alive and silent.
        drop(timeout(Duration::from_secs(1), words.read_to_end(&mut bytes)).await);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Peak memory, in KB; 0 where the system does not tell.
    fn peak_kb(&self) -> u64 {
        let Some(id) = self.child.id() else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

/// Decodes a sample. Invalid bytes become 0.
fn sample(bytes: &[u8]) -> f32 {
    let value = bytes.try_into().map(f32::from_le_bytes).unwrap_or_default();
    if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
}

/// Why a process that reported nothing ended, from its exit status.
#[cfg(unix)]
fn death(status: ExitStatus) -> ExitCause {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt;
    let Some(signal) = status.signal() else { return ExitCause::Outside("it gave up") };
    let is = |one: Signal| signal == one.as_raw();
    let faults = [Signal::SEGV, Signal::ABORT, Signal::BUS, Signal::ILL, Signal::FPE, Signal::TRAP];
    if is(Signal::XCPU) {
        ExitCause::Time
    } else if faults.into_iter().any(is) {
        ExitCause::Fault
    } else {
        ExitCause::Outside("it was killed from outside")
    }
}

#[cfg(not(unix))]
fn death(_: ExitStatus) -> ExitCause {
    ExitCause::Fault
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn only_what_the_file_did_is_its_fault() {
        let status = |raw: i32| death(ExitStatus::from_raw(raw));
        for fault in [4, 6, 8, 11] {
            assert_eq!(status(fault), ExitCause::Fault, "signal {fault}");
        }
        assert_eq!(status(rustix::process::Signal::XCPU.as_raw()), ExitCause::Time);
        for outside in [1, 9, 15, 1 << 8, 101 << 8] {
            assert!(matches!(status(outside), ExitCause::Outside(_)), "status {outside}");
        }
    }
}
