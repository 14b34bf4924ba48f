//! [`SubjectKeys`]: where the keys of subjects are kept. [`MemoryKeys`] keeps them in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use crate::eventstore::backend::{StoreError, StoreFuture};
use crate::eventstore::personal::random::fill;
use crate::sync::lock;

/// The key of a subject: 256 bits, for XChaCha20-Poly1305.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKey([u8; 32]);

impl SubjectKey {
    /// A new key, from the random numbers of the operating system.
    ///
    /// # Errors
    /// If the operating system gives none.
    pub fn random() -> Result<Self, StoreError> {
        let mut key = [0; 32];
        fill(&mut key)?;
        Ok(SubjectKey(key))
    }

    /// The key of these bytes, as they were kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        SubjectKey(bytes)
    }

    /// The bytes, to be kept.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

/// The state of a subject's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectKeyState {
    /// Its key.
    Known(SubjectKey),
    /// Its key was destroyed. There will never be another.
    Forgotten,
    /// There never was a key of it here.
    Unknown,
}

/// Keeps the keys of subjects: in a place of its own, whose backups are not those of the events. A backup of
/// events and one of keys from before a subject was forgotten know the subject again.
///
/// `nether-sqlite` keeps them in a file (`SqliteKeys`).
pub trait SubjectKeys: Send + Sync + 'static {
    /// What these keys are known by: drawn at random when they are created, and kept with them. A store
    /// remembers it, so that it is not opened with the keys of another one.
    ///
    /// # Errors
    /// Why it could not be read.
    fn id(&self) -> StoreFuture<'_, Uuid>;

    /// Returns what is kept of these subjects, in this order.
    ///
    /// # Errors
    /// Why it could not be read.
    fn keys(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>>;

    /// As [`keys`](SubjectKeys::keys); a subject of which nothing is kept gets a new key, which is kept
    /// durably before this returns. If two callers make one at the same time, both get the same.
    ///
    /// # Errors
    /// Why it could not be read or written.
    fn keys_or_new(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>>;

    /// All subjects that are forgotten.
    ///
    /// # Errors
    /// Why they could not be read.
    fn forgotten(&self) -> StoreFuture<'_, Vec<Arc<str>>>;

    /// Destroys the key of a subject, if there is one, and keeps durably that it was. No byte of the key may
    /// be left where it was kept.
    ///
    /// # Errors
    /// Why it could not be destroyed; it may be destroyed all the same.
    fn forget(&self, subject: Arc<str>) -> StoreFuture<'_, ()>;
}

/// Keys in memory, for tests and with a store in memory: what was sealed with them cannot be read by the next
/// process.
#[derive(Debug)]
pub struct MemoryKeys {
    id: Uuid,
    /// `None` for a subject that is forgotten.
    keys: Mutex<HashMap<Arc<str>, Option<SubjectKey>>>,
}

impl Default for MemoryKeys {
    fn default() -> Self {
        MemoryKeys {
            id: Uuid::now_v7(),
            keys: Mutex::default(),
        }
    }
}

fn state(kept: Option<&Option<SubjectKey>>) -> SubjectKeyState {
    match kept {
        Some(Some(key)) => SubjectKeyState::Known(key.clone()),
        Some(None) => SubjectKeyState::Forgotten,
        None => SubjectKeyState::Unknown,
    }
}

impl SubjectKeys for MemoryKeys {
    fn id(&self) -> StoreFuture<'_, Uuid> {
        Box::pin(async { Ok(self.id) })
    }

    fn keys(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>> {
        Box::pin(async move {
            let keys = lock(&self.keys);
            Ok(subjects.iter().map(|it| state(keys.get(it))).collect())
        })
    }

    fn keys_or_new(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>> {
        Box::pin(async move {
            let mut keys = lock(&self.keys);
            for subject in &subjects {
                if !keys.contains_key(subject) {
                    keys.insert(Arc::clone(subject), Some(SubjectKey::random()?));
                }
            }
            Ok(subjects.iter().map(|it| state(keys.get(it))).collect())
        })
    }

    fn forgotten(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        Box::pin(async {
            let keys = lock(&self.keys);
            let forgotten = keys.iter().filter(|(_, key)| key.is_none());
            Ok(forgotten.map(|(subject, _)| Arc::clone(subject)).collect())
        })
    }

    fn forget(&self, subject: Arc<str>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            lock(&self.keys).insert(subject, None);
            Ok(())
        })
    }
}
