//! Pool of worker processes: started on demand, reused, ended after an idle time. Audio and
//! pictures, for which customers wait, have slots of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::process::{ExitCause, Process, ProcessError};
use super::{Failure, Kind, Reply, Settings, Task};

/// Extra time before a process past its deadline is killed: one that keeps its own deadline answers
/// within it.
const GRACE: Duration = Duration::from_secs(2);
/// Maximum tries of a task: a process can be killed from outside.
const TRIES: usize = 2;
/// Maximum size of a file, in bytes.
pub(super) const MAX_SIZE: usize = 1024 * 1024 * 1024;

/// A pool of worker processes; clones share it.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<PoolState>,
    background: bool,
}

struct PoolState {
    settings: Settings,
    documents: Arc<ProcessSlots>,
    sounds: Arc<ProcessSlots>,
    /// Whether missing system call filtering was logged.
    warned: AtomicBool,
}

/// Slots for processes, and the idle processes.
struct ProcessSlots {
    places: Semaphore,
    /// One slot fewer: it stays free for tasks that somebody waits for.
    background: Semaphore,
    idle: Mutex<Vec<(Instant, Process)>>,
    /// Whether [`end_idle`] is running.
    watched: AtomicBool,
}

impl ProcessSlots {
    fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Semaphore::new(places),
            background: Semaphore::new(places.saturating_sub(1).max(1)),
            idle: Mutex::default(),
            watched: AtomicBool::new(false),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Process)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most recently used idle process that is alive.
    fn take(&self) -> Option<Process> {
        let mut idle = self.idle();
        while let Some((_, mut process)) = idle.pop() {
            if process.is_alive() {
                return Some(process);
            }
        }
        None
    }

    /// Returns a process to the idle list, for at most `longest`.
    fn keep(self: &Arc<Self>, process: Process, longest: Duration) {
        self.idle().push((Instant::now(), process));
        if !self.watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(end_idle(Arc::downgrade(self), longest));
        }
    }
}

/// Ends processes idle for longer than `longest`, until none is left.
async fn end_idle(lane: Weak<ProcessSlots>, longest: Duration) {
    loop {
        tokio::time::sleep(longest).await;
        let Some(lane) = lane.upgrade() else { return };
        let mut idle = lane.idle();
        idle.retain(|(since, _)| since.elapsed() < longest);
        if idle.is_empty() {
            lane.watched.store(false, Ordering::Release);
            return;
        }
    }
}

impl Pool {
    /// Creates a pool without starting processes. The error names the invalid setting.
    pub fn new(settings: Settings) -> Result<Self, String> {
        settings.check()?;
        let at_once = settings.at_once();
        let (documents, sounds) =
            (ProcessSlots::new(at_once), ProcessSlots::new(at_once.clamp(2, 4)));
        let warned = AtomicBool::new(false);
        let shared = Arc::new(PoolState { settings, documents, sounds, warned });
        Ok(Self { shared, background: false })
    }

    /// The same pool for background work, which leaves one slot free.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { shared: self.shared.clone(), background: true }
    }

    /// How many documents are read concurrently.
    pub fn at_once(&self) -> usize {
        self.shared.settings.at_once()
    }

    /// Number of idle processes.
    pub fn idle(&self) -> usize {
        self.shared.documents.idle().len() + self.shared.sounds.idle().len()
    }

    /// Runs a task when a slot is free. Dropping the future kills the process.
    pub async fn run(&self, task: Task) -> Result<Reply, Failure> {
        let (shared, background) = (self.shared.clone(), self.background);
        // Spawned, so that it continues while the caller's task is busy.
        let mut work = JoinSet::new();
        work.spawn(async move { shared.run(&task, background).await });
        match work.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(error)) => Err(Failure::Unavailable(error.to_string())),
            None => Err(Failure::Unavailable("nothing was begun".into())),
        }
    }
}

impl PoolState {
    async fn run(&self, task: &Task, background: bool) -> Result<Reply, Failure> {
        if (*task.body).as_ref().len() > MAX_SIZE {
            return Err(Failure::Memory { mb: (MAX_SIZE / 1024 / 1024) as u64 });
        }
        let lane = match task.kind {
            Kind::Document | Kind::Check => &self.documents,
            Kind::Sound | Kind::Probe | Kind::Picture => &self.sounds,
        };
        let gone = |_| Failure::Unavailable("the desk is stopping".into());
        let _turn =
            if background { Some(lane.background.acquire().await.map_err(gone)?) } else { None };
        let _place = lane.places.acquire().await.map_err(gone)?;
        let most = u64::from(self.settings.seconds);
        let seconds = task.time_limit.map_or(most, |longest| longest.as_secs().clamp(1, most));
        let mut why = Failure::Broken;
        for attempt in 0..TRIES {
            let idle = if attempt == 0 { lane.take() } else { None };
            let mut process = match idle {
                Some(process) => process,
                None => self.start().await?,
            };
            let is_new = process.is_new();
            let whole = u32::try_from(seconds).unwrap_or(self.settings.seconds);
            let longest = Duration::from_secs(seconds) + GRACE;
            let used = process.processor_time();
            // Dropping a process kills it.
            let trouble = match timeout(longest, process.ask(task, whole)).await {
                Err(_) if process.has_worked(used, Duration::from_secs(seconds)) => {
                    return Err(Failure::TooSlow { seconds });
                }
                // A retry would take as long again.
                Err(_) => return Err(Failure::Lost("the machine is too busy")),
                Ok(Ok(reply)) => {
                    if !process.should_recycle() {
                        lane.keep(process, Duration::from_secs(self.settings.idle_seconds));
                    }
                    return Ok(reply);
                }
                Ok(Err(trouble)) => trouble,
            };
            why = match process.exit_cause(&trouble).await {
                // Earlier documents may have left too little for this one.
                ExitCause::Memory if !is_new => {
                    why = Failure::Memory { mb: self.settings.memory_mb };
                    continue;
                }
                ExitCause::Memory => return Err(Failure::Memory { mb: self.settings.memory_mb }),
                ExitCause::Time => return Err(Failure::TooSlow { seconds }),
                ExitCause::Fault => Failure::Broken,
                ExitCause::Outside(why) => Failure::Lost(why),
            };
            // A reported failure would repeat; a process that vanished may have had an accident.
            if !matches!(trouble, ProcessError::Gone) {
                break;
            }
        }
        Err(why)
    }

    async fn start(&self) -> Result<Process, Failure> {
        let process = Process::start(&self.settings).await?;
        let why = &process.unfiltered;
        if !why.is_empty() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "documents, voice notes and pictures are read with limits, but without a filter: {why}"
            );
        }
        Ok(process)
    }
}
