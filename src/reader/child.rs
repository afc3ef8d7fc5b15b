//! The worker process's side: reads tasks from standard input and writes answers to standard
//! output. It exits when its input ends, even in the middle of a task, so that it never outlives
//! its parent.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::frame::{Header, Kind, Tag};
use super::sandbox;

/// Stack of the working thread, in bytes: parsers recurse. Only pages in use take memory.
const STACK: usize = 32 * 1024 * 1024;

/// A task as received.
pub struct Request {
    /// What to do.
    pub kind: Kind,
    /// Parameters, as JSON.
    pub head: Vec<u8>,
    /// Content of the file.
    pub body: Vec<u8>,
    /// Time limit.
    pub longest: Duration,
}

/// Receives samples as they are decoded.
pub type SampleSink<'a> = dyn FnMut(&[f32]) -> io::Result<()> + 'a;

/// Performs a task: passes on samples as they come and returns the answer.
pub type TaskHandler = fn(&Request, &mut SampleSink<'_>) -> io::Result<Vec<u8>>;

/// Processes tasks until the input ends. The process must have just started, with one thread.
pub fn serve(memory_mb: u64, handle: TaskHandler) -> io::Result<()> {
    // Panic messages may contain a customer's text, and nobody reads them.
    std::panic::set_hook(Box::new(|_| {}));
    sandbox::close_inherited();
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (limits, filtered) = sandbox::enter(memory_mb, STACK);
    let why = filtered.err().unwrap_or_default();
    let (tasks, waiting) = sync_channel(1);
    // The working thread reports readiness: if it cannot start, no file is to blame.
    let work = move || {
        if Tag::Ready.write(&mut output, why.as_bytes()).is_ok() {
            work(&waiting, output, handle);
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work)?;
    while let Some(header) = Header::read(&mut input)? {
        // The worker is idle here: the parent sends a task when the previous one is done.
        limits.allow(header.seconds, header.body);
        if tasks.send(request(&header, &mut input)?).is_err() {
            break;
        }
    }
    Ok(())
}

fn request(header: &Header, input: &mut File) -> io::Result<Request> {
    let mut read = |length: u64| {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        input.take(length).read_to_end(&mut bytes).map(|_| bytes)
    };
    let (head, body) = (read(u64::from(header.head))?, read(header.body)?);
    let longest = Duration::from_secs(u64::from(header.seconds));
    Ok(Request { kind: header.kind, head, body, longest })
}

fn work(waiting: &Receiver<Request>, mut output: File, handle: TaskHandler) {
    for request in waiting {
        let mut bytes = Vec::new();
        let mut give = |samples: &[f32]| {
            bytes.clear();
            bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            Tag::Samples.write(&mut output, &bytes)
        };
        let done = catch_unwind(AssertUnwindSafe(|| handle(&request, &mut give)));
        drop(request);
        let written = match done {
            Ok(Ok(answer)) => Tag::Answer.write(&mut output, &answer),
            // The task was not understood, or the parent is gone. Exit now so that the parent need
            // not wait for the deadline.
            Ok(Err(_)) => std::process::exit(1),
            Err(_) => Tag::Broken.write(&mut output, b""),
        };
        // The parent is gone.
        if written.is_err() {
            return;
        }
    }
}
