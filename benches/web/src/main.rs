//! The web server beside handlers of axum that are written by hand, as ratios of runs in turns; and with ten
//! thousand clients that listen to a stream of events.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml -p web`, or with `-- 1` for a short run of it.
//! Needs `wrk`, and `h2load` of nghttp2. Every server is a process of its own, which has the machine's cores
//! together with who measures it.

mod listeners;
mod servers;
mod throughput;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let measured = match arguments.as_slice() {
        ["serve", role, address] => return servers::serve(role, address),
        ["listen", address, clients, events] => return listeners::listen(address, clients, events),
        ["1"] => measure(&Extent::SHORT),
        [] => measure(&Extent::FULL),
        _ => Err("takes `1`, for a short run, or nothing".to_owned()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How much is measured.
struct Extent {
    /// Pairs of runs of `wrk`.
    pairs: usize,
    /// The seconds of one.
    seconds: u32,
    clients: usize,
    events: usize,
}

impl Extent {
    const FULL: Extent = Extent {
        pairs: 5,
        seconds: 5,
        clients: 10_000,
        events: 5,
    };
    const SHORT: Extent = Extent {
        pairs: 1,
        seconds: 1,
        clients: 500,
        events: 2,
    };
}

fn measure(extent: &Extent) -> Result<(), String> {
    throughput::measure(extent)?;
    listeners::measure(extent)
}
