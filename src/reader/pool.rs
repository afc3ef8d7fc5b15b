//! The worker processes of a desk: started when there is something to read, used again, ended when they have been idle.
//! Sounds, for which customers wait, have places of their own beside documents.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::process::{ExitCause, Process, ProcessError};
use super::{Failure, Kind, Reply, Settings, Task};

/// How long after its deadline a process is killed: one that keeps to it answers until then.
const GRACE: Duration = Duration::from_secs(2);
/// How often a task is tried: a process can be ended from outside.
const TRIES: usize = 2;
/// The largest file that is given to a process, in bytes.
pub(super) const LARGEST: usize = 1024 * 1024 * 1024;

/// The worker processes.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<PoolState>,
    background: bool,
}

struct PoolState {
    settings: Settings,
    documents: Arc<ProcessSlots>,
    sounds: Arc<ProcessSlots>,
    /// Whether it was said that system calls are not filtered.
    warned: AtomicBool,
}

/// Places for processes, and the processes that have nothing to do.
struct ProcessSlots {
    places: Semaphore,
    /// One place fewer: it is left to those that somebody waits for.
    background: Semaphore,
    idle: Mutex<Vec<(Instant, Process)>>,
    /// Whether somebody looks for processes that were idle for too long.
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

    /// The process that was used last, if one is there and alive.
    fn take(&self) -> Option<Process> {
        let mut idle = self.idle();
        while let Some((_, mut process)) = idle.pop() {
            if process.is_alive() {
                return Some(process);
            }
        }
        None
    }

    /// Keeps a process for the next task, for a while.
    fn keep(self: &Arc<Self>, process: Process, longest: Duration) {
        self.idle().push((Instant::now(), process));
        if !self.watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(end_idle(Arc::downgrade(self), longest));
        }
    }
}

/// Ends the processes that have nothing to do for so long, until there is none.
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
    /// Starts nothing yet. The error names the setting that is wrong.
    pub fn new(settings: Settings) -> Result<Self, String> {
        settings.check()?;
        let at_once = settings.at_once();
        let (documents, sounds) =
            (ProcessSlots::new(at_once), ProcessSlots::new(at_once.clamp(2, 4)));
        let warned = AtomicBool::new(false);
        let shared = Arc::new(PoolState { settings, documents, sounds, warned });
        Ok(Self { shared, background: false })
    }

    /// The same processes for work that nobody waits for: it leaves one of them free.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { shared: self.shared.clone(), background: true }
    }

    /// How many documents are read at once.
    pub fn at_once(&self) -> usize {
        self.shared.settings.at_once()
    }

    /// How many processes wait for something to do.
    pub fn idle(&self) -> usize {
        self.shared.documents.idle().len() + self.shared.sounds.idle().len()
    }

    /// Has a process do a task, when there is a place for it. Whoever drops the future ends the process.
    pub async fn run(&self, task: Task) -> Result<Reply, Failure> {
        let (shared, background) = (self.shared.clone(), self.background);
        // A task of its own: it goes on where whoever asked is busy with something else.
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
        if (*task.body).as_ref().len() > LARGEST {
            return Err(Failure::Memory { mb: (LARGEST / 1024 / 1024) as u64 });
        }
        let lane = match task.kind {
            Kind::Document | Kind::Check => &self.documents,
            Kind::Sound | Kind::Probe => &self.sounds,
        };
        let gone = |_| Failure::Unavailable("the desk is stopping".into());
        let _turn =
            if background { Some(lane.background.acquire().await.map_err(gone)?) } else { None };
        let _place = lane.places.acquire().await.map_err(gone)?;
        let most = u64::from(self.settings.seconds);
        let seconds = task.longest.map_or(most, |longest| longest.as_secs().clamp(1, most));
        let mut why = Failure::Broken;
        for _ in 0..TRIES {
            let mut process = match lane.take() {
                Some(process) => process,
                None => self.start().await?,
            };
            let whole = u32::try_from(seconds).unwrap_or(self.settings.seconds);
            let longest = Duration::from_secs(seconds) + GRACE;
            let used = process.processor_time();
            // Dropped, a process is killed.
            let trouble = match timeout(longest, process.ask(task, whole)).await {
                Err(_) if process.has_worked(used, Duration::from_secs(seconds)) => {
                    return Err(Failure::TooSlow { seconds });
                }
                // Once more would take as long again.
                Err(_) => return Err(Failure::Lost("the machine is too busy")),
                Ok(Ok(reply)) => {
                    if !process.is_worn() {
                        lane.keep(process, Duration::from_secs(self.settings.idle_seconds));
                    }
                    return Ok(reply);
                }
                Ok(Err(trouble)) => trouble,
            };
            why = match process.autopsy(&trouble).await {
                ExitCause::Memory => return Err(Failure::Memory { mb: self.settings.memory_mb }),
                ExitCause::Time => return Err(Failure::TooSlow { seconds }),
                ExitCause::Fault => Failure::Broken,
                ExitCause::Outside(why) => Failure::Lost(why),
            };
            // Who said what went wrong would say it again; who is gone may have met with an accident.
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
                "documents and voice notes are read with limits, but without a filter: {why}"
            );
        }
        Ok(process)
    }
}
