//! Rebuilds beside the tables of a projection that names them: others are filled from all events, and take
//! the place of the live ones once they have caught up.
//!
//! Which tables are live is written in the projection's definition, by one write that the lease fences. So a
//! runner or a reader finds either the old tables or the new ones, with the checkpoint that belongs to them.
//! Tables that are filled have a checkpoint of their own, from which the next runner goes on.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::eventstore::backend::StoreError;
use crate::eventstore::definition::StoredDefinition;
use crate::eventstore::follower::{EventFailure, Follower, FollowerPlace, RunnerEnd, unpanicked};
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::runner::{ProjectionRunner, unseen};
use crate::eventstore::store::Store;
use crate::eventstore::tables::Tables;

/// How long a start waits for a store, to learn which tables are live.
const LEARN_WITHIN: Duration = Duration::from_secs(5);

/// How often it catches up before the switch. Each time there are only the events to read that came during
/// the time before, so that after a few there are hardly any.
const ROUNDS: u32 = 8;

impl<P: Projection> ProjectionRunner<P> {
    /// The tables that are live, of a projection that names them.
    ///
    /// # Errors
    /// If the store does not say which.
    pub(super) async fn live_tables(store: &Store) -> Result<Tables> {
        if !P::DEFINITION.names_tables {
            return Ok(Tables::new(0, P::DEFINITION.version));
        }
        let stored = timeout(
            LEARN_WITHIN,
            unpanicked(StoredDefinition::load(store, P::NAME)),
        );
        let stored = stored.await.map_err(|_| {
            Error::msg(format!(
                "the event store did not say within {LEARN_WITHIN:?} which tables of the projection `{}` are live",
                P::NAME
            ))
        })??;
        let first = || Tables::new(0, P::DEFINITION.version);
        Ok(stored.map_or_else(first, |stored| stored.live_tables()))
    }

    /// Makes the value again if another process has made other tables the live ones.
    pub(super) async fn look_at_tables(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<(), StoreError> {
        if !P::DEFINITION.names_tables {
            return Ok(());
        }
        let Some(stored) = StoredDefinition::load(&follower.store, P::NAME).await? else {
            return Ok(());
        };
        let live = stored.live_tables();
        if live == self.tables {
            return Ok(());
        }
        let remade = self.remake(live).await;
        remade.map_err(|failure| StoreError::Failed {
            reason: format!(
                "`{}` could not be made again for its new tables: {}",
                P::NAME,
                failure.text
            ),
            source: None,
        })
    }

    /// Carries out the order to rebuild it: fills other tables, and goes on with them.
    pub(super) async fn rebuild_tables(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> Result<Result<()>, RunnerEnd> {
        match self.fill_beside(follower).await? {
            Ok(filled) => {
                let is_caught_up = place.is_caught_up;
                *place = filled;
                place.is_caught_up = is_caught_up;
                follower.publish(place);
                Ok(Ok(()))
            }
            Err(failure) => {
                self.give_up_building(follower).await?;
                Ok(Err(failure.into_error()))
            }
        }
    }

    /// Fills other tables until they have caught up, and makes them the live ones. Returns the place that
    /// belongs to them, or why there is no value for them.
    pub(super) async fn fill_beside(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<Result<FollowerPlace, EventFailure>, RunnerEnd> {
        let stored = self.stored(follower).await?;
        let begun = stored.while_building(&P::DEFINITION);
        // Before `#[init]` may make a table, it is written that there is something to remove.
        if begun != stored {
            follower.write(vec![begun.saved_as(P::NAME)]).await?;
        }
        let building = begun.tables.building.as_ref();
        let (generation, version) = building.map_or((0, 0), |it| (it.generation, it.version));
        let mut aside = match self.made_for(Tables::new(generation, version)).await {
            Ok(aside) => aside,
            Err(failure) => return Ok(Err(failure)),
        };
        let load =
            || FollowerPlace::load_of(generation, P::NAME, begun.began_behind, &follower.store);
        let mut place = follower.read_persistently(load).await?;
        Box::pin(fill(follower, &mut aside, &mut place)).await?;
        let switched = begun.clone().switched_to(&P::DEFINITION);
        follower.write(vec![switched.saved_as(P::NAME)]).await?;
        tracing::info!(
            name = P::NAME,
            generation,
            position = %place.position,
            "is rebuilt: queries read the new tables from now on"
        );
        let old = std::mem::replace(&mut self.tables, aside.tables.clone());
        let value = self.state.exchange(&aside.state).await;
        self.leave(old, Some(value), follower);
        Ok(Ok(place))
    }

    /// Notes that the live tables have caught up: from now on, they answer while others are filled.
    pub(super) async fn note_that_tables_have_caught_up(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<(), RunnerEnd> {
        if !P::DEFINITION.names_tables {
            return Ok(());
        }
        let mut stored = self.stored(follower).await?;
        if stored.tables.has_caught_up {
            return Ok(());
        }
        stored.tables.has_caught_up = true;
        follower.write(vec![stored.saved_as(P::NAME)]).await
    }

    /// The stored definition of the projection; a new one if none is stored.
    pub(super) async fn stored(
        &self,
        follower: &Follower<Self>,
    ) -> Result<StoredDefinition, RunnerEnd> {
        let load = || StoredDefinition::load(&follower.store, P::NAME);
        let stored = follower.read_persistently(load).await?;
        Ok(stored.unwrap_or_else(|| StoredDefinition::new(&P::DEFINITION, Default::default())))
    }

    /// Gives up the tables that are being filled.
    async fn give_up_building(&mut self, follower: &Follower<Self>) -> Result<(), RunnerEnd> {
        let mut stored = self.stored(follower).await?;
        stored.tables.give_up();
        follower.write(vec![stored.saved_as(P::NAME)]).await?;
        self.begin_removing(follower).await
    }
}

/// Shows all events to a projection beside the one that runs, until it has caught up with the store and waits
/// for no retry.
async fn fill<P: Projection>(
    follower: &Follower<ProjectionRunner<P>>,
    aside: &mut ProjectionRunner<P>,
    place: &mut FollowerPlace,
) -> Result<(), RunnerEnd> {
    let unseen = unseen(follower);
    for _ in 0..ROUNDS {
        let head = unseen.head().await?;
        if place.position >= head && place.parked.next_try().is_none() {
            break;
        }
        unseen.catch_up(aside, place, head).await?;
        unseen.settle_retries(aside, place).await?;
    }
    Ok(())
}
