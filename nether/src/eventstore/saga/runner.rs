//! [`Runner`]: follows the store, shows its events to sagas, sends their commands, keeps their time.
//!
//! What an event changes (states, what is to be sent, time-outs, the checkpoint) is written down at once, and only then done. So a
//! crash at any point loses nothing: before, the event is handled again; after, what is written down is done.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::context::{Context, announce};
use crate::error::{Error, Result};
use crate::eventstore::clock;
use crate::eventstore::control::{Control, Order};
use crate::eventstore::events::EventParked;
use crate::eventstore::follow::{self, PAGE, checkpoint_at, persistently};
use crate::eventstore::handle::Store;
use crate::eventstore::parked::Parked;
use crate::eventstore::progress::Progress;
use crate::eventstore::saga::instance::{Instance, Stage};
use crate::eventstore::saga::instances::Instances;
use crate::eventstore::saga::outgoing::send;
use crate::eventstore::saga::{Saga, Sagas, Step};
use crate::eventstore::store::{DocumentChange, EventId, Position, RecordedEvent, StoreError};
use crate::guarded::{catch, panicked};
use crate::race::race;
use crate::sync::lock;

/// How long to wait before an event is tried again: twice as long each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The sagas of one type at work.
pub(super) struct Runner<S: Saga> {
    store: Store,
    control: Arc<Control>,
    ctx: Context<Sagas<S>>,
}

/// Where they are.
struct Place<S: Saga> {
    position: Position,
    parked: Parked,
    instances: Instances<S>,
    /// Whose command is on its way.
    sending: HashSet<Arc<str>>,
    sent: JoinSet<Sent>,
}

/// What came of the first command that a saga had to send; `None` if it was told to stop before that.
struct Sent {
    key: Arc<str>,
    id: EventId,
    result: Option<Result<(), String>>,
}

/// What is done next.
enum Next {
    Carry(Order),
    Read,
    Sent(Sent),
    TimeOut(Arc<str>, String),
    Stop,
}

impl<S: Saga> Runner<S> {
    pub(super) fn new(store: Store, control: Arc<Control>, ctx: Context<Sagas<S>>) -> Self {
        Runner {
            store,
            control,
            ctx,
        }
    }

    /// Follows the store until the module is told to stop.
    pub(super) async fn run(self) -> Result<()> {
        let mut orders = self.control.orders();
        let begun = persistently(S::NAME, &self.ctx, || self.begin()).await;
        let Some((mut place, head)) = begun else {
            return Ok(());
        };
        place.instances.show(&self.control);
        self.send_all(&mut place);
        self.is_at(&place);
        if self.catch_up(&mut place, head).await.is_none() {
            return Ok(());
        }
        self.control.is_ready.send_replace(true);
        loop {
            let next = self.next(&mut place, &mut orders).await;
            let done = match next {
                Next::Stop => None,
                Next::Carry(order) => self.carry(&mut place, order).await,
                Next::Read => self.read(&mut place).await.map(drop),
                Next::Sent(sent) => self.sent(&mut place, sent).await,
                Next::TimeOut(key, name) => self.time_out(&mut place, &key, &name).await,
            };
            if done.is_none() {
                return Ok(());
            }
        }
    }

    async fn begin(&self) -> Result<(Place<S>, Position), StoreError> {
        let head = self.store.head().await?;
        let place = Place {
            position: follow::checkpoint(&self.store, S::NAME).await?,
            parked: Parked::load(&self.store, S::NAME).await?,
            instances: Instances::load(&self.store).await?,
            sending: HashSet::new(),
            sent: JoinSet::new(),
        };
        Ok((place, head))
    }

    async fn next(&self, place: &mut Place<S>, orders: &mut mpsc::Receiver<Order>) -> Next {
        let timer = place.instances.next_timer();
        let (position, sent) = (place.position, &mut place.sent);
        let stop = async {
            self.ctx.cancelled().await;
            Next::Stop
        };
        let order = async { orders.recv().await.map_or(Next::Stop, Next::Carry) };
        let sent = async {
            loop {
                match sent.join_next().await {
                    Some(Ok(sent)) => return Next::Sent(sent),
                    Some(Err(_)) => {} // It was cut off.
                    None => std::future::pending().await,
                }
            }
        };
        let timed_out = async {
            let Some((key, name, due)) = timer else {
                return std::future::pending().await;
            };
            sleep(Duration::from_millis(due.saturating_sub(clock::now()))).await;
            Next::TimeOut(key, name)
        };
        let news = async {
            match self.store.changed(position).await {
                Err(StoreError::Closed) => Next::Stop,
                _ => Next::Read, // If it failed, reading says so, and waits.
            }
        };
        race(stop, race(order, race(sent, race(timed_out, news)))).await
    }

    async fn catch_up(&self, place: &mut Place<S>, head: Position) -> Option<()> {
        if place.position >= head {
            return Some(());
        }
        let mut progress = Progress::begin(S::NAME, false);
        while place.position < head {
            let count = self.read(place).await?;
            if count == 0 {
                break; // The store has less than it said.
            }
            progress.read(count, place.position, head, &self.ctx);
        }
        progress.end(place.position, &self.ctx);
        Some(())
    }

    /// Reads a page of events and handles it; how many there were, or `None` if it is told to stop.
    async fn read(&self, place: &mut Place<S>) -> Option<usize> {
        let after = place.position;
        let page = persistently(S::NAME, &self.ctx, || self.store.read_all(after, PAGE));
        let page = page.await?;
        let Some(last) = page.last().map(|event| event.position) else {
            return Some(0);
        };
        let mut changes = vec![checkpoint_at(S::NAME, last)];
        for event in &page {
            if let Some((key, error)) = self.handle(place, event).await {
                changes.push(self.park(place, &key, event, &error));
            }
        }
        place.position = last;
        self.save(place, changes).await?;
        self.is_at(place);
        Some(page.len())
    }

    /// Shows an event to the saga that it is for. Gives the key and the error if it could not be handled.
    async fn handle(&self, place: &mut Place<S>, event: &RecordedEvent) -> Option<(String, Error)> {
        let key = match S::key(event)? {
            Ok(key) => key,
            Err(_) if self.store.settings().skips_unknown => return None,
            // Which saga it is for cannot be known.
            Err(error) => return Some((unreadable(event), error.into())),
        };
        if place.parked.has(&key) {
            return None;
        }
        let handled = self.handle_for(&key, place, event).await;
        handled.err().map(|error| (key, error))
    }

    async fn handle_for(
        &self,
        key: &str,
        place: &mut Place<S>,
        event: &RecordedEvent,
    ) -> Result<()> {
        place.instances.let_go(key, &self.ctx);
        let in_flight = place.sending.contains(key);
        let known = place.instances.get(key);
        if known.is_none() && !S::starts(&event.name) {
            return Ok(()); // It is over, or has never begun.
        }
        if known.is_some_and(|known| known.stage != Stage::Running) {
            return Ok(());
        }
        let mut wait = FIRST_WAIT;
        let mut attempts = 0;
        let instance = loop {
            match stepped::<S>(known, event, key, in_flight).await {
                Ok(instance) => break instance,
                Err(error) if attempts == S::RETRIES => return Err(error),
                Err(error) => {
                    let position = event.position;
                    tracing::warn!(saga = S::NAME, key, %position, %error, "an event is tried again");
                }
            }
            attempts += 1;
            sleep(wait).await;
            wait *= 2;
        };
        place.instances.put(&key.into(), instance);
        Ok(())
    }

    fn park(
        &self,
        place: &mut Place<S>,
        key: &str,
        event: &RecordedEvent,
        error: &Error,
    ) -> DocumentChange {
        let position = event.position;
        tracing::error!(saga = S::NAME, key, %position, %error, "an event could not be handled and is parked");
        announce(self.ctx.handle(), || EventParked {
            name: S::NAME.to_owned(),
            key: key.to_owned(),
            position: position.0,
            error: error.to_string(),
        });
        place.parked.park(key, position, error.to_string())
    }

    /// Writes down what has changed, and then sends what is to be sent; `None` if it is told to stop.
    async fn save(&self, place: &mut Place<S>, mut changes: Vec<DocumentChange>) -> Option<()> {
        let instances = persistently(S::NAME, &self.ctx, || {
            std::future::ready(place.instances.changes())
        });
        changes.extend(instances.await?);
        if !changes.is_empty() {
            let written = persistently(S::NAME, &self.ctx, || {
                self.store.change_documents(changes.clone())
            });
            written.await?;
        }
        for key in place.instances.saved(&self.control, &self.ctx) {
            self.send_next(place, &key);
        }
        Some(())
    }

    fn send_all(&self, place: &mut Place<S>) {
        let keys: Vec<_> = place
            .instances
            .all()
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for key in keys {
            self.send_next(place, &key);
        }
    }

    /// Sends the first command of a saga, unless it is on its way.
    fn send_next(&self, place: &mut Place<S>, key: &Arc<str>) {
        let instance = place.instances.get(key);
        let Some(first) = instance.and_then(|instance| instance.outgoing.front()) else {
            return;
        };
        if !place.sending.insert(Arc::clone(key)) {
            return;
        }
        let (first, ctx, key) = (first.clone(), self.ctx.clone(), Arc::clone(key));
        let id = first.id;
        place.sent.spawn(async move {
            let result = match catch(send(&first, &ctx)).await {
                Ok(result) => result,
                Err(panic) => Some(Err(panicked(&*panic).to_string())),
            };
            Sent { key, id, result }
        });
    }

    async fn sent(&self, place: &mut Place<S>, sent: Sent) -> Option<()> {
        let result = sent.result?;
        place.sending.remove(&sent.key);
        place
            .instances
            .change(&sent.key, |saga| saga.sent(sent.id, result));
        self.save(place, Vec::new()).await
    }

    /// A time-out has come. If it cannot be handled, the saga fails.
    async fn time_out(&self, place: &mut Place<S>, key: &Arc<str>, name: &str) -> Option<()> {
        let in_flight = place.sending.contains(key);
        if let Some(known) = place.instances.get(key) {
            let mut instance = known.clone();
            instance.timers.retain(|timer| timer.name != name);
            let instance = match timed_out::<S>(instance.clone(), name, key, in_flight).await {
                Ok(instance) => instance,
                Err(error) => {
                    tracing::error!(saga = S::NAME, key = &**key, timeout = name, %error, "a time-out could not be handled: the saga fails");
                    instance.fail(format!("`{name}`: {error}"), in_flight);
                    instance
                }
            };
            place.instances.put(key, instance);
        }
        self.save(place, Vec::new()).await
    }

    async fn carry(&self, place: &mut Place<S>, order: Order) -> Option<()> {
        match order {
            Order::Rebuild(done) => {
                let _ = done.send(Err(Error::msg("a saga is not rebuilt")));
            }
            Order::Retry(key, done) => {
                let retried = self.retry(place, &key.unwrap_or_default()).await;
                self.is_at(place);
                let _ = done.send(retried);
            }
            Order::RetryStuck(key, done) => {
                let count = place.instances.change(&key, Instance::retry).unwrap_or(0);
                self.save(place, Vec::new()).await?;
                let _ = done.send(Ok(count));
            }
        }
        Some(())
    }

    /// Handles the events of a key from the one that is parked, up to where all others are.
    async fn retry(&self, place: &mut Place<S>, key: &str) -> Result<usize> {
        let Some(first) = place.parked.position(key) else {
            return Ok(0);
        };
        let events = self.events_of(key, first, place.position).await;
        let events = events.ok_or_else(stopping)?;
        let mut changes: Vec<_> = place.parked.release(key).into_iter().collect();
        let (mut handled, mut failed) = (0, None);
        for event in &events {
            let tried = match self.waits_for(place, event, key) {
                Some(error) => Some((key.to_owned(), error)),
                None => self.handle(place, event).await,
            };
            if let Some((key, error)) = tried {
                changes.push(self.park(place, &key, event, &error));
                failed = Some(error);
                break;
            }
            handled += 1;
        }
        self.save(place, changes).await.ok_or_else(stopping)?;
        failed.map_or(Ok(handled), Err)
    }

    /// The events of a key between two positions, and the one at the first; `None` if it is told to stop.
    async fn events_of(
        &self,
        key: &str,
        first: Position,
        last: Position,
    ) -> Option<Vec<RecordedEvent>> {
        let mut events = Vec::new();
        let mut after = Position(first.0.saturating_sub(1));
        while after < last {
            let page = persistently(S::NAME, &self.ctx, || self.store.read_all(after, PAGE));
            let page = page.await?;
            let Some(end) = page.last().map(|event| event.position) else {
                break;
            };
            after = end;
            events.extend(page.into_iter().filter(|event| {
                let of = S::key(event).and_then(Result::ok);
                let is_mine = of.is_some_and(|of| of == key) || event.position == first;
                is_mine && event.position <= last
            }));
        }
        Some(events)
    }

    /// Why an event that could not be read must wait, now that it is known which saga it is for: that waits itself.
    fn waits_for(&self, place: &Place<S>, event: &RecordedEvent, parked_as: &str) -> Option<Error> {
        let key = S::key(event)?.ok()?;
        let waits = key != parked_as && place.parked.has(&key);
        waits.then(|| {
            Error::msg(format!(
                "the saga `{key}` waits behind another event that is parked"
            ))
        })
    }

    /// Tells where they are.
    fn is_at(&self, place: &Place<S>) {
        *lock(&self.control.parked) = place.parked.all();
        self.control.position.send_replace(Some(place.position));
    }
}

/// What an event is parked under of which it cannot be known for which saga it is.
fn unreadable(event: &RecordedEvent) -> String {
    format!("{}@{}", event.stream, event.position)
}

/// When an event happened; now, if whoever appended it did not say.
fn time_of(event: &RecordedEvent) -> u64 {
    let time = event.metadata.time;
    if time == 0 { clock::now() } else { time }
}

/// A saga after an event.
async fn stepped<S: Saga>(
    known: Option<&Instance>,
    event: &RecordedEvent,
    key: &str,
    in_flight: bool,
) -> Result<Instance> {
    let time = time_of(event);
    let new = || Instance::start::<S>(time);
    let mut instance = known.cloned().map_or_else(new, Ok)?;
    let mut state: S = instance.state()?;
    let mut step = Step::of(key);
    let handled = catch(state.handle(event, &mut step)).await;
    handled.unwrap_or_else(|panic| Err(panicked(&*panic)))?;
    step.ends |= S::ends(&event.name);
    instance.set_timers::<S>(Some(&event.name), time);
    instance.take(&state, step, in_flight)?;
    Ok(instance)
}

/// A saga after a time-out.
async fn timed_out<S: Saga>(
    mut instance: Instance,
    name: &str,
    key: &str,
    in_flight: bool,
) -> Result<Instance> {
    let mut state: S = instance.state()?;
    let mut step = Step::of(key);
    let handled = catch(state.time_out(name, &mut step)).await;
    handled.unwrap_or_else(|panic| Err(panicked(&*panic)))?;
    instance.take(&state, step, in_flight)?;
    Ok(instance)
}

fn stopping() -> Error {
    Error::msg("it is stopping")
}
