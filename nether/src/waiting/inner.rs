//! [`InnerDelivery`]: which deliveries are polled within the task of another, so that each wait is known to
//! be of the innermost.

use std::cell::RefCell;
use std::mem;

thread_local! {
    /// The deliveries that are being polled within the one whose task this is, the innermost last.
    static INNER: RefCell<Vec<InnerDelivery>> = const { RefCell::new(Vec::new()) };
}

/// A delivery of a shared module that runs in the task of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InnerDelivery {
    /// The address that distinguishes it from others while it runs.
    pub(super) address: usize,
    /// The address of its unit of work.
    pub(super) unit: usize,
}

/// A delivery is polled within the task of another, until [`end_poll`].
#[inline(never)] // It must not make the way of a delivery in a task of its own longer.
pub(super) fn begin_poll(delivery: InnerDelivery) {
    INNER.with_borrow_mut(|inner| inner.push(delivery));
}

/// The innermost delivery is not polled any more.
#[inline(never)]
pub(super) fn end_poll() {
    INNER.with_borrow_mut(|inner| inner.pop());
}

/// Hides the deliveries that are being polled, until dropped: what is polled meanwhile is of none of them.
pub(super) struct HiddenDeliveries(Vec<InnerDelivery>);

pub(super) fn hide() -> HiddenDeliveries {
    HiddenDeliveries(INNER.take())
}

impl Drop for HiddenDeliveries {
    fn drop(&mut self) {
        INNER.set(mem::take(&mut self.0));
    }
}

/// The deliveries that are being polled, the innermost last; none in the task of the delivery itself.
pub(super) fn current() -> Vec<InnerDelivery> {
    INNER.with_borrow(Vec::clone)
}

/// The address of the innermost delivery that is being polled; 0 in the task of the delivery itself.
pub(crate) fn innermost() -> usize {
    INNER.with_borrow(|inner| inner.last().map_or(0, |inner| inner.address))
}

/// Whether a wait that began in these is one of the delivery that has this address, or of the one whose task
/// it is if there is none: but for those that are of a delivery of the same unit of work inside of it, which
/// are that one's.
pub(super) fn is_of(waiting: &[InnerDelivery], delivery: Option<usize>, unit: usize) -> bool {
    let inside = match delivery {
        None => Some(waiting),
        Some(address) => {
            let place = waiting.iter().position(|inner| inner.address == address);
            place.map(|place| &waiting[place + 1..])
        }
    };
    inside.is_some_and(|inside| inside.iter().all(|inner| inner.unit != unit))
}
