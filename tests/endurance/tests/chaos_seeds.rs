//! Modules of all kinds that fail in every way while they are paused, attached, detached, and shut down in
//! the middle; senders that give up, units of work that are cancelled, dropped or late: with each of a
//! hundred seeds nothing is lost, reported twice or stuck, and no memory is kept. `src/` says what is drawn.
//!
//! `NETHER_CHAOS` says how many messages are sent with each seed, if not 3,000: `.ci/run` sends more.
//! `NETHER_SEED=7` runs the seed 7 alone.

use std::sync::Mutex;
use std::time::Duration;

use nether::SystemBuilder;
use nether_endurance::{Round, in_use, panicked_drops, watch_log};

/// After how many rounds everything has been allocated that is for the process.
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

/// Compares the memory after the last seed with that after a few.
///
/// A function whose local panics in its `Drop` leaks what it returns (rust-lang/rust#47949), here the error
/// of the sender of such a message.
fn check_memory(seed: u64) {
    static WARM: Mutex<Option<(usize, usize)>> = Mutex::new(None);
    let mut warm = WARM.lock().expect("no holder panics");
    match seed {
        WARM_UP => *warm = Some((in_use(), panicked_drops())),
        99 if let Some((before, drops)) = *warm => {
            let grown = in_use().saturating_sub(before);
            let drops = panicked_drops() - drops;
            assert!(
                grown <= 64 * 1024 + 128 * drops,
                "{grown} bytes grown after {WARM_UP} seeds, in which {drops} `Drop`s panicked"
            );
        }
        _ => {}
    }
}
