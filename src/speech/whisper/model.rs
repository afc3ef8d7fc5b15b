//! A model in memory: read when the first recording comes, then kept. What a recording takes beside it is given back when
//! the recording is done.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

use super::file::Shape;

/// A model's file, and its weights once they were wanted.
pub(super) struct Model {
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    context: Mutex<Option<Arc<WhisperContext>>>,
    pub(super) states: Arc<States>,
}

/// How many recordings are at work.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

impl Model {
    /// Of a file that was checked. Reads nothing yet.
    pub(super) fn new(path: PathBuf, shape: Shape) -> Self {
        Self { path, shape, context: Mutex::default(), states: Arc::default() }
    }

    /// The weights, read if they are not yet there: some tenths of a second, for a large model seconds. Who comes meanwhile
    /// waits.
    pub(super) fn context(&self) -> Result<Arc<WhisperContext>, String> {
        let mut slot = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = &*slot {
            return Ok(context.clone());
        }
        let begin = std::time::Instant::now();
        let mut settings = WhisperContextParameters::new();
        // On a processor, flash attention takes a third more time.
        settings.use_gpu(false).flash_attn(false);
        let context = WhisperContext::new_with_params(&self.path, settings).map_err(|error| {
            format!("the model {} cannot be loaded: {error}", self.path.display())
        })?;
        let (model, took_ms) = (&self.shape.name, begin.elapsed().as_millis());
        tracing::info!(model, took_ms, "the speech model {model} is loaded, in {took_ms} ms");
        let context = Arc::new(context);
        *slot = Some(context.clone());
        Ok(context)
    }

    /// What one recording needs beside the weights; given back when it is dropped.
    pub(super) fn state(&self, context: &WhisperContext) -> Result<State, String> {
        let counted = StateGuard::new(self.states.clone());
        let state = context.create_state();
        let state =
            state.map_err(|error| format!("there is no memory for a recording: {error}"))?;
        Ok(State { state, _counted: counted })
    }
}

/// The working memory of one recording. It is freed before it is counted as gone.
pub(super) struct State {
    state: WhisperState,
    _counted: StateGuard,
}

impl Deref for State {
    type Target = WhisperState;

    fn deref(&self) -> &WhisperState {
        &self.state
    }
}

impl DerefMut for State {
    fn deref_mut(&mut self) -> &mut WhisperState {
        &mut self.state
    }
}

/// Gives what recordings took, and gave back to the C library, to the system. It would keep some 100 MB for each thread that
/// ever transcribed.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "the C library has no safe way to say so; it may be called at any time"
    )]
    // SAFETY: malloc_trim locks what it looks at, and touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets all other work go first from now on, where the two want the same core: nobody waits for a transcript as for an answer,
/// and it takes a core for seconds. On Linux that is a thread's own matter, and its threads' after it.
pub(super) fn give_way() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the C library has no safe way to say so")]
    // SAFETY: nice takes a number and touches no memory. A refusal changes nothing.
    unsafe {
        libc::nice(10);
    }
}

/// Counts a recording's state for as long as it lives.
struct StateGuard(Arc<States>);

impl StateGuard {
    fn new(states: Arc<States>) -> Self {
        let now = states.now.fetch_add(1, Ordering::SeqCst) + 1;
        states.most.fetch_max(now, Ordering::SeqCst);
        Self(states)
    }
}

impl Drop for StateGuard {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
