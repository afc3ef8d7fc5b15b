//! How large a suite and its run may be. Over the API so large that a desk answers on; from the command line, that a mistake is told.

/// Bounds of a suite and its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often a case is run.
    pub repeat: usize,
    /// Cases at once.
    pub concurrency: usize,
    /// Cases of a suite, after matrices and scenarios: all of them are kept in memory.
    pub cases: usize,
    /// What all cases of a suite together take in memory, in bytes of their JSON.
    pub case_bytes: u64,
    /// Rows of a run: cases, times repetitions, prompts and targets.
    pub rows: usize,
    /// What a simulated customer writes in one conversation, in messages.
    pub turns: u64,
    /// What the rows of a run take on the disk, in bytes.
    pub journal_bytes: u64,
    /// A file that a suite names, in bytes.
    pub file_bytes: u64,
}

/// Over the API. `http/api/evals` says `repeat`, `concurrency`, `first` and `sample` in its schema, too.
pub(super) const API: Limits = Limits {
    repeat: 100,
    concurrency: 32,
    cases: 100_000,
    case_bytes: 64 << 20,
    rows: 100_000,
    turns: 50,
    journal_bytes: 256 << 20,
    file_bytes: 16 << 20,
};

/// From the command line.
pub(super) const COMMAND_LINE: Limits = Limits {
    repeat: 10_000,
    concurrency: 1_000,
    cases: 1_000_000,
    case_bytes: 4 << 30,
    rows: 10_000_000,
    turns: 1_000,
    journal_bytes: 64 << 30,
    file_bytes: 4 << 30,
};
