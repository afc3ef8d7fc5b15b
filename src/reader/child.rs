//! A worker process from the inside: tasks come in through standard input, answers go out through standard output. It ends
//! when its input ends, whatever it is doing, so that none outlives its desk.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::frame::{Header, Kind, Tag};
use super::sandbox;

/// The stack of the thread that does the work, in bytes: texts nest. Only what is used takes memory.
const STACK: usize = 32 * 1024 * 1024;

/// A task as it came in.
pub struct Request {
    /// What is asked for.
    pub kind: Kind,
    /// What has to be known for that, as JSON.
    pub head: Vec<u8>,
    /// The file.
    pub body: Vec<u8>,
    /// How long it may take.
    pub longest: Duration,
}

/// Takes samples as they are decoded.
pub type SampleSink<'a> = dyn FnMut(&[f32]) -> io::Result<()> + 'a;

/// Does a task: gives samples as they come, and in the end an answer.
pub type TaskHandler = fn(&Request, &mut SampleSink<'_>) -> io::Result<Vec<u8>>;

/// Works until the input ends. The process must have begun just now, with one thread.
pub fn serve(memory_mb: u64, handle: TaskHandler) -> io::Result<()> {
    // What breaks says nothing: its words may be a customer's, and nobody reads them.
    std::panic::set_hook(Box::new(|_| {}));
    sandbox::close_inherited();
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (limits, filtered) = sandbox::enter(memory_mb, STACK);
    let why = filtered.err().unwrap_or_default();
    let (tasks, waiting) = sync_channel(1);
    // Who says that it is ready is the thread that works: where none can be started, it was no file's fault.
    let work = move || {
        if Tag::Ready.write(&mut output, why.as_bytes()).is_ok() {
            work(&waiting, output, handle);
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work)?;
    while let Some(header) = Header::read(&mut input)? {
        // The worker is idle: the desk sends a task when the one before is done.
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
            // It was not understood, or nobody listens any more. Whoever waits is not to wait until the deadline.
            Ok(Err(_)) => std::process::exit(1),
            Err(_) => Tag::Broken.write(&mut output, b""),
        };
        // Nobody listens any more.
        if written.is_err() {
            return;
        }
    }
}
