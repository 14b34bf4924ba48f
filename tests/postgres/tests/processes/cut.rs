//! [`Link`]: a way to the server by TCP that can be frozen, as a network that loses everything for a while.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A way to a server. Dropped, it ends all connections.
pub struct Link {
    port: u16,
    is_open: Arc<watch::Sender<bool>>,
    _relays: JoinSet<()>,
}

impl Link {
    /// A way to the server at that port of this machine.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (is_open, opened) = watch::channel(true);
        let mut relays = JoinSet::new();
        relays.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(relay(client, server, opened.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Link {
            port,
            is_open: Arc::new(is_open),
            _relays: relays,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nothing comes through any more, and no one is notified of it.
    pub fn freeze(&self) {
        self.is_open.send_replace(false);
    }

    /// Everything comes through again, also what was sent meanwhile.
    pub fn thaw(&self) {
        self.is_open.send_replace(true);
    }
}

async fn relay(client: TcpStream, server: u16, opened: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, opened.clone()),
        pass(from_server, to_client, opened)
    );
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut opened: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if opened.wait_for(|it| *it).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    let _ = opened.wait_for(|it| *it).await;
    let _ = to.shutdown().await;
}
