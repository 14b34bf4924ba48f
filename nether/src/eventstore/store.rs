//! [`Store`]: the handle to an event store that a program provides, whatever the backend.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::RwLock;

use crate::declaration::Declaration;
use crate::eventstore::backend::{Encoding, EventStore, RecordedEvent, StoreError};
use crate::eventstore::control::{Control, FollowerKind, FollowerList, FollowerSeat};
use crate::eventstore::memory::MemoryStore;
#[cfg(feature = "erasure")]
use crate::eventstore::personal::{PersonalStore, SubjectKeys};
use crate::resources::ResourceDescriptor;
use crate::sync::lock;

/// The event store of a program: what aggregates, projections and sagas ask for as a resource.
///
/// ```
/// use nether::eventstore::Store;
/// use nether::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let builder = System::builder().isolated();
/// # #[cfg(any())]
/// let builder = System::builder();
/// let system = builder.provide(Store::memory()).start().await?;
/// # system.shutdown().await;
/// # Ok(()) }
/// ```
///
/// A clone is another handle to the same store. It is an [`EventStore`], whose methods it has.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn EventStore>,
    /// The backend, as what seals personal values.
    #[cfg(feature = "erasure")]
    pub(super) personal: Arc<PersonalStore>,
    /// How often a subject was forgotten, or an event redacted, in this process: what was read before may
    /// know it still.
    pub(super) erasures: Arc<AtomicU64>,
    /// Held alone while an event is redacted, and together by those that write down what they have read.
    pub(super) past: Arc<RwLock<()>>,
    settings: StoreSettings,
    /// The aggregates by the beginning of their streams' names.
    categories: Arc<Mutex<HashMap<&'static str, Declaration>>>,
    /// What all users of the store in this process have in common, as long as one of them has it: by its
    /// type, and by whether unknown events are skipped, because states may differ by it.
    shared: Arc<Mutex<HashMap<(TypeId, bool), WeakAny>>>,
    /// The projections and sagas that follow it, by name.
    followers: Arc<Mutex<HashMap<&'static str, RegisteredFollower>>>,
}

/// The store, as what aggregates, projections and sagas need.
#[doc(hidden)]
pub const STORE: ResourceDescriptor = ResourceDescriptor::of::<Store>(GIVEN_BY);

const GIVEN_BY: &str = "`builder.provide(nether::eventstore::Store::memory())`, or to keep the events, `Store::new(..)` of the store \
                        of an adapter, such as `nether_sqlite::SqliteStore`";

/// A projection or saga type that follows a store.
struct RegisteredFollower {
    declaration: Declaration,
    running: Arc<FollowerList>,
}

type WeakAny = Weak<dyn Any + Send + Sync>;

/// The default of [`Store::lease_time`].
const LEASE_TIME: Duration = Duration::from_secs(10);

/// The shortest lease time. A shorter one is set to this.
const SHORTEST_LEASE_TIME: Duration = Duration::from_millis(100);

/// How a program uses its store.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreSettings {
    pub(super) encoding: Encoding,
    pub(super) skips_unknown: bool,
    pub(super) lease_time: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            encoding: Encoding::default(),
            skips_unknown: false,
            lease_time: LEASE_TIME,
        }
    }
}

impl Store {
    /// A store of that backend.
    pub fn new(backend: impl EventStore) -> Self {
        let backend: Arc<dyn EventStore> = Arc::new(backend);
        #[cfg(feature = "erasure")]
        let personal = Arc::new(PersonalStore::new(backend, None));
        Store {
            #[cfg(not(feature = "erasure"))]
            backend,
            #[cfg(feature = "erasure")]
            backend: Arc::clone(&personal) as Arc<dyn EventStore>,
            #[cfg(feature = "erasure")]
            personal,
            erasures: Arc::default(),
            past: Arc::default(),
            settings: StoreSettings::default(),
            categories: Arc::default(),
            shared: Arc::default(),
            followers: Arc::default(),
        }
    }

    /// A store in memory, which forgets when the program ends.
    pub fn memory() -> Self {
        Store::new(MemoryStore::default())
    }

    /// Sets the encoding of new events. Stored events are read in the encoding in which they were written.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.settings.encoding = encoding;
        self
    }

    /// Skips events in the stream of an aggregate that does not list their names, which are an error
    /// otherwise. An event whose name is listed, and that cannot be read or is of a newer version, is an
    /// error all the same.
    #[must_use]
    pub fn skip_unknown_events(mut self) -> Self {
        self.settings.skips_unknown = true;
        self
    }

    /// Sets how long the process that runs a projection, or the sagas of a type, may be silent before another
    /// process takes over: 10 seconds by default, and never less than 100 milliseconds. The process writes a
    /// heartbeat three times in that time, if other processes may have the store open. The takeover is
    /// immediate if the process stops in order, or if no other process can have the store open.
    #[must_use]
    pub fn lease_time(mut self, time: Duration) -> Self {
        self.settings.lease_time = time.max(SHORTEST_LEASE_TIME);
        self
    }

    /// The backend itself, in which personal values are sealed.
    pub(super) fn raw(&self) -> &dyn EventStore {
        #[cfg(feature = "erasure")]
        return self.personal.backend();
        #[cfg(not(feature = "erasure"))]
        &*self.backend
    }

    #[cfg(feature = "erasure")]
    pub(super) fn with_keys(mut self, keys: Arc<dyn SubjectKeys>) -> Self {
        self.personal = Arc::new(self.personal.with_keys(keys));
        self.backend = Arc::clone(&self.personal) as Arc<dyn EventStore>;
        self
    }

    /// Notes that a subject was forgotten, or an event redacted, if one of these events says so: it may have
    /// been another process.
    pub(super) fn note_erasures(&self, events: &[RecordedEvent]) {
        let names = ["nether.subject_forgotten", "nether.event_redacted"];
        if events.iter().any(|event| names.contains(&&*event.name)) {
            self.erasures.fetch_add(1, Ordering::Release);
        }
    }

    /// How often this process has noticed that a subject was forgotten, or an event redacted.
    pub(super) fn erasures(&self) -> u64 {
        self.erasures.load(Ordering::Acquire)
    }

    pub(super) fn settings(&self) -> StoreSettings {
        self.settings
    }

    /// The one value of a type that all users of the store in this process have in common.
    pub(super) fn shared<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut shared = lock(&self.shared);
        let key = (TypeId::of::<T>(), self.settings.skips_unknown);
        let known = shared.get(&key).and_then(WeakAny::upgrade);
        if let Some(known) = known.and_then(|it| it.downcast().ok()) {
            return known;
        }
        let made = Arc::new(make());
        let weak: Weak<T> = Arc::downgrade(&made);
        shared.insert(key, weak);
        made
    }

    /// Takes a category for what is declared there, unless something else has it.
    pub(super) fn claim(
        &self,
        category: &'static str,
        declaration: Declaration,
    ) -> Result<(), StoreError> {
        let mut categories = lock(&self.categories);
        let holder = categories.entry(category).or_insert(declaration);
        if holder.name == declaration.name {
            return Ok(());
        }
        Err(StoreError::Codec {
            what: format!("`{}` and `{}`", holder.name, declaration.name),
            reason: format!(
                "both keep their events in streams that begin with `{category}/`: give one of them another name, `name = \"..\"`"
            ),
        })
    }

    /// The place of a projection or saga type that is about to follow the store.
    ///
    /// # Errors
    /// If another one has its name.
    pub(super) fn follow<K: FollowerKind>(
        &self,
        name: &'static str,
        needs_lease: bool,
        declaration: Declaration,
    ) -> Result<FollowerSeat<K>, StoreError> {
        let mut followers = lock(&self.followers);
        let follower = followers.entry(name).or_insert_with(|| RegisteredFollower {
            declaration,
            running: Arc::default(),
        });
        if follower.declaration.name != declaration.name {
            return Err(StoreError::Codec {
                what: format!("`{}` and `{}`", follower.declaration.name, declaration.name),
                reason: format!(
                    "both keep their checkpoint under the name `{name}`: give one of them another name, `name = \"..\"`"
                ),
            });
        }
        Ok(FollowerSeat::take(name, needs_lease, &follower.running))
    }

    /// The way to a projection or saga type that follows the store.
    pub(super) fn follower<K: FollowerKind>(&self, name: &str) -> Option<Arc<Control<K>>> {
        let running = Arc::clone(&lock(&self.followers).get(name)?.running);
        running.running()
    }
}

impl Deref for Store {
    type Target = dyn EventStore;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
