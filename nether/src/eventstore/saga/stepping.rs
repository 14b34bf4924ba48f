//! The steps of one saga: its instance after an event or a time-out, which is not written down yet.

use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::clock;
use crate::eventstore::follower::{EventFailure, guarded_within};
use crate::eventstore::origin::SagaCause;
use crate::eventstore::saga::instance::SagaInstance;
use crate::eventstore::saga::{Saga, Step};

/// When an event happened; now, if it was appended without a time.
fn time_of(event: &RecordedEvent) -> u64 {
    let time = event.metadata.time;
    if time == 0 { clock::now() } else { time }
}

/// A saga after what it was shown of a stored event: one event, or several that the stored one becomes. All
/// of them are one step. A saga that is new takes them from the first one on that starts it.
pub(super) async fn stepped<S: Saga>(
    known: Option<&SagaInstance>,
    events: &[RecordedEvent],
    key: &str,
    in_flight: bool,
) -> Result<SagaInstance, EventFailure> {
    let starts = |event: &RecordedEvent| S::starts(&event.name);
    let first = match known {
        None => events.iter().position(starts).unwrap_or(0),
        Some(_) => 0,
    };
    let events = &events[first..];
    let start = events.first().map_or(0, time_of);
    // All of it is guarded: user code also reads, writes and drops the state.
    guarded_within(S::POLICY.timeout, async {
        let new = || SagaInstance::start::<S>(events.first(), start);
        let mut instance = known.cloned().map_or_else(new, Ok)?;
        let mut state: S = instance.state()?;
        let mut step = Step::of(key, events.first().map(SagaCause::of));
        for event in events {
            state.handle(event, &mut step).await?;
            step.ends |= S::ends(&event.name);
            let cause = Some(SagaCause::of(event));
            instance.set_timers::<S>(Some(&event.name), time_of(event), cause);
        }
        instance.take(&state, step, in_flight)?;
        Ok(instance)
    })
    .await
}

/// A saga after a time-out.
pub(super) async fn timed_out<S: Saga>(
    mut instance: SagaInstance,
    (name, cause): (&str, Option<SagaCause>),
    key: &str,
    in_flight: bool,
) -> Result<SagaInstance, EventFailure> {
    guarded_within(S::POLICY.timeout, async {
        let mut state: S = instance.state()?;
        let mut step = Step::of(key, cause);
        state.time_out(name, &mut step).await?;
        instance.take(&state, step, in_flight)?;
        Ok(instance)
    })
    .await
}
