//! The event store in PostgreSQL beside statements by hand: `cargo run --release --manifest-path
//! benches/Cargo.toml -p postgres`; with `-- 1` it does a fraction of the work in one round.

mod by_hand;
mod by_store;

use std::time::Duration;

use nether_postgres_tests::Server;

/// How much is done in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Appends by those that are busy at the same time.
    pub(crate) appends: usize,
    /// Appends one after the other.
    pub(crate) alone: usize,
    /// Events that are read.
    pub(crate) read: usize,
}

/// How many append at the same time, each to a stream of its own.
pub(crate) const BUSY: usize = 256;

/// How many connections statements by hand are sent over.
pub(crate) const CONNECTIONS: usize = 8;

/// What an event holds.
pub(crate) const PAYLOAD: &[u8] = br#"{"account":"1f0f6a3e","cents":1250,"currency":"EUR","reference":"order 47110815, second part of three"}"#;

/// What was measured: events per second, and the time of one append alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) busy: f64,
    pub(crate) alone: Duration,
    pub(crate) read: f64,
}

impl Figures {
    fn better(self, other: Figures) -> Figures {
        Figures {
            busy: self.busy.max(other.busy),
            alone: match self.alone.is_zero() {
                true => other.alone,
                false => self.alone.min(other.alone),
            },
            read: self.read.max(other.read),
        }
    }
}

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(5, |it| it.parse().expect("a number of rounds"));
    let scale = match rounds {
        1 => Scale {
            appends: 20_000,
            alone: 500,
            read: 20_000,
        },
        _ => Scale {
            appends: 100_000,
            alone: 2_000,
            read: 200_000,
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("there are threads").block_on(async {
        let server = Server::start(&["fsync=on", "shared_buffers=256MB", "max_wal_size=4GB"]);
        let (mut hand, mut store) = (Figures::default(), Figures::default());
        for _ in 0..rounds {
            hand = hand.better(by_hand::measure(&server.database().await, scale).await);
            store = store.better(by_store::measure(&server.database().await, scale).await);
            println!("by hand {hand:?}\nstore   {store:?}");
        }
        println!(
            "busy {:.2} times by hand; alone {:.2} times; read {:.2} times",
            store.busy / hand.busy,
            store.alone.as_secs_f64() / hand.alone.as_secs_f64(),
            store.read / hand.read
        );
    });
}

/// The time in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
