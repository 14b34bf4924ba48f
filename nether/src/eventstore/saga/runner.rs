//! [`SagaRunner`]: follows the store, shows its events to sagas, sends their commands, keeps their time.
//!
//! What an event changes (states, what is to be sent, time-outs, the checkpoint) is written down at once, and
//! only then done. So a crash at any point loses nothing: before, the event is handled again; after, what is
//! written down is done.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::eventstore::backend::{DocumentChange, EventId, Position, RecordedEvent, StoreError};
use crate::eventstore::checkpoint::{self, checkpoint_at};
use crate::eventstore::clock;
use crate::eventstore::control::Order;
use crate::eventstore::follower::Follower;
use crate::eventstore::parked::Parked;
use crate::eventstore::progress::CatchUp;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::saga::instances::SagaInstances;
use crate::eventstore::saga::outgoing::send;
use crate::eventstore::saga::stepping::{stepped, timed_out};
use crate::eventstore::saga::{Saga, Sagas};
use crate::guarded::{catch, panicked};
use crate::race::race;

/// The sagas of one type at work.
pub(super) struct SagaRunner<S: Saga>(pub(super) Follower<Sagas<S>>);

/// Where they are.
pub(super) struct SagaPlace<S: Saga> {
    pub(super) position: Position,
    pub(super) parked: Parked,
    pub(super) instances: SagaInstances<S>,
    /// Whose command is on its way.
    sending: HashSet<Arc<str>>,
    sent: JoinSet<SentCommand>,
}

/// What came of the first command that a saga had to send; `None` if it was told to stop before that.
struct SentCommand {
    key: Arc<str>,
    id: EventId,
    result: Option<Result<(), String>>,
}

/// What is done next.
enum SagaAction {
    Carry(Order),
    Read,
    Sent(SentCommand),
    TimeOut(Arc<str>, String),
    Stop,
}

impl<S: Saga> SagaRunner<S> {
    /// Follows the store until the module is told to stop.
    pub(super) async fn run(self) -> Result<()> {
        let mut orders = self.0.control.orders();
        let begun = self.0.persistently(|| self.begin()).await;
        let Some((mut place, head)) = begun else {
            return Ok(());
        };
        place.instances.show(&self.0.control);
        self.send_all(&mut place);
        self.publish_position(&place);
        if self.catch_up(&mut place, head).await.is_none() {
            return Ok(());
        }
        self.0.control.is_ready.send_replace(true);
        loop {
            let next = self.next(&mut place, &mut orders).await;
            let done = match next {
                SagaAction::Stop => None,
                SagaAction::Carry(order) => self.carry(&mut place, order).await,
                SagaAction::Read => self.read(&mut place).await.map(drop),
                SagaAction::Sent(sent) => self.sent(&mut place, sent).await,
                SagaAction::TimeOut(key, name) => self.time_out(&mut place, &key, &name).await,
            };
            if done.is_none() {
                return Ok(());
            }
        }
    }

    async fn begin(&self) -> Result<(SagaPlace<S>, Position), StoreError> {
        let head = self.0.store.head().await?;
        let place = SagaPlace {
            position: checkpoint::load(&self.0.store, S::NAME).await?,
            parked: Parked::load(&self.0.store, S::NAME).await?,
            instances: SagaInstances::load(&self.0.store).await?,
            sending: HashSet::new(),
            sent: JoinSet::new(),
        };
        Ok((place, head))
    }

    async fn next(
        &self,
        place: &mut SagaPlace<S>,
        orders: &mut mpsc::Receiver<Order>,
    ) -> SagaAction {
        let timer = place.instances.next_timer();
        let (position, sent) = (place.position, &mut place.sent);
        let stop = async {
            self.0.ctx.cancelled().await;
            SagaAction::Stop
        };
        let order = async {
            orders
                .recv()
                .await
                .map_or(SagaAction::Stop, SagaAction::Carry)
        };
        let sent = async {
            loop {
                match sent.join_next().await {
                    Some(Ok(sent)) => return SagaAction::Sent(sent),
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
            SagaAction::TimeOut(key, name)
        };
        let news = async {
            let has_news = self.0.has_news(position).await;
            if has_news {
                SagaAction::Read
            } else {
                SagaAction::Stop
            }
        };
        race(stop, race(order, race(sent, race(timed_out, news)))).await
    }

    async fn catch_up(&self, place: &mut SagaPlace<S>, head: Position) -> Option<()> {
        if place.position >= head {
            return Some(());
        }
        let mut progress = CatchUp::begin(S::NAME, false);
        while place.position < head {
            let count = self.read(place).await?;
            if count == 0 {
                break; // The store has less than it said.
            }
            progress.read(count, place.position, head, &self.0.ctx);
        }
        progress.end(place.position, &self.0.ctx);
        Some(())
    }

    /// Reads a page of events and handles it; how many there were, or `None` if it is told to stop.
    async fn read(&self, place: &mut SagaPlace<S>) -> Option<usize> {
        let page = self.0.page(place.position).await?;
        let Some(last) = page.last().map(|event| event.position) else {
            return Some(0);
        };
        let mut changes = vec![checkpoint_at(S::NAME, last)];
        for event in &page {
            if let Some((key, error)) = self.handle(place, event).await {
                changes.push(self.0.park(&mut place.parked, &key, event, &error));
            }
        }
        place.position = last;
        self.save(place, changes).await?;
        self.publish_position(place);
        Some(page.len())
    }

    /// Shows an event to the saga that it is for. Gives the key and the error if it could not be handled.
    pub(super) async fn handle(
        &self,
        place: &mut SagaPlace<S>,
        event: &RecordedEvent,
    ) -> Option<(String, Error)> {
        let key = match S::key(event)? {
            Ok(key) => key,
            Err(_) if self.0.store.settings().skips_unknown => return None,
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
        place: &mut SagaPlace<S>,
        event: &RecordedEvent,
    ) -> Result<()> {
        place.instances.let_go(key, &self.0.ctx);
        let in_flight = place.sending.contains(key);
        let known = place.instances.get(key);
        if known.is_none() && !S::starts(&event.name) {
            return Ok(()); // It is over, or has never begun.
        }
        if known.is_some_and(|known| known.stage != SagaStage::Running) {
            return Ok(());
        }
        let step = || stepped::<S>(known, event, key, in_flight);
        let instance = self.0.tried(S::RETRIES, event, step).await?;
        place.instances.put(&key.into(), instance);
        Ok(())
    }

    /// Writes down what has changed, and then sends what is to be sent; `None` if it is told to stop.
    pub(super) async fn save(
        &self,
        place: &mut SagaPlace<S>,
        mut changes: Vec<DocumentChange>,
    ) -> Option<()> {
        changes.extend(place.instances.changes());
        if !changes.is_empty() {
            self.0.save(changes).await?;
        }
        for key in place.instances.saved(&self.0.control, &self.0.ctx) {
            self.send_next(place, &key);
        }
        Some(())
    }

    fn send_all(&self, place: &mut SagaPlace<S>) {
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
    fn send_next(&self, place: &mut SagaPlace<S>, key: &Arc<str>) {
        let instance = place.instances.get(key);
        let Some(first) = instance.and_then(|instance| instance.outgoing.front()) else {
            return;
        };
        if !place.sending.insert(Arc::clone(key)) {
            return;
        }
        let (first, ctx, key) = (first.clone(), self.0.ctx.clone(), Arc::clone(key));
        let id = first.id;
        place.sent.spawn(async move {
            let result = match catch(send(&first, &ctx)).await {
                Ok(result) => result,
                Err(panic) => Some(Err(panicked(&*panic).to_string())),
            };
            SentCommand { key, id, result }
        });
    }

    async fn sent(&self, place: &mut SagaPlace<S>, sent: SentCommand) -> Option<()> {
        let result = sent.result?;
        place.sending.remove(&sent.key);
        place
            .instances
            .change(&sent.key, |saga| saga.sent(sent.id, result));
        self.save(place, Vec::new()).await
    }

    /// A time-out has come. If it cannot be handled, the saga fails.
    async fn time_out(&self, place: &mut SagaPlace<S>, key: &Arc<str>, name: &str) -> Option<()> {
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

    async fn carry(&self, place: &mut SagaPlace<S>, order: Order) -> Option<()> {
        match order {
            Order::Rebuild(done) => {
                let _ = done.send(Err(Error::msg("a saga is not rebuilt")));
            }
            Order::Retry(key, done) => {
                let retried = self.retry(place, &key.unwrap_or_default()).await;
                self.publish_position(place);
                let _ = done.send(retried);
            }
            Order::RetryStuck(key, done) => {
                let count = place
                    .instances
                    .change(&key, SagaInstance::retry)
                    .unwrap_or(0);
                self.save(place, Vec::new()).await?;
                let _ = done.send(Ok(count));
            }
        }
        Some(())
    }

    /// Tells where they are.
    fn publish_position(&self, place: &SagaPlace<S>) {
        self.0.publish_position(place.position, &place.parked);
    }
}

/// What an event is parked under of which it cannot be known for which saga it is.
fn unreadable(event: &RecordedEvent) -> String {
    format!("{}@{}", event.stream, event.position)
}
