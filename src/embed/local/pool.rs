//! Threads for the forward pass, apart from those that serve the network. Questions go first: a customer does not wait
//! for a document to be learned. Knows nothing of models.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

/// How many jobs of each kind may wait for one thread; who wants to add more waits.
const WAITING: usize = 16;

/// A fixed number of threads, each with a value of its own that its jobs use.
pub(super) struct Pool<T> {
    shared: Arc<Shared<T>>,
    places: [Arc<Semaphore>; 2],
}

/// Which jobs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    First,
    Later,
}

type Job<T> = Box<dyn FnOnce(&mut T, &Waiting<'_, T>) + Send>;

struct Shared<T> {
    queues: Mutex<Queues<T>>,
    wake: Condvar,
}

struct Queues<T> {
    first: VecDeque<Job<T>>,
    later: VecDeque<Job<T>>,
    closed: bool,
}

/// The urgent jobs that wait while another one runs.
pub(super) struct Waiting<'a, T>(&'a Shared<T>);

impl<T> Waiting<'_, T> {
    /// Runs the urgent jobs that wait, with this value.
    pub(super) fn run(&self, own: &mut T) {
        loop {
            let job = self.0.lock().first.pop_front();
            let Some(job) = job else { return };
            self.0.run(job, own);
        }
    }
}

impl<T: Default + Send + 'static> Pool<T> {
    /// Starts so many threads, at least one.
    pub(super) fn start(threads: usize) -> Result<Self, String> {
        let queues = Queues { first: VecDeque::new(), later: VecDeque::new(), closed: false };
        let shared = Arc::new(Shared { queues: Mutex::new(queues), wake: Condvar::new() });
        let threads = threads.max(1);
        let places = [(); 2].map(|()| Arc::new(Semaphore::new(threads * WAITING)));
        let pool = Self { shared: shared.clone(), places };
        for number in 0..threads {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("embed-{number}"));
            thread
                .spawn(move || shared.work(&mut T::default()))
                .map_err(|error| format!("a thread cannot be started: {error}"))?;
        }
        Ok(pool)
    }

    /// Runs a job on one of the threads. When the caller goes away before it began, it is not run; `None` when it broke off.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        urgency: Urgency,
        job: impl FnOnce(&mut T, &Waiting<'_, T>) -> R + Send + 'static,
    ) -> Option<R> {
        let places = match urgency {
            Urgency::First => &self.places[0],
            Urgency::Later => &self.places[1],
        };
        let place = places.clone().acquire_owned().await.ok()?;
        let (sender, result) = oneshot::channel();
        let job: Job<T> = Box::new(move |own, waiting| {
            if !sender.is_closed() {
                // Nobody may want it any more.
                drop(sender.send(job(own, waiting)));
            }
            drop(place);
        });
        self.shared.add(urgency, job);
        result.await.ok()
    }
}

impl<T> Drop for Pool<T> {
    /// The threads end when they have done what they are doing.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl<T> Shared<T> {
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

    /// The next job; `None` when the pool is gone.
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

    /// A job that breaks off is its caller's failure, not the thread's end.
    fn run(&self, job: Job<T>, own: &mut T) {
        let waiting = Waiting(self);
        let run = || job(own, &waiting);
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("a job of the local embedder broke off");
        }
    }
}
