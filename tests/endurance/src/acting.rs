//! What handlers do with their messages, by their luck: mostly little.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{Nested, Unlisted};
use tokio::time::sleep;

use crate::ledger::Ledger;
use crate::luck::Luck;
use crate::sending::send_one;
use crate::ticket::Draw;

/// Sends on, spawns and nests now and then, and then does what `act` does.
///
/// For a few modules only: each that sends has code of its own for each message, which takes long to compile.
pub(crate) async fn act_and_send(ctx: &Context<impl Unlisted>, draw: &Draw) -> nether::Result<()> {
    let mut luck = draw.luck();
    luck.next(); // `act` begins with it.
    if draw.left > 0 {
        let left = draw.left - 1;
        match luck.below(64) {
            0..20 => send_one(ctx, draw.ledger(), &mut luck, left).await,
            20 | 21 => spawn_one(ctx, draw.ledger(), &mut luck, left),
            // One level of nesting, so that the log of a dropped context can be counted.
            22 | 23 if ctx.parent_id().is_none() => nest(ctx, draw.ledger(), &mut luck).await,
            24 if luck.one_in(16) => ctx.cancel(),
            _ => {}
        }
    }
    act(draw).await
}

/// Returns, fails, panics, waits or hangs.
pub(crate) async fn act(draw: &Draw) -> nether::Result<()> {
    let mut luck = draw.luck();
    match luck.below(101 * draw.ledger().mildness) {
        0 => panic!("fell"),
        1 => pending().await,
        2 | 3 => Err(nether::Error::msg("out of luck")),
        4..8 => {
            sleep(Duration::from_millis(luck.below(7))).await;
            Ok(())
        }
        8..16 => {
            tokio::task::yield_now().await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The same, where nothing may be sent and nothing hangs.
pub(crate) async fn act_in_query(draw: &Draw) -> nether::Result<u64> {
    let mut luck = draw.luck();
    match luck.below(64 * draw.ledger().mildness) {
        0 => panic!("fell"),
        1 | 2 => Err(nether::Error::msg("unknown")),
        3..12 => {
            sleep(Duration::from_millis(luck.below(7))).await;
            Ok(1)
        }
        _ => Ok(0),
    }
}

/// Spawns a task that sends, fails, panics or takes its time.
pub(crate) fn spawn_one<S: Unlisted>(
    ctx: &Context<S>,
    ledger: &Arc<Ledger>,
    luck: &mut Luck,
    left: u8,
) {
    let (ledger, mut luck) = (Arc::clone(ledger), Luck::new(luck.next()));
    // Refused by a unit of work that is over, or in a full system.
    let _ = ctx.spawn(async move |ctx| {
        match luck.below(8) {
            0..3 => send_one(&ctx, &ledger, &mut luck, left).await,
            3 => sleep(Duration::from_millis(luck.below(20))).await,
            4 => return Err(nether::Error::msg("a task without luck")),
            5 => panic!("the task fell"),
            _ => {}
        }
        Ok(())
    });
}

/// Opens a unit of work within this one, which is closed, cancelled or dropped, or passes its deadline.
pub(crate) async fn nest<S: Unlisted>(ctx: &Context<S>, ledger: &Arc<Ledger>, luck: &mut Luck) {
    let mut nested: Nested<S> = ctx.nested();
    let id = nested.correlation_id();
    if luck.one_in(4) {
        nested = nested.with_timeout(Duration::from_millis(luck.below(10)));
    }
    for _ in 0..luck.below(4) {
        send_one(&nested, ledger, luck, 1).await;
    }
    match luck.below(8) {
        0 => nested.cancel(),
        1 => return,
        _ => {}
    }
    ledger.note_close(id, nested.close().await);
}
