//! What handlers do with the stream of their unit of work: they produce, push, join or watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nether::Unlisted;
use nether::prelude::*;
use tokio::time::sleep;

use crate::ledger::Ledger;
use crate::ticket::Draw;

/// An item. Its copies, which watchers get, share its mark.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    /// Whether one of those who share the items has got it.
    is_taken: Arc<AtomicBool>,
}

impl Item {
    /// One of those who share the items has got it.
    pub(crate) fn take(&self, ledger: &Ledger) {
        if self.is_taken.swap(true, Ordering::SeqCst) {
            ledger.accuse("an item went to two consumers");
        }
    }
}

/// The most items that one handler pushes: more than a stream holds.
const ITEMS: u64 = 300;

/// Takes part in the stream of the unit of work, by the luck of the message.
pub(crate) async fn stream(ctx: &Context<impl Unlisted>, draw: &Draw) -> nether::Result<()> {
    let (mut luck, ledger) = (draw.luck(), draw.ledger());
    let items = match luck.one_in(4) {
        true => ctx.stream_named::<Item>("other"),
        false => ctx.stream::<Item>(),
    };
    let items = match luck.one_in(4) {
        true => items.with_capacity(luck.below(8) as usize),
        false => items,
    };
    match luck.below(8) {
        0 | 1 => {
            let producer = items.produce();
            for _ in 0..many(&mut luck) {
                producer.push(Item::default()).await?;
            }
            match luck.below(8) {
                0 => panic!("fell before the end of the stream"),
                1 => return Err(nether::Error::msg("before the end of the stream")),
                2 => drop(producer),
                3 => producer.fail(nether::Error::msg("no more items")),
                _ => producer.finish(),
            }
        }
        2 | 3 => {
            for _ in 0..many(&mut luck) {
                items.push(Item::default()).await?;
            }
        }
        4 | 5 => {
            let mut joined = items.join();
            let patience = luck.below(512);
            let mut pulled = 0;
            while let Some(item) = joined.pull().await? {
                item.take(ledger);
                pulled += 1;
                match pulled == patience {
                    true if luck.one_in(2) => return Ok(()),
                    true => sleep(Duration::from_millis(1)).await,
                    false => {}
                }
            }
        }
        6 => {
            let mut watched = items.watch();
            while watched.pull().await?.is_some() {}
        }
        _ => {
            let mut watched = items.watch_lossy();
            while watched.pull().await?.is_some() {}
        }
    }
    Ok(())
}

fn many(luck: &mut crate::luck::Luck) -> u64 {
    match luck.one_in(8) {
        true => luck.below(ITEMS),
        false => luck.below(8),
    }
}
