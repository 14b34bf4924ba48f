//! How a unit of work is closed: it waits until nothing is in flight, and ends the streams at which
//! everything that is left waits.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::channel::AnyChannel;
use crate::error::{Failure, FailureKind, HeldStream};
use crate::instants::in_future;
use crate::race::race;
use crate::scope::Scope;
use crate::scope::extras::Extras;
use crate::scope::ledger::{Finding, Stuck};
use crate::scope::streams::StreamEntry;

/// What stands for the message in the failure of a stream.
const STREAM: &str = "Context::stream";

/// When closing does something by itself.
struct Agenda {
    /// Whether a handler or task of the unit of work closes it.
    is_inside: fn(usize) -> bool,
    /// When it says in the log what it waits for, and after how long again.
    log: Instant,
    log_again: Duration,
    /// When it ends a stream that only outsiders could end, if all that is left waits at one.
    end_stream: Option<Instant>,
    /// How many waits had ended when that was decided.
    ended_waits: u64,
}

impl Scope {
    /// Takes no more work from outside, and waits until nothing is in flight.
    ///
    /// `is_inside` says whether that happens in a handler or task of the unit of work that has this address.
    pub(crate) async fn drain(&self, is_inside: fn(usize) -> bool) {
        self.state.close();
        // Mostly it is idle already, and to listen costs more than to look.
        if self.is_idle() {
            return;
        }
        if self.is_cancelled() {
            // What was on its way while it was cancelled has arrived since.
            self.forget_messages();
        }
        let mut agenda = Agenda::new(self.mediator.slow_handler, is_inside);
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

    /// As [`drain`](Scope::drain), but no longer than to its deadline. Gives back how many messages were in
    /// flight then.
    pub(crate) async fn drain_in_time(&self, is_inside: fn(usize) -> bool) -> u64 {
        if !self.has_properties() {
            self.drain(is_inside).await;
            return 0;
        }
        // Boxed, so that what is rare makes no `close` larger.
        Box::pin(race(self.drained(is_inside), self.cut_off())).await
    }

    async fn drained(&self, is_inside: fn(usize) -> bool) -> u64 {
        self.drain(is_inside).await;
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
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let mut moved = pin!(extras.moved.notified());
            moved.as_mut().enable();
            if self.is_idle() {
                return;
            }
            if self.end_a_stream(extras, &mut agenda) {
                continue;
            }
            agenda.log_if_due(self);
            if (agenda.is_inside)(self.address()) {
                // It moves itself whenever it looks, and is not over before it returns.
                race(changed, agenda.due()).await;
            } else {
                race(changed, race(moved, agenda.due())).await;
            }
        }
    }

    /// If every delivery in flight waits at a stream, or for one that does, ends the oldest stream without a
    /// producer, or whose producers have no reader. If there is none, only outsiders could end the wait, and
    /// it ends after a while. Returns whether it ended one.
    fn end_a_stream(&self, extras: &Extras, agenda: &mut Agenda) -> bool {
        let stuck = match extras.ledger.look(self.address(), || self.in_flight()) {
            Finding::Busy => {
                agenda.end_stream = None;
                return false;
            }
            Finding::RollCalled => return false,
            Finding::Stuck(stuck) => stuck,
        };
        let streams = self.open_streams();
        if let Some(stream) = streams.iter().find(|stream| stream.is_complete(&stuck)) {
            stream.end(&AnyChannel::end_of_unit);
            return true;
        }
        let now = Instant::now();
        let patience = self.mediator.close_patience;
        if agenda.ended_waits != stuck.ended_waits {
            agenda.ended_waits = stuck.ended_waits;
            agenda.end_stream = None;
        }
        if now < *agenda.end_stream.get_or_insert_with(|| in_future(patience)) {
            return false;
        }
        agenda.end_stream = None;
        let held = streams
            .iter()
            .find_map(|stream| stream.held_outside(&stuck));
        held.map(|held| self.end_held_stream(held)).is_some()
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

impl Agenda {
    fn new(slow: Duration, is_inside: fn(usize) -> bool) -> Self {
        Agenda {
            is_inside,
            log: in_future(slow),
            log_again: slow.saturating_mul(2),
            end_stream: None,
            ended_waits: 0,
        }
    }

    /// Waits until there is something to do; for ever on a thread that has no timers.
    async fn due(&self) {
        if Handle::try_current().is_err() {
            return pending().await;
        }
        sleep_until(self.end_stream.map_or(self.log, |end| end.min(self.log))).await;
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
