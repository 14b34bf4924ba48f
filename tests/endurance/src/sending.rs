//! One message is sent, and what its sender gets is noted. Some senders give up.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nether::Unlisted;
use nether::prelude::*;
use tokio::time::timeout;

use crate::ledger::Ledger;
use crate::luck::Luck;
use crate::messages::Told;
use crate::ticket::{Draw, Fate};
use crate::ways::{Heard, KINDS, Sending, Way, of_post, prepare};

/// A message whose sender does not know yet what became of it. Dropped like that, its sender gave up.
struct Sent(Option<Arc<Fate>>);

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(fate) = self.0.take() {
            let ledger = Arc::clone(&fate.ledger);
            ledger.books().doubtful.push(fate);
        }
    }
}

/// The patience of a sender.
#[derive(Debug, Clone, Copy)]
enum Patience {
    Endless,
    /// It waits for so many milliseconds.
    Short(u64),
    /// It polls once.
    Once,
    /// It does not even begin.
    None,
}

/// Sends one message, in a way that is drawn.
pub(crate) async fn send_one<S: Unlisted>(
    ctx: &Context<S>,
    ledger: &Arc<Ledger>,
    luck: &mut Luck,
    left: u8,
) {
    if luck.one_in(12) {
        return publish(ctx, ledger, luck, left).await;
    }
    let (way, patience) = match luck.below(32) {
        0..18 => (Way::Process, Patience::Endless),
        18..23 => (Way::Call, Patience::Endless),
        23 | 24 => (Way::TryProcess, Patience::Endless),
        25 => (Way::TrySend, Patience::Endless),
        26 => (Way::TrySend, Patience::Once),
        27 => (Way::TrySend, Patience::None),
        28 => (Way::Call, Patience::Short(luck.below(4))),
        29 => (Way::Call, Patience::Once),
        30 => (Way::Process, Patience::Once),
        _ => (Way::Process, Patience::Short(luck.below(4))),
    };
    let draw = Draw::new(ledger, luck, left);
    let fate = draw.fate();
    let kind = luck.below(KINDS);
    // Streams are rarer than what is short.
    let kind = if kind >= 15 && !luck.one_in(4) {
        4
    } else {
        kind
    };
    let mut sent = Sent(Some(fate));
    let sending = prepare(ctx, (kind, way), luck, draw);
    if let Ok(Some(heard)) = catch(wait(sending, patience)).await
        && let Some(fate) = sent.0.take()
    {
        note(ctx, ledger, fate, heard);
    }
}

fn note<S: Unlisted>(ctx: &Context<S>, ledger: &Ledger, fate: Arc<Fate>, heard: Heard) {
    match heard {
        Heard::Accepted => ledger.note_accepted(),
        Heard::Failed => {
            ledger.note_accepted();
            ledger.with_account(ctx.correlation_id(), |account| account.taken += 1);
        }
        Heard::Doubtful => {
            ledger.books().doubtful.push(fate);
            ledger.with_account(ctx.correlation_id(), |account| account.doubtful += 1);
        }
        Heard::Refused => {}
    }
}

/// A message that is refused is still the sender's, whose `Drop` may panic in its own task.
async fn catch<T>(sending: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut sending = pin!(sending);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| sending.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// Waits for as long as the sender has patience.
async fn wait(mut sending: Sending<'_>, patience: Patience) -> Option<Heard> {
    let heard = match patience {
        Patience::Endless => return Some(sending.await),
        Patience::Short(millis) => timeout(Duration::from_millis(millis), &mut sending)
            .await
            .ok(),
        Patience::Once => {
            poll_fn(|cx| match sending.as_mut().poll(cx) {
                Poll::Ready(heard) => Poll::Ready(Some(heard)),
                Poll::Pending => Poll::Ready(None),
            })
            .await
        }
        Patience::None => None,
    };
    // A message that was not accepted is still the sender's, whose `Drop` may panic here.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(sending)));
    heard
}

/// Publishes an event. Whether it was accepted is known of each module by what became of it there.
async fn publish<S: Unlisted>(ctx: &Context<S>, ledger: &Arc<Ledger>, luck: &mut Luck, left: u8) {
    let draw = Draw::new(ledger, luck, left);
    let mut published = Published {
        fate: draw.fate(),
        is_accepted: false,
    };
    let patience = match luck.below(16) {
        0 => Patience::Short(luck.below(4)),
        _ => Patience::Endless,
    };
    let publishing = Box::pin(of_post(ctx.publish(Told { draw })));
    let heard = catch(wait(publishing, patience)).await;
    published.is_accepted = matches!(heard, Ok(Some(Heard::Accepted)));
}

/// An event that was published, as far as its sender knows.
struct Published {
    fate: Arc<Fate>,
    is_accepted: bool,
}

impl Drop for Published {
    fn drop(&mut self) {
        let event = (Arc::clone(&self.fate), self.is_accepted);
        self.fate.ledger.books().events.push(event);
    }
}
