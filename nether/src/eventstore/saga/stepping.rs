//! One saga and what happens to it: an event, or a time-out. Nothing of it is written down yet.

use crate::error::Result;
use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::clock;
use crate::eventstore::saga::instance::SagaInstance;
use crate::eventstore::saga::{Saga, Step};
use crate::guarded::{catch, panicked};

/// When an event happened; now, if whoever appended it did not say.
fn time_of(event: &RecordedEvent) -> u64 {
    let time = event.metadata.time;
    if time == 0 { clock::now() } else { time }
}

/// A saga after an event.
pub(super) async fn stepped<S: Saga>(
    known: Option<&SagaInstance>,
    event: &RecordedEvent,
    key: &str,
    in_flight: bool,
) -> Result<SagaInstance> {
    let time = time_of(event);
    let new = || SagaInstance::start::<S>(time);
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
pub(super) async fn timed_out<S: Saga>(
    mut instance: SagaInstance,
    name: &str,
    key: &str,
    in_flight: bool,
) -> Result<SagaInstance> {
    let mut state: S = instance.state()?;
    let mut step = Step::of(key);
    let handled = catch(state.time_out(name, &mut step)).await;
    handled.unwrap_or_else(|panic| Err(panicked(&*panic)))?;
    instance.take(&state, step, in_flight)?;
    Ok(instance)
}
