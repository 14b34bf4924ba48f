//! Everything at once for as long as is asked, on all cores and in real time: every message is accounted
//! for, no unit of work gets stuck, and what a system had is given back when it has stopped.
//!
//! `cargo run --release -p nether-endurance --bin soak -- 600` runs for ten minutes; prints a line for each
//! round, and fails if that does not hold. Not part of CI.

use std::time::{Duration, Instant};

use nether::SystemBuilder;
use nether::prelude::*;
use nether_endurance::{Round, in_use, watch_log};

/// How long one system runs at most, which is shut down in the middle or at the end.
const ROUND: Duration = Duration::from_secs(15);

/// How many messages are sent in that time at most: the books of a round lie in memory.
const MESSAGES: u64 = 1_000_000;

#[nether::main]
async fn main(_: SystemBuilder) -> nether::Result<()> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(600), |text| text.parse())?;
    std::panic::set_hook(Box::new(|_| {})); // Thousands of panics, all on purpose.
    watch_log();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut samples = Vec::new();
    println!("round      KiB       units   messages   failed     dead");
    for seed in 0.. {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let round = Round {
            seed,
            senders: 256,
            messages: MESSAGES,
            time: ROUND.min(left),
            mildness: 8,
        };
        let totals = round.run(System::builder()).await?;
        samples.push(in_use());
        println!(
            "{seed:>5}  {:>7}  {:>6}  {:>9}  {:>7}  {:>7}",
            samples.last().expect("just pushed") / 1024,
            totals.units,
            totals.accepted,
            totals.failed,
            totals.dead,
        );
    }
    check_memory(&samples)
}

/// Compares the halves.
fn check_memory(samples: &[usize]) -> nether::Result<()> {
    let (early, late) = samples.split_at(samples.len() / 2);
    let most = |samples: &[usize]| samples.iter().copied().max().unwrap_or_default() / 1024;
    let (early, late) = (most(early), most(late));
    println!("at most {early} KiB in use in the first half, {late} KiB in the second");
    if early > 0 && late * 5 > early * 6 {
        return Err(nether::Error::msg("memory grows"));
    }
    Ok(())
}
