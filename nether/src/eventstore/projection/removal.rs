//! The removal of tables that a rebuild has left: by the `#[on_rebuild]` of a value that was made for them,
//! once no query can read them any more.

use std::future::pending;
use std::sync::Arc;

use tokio::time::sleep_until;

use crate::eventstore::definition::StoredDefinition;
use crate::eventstore::follower::{EventFailure, Follower, FollowerPlace, RunnerEnd};
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::left::{LeftTables, RemovalIsDue};
use crate::eventstore::projection::runner::ProjectionRunner;
use crate::eventstore::projection::state::ReplacedValue;
use crate::eventstore::tables::Tables;
use crate::guarded::drop_unpanicked;

impl<P: Projection> ProjectionRunner<P> {
    /// Notes what is left to be removed; and makes the value again if it was made for other tables.
    pub(super) async fn begin_removing(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<(), RunnerEnd> {
        if !P::DEFINITION.names_tables {
            return Ok(());
        }
        let mut stored = self.stored(follower).await?;
        // Another version has begun to fill tables. Where no other program can have the store open, it does
        // not come back.
        if stored.tables.building.is_some() && !follower.store.is_shared() {
            stored.tables.give_up();
            follower.write(vec![stored.saved_as(P::NAME)]).await?;
        }
        let live = stored.live_tables();
        if live.generation() != self.tables.generation() {
            let remade = self.remake(live).await;
            remade.map_err(|failure| RunnerEnd::Unmade(failure.text))?;
        }
        for (generation, version) in &stored.tables.left {
            let is_known = |it: &LeftTables<P>| it.tables.generation() == *generation;
            if !self.left.iter().any(is_known) {
                self.leave(Tables::new(*generation, *version), None, follower);
            }
        }
        Ok(())
    }

    /// Notes that these tables are to be removed, once standbys have noticed that others are live.
    pub(super) fn leave(
        &mut self,
        tables: Tables,
        value: Option<ReplacedValue<P>>,
        follower: &Follower<Self>,
    ) {
        let left = LeftTables::until_now(tables, value, P::NAME, &follower.store);
        self.left.push_back(left);
    }

    /// Waits until the first of the tables that are left can be removed.
    pub(super) async fn until_removal_is_due(&mut self) -> RemovalIsDue {
        let Some(first) = self.left.front_mut() else {
            return pending().await;
        };
        sleep_until(first.due).await;
        if let Some(value) = &mut first.value {
            self.state.until_unread(value).await;
        }
        RemovalIsDue
    }

    /// Removes the first of the tables that are left, with their checkpoint. If that fails, it is tried again
    /// after a while, also by a later runner.
    pub(super) async fn remove_first(
        &mut self,
        follower: &Follower<Self>,
    ) -> Result<(), RunnerEnd> {
        follower.check_going()?;
        let Some(LeftTables { tables, value, .. }) = self.left.pop_front() else {
            return Ok(());
        };
        let (name, generation) = (P::NAME, tables.generation());
        let stored = self.stored(follower).await?;
        if !stored.tables.left.contains_key(&generation) || stored.tables.live == generation {
            return Ok(());
        }
        match self.remove(follower, &tables, value, stored).await? {
            Ok(()) => tracing::info!(
                name,
                generation,
                "the tables that a rebuild has left are removed"
            ),
            Err(failure) => {
                let error = failure.text;
                tracing::warn!(
                    name,
                    generation,
                    error,
                    "the tables that a rebuild has left could not be removed: it is tried again"
                );
                self.left.push_back(LeftTables::failed(tables));
            }
        }
        Ok(())
    }

    async fn remove(
        &mut self,
        follower: &Follower<Self>,
        tables: &Tables,
        value: Option<ReplacedValue<P>>,
        mut stored: StoredDefinition,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        let generation = tables.generation();
        let mut aside = match value.and_then(|replaced| Arc::into_inner(replaced.value)) {
            Some(value) => {
                let resources = self.resources.clone();
                ProjectionRunner::new(value, tables.clone(), resources, None)
            }
            None => match self.made_for(tables.clone()).await {
                Ok(aside) => aside,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        let store = &follower.store;
        let load = || FollowerPlace::load_of(generation, P::NAME, stored.began_behind, store);
        let mut changes = follower.read_persistently(load).await?.changes_to_none();
        stored.tables.left.remove(&generation);
        changes.push(stored.saved_as(P::NAME));
        let removed = aside.clear_with(follower, changes).await;
        drop_unpanicked(aside);
        removed
    }
}
