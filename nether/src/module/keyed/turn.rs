//! [`MessageTurn`]: the place of a message among those of its key, and how it waits for those before it.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use crate::envelope::Label;
use crate::error::Deadlock;
use crate::guarded::{PanicPayload, Shielded};
use crate::module::KeyedModule;
use crate::module::keyed::history::KeyNotes;
use crate::module::keyed::line::{KeyLine, KeyTurn};
use crate::module::keyed::live_count::CountedValue;
use crate::module::shared::until_obstacle;
use crate::race::race;
use crate::route::NextTry;
use crate::scope::{Queued, Scope};
use crate::waiting::{KeyText, TurnHolder, TurnLine, TurnWait, innermost, thread_mark};

/// The turn of a key of the module `M`, with its value.
pub(super) type ValueTurn<M> = KeyTurn<<M as KeyedModule>::Key, Box<CountedValue<M>>, KeyNotes>;
/// The line of a key of the module `M`.
pub(super) type LineOf<M> = KeyLine<<M as KeyedModule>::Key, Box<CountedValue<M>>, KeyNotes>;

impl<K, V, N> KeyText for KeyLine<K, V, N>
where
    K: fmt::Display + Send + Sync,
    V: Send,
    N: Send,
{
    fn key_text(&self) -> String {
        Shielded::new(&*self.key).to_string()
    }
}

/// What values leave.
pub(super) trait LetsLeave<M: KeyedModule>: Send + Sync {
    /// Lets the value leave whose turn this is.
    fn let_leave(&self, turn: ValueTurn<M>);

    /// Lets the values leave for which there is no room, now that a message of a key of this hash has ended.
    fn let_excess_leave(&self, hash: u64);
}

/// A message among those of its key.
#[doc(hidden)]
#[allow(missing_debug_implementations)] // As `Keys`.
pub struct MessageTurn<M: KeyedModule> {
    /// `None` once it is over, and if there was a panic.
    turn: Option<ValueTurn<M>>,
    /// What the `Hash` or `Eq` of the key panicked with: it is as if the handler had.
    panic: Option<PanicPayload>,
    /// Where values leave when the message has ended, if any may.
    cell: Option<Arc<dyn LetsLeave<M>>>,
    /// Whether its own leaves.
    forgets: bool,
    /// Whether the message makes no value, because it is for all that are in memory; until its handler has
    /// begun.
    is_for_all: bool,
}

impl<M: KeyedModule> MessageTurn<M> {
    pub(super) fn new(turn: ValueTurn<M>) -> Self {
        MessageTurn {
            turn: Some(turn),
            panic: None,
            cell: None,
            forgets: false,
            is_for_all: false,
        }
    }

    /// A message for all values that are in memory.
    pub(super) fn of_all(turn: ValueTurn<M>) -> Self {
        let mut turn = MessageTurn::new(turn);
        turn.is_for_all = true;
        turn
    }

    /// A message whose key panicked. It waits for no other.
    #[cold]
    pub(super) fn panicked(panic: PanicPayload) -> Self {
        MessageTurn {
            turn: None,
            panic: Some(panic),
            cell: None,
            forgets: false,
            is_for_all: false,
        }
    }

    /// Whether it is the turn of a message that makes no value, and there is none.
    pub(super) fn is_moot(&self) -> bool {
        let turn = self.turn.as_ref();
        self.is_for_all && turn.is_some_and(|turn| turn.is_now() && turn.value.is_none())
    }

    /// What the key panicked with, if it did.
    pub(super) fn take_panic(&mut self) -> Option<PanicPayload> {
        self.panic.take()
    }

    /// The place in the line, if the key has not panicked.
    pub(super) fn entered(&mut self) -> Option<&mut ValueTurn<M>> {
        self.turn.as_mut()
    }

    /// What tells the line from others; 0 if there is none.
    pub(super) fn line(&self) -> u64 {
        self.turn.as_ref().map_or(0, |turn| turn.line().id)
    }

    /// Whether the message waits for no other.
    pub(super) fn is_now(&self) -> bool {
        self.turn.as_ref().is_none_or(KeyTurn::is_now)
    }

    pub(super) fn get_mut(&mut self) -> &mut ValueTurn<M> {
        self.turn.as_mut().expect("it is there until it is dropped")
    }

    /// The handler of the message begins. What is dropped before that leaves no more values than there were.
    pub(super) fn begin(&mut self, cell: &Arc<impl LetsLeave<M> + 'static>) {
        // Another attempt after a crash makes a value, as that of any message.
        self.is_for_all = false;
        if self.cell.is_none() && M::KEYING.keep.is_some() {
            self.cell = Some(Arc::clone(cell) as _);
        }
    }

    /// The value leaves after this message.
    pub(super) fn forget(&mut self, from: Arc<dyn LetsLeave<M>>) {
        self.cell = Some(from);
        self.forgets = true;
    }

    /// When a value may be made again, if the key is crash-looping.
    pub(super) fn next_try(&self) -> Option<NextTry> {
        let line = self.turn.as_ref()?.line();
        if !line.has_crashed() {
            return None;
        }
        let at = line.with_notes(|notes| notes.next_try())?;
        let module = M::descriptor().declaration.name;
        Some(NextTry { module, at })
    }

    /// Waits until it is its turn, or until there is a reason not to begin any more: the unit of work has
    /// ended, or the module is gone.
    ///
    /// # Errors
    /// If the message before it waits for this one.
    pub(super) async fn wait(
        &mut self,
        scope: &Arc<Scope>,
        label: Label,
        is_gone: impl Future<Output = ()>,
    ) -> Result<(), Deadlock> {
        let turn = self.get_mut();
        let key = Arc::clone(turn.line());
        let _queued = scope.queue((label.sequence(), Queued::Line(key.id)), 1, None);
        let mut waiting = None::<TurnInGraph>;
        let mut obstacle = pin!(race(is_gone, until_obstacle(scope)));
        poll_fn(|cx| {
            if turn.poll(cx).is_ready() || obstacle.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            // The future may go on in another task.
            if waiting.as_ref().is_none_or(|it| !it.wait.is_of_current()) {
                waiting = None;
                waiting = Some(TurnInGraph::begin::<M>(&key, scope, label)?);
            }
            match &waiting {
                Some(waiting) => waiting.poll(cx),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl<M: KeyedModule> Drop for MessageTurn<M> {
    fn drop(&mut self) {
        let (Some(cell), Some(turn)) = (self.cell.take(), self.turn.take()) else {
            return;
        };
        if self.forgets {
            return cell.let_leave(turn);
        }
        let hash = turn.line().hash;
        drop(turn);
        cell.let_excess_leave(hash);
    }
}

/// A message that waits for its turn, in the wait-for graph.
struct TurnInGraph {
    wait: TurnWait,
    _in_queue: crate::waiting::InPlaceQueue,
    _line: Arc<TurnLine>,
}

impl TurnInGraph {
    fn begin<M: KeyedModule>(
        key: &Arc<LineOf<M>>,
        scope: &Arc<Scope>,
        label: Label,
    ) -> Result<Self, Deadlock> {
        let module = &M::descriptor().declaration;
        let line = key.with_notes(|notes| {
            notes.line(|| TurnLine::new(module, Arc::downgrade(key) as Weak<dyn KeyText>))
        });
        let is_held_here = key.polled_on.load(Ordering::SeqCst) == thread_mark();
        let held_here = is_held_here.then(|| key.polled_in.load(Ordering::SeqCst) as usize);
        let in_queue = line.enter(scope);
        Ok(TurnInGraph {
            wait: TurnWait::begin(label.message.name(), scope, &line, held_here)?,
            _in_queue: in_queue,
            _line: line,
        })
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<(), Deadlock>> {
        self.wait.note_polled(cx.waker());
        match self.wait.refused() {
            Some(deadlock) => Poll::Ready(Err(deadlock)),
            None => Poll::Pending,
        }
    }
}

/// Guard that marks the handler of a key as being polled on this thread, until dropped.
pub(super) struct PolledHere<'a, M: KeyedModule>(&'a LineOf<M>);

impl<'a, M: KeyedModule> PolledHere<'a, M> {
    pub(super) fn begin(line: &'a LineOf<M>) -> Self {
        line.polled_in.store(innermost() as u64, Ordering::SeqCst);
        line.polled_on.store(thread_mark(), Ordering::SeqCst);
        PolledHere(line)
    }
}

impl<M: KeyedModule> Drop for PolledHere<'_, M> {
    fn drop(&mut self) {
        self.0.polled_on.store(0, Ordering::SeqCst);
    }
}

/// The handler of a key was polled, and is not done: those who wait for it wait for what it waits for.
#[cold]
pub(super) fn note_waiting<M: KeyedModule>(line: &LineOf<M>) {
    let holder = TurnHolder::known_current();
    if let Some(waiting) = line.with_notes(|notes| notes.note_holder(holder)) {
        waiting.look_at_holder();
    }
}
