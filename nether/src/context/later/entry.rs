//! [`DelayedEntry`]: one message that is sent later, from when it is delayed to when it is sent or lost.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::context::calling::HandlerProof;
use crate::context::delivery::publish;
use crate::context::handle::{Handle, Origin};
use crate::context::posting::PostStage;
use crate::context::reports::announce;
use crate::context::trying;
use crate::envelope::{Given, Shown};
use crate::error::SendError;
use crate::escaped::Escaped;
use crate::events::DeadLetter;
use crate::guarded::{catch_now, drop_unpanicked, said_last};
use crate::instants::later;
use crate::mediator::{DelayedMessage, LostName, Mediator};
use crate::message::{Command, Event, Message};
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;

/// What a message is packed in that is sent later: not a query, whose answer would reach no caller.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{M}` is a query, and is not sent later",
    label = "its answer would reach no caller",
    note = "let the module send a command to itself, and ask in the handler of that: `ctx.ask(..).await?`"
)]
#[allow(private_interfaces, private_bounds)]
pub trait Delayable<M> {
    #[doc(hidden)]
    fn send_now<H: HandlerProof>(handle: &Handle, message: M) -> Result<(), Unsent>;
}

/// Why a message was not accepted when it was due, and the message as JSON.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unsent {
    error: SendError,
    json: Option<String>,
}

#[allow(private_interfaces, private_bounds)]
#[diagnostic::do_not_recommend]
impl<C: Command> Delayable<C> for Given<C> {
    fn send_now<H: HandlerProof>(handle: &Handle, command: C) -> Result<(), Unsent> {
        trying::process::<C, H>(handle, command).map_err(|refused| {
            let json = refused.message.to_json();
            drop_unpanicked(refused.message);
            Unsent {
                error: refused.error,
                json,
            }
        })
    }
}

#[allow(private_interfaces, private_bounds)]
#[diagnostic::do_not_recommend]
impl<E: Event> Delayable<E> for Shown<E> {
    fn send_now<H: HandlerProof>(handle: &Handle, event: E) -> Result<(), Unsent> {
        let event = Arc::new(event);
        let mut cx = Context::from_waker(Waker::noop());
        let sent = match publish(handle, &event, &mut cx).map(|stage| *stage) {
            None => Ok(()),
            Some(PostStage::Refused(error)) => {
                let json = event.to_json();
                Err(Unsent { error, json })
            }
            Some(PostStage::Offering(..) | PostStage::Waiting(_)) => {
                unreachable!("what a handler sends waits for nothing")
            }
        };
        // Its handlers may be done with it already.
        if let Some(event) = Arc::into_inner(event) {
            drop_unpanicked(event);
        }
        sent
    }
}

/// A message that is sent later.
pub(super) struct DelayedEntry<M> {
    /// The name of the module that sends it.
    module: &'static str,
    /// What kind of scope it is sent in.
    kind: ScopeKind,
    due: Instant,
    send: fn(&Handle, M) -> Result<(), Unsent>,
    state: Mutex<EntryState<M>>,
}

struct EntryState<M> {
    /// `None` once it is sent, lost or dropped.
    message: Option<M>,
    /// How long after it was due it may wait for a handler.
    expires: Option<Duration>,
    /// The scope that it was sent in.
    sent_in: Weak<Scope>,
}

impl<M> DelayedEntry<M> {
    pub(super) fn new(
        module: &'static str,
        kind: ScopeKind,
        due: Instant,
        message: M,
        send: fn(&Handle, M) -> Result<(), Unsent>,
    ) -> Self {
        DelayedEntry {
            module,
            kind,
            due,
            send,
            state: Mutex::new(EntryState {
                message: Some(message),
                expires: None,
                sent_in: Weak::new(),
            }),
        }
    }

    /// A scope of its own, with no causes before it.
    fn scope(&self, mediator: &Arc<Mediator>) -> Arc<Scope> {
        Arc::new(Scope::new(Arc::clone(mediator), self.kind))
    }
}

/// Reports a delayed message as a dead letter.
pub(super) fn report_lost(
    handle: &Handle,
    (module, message): LostName,
    reason: &dyn fmt::Display,
    json: impl FnOnce() -> Option<String>,
) {
    announce(handle, || DeadLetter {
        message: message.to_owned(),
        module: module.to_owned(),
        context: handle.scope.id(),
        sequence: 0,
        cause: None,
        reason: reason.to_string(),
        json: json(),
    });
}

impl<M> DelayedEntry<M> {
    /// Sends the message; otherwise says why it was not sent, and gives its JSON. A panic is such a reason:
    /// the message would be lost without a word.
    fn try_send(&self, handle: &Handle, message: M) -> Result<(), (String, Option<String>)> {
        let (mut message, mut sent) = (Some(message), Ok(()));
        let panic = catch_now(&mut || {
            if let Some(message) = message.take() {
                sent = (self.send)(handle, message);
            }
        });
        if let Err(panic) = panic {
            return Err((format!("not sent: {}", said_last(panic)), None));
        }
        sent.map_err(|Unsent { error, json }| (error.to_string(), json))
    }
}

impl<M: Message + Send> DelayedMessage for DelayedEntry<M> {
    fn send(&self, mediator: &Arc<Mediator>) {
        let scope = self.scope(mediator);
        scope.note_start(); // `expires` may be called once a handler has it.
        let message = {
            let mut state = lock(&self.state);
            if let Some(within) = state.expires {
                scope.set_start_deadline(later(self.due, within));
            }
            state.sent_in = Arc::downgrade(&scope);
            state.message.take()
        };
        let Some(message) = message else { return };
        let handle = Handle::new(scope, Origin::Handler);
        if let Err((reason, json)) = self.try_send(&handle, message) {
            mediator.delayed.count_lost(self.names(), 1);
            let (message, module) = (M::NAME, self.module);
            tracing::warn!(message, module, reason = %Escaped(&reason), "dead letter");
            report_lost(&handle, self.names(), &reason, || json);
        }
    }

    fn lose(&self, report: &dyn Fn(&dyn Fn() -> Option<String>)) {
        let Some(message) = lock(&self.state).message.take() else {
            return;
        };
        if self.kind == ScopeKind::Standing {
            report(&|| message.to_json());
        }
        drop_unpanicked(message);
    }

    fn discard(&self) {
        let message = lock(&self.state).message.take();
        drop_unpanicked(message);
    }

    fn expire(&self, within: Duration) {
        let mut state = lock(&self.state);
        state.expires = Some(within);
        if let Some(scope) = state.sent_in.upgrade() {
            scope.set_start_deadline(later(self.due, within));
        }
    }

    fn names(&self) -> LostName {
        (self.module, M::NAME)
    }
}

impl<M> Drop for DelayedEntry<M> {
    /// The last holder may be a task that must not panic with a `Drop` of the user's.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let state = state.unwrap_or_else(std::sync::PoisonError::into_inner);
        drop_unpanicked(state.message.take());
    }
}
