//! [`Proxy`]: the network between a store and its server, which can be cut or fall silent.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// In which direction bytes go.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    ToServer,
    ToClient,
}

/// A proxy on a port of its own.
pub struct Proxy {
    port: u16,
    /// Whether bytes pass to the server, and to the client. Those that do not pass are kept.
    ways: [watch::Sender<bool>; 2],
    /// How often all connections were cut.
    cuts: watch::Sender<u64>,
    /// How many bytes have come from clients.
    sent: watch::Sender<u64>,
    listening: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ways = [watch::Sender::new(true), watch::Sender::new(true)];
        let cuts = watch::Sender::new(0);
        let sent = watch::Sender::new(0);
        let route = Route {
            ways: [ways[0].subscribe(), ways[1].subscribe()],
            cuts: cuts.subscribe(),
            sent: sent.clone(),
        };
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(route.clone().carry(client, server));
            }
        });
        Proxy {
            port,
            ways,
            cuts,
            sent,
            listening,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing pass in that direction until it is opened again.
    pub fn hold(&self, way: Way) {
        self.ways[way as usize].send_replace(false);
    }

    pub fn open(&self) {
        for way in &self.ways {
            way.send_replace(true);
        }
    }

    /// Cuts all connections. What was held is lost.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many bytes have come from clients, whether they have passed or not.
    pub fn sent(&self) -> watch::Receiver<u64> {
        self.sent.subscribe()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

#[derive(Clone)]
struct Route {
    ways: [watch::Receiver<bool>; 2],
    cuts: watch::Receiver<u64>,
    sent: watch::Sender<u64>,
}

impl Route {
    async fn carry(mut self, client: TcpStream, server: u16) {
        self.cuts.mark_unchanged();
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let [up, down] = self.ways;
        tokio::select! {
            biased;
            _ = self.cuts.changed() => {}
            () = pump(from_client, to_server, up, Some(self.sent)) => {}
            () = pump(from_server, to_client, down, None) => {}
        }
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passes: watch::Receiver<bool>,
    sent: Option<watch::Sender<u64>>,
) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if let Some(sent) = &sent {
            sent.send_modify(|sent| *sent += count as u64);
        }
        if passes.wait_for(|passes| *passes).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
