//! [`caller_left`]: a command whose handler waits only for what its caller wants to know ends when the caller
//! leaves, instead of running on.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
#[cfg(feature = "eventstore")]
use std::task::Poll;

#[cfg(feature = "eventstore")]
use crate::context::handle::Handle;
use crate::route::BoxFuture;
use crate::scope::Scope;

thread_local! {
    /// The command that is being polled, if its caller has left, and whether it ends with that.
    static LEFT: Cell<Option<(CommandPlace, bool)>> = const { Cell::new(None) };
}

/// Which message it is: the address of its unit of work, and its number there.
type CommandPlace = (usize, u64);

fn place(scope: &Arc<Scope>, sequence: u64) -> CommandPlace {
    (Arc::as_ptr(scope) as usize, sequence)
}

/// Waits until the caller of the message that is being handled has left. The handler then has to end at once:
/// what it gives back goes nowhere.
#[cfg(feature = "eventstore")]
pub(crate) fn caller_left(handle: &Handle) -> impl Future<Output = ()> + Send {
    let own = handle
        .message
        .map(|label| place(&handle.scope, label.sequence()));
    poll_fn(move |_| match LEFT.get() {
        Some((left, _)) if Some(left) == own => {
            LEFT.set(Some((left, true)));
            Poll::Ready(())
        }
        _ => Poll::Pending,
    })
}

/// Polls a command whose caller has left. Says too whether it ends with that.
pub(super) fn polled<T>(scope: &Arc<Scope>, sequence: u64, poll: impl FnOnce() -> T) -> (T, bool) {
    let before = LEFT.replace(Some((place(scope, sequence), false)));
    let polled = poll();
    let ends = LEFT.replace(before).is_some_and(|(_, ends)| ends);
    (polled, ends)
}

/// Runs such a command to its end. Says too whether it ended because the caller has left.
pub(super) async fn run<T>(
    scope: &Arc<Scope>,
    sequence: u64,
    mut command: BoxFuture<T>,
) -> (T, bool) {
    poll_fn(|cx| {
        let (poll, ends) = polled(scope, sequence, || command.as_mut().poll(cx));
        poll.map(|ended| (ended, ends))
    })
    .await
}
