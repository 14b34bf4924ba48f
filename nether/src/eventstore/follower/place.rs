//! [`FollowerPlace`]: the progress of a runner, and which part of it is not saved.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::checkpoint::{self, ahead_of, checkpoint_at, no_checkpoint};
use crate::eventstore::definition::StoredDefinition;
use crate::eventstore::generations::{Generations, checkpoint_name};
use crate::eventstore::parked::Parked;
use crate::eventstore::store::Store;

/// How long a runner handles events before it saves its progress. One event may take longer.
pub(in crate::eventstore) const SAVE_AFTER: Duration = Duration::from_secs(1);

/// The progress of a runner.
pub(in crate::eventstore) struct FollowerPlace {
    /// The name of the checkpoint.
    name: Arc<str>,
    /// Every event up to here was shown, or waits behind a parked one.
    pub(in crate::eventstore) position: Position,
    /// Every event up to here was before its time.
    pub(in crate::eventstore) began_behind: Position,
    /// Whether what it has stored is being removed, so that the position does not count.
    pub(super) is_emptying: bool,
    /// The tables of the projection, whose live ones it belongs to.
    pub(super) tables: Generations,
    /// Events after `position` that are already handled.
    pub(in crate::eventstore) ahead: BTreeSet<Position>,
    pub(in crate::eventstore) parked: Parked,
    /// Whether it has reached the event that was the newest when it began.
    pub(in crate::eventstore) is_caught_up: bool,
    /// How often in a row the store has failed to say whether there are new events.
    pub(super) news_failures: u32,
    /// Changes to save with the next checkpoint.
    pub(super) changes: Vec<DocumentChange>,
    saved_at: Instant,
    /// The checkpoint as it is saved, and how many events are noted ahead of it.
    saved: Option<(Position, usize)>,
}

impl FollowerPlace {
    /// The place before its first event, which is the one behind `began_behind`.
    pub(in crate::eventstore) fn start(name: &str, began_behind: Position) -> Self {
        FollowerPlace {
            name: name.into(),
            position: began_behind,
            began_behind,
            is_emptying: false,
            tables: Generations::default(),
            ahead: BTreeSet::new(),
            parked: Parked::none(name),
            is_caught_up: false,
            news_failures: 0,
            changes: Vec::new(),
            saved_at: Instant::now(),
            saved: None,
        }
    }

    /// The place that is saved in the store.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a part of it is ahead of the newest event; or why it could not be read.
    pub(super) async fn load(name: &str, store: &Store) -> Result<Self, StoreError> {
        let definition = StoredDefinition::load(store, name).await?;
        let is_emptying = definition.as_ref().is_some_and(|it| it.is_emptying);
        let began_behind = definition.as_ref().map(|it| it.began_behind);
        let began_behind = began_behind.unwrap_or(Position::START);
        let tables = definition.map_or_else(Generations::default, |it| it.tables);
        let place = FollowerPlace::load_of(tables.live, name, began_behind, store).await?;
        Ok(FollowerPlace {
            is_emptying,
            tables,
            ..place
        })
    }

    /// The place that is saved for a generation of tables.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a part of it is ahead of the newest event; or why it could not be read.
    pub(in crate::eventstore) async fn load_of(
        generation: u32,
        name: &str,
        began_behind: Position,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let name = &*checkpoint_name(name, generation);
        let position = checkpoint::load(store, name, began_behind).await?;
        let ahead = checkpoint::load_ahead(store, name).await?;
        let parked = Parked::load(store, name).await?;
        checkpoint::check(store, name, parked.last(), parked.collection()).await?;
        Ok(FollowerPlace {
            saved: Some((position, ahead.len())),
            position,
            ahead,
            parked,
            ..FollowerPlace::start(name, began_behind)
        })
    }

    /// Whether the last save was so long ago that it is time for another.
    pub(super) fn is_to_be_saved(&self) -> bool {
        self.saved_at.elapsed() >= SAVE_AFTER
    }

    /// The changes that save the progress up to `position`.
    pub(in crate::eventstore) fn changes_to(&self, position: Position) -> Vec<DocumentChange> {
        self.unsaved().changes_to(position)
    }

    /// The changes to be saved, for a caller that saves them up to a position that is not known yet.
    pub(in crate::eventstore) fn unsaved(&self) -> UnsavedPlace {
        UnsavedPlace {
            name: Arc::clone(&self.name),
            ahead: self.ahead.clone(),
            changes: self.changes.clone(),
            saved: self.saved,
        }
    }

    /// The changes that save that no event is handled yet.
    pub(in crate::eventstore) fn changes_to_start(&self) -> Vec<DocumentChange> {
        let mut changes = self.parked.clear();
        changes.push(checkpoint_at(&self.name, self.began_behind));
        changes.push(ahead_of(&self.name, &BTreeSet::new()));
        changes
    }

    /// The changes that leave nothing of it.
    pub(in crate::eventstore) fn changes_to_none(&self) -> Vec<DocumentChange> {
        let mut changes = self.parked.clear();
        changes.push(no_checkpoint(&self.name));
        changes.push(ahead_of(&self.name, &BTreeSet::new()));
        changes
    }

    /// Notes that it has reached a position, and that this is saved.
    pub(in crate::eventstore) fn reach(&mut self, position: Position) {
        self.position = position;
        self.ahead = behind(&self.ahead, position).collect();
        self.changes.clear();
        self.saved = Some((position, self.ahead.len()));
        self.saved_at = Instant::now();
    }
}

/// The unsaved part of a [`FollowerPlace`].
pub(in crate::eventstore) struct UnsavedPlace {
    name: Arc<str>,
    ahead: BTreeSet<Position>,
    changes: Vec<DocumentChange>,
    saved: Option<(Position, usize)>,
}

impl UnsavedPlace {
    /// The changes that save the progress up to `position`.
    pub(in crate::eventstore) fn changes_to(&self, position: Position) -> Vec<DocumentChange> {
        let mut changes = self.changes.clone();
        let ahead: BTreeSet<_> = behind(&self.ahead, position).collect();
        if self.saved != Some((position, ahead.len())) {
            changes.push(checkpoint_at(&self.name, position));
        }
        let saved_ahead = self.saved.map_or(0, |(_, ahead)| ahead);
        if saved_ahead > 0 || !ahead.is_empty() {
            changes.push(ahead_of(&self.name, &ahead));
        }
        changes
    }
}

fn behind(ahead: &BTreeSet<Position>, position: Position) -> impl Iterator<Item = Position> {
    let behind = (Bound::Excluded(position), Bound::Unbounded);
    ahead.range(behind).copied()
}
