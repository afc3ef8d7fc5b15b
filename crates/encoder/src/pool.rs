//! Thread pool for the forward pass, separate from the network threads. Questions run before
//! documents, so that customers do not wait for indexing. Knows nothing of models.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

/// Maximum queued jobs of each urgency, for each thread; further callers wait.
const MAX_QUEUED_JOBS_PER_THREAD: usize = 16;

/// A fixed number of threads, each with its own value that its jobs use.
pub(crate) struct Pool<T> {
    shared: Arc<PoolState<T>>,
    places: [Arc<Semaphore>; 2],
}

/// Priority of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Runs before queued `Later` jobs and in the pauses of a running one: a customer waits for it.
    First,
    /// Runs when no urgent job is queued.
    Later,
}

type Job<T> = Box<dyn FnOnce(&mut T, &UrgentJobs<'_, T>) + Send>;

struct PoolState<T> {
    queues: Mutex<Queues<T>>,
    wake: Condvar,
}

struct Queues<T> {
    first: VecDeque<Job<T>>,
    later: VecDeque<Job<T>>,
    closed: bool,
}

/// Gives a running job access to the queued urgent jobs.
pub(crate) struct UrgentJobs<'a, T>(&'a PoolState<T>);

impl<T> UrgentJobs<'_, T> {
    /// Runs the queued urgent jobs with this value.
    pub(crate) fn run(&self, own: &mut T) {
        loop {
            let job = self.0.lock().first.pop_front();
            let Some(job) = job else { return };
            self.0.run(job, own);
        }
    }
}

impl<T: Default + Send + 'static> Pool<T> {
    /// Starts `threads` threads, at least one, with this name.
    pub(crate) fn start(threads: usize, name: &'static str) -> Result<Self, String> {
        let queues = Queues { first: VecDeque::new(), later: VecDeque::new(), closed: false };
        let shared = Arc::new(PoolState { queues: Mutex::new(queues), wake: Condvar::new() });
        let threads = threads.max(1);
        let places =
            [(); 2].map(|()| Arc::new(Semaphore::new(threads * MAX_QUEUED_JOBS_PER_THREAD)));
        let pool = Self { shared: shared.clone(), places };
        for number in 0..threads {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("{name}-{number}"));
            thread
                .spawn(move || shared.work(&mut T::default()))
                .map_err(|error| format!("a thread cannot be started: {error}"))?;
        }
        Ok(pool)
    }

    /// Runs a job on one of the threads. A job whose caller has gone before it starts is skipped.
    /// Returns `None` if the job panicked.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        urgency: Urgency,
        job: impl FnOnce(&mut T, &UrgentJobs<'_, T>) -> R + Send + 'static,
    ) -> Option<R> {
        let places = match urgency {
            Urgency::First => &self.places[0],
            Urgency::Later => &self.places[1],
        };
        let place = places.clone().acquire_owned().await.ok()?;
        let (sender, result) = oneshot::channel();
        let job: Job<T> = Box::new(move |own, waiting| {
            if !sender.is_closed() {
                // The receiver may be gone.
                drop(sender.send(job(own, waiting)));
            }
            drop(place);
        });
        self.shared.add(urgency, job);
        result.await.ok()
    }
}

impl<T> Drop for Pool<T> {
    /// Ends the threads after their current jobs.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl<T> PoolState<T> {
    fn lock(&self) -> MutexGuard<'_, Queues<T>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, urgency: Urgency, job: Job<T>) {
        let mut queues = self.lock();
        match urgency {
            Urgency::First => queues.first.push_back(job),
            Urgency::Later => queues.later.push_back(job),
        }
        drop(queues);
        self.wake.notify_one();
    }

    fn work(&self, own: &mut T) {
        while let Some(job) = self.next() {
            self.run(job, own);
        }
    }

    /// Returns the next job; `None` when the pool was dropped.
    fn next(&self) -> Option<Job<T>> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            if let Some(job) = queues.first.pop_front().or_else(|| queues.later.pop_front()) {
                return Some(job);
            }
            queues = self.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A panic fails only its job, not the thread.
    fn run(&self, job: Job<T>, own: &mut T) {
        let waiting = UrgentJobs(self);
        let run = || job(own, &waiting);
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("a job of a local model broke off");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// What the jobs of a test did, in order.
    type Diary = Arc<Mutex<Vec<&'static str>>>;

    fn writes(
        diary: &Diary,
        what: &'static str,
    ) -> impl FnOnce(&mut (), &UrgentJobs<'_, ()>) + Send + 'static {
        let diary = diary.clone();
        move |(), _| diary.lock().unwrap().push(what)
    }

    /// Waits until this many jobs are queued.
    async fn waiting(pool: &Pool<()>, jobs: usize) {
        let count = || {
            let queues = pool.shared.lock();
            queues.first.len() + queues.later.len()
        };
        while count() < jobs {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn questions_go_before_documents_that_came_earlier_and_into_the_pauses_of_one() {
        let pool = Pool::<()>::start(1, "test").unwrap();
        let diary = Diary::default();
        let (go_on, wait) = mpsc::channel::<()>();
        let own = diary.clone();
        let (begin, started) = oneshot::channel();
        let long = pool.run(Urgency::Later, move |(), waiting| {
            own.lock().unwrap().push("a document begins");
            begin.send(()).unwrap();
            wait.recv().unwrap();
            waiting.run(&mut ());
            own.lock().unwrap().push("a document ends");
        });
        let more = async {
            started.await.unwrap();
            let next = pool.run(Urgency::Later, writes(&diary, "the next document"));
            let question = pool.run(Urgency::First, writes(&diary, "a question"));
            let free = async {
                waiting(&pool, 2).await;
                go_on.send(()).unwrap();
            };
            let _ = tokio::join!(next, question, free);
        };
        let _ = tokio::join!(long, more);
        let wanted = ["a document begins", "a question", "a document ends", "the next document"];
        assert_eq!(*diary.lock().unwrap(), wanted);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let pool = Pool::<()>::start(1, "test").unwrap();
        let diary = Diary::default();
        let (go_on, wait) = mpsc::channel::<()>();
        let busy = pool.run(Urgency::Later, move |(), _| wait.recv().unwrap());
        let free = async {
            waiting(&pool, 0).await;
            let given_up = pool.run(Urgency::Later, writes(&diary, "given up"));
            let given_up = tokio::time::timeout(Duration::from_millis(30), given_up).await;
            assert!(given_up.is_err(), "the only thread is busy");
            go_on.send(()).unwrap();
        };
        let _ = tokio::join!(busy, free);
        pool.run(Urgency::Later, writes(&diary, "wanted")).await.unwrap();
        assert_eq!(*diary.lock().unwrap(), ["wanted"]);
    }

    #[tokio::test]
    async fn a_job_that_breaks_off_is_told_and_the_thread_goes_on() {
        let pool = Pool::<()>::start(1, "test").unwrap();
        assert_eq!(pool.run(Urgency::First, |(), _| -> i32 { panic!("on purpose") }).await, None);
        assert_eq!(pool.run(Urgency::First, |(), _| 7).await, Some(7));
    }

    #[tokio::test]
    async fn who_would_wait_behind_too_many_jobs_waits_before_the_queue() {
        let pool = Pool::<()>::start(1, "test").unwrap();
        let (go_on, wait) = mpsc::channel::<()>();
        let (begin, started) = oneshot::channel();
        let busy = pool.run(Urgency::Later, move |(), _| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
        });
        let many =
            futures::future::join_all((0..100).map(|_| pool.run(Urgency::Later, |(), _| ())));
        let free = async {
            started.await.unwrap();
            waiting(&pool, MAX_QUEUED_JOBS_PER_THREAD - 1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(
                pool.shared.lock().later.len(),
                MAX_QUEUED_JOBS_PER_THREAD - 1,
                "the busy one has a place, too"
            );
            go_on.send(()).unwrap();
        };
        let (_, done, ()) = tokio::join!(busy, many, free);
        assert!(done.iter().all(Option::is_some) && done.len() == 100);
    }
}
