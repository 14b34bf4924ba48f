//! [`poll_budget`]: sends that never have to wait let others have the thread now and then.

use std::cell::Cell;
use std::task::{Context, Poll};

use tokio::task::coop::poll_proceed;

/// How many sends cost one unit of the budget that tokio gives a task for each of its turns. A send takes
/// less time than most of what tokio charges a unit for, and to ask tokio takes a tenth of a send.
const SENDS_PER_UNIT: u8 = 8;

thread_local! {
    /// How many sends this thread has begun. Tasks share the count: one that sends without end pays its part
    /// whatever the others do.
    static SENDS: Cell<u8> = const { Cell::new(0) };
}

/// Charges the current task for a send that may be over at once. Pending if the task has used up its
/// cooperative budget; it is then polled again after others had their turn.
///
/// Without this, a loop of sends that are all accepted at once would keep its thread until it ends. A module
/// that was woken by such a loop on the same thread could not begin, and its mailbox would grow meanwhile.
#[inline]
pub(super) fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    let sends = SENDS.get().wrapping_add(1);
    SENDS.set(sends);
    if sends.is_multiple_of(SENDS_PER_UNIT) {
        return pay(cx);
    }
    Poll::Ready(())
}

#[cold]
#[inline(never)]
fn pay(cx: &mut Context<'_>) -> Poll<()> {
    poll_proceed(cx).map(|unit| unit.made_progress())
}
