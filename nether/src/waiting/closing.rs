//! [`until_deadlock`]: a module or delivery that closes a unit of work may wait for itself.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::error::Deadlock;
use crate::scope::{Scope, next_roll};
use crate::sync::lock;
use crate::waiting::elsewhere::EndWait;
use crate::waiting::node::{Closing, Node};
use crate::waiting::{Waiter, current, holding_nodes, this};

/// After which time it is looked for a circle for the first time, and how long it takes at most until it is
/// looked for again. A unit of work is mostly closed before.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Guard that marks a unit of work as being closed; removes the mark when dropped.
struct ClosingWait {
    this: Arc<Waiter>,
    closing: Closing,
    end: Arc<EndWait>,
}

impl ClosingWait {
    /// `None` outside of modules and deliveries: nothing waits for who closes it there.
    fn begin(scope: &Scope) -> Option<Self> {
        let this = this()?;
        let closing = this.node.begin_closing(scope.address());
        let end = EndWait::new(closing.clone());
        lock(&this.ends).push(Arc::clone(&end));
        Some(ClosingWait { this, closing, end })
    }

    fn is_of_current(&self) -> bool {
        self.this.number == current()
    }
}

impl Drop for ClosingWait {
    fn drop(&mut self) {
        self.end.end();
        lock(&self.this.ends).retain(|end| !Arc::ptr_eq(end, &self.end));
        self.this.node.end_closing(&self.closing);
    }
}

/// Waits until the unit of work that is being closed waits for the handler or task that closes it, directly
/// or through others. Gives back the circle.
///
/// What makes it wait so may happen anywhere, so that is looked for again and again, ever less often. A
/// circle that is found counts only if it is there at the next look too, of futures that have been polled
/// between the two: who holds one and works on may still end what is waited for.
pub(crate) async fn until_deadlock(scope: &Scope) -> Deadlock {
    if Handle::try_current().is_err() {
        return pending().await; // There are no timers.
    }
    let mut wait = ClosingWait::begin(scope);
    let mut pause = FIRST_LOOK;
    let mut roll = 0;
    loop {
        let mut paused = pin!(sleep(pause));
        poll_fn(|cx| {
            // The future may go on in another task.
            if wait.as_ref().is_none_or(|wait| !wait.is_of_current()) {
                wait = None;
                wait = ClosingWait::begin(scope);
            }
            if let Some(wait) = &wait {
                wait.closing.poll.note(cx.waker());
            }
            paused.as_mut().poll(cx)
        })
        .await;
        pause = LAST_PAUSE.min(pause * 2);
        let node = wait.as_ref().map(|wait| &wait.this.node);
        let stuck = wait.as_ref().and_then(|ClosingWait { this, closing, .. }| {
            let (node, holders) = (&this.node, Some(&holding_nodes as _));
            node.deadlock(&closing.inner, holders, roll, |_| ())
        });
        match (node, stuck) {
            (_, Some(deadlock)) if roll > 0 => return deadlock,
            (Some(node), Some(_)) => {
                roll = next_roll();
                let holders = holding_nodes(scope.address());
                let nodes = holders.into_iter().chain([Arc::clone(node)]);
                Node::wake_waits(nodes, &holding_nodes);
            }
            _ => roll = 0,
        }
    }
}
