//! What `process` and `publish` do: hand one message to its module, or show one event to all who handle it.

use std::future::poll_fn;
use std::mem::needs_drop;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::context::admission;
use crate::context::calling::HandlerProof;
use crate::context::handle::{Handle, Origin};
use crate::context::posting::{PostStage, Posted, accepted, ended};
use crate::context::room::{self, Room};
use crate::context::subscription::{notify_subscribers, notify_subscribers_of};
use crate::context::visible::{VisibleWait, visibly};
use crate::envelope::{Given, Label, Parcel, Shown, Source};
use crate::error::SendError;
use crate::guarded::drop_unpanicked;
use crate::mediator::Row;
use crate::message::{ByValue, Event, Message};
use crate::route::{Route, To, Unaccepted, offer};
use crate::scope::{Queued, QueuedWait, Scope, ScopeKind};

/// A message that [`process`](crate::Context::process) takes: every command, query and event is one. It is the
/// bound of a function that is generic over the message; see [`Processes`](crate::Processes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not known to be a message that can be processed",
    label = "not known to be a command, a query or an event",
    note = "a function that is generic over the message states it: `where M: nether::Processed, S: nether::Processes<M, H>`"
)]
pub trait Processed: Message<Parcel: Post<Message = Self>> + Send {}

#[diagnostic::do_not_recommend]
impl<M: Message<Parcel: Post<Message = M>> + Send> Processed for M {}

/// A parcel that can be posted: accepted without waiting for what comes of it.
#[doc(hidden)]
#[allow(private_interfaces, private_bounds)]
pub trait Post: Parcel {
    #[doc(hidden)]
    fn post<H: HandlerProof>(
        handle: &Handle,
        message: Self::Message,
        cx: &mut Context<'_>,
    ) -> Posted<Self>
    where
        Self: Sized;
}

#[allow(private_interfaces, private_bounds)]
impl<M: ByValue + Send> Post for Given<M> {
    #[inline]
    fn post<H: HandlerProof>(handle: &Handle, message: M, cx: &mut Context<'_>) -> Posted<Self> {
        if let Err(refused) = admission::check(handle, &message) {
            return PostStage::refused(refused);
        }
        if room::is_limited(handle) {
            return post_later(handle.clone(), message, give::<M, H>);
        }
        give::<M, H>(handle, message, cx)
    }
}

/// Gives a command or query to its module.
#[inline(always)] // It gives back what is large: to hand it on would move it.
fn give<M, H>(handle: &Handle, message: M, cx: &mut Context<'_>) -> Posted<Given<M>>
where
    M: ByValue + Send,
    H: HandlerProof,
{
    let descriptor = M::descriptor();
    handle.scope.read(descriptor.slot(), |row| {
        let handler = row
            .and_then(|row| row.handlers.first())
            .map(|handler| &handler.route);
        let Some(route) = handler.and_then(Route::<Given<M>>::known) else {
            return PostStage::refused(handle.no_route(descriptor, H::declaration()));
        };
        let sequence = match handle.admit_valid(&message) {
            Ok(sequence) => sequence,
            Err(refused) => return PostStage::refused(refused),
        };
        let cause = handle.next_cause();
        let given = Given::new(message, None);
        let source = Source {
            scope: &handle.scope,
            cause: &cause,
        };
        let label = Label::new(descriptor, sequence, false);
        deliver(handle, source, label, route, given, cx)
    })
}

#[allow(private_interfaces, private_bounds)]
impl<E: Event> Post for Shown<E> {
    #[inline]
    fn post<H: HandlerProof>(handle: &Handle, event: E, cx: &mut Context<'_>) -> Posted<Self> {
        if room::is_limited(handle) {
            return post_later(handle.clone(), event, publish_alone);
        }
        publish_alone(handle, event, cx)
    }
}

#[inline]
fn publish_alone<E: Event>(handle: &Handle, event: E, cx: &mut Context<'_>) -> Posted<Shown<E>> {
    let event = Arc::new(event);
    let stage = publish(handle, &event, cx);
    // Its handlers may be done with it already, and the sender's task must not panic with its `Drop`.
    if needs_drop::<E>()
        && let Some(event) = Arc::into_inner(event)
    {
        drop_unpanicked(event);
    }
    stage
}

/// Posts once there is room in the system.
#[cold]
fn post_later<P: Parcel>(
    handle: Handle,
    message: P::Message,
    post: fn(&Handle, P::Message, &mut Context<'_>) -> Posted<P>,
) -> Posted<P>
where
    P::Message: Send,
{
    let posted = Box::pin(async move {
        let room = Room::enter(&handle).await;
        let mut message = Some(message);
        let stage = poll_fn(|cx| {
            let message = message.take().expect("this is ready at once");
            Poll::Ready(post(&handle, message, cx))
        })
        .await;
        drop(room);
        ended(stage).await
    });
    Some(Box::new(PostStage::Waiting(posted)))
}

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

/// Shows an event to every module that handles it, and to subscribers.
#[inline]
fn publish<E: Event>(handle: &Handle, event: &Arc<E>, cx: &mut Context<'_>) -> Posted<Shown<E>> {
    let descriptor = E::descriptor();
    handle.scope.read(descriptor.slot(), |row| {
        let Some(row) = row else {
            return PostStage::refused(handle.no_route(descriptor, None));
        };
        // An event that no module handles takes a number too: numbers distinguish messages.
        let handlers = row.handlers.len() as u64;
        let sequence = match handle.admit(descriptor, handlers.max(1)) {
            Ok(sequence) => sequence,
            Err(refused) => return PostStage::refused(refused),
        };
        handle.scope.mediator.recorder.record(&**event);
        notify_subscribers(&handle.scope, row, event, Some(sequence));
        if handlers == 0 {
            handle.scope.take_back(1);
        }
        let cause = handle.next_cause();
        let source = Source {
            scope: &handle.scope,
            cause: &cause,
        };
        let label = Label::new(descriptor, sequence, false);
        for (index, handler) in row.handlers.iter().enumerate() {
            let Some(route) = Route::<Shown<E>>::known(&handler.route) else {
                unreachable!("rows are filled by message type")
            };
            let event_for_it = Shown(Arc::clone(event));
            if let Some(posted) = deliver(handle, source, label, route, event_for_it, cx)
                && let Some(posted) = show_the_rest(handle, event, sequence, row, index + 1, posted)
            {
                return Some(posted);
            }
        }
        None
    })
}

/// Hands one parcel to one module. The delivery is admitted already.
#[inline]
fn deliver<P: Parcel>(
    handle: &Handle,
    source: Source<'_>,
    label: Label,
    route: &Route<P>,
    parcel: P,
    cx: &mut Context<'_>,
) -> Posted<P> {
    match route.to(parcel.sent()) {
        To::Queue(queue) => {
            let waits = handle.waits_at(&**queue);
            let Err(unaccepted) = offer(queue, source, label, parcel, waits, cx) else {
                return None;
            };
            match *unaccepted {
                Unaccepted::Waiting(waiting) => {
                    let offering = PostStage::Offering(waiting, VisibleWait::default());
                    Some(Box::new(offering))
                }
                Unaccepted::Rejected(rejected) => {
                    PostStage::refused(rejected.error(P::Message::NAME, &**queue))
                }
            }
        }
        To::Inline(inline) => {
            match Arc::clone(inline).post(parcel, source.header(label), handle.waits_for_turn()) {
                Ok(None) => None,
                Ok(Some(wait)) => {
                    let wait = visibly(handle, label.sequence(), wait);
                    Some(Box::new(PostStage::Waiting(wait)))
                }
                Err(refused) => PostStage::refused(refused),
            }
        }
    }
}

/// The slow way of a publish: a mailbox was full. The event is offered to the other modules in turn, as there
/// is room. `None` if the module has refused it: one that stopped meanwhile does not handle the event any
/// more.
#[cold]
fn show_the_rest<E: Event>(
    handle: &Handle,
    event: &Arc<E>,
    sequence: u64,
    row: &Arc<Row>,
    next: usize,
    first: Box<PostStage<Shown<E>>>,
) -> Posted<Shown<E>> {
    if let PostStage::Refused(_) = *first {
        return None;
    }
    let rest = RemainingDeliveries {
        handle: handle.clone(),
        event: Arc::clone(event),
        sequence,
        row: Arc::clone(row),
        next,
        queued: None,
    };
    let shown = visibly(handle, sequence, Box::pin(rest.show(Some(first))));
    Some(Box::new(PostStage::Waiting(shown)))
}

/// The deliveries of a publish that are still to be made. Dropped, they are taken back.
struct RemainingDeliveries<E: Event> {
    handle: Handle,
    event: Arc<E>,
    sequence: u64,
    row: Arc<Row>,
    next: usize,
    /// Registers, for the unit of work that closes, that they wait behind the first one.
    queued: Option<QueuedWait>,
}

impl<E: Event> RemainingDeliveries<E> {
    async fn show(mut self, mut posted: Posted<Shown<E>>) -> Result<(), SendError> {
        loop {
            match posted.map(|posted| *posted) {
                Some(PostStage::Offering(waiting, _)) => {
                    self.wait_behind(accepted(waiting)).await?;
                }
                Some(PostStage::Waiting(waiting)) => self.wait_behind(waiting).await?,
                Some(PostStage::Refused(_)) | None => {}
            }
            if self.handle.scope.is_cancelled() {
                return Err(SendError::Cancelled { message: E::NAME });
            }
            let Some(handler) = self.row.handlers.get(self.next) else {
                return Ok(());
            };
            self.next += 1;
            let Some(route) = Route::<Shown<E>>::known(&handler.route) else {
                unreachable!("rows are filled by message type")
            };
            // Pending again means a place in the wait queue, which `accepted` polls with its own waker.
            let mut cx = Context::from_waker(Waker::noop());
            let source = Source {
                scope: &self.handle.scope,
                cause: &self.handle.next_cause(),
            };
            posted = deliver(
                &self.handle,
                source,
                Label::new(E::descriptor(), self.sequence, false),
                route,
                Shown(Arc::clone(&self.event)),
                &mut cx,
            );
        }
    }
}

impl<E: Event> RemainingDeliveries<E> {
    fn count(&self) -> u64 {
        (self.row.handlers.len() - self.next) as u64
    }

    /// Waits until the first one is accepted or refused, whichever: a module that stopped meanwhile does not
    /// handle the event any more.
    ///
    /// # Errors
    /// The unit of work has taken them back.
    async fn wait_behind(
        &mut self,
        first: impl Future<Output = Result<(), SendError>>,
    ) -> Result<(), SendError> {
        let mut first = pin!(first);
        let behind = (self.sequence, Queued::Event(self.sequence));
        let (scope, count) = (&self.handle.scope, self.count());
        let queued = &mut self.queued;
        let waited = poll_fn(|cx| {
            let queued =
                queued.get_or_insert_with(|| scope.queue(behind, count, Some(cx.waker().clone())));
            if !queued.begin_poll() {
                return Poll::Ready(Err(scope.refusal(E::NAME)));
            }
            let polled = first.as_mut().poll(cx);
            if polled.is_pending() {
                queued.end_poll(cx.waker());
            }
            polled.map(|_| Ok(()))
        })
        .await;
        if waited.is_ok() {
            self.queued = None;
        }
        waited
    }
}

impl<E: Event> Drop for RemainingDeliveries<E> {
    fn drop(&mut self) {
        let queued = self.queued.as_ref();
        let is_taken_back = queued.is_some_and(|queued| !queued.begin_poll());
        if !is_taken_back {
            self.handle.scope.take_back(self.count());
        }
    }
}
