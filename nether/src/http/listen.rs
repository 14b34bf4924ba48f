//! [`Listening`]: an open address: accepts connections, within bounds, and ends them in order. What happens
//! on one of them is in `connection`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::http::connection::Connection;
use crate::http::gateway::Gateway;
use crate::race::race;

/// How long accepting rests when the machine has nothing left to accept with.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// An open address.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    pub(super) gateway: Arc<Gateway>,
    /// Set once nothing more is to be accepted.
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Opens the address.
    ///
    /// # Errors
    /// If it is no address, or is taken.
    pub(super) async fn open(address: &str, gateway: Arc<Gateway>) -> io::Result<Self> {
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
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends streams of events, and waits until all connections have ended.
    pub(super) async fn end(mut self) {
        self.close();
        self.gateway.state.end();
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Listening {
    /// Whoever could not wait for the end: nothing more is accepted, streams end, and connections are told
    /// to.
    fn drop(&mut self) {
        self.gateway.state.end();
        self.accepting.abort();
    }
}

/// Accepts until it is told to stop, and then waits for the connections.
async fn accept(listener: TcpListener, gateway: Arc<Gateway>, closing: watch::Receiver<bool>) {
    let connections = Connections::new(gateway);
    let mut accepting = closing.clone();
    let forever = async { while connections.accept(&listener).await {} };
    let notified = async {
        let _ = accepting.wait_for(|closing| *closing).await;
    };
    let system = connections.gateway.state.system.clone();
    race(race(notified, system.stop_begun()), forever).await;
    drop(listener); // Who comes now is refused by the machine itself.
    connections.graceful.shutdown().await;
}

/// What all connections of an address have in common.
struct Connections {
    gateway: Arc<Gateway>,
    graceful: GracefulShutdown,
    /// One for each connection that may be open.
    room: Arc<Semaphore>,
    requests: Option<Arc<Semaphore>>,
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
        let rate = settings.accept_rate.filter(|rate| *rate > 0);
        Connections {
            graceful: GracefulShutdown::new(),
            room: Arc::new(Semaphore::new(settings.max_connections)),
            requests: settings
                .max_requests
                .map(|most| Arc::new(Semaphore::new(most))),
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
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let (gateway, requests) = (Arc::clone(&self.gateway), self.requests.clone());
                let connection = Connection::new(gateway, peer, requests);
                let watcher = self.graceful.watcher();
                tokio::spawn(connection.serve(stream, watcher, room));
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
        true
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
