//! [`Keys`]: how a module keeps a value for each key.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::context::{Context, Handle, WeakHandle, announce};
use crate::envelope::{Label, Parcel};
use crate::error::{Deadlock, Result};
use crate::escaped::Escaped;
use crate::events::KeyCrashed;
use crate::guarded::{HandlerFault, Shielded, catch, drop_unpanicked};
use crate::module::crashes::RAN_WELL;
use crate::module::descriptor::Instances;
use crate::module::handler::{Addressee, Attempt, KeyedHandler};
use crate::module::keyed::forget::Polled;
use crate::module::keyed::history::KeyNotes;
use crate::module::keyed::leaving::leave;
use crate::module::keyed::live_count::{CountedValue, LiveCount, LiveGuard};
use crate::module::keyed::table::KeyTable;
use crate::module::keyed::turn::{
    LetsLeave, LineOf, MessageTurn, PolledHere, ValueTurn, note_waiting,
};
use crate::module::life::instances;
use crate::module::mode::{Mode, PerKey};
use crate::module::shared::{Handles, Hosting, SharedCell};
use crate::module::tally::Crash;
use crate::module::{KeyedModule, KeyedStatus, Launch};
use crate::race::race;
use crate::resources::Resources;
use crate::route::NextTry;
use crate::scope::Scope;
use crate::sync::lock;

/// The least time between two looks for values that are not in use.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);

/// How many values leave at once when the module stops, and of those that are not in use.
const AT_ONCE: usize = 256;

/// The cell of a module with a value for each key.
type KeyedCell<M> = SharedCell<M, Keys<M>>;

impl<M: KeyedModule> Mode<M> for PerKey {
    type Cell = KeyedCell<M>;
    type Value = ValueSource;
}

/// Makes the instance of a module with a value for each key.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn launch_keyed<M>(launch: Launch) -> Instances
where
    M: KeyedModule<Handling = PerKey>,
{
    instances::<M>(&launch, |resources| {
        Box::pin(async move { Ok(ValueSource { resources }) })
    })
}

/// What values are made of besides their keys.
#[doc(hidden)]
#[derive(Debug)]
pub struct ValueSource {
    resources: Arc<Resources>,
}

/// The values of a module, by key.
#[doc(hidden)]
#[allow(missing_debug_implementations)] // Named by the hidden part of `Module`; no code outside has one.
pub struct Keys<M: KeyedModule> {
    table: Arc<KeyTable<M::Key, Box<CountedValue<M>>, KeyNotes>>,
    /// The values that run their `#[on_idle]`.
    leaving: Arc<LiveCount>,
    /// The messages that wait for their turns.
    waiting: Arc<LiveCount>,
    /// How many values there are, also those that leave.
    in_memory: Arc<LiveCount>,
    /// The handle of the module's own unit of work, once it runs. Its runner keeps that; if the values did,
    /// the system would keep itself.
    handle: OnceLock<WeakHandle>,
    /// From when on no crash so far matters any more.
    crashes_over: Mutex<Option<Instant>>,
    /// Notified when a value crashes.
    crashed: Notify,
}

impl<M: KeyedModule> Keys<M> {
    /// The handle of the module's own unit of work, while the module runs.
    fn handle(&self) -> Option<Handle> {
        self.handle.get()?.upgrade()
    }

    /// The value of a key has crashed, which matters until then.
    fn note_crash(&self, over: Option<Instant>) {
        let mut crashes_over = lock(&self.crashes_over);
        *crashes_over = over.max(*crashes_over);
        drop(crashes_over);
        self.crashed.notify_one();
    }

    /// Removes, now and then, what is kept of keys that have crashed, once it does not matter any more. Looks
    /// only while something is kept.
    async fn forget_crashes(&self) {
        loop {
            self.crashed.notified().await;
            loop {
                sleep(RAN_WELL).await;
                // After that no line is kept for its crashes.
                let is_last = lock(&self.crashes_over).is_none_or(|over| over <= Instant::now());
                self.table.sweep();
                if is_last {
                    break;
                }
            }
        }
    }
}

/// Lets the values leave, now and then, that are not in use.
async fn let_idle_leave<M: KeyedModule>(cell: &Arc<KeyedCell<M>>) {
    let Some(idle) = M::KEYING.idle else {
        return pending().await;
    };
    loop {
        sleep((idle / 4).max(SHORTEST_LOOK)).await;
        loop {
            let room = cell.hosting.leaving.room(AT_ONCE).await;
            let over = cell.hosting.table.take_idle(room, |it| it.is_idle(idle));
            if over.is_empty() {
                break;
            }
            over.into_iter().for_each(|turn| cell.let_leave(turn));
            yield_now().await;
        }
    }
}

impl<M: KeyedModule> LetsLeave<M> for KeyedCell<M> {
    /// The turn is over when the `#[on_idle]` of the value is: a message of the key waits for that, and then
    /// makes another value.
    fn let_leave(&self, mut turn: ValueTurn<M>) {
        let Some(value) = turn.value.take() else {
            return;
        };
        let handle = self.hosting.handle();
        let Some(handle) = handle.filter(|_| M::KEYING.has_on_idle) else {
            return drop_unpanicked(value);
        };
        // CountedValue from now on, not from the first poll.
        let leaving = self.hosting.leaving.enter();
        self.spawn(Box::pin(async move {
            leave(value, turn, handle).await;
            drop(leaving);
        }));
    }

    fn let_excess_leave(&self, hash: u64) {
        let excess = self.hosting.table.take_excess(hash).into_iter();
        excess.for_each(|turn| self.let_leave(turn));
    }
}

#[allow(private_interfaces)]
impl<M: KeyedModule> Hosting<M> for Keys<M> {
    type Value = ValueSource;
    type Turn = MessageTurn<M>;

    const HAS_TURNS: bool = true;

    fn new() -> Self {
        Keys {
            table: KeyTable::new(M::KEYING.keep, M::KEYING.idle.is_some()),
            leaving: Arc::default(),
            waiting: Arc::default(),
            in_memory: Arc::default(),
            handle: OnceLock::new(),
            crashes_over: Mutex::default(),
            crashed: Notify::new(),
        }
    }

    /// A crash takes the value of one key.
    fn outlives_handlers() -> bool {
        true
    }

    async fn on_start(_: &mut ValueSource, _: &Context<M>) -> Result<()> {
        Ok(())
    }

    fn begin(&self, handle: &Handle) {
        self.handle.get_or_init(|| handle.downgrade());
    }

    fn whole(_: Arc<ValueSource>) -> Option<Arc<M>> {
        None
    }

    async fn meanwhile(cell: &Arc<KeyedCell<M>>) {
        race(let_idle_leave(cell), cell.hosting.forget_crashes()).await;
    }

    async fn on_stop(cell: &Arc<KeyedCell<M>>, _: &ValueSource, _: &Context<M>) -> Result<()> {
        let leaving = &cell.hosting.leaving;
        loop {
            leaving.none().await;
            let some = cell.hosting.table.take_idle(AT_ONCE, |_| true);
            if some.is_empty() {
                return Ok(());
            }
            some.into_iter().for_each(|turn| cell.let_leave(turn));
        }
    }

    fn status(&self) -> Option<KeyedStatus> {
        let now = Instant::now();
        let are_some_crashed = lock(&self.crashes_over).is_some_and(|over| now < over);
        let is_looping = |notes: &KeyNotes| notes.next_try().is_some();
        Some(KeyedStatus {
            in_memory: self.in_memory.count(),
            crash_looping: match are_some_crashed {
                true => self.table.count_crashed(is_looping),
                false => 0,
            },
        })
    }

    fn note_wait(&self) -> Option<LiveGuard> {
        Some(self.waiting.enter())
    }

    async fn callers_notice(&self) {
        yield_now().await;
        self.waiting.none().await;
    }

    fn is_moot(turn: &MessageTurn<M>) -> bool {
        turn.is_moot()
    }

    fn line(turn: &MessageTurn<M>) -> u64 {
        turn.line()
    }

    fn is_turn(turn: &MessageTurn<M>) -> bool {
        turn.is_now()
    }

    async fn wait_for_turn(
        cell: &KeyedCell<M>,
        turn: &mut MessageTurn<M>,
        scope: &Arc<Scope>,
        label: Label,
    ) -> Result<(), Deadlock> {
        turn.wait(scope, label, cell.until_gone()).await
    }

    fn obstacle(_: &KeyedCell<M>, turn: &MessageTurn<M>) -> Option<NextTry> {
        turn.next_try()
    }

    #[cold]
    fn crashed(
        cell: &KeyedCell<M>,
        _: &Guard<Option<Arc<ValueSource>>>,
        turn: &mut MessageTurn<M>,
        crash: Crash,
    ) {
        let descriptor = M::descriptor();
        let policy = descriptor.restart;
        let Some(turn) = turn.entered().filter(|_| !policy.resumes()) else {
            return;
        };
        if let Some(crashed) = turn.value.take() {
            drop_unpanicked(crashed);
        }
        let line = turn.line();
        let (wait, over) =
            line.with_notes(|notes| (notes.count_crash(policy), notes.crashes_over()));
        line.note_crashed();
        cell.hosting.note_crash(over);
        let key = Shielded::new(&*line.key);
        let (module, reason) = (descriptor.declaration.name, crash.reason);
        tracing::warn!(module, key = %Escaped(&key), reason, ?wait, "the value of a key crashed");
        if let Some(handle) = cell.hosting.handle().filter(|_| !crash.is_of_report) {
            announce(&handle, || KeyCrashed {
                module: module.to_owned(),
                key: key.to_string(),
                reason,
                retry_in_millis: wait.map(|wait| wait.as_millis() as u64),
            });
        }
    }
}

impl<M, P> Handles<M, P> for Keys<M>
where
    M: KeyedModule + KeyedHandler<P>,
    P: Parcel,
{
    fn enter(cell: &Arc<KeyedCell<M>>, parcel: &P) -> Result<MessageTurn<M>, NextTry> {
        let Addressee::Key(key) = M::addressee(parcel) else {
            unreachable!("an event for all values enters the lines of all")
        };
        // The `Hash` and `Eq` of a key are the user's. The message counts as in flight already.
        let entered = catch_unwind(AssertUnwindSafe(|| cell.hosting.table.enter(key)));
        let turn = match entered {
            Ok(turn) => MessageTurn::new(turn),
            Err(panic) => return Ok(MessageTurn::panicked(panic)),
        };
        match turn.next_try() {
            Some(next_try) => Err(next_try),
            None => Ok(turn),
        }
    }

    fn copy_for_all(parcel: &P) -> Option<fn(&P) -> P> {
        match M::addressee(parcel) {
            Addressee::Key(_) => None,
            Addressee::All(copy) => Some(copy),
        }
    }

    fn enter_all(cell: &Arc<KeyedCell<M>>) -> Vec<MessageTurn<M>> {
        let entered = cell.hosting.table.enter_all().into_iter();
        entered.map(MessageTurn::of_all).collect()
    }

    async fn attempt(
        cell: &Arc<KeyedCell<M>>,
        source: &ValueSource,
        turn: &mut MessageTurn<M>,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> Attempt<P::Message> {
        if let Some(panic) = turn.take_panic() {
            return Attempt::Ended(Err(Box::new(HandlerFault::Panicked(panic).into())));
        }
        turn.begin(cell);
        let (line, value) = turn.get_mut().split();
        let mut forgets = false;
        let attempt = {
            let mut handler = pin!(async {
                let counted = match value {
                    Some(counted) => counted,
                    none => match make::<M>(line, source).await {
                        Ok(value) => {
                            let guard = cell.hosting.in_memory.enter();
                            none.insert(Box::new(CountedValue { value, guard }))
                        }
                        Err(fault) => return Attempt::Ended(Err(Box::new(fault.into()))),
                    },
                };
                M::attempt_of_key(&mut counted.value, parcel, ctx).await
            });
            poll_fn(|cx| {
                let _here = PolledHere::<M>::begin(line);
                let polled_handler = Polled::begin(ctx.handle());
                let polled = handler.as_mut().poll(cx);
                forgets |= polled_handler.forgets();
                if polled.is_pending() {
                    note_waiting::<M>(line);
                }
                polled
            })
            .await
        };
        if forgets {
            turn.forget(Arc::clone(cell) as _);
        }
        attempt
    }
}

/// Makes the value of a key. An error fails the message, and the next one tries it again; a panic is a crash.
async fn make<M: KeyedModule>(line: &LineOf<M>, source: &ValueSource) -> Result<M, HandlerFault> {
    match catch(M::make(&line.key, &source.resources)).await {
        Ok(Ok(made)) => {
            if line.has_crashed() {
                line.with_notes(KeyNotes::note_made);
            }
            Ok(made)
        }
        Ok(Err(error)) => Err(HandlerFault::Unavailable(Box::new(error))),
        Err(panic) => Err(HandlerFault::Panicked(panic)),
    }
}
