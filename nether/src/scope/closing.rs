//! How a unit of work is closed: it waits until nothing is in flight, and ends the streams at which
//! everything that is left waits.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::channel::AnyChannel;
use crate::error::{Failure, FailureKind, HeldStream};
use crate::instants::in_future;
use crate::mediator::Mediator;
use crate::race::race;
use crate::scope::Scope;
use crate::scope::extras::Extras;
use crate::scope::ledger::{Finding, Look, Stuck};
use crate::scope::patience::Patience;
use crate::scope::streams::StreamEntry;
use crate::scope::waiter_lookup::WaiterLookup;

/// What stands for the message in the failure of a stream.
const STREAM: &str = "Context::stream";

/// A look costs time in proportion to the deliveries that wait. After a look in vain, closing yields once for
/// so many deliveries that it examined, so that running handlers are not slowed down by repeated looks.
const DELIVERIES_PER_YIELD: usize = 64;

/// After how long it looks again for the first time, and how long it is at most between two looks, if what is
/// left waits for other units of work.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// When closing does something by itself.
struct Agenda {
    waiters: &'static WaiterLookup,
    /// When it wakes the waits in other units of work, once: a handler that began to wait before the close is
    /// parked only after its next poll.
    wake: Option<Instant>,
    /// When it says in the log what it waits for, and after how long again.
    log: Instant,
    log_again: Duration,
    /// How long it waits for outsiders.
    patience: Patience,
    /// Since which roll call it waits for senders that do not poll, if it does.
    asked: Option<u64>,
    /// How often it yields before it looks again: see [`DELIVERIES_PER_YIELD`].
    yields: usize,
    /// When it looks again though nothing has happened here, and how long after that: what is left may wait
    /// for other units of work, whose progress sends no notification here.
    again: Option<Instant>,
    pause: Duration,
}

impl Scope {
    /// Takes no more work from outside, and waits until nothing is in flight, but no longer than to its
    /// deadline. Gives back how many messages were in flight then.
    pub(crate) async fn drain_in_time(&self, waiters: &'static WaiterLookup) -> u64 {
        self.state.close();
        // Mostly it is idle already, and to listen costs more than to look.
        if self.is_idle() {
            return 0;
        }
        if !self.has_properties() {
            self.drain(waiters).await;
            return 0;
        }
        // Boxed, so that what is rare makes no `close` larger.
        Box::pin(race(self.drained(waiters), self.cut_off())).await
    }

    async fn drain(&self, waiters: &'static WaiterLookup) {
        let mut agenda = Agenda::new(&self.mediator, waiters);
        while self.extras().is_none() {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_idle() {
                return;
            }
            agenda.log_if_due(self);
            if self.extras().is_none() {
                race(changed, agenda.due()).await;
            }
        }
        // Boxed, so that what is rare makes no `close` larger.
        Box::pin(self.drain_streams(agenda)).await;
    }

    async fn drained(&self, waiters: &'static WaiterLookup) -> u64 {
        self.drain(waiters).await;
        0
    }

    async fn cut_off(&self) -> u64 {
        self.deadline_passed().await;
        self.in_flight()
    }

    /// Tells `drain` that a delivery began or ceased to wait.
    pub(crate) fn notify_moved(&self) {
        if let Some(extras) = self.extras() {
            extras.moved.notify_waiters();
        }
    }

    /// Drains a unit of work whose deliveries may wait at streams.
    async fn drain_streams(&self, mut agenda: Agenda) {
        let extras = self.extras_or_new();
        self.notify_streams();
        extras.ledger.call_roll();
        agenda.wake = Some(in_future(FIRST_PAUSE));
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let mut moved = pin!(extras.moved.notified());
            moved.as_mut().enable();
            if self.is_idle() {
                return;
            }
            if self.move_on(extras, &mut agenda) {
                continue;
            }
            agenda.log_if_due(self);
            agenda.wake_if_due(self);
            if (agenda.waiters.is_inside)(self.address()) {
                // It moves itself whenever it looks, and is not over before it returns.
                race(changed, agenda.due()).await;
            } else {
                race(changed, race(moved, agenda.due())).await;
            }
            if !self.is_idle() {
                agenda.let_others_run().await;
            }
        }
    }

    /// If every delivery in flight waits at a stream, or for one that does, ends the oldest stream without a
    /// producer, or whose producers have no reader. If there is none, only outsiders could end the wait, and
    /// it ends after a while. So do messages that wait for room and are not polled. Returns whether it ended
    /// something.
    fn move_on(&self, extras: &Extras, agenda: &mut Agenda) -> bool {
        let again = agenda.again.take();
        let lookup = agenda.waiters.modules_ahead;
        let look = Look {
            unit: self.address(),
            is_due: again.into_iter().chain(agenda.patience.end()).any(is_past),
            ahead: &|modules| lookup(self.address(), modules),
        };
        let finding = extras.ledger.look(&look, || self.in_flight());
        agenda.yields = 0;
        match finding {
            Finding::Busy | Finding::GoOn | Finding::GoesOn => {
                agenda.yields = extras.ledger.examined() / DELIVERIES_PER_YIELD;
                agenda.patience.pause();
                match finding {
                    Finding::Busy => {}
                    Finding::GoesOn => {
                        agenda.patience.restore_if_over();
                        agenda.look_again(again);
                    }
                    _ => agenda.look_again(again),
                }
                false
            }
            Finding::AsBefore => {
                agenda.again = again;
                false
            }
            Finding::RollCalled => {
                agenda.look_again(again);
                false
            }
            Finding::Stuck(stuck) => self.end_a_stream(&stuck, &mut agenda.patience),
            Finding::Unpolled(roll) => self.take_back_unpolled(extras, roll, agenda),
        }
    }

    fn end_a_stream(&self, stuck: &Stuck, patience: &mut Patience) -> bool {
        let streams = self.open_streams();
        if let Some(stream) = streams.iter().find(|stream| stream.is_complete(stuck)) {
            stream.end(&AnyChannel::end_of_unit);
            return true;
        }
        if !patience.run(stuck) {
            return false;
        }
        patience.restore();
        let held = streams.iter().find_map(|stream| stream.held_outside(stuck));
        held.map(|held| self.end_held_stream(held)).is_some()
    }

    #[cold]
    fn take_back_unpolled(&self, extras: &Extras, roll: u64, agenda: &mut Agenda) -> bool {
        let asked = *agenda.asked.get_or_insert(roll);
        // Senders of a unit of work that is cancelled wait for nothing any more.
        if !agenda.patience.run(&Stuck::default()) && !self.is_cancelled() {
            return false;
        }
        agenda.patience.restore();
        agenda.asked = None;
        let taken = extras.ledger.take_back(asked);
        if taken.count > 0 {
            let (context, deliveries) = (self.id(), taken.count);
            tracing::warn!(
                %context,
                deliveries,
                "closing a context took messages back that waited for room, because their senders did not poll"
            );
            self.take_back(deliveries);
        }
        taken.wake();
        true
    }

    #[cold]
    fn end_held_stream(&self, (stream, by_consumer): (&StreamEntry, bool)) {
        let held = HeldStream {
            item: stream.item_name,
            name: stream.name.as_deref().map(str::to_owned),
            by_consumer,
            patience: self.mediator.close_patience,
        };
        tracing::warn!(context = %self.id(), reason = %held, "closing a context ended a stream");
        self.fail(Failure {
            message: STREAM,
            module: None,
            sequence: 0,
            kind: FailureKind::HeldStream(Box::new(held)),
        });
        stream.end(&|channel: &dyn AnyChannel| channel.end_held(by_consumer));
    }
}

impl StreamEntry {
    /// Whether nothing in flight will push to it any more, or take from it.
    fn is_complete(&self, stuck: &Stuck) -> bool {
        match self.channel.is_produced() {
            true => self.is_in(&stuck.for_room) && !self.channel.was_used(),
            false => {
                self.is_in(&stuck.for_items)
                    || self.is_in(&stuck.for_room) && !self.channel.was_used()
            }
        }
    }

    /// Whether deliveries wait at it, though it is not complete; and whether it is a consumer that they wait
    /// for.
    fn held_outside(&self, stuck: &Stuck) -> Option<(&Self, bool)> {
        let for_room = self.is_in(&stuck.for_room);
        (for_room || self.is_in(&stuck.for_items)).then_some((self, for_room))
    }
}

fn is_past(time: Instant) -> bool {
    time <= Instant::now()
}

impl Agenda {
    fn new(mediator: &Mediator, waiters: &'static WaiterLookup) -> Self {
        let slow = mediator.slow_handler;
        Agenda {
            waiters,
            wake: None,
            log: in_future(slow),
            log_again: slow.saturating_mul(2),
            patience: Patience::new(mediator.close_patience),
            asked: None,
            yields: 0,
            again: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits until there is something to do; for ever on a thread that has no timers.
    async fn due(&self) {
        if Handle::try_current().is_err() {
            return pending().await;
        }
        let others = [self.patience.end(), self.again, self.wake];
        let first = others.into_iter().flatten().min();
        sleep_until(first.map_or(self.log, |first| first.min(self.log))).await;
    }

    fn wake_if_due(&mut self, scope: &Scope) {
        if self.wake.is_some_and(is_past) {
            self.wake = None;
            (self.waiters.wake_elsewhere)(scope.address());
        }
    }

    /// Looks again after a pause, or when it is to look `again` already.
    fn look_again(&mut self, again: Option<Instant>) {
        self.again = again.filter(|again| *again > Instant::now());
        if self.again.is_none() {
            self.again = Some(in_future(self.pause));
            self.pause = LAST_PAUSE.min(self.pause * 2);
        }
    }

    async fn let_others_run(&self) {
        for _ in 0..self.yields {
            yield_now().await;
        }
    }

    /// Says what closing waits for, if it has taken long.
    fn log_if_due(&mut self, scope: &Scope) {
        if Instant::now() < self.log {
            return;
        }
        self.log = in_future(self.log_again);
        self.log_again = self.log_again.saturating_mul(2);
        let waits = scope
            .extras()
            .map_or_else(Vec::new, |extras| extras.ledger.describe());
        let waits = waits.join("; ");
        let (context, in_flight) = (scope.id(), scope.in_flight());
        tracing::warn!(%context, in_flight, waits, "closing a context takes long");
    }
}
