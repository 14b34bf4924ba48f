//! [`LoopState`]: what the loop of an exclusive module keeps about the message that is being handled. It
//! knows neither the module nor the backlog, which are lent to the handler.

use std::sync::Arc;

use crate::context::{Handle, HandlerSpan, SpanOutcome};
use crate::envelope::Label;
use crate::module::exclusive::ExclusiveCell;
use crate::module::exclusive::backlog::{Backlog, BacklogEntry, BacklogRest, count_of};
use crate::module::exclusive::books::Books;
use crate::module::handler::Breaker;
use crate::module::life::Progress;
use crate::module::tally::Verdict;
use crate::module::{Exclusive, Module};
use crate::scope::ParkedGuard;

/// A message where it lies; `None` is over.
type MessageSlot<M> = Option<BacklogEntry<<M as Exclusive>::Inbox>>;

/// The state of the loop that handles messages. It is in one place, so that the future of a handler holds one
/// reference to all of it.
pub(super) struct LoopState<M: Module + Exclusive> {
    pub(super) cell: Arc<ExclusiveCell<M>>,
    /// What it is handling, for who looks on.
    pub(super) progress: Arc<Progress>,
    pub(super) breaker: Option<Arc<Breaker>>,
    /// How many messages of the current run are still to be started.
    pub(super) left: usize,
    /// How many handlers were called, for observers of the module. It wraps around.
    calls: u32,
    /// The number of the last call in which the handler did not return at once.
    noted: u32,
    /// The span of the message, from the call of its handler to its end.
    pub(super) span: Option<Box<HandlerSpan>>,
    pub(super) books: Books,
}

impl<M: Module + Exclusive> LoopState<M> {
    pub(super) fn new(cell: Arc<ExclusiveCell<M>>) -> Self {
        LoopState {
            progress: Arc::clone(&cell.progress),
            breaker: cell.breaker.clone(),
            cell,
            left: 0,
            calls: 0,
            noted: 0,
            span: None,
            books: Books::default(),
        }
    }

    /// Takes the next message of the current run, whose handle is lent, and what follows it. `None` if its
    /// unit of work has ended: it is a dead letter then.
    #[inline(always)] // The loop keeps its references in registers.
    pub(super) fn next<'a>(
        &mut self,
        taken: &'a mut Backlog<M::Inbox>,
        handle: &Handle,
    ) -> Option<(&'a mut MessageSlot<M>, BacklogRest<'a, M::Inbox>)> {
        self.left -= 1;
        let Some((slot, rest)) = taken.next_message_and_rest() else {
            unreachable!("runs say how many messages there are")
        };
        let scope = &handle.scope;
        if !scope.is_plain_unit() {
            self.progress
                .mark_report(self.calls.wrapping_add(1), scope.is_of_report());
        }
        if !scope.begin_message() {
            self.make_dead_letter(slot, handle);
            return None;
        }
        Some((slot, rest))
    }

    #[cold]
    fn make_dead_letter(&self, slot: &mut MessageSlot<M>, handle: &Handle) {
        if let (Some(BacklogEntry { label, inbox }), Some(obstacle)) =
            (slot.take(), handle.scope.obstacle())
        {
            self.cell
                .dead_letter(handle.source(), label, inbox, obstacle);
        }
    }

    /// Makes the handle that of the message, whose handler is called next.
    #[inline(always)]
    pub(super) fn begin(&mut self, label: Label, handle: &mut Handle) {
        handle.message = Some(label);
        self.calls = self.calls.wrapping_add(1);
        self.progress.begin(self.calls, label.message.slot());
        if HandlerSpan::may_be_wanted() {
            self.begin_span(handle);
        }
        self.books.is_handling = true;
    }

    #[cold]
    #[inline(never)]
    fn begin_span(&mut self, handle: &mut Handle) {
        self.span = handle.span(M::descriptor().declaration.name);
    }

    /// Shows that the handler is not done: it may take long, and others may wait for what is done, or look at
    /// it. `rest` are the messages that were taken with it.
    #[cold]
    pub(super) fn show<'a>(
        &mut self,
        handle: &'a Handle,
        rest: &mut BacklogRest<'_, M::Inbox>,
    ) -> Option<ParkedGuard<'a>> {
        self.books.settle_all(&self.cell, &handle.scope);
        self.cell.forget_taken(rest, handle, self.left);
        if self.noted != self.calls {
            self.noted = self.calls;
            self.cell.note_taken(self.calls, rest, (handle, self.left));
        }
        self.cell.look_again();
        let message = handle.message?.message.name();
        handle.scope.park(handle.delivery(), message, || {
            let unit = handle.scope.address();
            let taken = self.left as u64 + count_of(rest.runs, unit);
            self.cell.held(taken, unit)
        })
    }

    /// Counts the message, whose handler is done. It is over, unless it is to be handled again.
    #[inline(always)]
    pub(super) fn end(&mut self, verdict: Verdict, slot: &mut MessageSlot<M>, handle: &Handle) {
        self.books.is_handling = false;
        // One branch for both: few messages have either.
        if self.breaker.is_some() | self.span.is_some() {
            self.note_end(verdict, handle);
        }
        if verdict == Verdict::Handled {
            self.books.handled += 1;
            *slot = None;
        } else {
            self.end_unhandled(verdict, slot);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_end(&mut self, verdict: Verdict, handle: &Handle) {
        self.end_span(verdict.outcome(), handle);
        if let Some(breaker) = &self.breaker {
            breaker.count(verdict, handle);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_unhandled(&mut self, verdict: Verdict, slot: &mut MessageSlot<M>) {
        if let Verdict::Again | Verdict::CrashedAgain(_) = verdict {
            if let Some(BacklogEntry { label, .. }) = slot {
                *label = label.tried();
            }
            return;
        }
        self.books.failed += 1;
        self.books.refused += u64::from(verdict == Verdict::Refused);
        *slot = None;
    }

    /// Ends the span of the message, if it has one.
    pub(super) fn end_span(&mut self, outcome: SpanOutcome, handle: &Handle) {
        if let Some(span) = self.span.take() {
            span.end(outcome, &handle.scope);
        }
    }

    /// Ends the span of a message whose handler was dropped.
    pub(super) fn cut_off_span(&mut self) {
        self.span = None;
    }
}
