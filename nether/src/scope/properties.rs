//! What a context may have besides work: an id, a deadline, a principal. Costs nothing until asked for.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;
use uuid::Uuid;

use crate::scope::Scope;

/// The properties of one context, each set at most once.
#[derive(Default)]
pub(super) struct Properties {
    id: OnceLock<ContextId>,
    deadline: OnceLock<Deadline>,
    principal: OnceLock<Arc<str>>,
}

/// The id of a context, which its messages share as their correlation id: a UUID v7, drawn when first asked for.
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
pub struct MessageKey {
    /// The context it was sent in.
    pub context: ContextId,
    /// Its number there.
    pub sequence: u64,
}

impl fmt::Display for MessageKey {
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

impl Scope {
    fn properties(&self) -> &Properties {
        self.properties.get_or_init(Box::default)
    }

    /// The id, drawn now if nobody asked before.
    pub(crate) fn id(&self) -> ContextId {
        *self
            .properties()
            .id
            .get_or_init(|| ContextId(Uuid::now_v7()))
    }

    #[inline]
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.properties.get()?.deadline.get().copied()
    }

    /// Sets the deadline, unless there is one.
    pub(crate) fn set_deadline(&self, at: Instant) {
        self.properties().deadline.get_or_init(|| Deadline(at));
    }

    pub(crate) fn principal(&self) -> Option<&str> {
        self.properties.get()?.principal.get().map(|name| &**name)
    }

    /// Sets the principal, unless there is one.
    pub(crate) fn set_principal(&self, name: &str) {
        self.properties().principal.get_or_init(|| name.into());
    }
}
