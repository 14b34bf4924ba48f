//! The steps of one saga: its instance after an event or a time-out, which is not written down yet.

use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::clock;
use crate::eventstore::follower::{EventFailure, StepSpan, guarded_now, guarded_within};
use crate::eventstore::origin::SagaCause;
use crate::eventstore::saga::instance::{SagaInstance, is_command};
use crate::eventstore::saga::{Saga, Step, StepFailed};
use crate::trace::TraceContext;

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
    let span = events
        .first()
        .map(|event| StepSpan::of_event(S::NAME, Some(key), event));
    let stored = || events.first()?.metadata.entries.trace_context();
    let trace = span
        .as_ref()
        .and_then(StepSpan::trace)
        .cloned()
        .or_else(stored);
    let new = || SagaInstance::start::<S>(events.first(), start, trace.as_ref());
    // All of it is guarded: user code also reads, writes and drops the state.
    let stepped = guarded_within(S::POLICY.timeout, async {
        let mut instance = known.cloned().map_or_else(new, Ok)?;
        let mut state: S = instance.state()?;
        let mut step = Step::of(key, events.first().map(SagaCause::of), trace.clone());
        for event in events {
            match state.handle(event, &mut step).await {
                Err(error) if is_command::<S>(event) => {
                    return Ok(Err(StepFailed::of_start(error)));
                }
                handled => handled?,
            }
            step.ends |= S::ends(&event.name);
            let because = (Some(SagaCause::of(event)), trace.as_ref());
            instance.set_timers::<S>(Some(&event.name), time_of(event), because);
        }
        instance.take(&state, step, in_flight)?;
        Ok(Ok(instance))
    });
    let stepped = match span {
        Some(span) => span.run(stepped).await,
        None => stepped.await,
    };
    let failed = match stepped {
        Ok(Ok(instance)) => return Ok(instance),
        Ok(Err(failed)) => failed,
        Err(failure) if events.first().is_some_and(is_command::<S>) => {
            StepFailed::of_method(&failure)
        }
        Err(failure) => return Err(failure),
    };
    // A command has a caller, who learns why its saga has not begun; nothing is parked.
    Ok(match guarded_now(new) {
        Ok(mut instance) => {
            let cause = events.first().map(SagaCause::of);
            instance.fail(failed, (cause, trace), false);
            instance
        }
        Err(_) => SagaInstance::unbegun::<S>(&events[0], failed, trace),
    })
}

/// A saga after a time-out, which was set in a trace.
pub(super) async fn timed_out<S: Saga>(
    mut instance: SagaInstance,
    (name, cause, parent): (&str, Option<SagaCause>, Option<&TraceContext>),
    key: &str,
    in_flight: bool,
) -> Result<SagaInstance, EventFailure> {
    let span = StepSpan::of_time_out(S::NAME, name, key, parent);
    let trace = span.trace().or(parent).cloned();
    let stepped = guarded_within(S::POLICY.timeout, async {
        let mut state: S = instance.state()?;
        let mut step = Step::of(key, cause, trace);
        state.time_out(name, &mut step).await?;
        instance.take(&state, step, in_flight)?;
        Ok(instance)
    });
    span.run(stepped).await
}
