//! What a context may have besides work: an id, a deadline, a principal, baggage. Costs nothing until asked
//! for.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::pending;
use std::iter;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::guarded::drop_unpanicked;
use crate::principal::Principal;
use crate::scope::Scope;
use crate::scope::start_decision::StartDecision;
use crate::sync::lock;
use crate::trace::TraceContext;

/// The properties of one context, each set at most once, but for baggage.
#[derive(Default)]
pub(super) struct Properties {
    /// The unit of work that this one is nested in. Properties that are not set here are taken from it.
    parent: OnceLock<Arc<Scope>>,
    id: OnceLock<ContextId>,
    deadline: OnceLock<Deadline>,
    /// There if the deadline is that of the beginning alone: what has begun before it has none.
    beginning: OnceLock<StartDecision>,
    /// Notified when a deadline is set while it may be waited for. Only the outermost unit of work has it,
    /// for all that is nested in it, and only if there is a handle that could set one.
    deadline_set: OnceLock<Arc<Notify>>,
    principal: OnceLock<Principal>,
    /// Set if it is the program's own work, which may send what requires a principal.
    is_of_system: AtomicBool,
    /// The correlation ID of what this unit of work goes on with, if that is not its own id.
    #[cfg(feature = "eventstore")]
    correlation: OnceLock<Arc<str>>,
    /// The trace that caused it. Boxed: most have none.
    trace: OnceLock<Box<TraceContext>>,
    /// One value of each type.
    baggage: Mutex<Vec<Arc<dyn Baggage>>>,
}

impl Properties {
    /// The last handle may be dropped in the task of a stranger, which a panic must not reach.
    fn drop_baggage(&mut self) {
        let baggage = mem::take(
            self.baggage
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if !baggage.is_empty() {
            drop_unpanicked(baggage);
        }
    }
}

/// A value that travels with a unit of work.
pub(crate) trait Baggage: Any + fmt::Debug + Send + Sync {}

impl<T: Any + fmt::Debug + Send + Sync> Baggage for T {}

/// The id of a context, which its messages share as their correlation id: a UUID v7, drawn when first asked
/// for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(Uuid);

impl ContextId {
    /// The 128 bits of the UUID.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As its text.
impl Serialize for ContextId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ContextId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let id = Uuid::try_parse(&text).map_err(D::Error::custom)?;
        Ok(ContextId(id))
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextId({self})")
    }
}

/// The id of one message: its context's id and its number within it, counted from 0 in the order sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The context it was sent in.
    pub context: ContextId,
    /// Its number there.
    pub sequence: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.context, self.sequence)
    }
}

/// The instant after which nothing of a context is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

impl Deadline {
    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

impl Properties {
    /// These, and those of all that they are nested in: a loop, because units of work may be nested as deep
    /// as messages cause each other.
    fn with_inherited(&self) -> impl Iterator<Item = &Properties> {
        iter::successors(Some(self), |properties| {
            properties.parent.get()?.properties.get().map(Box::as_ref)
        })
    }

    /// Apart, since it is asked for before each message of a context that has any properties, and costs
    /// nothing in others.
    fn deadline(&self) -> Option<Deadline> {
        let deadlines = self.with_inherited();
        let deadlines = deadlines.filter_map(Properties::own_deadline);
        deadlines.min_by_key(|deadline| deadline.0)
    }

    fn own_deadline(&self) -> Option<Deadline> {
        let deadline = *self.deadline.get()?;
        let has_begun = self.beginning.get().is_some_and(StartDecision::has_begun);
        (!has_begun).then_some(deadline)
    }

    /// Keeps what has a deadline that has passed, and has not begun, from beginning.
    fn expire(&self) {
        for properties in self.with_inherited() {
            if let (Some(beginning), Some(deadline)) =
                (properties.beginning.get(), properties.deadline.get())
                && deadline.has_passed()
            {
                beginning.expire();
            }
        }
    }
}

/// Drops parents in a loop, so that deep nesting does not overflow the stack.
impl Drop for Properties {
    fn drop(&mut self) {
        self.drop_baggage();
        let mut parent = self.parent.take();
        while let Some(mut scope) = parent.and_then(Arc::into_inner) {
            let properties = scope.properties.get_mut();
            parent = properties.and_then(|properties| properties.parent.take());
        }
    }
}

impl Scope {
    fn properties(&self) -> &Properties {
        self.properties.get_or_init(Box::default)
    }

    /// The id, drawn now if it was not asked for before.
    pub(crate) fn id(&self) -> ContextId {
        *self
            .properties()
            .id
            .get_or_init(|| ContextId(Uuid::now_v7()))
    }

    /// The correlation ID: that of what it goes on with, or its own id.
    #[cfg(not(feature = "eventstore"))]
    pub(crate) fn correlation_id(&self) -> ContextId {
        self.id()
    }

    /// The correlation ID: that of what it goes on with, or its own id. What was stored may have one that is
    /// no id of a context.
    #[cfg(feature = "eventstore")]
    pub(crate) fn correlation_id(&self) -> ContextId {
        let given = self.correlation().and_then(|it| Uuid::try_parse(it).ok());
        given.map_or_else(|| self.id(), ContextId)
    }

    /// The correlation ID as text, as it is stored.
    #[cfg(feature = "eventstore")]
    pub(crate) fn correlation_text(&self) -> Arc<str> {
        let given = self.correlation().cloned();
        given.unwrap_or_else(|| self.id().to_string().into())
    }

    #[cfg(feature = "eventstore")]
    fn correlation(&self) -> Option<&Arc<str>> {
        let mut all = self.properties.get()?.with_inherited();
        all.find_map(|properties| properties.correlation.get())
    }

    /// Sets the correlation ID of what it goes on with.
    #[cfg(feature = "eventstore")]
    pub(crate) fn set_correlation(&self, correlation: Arc<str>) {
        self.properties().correlation.get_or_init(|| correlation);
    }

    /// Its own, or that of what it is nested in if that is earlier.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.properties.get()?.deadline()
    }

    /// Sets the deadline, unless there is one.
    pub(crate) fn set_deadline(&self, at: Instant) {
        self.properties().deadline.get_or_init(|| Deadline(at));
        if let Some(set) = self.deadline_set() {
            set.notify_waiters();
        }
    }

    /// Sets the deadline by which its first message has to be handled, unless there is a deadline. A unit of
    /// work that has begun by then has none.
    pub(crate) fn set_start_deadline(&self, at: Instant) {
        self.note_start();
        self.set_deadline(at);
    }

    /// Notes from now on whether a message of it was handled, so that a deadline for that which is set later
    /// knows.
    pub(crate) fn note_start(&self) {
        self.properties()
            .beginning
            .get_or_init(StartDecision::default);
    }

    /// Whether a message of it was handled, if it has a deadline for that.
    #[cfg(feature = "http")]
    pub(crate) fn has_begun(&self) -> bool {
        let beginning = self.properties.get().and_then(|it| it.beginning.get());
        beginning.is_some_and(StartDecision::has_begun)
    }

    /// Notes that a message of it is about to be handled; returns whether that is in time.
    pub(super) fn note_begun(&self) -> bool {
        let Some(properties) = self.properties.get() else {
            return true;
        };
        let all = properties.with_inherited();
        all.filter_map(|it| it.beginning.get())
            .all(StartDecision::begin)
    }

    /// A deadline may be set from now on while others wait. In a nested unit of work that is known already,
    /// from when it was opened; a module's own has none.
    pub(crate) fn expect_deadline(&self) {
        if self.kind.is_unit() && self.parent().is_none() {
            let set = &self.properties().deadline_set;
            set.get_or_init(Arc::default);
        }
    }

    /// The notification for when a deadline is set, if one may be.
    pub(crate) fn deadline_set(&self) -> Option<Arc<Notify>> {
        let outermost = self.properties.get()?.with_inherited().last()?;
        outermost.deadline_set.get().cloned()
    }

    /// Waits for the deadline, also if that is set meanwhile.
    pub(crate) async fn deadline_passed(&self) {
        loop {
            let set = self.deadline_set();
            let set = set.as_ref().map(|set| set.notified());
            if let Some(deadline) = self.deadline() {
                sleep_until(deadline.0).await;
                self.properties().expire();
                if self.deadline().is_some_and(Deadline::has_passed) {
                    return;
                }
                continue;
            }
            match set {
                Some(set) => set.await,
                None => pending().await,
            }
        }
    }

    /// Waits until the deadline that it has; without one, for ever.
    pub(crate) async fn until_deadline(&self) {
        match self.deadline() {
            Some(deadline) => sleep_until(deadline.0).await,
            None => pending().await,
        }
    }

    /// Whether it has a deadline, or one may be set.
    pub(crate) fn may_have_deadline(&self) -> bool {
        self.deadline().is_some() || self.deadline_set().is_some()
    }

    /// Whether it has any properties.
    #[inline]
    pub(crate) fn has_properties(&self) -> bool {
        self.properties.get().is_some()
    }

    /// The principal, its own or that of what it is nested in. An anonymous one is none.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        let mut all = self.properties.get()?.with_inherited();
        let principal = all.find_map(|properties| properties.principal.get());
        principal.filter(|principal| !principal.is_anonymous())
    }

    /// Sets the principal, unless there is one.
    pub(crate) fn set_principal(&self, principal: Principal) {
        self.properties().principal.get_or_init(|| principal);
    }

    /// Marks it as the program's own work.
    pub(crate) fn set_of_system(&self) {
        let properties = self.properties();
        properties.is_of_system.store(true, Ordering::Relaxed);
    }

    /// Whether it is a unit of work, and not what a module always has.
    pub(crate) fn is_unit(&self) -> bool {
        self.kind.is_unit()
    }

    /// Whether what is sent in it is sent by a module, or by the program on its own behalf.
    pub(crate) fn is_trusted(&self) -> bool {
        let is_of_system = |it: &Properties| it.is_of_system.load(Ordering::Relaxed);
        let properties = self.properties.get();
        !self.kind.is_unit() || properties.is_some_and(|it| is_of_system(it))
    }

    /// The trace that caused it, or what it is nested in.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        let mut all = self.properties.get()?.with_inherited();
        all.find_map(|properties| properties.trace.get().map(AsRef::as_ref))
    }

    /// The trace that caused it, if it was given one of its own.
    pub(crate) fn own_trace(&self) -> Option<&TraceContext> {
        self.properties.get()?.trace.get().map(AsRef::as_ref)
    }

    /// Sets the trace, unless there is one.
    pub(crate) fn set_trace(&self, trace: TraceContext) {
        self.properties().trace.get_or_init(|| Box::new(trace));
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Scope>> {
        self.properties.get()?.parent.get()
    }

    /// The addresses of the units of work that it is nested in.
    pub(crate) fn parents(&self) -> Vec<usize> {
        let parents = iter::successors(self.parent(), |scope| scope.parent());
        parents.map(|scope| scope.address()).collect()
    }

    /// Whether it is the unit of work that has this address, or nested in that.
    pub(crate) fn is_within(&self, unit: usize) -> bool {
        let own = self.address() == unit;
        own || iter::successors(self.parent(), |scope| scope.parent())
            .any(|scope| scope.address() == unit)
    }

    /// Sets the unit of work that it is nested in, unless there is one.
    pub(super) fn set_parent(&self, parent: Arc<Scope>) {
        self.properties().parent.get_or_init(|| parent);
    }

    /// The id of the unit of work that it is nested in.
    pub(crate) fn parent_id(&self) -> Option<ContextId> {
        self.parent().map(|parent| parent.id())
    }

    /// The value of that type.
    pub(crate) fn baggage<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mut all = self.properties.get()?.with_inherited();
        all.find_map(|properties| lock(&properties.baggage).iter().find_map(known))
    }

    /// The value of that type that this scope has itself; those that it inherits do not count.
    #[cfg(feature = "eventstore")]
    pub(crate) fn own_baggage<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let properties = self.properties.get()?;
        lock(&properties.baggage).iter().find_map(known)
    }

    /// Adds a value, in place of one of the same type.
    pub(crate) fn add_baggage<T: Any + fmt::Debug + Send + Sync>(&self, value: T) {
        let value: Arc<dyn Baggage> = Arc::new(value);
        let mut baggage = lock(&self.properties().baggage);
        let before = baggage
            .iter()
            .position(|carried| known::<T>(carried).is_some());
        let before = before.map(|place| baggage.swap_remove(place));
        baggage.push(value);
        drop(baggage);
        drop(before); // The user's, so not under the lock.
    }

    /// All values, those of what it is nested in too, for who shows them.
    pub(crate) fn all_baggage(&self) -> Vec<Arc<dyn Baggage>> {
        let Some(properties) = self.properties.get() else {
            return Vec::new();
        };
        let mut all: Vec<Arc<dyn Baggage>> = Vec::new();
        for properties in properties.with_inherited() {
            for value in &*lock(&properties.baggage) {
                let is_known = |known: &Arc<dyn Baggage>| type_of(&**known) == type_of(&**value);
                if !all.iter().any(is_known) {
                    all.push(Arc::clone(value));
                }
            }
        }
        all
    }
}

fn known<T: Any + Send + Sync>(value: &Arc<dyn Baggage>) -> Option<Arc<T>> {
    let value: Arc<dyn Any + Send + Sync> = Arc::clone(value) as _;
    value.downcast().ok()
}

fn type_of(value: &dyn Baggage) -> std::any::TypeId {
    Any::type_id(value)
}
