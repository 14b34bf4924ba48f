//! [`Handle`]: the part of a context that does not know who sends. Admission and causes live here.

use std::iter;
use std::ptr;
use std::sync::{Arc, Weak};

use crate::declaration::Declaration;
use crate::envelope::{Cause, CauseLink, Header, Label, Source};
use crate::error::{Invalid, NoRoute, SendError, TooDeep, Violations};
use crate::guarded::{PanicPayload, catch_now, said_last};
use crate::message::{Message, MessageDescriptor, MessageKind, Validate};
use crate::route::Queue;
use crate::scope::{DeliveryKey, MessageId, Scope};
use crate::trace::{SenderSpan, TraceContext};
use crate::waiting::{self, Waiter};

/// A handle to a unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) scope: Arc<Scope>,
    pub(crate) origin: Origin,
    /// The message being handled; `None` outside handlers.
    pub(crate) message: Option<Label>,
    pub(crate) cause: Cause,
}

/// A handle that does not keep its unit of work.
#[derive(Debug)]
pub(crate) struct WeakHandle {
    scope: Weak<Scope>,
    origin: Origin,
    message: Option<Label>,
    cause: Cause,
}

impl WeakHandle {
    /// The handle, while another keeps the unit of work.
    pub(crate) fn upgrade(&self) -> Option<Handle> {
        Some(Handle {
            scope: self.scope.upgrade()?,
            origin: self.origin,
            message: self.message,
            cause: self.cause.clone(),
        })
    }
}

/// Where what a handle sends comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From outside: it waits at a full mailbox, and a stopping system refuses it.
    External,
    /// From a module's `#[on_start]` or `#[on_stop]`: it is accepted while the system stops.
    Hook,
    /// From a handler: it is never held up by a mailbox.
    Handler,
    /// From a clone of the context of a handler or hook. Who uses it, and for how long, is unknown.
    /// Used in the task of a module, it is not held up either; elsewhere it waits at a full mailbox.
    Loose(HomeModule),
    /// From a task that was spawned: it waits at full mailboxes, as work from outside does, since no module
    /// waits for it; but it is part of what a closing context and a stopping system wait for.
    Task(HomeModule),
    /// From a clone of such a task's context.
    LooseTask(HomeModule),
    /// From a task that work from outside has spawned: as [`Task`](Origin::Task), but what it sends is
    /// checked as what comes from outside is.
    RootTask(HomeModule),
    /// From a clone of such a task's context.
    LooseRootTask(HomeModule),
}

/// The exclusive module in whose task something was made that may outlive its handler; 0 for none. At that
/// module's mailbox it does not wait, because the handler may be waiting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HomeModule(u32);

impl HomeModule {
    fn current() -> Self {
        HomeModule(waiting::current_short())
    }

    /// Whether what was made there waits for room in the mailbox of `module`.
    #[cold]
    fn waits_at(self, module: &Waiter) -> bool {
        let is_inside = self.0 != 0 && self.0 == module.short_number();
        !is_inside && !waiting::is_in_module()
    }
}

impl Origin {
    /// The origin of a clone.
    pub(crate) fn of_clone(self) -> Self {
        match self {
            Origin::Handler | Origin::Hook => Origin::Loose(HomeModule::current()),
            Origin::Task(home) => Origin::LooseTask(home),
            Origin::RootTask(home) => Origin::LooseRootTask(home),
            same => same,
        }
    }

    /// The origin of a task that is spawned.
    pub(crate) fn of_task(self) -> Self {
        match self {
            Origin::Task(home) | Origin::LooseTask(home) | Origin::Loose(home) => {
                Origin::Task(home)
            }
            Origin::RootTask(home) | Origin::LooseRootTask(home) => Origin::RootTask(home),
            Origin::External => Origin::RootTask(HomeModule::current()),
            Origin::Hook | Origin::Handler => Origin::Task(HomeModule::current()),
        }
    }

    /// The origin within a nested unit of work.
    pub(crate) fn of_nested(self) -> Self {
        match self {
            Origin::Hook => Origin::Handler,
            same => same,
        }
    }
}

impl Handle {
    pub(crate) fn new(scope: Arc<Scope>, origin: Origin) -> Self {
        Handle {
            scope,
            origin,
            message: None,
            cause: Cause::default(),
        }
    }

    /// A handle to the same unit of work, for what must not keep that.
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle {
            scope: Arc::downgrade(&self.scope),
            origin: self.origin,
            message: self.message,
            cause: self.cause.clone(),
        }
    }

    /// The handle given to the handler of a message.
    #[inline]
    pub(crate) fn of(header: Header) -> Self {
        Handle {
            scope: header.scope,
            origin: Origin::Handler,
            message: Some(header.label),
            cause: header.cause,
        }
    }

    /// Whether what it sends is not sent by a module, nor by the program on its own behalf.
    pub(super) fn is_from_outside(&self) -> bool {
        let is_root = matches!(
            self.origin,
            Origin::External | Origin::RootTask(_) | Origin::LooseRootTask(_)
        );
        let mut scopes = iter::successors(Some(&self.scope), |scope| scope.parent());
        is_root && scopes.all(|scope| !scope.is_trusted())
    }

    /// Whether what it sends is sent by a module: its handlers, its hooks or its background tasks.
    fn is_of_module(&self) -> bool {
        let is_root = matches!(
            self.origin,
            Origin::External | Origin::RootTask(_) | Origin::LooseRootTask(_)
        );
        let mut scopes = iter::successors(Some(&self.scope), |scope| scope.parent());
        !is_root || scopes.any(|scope| !scope.is_unit())
    }

    /// Whether what it sends is new work: a closing context and a stopping system refuse it, and it waits for
    /// room in the system.
    #[inline]
    pub(crate) fn is_external(&self) -> bool {
        matches!(self.origin, Origin::External)
    }

    /// Whether what it sends waits for room in the mailbox of an exclusive module.
    #[inline]
    pub(crate) fn waits_at<P>(&self, queue: &dyn Queue<P>) -> bool {
        match self.origin {
            Origin::External => true,
            Origin::Hook | Origin::Handler => false,
            Origin::Loose(home)
            | Origin::Task(home)
            | Origin::LooseTask(home)
            | Origin::RootTask(home)
            | Origin::LooseRootTask(home) => home.waits_at(queue.waiter()),
        }
    }

    /// Whether what it sends waits for its turn in a shared module. A clone of a handler's context may be in
    /// use in that handler, which has a turn in a module itself.
    #[inline]
    pub(crate) fn waits_for_turn(&self) -> bool {
        let waits = matches!(
            self.origin,
            Origin::External
                | Origin::Task(_)
                | Origin::LooseTask(_)
                | Origin::RootTask(_)
                | Origin::LooseRootTask(_)
        );
        waits && !waiting::is_in_module()
    }

    /// Whether what it sends waits for room in the system. In the task of an exclusive module nothing waits
    /// for room, whatever the handle: what keeps the room may wait for that module.
    #[inline]
    pub(crate) fn waits_for_room(&self) -> bool {
        self.is_external() && !waiting::is_in_module()
    }

    /// Admits a command or query, as [`admit`](Self::admit) does, if it keeps its own rules.
    #[inline]
    pub(crate) fn admit_valid<M: Message + Send>(&self, message: &M) -> Result<u64, SendError> {
        if let Some(validate) = M::VALIDATE {
            check_rules(validate, message)?;
        }
        let sequence = self.admit(M::descriptor(), 1)?;
        self.scope.mediator.recorder.record(message);
        Ok(sequence)
    }

    /// Counts `count` deliveries of a message as in flight and gives their number, or says why they are
    /// refused.
    #[inline]
    pub(crate) fn admit(
        &self,
        message: &'static MessageDescriptor,
        count: u64,
    ) -> Result<u64, SendError> {
        let limit = self.scope.mediator.max_depth;
        if self.cause.depth >= limit {
            return Err(SendError::TooDeep(Box::new(self.too_deep(message, limit))));
        }
        if self.is_external() && self.scope.mediator.stopping.has_begun() {
            return Err(SendError::Stopping {
                message: message.name(),
            });
        }
        self.scope.admit(count, self.is_external(), message.name())
    }

    #[cold]
    fn too_deep(&self, message: &'static MessageDescriptor, limit: u32) -> TooDeep {
        let chain = self
            .cause
            .chain(self.message.map(|label| label.message.name()));
        TooDeep {
            message: message.name(),
            limit,
            chain,
        }
    }

    /// Where the message that is being handled comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            scope: &self.scope,
            cause: &self.cause,
        }
    }

    /// What the cause of a message is that it sends.
    #[inline]
    pub(crate) fn next_cause(&self) -> Cause {
        let links = &self.scope.mediator.links;
        let is_linked = links.is_linked(self.cause.depth + 1);
        let link = if is_linked { self.link() } else { None };
        self.cause.child(self.message_number(), link)
    }

    /// What a message carries of its cause besides its number: the names of a long chain, and the span that
    /// it is sent in.
    #[cold]
    #[inline(never)]
    fn link(&self) -> Option<Arc<CauseLink>> {
        let links = &self.scope.mediator.links;
        let is_long = links.is_long(self.cause.depth + 1);
        let name = self.message.filter(|_| is_long);
        let name = name.map(|label| label.message.name());
        let sender = if tracing::level_enabled!(tracing::Level::INFO) {
            SenderSpan::current(self.trace_context().cloned())
        } else {
            links.forget_spans();
            None
        };
        self.cause.link(name, sender)
    }

    /// The trace that it is part of.
    pub(crate) fn trace_context(&self) -> Option<&TraceContext> {
        // A unit of work that is opened may be given another one than that of who opens it.
        let own = self.scope.own_trace().filter(|_| self.message.is_none());
        own.or_else(|| self.cause.trace())
            .or_else(|| self.scope.trace())
    }

    /// Whether a test has drawn that the handler of its message crashes.
    #[inline]
    pub(crate) fn crashes(&self) -> bool {
        let is_own = |label: Label| label.message.is_of_framework();
        self.scope.mediator.chance.crashes() && !self.message.is_some_and(is_own)
    }

    /// The delivery whose handler uses it. `None` outside handlers, and for clones, whose users are unknown.
    pub(crate) fn delivery(&self) -> Option<DeliveryKey> {
        let is_its = matches!(
            self.origin,
            Origin::Handler | Origin::Task(_) | Origin::RootTask(_)
        );
        let label = self.message.filter(|_| is_its)?;
        let place = match label.message.kind {
            MessageKind::Event => ptr::from_ref(self).addr(),
            MessageKind::Command | MessageKind::Query => 0,
        };
        Some(DeliveryKey {
            sequence: label.sequence(),
            place,
        })
    }

    /// The number of the message being handled; `None` outside handlers.
    #[inline]
    pub(crate) fn message_number(&self) -> Option<u64> {
        self.message.map(Label::sequence)
    }

    /// The number of the message being handled; 0 outside handlers.
    pub(crate) fn sequence(&self) -> u64 {
        self.message.map_or(0, Label::sequence)
    }

    /// Why there is no route for the message.
    #[cold]
    pub(crate) fn no_route(
        &self,
        message: &'static MessageDescriptor,
        handler: Option<&'static Declaration>,
    ) -> SendError {
        if self.scope.mediator.stopping.has_begun() {
            return SendError::Stopping {
                message: message.name(),
            };
        }
        let error = NoRoute {
            message: message.name(),
            declared: message.declaration,
            handler,
            registered: self.scope.mediator.routing.knows(message.slot()),
        };
        if self.is_of_module() {
            self.scope.mediator.recorder.note_unrouted(&error);
        }
        SendError::NoRoute(Box::new(error))
    }

    /// How often the message that is being handled was tried before.
    pub(crate) fn attempt(&self) -> u8 {
        self.message.map_or(0, Label::attempt)
    }

    pub(crate) fn message_id(&self) -> Option<MessageId> {
        self.message.map(|label| MessageId {
            context: self.scope.id(),
            sequence: label.sequence(),
        })
    }

    pub(crate) fn causation_id(&self) -> Option<MessageId> {
        self.cause.sequence.map(|sequence| MessageId {
            context: self.scope.id(),
            sequence,
        })
    }
}

/// Refuses a message that breaks its own rules, or whose rules panic: what comes from outside must not crash
/// who sends it on.
fn check_rules<M: Message>(validate: Validate<M>, message: &M) -> Result<(), SendError> {
    let mut checked = Ok(());
    if let Err(panic) = catch_now(&mut || checked = validate(message)) {
        checked = Err(panicked_rules(M::NAME, panic));
    }
    checked.map_err(|violations| {
        SendError::Invalid(Box::new(Invalid {
            message: M::NAME,
            violations,
        }))
    })
}

fn panicked_rules(message: &'static str, panic: PanicPayload) -> Violations {
    let panic = said_last(panic);
    tracing::error!(
        message,
        panic,
        "the rules of a message panicked, so it is refused"
    );
    let mut violations = Violations::new();
    violations.add("", "its rules could not be checked");
    violations
}
