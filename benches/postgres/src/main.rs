//! The event store in PostgreSQL beside statements by hand, and beside `postgres-es`, on a server that it
//! starts: `cargo run --release --manifest-path benches/Cargo.toml -p postgres`; with `-- 1` it does a
//! fraction of the work in one round.

mod by_hand;
mod by_store;
mod commands;

use std::time::Duration;

use nether_postgres_tests::Server;

use crate::commands::{Peer, by_aggregates};

/// How much is done in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Appends by those that are busy at the same time.
    pub(crate) appends: usize,
    /// Appends one after the other.
    pub(crate) alone: usize,
    /// Events that are read.
    pub(crate) read: usize,
    /// Commands of each caller.
    pub(crate) commands: usize,
}

/// How many append at the same time, each to a stream of its own.
pub(crate) const BUSY: usize = 256;

/// How many connections statements by hand are sent over.
pub(crate) const CONNECTIONS: usize = 8;

/// The content of an event.
pub(crate) const PAYLOAD: &[u8] = br#"{"account":"1f0f6a3e","cents":1250,"currency":"EUR","reference":"order 47110815, second part of three"}"#;

/// What one way to write and read takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Events a second, written by many at the same time.
    pub(crate) busy: f64,
    /// The median time of one append, one after the other.
    pub(crate) alone: Duration,
    /// Events a second that are read.
    pub(crate) read: f64,
}

/// The ratios of one round.
#[derive(Debug, Clone, Copy)]
struct Ratios {
    busy: f64,
    alone: f64,
    read: f64,
    cqrs: f64,
}

fn main() {
    let rounds = std::env::args().nth(1);
    let rounds = rounds.map_or(5, |it| it.parse().expect("a number of rounds"));
    let scale = match rounds {
        1 => Scale {
            appends: 20_000,
            alone: 500,
            read: 20_000,
            commands: 5,
        },
        _ => Scale {
            appends: 100_000,
            alone: 2_000,
            read: 200_000,
            commands: 20,
        },
    };
    let peer = Peer::build().expect("the program of the peer builds");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ratios = runtime.expect("there are threads").block_on(async {
        let server = Server::start(&["fsync=on", "shared_buffers=256MB", "max_wal_size=4GB"]);
        let mut ratios = Vec::new();
        for _ in 0..rounds {
            ratios.push(round(&server, &peer, scale).await);
        }
        ratios
    });
    println!("medians of {rounds} rounds:");
    let middle = |of: fn(&Ratios) -> f64| {
        let mut all: Vec<f64> = ratios.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!(
        "{:6.2} events by many, of what statements by hand write (3 at least)",
        middle(|it| it.busy)
    );
    println!(
        "{:6.2} time of an append alone, of a statement by hand (1.2 at most)",
        middle(|it| it.alone)
    );
    println!(
        "{:6.2} events read, of what a query by hand reads and does not decode (0.5 at least)",
        middle(|it| it.read)
    );
    println!(
        "{:6.2} commands, of what postgres-es does (5 at least)",
        middle(|it| it.cqrs)
    );
}

async fn round(server: &Server, peer: &Peer, scale: Scale) -> Ratios {
    let hand = by_hand::measure(&server.database().await, scale).await;
    let store = by_store::measure(&server.database().await, scale).await;
    let ours = by_aggregates(&server.database().await, 10 * scale.commands).await;
    let cqrs = peer.rate(&server.database().await, scale.commands);
    println!(
        "by hand {hand:?}; store {store:?}; commands a second: ours {ours:.0}, postgres-es {cqrs:.0}"
    );
    Ratios {
        busy: store.busy / hand.busy,
        alone: store.alone.as_secs_f64() / hand.alone.as_secs_f64(),
        read: store.read / hand.read,
        cqrs: ours / cqrs,
    }
}

/// The time in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
