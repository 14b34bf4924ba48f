//! Units of work: opened, filled, and closed, cancelled, dropped or cut off by a deadline.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nether::Attached;
use nether::prelude::*;
use tokio::time::{sleep, timeout};

use crate::acting::{nest, spawn_one};
use crate::ledger::{Ending, Ledger};
use crate::luck::Luck;
use crate::modules::{Caller, Guest, Passenger, Pool, River};
use crate::sending::send_one;
use crate::streaming::Item;

/// A unit of work that is open for longer is stuck: every handler has a time-out that is a fraction of that.
const STUCK: Duration = Duration::from_secs(60);

/// Opens units of work until `until` says that it is enough, or until the round is over.
pub(crate) async fn wander(
    system: System,
    ledger: Arc<Ledger>,
    seed: u64,
    until: impl Fn(&Ledger) -> bool,
) {
    let mut luck = Luck::new(seed);
    while !until(&ledger) && !ledger.is_over() {
        ledger.opened.fetch_add(1, Ordering::Relaxed);
        unit_of_work(&system, &ledger, &mut luck).await;
        ledger.ended.fetch_add(1, Ordering::Relaxed);
        // A unit of work may wait for nothing, and others must have their turn.
        tokio::task::yield_now().await;
    }
}

async fn unit_of_work(system: &System, ledger: &Arc<Ledger>, luck: &mut Luck) {
    let mut ctx = system.context();
    let id = ctx.correlation_id();
    if luck.one_in(8) {
        ctx = ctx.with_timeout(Duration::from_millis(luck.below(30)));
    }
    for _ in 0..luck.below(24) {
        match luck.below(64) {
            0 => spawn_one(&ctx, ledger, luck, 1),
            1 => nest(&ctx, ledger, luck).await,
            2 => take_part(&ctx, ledger, luck).await,
            3 => sleep(Duration::from_millis(luck.below(3))).await,
            _ => send_one(&ctx, ledger, luck, 2).await,
        }
    }
    let ending = match luck.below(16) {
        0 => Ending::Cancelled,
        1 => Ending::Dropped,
        2 => Ending::CancelledLater,
        3 => Ending::CloseDropped,
        4 => Ending::StreamHeld,
        5 => Ending::Late,
        _ => Ending::Closed,
    };
    ledger.note_ending(id, ending);
    match ending {
        Ending::Closed => close(ctx, ledger).await,
        Ending::Cancelled => {
            ctx.cancel();
            close(ctx, ledger).await;
        }
        Ending::CancelledLater => {
            let canceller = ctx.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                canceller.cancel();
            });
            close(ctx, ledger).await;
        }
        // What failed in it is in the log.
        Ending::Dropped => drop(ctx),
        Ending::CloseDropped => {
            let closing = timeout(Duration::from_millis(luck.below(4)), ctx.close());
            if let Ok(closed) = closing.await {
                ledger.note_close(id, closed);
            }
        }
        Ending::StreamHeld => {
            let held = ctx.clone();
            let producer = held.stream::<Item>().produce();
            close(ctx, ledger).await;
            producer.finish();
        }
        Ending::Late => {
            let patience = Duration::from_millis(luck.below(5));
            close(ctx.with_timeout(patience), ledger).await;
        }
    }
}

async fn close(ctx: Context, ledger: &Ledger) {
    let id = ctx.correlation_id();
    match timeout(STUCK, ctx.close()).await {
        Ok(closed) => ledger.note_close(id, closed),
        Err(_) => ledger.accuse(format_args!("unit of work {id} is stuck")),
    }
}

/// Uses the stream of a unit of work from outside of handlers.
async fn take_part(ctx: &Context, ledger: &Ledger, luck: &mut Luck) {
    let items = ctx.stream::<Item>();
    match luck.below(4) {
        0 => drop(items.try_push(Item::default())),
        1 => items.produce().finish(),
        2 => drop(items.produce()),
        _ => {
            let mut joined = items.join();
            let pulled = timeout(Duration::from_millis(luck.below(3)), joined.pull()).await;
            if let Ok(Ok(Some(item))) = pulled {
                item.take(ledger);
            }
        }
    }
}

/// The modules that come and go.
pub(crate) struct Guests(Attached<Guest>, Attached<Caller>, Attached<Passenger>);

impl Guests {
    /// Attaches them; `None` if the system stops.
    pub(crate) async fn come(system: &System) -> Option<Self> {
        let guest = system.attach(Guest).await;
        let caller = system.attach(Caller).await;
        let passenger = system.attach(Passenger).await;
        Some(Guests(guest.ok()?, caller.ok()?, passenger.ok()?))
    }

    pub(crate) async fn leave(self, system: &System) {
        let Guests(guest, caller, passenger) = self;
        system.detach(guest).await;
        system.detach(caller).await;
        system.detach(passenger).await;
    }
}

/// Pauses and resumes modules, and lets guests come and go, until the round is over.
pub(crate) async fn meddle(system: System, ledger: Arc<Ledger>, seed: u64) {
    let mut luck = Luck::new(seed);
    let mut guests: Option<Guests> = None;
    while !ledger.is_over() {
        sleep(Duration::from_millis(luck.below(4) + 1)).await;
        // Refused while a guest is away, and while the system stops.
        let _ = match luck.below(8) {
            0 => system.pause::<Guest>(),
            1 => system.resume::<Guest>(),
            2 => system.pause::<Caller>(),
            3 => system.resume::<Caller>(),
            4 => system.pause::<Pool>(),
            5 => system.resume::<Pool>(),
            6 => system.pause::<River>(),
            _ => system.resume::<River>(),
        };
        if !luck.one_in(4) {
            continue;
        }
        match guests.take() {
            Some(present) => present.leave(&system).await,
            None => {
                guests = Guests::come(&system).await;
                if guests.is_none() {
                    return;
                }
            }
        }
    }
}
