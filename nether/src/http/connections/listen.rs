//! [`Listening`]: an open address: accepts connections, within bounds, and ends them in order. What happens
//! on one of them is in `connection`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::escaped::Escaped;
use crate::http::connections::connection::Connection;
use crate::http::connections::limits;
use crate::http::connections::phase::Phase;
use crate::http::gateway::Gateway;
use crate::instants::later;
use crate::race::race;

/// How long accepting rests when the machine has nothing left to accept with.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// The most connections that are accepted while an address is closed: more than wait at once.
const WAITING: usize = 8192;

/// An open address.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Arc<Gateway>,
    /// Set once nothing more is to be accepted.
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Opens the address.
    ///
    /// # Errors
    /// If it is no address, or is taken.
    pub(crate) async fn open(address: &str, gateway: Arc<Gateway>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        gateway.state.bind(address);
        let closing = watch::Sender::new(false);
        let accepting = accept(listener, Arc::clone(&gateway), closing.subscribe());
        let accepting = tokio::spawn(accepting);
        Ok(Listening {
            address,
            gateway,
            closing,
            accepting,
        })
    }

    /// Accepts nothing more; requests that come on open connections are still answered.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends streams of events, and waits until all connections have ended.
    pub(crate) async fn end(mut self) {
        self.close();
        self.gateway.state.end();
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Listening {
    /// Ends the address for a caller that could not wait for the end: nothing more is accepted, streams end,
    /// and connections are notified to end.
    fn drop(&mut self) {
        self.gateway.state.end();
        self.accepting.abort();
    }
}

/// Accepts until `closing` says to stop, and then waits for the connections.
async fn accept(listener: TcpListener, gateway: Arc<Gateway>, closing: watch::Receiver<bool>) {
    let connections = Connections::new(gateway);
    let mut accepting = closing.clone();
    let forever = async { while connections.accept(&listener).await {} };
    let notified = async {
        let _ = accepting.wait_for(|closing| *closing).await;
    };
    let system = connections.gateway.state.system.clone();
    race(race(notified, system.stop_begun()), forever).await;
    connections.phase.send_replace(Phase::Ending);
    connections.accept_waiting(listener);
    // The address may be closed while the system goes on: it has as much time for that.
    let last = later(Instant::now(), system.shutdown_timeout());
    let no_time = async {
        race(system.no_time_to_stop(), sleep_until(last)).await;
        connections.phase.send_replace(Phase::CutOff);
        std::future::pending().await
    };
    race(connections.phase.closed(), no_time).await;
}

/// What all connections of an address have in common.
struct Connections {
    gateway: Arc<Gateway>,
    /// Tells connections to end. Each holds a receiver until it has.
    phase: watch::Sender<Phase>,
    /// One for each connection that may be open.
    room: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    pace: AcceptPace,
}

/// How fast connections are accepted.
struct AcceptPace {
    interval: Option<Duration>,
    next: std::sync::Mutex<Instant>,
}

impl AcceptPace {
    async fn turn(&self) {
        let Some(interval) = self.interval else {
            return;
        };
        let turn = {
            let mut next = crate::sync::lock(&self.next);
            let turn = (*next).max(Instant::now());
            *next = turn + interval;
            turn
        };
        sleep_until(turn).await;
    }
}

impl Connections {
    fn new(gateway: Arc<Gateway>) -> Self {
        let settings = &gateway.state.settings;
        let most = settings.max_connections.unwrap_or_else(limits::connections);
        let rate = settings.accept_rate.filter(|rate| *rate > 0);
        Connections {
            phase: watch::Sender::new(Phase::Open),
            room: Arc::new(Semaphore::new(most)),
            requests: Arc::new(Semaphore::new(settings.max_requests)),
            pace: AcceptPace {
                interval: rate.map(|rate| Duration::from_secs(1) / rate),
                next: std::sync::Mutex::new(Instant::now()),
            },
            gateway,
        }
    }

    /// Accepts one connection, once there is room for it. Whether there may be more.
    async fn accept(&self, listener: &TcpListener) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else {
            return false;
        };
        self.pace.turn().await;
        match listener.accept().await {
            Ok((stream, peer)) => self.serve(stream, peer, Some(room)),
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(error = %Escaped(&error), "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
        true
    }

    /// Serves a connection in a task of its own.
    fn serve(&self, stream: TcpStream, peer: SocketAddr, room: Option<OwnedSemaphorePermit>) {
        let _ = stream.set_nodelay(true);
        let (gateway, requests) = (Arc::clone(&self.gateway), Arc::clone(&self.requests));
        let connection = Connection::new(gateway, requests, peer);
        tokio::spawn(connection.serve(stream, self.phase.subscribe(), room));
    }

    /// Accepts the connections that wait to be, and closes the address. The system has made them, so that
    /// their clients have connected, and would be reset with it; so each gets an answer to its first request.
    /// Nothing is waited for in between, so that few come after the last one. A client that comes then is
    /// refused by the machine itself.
    fn accept_waiting(&self, listener: TcpListener) {
        // As it is without the runtime, which need not know yet that there are some.
        let Ok(listener) = listener.into_std() else {
            return;
        };
        for _ in 0..WAITING {
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if is_of_connection(&error) => continue,
                Err(_) => break,
            };
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.serve(stream, peer, None);
            }
        }
    }
}

/// Whether the client went away before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
