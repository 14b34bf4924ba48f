//! [`ProjectionRunner`]: follows the store, shows its events to a projection, and keeps its checkpoint.

use std::sync::Arc;

use tokio::sync::{RwLock, mpsc};

use crate::error::{Error, Result};
use crate::eventstore::backend::{DocumentChange, Position, RecordedEvent, StoreError};
use crate::eventstore::checkpoint::{self, checkpoint_at};
use crate::eventstore::control::Order;
use crate::eventstore::follower::{Follower, stopping};
use crate::eventstore::parked::Parked;
use crate::eventstore::progress::CatchUp;
use crate::eventstore::projection::{Keeps, Projection, Projections, lanes, state};
use crate::guarded::{catch, panicked};
use crate::race::race;
use crate::resources::Resources;

/// A projection at work.
pub(super) struct ProjectionRunner<P: Projection> {
    pub(super) follower: Arc<Follower<Projections<P>>>,
    pub(super) state: Arc<RwLock<P>>,
    pub(super) resources: Resources,
}

/// Where a runner is.
pub(super) struct ProjectionPlace {
    pub(super) position: Position,
    pub(super) parked: Parked,
}

/// What the runner does next.
enum ProjectionAction {
    Carry(Order),
    Read,
    Stop,
}

impl<P: Projection> ProjectionRunner<P> {
    /// Follows the store until the module is told to stop.
    pub(super) async fn run(self) -> Result<()> {
        let mut orders = self.follower.control.orders();
        let begun = self.follower.persistently(|| self.begin()).await;
        let Some((mut place, head)) = begun else {
            return Ok(());
        };
        self.publish_position(&place);
        if self.catch_up(&mut place, head, false).await.is_none() {
            return Ok(());
        }
        self.follower.control.is_ready.send_replace(true);
        loop {
            match self.next(&place, &mut orders).await {
                ProjectionAction::Stop => return Ok(()),
                ProjectionAction::Carry(Order::Rebuild(done)) => {
                    let _ = done.send(self.rebuild(&mut place).await);
                }
                ProjectionAction::Carry(Order::Retry(stream, done)) => {
                    let _ = done.send(self.retry(&mut place, stream).await);
                }
                ProjectionAction::Carry(Order::RetryStuck(_, done)) => {
                    let _ = done.send(Ok(0));
                }
                ProjectionAction::Read => {
                    if self.read(&mut place).await.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Where it was, and where the store is.
    async fn begin(&self) -> Result<(ProjectionPlace, Position), StoreError> {
        let head = self.follower.store.head().await?;
        let place = match P::SETTINGS.keeps {
            Keeps::InMemory => ProjectionPlace::start(P::NAME),
            Keeps::Elsewhere | Keeps::InTransaction => ProjectionPlace {
                position: checkpoint::load(&self.follower.store, P::NAME).await?,
                parked: Parked::load(&self.follower.store, P::NAME).await?,
            },
        };
        Ok((place, head))
    }

    async fn next(
        &self,
        place: &ProjectionPlace,
        orders: &mut mpsc::Receiver<Order>,
    ) -> ProjectionAction {
        let order = async {
            orders
                .recv()
                .await
                .map_or(ProjectionAction::Stop, ProjectionAction::Carry)
        };
        let stop = async {
            self.follower.ctx.cancelled().await;
            ProjectionAction::Stop
        };
        let news = async {
            let has_news = self.follower.has_news(place.position).await;
            if has_news {
                ProjectionAction::Read
            } else {
                ProjectionAction::Stop
            }
        };
        race(stop, race(order, news)).await
    }

    /// Reads up to a position; `None` if it is told to stop.
    async fn catch_up(
        &self,
        place: &mut ProjectionPlace,
        head: Position,
        rebuild: bool,
    ) -> Option<()> {
        if place.position >= head {
            return Some(());
        }
        let mut progress = CatchUp::begin(P::NAME, rebuild);
        while place.position < head {
            let count = self.read(place).await?;
            if count == 0 {
                break; // The store has less than it said.
            }
            progress.read(count, place.position, head, &self.follower.ctx);
        }
        progress.end(place.position, &self.follower.ctx);
        Some(())
    }

    /// Reads a page of events and handles it; how many there were, or `None` if it is told to stop.
    async fn read(&self, place: &mut ProjectionPlace) -> Option<usize> {
        let page = self.follower.page(place.position).await?;
        let Some(last) = page.last().map(|event| event.position) else {
            return Some(0);
        };
        let count = page.len();
        let own = page.into_iter().filter(|event| P::handles(&event.name));
        self.handle(own.collect(), last, place).await?;
        place.position = last;
        self.publish_position(place);
        Some(count)
    }

    /// Handles a page of its events, and saves that it has.
    async fn handle(
        &self,
        events: Vec<RecordedEvent>,
        last: Position,
        place: &mut ProjectionPlace,
    ) -> Option<()> {
        let mut changes = Vec::new();
        match P::SETTINGS.keeps {
            #[cfg(feature = "sqlite")]
            Keeps::InTransaction => return self.handle_in_transaction(events, last, place).await,
            _ if P::SETTINGS.parallel > 1 => self.handle_beside(events, place, &mut changes).await,
            _ => {
                for event in events {
                    self.handle_one(&event, place, &mut changes).await;
                }
            }
        }
        if P::SETTINGS.keeps == Keeps::InMemory {
            return Some(());
        }
        changes.push(checkpoint_at(P::NAME, last));
        self.follower.save(changes).await
    }

    /// Handles an event, or parks it; unless it has to wait.
    async fn handle_one(
        &self,
        event: &RecordedEvent,
        place: &mut ProjectionPlace,
        changes: &mut Vec<DocumentChange>,
    ) {
        if place.parked.has(event.stream.as_str()) {
            return;
        }
        if let Err(error) = state::handle(&self.follower, &self.state, event).await {
            changes.extend(self.park(event, &error, place));
        }
    }

    /// Handles events of different streams at the same time, those of one stream in order.
    async fn handle_beside(
        &self,
        mut events: Vec<RecordedEvent>,
        place: &mut ProjectionPlace,
        changes: &mut Vec<DocumentChange>,
    ) {
        events.retain(|event| !place.parked.has(event.stream.as_str()));
        for (event, error) in lanes::handle(&self.follower, &self.state, events).await {
            changes.extend(self.park(&event, &error, place));
        }
    }

    /// Parks an event that could not be handled; unless it is an unknown one, and those are skipped.
    pub(super) fn park(
        &self,
        event: &RecordedEvent,
        error: &Error,
        place: &mut ProjectionPlace,
    ) -> Option<DocumentChange> {
        let is_unknown = matches!(error.downcast_ref(), Some(StoreError::Unknown { .. }));
        if is_unknown && self.follower.store.settings().skips_unknown {
            return None;
        }
        let stream = event.stream.as_str();
        Some(self.follower.park(&mut place.parked, stream, event, error))
    }

    /// Tells where it is.
    fn publish_position(&self, place: &ProjectionPlace) {
        self.follower
            .publish_position(place.position, &place.parked);
    }

    async fn rebuild(&self, place: &mut ProjectionPlace) -> Result<()> {
        let head = self.follower.store.head().await?;
        if P::SETTINGS.keeps == Keeps::InMemory {
            let mut anew = ProjectionPlace::start(P::NAME);
            self.rebuild_aside(&mut anew, head).await?;
            *place = anew;
            self.publish_position(place);
            return Ok(());
        }
        self.clear(place).await?;
        let caught_up = self.catch_up(place, head, true).await;
        caught_up.ok_or_else(stopping)
    }

    /// Makes another one, which takes this one's place when it has caught up: until then, this one answers.
    async fn rebuild_aside(&self, anew: &mut ProjectionPlace, head: Position) -> Result<()> {
        let made = catch(P::make(&self.resources)).await;
        let made = made.unwrap_or_else(|panic| Err(panicked(&*panic)))?;
        let aside = ProjectionRunner {
            follower: Arc::new(Follower {
                name: P::NAME,
                store: self.follower.store.clone(),
                control: Arc::default(),
                ctx: self.follower.ctx.clone(),
            }),
            state: Arc::new(RwLock::new(made)),
            resources: self.resources.clone(),
        };
        let caught_up = Box::pin(aside.catch_up(anew, head, true)).await;
        caught_up.ok_or_else(stopping)?;
        let mut made = aside.state.write().await;
        std::mem::swap(&mut *self.state.write().await, &mut *made);
        Ok(())
    }

    /// Runs `#[on_rebuild]`, and saves that nothing is handled yet.
    async fn clear(&self, place: &mut ProjectionPlace) -> Result<()> {
        if !P::SETTINGS.can_clear {
            return Err(Error::msg(format!(
                "`{}` cannot be rebuilt: nothing says how what it has written is removed; mark a method that does with `#[on_rebuild]`",
                P::DESCRIPTOR.declaration.name
            )));
        }
        let mut changes = place.parked.clone().clear();
        changes.push(checkpoint_at(P::NAME, Position::START));
        #[cfg(feature = "sqlite")]
        if P::SETTINGS.keeps == Keeps::InTransaction {
            self.clear_in_transaction(changes).await?;
            *place = ProjectionPlace::start(P::NAME);
            self.publish_position(place);
            return Ok(());
        }
        // First the checkpoint: if this ends between the two, events are handled twice, and none is left out.
        self.follower.store.change_documents(changes).await?;
        *place = ProjectionPlace::start(P::NAME);
        self.publish_position(place);
        let cleared = async { self.state.write().await.clear().await };
        let cleared = catch(cleared).await;
        cleared.unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// Tries again what is parked.
    async fn retry(&self, place: &mut ProjectionPlace, stream: Option<String>) -> Result<usize> {
        let streams = match stream {
            Some(stream) => vec![stream],
            None => place.parked.all().into_iter().map(|one| one.key).collect(),
        };
        let mut handled = 0;
        for stream in streams {
            let retried = self.retry_stream(place, &stream).await;
            self.publish_position(place);
            handled += retried?;
        }
        Ok(handled)
    }

    /// Handles the events of a stream from the one that is parked, up to where all others are.
    async fn retry_stream(&self, place: &mut ProjectionPlace, stream: &str) -> Result<usize> {
        let Some(first) = place.parked.position(stream) else {
            return Ok(0);
        };
        let last = place.position;
        let store = &self.follower.store;
        let events = self
            .follower
            .persistently(|| checkpoint::stream_from(store, first, last));
        let mut events = events.await.ok_or_else(stopping)?;
        events.retain(|event| P::handles(&event.name));
        for (index, event) in events.iter().enumerate() {
            let next = events.get(index + 1).map(|event| event.position);
            let mut parked = place.parked.clone();
            let change = parked.advance(stream, next);
            if let Err(error) = self.handle_again(event, change).await {
                let change = self.park(event, &error, place);
                self.save_beside(change.into_iter().collect()).await?;
                return Err(error);
            }
            place.parked = parked;
        }
        if events.is_empty() {
            let released = place.parked.release(stream);
            self.save_beside(released.into_iter().collect()).await?;
        }
        Ok(events.len())
    }

    /// Handles an event that was parked, and saves that it is not any more.
    async fn handle_again(&self, event: &RecordedEvent, change: DocumentChange) -> Result<()> {
        #[cfg(feature = "sqlite")]
        if P::SETTINGS.keeps == Keeps::InTransaction {
            return self.handle_one_in_transaction(event, vec![change]).await;
        }
        state::handle(&self.follower, &self.state, event).await?;
        self.save_beside(vec![change]).await
    }

    /// Saves changes, unless all is in memory.
    async fn save_beside(&self, changes: Vec<DocumentChange>) -> Result<()> {
        if P::SETTINGS.keeps == Keeps::InMemory {
            return Ok(());
        }
        self.follower.save(changes).await.ok_or_else(stopping)
    }
}

impl ProjectionPlace {
    /// Before the first event.
    fn start(name: &str) -> Self {
        ProjectionPlace {
            position: Position::START,
            parked: Parked::none(name),
        }
    }
}
