//! Shows stored events to sagas. What comes of an event for one saga is found out first, and taken over then.
//! If an event that is for several sagas cannot be handled by one of them, it is parked for that one alone.

use std::sync::Arc;

use crate::eventstore::backend::{PAGE, Position, RecordedEvent, StreamId};
use crate::eventstore::follower::{
    EventFailure, EventKey, Followed, Follower, FollowerPlace, Reception, RunnerEnd, guarded_now,
};
use crate::eventstore::saga::answer::{SagaAnswer, answer_to};
use crate::eventstore::saga::instance::{SagaInstance, SagaStage, error_of, is_command, is_start};
use crate::eventstore::saga::reading::shown_to;
use crate::eventstore::saga::runner::SagaRunner;
use crate::eventstore::saga::stepping::stepped;
use crate::eventstore::saga::{Saga, StepFailed, StepFailureKind};

/// What comes of an event for one saga.
pub(super) enum Received {
    Handled(Box<SagaInstance>),
    /// It is a command that starts no saga, because one with its key is under way.
    Refused(SagaAnswer),
    Held,
    Ignored,
}

impl Received {
    fn reception(&self) -> Reception {
        match self {
            Received::Handled(_) | Received::Refused(_) => Reception::Handled,
            Received::Held => Reception::Held,
            Received::Ignored => Reception::Ignored,
        }
    }
}

impl<S: Saga> SagaRunner<S> {
    /// Shows an event to the saga whose key it was read with, or under which it is parked.
    pub(super) async fn receive(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
    ) -> Result<Reception, EventFailure> {
        if place.parked.has(key)
            && is_start::<S>(event)
            && self.is_answered(follower, event).await?
        {
            return Ok(Reception::Handled); // It was refused before, when it came.
        }
        match self.key_of_parked(place, key, event)? {
            EventKey::Several(keys) => {
                let keys = keys.into_iter().map(Arc::from).collect();
                Box::pin(self.receive_for_all(follower, keys, event)).await
            }
            EventKey::Of(key) => {
                let key: Arc<str> = Arc::from(&*key);
                let received = self.received_after_held(follower, &key, event).await?;
                Ok(self.take_over(&key, event, received))
            }
            EventKey::Unreadable(_, failure) => Err(failure),
            EventKey::None => Ok(Reception::Ignored),
        }
    }

    /// Shows an event that could not be read before to all sagas that it is for.
    async fn receive_for_all(
        &mut self,
        follower: &Follower<Self>,
        keys: Vec<Arc<str>>,
        event: &RecordedEvent,
    ) -> Result<Reception, EventFailure> {
        let mut all = Vec::with_capacity(keys.len());
        for key in &keys {
            all.push(self.received_after_held(follower, key, event).await?);
        }
        let mut reception = Reception::Ignored;
        for (key, received) in keys.iter().zip(all) {
            match self.take_over(key, event, received) {
                Reception::Ignored => {}
                Reception::Held if reception == Reception::Handled => {}
                other => reception = other,
            }
        }
        Ok(reception)
    }

    /// The key of an event that is shown under `parked_as`. An event that was parked because it could not be
    /// read has another key once it can be read, or several. The error says that its saga waits behind
    /// another parked event.
    fn key_of_parked<'a>(
        &self,
        place: &FollowerPlace,
        parked_as: &'a str,
        event: &RecordedEvent,
    ) -> Result<EventKey<'a>, EventFailure> {
        if !place.parked.has(parked_as) {
            return Ok(EventKey::Of(parked_as.into()));
        }
        let waits = |key: &str| place.parked.has(key);
        let waiting = match self.key(event) {
            EventKey::Unreadable(key, failure) => return Ok(EventKey::Unreadable(key, failure)),
            EventKey::Of(key) if key != parked_as => match waits(&key) {
                false => return Ok(EventKey::Of(key.into_owned().into())),
                true => key.into_owned(),
            },
            EventKey::Several(keys) if !keys.iter().any(|key| key == parked_as) => {
                match keys.iter().find(|key| waits(key)).cloned() {
                    None => return Ok(EventKey::Several(keys)),
                    Some(key) => key,
                }
            }
            EventKey::Of(_) | EventKey::Several(_) | EventKey::None => {
                return Ok(EventKey::Of(parked_as.into()));
            }
        };
        Err(EventFailure::new(format!(
            "the saga `{waiting}` waits behind another event that is parked"
        )))
    }

    /// What comes of an event for the saga of a key, behind the events of that key that wait already.
    async fn received_after_held(
        &mut self,
        follower: &Follower<Self>,
        key: &Arc<str>,
        event: &RecordedEvent,
    ) -> Result<Received, EventFailure> {
        if let Some(error) = self.instances.unreadable(key) {
            if is_start::<S>(event) {
                return Ok(self.refused(key, event));
            }
            return Err(EventFailure {
                is_final: true,
                ..EventFailure::new(error)
            });
        }
        if self.instances.held().count(key) > 0 {
            return Ok(match is_start::<S>(event) {
                true => self.refused(key, event),
                false => Received::Held,
            });
        }
        self.received(follower, key, event).await
    }

    /// What comes of an event for the saga of its key, or for a new one; it waits if that saga takes no more.
    pub(super) async fn received(
        &mut self,
        follower: &Follower<Self>,
        key: &Arc<str>,
        event: &RecordedEvent,
    ) -> Result<Received, EventFailure> {
        let shown = guarded_now(|| shown_to::<S>(key, event))?;
        self.instances.remove_if_over(key, &follower.ctx);
        let known = self.instances.get(key);
        if is_start::<S>(event) {
            if known.is_some() {
                return Ok(self.refused(key, event));
            }
            if !is_command::<S>(event) {
                return Err(unlisted::<S>(event));
            }
        }
        let starts = shown.iter().any(|event| S::starts(&event.name));
        match known {
            None if !starts => return Ok(Received::Ignored),
            Some(known) if known.stage != SagaStage::Running => {
                // The saga takes no more events. Only an event that starts another is kept.
                return Ok(match starts {
                    true => Received::Held,
                    false => Received::Ignored,
                });
            }
            _ => {}
        }
        let in_flight = self.sending.is_in_flight(key);
        let instance = stepped::<S>(known, &shown, key, in_flight).await?;
        Ok(Received::Handled(Box::new(instance)))
    }

    /// Whether a saga with that key is under way, also if its state cannot be read.
    pub(super) fn is_under_way(&self, key: &str) -> bool {
        let known = self.instances.get(key);
        known.is_some_and(|it| !it.is_over()) || self.instances.unreadable(key).is_some()
    }

    /// Whether a command that was to start a saga is answered already.
    async fn is_answered(
        &self,
        follower: &Follower<Self>,
        command: &RecordedEvent,
    ) -> Result<bool, EventFailure> {
        if self.instances.owes(command.id) {
            return Ok(true);
        }
        let found = follower.store.find(answer_to(command.id)).await;
        let found = found.map_err(|error| EventFailure::of(error.into()))?;
        Ok(found.is_some())
    }

    /// Answers the command at that position, which was to start a saga and is left out.
    pub(super) async fn answer_skipped(
        &mut self,
        follower: &Follower<Self>,
        position: Position,
    ) -> Result<(), RunnerEnd> {
        let Some(command) = follower.event(position).await? else {
            return Ok(());
        };
        if is_start::<S>(&command) {
            let reason = "an operator has skipped the command";
            self.answer_ended(follower, &command, reason).await?;
        }
        Ok(())
    }

    /// Answers the commands up to that position that a saga was started by which cannot be read.
    pub(super) async fn answer_unreadable(
        &mut self,
        follower: &Follower<Self>,
        key: &str,
        last: Position,
    ) -> Result<(), RunnerEnd> {
        let (stream, mut next) = (StreamId::new(S::NAME, key), 1);
        loop {
            let read = || follower.store.read_stream_page(&stream, next, PAGE);
            let page = follower.read_persistently(read).await?.events;
            let Some(newest) = page.last() else {
                return Ok(());
            };
            next = newest.stream_version + 1;
            for command in page.iter().filter(|it| it.position <= last) {
                if is_start::<S>(command) {
                    let reason = "an operator has ended the saga, which could not be read";
                    self.answer_ended(follower, command, reason).await?;
                }
            }
        }
    }

    /// Answers a command whose saga an operator has ended, unless it is answered already.
    async fn answer_ended(
        &mut self,
        follower: &Follower<Self>,
        command: &RecordedEvent,
        reason: &str,
    ) -> Result<(), RunnerEnd> {
        let find = || follower.store.find(answer_to(command.id));
        if follower.read_persistently(find).await?.is_some() {
            return Ok(());
        }
        let failed = StepFailed::new(StepFailureKind::Ended, reason);
        let answer = error_of::<S>(&command.name, None, failed);
        let key = command.stream.key().into();
        self.instances.refuse(&key, command, answer);
        Ok(())
    }

    /// What a command is answered with whose saga cannot begin.
    fn refused(&self, key: &str, command: &RecordedEvent) -> Received {
        let reason = format!("a saga with the key `{key}` is under way");
        let failed = StepFailed::new(StepFailureKind::UnderWay, reason);
        let under_way = self.instances.get(key);
        Received::Refused(error_of::<S>(&command.name, under_way, failed))
    }

    /// Takes over what came of an event for the saga of a key.
    pub(super) fn take_over(
        &mut self,
        key: &Arc<str>,
        event: &RecordedEvent,
        received: Received,
    ) -> Reception {
        let reception = received.reception();
        match received {
            Received::Handled(instance) => self.instances.put(key, *instance),
            Received::Refused(answer) => self.instances.refuse(key, event, answer),
            Received::Held => self.instances.hold(key, event.position),
            Received::Ignored => {}
        }
        reception
    }
}

/// Why a command does not begin a saga that another program has accepted, and that this one does not know.
#[cold]
fn unlisted<S: Saga>(command: &RecordedEvent) -> EventFailure {
    let (saga, name) = (S::NAME, &command.name);
    EventFailure {
        is_final: true,
        is_unknown: true,
        ..EventFailure::new(format!(
            "the program that runs the sagas `{saga}` does not list the command `{name}` in `starts`: the next program that runs them and \
             does begins the saga"
        ))
    }
}
