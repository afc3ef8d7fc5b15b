//! `frontdesk reader`: a worker process that a desk starts to read files. Maps each kind of file to
//! its handler.

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::knowledge::reading;
use crate::pictures;
use crate::reader::child::{Request, SampleSink, serve};
use crate::reader::{Kind, check};
use crate::speech::decoding;

/// Read files for a desk, as its worker process
#[derive(Debug, Args)]
pub(super) struct Reader {
    /// Maximum memory for reading a file, besides the file itself, in MB
    #[arg(long)]
    memory_mb: u64,
}

impl Reader {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        serve(self.memory_mb, handle)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn handle(request: &Request, give: &mut SampleSink<'_>) -> io::Result<Vec<u8>> {
    match request.kind {
        Kind::Document => reading::answer(&request.head, &request.body, request.longest),
        Kind::Sound => decoding::answer(&request.head, &request.body, give),
        Kind::Probe => decoding::probed(&request.body),
        Kind::Picture => pictures::answer(&request.head, &request.body),
        Kind::Check => check::answer(&request.head),
    }
}
