//! [`WaitQueue`]: a queue of senders that wait for room, first come, first served. It has no lock of its own,
//! and a wait allocates nothing.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// The waiting senders, in the order of their arrival. Granted room stays reserved until its sender uses it.
#[derive(Debug, Default)]
pub(crate) struct WaitQueue {
    waiting: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    reserved: usize,
}

impl WaitQueue {
    /// The room that is granted and not yet used.
    #[inline]
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins the queue, unless the ticket is in it already. Ready once the ticket is granted.
    #[cold]
    pub(crate) fn poll_enter(
        &mut self,
        ticket: &mut Option<u64>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        match *ticket {
            None => {
                *ticket = Some(self.next_ticket);
                self.waiting
                    .push_back((self.next_ticket, cx.waker().clone()));
                self.next_ticket += 1;
                Poll::Pending
            }
            Some(granted) if self.is_granted(granted) => {
                self.reserved = self.reserved.saturating_sub(1);
                *ticket = None;
                Poll::Ready(())
            }
            Some(waiting) => {
                self.renew(waiting, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Grants room to the first senders, so that at most `room` is reserved; returns the wakers to wake.
    pub(crate) fn grant(&mut self, room: usize) -> Vec<Waker> {
        let free = room.saturating_sub(self.reserved);
        let granted = free.min(self.waiting.len());
        self.reserved += granted;
        self.waiting
            .drain(..granted)
            .map(|(_, waker)| waker)
            .collect()
    }

    /// Leaves the queue, or gives granted room back. The waker is to be dropped outside of locks: what it
    /// holds is the user's.
    #[must_use]
    pub(crate) fn withdraw(&mut self, ticket: u64) -> Option<Waker> {
        let Some(place) = self.place(ticket) else {
            self.reserved = self.reserved.saturating_sub(1);
            return None;
        };
        self.waiting.remove(place).map(|(_, waker)| waker)
    }

    /// The wakers of all waiting senders, which stay in the queue.
    pub(crate) fn wakers(&self) -> impl Iterator<Item = Waker> {
        self.waiting.iter().map(|(_, waker)| waker.clone())
    }

    /// Removes all waiting senders; returns the wakers to wake.
    pub(crate) fn clear(&mut self) -> Vec<Waker> {
        self.reserved = 0;
        self.waiting.drain(..).map(|(_, waker)| waker).collect()
    }

    /// Whether a ticket is granted. Tickets are granted in order, so a ticket lower than the front of the
    /// queue has been granted.
    fn is_granted(&self, ticket: u64) -> bool {
        self.waiting
            .front()
            .is_none_or(|(first, _)| ticket < *first)
    }

    fn place(&self, ticket: u64) -> Option<usize> {
        self.waiting
            .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
            .ok()
    }

    fn renew(&mut self, ticket: u64, waker: &Waker) {
        if let Some((_, kept)) = self
            .place(ticket)
            .and_then(|place| self.waiting.get_mut(place))
        {
            kept.clone_from(waker);
        }
    }
}
