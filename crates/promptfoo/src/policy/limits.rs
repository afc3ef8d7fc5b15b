//! Size limits of a suite and its run. Over the API they keep the server responsive; on the command
//! line they catch mistakes.

/// Size limits of a suite and its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of repetitions of a case.
    pub repeat: usize,
    /// Maximum number of cases that run at once.
    pub concurrency: usize,
    /// Maximum number of cases of a suite, after expansion. All of them are kept in memory.
    pub cases: usize,
    /// Maximum total size of all cases of a suite, in bytes of JSON.
    pub case_bytes: u64,
    /// Maximum number of rows of a run: cases × repetitions × prompts × targets.
    pub rows: usize,
    /// Maximum number of messages that a simulated customer writes in one conversation.
    pub turns: u64,
    /// Maximum size of a run's rows on disk, in bytes.
    pub journal_bytes: u64,
    /// Maximum size of a file that a suite names, in bytes.
    pub file_bytes: u64,
}

/// Limits over the API. The schema in `http/api/evals` repeats some of them: `repeat`,
/// `concurrency`, `first` and `sample`.
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
