//! [`Backlog`]: messages in the order they came, with what many in a row have in common kept once.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::envelope::{Cause, Label, Stamp};
use crate::scope::Scope;

/// Messages in the order they came. It never shrinks, so that a warm one allocates nothing.
#[derive(Debug)]
pub(super) struct Backlog<I> {
    /// Who sent them; the lengths add up to the number of messages.
    runs: VecDeque<Run>,
    messages: VecDeque<(Label, I)>,
}

/// Messages in a row of one unit of work and one cause.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) scope: Arc<Scope>,
    pub(super) cause: Cause,
    pub(super) length: usize,
}

impl<I> Default for Backlog<I> {
    fn default() -> Self {
        Backlog {
            runs: VecDeque::new(),
            messages: VecDeque::new(),
        }
    }
}

impl<I> Backlog<I> {
    #[inline]
    pub(super) fn push(&mut self, stamp: Stamp<'_>, inbox: I) {
        match self.runs.back_mut() {
            Some(run) if Arc::ptr_eq(&run.scope, stamp.scope) && run.cause.is(stamp.cause) => {
                run.length += 1;
            }
            _ => self.runs.push_back(Run {
                scope: Arc::clone(stamp.scope),
                cause: stamp.cause.clone(),
                length: 1,
            }),
        }
        self.messages.push_back((stamp.label, inbox));
    }

    /// The next run; its messages are the next ones.
    #[inline]
    pub(super) fn next_run(&mut self) -> Option<Run> {
        self.runs.pop_front()
    }

    #[inline]
    pub(super) fn next_message(&mut self) -> Option<(Label, I)> {
        self.messages.pop_front()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes all messages out, one after the other.
    pub(super) fn drain(mut self, mut each: impl FnMut(Stamp<'_>, I)) {
        while let Some(run) = self.next_run() {
            for (label, inbox) in self.messages.drain(..run.length) {
                let stamp = Stamp {
                    scope: &run.scope,
                    cause: &run.cause,
                    label,
                };
                each(stamp, inbox);
            }
        }
    }
}
