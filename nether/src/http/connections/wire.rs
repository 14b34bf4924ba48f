//! [`Wire`]: the bytes of a connection, and its close in stages.
//!
//! A socket that is closed while its client still sends is reset, and the client may lose the answer that it
//! was about to read (RFC 9112, section 9.6). So the end of the answer is sent first, and what still comes is
//! read for a while and thrown away.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_io_timeout::TimeoutStream;

use crate::http::connections::upgrade::{Upgrade, UpgradedWire};

/// How long a client may be silent after the last byte of its answer, while it is not known to have sent all.
const SILENCE: Duration = Duration::from_secs(2);

/// How long it is listened to in all.
const LINGER: Duration = Duration::from_secs(30);

/// How much of what still comes is thrown away.
const LEFTOVER: usize = 64 << 20;

/// How much of it is read at once.
const SCRAP: usize = 16 * 1024;

/// How a connection of HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What has passed on a connection: the wire writes it down, the connection reads it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Whether bytes have come since the last request was complete, so that another one has begun.
    has_begun: AtomicBool,
    /// Whether a request's body was given up before its end.
    is_abandoned: AtomicBool,
    is_http_2: AtomicBool,
    /// Whether the client does not take what is written.
    is_blocked: AtomicBool,
    /// Whether all is written, and what still comes is thrown away.
    is_lingering: AtomicBool,
    /// How often something was written, and read while the end was awaited.
    progress: AtomicU64,
    /// What the connection has become, if it has left HTTP behind.
    upgrade: OnceLock<Arc<Upgrade>>,
}

impl Traffic {
    /// What the connection has become, if it has left HTTP behind.
    pub(crate) fn upgrade(&self) -> Option<&Arc<Upgrade>> {
        self.upgrade.get()
    }

    /// The connection leaves HTTP behind with the end of the answer.
    pub(crate) fn leave_http(&self, upgrade: Arc<Upgrade>) {
        let _ = self.upgrade.set(upgrade);
    }

    /// Whether bytes have come that are no request yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    pub(crate) fn is_http_2(&self) -> bool {
        self.is_http_2.load(Ordering::Relaxed)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    pub(crate) fn is_lingering(&self) -> bool {
        self.is_lingering.load(Ordering::Relaxed)
    }

    pub(crate) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// A request's head has come, or its body to the end.
    pub(crate) fn complete(&self) {
        self.has_begun.store(false, Ordering::Relaxed);
    }

    /// Notes that the rest of a request's body will not be read.
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Whether the client may still be sending. On HTTP/2 it may send what is not a request.
    fn is_unfinished(&self) -> bool {
        let has_begun = self.has_begun() && !self.is_http_2();
        has_begun || self.is_abandoned()
    }

    fn read(&self, bytes: &[u8]) {
        if !self.has_begun.swap(true, Ordering::Relaxed) && bytes.starts_with(PREFACE) {
            self.is_http_2.store(true, Ordering::Relaxed);
        }
    }

    fn wrote<T>(&self, written: &Poll<T>) {
        let is_blocked = written.is_pending();
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
        if !is_blocked {
            self.progress.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A connection as a stream of bytes.
pub(crate) struct Wire {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    traffic: Arc<Traffic>,
    /// Set once all is written and the client has not sent all.
    lingering: Option<Lingering>,
    /// Its place among the connections that may be open. It goes with the socket, which a web socket keeps
    /// when HTTP has ended on it.
    #[expect(dead_code)]
    room: Option<OwnedSemaphorePermit>,
    /// Set once it is read or written as what it was upgraded to.
    upgraded: Option<Box<UpgradedWire>>,
}

struct Lingering {
    clock: Pin<Box<Sleep>>,
    end: Instant,
    left: usize,
}

impl Wire {
    pub(crate) fn new(
        stream: TcpStream,
        write_timeout: Duration,
        traffic: Arc<Traffic>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_timeout));
        Wire {
            stream: Box::pin(stream),
            traffic,
            lingering: None,
            room,
            upgraded: None,
        }
    }

    /// Its bytes and how it is upgraded, if it is.
    fn upgraded(&mut self) -> Option<(Pin<&mut TimeoutStream<TcpStream>>, &mut UpgradedWire)> {
        let upgrade = self.traffic.upgrade()?;
        let upgraded = self
            .upgraded
            .get_or_insert_with(|| UpgradedWire::new(upgrade));
        Some((self.stream.as_mut(), upgraded))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(upgrade) = self.traffic.upgrade() {
            upgrade.close();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some((stream, upgraded)) = self.upgraded()
            && upgraded.poll_before_read(stream, cx)
        {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(cx, buffer);
        let come = &buffer.filled()[before..];
        if !come.is_empty() {
            self.traffic.read(come);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some((stream, upgraded)) = self.upgraded() {
            ready!(upgraded.poll_before_write(stream, cx))?;
        }
        let written = self.stream.as_mut().poll_write(cx, bytes);
        self.traffic.wrote(&written);
        if let (Some((_, upgraded)), Poll::Ready(Ok(written))) = (self.upgraded(), &written) {
            upgraded.wrote(&bytes[..*written]);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.traffic.upgrade().is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(cx, first.map_or(&[], |slice| slice));
        }
        let written = self.stream.as_mut().poll_write_vectored(cx, slices);
        self.traffic.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.as_mut().poll_flush(cx))?;
        match self.upgraded() {
            Some((stream, upgraded)) => upgraded.poll_after_flush(stream, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        if wire.lingering.is_none() {
            ready!(wire.stream.as_mut().poll_shutdown(cx))?;
            if !wire.traffic.is_unfinished() {
                return Poll::Ready(Ok(()));
            }
            wire.traffic.is_lingering.store(true, Ordering::Relaxed);
        }
        let lingering = wire.lingering.get_or_insert_with(|| Lingering {
            clock: Box::pin(sleep(SILENCE)),
            end: Instant::now() + LINGER,
            left: LEFTOVER,
        });
        loop {
            let mut scrap = [0; SCRAP];
            let mut buffer = ReadBuf::new(&mut scrap);
            match wire.stream.as_mut().poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if lingering.has_more(buffer.filled().len()) => {
                    wire.traffic.progress.fetch_add(1, Ordering::Relaxed);
                }
                // It is not asked to send more, or has gone: the answer is with it, or lost.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return lingering.clock.as_mut().poll(cx).map(Ok),
            }
        }
    }
}

impl Lingering {
    /// Takes note of bytes that came. Whether more of them are waited for.
    fn has_more(&mut self, come: usize) -> bool {
        self.left = self.left.saturating_sub(come);
        let until = (Instant::now() + SILENCE).min(self.end);
        self.clock.as_mut().reset(until);
        self.left > 0 && Instant::now() < self.end
    }
}
