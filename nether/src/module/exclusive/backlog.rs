//! [`Backlog`]: messages in the order they came, with what many in a row have in common kept once.

use std::collections::VecDeque;
use std::iter;
use std::mem;
use std::ptr;
use std::sync::Arc;

use crate::envelope::{Cause, Label, Source};
use crate::scope::Scope;

/// Messages in the order they came. It is filled, then emptied, and keeps its room, so that a warm one
/// allocates nothing; what little use was made of for long is given back (see [`Usage`]).
#[derive(Debug)]
pub(super) struct Backlog<I> {
    /// Where they come from; the lengths add up to the number of messages.
    runs: VecDeque<Run>,
    /// `None` is over.
    messages: Vec<Option<BacklogEntry<I>>>,
    /// How many of the messages have been given out.
    given: usize,
}

/// A message.
#[derive(Debug)]
pub(super) struct BacklogEntry<I> {
    pub(super) label: Label,
    pub(super) inbox: I,
}

/// Messages in a row of one unit of work and one cause.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) scope: Arc<Scope>,
    pub(super) cause: Cause,
    pub(super) length: usize,
}

/// The messages that have not been given out.
pub(super) struct BacklogRest<'a, I> {
    /// The rest of the current run, and the messages of all other runs.
    messages: &'a mut [Option<BacklogEntry<I>>],
    pub(super) runs: &'a VecDeque<Run>,
}

impl<I> BacklogRest<'_, I> {
    /// Takes out the messages of units of work that are cancelled. The current run is `current`, and has
    /// `left` messages left.
    #[cold]
    pub(super) fn take_cancelled(
        &mut self,
        current: Source<'_>,
        left: usize,
        mut each: impl FnMut(Source<'_>, Label, I),
    ) {
        let mut messages = self.messages.iter_mut();
        let others = self.runs.iter().map(|run| {
            let source = Source {
                scope: &run.scope,
                cause: &run.cause,
            };
            (source, run.length)
        });
        for (source, length) in iter::once((current, left)).chain(others) {
            let of_run = messages.by_ref().take(length);
            if source.scope.is_cancelled_unit() {
                for BacklogEntry { label, inbox } in of_run.filter_map(Option::take) {
                    each(source, label, inbox);
                }
            } else {
                of_run.for_each(drop);
            }
        }
    }
}

/// How many messages of runs are of the unit of work that has this address.
pub(super) fn count_of(runs: &VecDeque<Run>, unit: usize) -> u64 {
    let of_it = runs
        .iter()
        .filter(|run| ptr::from_ref(&*run.scope).addr() == unit);
    of_it.map(|run| run.length as u64).sum()
}

/// Begins a run with one message. It does not depend on the message's type, so it is compiled once.
#[inline(always)]
fn begin_run(runs: &mut VecDeque<Run>, source: Source<'_>) {
    runs.extend(iter::once_with(|| Run {
        scope: Arc::clone(source.scope),
        cause: source.cause.clone(),
        length: 1,
    }));
}

/// How many messages always have room.
const ROOM: usize = 256;

/// After how many looks at backlogs that are nearly empty room is given back.
const LOOKS: u32 = 7;

/// How much of a module's two backlogs was used of late. After a burst they would be as large as it for ever.
#[derive(Debug, Default)]
pub(super) struct Usage {
    looks: u32,
    /// The most messages in one of them since the count of looks began.
    most: usize,
}

impl Usage {
    /// Looks at a backlog. Returns for how many messages the backlogs are to keep room, if they have had more
    /// than eight times as much as was used for [`LOOKS`] looks.
    pub(super) fn look<I>(&mut self, backlog: &Backlog<I>) -> Option<usize> {
        let (used, room) = (backlog.messages.len(), backlog.messages.capacity());
        if room <= ROOM {
            return None;
        }
        if used > room / 8 {
            *self = Usage::default();
            return None;
        }
        self.looks += 1;
        self.most = self.most.max(used);
        if self.looks < LOOKS {
            return None;
        }
        let Usage { most, .. } = mem::take(self);
        Some((2 * most).max(ROOM))
    }
}

impl<I> Default for Backlog<I> {
    fn default() -> Self {
        Backlog {
            runs: VecDeque::new(),
            messages: Vec::new(),
            given: 0,
        }
    }
}

impl<I> Backlog<I> {
    /// Puts in what `make` gives, where it will lie, as is what it has in common with others: to build it
    /// elsewhere and move it costs more than all the rest.
    #[inline(always)]
    pub(super) fn push(&mut self, source: Source<'_>, label: Label, make: impl FnOnce() -> I) {
        match self.runs.back_mut() {
            Some(run) if Arc::ptr_eq(&run.scope, source.scope) && run.cause.is(source.cause) => {
                run.length += 1;
            }
            _ => begin_run(&mut self.runs, source),
        }
        // Unlike `push` this makes room first, as above.
        let message = || {
            Some(BacklogEntry {
                label,
                inbox: make(),
            })
        };
        self.messages.extend(iter::once_with(message));
    }

    /// The next run; its messages are the next ones.
    #[inline]
    pub(super) fn next_run(&mut self) -> Option<Run> {
        self.runs.pop_front()
    }

    /// The next message, where it lies: it is not moved before its handler takes it, and it is over when put
    /// to `None`.
    #[inline]
    pub(super) fn next_message(&mut self) -> Option<&mut Option<BacklogEntry<I>>> {
        self.next_message_and_rest().map(|(message, _)| message)
    }

    /// The next message, and what follows it.
    #[inline]
    pub(super) fn next_message_and_rest(
        &mut self,
    ) -> Option<(&mut Option<BacklogEntry<I>>, BacklogRest<'_, I>)> {
        let at = self.given;
        if at >= self.messages.len() {
            return None;
        }
        self.given = at + 1;
        let (message, messages) = self.messages[at..].split_first_mut()?;
        let runs = &self.runs;
        Some((message, BacklogRest { messages, runs }))
    }

    /// What has not been given out.
    pub(super) fn rest(&mut self) -> BacklogRest<'_, I> {
        BacklogRest {
            messages: self.messages.get_mut(self.given..).unwrap_or_default(),
            runs: &self.runs,
        }
    }

    /// How many messages are of the unit of work that has this address, before any is given out.
    pub(super) fn count_of(&self, unit: usize) -> u64 {
        count_of(&self.runs, unit)
    }

    /// Takes the message back that was given out last: it is the next one once more.
    pub(super) fn put_back(&mut self) {
        self.given -= 1;
    }

    /// The message that was given out last.
    pub(super) fn last_message(&mut self) -> Option<&mut Option<BacklogEntry<I>>> {
        let last = self.given.checked_sub(1)?;
        self.messages.get_mut(last)
    }

    /// Gets ready to be filled again, once it is emptied.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.given = 0;
    }

    /// Whether a caller waits for the reply to the last of what was put in.
    #[inline]
    pub(super) fn ends_in_call(&self) -> bool {
        matches!(self.messages.last(), Some(Some(last)) if last.label.is_awaited())
    }

    /// Whether there is but one, and a caller waits for the reply.
    #[inline]
    pub(super) fn is_lone_call(&self) -> bool {
        self.messages.len() == 1 && self.ends_in_call()
    }

    /// Gives room back, but for so many messages or what is in it.
    pub(super) fn shrink_to(&mut self, messages: usize) {
        self.messages.shrink_to(messages);
        self.runs.shrink_to(messages);
    }

    /// How many messages have not been given out.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.messages.len() - self.given
    }

    /// Takes out the messages of the scope at this address, before any is given out.
    pub(super) fn extract(&mut self, scope: usize) -> Backlog<I> {
        let mut extracted = Backlog::default();
        let is_its = |run: &Run| Arc::as_ptr(&run.scope).addr() == scope;
        if !self.runs.iter().any(is_its) {
            return extracted;
        }
        let mut messages = mem::take(&mut self.messages).into_iter();
        for run in mem::take(&mut self.runs) {
            let to = if is_its(&run) {
                &mut extracted
            } else {
                &mut *self
            };
            to.messages.extend(messages.by_ref().take(run.length));
            to.runs.push_back(run);
        }
        extracted
    }

    /// Takes all messages out, one after the other.
    pub(super) fn drain(mut self, mut each: impl FnMut(Source<'_>, Label, I)) {
        while let Some(run) = self.next_run() {
            let source = Source {
                scope: &run.scope,
                cause: &run.cause,
            };
            for _ in 0..run.length {
                if let Some(BacklogEntry { label, inbox }) =
                    self.next_message().and_then(Option::take)
                {
                    each(source, label, inbox);
                }
            }
        }
    }
}
