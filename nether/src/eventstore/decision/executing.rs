//! Decides upon a command over several aggregates, and stores what happens in one transaction.

use crate::context::Context;
use crate::eventstore::aggregate::{
    ATTEMPTS, CommandIdentity, FactSource, HandledInTime, Unexecuted, fence, metadata,
};
use crate::eventstore::archived;
use crate::eventstore::backend::{Append, Direction, StoreError};
use crate::eventstore::decision::participants::Participating;
use crate::eventstore::decision::participation::AnyParticipation;
use crate::eventstore::decision::{
    Decision, DecisionHandler, DecisionParts, Decisions, Participants,
};
use crate::eventstore::handling::within_unit;
use crate::eventstore::store::Store;
use crate::message::{Command, Message};

/// What a command has come to.
pub(super) type CommandResult<C> = Result<<C as Message>::Reply, <C as Message>::Error>;

/// The aggregates of a decision, as a tuple.
pub(super) type Of<D> = <D as DecisionParts>::Of;

impl<D: Decision> Decisions<D> {
    /// Decides upon a command, and stores and publishes what happens. Commands to any of its aggregates wait
    /// meanwhile.
    pub(super) async fn execute<C>(
        &self,
        command: C,
        ctx: &Context<Self>,
    ) -> Result<CommandResult<C>, Unexecuted>
    where
        D: DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
        C: Command,
    {
        let (store, facts) = (&self.store, FactSource::of(ctx.handle()));
        let identity = CommandIdentity::of(&command, ctx)?;
        let mut participations = <Of<D>>::enter(&self.caches, D::keys(&command));
        within_unit(take_turns(<Of<D>>::all(&mut participations)), None, ctx).await?;
        let mut command = Some(command);
        let mut conflict = None;
        for _ in 0..ATTEMPTS {
            let Some(attempted) = command.take() else {
                break; // It cannot be copied.
            };
            load_missing(<Of<D>>::all(&mut participations), store).await?;
            if let Some(identity) = &identity
                && decided_before(<Of<D>>::all(&mut participations), identity, store).await?
            {
                return Ok(Ok(D::reply(<Of<D>>::states(&participations))));
            }
            command = attempted.copied();
            let states = <Of<D>>::states(&participations);
            let decided = self.decided(attempted, states, &facts, ctx).await?;
            let events = match decided {
                Ok(events) if <Of<D>>::count(&events) > 0 => events,
                // An append would show that another writer has written, or that one of them is archived; without
                // one, the store is asked. If the command cannot be decided upon again, the answer is what was
                // true when it was.
                nothing => {
                    let changed = changed(<Of<D>>::all(&mut participations), store).await?;
                    if command.is_some() && changed.is_some() {
                        conflict = changed;
                        forget(<Of<D>>::all(&mut participations));
                        continue;
                    }
                    return Ok(nothing.map(|_| D::reply(<Of<D>>::states(&participations))));
                }
            };
            <Of<D>>::put(&mut participations, events);
            let mut all = <Of<D>>::all(&mut participations);
            gather(&mut all);
            let mut new = appends(all, identity.as_ref(), ctx, store)?;
            if let Some(first) = new.first_mut() {
                first.conditions = fence(ctx);
            }
            // The states that change leave the cache until the append is acknowledged. A panic, an error or a
            // caller that stops waiting drops them, and the next command reads them again. All of the user's
            // code runs before the append, so that what panics is not stored.
            let all = <Of<D>>::all(&mut participations).into_iter();
            all.for_each(|it| it.evolve());
            let reply = D::reply(<Of<D>>::states(&participations));
            match store.append_all(new).await {
                Ok(appended) if appended.iter().any(|it| it.is_repeated) => {
                    (command, conflict) = (None, None);
                }
                Ok(appended) => {
                    let versions = appended.iter().map(|it| it.version);
                    let held = held(<Of<D>>::all(&mut participations));
                    held.zip(versions)
                        .for_each(|(it, version)| it.keep(store, version));
                    <Of<D>>::publish(&mut participations, ctx).await;
                    return Ok(Ok(reply));
                }
                // Another process has stored what the command led to there, which may be other events.
                Err(error @ StoreError::Duplicate { .. }) if identity.is_some() => {
                    (command, conflict) = (None, Some(error));
                }
                Err(error @ StoreError::Conflict { .. }) => conflict = Some(error),
                Err(error) => return Err(error.into()),
            }
            forget(<Of<D>>::all(&mut participations));
        }
        load_missing(<Of<D>>::all(&mut participations), store).await?;
        let was_decided = match &identity {
            Some(identity) => {
                decided_before(<Of<D>>::all(&mut participations), identity, store).await?
            }
            None => false,
        };
        match conflict {
            Some(conflict) if !was_decided => Err(conflict.into()),
            // Another writer has just stored what this command led to.
            _ => Ok(Ok(D::reply(<Of<D>>::states(&participations)))),
        }
    }

    /// The decision upon a command, within its time.
    async fn decided<'a, C>(
        &'a self,
        command: C,
        states: <Of<D> as Participants>::States<'a>,
        facts: &'a FactSource<'a>,
        ctx: &Context<Self>,
    ) -> Result<Result<<Of<D> as Participants>::Events, C::Error>, Unexecuted>
    where
        D: DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
        C: Command,
    {
        let handling = HandledInTime {
            policy: D::POLICY,
            by: D::DESCRIPTOR.declaration.name,
            again: D::again,
            handle: |command| D::decide(command, states, &self.resources, facts),
        };
        Ok(handling.run(command, ctx).await?)
    }
}

/// The participations that hold a state, in order.
pub(super) fn held(
    all: Vec<&mut dyn AnyParticipation>,
) -> impl Iterator<Item = &mut dyn AnyParticipation> {
    all.into_iter().filter(|it| it.shown().is_none())
}

/// Waits for the turn at each of the streams. All commands of this process do so in the order of the streams'
/// names, so that no two of them wait for each other.
pub(super) async fn take_turns(mut all: Vec<&mut dyn AnyParticipation>) {
    for index in 1..all.len() {
        let (before, rest) = all.split_at_mut(index);
        let participation = &mut rest[0];
        let first = before
            .iter()
            .position(|it| it.stream() == participation.stream());
        if let Some(first) = first {
            participation.show(first);
        }
    }
    let mut held: Vec<_> = held(all).collect();
    held.sort_by(|one, other| one.stream().cmp(other.stream()));
    for participation in held {
        participation.take_turn().await;
    }
}

/// Reads the states that are not in memory.
pub(super) async fn load_missing(
    all: Vec<&mut dyn AnyParticipation>,
    store: &Store,
) -> Result<(), StoreError> {
    for participation in held(all) {
        if !participation.is_loaded(store) {
            participation.load(store).await?;
        }
    }
    Ok(())
}

/// Finds out whether all states are those of the store, at one moment: the [`StoreError::Conflict`] with the
/// first that is not any more. It only reads, so that a refusal costs no transaction that writes. Versions
/// only grow: if each stream still has the version that was read of it, all had theirs at the moment at which
/// the last state was read.
async fn changed(
    all: Vec<&mut dyn AnyParticipation>,
    store: &Store,
) -> Result<Option<StoreError>, StoreError> {
    for participation in held(all) {
        let (stream, expected) = (participation.stream(), participation.version());
        let newest = store.read_stream(stream, u64::MAX, Direction::Backwards, 1);
        let newest = newest.await?;
        archived::check(store, &newest).await?;
        let actual = newest.first().map_or(0, |it| it.stream_version);
        if actual != expected {
            return Ok(Some(StoreError::Conflict {
                stream: stream.clone(),
                expected,
                actual,
            }));
        }
    }
    Ok(None)
}

/// Whether the command was decided upon before, by its first event in any of the streams. Then all states
/// have what it led to.
async fn decided_before(
    all: Vec<&mut dyn AnyParticipation>,
    identity: &CommandIdentity,
    store: &Store,
) -> Result<bool, StoreError> {
    let mut is_decided = false;
    for participation in held(all) {
        let found = identity
            .decided_before(store, participation.stream())
            .await?;
        is_decided |= found.is_some();
        if found.is_some_and(|version| version > participation.version()) {
            participation.load(store).await?;
        }
    }
    Ok(is_decided)
}

fn forget(all: Vec<&mut dyn AnyParticipation>) {
    all.into_iter().for_each(|it| it.forget());
}

/// Gives the events of participations that show the state of another one to that one, in order.
pub(super) fn gather(all: &mut [&mut dyn AnyParticipation]) {
    for index in 1..all.len() {
        if let Some(held) = all[index].shown() {
            let events = all[index].take_events();
            all[held].add_events(events);
        }
    }
}

/// An append for each stream.
fn appends<D: Decision>(
    all: Vec<&mut dyn AnyParticipation>,
    identity: Option<&CommandIdentity>,
    ctx: &Context<Decisions<D>>,
    store: &Store,
) -> Result<Vec<Append>, StoreError> {
    let metadata = metadata(ctx, identity);
    held(all)
        .map(|it| it.append(store, identity, metadata.clone()))
        .collect()
}
