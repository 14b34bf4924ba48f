//! Layer 0: [`Line`]: senders that wait for room, first come, first served. No lock of its own, and no
//! allocation per wait.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// Those who wait, in the order they came. Whoever is granted room holds it, reserved, until they come to use
/// it.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    reserved: usize,
}

impl Line {
    /// How much room is granted and not yet used.
    #[inline]
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins the line, unless it is in it. Ready once its ticket is granted.
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

    /// Grants room to those who came first, so that at most `room` is reserved; gives back whom to wake.
    pub(crate) fn grant(&mut self, room: usize) -> Vec<Waker> {
        let free = room.saturating_sub(self.reserved);
        let granted = free.min(self.waiting.len());
        self.reserved += granted;
        self.waiting
            .drain(..granted)
            .map(|(_, waker)| waker)
            .collect()
    }

    /// Leaves the line, or gives granted room back.
    pub(crate) fn withdraw(&mut self, ticket: u64) {
        match self.place(ticket) {
            Some(place) => drop(self.waiting.remove(place)),
            None => self.reserved = self.reserved.saturating_sub(1),
        }
    }

    /// Sends everybody away.
    pub(crate) fn clear(&mut self) -> Vec<Waker> {
        self.reserved = 0;
        self.waiting.drain(..).map(|(_, waker)| waker).collect()
    }

    /// Tickets are granted in order, and those who leave take theirs along: whose ticket is before the first
    /// is granted.
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
