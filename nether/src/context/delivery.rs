//! What `process` and `publish` do: hand one message to its module, or show one event to all who handle it.

use std::future::poll_fn;
use std::mem::needs_drop;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::context::admission;
use crate::context::calling::HandlerProof;
use crate::context::handle::Handle;
use crate::context::posting::{PostStage, Posted, accepted, ended};
use crate::context::reports::report_refusal;
use crate::context::room::{self, Room};
use crate::context::subscription::notify_subscribers;
use crate::context::to_module::deliver;
use crate::context::visible::visibly;
use crate::envelope::{Given, Label, Parcel, Shown, Source};
use crate::error::SendError;
use crate::guarded::drop_unpanicked;
use crate::mediator::Row;
use crate::message::{ByValue, Event, Message};
use crate::route::Route;
use crate::scope::{Queued, QueuedWait};

/// A message that [`process`](crate::Context::process) takes: every command, query and event is one. It is the
/// bound of a function that is generic over the message; see [`Processes`](crate::Processes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not known to be a message that can be processed",
    label = "not known to be a command, a query or an event",
    note = "a function that is generic over the message states it: `where M: nether::Processable, S: nether::Processes<M, H>`"
)]
pub trait Processable: Message<Parcel: Post<Message = Self>> + Send {}

#[diagnostic::do_not_recommend]
impl<M: Message<Parcel: Post<Message = M>> + Send> Processable for M {}

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
            Err(refused) => return PostStage::refused(report_refusal(handle, refused)),
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

/// Shows an event to every module that handles it, and to subscribers.
#[inline]
pub(super) fn publish<E: Event>(
    handle: &Handle,
    event: &Arc<E>,
    cx: &mut Context<'_>,
) -> Posted<Shown<E>> {
    let descriptor = E::descriptor();
    handle.scope.read(descriptor.slot(), |row| {
        let Some(row) = row else {
            return PostStage::refused(handle.no_route(descriptor, None));
        };
        // An event that no module handles takes a number too: numbers distinguish messages.
        let handlers = row.handlers.len() as u64;
        let sequence = match handle.admit(descriptor, handlers.max(1)) {
            Ok(sequence) => sequence,
            Err(refused) => return PostStage::refused(report_refusal(handle, refused)),
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
