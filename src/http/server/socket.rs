//! A TCP stream that reports reads and writes to the connection's activity. On shutdown it reads
//! what the peer still sends: otherwise the system would reset the connection, and the peer could
//! lose the response.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::activity::ConnectionActivity;

/// Maximum bytes that are read and discarded after the response.
const MAX_REST: usize = 1024 * 1024;

pub(super) struct TrackedSocket {
    stream: TcpStream,
    activity: Arc<ConnectionActivity>,
    /// Whether the write side is closed.
    shut: bool,
    /// Bytes that were discarded since.
    rest: usize,
}

impl TrackedSocket {
    pub(super) fn new(stream: TcpStream, activity: Arc<ConnectionActivity>) -> Self {
        Self { stream, activity, shut: false, rest: 0 }
    }

    fn noticed(&self, written: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.activity.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.blocked(),
        }
        written
    }
}

impl AsyncRead for TrackedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        if into.filled().len() > before {
            self.activity.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TrackedSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noticed(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.noticed(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
        }
        if !self.activity.closes() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        while self.rest < MAX_REST {
            let mut into = ReadBuf::new(&mut scratch);
            // Errors no longer matter: the connection ends anyway.
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into));
            let heard = into.filled().len();
            if read.is_err() || heard == 0 {
                break;
            }
            self.rest += heard;
        }
        Poll::Ready(Ok(()))
    }
}
