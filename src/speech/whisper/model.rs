//! A model in memory: loaded with the first recording, then kept. Memory of a recording is freed
//! when the recording is done.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

use super::file::Shape;

/// A model's file, and its weights once loaded.
pub(super) struct Model {
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    context: Mutex<Option<Arc<WhisperContext>>>,
    pub(super) states: Arc<States>,
}

/// Number of recordings in progress, now and at most.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

impl Model {
    /// Creates a model from a checked file, without loading it.
    pub(super) fn new(path: PathBuf, shape: Shape) -> Self {
        Self { path, shape, context: Mutex::default(), states: Arc::default() }
    }

    /// Returns the weights, loading them on first use: tenths of a second, or seconds for a large
    /// model. Concurrent callers wait.
    pub(super) fn context(&self) -> Result<Arc<WhisperContext>, String> {
        let mut slot = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = &*slot {
            return Ok(context.clone());
        }
        let begin = std::time::Instant::now();
        let mut settings = WhisperContextParameters::new();
        // On a CPU, flash attention is slower by a third.
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

    /// Allocates the working memory of one recording.
    pub(super) fn state(&self, context: &WhisperContext) -> Result<State, String> {
        let counted = StateGuard::new(self.states.clone());
        let state = context.create_state();
        let state =
            state.map_err(|error| format!("there is no memory for a recording: {error}"))?;
        Ok(State { state, _counted: counted })
    }
}

/// Working memory of one recording. Freed before the counter goes down.
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

/// Returns freed memory to the system. The C library would keep about 100 MB for each thread that
/// ever transcribed.
pub(super) fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "the C library has no safe way to say so; it may be called at any time"
    )]
    // SAFETY: malloc_trim locks what it inspects and touches nothing in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lowers the thread's priority: a transcript is less urgent than an answer and occupies a core for
/// seconds. On Linux this applies to the thread and those that it starts.
pub(super) fn lower_priority() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the C library has no safe way to say so")]
    // SAFETY: nice takes a number and touches no memory. A refusal changes nothing.
    unsafe {
        libc::nice(10);
    }
}

/// Counts a recording in progress until dropped.
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
