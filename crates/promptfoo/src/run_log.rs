//! The log of a run: one row a line, written during the run, so that memory use stays small and the
//! run can be resumed. Reports read the rows from it.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::row::EvalRow;

/// Size of the write buffer, in bytes.
const BUFFER: usize = 64 * 1024;
/// Maximum time that a row stays in the buffer while more rows arrive.
const FLUSH: Duration = Duration::from_secs(1);

/// The rows of a run in a file: one JSON object a line, in order of completion.
#[derive(Debug, Clone)]
pub struct RunLog {
    path: PathBuf,
}

impl RunLog {
    /// The log at a path; the file may not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the log for one run until the lock is dropped: two writers would corrupt it.
    pub fn lock(&self) -> io::Result<RunLogLock> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(RunLogLock(file)),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let what = "another run of this suite is under way: wait for it, or stop it";
                Err(io::Error::new(io::ErrorKind::ResourceBusy, what))
            }
        }
    }

    /// Appends one row.
    pub fn add(&self, row: &EvalRow) -> io::Result<()> {
        let mut appender = self.append(true)?;
        appender.add(row)?;
        appender.finish()
    }

    /// Opens the log for many rows. Removes a last line that a crash left incomplete, so that the
    /// next row has its own; without `keep`, removes everything.
    pub fn append(&self, keep: bool) -> io::Result<RunLogWriter> {
        let mut file =
            File::options().create(true).read(true).write(true).truncate(false).open(&self.path)?;
        let end = if keep { whole_lines(&mut file)? } else { 0 };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(RunLogWriter { file, flushed: Instant::now(), size: end })
    }

    /// Reads the rows one at a time. A missing file has no rows.
    pub fn rows(&self) -> io::Result<impl Iterator<Item = io::Result<EvalRow>> + use<>> {
        let file = match File::open(&self.path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let lines = file.into_iter().flat_map(BufRead::lines);
        Ok(lines.filter_map(|line| match line {
            // An incomplete line belongs to a row that will run again.
            Ok(line) => serde_json::from_str(&line).ok().map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Reads at most `most` rows that `keep` accepts, from byte `from` on, each with the offset
    /// after it; also returns the offset to continue from. An incomplete last line is left for
    /// later.
    pub fn page(
        &self,
        from: u64,
        most: usize,
        keep: impl Fn(&EvalRow) -> bool,
    ) -> io::Result<(Vec<(u64, EvalRow)>, u64)> {
        let mut file = match File::open(&self.path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), from)),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from))?;
        let (mut rows, mut at, mut line) = (Vec::new(), from, Vec::new());
        while rows.len() < most {
            line.clear();
            file.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            at += line.len() as u64;
            if let Ok(row) = serde_json::from_slice::<EvalRow>(&line)
                && keep(&row)
            {
                rows.push((at, row));
            }
        }
        Ok((rows, at))
    }
}

/// Exclusive lock of a run log; released on drop.
#[derive(Debug)]
#[expect(dead_code, reason = "the file is held for its lock")]
pub struct RunLogLock(File);

/// Appends rows to a run log.
#[derive(Debug)]
pub struct RunLogWriter {
    file: BufWriter<File>,
    flushed: Instant,
    size: u64,
}

impl RunLogWriter {
    /// Appends a row. While rows arrive, it is flushed within a second.
    pub fn add(&mut self, row: &EvalRow) -> io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        if self.flushed.elapsed() >= FLUSH {
            self.file.flush()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }

    /// Size of the log, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Flushes the buffer.
    pub fn finish(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Offset after the last complete line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while end > 0 {
        let size = end.min(block.len() as u64);
        file.seek(SeekFrom::Start(end - size))?;
        let part = &mut block[..usize::try_from(size).unwrap_or(0)];
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - size + at as u64 + 1);
        }
        end -= size;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_for_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run_log = RunLog::at(folder.path().join("rows.jsonl"));
        let lock = run_log.lock().unwrap();
        assert!(run_log.lock().unwrap_err().to_string().contains("another run"));
        drop(lock);
        run_log.lock().unwrap();
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_neither_reading_nor_writing() {
        let folder = tempfile::tempdir().unwrap();
        let run_log = RunLog::at(folder.path().join("rows.jsonl"));
        let row = |key: &str| EvalRow { key: key.into(), ..EvalRow::default() };
        run_log.add(&row("a")).unwrap();
        run_log.add(&row("b")).unwrap();
        let text = std::fs::read_to_string(run_log.path()).unwrap();
        let long = "x".repeat(9000);
        std::fs::write(run_log.path(), format!("{}{{\"key\": \"{long}", &text[..text.len() - 20]))
            .unwrap();
        let keys = || run_log.rows().unwrap().map(|row| row.unwrap().key).collect::<Vec<_>>();
        assert_eq!(keys(), ["a"]);
        run_log.add(&row("c")).unwrap();
        assert_eq!(keys(), ["a", "c"]);
        run_log.append(false).unwrap();
        assert!(keys().is_empty());
    }
}
