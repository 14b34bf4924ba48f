//! [`Work`]: the loop of an exclusive module. It keeps books while it runs, and settles them when it rests.

mod loop_state;
mod lost;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use crate::chance::Chance;
use crate::context::{Context, Handle, HandlerSpan, Origin};
use crate::module::cell::RunEnd;
use crate::module::exclusive::ExclusiveCell;
use crate::module::exclusive::backlog::{Backlog, BacklogEntry, Run, Usage};
use crate::module::exclusive::mailbox::Taken;
use crate::module::exclusive::pace::{IdleStep, Pace};
use crate::module::exclusive::work::loop_state::LoopState;
use crate::module::tally::{CrashCause, Verdict};
use crate::module::{Exclusive, Module};

/// A module at work. If it is cut off, what it has taken becomes dead letters.
pub(super) struct Work<M: Module + Exclusive> {
    state: LoopState<M>,
    /// The context of the message being handled; between batches, of the module's own scope.
    ctx: Context<M>,
    /// The other one of the two.
    module_handle: Option<Handle>,
    taken: Backlog<M::Inbox>,
    usage: Usage,
    /// After how many messages it says to the mailbox that it has started them.
    step: usize,
    /// Whether the module keeps its state after a handler crashed.
    resumes: bool,
    /// Whether it is drawn when it is the module's turn.
    chance: Chance,
    /// Why a handler crashed, if one did.
    cause: Option<CrashCause>,
    /// How user code panicked that is part of no message's dispatch, if it did.
    beside: Option<String>,
}

impl<M: Module + Exclusive> Work<M> {
    pub(super) fn new(cell: Arc<ExclusiveCell<M>>, module_handle: Handle) -> Self {
        Work {
            chance: module_handle.scope.mediator.chance.clone(),
            ctx: Context::new(module_handle),
            module_handle: None,
            taken: Backlog::default(),
            usage: Usage::default(),
            step: cell.mailbox.step(),
            state: LoopState::new(cell),
            resumes: M::descriptor().restart.resumes(),
            cause: None,
            beside: None,
        }
    }

    /// The context of the module itself, when it is not at work.
    pub(super) fn module_ctx(&self) -> &Context<M> {
        &self.ctx
    }

    /// There is a module that handles messages.
    pub(super) fn mark_made(&self) {
        // A background task may have crashed beside the handler.
        self.state.cell.mailbox.take_crash();
        self.state.cell.is_made.store(true, Ordering::SeqCst);
    }

    /// Handles messages: many per wake-up, each awaited in place. What it has taken when the module crashes
    /// is still there for the next one.
    pub(super) async fn run(&mut self, slot: &mut Option<M>) -> RunEnd {
        let Some(module) = slot else {
            unreachable!("a module is put in before it is run")
        };
        let mut pace = Pace::new();
        poll_fn(|cx| {
            self.state.cell.mailbox.set_home(cx.waker());
            Poll::Ready(())
        })
        .await;
        loop {
            while self.state.left > 0 {
                if self.state.progress.pause.is_on() {
                    self.pause().await;
                }
                if self.chance.is_drawn() {
                    self.settle_all();
                    self.chance.shuffle().await;
                }
                let verdict = self.handle(module).await;
                if verdict == Verdict::Handled {
                    if self.taken.len() > 0 {
                        self.start_one();
                    }
                } else if self.record_failure(verdict) {
                    return self.crashed(slot);
                }
                if pace.is_look_due() {
                    self.give_back_room();
                    if pace.look() {
                        self.settle_all();
                        tokio::task::yield_now().await;
                        pace.begin_turn();
                    }
                }
            }
            self.state
                .books
                .settle(&self.state.cell, &self.ctx.handle().scope);
            if let Some(run) = self.taken.next_run() {
                self.begin(run);
                continue;
            }
            self.rest();
            match self.take(&mut pace).await {
                Taken::Messages => self.ctx.handle().scope.mediator.watch.notify_busy(),
                Taken::Crash => return self.crashed(slot),
                Taken::Closed => return RunEnd::Closed,
            }
        }
    }

    /// After a burst, lets go of the memory that it took.
    #[cold]
    fn give_back_room(&mut self) {
        if let Some(messages) = self.usage.look(&self.taken) {
            self.taken.shrink_to(messages);
            self.state.cell.mailbox.shrink_to(messages);
        }
    }

    /// Waits until the module is not held up.
    #[cold]
    async fn pause(&mut self) {
        self.settle_all();
        self.state.progress.rest();
        self.state.cell.mailbox.hold_back();
        let progress = Arc::clone(&self.state.progress);
        self.forget_during(progress.pause.over()).await;
        self.state.books.started += 1;
        self.ctx.handle().scope.mediator.watch.notify_busy();
    }

    /// Waits for `future`. Meanwhile, what was taken of a unit of work that is cancelled becomes dead
    /// letters.
    pub(super) async fn forget_during<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                let (handle, left) = (self.ctx.handle(), self.state.left);
                self.state
                    .cell
                    .forget_taken(&mut self.taken.rest(), handle, left);
            }
            polled
        })
        .await
    }

    /// Waits for messages.
    async fn take(&mut self, pace: &mut Pace) -> Taken {
        poll_fn(|cx| {
            if std::mem::take(&mut self.state.books.is_called) {
                return Poll::Pending;
            }
            let rest = pace.rest();
            if rest != IdleStep::Gather {
                let sleeps = rest == IdleStep::Sleep;
                let polled = self
                    .state
                    .cell
                    .mailbox
                    .poll_take(&mut self.taken, sleeps, cx);
                if polled.is_ready() || sleeps {
                    self.state.books.is_called = self.taken.is_lone_call();
                    pace.took(self.taken.len(), self.taken.ends_in_call());
                    return polled;
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Makes the context that of a run.
    #[inline]
    fn begin(&mut self, run: Run) {
        self.state.left = run.length;
        let handle = Handle {
            scope: run.scope,
            origin: Origin::Handler,
            message: None,
            cause: run.cause,
        };
        let before = std::mem::replace(self.ctx.handle_mut(), handle);
        self.module_handle.get_or_insert(before);
    }

    /// Handles the next message, where it lies: it is not moved before its handler takes it. Says what came
    /// of it; a dead letter has failed, and is counted.
    #[inline]
    async fn handle(&mut self, module: &mut M) -> Verdict {
        let (state, ctx) = (&mut self.state, &mut self.ctx);
        let Some((slot, mut rest)) = state.next(&mut self.taken, ctx.handle()) else {
            return Verdict::Failed;
        };
        let Some(BacklogEntry { label, inbox }) = slot else {
            unreachable!("a message is over once it was given out")
        };
        state.begin(*label, ctx.handle_mut());
        let ctx = &self.ctx;
        let verdict = {
            let mut handler = pin!(M::dispatch(module, inbox, ctx));
            let mut parked = None;
            poll_fn(|cx| {
                parked = None;
                let polled = {
                    let _entered = state.span.as_deref().map(HandlerSpan::enter);
                    handler.as_mut().poll(cx)
                };
                if polled.is_pending() {
                    parked = state.show(ctx.handle(), &mut rest);
                }
                polled
            })
            .await
        };
        state.end(verdict, slot, ctx.handle());
        verdict
    }

    /// Sees to a message that is to be handled again, and to a handler that crashed. Says whether the module
    /// crashed with it.
    #[cold]
    fn record_failure(&mut self, verdict: Verdict) -> bool {
        if let Verdict::Again | Verdict::CrashedAgain(_) = verdict {
            self.taken.put_back();
            self.state.left += 1;
        } else if self.taken.len() > 0 {
            self.start_one();
        }
        let (Verdict::Crashed(cause) | Verdict::CrashedAgain(cause)) = verdict else {
            return false;
        };
        if self.resumes {
            return false;
        }
        self.cause = Some(cause);
        self.state.progress.rest();
        self.settle_all();
        true
    }

    /// Counts the next message as started, and says so now and then, for senders may wait for room.
    #[inline]
    fn start_one(&mut self) {
        self.state.books.started += 1;
        if self.state.books.started >= self.step {
            self.state.books.say_started(&self.state.cell);
        }
    }

    fn settle_all(&mut self) {
        self.state
            .books
            .settle_all(&self.state.cell, &self.ctx.handle().scope);
    }

    /// Between batches the module holds on to no unit of work.
    #[inline]
    fn rest(&mut self) {
        self.taken.clear();
        self.state.progress.rest();
        // What was taken is all started; the next batch counts anew.
        self.state.books.started = 0;
        if let Some(module_handle) = self.module_handle.take() {
            *self.ctx.handle_mut() = module_handle;
        }
        self.ctx.handle().scope.mediator.stopping.notify_quiet();
    }
}
