//! How a module at work crashes or is cut off, and what becomes of the messages that it has taken.

use std::sync::atomic::Ordering;

use crate::context::SpanOutcome;
use crate::envelope::{Label, Source};
use crate::error::FailureKind;
use crate::guarded::{PanicPayload, drop_unpanicked, said_last};
use crate::module::cell::RunEnd;
use crate::module::exclusive::ExclusiveCell;
use crate::module::exclusive::work::Work;
use crate::module::handler::settle_panic;
use crate::module::tally::{Crash, CrashCause, Verdict};
use crate::module::{Exclusive, Module};
use crate::route::CrashLoops;

impl<M: Module + Exclusive> Work<M> {
    /// Lets go of a module that has crashed, and says how.
    #[cold]
    pub(in crate::module::exclusive) fn crashed(&mut self, slot: &mut Option<M>) -> RunEnd {
        self.state.cell.is_made.store(false, Ordering::SeqCst);
        drop_unpanicked(slot.take());
        let elsewhere = self.beside.take().or(self.state.cell.mailbox.take_crash());
        let handle = self.ctx.handle();
        RunEnd::Crashed(match (self.cause.take(), handle.message) {
            (Some(cause), Some(label)) => Crash {
                reason: cause.reason(label.message.name()),
                is_of_report: handle.scope.is_of_report(),
            },
            _ => Crash {
                reason: elsewhere.unwrap_or_default(),
                is_of_report: false,
            },
        })
    }

    /// There is no module for long: what it has taken becomes dead letters, and no unit of work is held until
    /// there is one again.
    pub(in crate::module::exclusive) fn wind_up(&mut self) {
        self.state.books.started += self.taken.len();
        self.settle_all();
        self.give_up_taken(|cell, label| cell.next_try().failure(label));
        if let Some(module_handle) = self.module_handle.take() {
            *self.ctx.handle_mut() = module_handle;
        }
    }

    /// What it has taken and not begun to handle becomes dead letters.
    #[cold]
    fn give_up_taken(&mut self, kind: impl Fn(&ExclusiveCell<M>, Label) -> FailureKind) {
        let mut taken = std::mem::take(&mut self.taken);
        let (cell, source) = (&self.state.cell, self.ctx.handle().source());
        let dead_letter = |source: Source<'_>, label, inbox| {
            cell.dead_letter(source, label, inbox, kind(cell, label));
        };
        let left = std::mem::take(&mut self.state.left);
        for entry in (0..left).filter_map(|_| taken.next_message()?.take()) {
            dead_letter(source, entry.label, entry.inbox);
        }
        taken.drain(dead_letter);
    }

    /// The message whose handler was cut off is a dead letter.
    fn cut_off(&mut self) {
        let inbox = self.taken.last_message().and_then(Option::take);
        let handle = self.ctx.handle();
        let Some(label) = handle.message else { return };
        let inbox = inbox.map(|entry| entry.inbox);
        self.state
            .cell
            .dead_letter_begun(handle.source(), label, inbox);
    }

    /// User code beside a handler panicked. The message in whose dispatch that was, if it was in one, has
    /// failed with it; what else was taken is still there. Says whether the module goes on as it is.
    #[cold]
    pub(in crate::module::exclusive) fn settle_panic(&mut self, panic: PanicPayload) -> bool {
        let text = said_last(panic);
        self.state
            .end_span(SpanOutcome::Panicked, self.ctx.handle());
        let is_handling = std::mem::take(&mut self.state.books.is_handling);
        if is_handling {
            self.fail_with(text);
            self.cause = Some(CrashCause::Panicked);
        } else {
            self.beside = Some(format!("panicked: {text}"));
        }
        if self.taken.len() > 0 {
            self.start_one();
        }
        self.state.progress.rest();
        self.settle_all();
        self.ctx.handle().scope.mediator.stopping.notify_quiet();
        self.resumes
    }

    /// The message that is being handled fails with a panic.
    fn fail_with(&mut self, text: String) {
        let (cell, handle) = (&self.state.cell, self.ctx.handle());
        if let Some(mut entry) = self.taken.last_message().and_then(Option::take) {
            let parcel = M::parcel(&mut entry.inbox);
            settle_panic(text, parcel, entry.label, handle, cell.declaration);
            drop_unpanicked(entry.inbox);
        }
        self.state.books.failed += 1;
        if let Some(breaker) = &self.state.breaker {
            breaker.count(Verdict::Crashed(CrashCause::Panicked), handle);
        }
    }
}

impl<M: Module + Exclusive> Drop for Work<M> {
    fn drop(&mut self) {
        self.state.cut_off_span();
        self.state.progress.rest();
        self.state.books.started += self.taken.len();
        self.settle_all();
        if self.state.books.is_handling {
            self.cut_off();
        }
        self.give_up_taken(|_, _| FailureKind::Stopped);
    }
}
