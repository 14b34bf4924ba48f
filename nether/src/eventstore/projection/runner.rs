//! [`ProjectionRunner`]: shows events to a projection, in the way that it asks for, and rebuilds it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::eventstore::backend::{
    DocumentChange, PAGE, Position, RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::control::FollowerSeat;
use crate::eventstore::definition::{Definition, StoredDefinition};
use crate::eventstore::follower::{
    EventFailure, EventKey, Followed, Follower, FollowerPlace, OnChange, Reception, RunnerEnd,
    answer, guarded,
};
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::lease::{FreeLease, Lease};
use crate::eventstore::projection::handle::{ProjectionKind, ProjectionOrder};
use crate::eventstore::projection::lanes::{self, LaneEvent};
use crate::eventstore::projection::left::{LeftTables, RemovalIsDue};
use crate::eventstore::projection::page::PageOfProjection;
use crate::eventstore::projection::showing::handles;
use crate::eventstore::projection::state::ProjectionState;
use crate::eventstore::projection::{Keeps, Projection, Projections};
use crate::eventstore::store::Store;
use crate::eventstore::tables::Tables;
use crate::guarded::drop_unpanicked;
use crate::resources::Resources;

/// A projection at work.
pub(super) struct ProjectionRunner<P: Projection> {
    pub(super) state: Arc<ProjectionState<P>>,
    pub(super) resources: Resources,
    /// The lease before it was made; `None` if another runner held it.
    pub(super) made_at: Option<FreeLease>,
    /// The tables that the value was made for.
    pub(super) tables: Tables,
    /// The tables that are to be removed, the first that is due in front.
    pub(super) left: VecDeque<LeftTables<P>>,
}

impl<P: Projection> Followed for ProjectionRunner<P> {
    const NAME: &'static str = P::NAME;
    const POLICY: HandlingPolicy = P::SETTINGS.policy;
    const IS_STORED: bool = P::SETTINGS.is_stored();
    const DEFINITION: Definition = P::DEFINITION;
    const ON_CHANGE: OnChange = match P::SETTINGS.can_clear {
        true => OnChange::Rebuild,
        false => OnChange::Refuse,
    };
    const MUST_SAY_FROM: bool = false;
    type Module = Projections<P>;
    type Kind = ProjectionKind;
    type Work = RemovalIsDue;

    fn key<'a>(&self, event: &'a RecordedEvent) -> EventKey<'a> {
        match !event.is_archived() && handles::<P>(&event.name) {
            true => EventKey::Of(event.stream.as_str().into()),
            false => EventKey::None,
        }
    }

    async fn show(
        &mut self,
        _: &Follower<Self>,
        _: &FollowerPlace,
        _: &str,
        event: &RecordedEvent,
    ) -> Result<Reception, EventFailure> {
        let shown = self.state.show(event).await;
        shown.map(|()| Reception::Handled)
    }

    async fn show_again(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
        change: DocumentChange,
    ) -> Result<Result<Reception, EventFailure>, RunnerEnd> {
        if let Some(how) = &P::IN_TRANSACTION {
            let shown = self.write_one(how, follower, event, vec![change]).await?;
            return Ok(shown.map(|_| Reception::Handled));
        }
        let shown = self.show(follower, place, key, event).await;
        if shown.is_ok() {
            self.save(follower, place, vec![change]).await?;
        }
        Ok(shown)
    }

    fn leave_out(&mut self, position: Position) {
        self.state.leave_out(position);
    }

    async fn handle(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> Result<(), RunnerEnd> {
        match &P::IN_TRANSACTION {
            Some(how) => {
                self.handle_in_transaction(how, follower, place, events)
                    .await
            }
            None if P::SETTINGS.parallel > 1 => self.handle_beside(follower, place, events).await,
            None => follower.handle_one_by_one(self, place, events).await,
        }
    }

    async fn waiting(
        &self,
        follower: &Follower<Self>,
        key: &str,
        first: Position,
        last: Position,
    ) -> Result<VecDeque<Position>, RunnerEnd> {
        let mut found = VecDeque::new();
        let Some(first) = follower.event(first).await? else {
            return Ok(found);
        };
        let (stream, mut version) = (StreamId::from(key), first.stream_version);
        loop {
            let store = &follower.store;
            let page = || store.read_stream_page(&stream, version + 1, PAGE);
            let page = follower.read_persistently(page).await?;
            for event in page.events {
                version = event.stream_version;
                if event.position > last {
                    return Ok(found);
                }
                if !event.is_archived() && handles::<P>(&event.name) {
                    found.push_back(event.position);
                }
            }
            if page.is_last {
                return Ok(found);
            }
        }
    }

    fn is_current(&self, lease: &Lease) -> bool {
        self.made_at.as_ref().is_some_and(|it| lease.follows(it))
    }

    async fn renew(&mut self, store: &Store) -> Result<(), EventFailure> {
        self.made_at = None;
        let tables = ProjectionRunner::<P>::live_tables(store).await;
        self.remake(tables.map_err(EventFailure::of)?).await
    }

    async fn look(&mut self, follower: &Follower<Self>) -> Result<(), StoreError> {
        self.look_at_tables(follower).await
    }

    fn step_down(&mut self) {
        self.left.drain(..).for_each(drop_unpanicked);
    }

    async fn rebuild_beside(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        let rebuilt = self.fill_beside(follower).await?;
        Ok(rebuilt.map(drop))
    }

    async fn begin(&mut self, follower: &Follower<Self>) -> Result<(), RunnerEnd> {
        self.begin_removing(follower).await
    }

    async fn note_caught_up(&mut self, follower: &Follower<Self>) -> Result<(), RunnerEnd> {
        self.note_that_tables_have_caught_up(follower).await
    }

    async fn empty(
        &mut self,
        follower: &Follower<Self>,
        mark: DocumentChange,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        if P::IN_TRANSACTION.is_none() {
            // If this ends behind the hook, also a program that has not changed has to know: without the
            // mark, it would go on behind the checkpoint.
            follower.write(vec![mark]).await?;
        }
        self.clear_with(follower, changes).await
    }

    async fn next_work(&mut self, _: &FollowerPlace) -> RemovalIsDue {
        self.until_removal_is_due().await
    }

    async fn work(
        &mut self,
        follower: &Follower<Self>,
        _: &mut FollowerPlace,
        RemovalIsDue: RemovalIsDue,
    ) -> Result<(), RunnerEnd> {
        self.remove_first(follower).await
    }

    async fn carry(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        order: ProjectionOrder,
    ) -> Result<(), RunnerEnd> {
        let ProjectionOrder::Rebuild(done) = order;
        let rebuilt = self.rebuild(follower, place).await;
        answer(done, rebuilt)
    }
}

impl<P: Projection> ProjectionRunner<P> {
    pub(super) fn new(
        made: P,
        tables: Tables,
        resources: Resources,
        made_at: Option<FreeLease>,
    ) -> Self {
        ProjectionRunner {
            state: Arc::new(ProjectionState::new(made)),
            resources,
            made_at,
            tables,
            left: VecDeque::new(),
        }
    }

    /// Makes the value again, for these tables.
    pub(super) async fn remake(&mut self, tables: Tables) -> Result<(), EventFailure> {
        let made = guarded(P::make(&self.resources, tables.clone())).await?;
        self.state.replace(&ProjectionState::new(made)).await;
        self.tables = tables;
        Ok(())
    }

    /// Runs `#[on_rebuild]`, and saves `changes` if that succeeds: in one transaction, if it has one.
    pub(super) async fn clear_with(
        &mut self,
        follower: &Follower<Self>,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        if let Some(how) = &P::IN_TRANSACTION {
            let cleared = self.clear_in_transaction(how, follower, changes).await?;
            return Ok(cleared.map(drop));
        }
        let cleared = async { self.state.own().await.get().clear().await };
        let cleared = guarded(cleared).await;
        if cleared.is_ok() {
            self.state.forget_partly_handled();
            follower.write(changes).await?;
        }
        Ok(cleared)
    }

    /// Handles events of different streams at the same time, those of one stream in order.
    async fn handle_beside(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> Result<(), RunnerEnd> {
        let Some(mut end) = events.last().map(|event| event.position) else {
            return Ok(());
        };
        let page = PageOfProjection::of::<P>(events, place);
        let mut left: VecDeque<_> = page.own.iter().map(|event| event.position).collect();
        let outcomes = lanes::handle(&follower.ctx, &self.state, page.own).await;
        let come_to: Vec<_> = outcomes.iter().map(|outcome| outcome.position).collect();
        left.retain(|position| come_to.binary_search(position).is_err());
        if let Some(first) = left.front() {
            end = Position(first.0 - 1);
        }
        for outcome in outcomes {
            let (position, stream) = (outcome.position, outcome.stream.as_str());
            match outcome.came_of_it {
                // It is read again, and waits then.
                LaneEvent::Waits if position > end => continue,
                LaneEvent::Waits => place.parked.wait_behind(stream, position),
                LaneEvent::Failed(failure) => follower.park(place, stream, position, failure),
                LaneEvent::Handled => {}
            }
            if position > end {
                place.ahead.insert(position);
            }
        }
        place.position = end;
        page.waiting.note(place);
        follower.save(self, place).await
    }

    /// Rebuilds it. The error of the inner result is the projection's own.
    async fn rebuild(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> Result<Result<()>, RunnerEnd> {
        let head = follower.head().await?;
        let mut anew = FollowerPlace::start(P::NAME, place.began_behind);
        anew.is_caught_up = place.is_caught_up;
        if P::SETTINGS.keeps == Keeps::InMemory {
            let rebuilt = self.rebuild_aside(follower, &mut anew, head).await?;
            if rebuilt.is_ok() {
                *place = anew;
                follower.publish(place);
            }
            return Ok(rebuilt);
        }
        if P::DEFINITION.names_tables {
            return self.rebuild_tables(follower, place).await;
        }
        if let Err(error) = self.clear(follower, place, anew).await? {
            return Ok(Err(error));
        }
        follower.catch_up(self, place, head).await?;
        follower.settle_retries(self, place).await.map(Ok)
    }

    /// Makes another one, which takes this one's place when it has caught up: until then, this one answers.
    async fn rebuild_aside(
        &self,
        follower: &Follower<Self>,
        anew: &mut FollowerPlace,
        head: Position,
    ) -> Result<Result<()>, RunnerEnd> {
        let mut aside = match self.made_for(self.tables.clone()).await {
            Ok(aside) => aside,
            Err(failure) => return Ok(Err(failure.into_error())),
        };
        let unseen = unseen(follower);
        Box::pin(unseen.catch_up(&mut aside, anew, head)).await?;
        Box::pin(unseen.settle_retries(&mut aside, anew)).await?;
        self.state.replace(&aside.state).await;
        Ok(Ok(()))
    }

    /// Another one, for these tables.
    pub(super) async fn made_for(&self, tables: Tables) -> Result<Self, EventFailure> {
        let made = guarded(P::make(&self.resources, tables.clone())).await?;
        Ok(ProjectionRunner::new(
            made,
            tables,
            self.resources.clone(),
            None,
        ))
    }

    /// Runs `#[on_rebuild]`, and saves that nothing is handled yet. If the hook fails, all stays as it was.
    async fn clear(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        anew: FollowerPlace,
    ) -> Result<Result<()>, RunnerEnd> {
        if !P::SETTINGS.can_clear {
            return Ok(Err(Error::msg(format!(
                "`{}` cannot be rebuilt: nothing says how what it has written is removed; mark a method that does with `#[on_rebuild]`",
                P::DESCRIPTOR.declaration.name
            ))));
        }
        let load = || StoredDefinition::load(&follower.store, P::NAME);
        let stored = follower.read_persistently(load).await?;
        let new = || StoredDefinition::new(&P::DEFINITION, place.began_behind);
        let definition = stored.unwrap_or_else(new).emptied();
        let mark = definition.while_emptying().saved_as(P::NAME);
        let unmarked = definition.saved_as(P::NAME);
        let mut changes = place.changes_to_start();
        changes.push(unmarked.clone());
        if let Err(failure) = self.empty(follower, mark, changes).await? {
            follower.write(vec![unmarked]).await?;
            return Ok(Err(failure.into_error()));
        }
        *place = anew;
        follower.publish_anew(place);
        Ok(Ok(()))
    }
}

/// A follower whose progress is not shown, and that saves under the same lease.
pub(super) fn unseen<P: Projection>(
    follower: &Follower<ProjectionRunner<P>>,
) -> Follower<ProjectionRunner<P>> {
    Follower {
        store: follower.store.clone(),
        control: FollowerSeat::aside(P::NAME).control.clone(),
        ctx: follower.ctx.clone(),
        lease: follower.lease.clone(),
    }
}
