//! [`Sleepers`]: tasks that wait at one end of a channel, first come, first served.

use std::collections::VecDeque;
use std::task::Waker;

/// A place among sleepers, kept by the future that sleeps.
pub(crate) type Ticket = Option<u64>;

struct Sleeper {
    ticket: u64,
    waker: Waker,
}

/// In the order of their tickets.
#[derive(Default)]
pub(super) struct Sleepers {
    queue: VecDeque<Sleeper>,
    next: u64,
}

impl Sleepers {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes or keeps a place: one that was woken in vain gets its old place back. Gives back the waker it
    /// had, to be dropped outside of the lock.
    pub(super) fn sleep(&mut self, ticket: &mut Ticket, waker: Waker) -> Option<Waker> {
        let number = *ticket.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.place(number) {
            Ok(place) => {
                let kept = self.queue.get_mut(place)?;
                Some(std::mem::replace(&mut kept.waker, waker))
            }
            Err(place) => {
                let sleeper = Sleeper {
                    ticket: number,
                    waker,
                };
                self.queue.insert(place, sleeper);
                None
            }
        }
    }

    /// Gives the place up. `Err` says that it had been woken already, so that the wake may have to be passed
    /// on.
    pub(super) fn leave(&mut self, ticket: u64) -> Result<Option<Waker>, ()> {
        let place = self.place(ticket).map_err(drop)?;
        Ok(self.queue.remove(place).map(|sleeper| sleeper.waker))
    }

    /// Whether a caller with this ticket, or without one, need not wait for those who sleep here.
    pub(super) fn lets_pass(&self, ticket: Ticket) -> bool {
        let first = self.queue.front().map(|sleeper| sleeper.ticket);
        first.is_none_or(|first| ticket.is_some_and(|ticket| ticket <= first))
    }

    /// The one that has slept longest.
    pub(super) fn wake_first(&mut self) -> Option<Waker> {
        self.queue.pop_front().map(|sleeper| sleeper.waker)
    }

    pub(super) fn wake_all(&mut self) -> impl Iterator<Item = Waker> {
        self.queue.drain(..).map(|sleeper| sleeper.waker)
    }

    fn place(&self, ticket: u64) -> Result<usize, usize> {
        self.queue
            .binary_search_by_key(&ticket, |sleeper| sleeper.ticket)
    }
}
