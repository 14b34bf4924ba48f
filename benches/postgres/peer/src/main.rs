//! The same commands by `postgres-es`: `peer <address> <callers> <commands>` prints how many a second were
//! done, on two threads, with the pool of 10 connections that it makes by default.
//!
//! `disintegrate-postgres` 4.0 needs PostgreSQL 16, which Debian 12 does not have.

mod cqrs;

use std::sync::Arc;
use std::time::Instant;

/// Something that adds to a counter, for each of many callers another one.
pub(crate) trait Peer: Send + Sync + 'static {
    fn add(&self, counter: usize) -> impl Future<Output = ()> + Send;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, callers, commands] = &arguments[..] else {
        panic!("usage: peer <address> <callers> <commands>");
    };
    let callers: usize = callers.parse().expect("a number of callers");
    let commands: usize = commands.parse().expect("a number of commands for each");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let rate = runtime
        .expect("there are threads")
        .block_on(async { rate(cqrs::open(address).await, callers, commands).await });
    println!("{rate}");
}

async fn rate(peer: impl Peer, callers: usize, commands: usize) -> f64 {
    let peer = Arc::new(peer);
    let began = Instant::now();
    let mut calling = Vec::new();
    for counter in 0..callers {
        let peer = Arc::clone(&peer);
        calling.push(tokio::spawn(async move {
            for _ in 0..commands {
                peer.add(counter).await;
            }
        }));
    }
    for calling in calling {
        calling.await.expect("it does not panic");
    }
    (callers * commands) as f64 / began.elapsed().as_secs_f64()
}
