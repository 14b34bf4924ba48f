//! [`Store`]: the handle to an event store that a program provides, whatever the backend.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use crate::declaration::Declaration;
use crate::eventstore::memory::MemoryStore;
use crate::eventstore::store::{Encoding, EventStore, StoreError};
use crate::sync::lock;

/// The event store of a program: what aggregates, projections and sagas ask for as a resource.
///
/// ```
/// use nether::eventstore::Store;
/// use nether::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// let system = System::builder().provide(Store::memory()).start().await?;
/// # system.shutdown().await;
/// # Ok(()) }
/// ```
///
/// A clone is another handle to the same store. It is an [`EventStore`], whose methods it has.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn EventStore>,
    settings: Settings,
    /// Whose streams begin with which name.
    categories: Arc<Mutex<HashMap<&'static str, Declaration>>>,
}

/// How a program uses its store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settings {
    pub(super) encoding: Encoding,
    pub(super) skips_unknown: bool,
}

impl Store {
    /// A store of that backend.
    pub fn new(backend: impl EventStore) -> Self {
        Store {
            backend: Arc::new(backend),
            settings: Settings::default(),
            categories: Arc::default(),
        }
    }

    /// A store in memory, which forgets when the program ends.
    pub fn memory() -> Self {
        Store::new(MemoryStore::default())
    }

    /// The same, writing new events so. What is there already is read as it was written.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.settings.encoding = encoding;
        self
    }

    /// The same, skipping events that the program does not know, where reading them is an error otherwise: those in the stream of
    /// an aggregate that it does not list, and those of a newer version.
    #[must_use]
    pub fn skip_unknown_events(mut self) -> Self {
        self.settings.skips_unknown = true;
        self
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings
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
