//! [`KeyLine`]: one key, with its value while it is not in use, and with those who wait for it; and
//! [`KeyTurn`], the place of one of them. All interleavings are tried out in `tests/models`.
//!
//! A message that comes takes its place at once, so that the order is that in which messages are accepted,
//! and not that in which their tasks begin. The value is handed from one to the next; no other message can
//! take it in between.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::guarded::drop_unpanicked;
use crate::sync::{AtomicU8, AtomicU64, Mutex, Ordering, lock};

/// The notes about a key beside its value, under the same lock.
pub(crate) trait LineNotes: Default + Send {
    /// When a value was used.
    type Used: Ord + Copy + Send + Sync;

    /// Whether it is to be kept though there is no value.
    fn outlive_value(&self) -> bool;

    /// When the value was last used.
    fn used(&self) -> Self::Used;

    /// A turn is over, and another begins, if others wait. `is_use` says whether the message of the turn
    /// counts as a use of the value.
    fn end_turn(&mut self, is_use: bool, others_wait: bool);
}

/// The place of a line among those that are not in use: the least is that of the least recently used. Those
/// that were used at the same moment have it in the order in which they were numbered.
pub(super) type IdlePlace<N> = (<N as LineNotes>::Used, u64);

/// One key.
pub(crate) struct KeyLine<K, V, N> {
    pub(crate) key: ContainedKey<K>,
    /// What tells it from all other lines of the process; not 0.
    pub(crate) id: u64,
    /// The hash of the key: others may have the same.
    pub(crate) hash: u64,
    /// The thread on which the handler is being polled that has the turn, by its mark; or 0.
    pub(crate) polled_on: AtomicU64,
    /// The address of its delivery, if that is polled within the task of another; or 0.
    pub(crate) polled_in: AtomicU64,
    /// Whether a value of it has ever crashed.
    has_crashed: AtomicU8,
    state: Mutex<LineState<V, N>>,
}

/// A key. What its `Drop` panics with is contained: it runs where the last handle to the line is dropped,
/// which may be in the task of a caller.
pub(crate) struct ContainedKey<K>(Option<K>);

impl<K> Deref for ContainedKey<K> {
    type Target = K;

    fn deref(&self) -> &K {
        match &self.0 {
            Some(key) => key,
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl<K> Drop for ContainedKey<K> {
    fn drop(&mut self) {
        drop_unpanicked(self.0.take());
    }
}

struct LineState<V, N> {
    /// The value, while no message has the turn.
    value: Option<V>,
    /// Whether a message has the turn.
    is_taken: bool,
    waiting: VecDeque<Arc<TurnTicket>>,
    /// How many of these have left, or some more.
    left: usize,
    /// The number of its last place among those that are not in use; 0 if it was used since.
    placed: u64,
    notes: N,
}

/// What a line is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineUse {
    /// A message has the turn.
    IsTaken,
    /// It is not in use, and has a value.
    HasValue,
    /// It has no value, but its notes are kept.
    HasNotes,
    /// Nothing is kept of the key.
    IsUnused,
}

impl<V, N: LineNotes> LineState<V, N> {
    /// Takes a place behind those who are there. Returns it with the value, if it is its turn at once.
    fn enter(&mut self) -> Result<Option<V>, Arc<TurnTicket>> {
        if !self.is_taken {
            self.is_taken = true;
            return Ok(self.value.take());
        }
        let ticket = Arc::new(TurnTicket(Mutex::new(TurnTicketState::Waiting(None))));
        self.waiting.push_back(Arc::clone(&ticket));
        Err(ticket)
    }

    fn line_use(&self) -> LineUse {
        match &self.value {
            _ if self.is_taken => LineUse::IsTaken,
            Some(_) => LineUse::HasValue,
            None if self.notes.outlive_value() => LineUse::HasNotes,
            None => LineUse::IsUnused,
        }
    }
}

/// One that waits, as the others know it.
struct TurnTicket(Mutex<TurnTicketState>);

enum TurnTicketState {
    Waiting(Option<Waker>),
    /// It is its turn.
    Granted,
    /// It has gone away.
    Left,
}

impl<K, V, N: LineNotes> KeyLine<K, V, N> {
    pub(crate) fn new(key: K, hash: u64) -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        KeyLine {
            key: ContainedKey(Some(key)),
            id: NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            hash,
            polled_on: AtomicU64::new(0),
            polled_in: AtomicU64::new(0),
            has_crashed: AtomicU8::new(0),
            state: Mutex::new(LineState {
                value: None,
                is_taken: false,
                waiting: VecDeque::new(),
                left: 0,
                placed: 0,
                notes: N::default(),
            }),
        }
    }

    /// Takes a place behind those who are there. Returns it with the value, if it is its turn at once.
    fn enter(&self) -> Result<Option<V>, Arc<TurnTicket>> {
        lock(&self.state).enter()
    }

    /// As [`enter`](Self::enter), if there is a value or a message has the turn.
    fn enter_if_in_memory(&self) -> Option<Result<Option<V>, Arc<TurnTicket>>> {
        let mut state = lock(&self.state);
        let is_in_memory = state.is_taken || state.value.is_some();
        is_in_memory.then(|| state.enter())
    }

    /// Takes the turn and the value if no message has the turn, there is a value, and `is_wanted` says so.
    fn take_idle(&self, is_wanted: impl FnOnce(&N) -> bool) -> Option<V> {
        let mut state = lock(&self.state);
        if state.is_taken || state.value.is_none() || !is_wanted(&state.notes) {
            return None;
        }
        state.is_taken = true;
        state.value.take()
    }

    /// Whether a value of it has ever crashed. Most have not, which costs no lock.
    pub(crate) fn has_crashed(&self) -> bool {
        self.has_crashed.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn note_crashed(&self) {
        self.has_crashed.store(1, Ordering::SeqCst);
    }

    /// Looks at the notes, or changes them.
    pub(crate) fn with_notes<T>(&self, act: impl FnOnce(&mut N) -> T) -> T {
        act(&mut lock(&self.state).notes)
    }

    /// What the line is there for.
    pub(super) fn line_use(&self) -> LineUse {
        lock(&self.state).line_use()
    }

    /// Its last place among those that are not in use.
    pub(super) fn idle_place(&self) -> IdlePlace<N> {
        let state = lock(&self.state);
        (state.notes.used(), state.placed)
    }

    /// Its place among those that are not in use: another one, with this number, only if it was used since it
    /// got the last. A message that does not count as a use leaves the order as it was.
    pub(super) fn place(&self, number: u64) -> IdlePlace<N> {
        let mut state = lock(&self.state);
        if state.placed == 0 {
            state.placed = number;
        }
        (state.notes.used(), state.placed)
    }

    /// Hands the turn on, with the value. Says what the line is there for after that.
    fn release(&self, value: Option<V>, is_use: bool) -> LineUse {
        let mut state = lock(&self.state);
        state.value = value;
        let next = loop {
            let Some(ticket) = state.waiting.pop_front() else {
                break None;
            };
            let mut its = lock(&ticket.0);
            if let TurnTicketState::Waiting(waker) = &mut *its {
                let waker = waker.take();
                *its = TurnTicketState::Granted;
                drop(its);
                break Some(waker);
            }
            drop(its);
            state.left = state.left.saturating_sub(1);
        };
        let others_wait = next.is_some();
        state.is_taken = others_wait;
        if is_use {
            state.placed = 0;
        }
        state.notes.end_turn(is_use, others_wait);
        let line_use = state.line_use();
        drop(state);
        next.flatten().into_iter().for_each(Waker::wake);
        line_use
    }

    fn take_value(&self) -> Option<V> {
        lock(&self.state).value.take()
    }

    /// One of those that waited has left. Once most have, nothing is kept of them.
    fn note_left(&self) {
        let mut state = lock(&self.state);
        state.left += 1;
        if state.left * 2 > state.waiting.len() {
            let has_left = |ticket: &TurnTicket| matches!(*lock(&ticket.0), TurnTicketState::Left);
            state.waiting.retain(|ticket| !has_left(ticket));
            let enough = state.waiting.len() * 2;
            state.waiting.shrink_to(enough);
            state.left = 0;
        }
    }
}

impl<K, V, N> Drop for KeyLine<K, V, N> {
    /// The `Drop` of a value is user code: where the whole table goes, its panic must not keep the others.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        drop_unpanicked(state.unwrap_or_else(PoisonError::into_inner).value.take());
    }
}

/// Where the lines of keys are kept.
pub(crate) trait Lines<K, V, N>: Send + Sync {
    /// A turn has ended, and no message waited for the next one; `is_unused` if nothing was left of the key.
    fn ended(&self, line: &KeyLine<K, V, N>, is_unused: bool);
}

/// A place in the line of a key: first the wait for the turn, then the turn. Dropped, it hands the turn on.
pub(crate) struct KeyTurn<K, V, N: LineNotes> {
    line: Arc<KeyLine<K, V, N>>,
    lines: Arc<dyn Lines<K, V, N>>,
    /// While it waits.
    ticket: Option<Arc<TurnTicket>>,
    /// The value, once it is its turn; none if there is no value.
    pub(crate) value: Option<V>,
    /// Whether the message counts as a use of the value.
    is_use: bool,
}

impl<K, V, N: LineNotes> KeyTurn<K, V, N> {
    /// A place behind those who are there.
    pub(super) fn enter(line: Arc<KeyLine<K, V, N>>, lines: Arc<dyn Lines<K, V, N>>) -> Self {
        let entered = line.enter();
        KeyTurn::of(line, lines, entered, true)
    }

    /// A place behind those who are there, if there is a value or a message has the turn, for a message that
    /// does not count as a use of the value.
    pub(super) fn enter_if_in_memory(
        line: &Arc<KeyLine<K, V, N>>,
        lines: &Arc<dyn Lines<K, V, N>>,
    ) -> Option<Self> {
        let entered = line.enter_if_in_memory()?;
        Some(KeyTurn::of(
            Arc::clone(line),
            Arc::clone(lines),
            entered,
            false,
        ))
    }

    fn of(
        line: Arc<KeyLine<K, V, N>>,
        lines: Arc<dyn Lines<K, V, N>>,
        entered: Result<Option<V>, Arc<TurnTicket>>,
        is_use: bool,
    ) -> Self {
        let (ticket, value) = match entered {
            Ok(value) => (None, value),
            Err(ticket) => (Some(ticket), None),
        };
        KeyTurn {
            line,
            lines,
            ticket,
            value,
            is_use,
        }
    }

    /// The turn, if no message has it, there is a value, and `is_wanted` says so.
    pub(super) fn of_idle(
        line: &Arc<KeyLine<K, V, N>>,
        lines: &Arc<dyn Lines<K, V, N>>,
        is_wanted: impl FnOnce(&N) -> bool,
    ) -> Option<Self> {
        let value = line.take_idle(is_wanted)?;
        let (line, lines) = (Arc::clone(line), Arc::clone(lines));
        Some(KeyTurn::of(line, lines, Ok(Some(value)), true))
    }

    /// Its line, and its value.
    pub(crate) fn split(&mut self) -> (&KeyLine<K, V, N>, &mut Option<V>) {
        (&self.line, &mut self.value)
    }

    pub(crate) fn line(&self) -> &Arc<KeyLine<K, V, N>> {
        &self.line
    }

    /// Whether it is its turn.
    pub(crate) fn is_now(&self) -> bool {
        self.ticket.is_none()
    }

    /// Ready once it is its turn.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ticket) = &self.ticket else {
            return Poll::Ready(());
        };
        let mut state = lock(&ticket.0);
        if let TurnTicketState::Waiting(waker) = &mut *state {
            let old = waker.replace(cx.waker().clone());
            drop(state);
            drop(old); // What a waker holds is the user's.
            return Poll::Pending;
        }
        drop(state);
        self.value = self.line.take_value();
        self.ticket = None;
        Poll::Ready(())
    }
}

impl<K, V, N: LineNotes> Drop for KeyTurn<K, V, N> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let before = std::mem::replace(&mut *lock(&ticket.0), TurnTicketState::Left);
            if !matches!(before, TurnTicketState::Granted) {
                return self.line.note_left();
            }
            self.value = self.line.take_value();
        }
        let line_use = self.line.release(self.value.take(), self.is_use);
        if line_use != LineUse::IsTaken {
            let is_unused = line_use == LineUse::IsUnused;
            self.lines.ended(&self.line, is_unused);
        }
    }
}
