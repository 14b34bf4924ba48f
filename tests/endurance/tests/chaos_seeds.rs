//! Modules of all kinds that fail in every way while they are paused, attached, detached, and shut down in
//! the middle; senders that give up, units of work that are cancelled, dropped or late: with each of a
//! hundred seeds nothing is lost, told twice or stuck, and no memory is kept. `src/` says what is drawn.
//!
//! `NETHER_CHAOS` says how many messages are sent with each seed, if not 3,000: `.ci/run` sends more.
//! `NETHER_SEED=7` runs the seed 7 alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::SystemBuilder;
use nether_endurance::{Round, resident, watch_log};

/// How many rounds the allocator gets to have what it keeps.
const WARM_UP: u64 = 10;

#[nether::test(seeds = 0..100)]
async fn what_was_accepted_is_handled_failed_or_a_dead_letter(
    builder: SystemBuilder,
) -> nether::Result<()> {
    std::panic::set_hook(Box::new(|_| {})); // Thousands of panics, all on purpose.
    watch_log();
    let messages = std::env::var("NETHER_CHAOS").map_or(Ok(3_000), |text| text.parse::<u64>())?;
    let round = Round {
        seed: builder.seed().expect("it is seeded"),
        senders: 8,
        messages,
        time: Duration::from_secs(3_600),
        mildness: 1,
    };
    let ran = round.run(builder).await;
    let _ = std::panic::take_hook();
    let totals = ran?;
    assert!(totals.made >= messages / 2, "{totals:?}");
    assert!(totals.failed > 0 && totals.dead > 0, "{totals:?}");
    check_memory(round.seed);
    Ok(())
}

/// Compares the memory after the last seed with that after a few: one round needs more or less than another,
/// and the allocator gives back what it will.
fn check_memory(seed: u64) {
    static WARM: AtomicU64 = AtomicU64::new(0);
    let Some(now) = resident() else { return };
    match seed {
        WARM_UP => WARM.store(now, Ordering::SeqCst),
        99 => {
            let warm = WARM.load(Ordering::SeqCst);
            assert!(
                warm == 0 || now * 5 <= warm * 6,
                "{warm} KiB after {WARM_UP} seeds, {now} KiB at the end"
            );
        }
        _ => {}
    }
}
