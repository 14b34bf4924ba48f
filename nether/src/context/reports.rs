//! [`announce`]: the reports of the framework, to subscribers and modules.

use std::sync::Arc;
use std::task::{Context, Waker};

use crate::context::handle::{Handle, Origin};
use crate::context::subscription::{notify_subscribers, notify_subscribers_of};
use crate::context::to_module::deliver;
use crate::envelope::{Label, Shown, Source};
use crate::error::{SendError, TooDeep};
use crate::escaped::Escaped;
use crate::events::ChainCut;
use crate::mediator::Row;
use crate::message::Event;
use crate::route::Route;
use crate::scope::{Scope, ScopeKind};

/// Publishes a report of the framework about what happened in the unit of work of `handle`, without ever
/// waiting. Costs nothing when there is no listener: `event` is made only then.
///
/// Subscribers of that unit of work and of the system get it. Modules handle it outside of that unit of work,
/// in a scope of its own: a monitor that fails, or that takes long, changes nothing of what it looks at. What
/// happens in consequence of a report is not reported again, because each report could cause the next one.
pub(crate) fn announce<E: Event>(handle: &Handle, event: impl FnOnce() -> E) {
    let scope = &handle.scope;
    if scope.is_of_report() {
        return;
    }
    let listened = scope.read(E::descriptor().slot(), |row| {
        row.is_some_and(|row| !row.handlers.is_empty() || row.subscription.is_some())
    });
    let is_recorded = scope.mediator.recorder.is_on();
    let is_watched = scope.mediator.onlookers.get().is_some();
    if !listened && scope.subscriptions().is_none() && !is_recorded && !is_watched {
        return;
    }
    let event = Arc::new(event());
    scope.mediator.recorder.record(&*event);
    scope.read(E::descriptor().slot(), |row| {
        let Some(row) = row else {
            return notify_subscribers_of(scope, &event, None);
        };
        notify_subscribers(scope, row, &event, None);
        if !row.handlers.is_empty() {
            hand_out(handle, row, &event);
        }
    });
}

/// Shows a report to the modules that handle it.
#[cold]
fn hand_out<E: Event>(handle: &Handle, row: &Row, event: &Arc<E>) {
    let report = Scope::new(Arc::clone(&handle.scope.mediator), ScopeKind::Report);
    let report = Arc::new(report);
    let descriptor = E::descriptor();
    let Ok(sequence) = report.admit(row.handlers.len() as u64, false, descriptor.name()) else {
        unreachable!("a new scope accepts everything")
    };
    // The chain of causes goes on, so that its limit holds across reports. The report itself is delivered
    // even at the limit; what its handlers send is refused then.
    let cause = handle.next_cause().elsewhere();
    let source = Source {
        scope: &report,
        cause: &cause,
    };
    let label = Label::new(descriptor, sequence, false);
    let reporter = Handle::new(Arc::clone(&report), Origin::Handler);
    for handler in &row.handlers {
        let Some(route) = Route::<Shown<E>>::known(&handler.route) else {
            unreachable!("rows are filled by message type")
        };
        // It never waits: it is not work from outside. A module that has stopped does not handle it any more.
        let mut cx = Context::from_waker(Waker::noop());
        let event = Shown(Arc::clone(event));
        drop(deliver(&reporter, source, label, route, event, &mut cx));
    }
}

/// Reports a message that was refused because of its chain of causes: the chain ends with it, and the program
/// may depend on the chain. Other refusals are the sender's alone to know.
#[cold]
#[inline(never)]
pub(super) fn report_refusal(handle: &Handle, refused: SendError) -> SendError {
    if let SendError::TooDeep(too_deep) = &refused {
        report_cut(handle, too_deep);
    }
    refused
}

fn report_cut(handle: &Handle, too_deep: &TooDeep) {
    tracing::warn!(message = too_deep.message, error = %Escaped(too_deep), "a chain of causes was cut");
    announce(handle, || ChainCut {
        message: too_deep.message.to_owned(),
        context: handle.scope.id(),
        cause: handle.message_number(),
        limit: too_deep.limit,
        chain: too_deep
            .chain
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
    });
}
