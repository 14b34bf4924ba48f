//! `cqrs-es` and `eventcore` on their SQLite backends. Each call is one turn in a new process, and prints how
//! many nanoseconds an operation took; opening the file is not counted.
//!
//! - `peer <crate> commands <file> <full|normal> <callers> <aggregates> <commands>`: so many tasks at the
//!   same time send commands, in all so many to each aggregate.
//! - `peer <crate> fill <file> <aggregates> <events>`: stores so many events of each aggregate.
//! - `peer <crate> replay <file> <events>`: reads all of them, in all so many.

mod cqrs;
mod eventcore;

use std::sync::Arc;
use std::time::Instant;

/// A peer with a file that is open.
trait Peer: Send + Sync + 'static {
    /// Sends a command to an aggregate, which stores one event, and returns when it is stored.
    fn command(&self, aggregate: u64) -> impl Future<Output = ()> + Send;

    /// Stores events of an aggregate in one transaction.
    fn fill(&self, aggregate: u64, events: u64) -> impl Future<Output = ()> + Send;

    /// Reads all events, and returns the sum of what they add.
    fn replay(&self) -> impl Future<Output = u64> + Send;
}

/// The durability that is asked for, as SQLite calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Synchronous {
    Full,
    Normal,
}

impl Synchronous {
    fn parse(text: &str) -> Self {
        match text {
            "full" => Synchronous::Full,
            "normal" => Synchronous::Normal,
            _ => panic!("the durability is `full` or `normal`"),
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (crate_name, turn) = arguments.split_first().expect("the name of a crate");
    let turn = Turn::parse(turn);
    let nanos = match *crate_name {
        "cqrs-es" => {
            turn.run(cqrs::open(turn.file, turn.synchronous).await)
                .await
        }
        "eventcore" => {
            turn.run(eventcore::open(turn.file, turn.synchronous).await)
                .await
        }
        _ => panic!("the crate is `cqrs-es` or `eventcore`"),
    };
    println!("{nanos}");
}

/// One measurement.
struct Turn<'a> {
    file: &'a str,
    synchronous: Synchronous,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    Commands {
        callers: u64,
        aggregates: u64,
        commands: u64,
    },
    Fill {
        aggregates: u64,
        events: u64,
    },
    Replay {
        events: u64,
    },
}

impl<'a> Turn<'a> {
    fn parse(arguments: &[&'a str]) -> Self {
        let number = |text: &str| text.parse().expect("a number");
        let (file, synchronous, work) = match *arguments {
            ["commands", file, synchronous, callers, aggregates, commands] => {
                let work = Work::Commands {
                    callers: number(callers),
                    aggregates: number(aggregates),
                    commands: number(commands),
                };
                (file, Synchronous::parse(synchronous), work)
            }
            ["fill", file, aggregates, events] => {
                let work = Work::Fill {
                    aggregates: number(aggregates),
                    events: number(events),
                };
                (file, Synchronous::Normal, work)
            }
            ["replay", file, events] => {
                let events = number(events);
                (file, Synchronous::Normal, Work::Replay { events })
            }
            _ => panic!("`commands`, `fill` or `replay`, with what it needs"),
        };
        Turn {
            file,
            synchronous,
            work,
        }
    }

    /// The nanoseconds of one operation.
    async fn run(&self, peer: impl Peer) -> f64 {
        let began = Instant::now();
        let operations = match self.work {
            Work::Commands {
                callers,
                aggregates,
                commands,
            } => {
                send(peer, callers, aggregates, commands).await;
                aggregates * commands
            }
            Work::Fill { aggregates, events } => {
                for aggregate in 0..aggregates {
                    peer.fill(aggregate, events).await;
                }
                aggregates * events
            }
            Work::Replay { events } => {
                assert_eq!(peer.replay().await, events, "each event adds one");
                events
            }
        };
        began.elapsed().as_secs_f64() * 1e9 / operations as f64
    }
}

/// Each caller goes round aggregates of its own, and sends one command after the other.
async fn send(peer: impl Peer, callers: u64, aggregates: u64, commands: u64) {
    let peer = Arc::new(peer);
    let sending = (0..callers).map(|caller| {
        let peer = Arc::clone(&peer);
        tokio::spawn(async move {
            for _ in 0..commands {
                for aggregate in (caller..aggregates).step_by(callers as usize) {
                    peer.command(aggregate).await;
                }
            }
        })
    });
    for sending in sending.collect::<Vec<_>>() {
        sending.await.expect("no panic");
    }
}
