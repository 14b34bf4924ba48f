//! [`Upgrade`]: a connection that has left HTTP behind, as web sockets do, and how it ends with its address.
//!
//! The server does not know what its handler does with it. So a stop waits for it, as for a request. A web
//! socket is notified: once its handler has sent what it was sending, the client gets a Close frame (RFC
//! 6455, section 7.4.1: 1001, going away), whose answer ends the handler's wait for messages.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::http::header::UPGRADE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use tokio::io::AsyncWrite;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::http::connections::phase::{LEAVING, Phase, QUIET};
use crate::http::connections::sent_frames::SentFrames;
use crate::http::request_id::RequestId;
use crate::race::race;
use crate::route::BoxFuture;
use crate::system::System;

/// A Close frame that says that the server goes away.
const FAREWELL: &[u8] = &[0x88, 2, 0x03, 0xe9];

/// How far an upgraded connection is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum UpgradeStage {
    Open,
    /// A web socket sends its Close frame once it can.
    Leaving,
    /// Nothing is read and written any more.
    Over,
}

/// A connection that has left HTTP behind. The task that serves the connection notifies its [`UpgradedWire`]
/// to end.
#[derive(Debug)]
pub(crate) struct Upgrade {
    asked: (Method, Uri),
    id: RequestId,
    is_web_socket: bool,
    stage: watch::Sender<UpgradeStage>,
    /// Notified once the Close frame is sent.
    told: Notify,
    has_closed: AtomicBool,
    /// Notified once the handler has let go of the connection.
    closed: Notify,
}

impl Upgrade {
    /// The upgrade of a connection, if that is what the answer says.
    pub(crate) fn of(
        response: &Response,
        asked: &(Method, Uri),
        id: impl FnOnce() -> RequestId,
    ) -> Option<Arc<Self>> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let protocol = response.headers().get(UPGRADE);
        let is_web_socket =
            protocol.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"));
        Some(Arc::new(Upgrade {
            asked: asked.clone(),
            id: id(),
            is_web_socket,
            stage: watch::Sender::new(UpgradeStage::Open),
            told: Notify::new(),
            has_closed: AtomicBool::new(false),
            closed: Notify::new(),
        }))
    }

    /// The handler has let go of the connection.
    pub(crate) fn close(&self) {
        self.has_closed.store(true, Ordering::Release);
        self.closed.notify_one();
    }

    /// Waits until the handler has let go of the connection; or, if its address is closed before that, tells
    /// it to, and cuts it off when there is no more time.
    pub(crate) async fn until_closed(&self, mut phase: watch::Receiver<Phase>, system: &System) {
        let closed = async {
            while !self.has_closed.load(Ordering::Acquire) {
                self.closed.notified().await;
            }
        };
        let ended = async {
            // Nothing waits for it if the address has no task any more.
            let is_waited_for = phase.wait_for(|phase| *phase > Phase::Open).await.is_ok();
            let told = async {
                self.tell().await;
                if is_waited_for {
                    std::future::pending::<()>().await;
                }
            };
            let no_time = async {
                if phase.wait_for(|it| *it == Phase::CutOff).await.is_ok() {
                    self.cut_off(system);
                } else {
                    std::future::pending::<()>().await;
                }
            };
            race(told, no_time).await;
        };
        race(closed, ended).await;
        self.stage.send_replace(UpgradeStage::Over);
    }

    /// Tells a web socket that the server goes away, and gives its client some time to answer. Other
    /// protocols have no way to say so.
    async fn tell(&self) {
        if !self.is_web_socket {
            return;
        }
        // A handler that knows of the stop may say so itself.
        sleep(QUIET).await;
        self.stage.send_replace(UpgradeStage::Leaving);
        self.told.notified().await;
        sleep(LEAVING).await;
        self.stage.send_replace(UpgradeStage::Over);
    }

    #[cold]
    fn cut_off(&self, system: &System) {
        let (method, uri) = &self.asked;
        let (path, request_id) = (uri.path(), self.id.as_str());
        tracing::warn!(%method, path, request_id, "an upgraded connection was cut off by the stop");
        system.note_requests_cut_off(1);
    }
}

/// The bytes of an upgraded connection, as its handler reads and writes them.
pub(crate) struct UpgradedWire {
    upgrade: Arc<Upgrade>,
    /// What wakes the handler that waits to read, and to write, at the next stage. They may be different
    /// tasks.
    reading: StageChange,
    writing: StageChange,
    sent: SentFrames,
    /// The rest of the Close frame that is being sent.
    farewell: Option<&'static [u8]>,
}

/// The wait for the next stage, if one began.
struct StageChange(Option<(UpgradeStage, BoxFuture<()>)>);

impl StageChange {
    /// The stage, whose change wakes the task.
    fn poll(&mut self, upgrade: &Upgrade, cx: &mut Context<'_>) -> UpgradeStage {
        loop {
            let stage = *upgrade.stage.borrow();
            if stage == UpgradeStage::Over {
                return stage;
            }
            if self.0.as_ref().is_none_or(|(before, _)| *before != stage) {
                let mut stages = upgrade.stage.subscribe();
                let changed = async move {
                    let _ = stages.wait_for(|it| *it != stage).await;
                };
                self.0 = Some((stage, Box::pin(changed)));
            }
            let change = self.0.as_mut().map(|(_, change)| change.as_mut().poll(cx));
            if change.is_some_and(|change| change.is_pending()) {
                return stage;
            }
        }
    }
}

impl UpgradedWire {
    pub(crate) fn new(upgrade: &Arc<Upgrade>) -> Box<Self> {
        Box::new(UpgradedWire {
            upgrade: Arc::clone(upgrade),
            reading: StageChange(None),
            writing: StageChange(None),
            sent: SentFrames::default(),
            farewell: None,
        })
    }

    /// Whether there is nothing more to read. Sends the Close frame if it is time for it.
    pub(crate) fn poll_before_read<W: AsyncWrite>(
        &mut self,
        wire: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> bool {
        let stage = self.reading.poll(&self.upgrade, cx);
        if stage == UpgradeStage::Leaving && self.may_leave() {
            // What does not take it now is woken when it does, or ends with the stop.
            let _ = self.poll_farewell(wire, cx);
        }
        stage == UpgradeStage::Over
    }

    /// Whether the handler may write.
    ///
    /// # Errors
    /// If the client was notified that nothing more comes.
    pub(crate) fn poll_before_write<W: AsyncWrite>(
        &mut self,
        wire: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let is_over = self.writing.poll(&self.upgrade, cx) == UpgradeStage::Over;
        if !is_over && self.farewell.is_none() {
            return Poll::Ready(Ok(()));
        }
        if !is_over {
            ready!(self.poll_farewell(wire, cx))?;
        }
        let text = "the server is stopping, and has closed the web socket";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, text)))
    }

    /// Sends the Close frame if it is time for it, behind what the handler has sent.
    pub(crate) fn poll_after_flush<W: AsyncWrite>(
        &mut self,
        wire: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let stage = self.writing.poll(&self.upgrade, cx);
        match stage == UpgradeStage::Leaving && self.may_leave() {
            true => self.poll_farewell(wire, cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Takes note of bytes that the handler has written.
    pub(crate) fn wrote(&mut self, bytes: &[u8]) {
        if self.upgrade.is_web_socket {
            self.sent.pass(bytes);
            if self.sent.is_closed() {
                self.upgrade.told.notify_one();
            }
        }
    }

    /// Whether a Close frame is in its place: between two messages, and if the handler has not sent one.
    fn may_leave(&self) -> bool {
        self.upgrade.is_web_socket && self.sent.is_between() && !self.sent.is_closed()
    }

    fn poll_farewell<W: AsyncWrite>(
        &mut self,
        mut wire: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.farewell.get_or_insert(FAREWELL);
        if left.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !left.is_empty() {
            let written = ready!(wire.as_mut().poll_write(cx, left))?;
            *left = &left[written..];
        }
        self.upgrade.told.notify_one();
        wire.poll_flush(cx)
    }
}
