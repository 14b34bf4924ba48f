//! [`Work`]: the loop of an exclusive module. It keeps books while it runs, and settles them when it rests.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::context::{Context, Handle, Origin};
use crate::envelope::{Label, Stamp};
use crate::error::{Failure, FailureKind};
use crate::module::backlog::{Backlog, Run};
use crate::module::exclusive::ExclusiveCell;
use crate::module::tally::Verdict;
use crate::module::{Exclusive, Module};
use crate::scope::Scope;

/// After how many messages in a row a module looks at the clock. One that has run for longer than [`TURN`] lets others have
/// the thread.
const LOOK: u32 = 64;

/// How long a module that never runs out of work, and never waits, keeps its thread from others.
const TURN: Duration = Duration::from_micros(100);

/// A module at work. If it is cut off, what it has taken is buried.
pub(super) struct Work<'a, M: Module + Exclusive> {
    cell: &'a ExclusiveCell<M>,
    /// Of the message being handled; between batches, of the module's own scope.
    ctx: Context<M>,
    /// The other one of the two.
    standing: Option<Handle>,
    taken: Backlog<M::Inbox>,
    /// How many messages of the current run are still to be started.
    left: usize,
    books: Books,
}

/// What is done, and not yet said to those who count.
#[derive(Default)]
struct Books {
    /// Messages that the mailbox counts as waiting.
    started: usize,
    handled: u64,
    failed: u64,
    /// The message whose handler runs.
    current: Option<Label>,
}

impl<'a, M: Module + Exclusive> Work<'a, M> {
    pub(super) fn new(cell: &'a ExclusiveCell<M>, standing: Handle) -> Self {
        Work {
            cell,
            ctx: Context::new(standing),
            standing: None,
            taken: Backlog::default(),
            left: 0,
            books: Books::default(),
        }
    }

    /// The context of the module itself, when it is not at work.
    pub(super) fn standing(&self) -> &Context<M> {
        &self.ctx
    }

    /// Handles messages until the mailbox is closed and empty: many per wake-up, each awaited in place.
    pub(super) async fn run(&mut self, module: &mut M) {
        let mut turn = Turn::default();
        while self.take(&mut turn).await {
            let mut is_first = true;
            while let Some(run) = self.taken.next_run() {
                self.begin(run);
                while let Some((label, inbox)) = self.next_message() {
                    if !is_first {
                        self.start_one();
                    }
                    is_first = false;
                    self.handle(module, label, inbox).await;
                    if turn.is_over() {
                        self.books.settle_all(self.cell, &self.ctx.handle().scope);
                        tokio::task::yield_now().await;
                    }
                }
                self.settle();
            }
            self.rest();
        }
    }

    async fn take(&mut self, turn: &mut Turn) -> bool {
        poll_fn(|cx| {
            let polled = self.cell.mailbox.poll_take(&mut self.taken, cx);
            if polled.is_pending() {
                *turn = Turn::default();
            }
            polled
        })
        .await
    }

    /// Makes the context that of a run.
    #[inline]
    fn begin(&mut self, run: Run) {
        self.left = run.length;
        let handle = Handle {
            scope: run.scope,
            origin: Origin::Handler,
            message: None,
            cause: run.cause,
        };
        let before = std::mem::replace(self.ctx.handle_mut(), handle);
        self.standing.get_or_insert(before);
    }

    #[inline]
    fn next_message(&mut self) -> Option<(Label, M::Inbox)> {
        self.left = self.left.checked_sub(1)?;
        self.taken.next_message()
    }

    /// Counts a message as started, and says so now and then, for senders may wait for room.
    #[inline]
    fn start_one(&mut self) {
        self.books.started += 1;
        if self.books.started >= self.cell.mailbox.step() {
            self.cell
                .mailbox
                .started(std::mem::take(&mut self.books.started));
        }
    }

    #[inline]
    async fn handle(&mut self, module: &mut M, label: Label, inbox: M::Inbox) {
        let scope = &self.ctx.handle().scope;
        if let Some(obstacle) = scope.obstacle() {
            let stamp = Stamp {
                scope,
                cause: &self.ctx.handle().cause,
                label,
            };
            return self.cell.bury(stamp, inbox, obstacle);
        }
        self.ctx.handle_mut().message = Some(label);
        self.books.current = Some(label);
        let verdict = {
            let mut handler = pin!(M::dispatch(module, inbox, &self.ctx));
            poll_fn(|cx| {
                let polled = handler.as_mut().poll(cx);
                if polled.is_pending() {
                    // It may take long, and there may be who waits for what is done, or wants to see it.
                    self.books.settle_all(self.cell, &self.ctx.handle().scope);
                }
                polled
            })
            .await
        };
        self.books.current = None;
        match verdict {
            Verdict::Handled => self.books.handled += 1,
            Verdict::Failed | Verdict::Crashed => self.books.failed += 1,
        }
    }

    #[inline]
    fn settle(&mut self) {
        self.books.settle(self.cell, &self.ctx.handle().scope);
    }

    /// Between batches the module holds on to no unit of work.
    #[inline]
    fn rest(&mut self) {
        // What was taken is all started; the next batch counts anew.
        self.books.started = 0;
        if let Some(standing) = self.standing.take() {
            *self.ctx.handle_mut() = standing;
        }
        self.ctx.handle().scope.mediator.stopping.tell_quiet();
    }

    /// The message whose handler was cut off counts as a dead letter, and as a failure of its unit of work unless a caller
    /// waits for the reply.
    fn cut_off(&mut self, label: Label) {
        let (scope, message) = (&self.ctx.handle().scope, label.message.name());
        self.cell.tally.count_dead(message);
        if !label.awaited {
            scope.fail(Failure {
                message,
                module: self.cell.declaration.name,
                sequence: label.sequence,
                kind: FailureKind::Stopped,
            });
        }
        scope.finish(1);
    }
}

impl Books {
    /// Says what is done in a run; to the unit of work last, for whoever waits for its end may look at the rest then.
    #[inline]
    fn settle<M: Module + Exclusive>(&mut self, cell: &ExclusiveCell<M>, scope: &Scope) {
        let handled = std::mem::take(&mut self.handled);
        let failed = std::mem::take(&mut self.failed);
        if handled + failed > 0 {
            cell.tally.add_alone(handled, failed);
            scope.finish(handled + failed);
        }
    }

    /// Says that, and what room there is in the mailbox.
    #[cold]
    fn settle_all<M: Module + Exclusive>(&mut self, cell: &ExclusiveCell<M>, scope: &Scope) {
        if self.started > 0 {
            cell.mailbox.started(std::mem::take(&mut self.started));
        }
        self.settle(cell, scope);
    }
}

impl<M: Module + Exclusive> Drop for Work<'_, M> {
    fn drop(&mut self) {
        self.books.started += self.taken.len();
        self.books.settle_all(self.cell, &self.ctx.handle().scope);
        if let Some(label) = self.books.current.take() {
            self.cut_off(label);
        }
        let mut taken = std::mem::take(&mut self.taken);
        let handle = self.ctx.handle();
        let stopped = |stamp: Stamp<'_>, inbox| {
            self.cell.bury(stamp, inbox, FailureKind::Stopped);
        };
        for _ in 0..self.left {
            if let Some((label, inbox)) = taken.next_message() {
                let stamp = Stamp {
                    scope: &handle.scope,
                    cause: &handle.cause,
                    label,
                };
                stopped(stamp, inbox);
            }
        }
        taken.drain(stopped);
    }
}

/// Whether it is somebody else's turn.
#[derive(Default)]
struct Turn {
    messages: u32,
    /// Since when it is this module's, as far as is known.
    since: Option<Instant>,
}

impl Turn {
    #[inline]
    fn is_over(&mut self) -> bool {
        self.messages += 1;
        if self.messages < LOOK {
            return false;
        }
        self.messages = 0;
        self.look()
    }

    fn look(&mut self) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let is_over = now - since >= TURN;
        if is_over {
            self.since = None;
        }
        is_over
    }
}
