//! [`Opening`]: decides whether a projection or saga type starts new, continues where it was, or is rebuilt
//! because it has changed, by what is written down of the one that ran last.
//!
//! It is decided twice: when the module is made, so that a refusal is a problem of the start, and by the
//! runner that has the lease. Where a new one begins is written down at once, by the first that finds
//! nothing.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::checkpoint::{self, checkpoint_at};
use crate::eventstore::definition::{DEFINITIONS, DefinitionChange, StoredDefinition};
use crate::eventstore::follower::{
    Followed, Follower, FollowerPlace, OnChange, RunnerEnd, unpanicked,
};
use crate::eventstore::store::Store;

/// How long a start waits for a store, to learn with what it begins.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The way in which a projection or saga starts, before its first event is shown.
enum Opening {
    /// Nothing: it is the one that ran last.
    Same,
    /// It is new, and handles the events behind that position.
    New(StoredDefinition),
    /// Nothing is written down but the checkpoint: by a program from before there were definitions.
    Adopted(StoredDefinition),
    Changed(StoredDefinition, DefinitionChange),
    /// It names its tables, and is rebuilt beside them: why.
    Beside(String),
    /// A newer one has run: why that is so.
    Outdated(String),
    /// It does not begin: why.
    Refused(String),
}

/// Learns with what it begins when its module is made, and notes where a new one begins. If the store does
/// not answer, that is left to the runner.
///
/// # Errors
/// Why it is refused.
pub(in crate::eventstore) async fn prepare<F: Followed>(store: &Store) -> Result<()> {
    let opening = timeout(READ_WITHIN, unpanicked(opening::<F>(store))).await;
    match opening {
        Ok(Ok(Opening::Refused(why))) => Err(Error::msg(why)),
        Ok(Ok(Opening::New(definition))) => {
            let conditions = vec![checkpoint::none_saved(F::NAME)];
            let noted = store.change_documents(changes_to_begin::<F>(&definition), conditions);
            if let Ok(Ok(())) = timeout(READ_WITHIN, unpanicked(noted)).await {
                report_new::<F>(&definition);
            }
            Ok(())
        }
        Ok(Ok(_) | Err(_)) | Err(_) => Ok(()),
    }
}

/// Why it cannot run: another program has run a newer one. Nothing says so where no other program can have
/// the store open: then the one that is there is the one that counts.
pub(super) async fn outdated<F: Followed>(store: &Store) -> Result<Option<String>, StoreError> {
    if !store.is_shared() || F::ON_CHANGE == OnChange::GoOn {
        return Ok(None);
    }
    let stored = StoredDefinition::load(store, F::NAME).await?;
    Ok(stored.and_then(|stored| superseded::<F>(&stored)))
}

fn superseded<F: Followed>(stored: &StoredDefinition) -> Option<String> {
    let change = stored.change_to(&F::DEFINITION)?;
    stored.is_newer_than(&F::DEFINITION).then(|| {
        format!(
            "it is older than the one that has run with this store last ({change}), and stands by for it; to run this one again, give it a higher `version`"
        )
    })
}

async fn opening<F: Followed>(store: &Store) -> Result<Opening, StoreError> {
    // In this order: another process may note meanwhile where it begins, with its definition.
    let head = store.head().await?;
    let is_saved = checkpoint::is_saved(store, F::NAME).await?;
    let Some(stored) = StoredDefinition::load(store, F::NAME).await? else {
        let new = |behind| StoredDefinition::new(&F::DEFINITION, behind);
        if is_saved || F::has_stored(store).await? {
            return Ok(Opening::Adopted(new(Position::START)));
        }
        return Ok(match F::DEFINITION.from {
            Some(from) => Opening::New(new(from.begins_behind(head))),
            None if F::MUST_SAY_FROM && head > Position::START => {
                Opening::Refused(unsaid::<F>(head))
            }
            None => Opening::New(new(Position::START)),
        });
    };
    let Some(change) = stored.change_to(&F::DEFINITION) else {
        return Ok(match stored.is_building(&F::DEFINITION) {
            true => Opening::Beside("a rebuild was under way".to_owned()),
            false => Opening::Same,
        });
    };
    if F::ON_CHANGE != OnChange::GoOn
        && store.is_shared()
        && let Some(why) = superseded::<F>(&stored)
    {
        return Ok(Opening::Outdated(why));
    }
    if F::DEFINITION.names_tables {
        return Ok(Opening::Beside(format!("it has changed ({change})")));
    }
    Ok(match F::ON_CHANGE {
        OnChange::Refuse => Opening::Refused(irremovable::<F>(
            &change,
            stored.replaced_by(&F::DEFINITION),
        )),
        OnChange::GoOn | OnChange::Rebuild => {
            Opening::Changed(stored.replaced_by(&F::DEFINITION), change)
        }
    })
}

/// The refusal of a saga that does not say what is to become of events from before its time.
fn unsaid<F: Followed>(head: Position) -> String {
    let name = F::NAME;
    format!(
        "the saga `{name}` is new to this store, which has events up to position {head}: say whether it acts upon them. `#[saga(from = \"now\", ..)]` leaves them out; `#[saga(from = \"beginning\", ..)]` handles them all, and sends its commands for each. If it has run under another name, it is not new: give it that one, `name = \"..\"`"
    )
}

/// The refusal of a projection that has changed, and that cannot be rebuilt.
fn irremovable<F: Followed>(change: &DefinitionChange, now: StoredDefinition) -> String {
    let name = F::NAME;
    // Whatever was not removed yet is not right as it is.
    let or_keep = match change.was_emptying {
        true => String::new(),
        false => format!(
            "; or, if what it has stored is right as it is, write `{now}` into the document `{name}` of `{DEFINITIONS}` in the store"
        ),
    };
    format!(
        "the projection `{name}` has changed ({change}), so it has to be rebuilt, and nothing says how what it has stored is removed. Mark a method that does with `#[on_rebuild]`; or give it another `name`, under which it reads all events into other tables{or_keep}"
    )
}

/// The changes that note where a new one begins.
fn changes_to_begin<F: Followed>(definition: &StoredDefinition) -> Vec<DocumentChange> {
    vec![
        checkpoint_at(F::NAME, definition.began_behind),
        definition.saved_as(F::NAME),
    ]
}

fn report_new<F: Followed>(definition: &StoredDefinition) {
    let (name, first) = (F::NAME, Position(definition.began_behind.0 + 1));
    tracing::info!(name, from = %first, "is new to this store, and handles the events from that position on");
}

/// The place where it begins, and whether it is rebuilt on its way from there.
pub(super) struct OpenedPlace {
    pub(super) place: FollowerPlace,
    pub(super) is_rebuild: bool,
}

impl OpenedPlace {
    /// The place of a projection or saga type that has nothing in the store.
    pub(super) fn start(name: &'static str) -> Self {
        OpenedPlace {
            place: FollowerPlace::start(name, Position::START),
            is_rebuild: false,
        }
    }
}

impl<F: Followed> Follower<F> {
    /// Finds out where it begins, under its lease, and writes down what it is.
    pub(super) async fn open(&self, followed: &mut F) -> Result<OpenedPlace, RunnerEnd> {
        let mut is_rebuild = false;
        let opening = loop {
            match self.read_persistently(|| opening::<F>(&self.store)).await? {
                // Another program may have noted its own: this one does not run under that, unseen.
                Opening::New(definition) if !self.note_new(&definition).await? => {}
                opening => break opening,
            }
        };
        match opening {
            Opening::Same | Opening::New(_) => {}
            Opening::Adopted(definition) => {
                self.write(vec![definition.saved_as(F::NAME)]).await?;
            }
            Opening::Changed(definition, change) if F::ON_CHANGE == OnChange::GoOn => {
                let name = F::NAME;
                tracing::warn!(name, %change, "has changed, and goes on: events from before are not handled again");
                self.write(vec![definition.saved_as(name)]).await?;
            }
            Opening::Changed(definition, change) => {
                is_rebuild = true;
                self.begin_rebuild(followed, &definition, &change).await?;
            }
            Opening::Beside(why) => self.begin_beside(followed, &why).await?,
            Opening::Outdated(why) => return Err(RunnerEnd::Outdated(why)),
            Opening::Refused(why) => return Err(RunnerEnd::Unmade(why)),
        }
        let load = || FollowerPlace::load(F::NAME, &self.store);
        let place = self.read_persistently(load).await?;
        Ok(OpenedPlace { place, is_rebuild })
    }

    /// Notes where a new one begins; returns whether it was noted, and not by another program meanwhile.
    async fn note_new(&self, definition: &StoredDefinition) -> Result<bool, RunnerEnd> {
        let attempt = || async {
            let mut conditions = self.fence();
            conditions.push(checkpoint::none_saved(F::NAME));
            let changes = changes_to_begin::<F>(definition);
            match self.store.change_documents(changes, conditions).await {
                Ok(()) => {
                    report_new::<F>(definition);
                    Ok(true)
                }
                Err(error) if checkpoint::is_saved_says(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.write_persistently(attempt).await
    }

    /// Removes what it has stored, together with its progress. Until both are done, `mark` says that this is
    /// under way.
    async fn begin_rebuild(
        &self,
        followed: &mut F,
        definition: &StoredDefinition,
        change: &DefinitionChange,
    ) -> Result<(), RunnerEnd> {
        let name = F::NAME;
        let before = self.read_persistently(|| StoredDefinition::load(&self.store, name));
        let mark = before.await?;
        let mark = mark.as_ref().unwrap_or(definition).while_emptying();
        tracing::warn!(name, %change, "has changed: it is rebuilt in place from all events, and queries wait for that");
        let (generation, began_behind) = (definition.tables.live, definition.began_behind);
        let load = || FollowerPlace::load_of(generation, name, began_behind, &self.store);
        let before = self.read_persistently(load).await?;
        let mut changes = before.changes_to_start();
        changes.push(definition.saved_as(name));
        // Queries wait, as for the first catching up: what was there is gone.
        self.control
            .progress
            .send_modify(|progress| progress.is_ready = false);
        self.confirm_lease().await?;
        let emptied = followed.empty(self, mark.saved_as(name), changes).await?;
        emptied.map_err(|failure| {
            RunnerEnd::Unmade(format!(
                "`{name}` has changed ({change}), and what it has stored could not be removed: {}",
                failure.text
            ))
        })
    }

    /// Rebuilds it beside its tables. These answer queries until then, and stand still; unless they have
    /// never caught up, or were being emptied.
    async fn begin_beside(&self, followed: &mut F, why: &str) -> Result<(), RunnerEnd> {
        let name = F::NAME;
        tracing::warn!(
            name,
            why,
            "is rebuilt from all events beside its tables, which answer queries until the new ones take their place"
        );
        let load = || FollowerPlace::load(name, &self.store);
        let mut live = self.read_persistently(load).await?;
        self.publish_anew(&mut live);
        let answers = live.tables.has_caught_up && !live.is_emptying;
        self.control
            .progress
            .send_modify(|progress| progress.is_ready = answers);
        self.confirm_lease().await?;
        let rebuilt = followed.rebuild_beside(self).await?;
        rebuilt.map_err(|failure| {
            let text = failure.text;
            RunnerEnd::Unmade(format!(
                "`{name}` could not be rebuilt beside its tables: {text}"
            ))
        })
    }
}
