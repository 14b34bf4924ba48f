//! [`StoredKeys`]: idempotency keys in the event store, as documents, so that they survive a restart.
//!
//! A key is claimed by a document that must not be there yet, and settled by another one in its place. Both
//! are written on condition that the document is as it was read, so of any number of processes one has a key.
//! Which keys there are, how many bytes they take and when their time is over is also in memory, so that each
//! request costs the same, however many there are. The keys of other processes are counted as far as they
//! were there when this one began: so each process of a store has its own bounds, and bounds what it adds.

mod claimants;
mod record;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::sleep;

use self::claimants::{ClaimGuard, ClaimantState, state_of};
use self::record::{KeyRecord, RecordState};
use crate::error::{Error, Result};
use crate::escaped::Escaped;
use crate::eventstore::backend::{DocumentChange, DocumentCondition, StoreError, StoreFuture};
use crate::eventstore::clock;
use crate::eventstore::store::Store;
use crate::guarded::{catch, said_last};
use crate::hexadecimal::hexadecimal;
use crate::idempotency::{
    KeyClaim, KeyEnd, KeyFuture, KeyIndex, KeyLimits, KeyName, KeyStore, KeyedRequest, NoRoom,
    StoredAnswer,
};
use crate::sync::lock;

/// The collection of the keys.
const KEYS: &str = "idempotency";

/// How often a key is read again that has changed before it could be claimed.
const ATTEMPTS: usize = 16;

/// How often an answer is written again that could not be written.
const RETRIES: u32 = 8;

/// How long the first of these waits; each other one twice as long as the one before it.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// After how many milliseconds a command that does nothing twice is handled again whose process may be dead.
const RESUMED_AFTER: u64 = 60_000;

/// Idempotency keys in an event store.
pub(super) struct StoredKeys {
    /// For the tasks that it spawns.
    this: Weak<StoredKeys>,
    store: Store,
    retention: u64,
    index: Mutex<KeyIndex<LocalKey>>,
    /// Whether a task is removing keys whose time is over.
    is_sweeping: AtomicBool,
}

/// A key, as this process remembers it.
#[derive(Debug)]
enum LocalKey {
    /// Claimed by this process, and not settled.
    InProgress(Arc<OwnClaim>),
    /// Claimed by this process in a document that could not be removed, though nothing was begun.
    Free(Arc<KeyRecord>),
    /// Whatever the document says.
    AsStored,
}

/// A claim of this process.
#[derive(Debug)]
struct OwnClaim {
    record: Arc<KeyRecord>,
    /// Dropped with it, so that the claim is known to have no owner.
    _guard: ClaimGuard,
}

impl OwnClaim {
    fn new(request: &KeyedRequest, times: (u64, u64), is_alone: bool) -> Arc<Self> {
        let guard = ClaimGuard::new();
        let claimant = guard.claimant(is_alone);
        let record = KeyRecord::claimed(request.fingerprint, request.owner, times, claimant);
        Arc::new(OwnClaim {
            record: Arc::new(record),
            _guard: guard,
        })
    }
}

/// The keys in that store.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn stored_keys(store: &Store, limits: KeyLimits) -> Result<Arc<dyn KeyStore>> {
    let mut index = KeyIndex::new(limits.bytes);
    for (key, content) in asked(store.documents(KEYS)).await? {
        let Some(name) = name_of(&key) else { continue };
        // A request with that key alone is refused.
        let record = match KeyRecord::read(&content) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(key = %Escaped(&key), error = %Escaped(&error), "an idempotency key in the store cannot be read");
                continue;
            }
        };
        let (owner, until) = (record.owner(), record.head.until);
        index.load(name, owner, LocalKey::AsStored, content.len(), until);
    }
    let retention = limits.retention.as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Arc::new_cyclic(|this| StoredKeys {
        this: Weak::clone(this),
        store: store.clone(),
        retention,
        index: Mutex::new(index),
        is_sweeping: AtomicBool::new(false),
    }))
}

impl StoredKeys {
    async fn claim_key(&self, request: &KeyedRequest) -> Result<KeyClaim> {
        self.sweep();
        for _ in 0..ATTEMPTS {
            let content = self.read(&request.name).await?;
            let record = content.as_deref().map(KeyRecord::read).transpose()?;
            match record.and_then(|record| self.known(record, request)) {
                // Its claimant may have settled it since it was read.
                Some(KeyClaim::Unknown) if self.read(&request.name).await? != content => continue,
                Some(known) => return Ok(known),
                None => {}
            }
            let now = clock::now();
            let times = (now, now.saturating_add(self.retention));
            let claim = OwnClaim::new(request, times, !self.store.is_shared());
            let local = LocalKey::InProgress(Arc::clone(&claim));
            let before = {
                let mut index = lock(&self.index);
                if let Some(LocalKey::InProgress(_)) = index.get(&request.name, now) {
                    return Ok(KeyClaim::InProgress);
                }
                match index.claim(request.name, request.owner, local) {
                    Ok(before) => before,
                    Err(NoRoom) => return Ok(KeyClaim::Full),
                }
            };
            // Dropped before the claim is written, or known not to be, it has no owner: unknown.
            let claiming = Claiming(self, Some(request));
            let written = self
                .write(&request.name, content, Some(&claim.record))
                .await;
            claiming.end();
            match written {
                Ok(()) => return Ok(KeyClaim::Claimed),
                Err(StoreError::PreconditionFailed { .. }) => {
                    lock(&self.index).restore(&request.name, before);
                }
                Err(error) => {
                    // It may be written all the same.
                    self.release(&request.name, &claim.record).await;
                    return Err(error.into());
                }
            }
        }
        Err(Error::msg(format!(
            "an idempotency key was another one {ATTEMPTS} times after it was read"
        )))
    }

    /// What a key is, unless it may be claimed.
    fn known(&self, record: KeyRecord, request: &KeyedRequest) -> Option<KeyClaim> {
        let (now, head) = (clock::now(), &record.head);
        let claimant = match &head.state {
            RecordState::Claimed(claimant) => Some(state_of(claimant, self.store.is_shared())),
            RecordState::Answered(_) => None,
        };
        let is_alive = claimant == Some(ClaimantState::Alive);
        if !is_alive && (head.until <= now || self.is_free(&record, request)) {
            return None;
        }
        if head.fingerprint != request.fingerprint {
            return Some(KeyClaim::OtherRequest);
        }
        let may_be_dead = now.saturating_sub(head.at) >= RESUMED_AFTER;
        match claimant {
            None => {
                let answer = record.answer();
                answer.map(|answer| KeyClaim::Answered(Arc::new(answer)))
            }
            Some(ClaimantState::Alive) => Some(KeyClaim::InProgress),
            Some(ClaimantState::MayBeAlive) if request.resumes && may_be_dead => None,
            Some(ClaimantState::MayBeAlive) => {
                let seconds = now.saturating_sub(head.at) / 1000;
                Some(KeyClaim::InProgressElsewhere(seconds))
            }
            Some(ClaimantState::Dead) if request.resumes => None,
            Some(ClaimantState::Dead) => Some(KeyClaim::Unknown),
        }
    }

    /// Whether it is a claim of this process under which nothing was begun.
    fn is_free(&self, record: &KeyRecord, request: &KeyedRequest) -> bool {
        let index = lock(&self.index);
        let local = index.get(&request.name, 0);
        matches!(local, Some(LocalKey::Free(claim)) if **claim == *record)
    }

    async fn settle_key(&self, request: &KeyedRequest, end: KeyEnd) {
        let name = &request.name;
        let Some(claim) = self.claim_in_progress(name) else {
            return;
        };
        let mut answer = match end {
            KeyEnd::NeverBegun => return self.release(name, &claim.record).await,
            KeyEnd::Unknown => return self.abandon_key(name),
            KeyEnd::Answered(answer) => answer,
        };
        // Before it is written, so that many at once do not take more than there is.
        if !lock(&self.index).reserve(name, length(&claim.record, &answer)) {
            answer = answer.without_body();
        }
        if let Err(error) = self.write_answer(name, &claim.record, &answer).await {
            tracing::warn!(error = %Escaped(&error), "the answer under an idempotency key could not be stored, and will be tried again");
            let (keys, name) = (Weak::clone(&self.this), *name);
            tokio::spawn(retry(keys, name, claim, answer));
        }
    }

    async fn write_answer(
        &self,
        name: &KeyName,
        claim: &KeyRecord,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError> {
        let until = clock::now().saturating_add(self.retention);
        let record = claim.clone().answered(answer.clone(), until);
        let written = self.write(name, Some(claim.written()), Some(&record)).await;
        match written {
            Ok(()) => {
                let bytes = record.written().len();
                lock(&self.index).settle(name, LocalKey::AsStored, bytes, until);
                Ok(())
            }
            // Another process has handled the command again, which did nothing twice. Or an earlier attempt
            // was written although the store returned an error.
            Err(StoreError::PreconditionFailed { .. }) => {
                let bytes = record.written().len();
                lock(&self.index).settle(name, LocalKey::AsStored, bytes, until);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a key free that was claimed and under which nothing was begun.
    async fn release(&self, name: &KeyName, claim: &Arc<KeyRecord>) {
        match self.write(name, Some(claim.written()), None).await {
            Ok(()) | Err(StoreError::PreconditionFailed { .. }) => lock(&self.index).forget(name),
            Err(error) => {
                tracing::warn!(error = %Escaped(&error), "an idempotency key could not be released in the store");
                let until = clock::now().saturating_add(self.retention);
                let free = LocalKey::Free(Arc::clone(claim));
                lock(&self.index).settle(name, free, claim.written().len(), until);
            }
        }
    }

    /// The claim will not be settled, and stays in the store.
    fn abandon_key(&self, name: &KeyName) {
        if let Some(claim) = self.claim_in_progress(name) {
            let record = &claim.record;
            let (bytes, until) = (record.written().len(), record.head.until);
            lock(&self.index).settle(name, LocalKey::AsStored, bytes, until);
        }
    }

    fn claim_in_progress(&self, name: &KeyName) -> Option<Arc<OwnClaim>> {
        match lock(&self.index).get(name, 0) {
            Some(LocalKey::InProgress(claim)) => Some(Arc::clone(claim)),
            _ => None,
        }
    }

    /// Lets a task remove the keys whose time is over, if there are any and none does.
    fn sweep(&self) {
        if lock(&self.index).due(clock::now()).is_none() {
            return;
        }
        if self.is_sweeping.swap(true, Ordering::SeqCst) {
            return;
        }
        let sweeping = Sweeping(Weak::clone(&self.this));
        tokio::spawn(async move {
            // Not held for long: a program that stops has its store closed.
            while let Some(keys) = sweeping.0.upgrade() {
                match keys.remove_first_due().await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(error = %Escaped(&error), "old idempotency keys could not be removed");
                        return;
                    }
                }
            }
        });
    }

    /// Removes the key whose time is over; returns whether there was one.
    async fn remove_first_due(&self) -> Result<bool, StoreError> {
        let now = clock::now();
        let Some(name) = lock(&self.index).due(now) else {
            return Ok(false);
        };
        let content = self.read(&name).await?;
        let record = content.as_deref().map(KeyRecord::read);
        // Another process may have claimed it anew. One that cannot be read stays, for people to look at.
        if record.is_some_and(|record| record.is_ok_and(|record| record.head.until <= now)) {
            match self.write(&name, content, None).await {
                Ok(()) | Err(StoreError::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut index = lock(&self.index);
        if index.get(&name, now).is_none() {
            index.forget(&name);
        }
        Ok(true)
    }

    async fn read(&self, name: &KeyName) -> Result<Option<Vec<u8>>, StoreError> {
        asked(self.store.document(KEYS, &hexadecimal(name))).await
    }

    /// Writes the document of a key, or removes it, if it is as it was before.
    async fn write(
        &self,
        name: &KeyName,
        before: Option<Vec<u8>>,
        record: Option<&KeyRecord>,
    ) -> Result<(), StoreError> {
        let (collection, key): (Arc<str>, Arc<str>) = (KEYS.into(), hexadecimal(name).into());
        let condition = DocumentCondition {
            collection: Arc::clone(&collection),
            key: Arc::clone(&key),
            content: before,
        };
        let change = DocumentChange {
            collection,
            key,
            content: record.map(KeyRecord::written),
        };
        let changed = self.store.change_documents(vec![change], vec![condition]);
        asked(changed).await
    }
}

impl KeyStore for StoredKeys {
    fn claim<'a>(&'a self, request: &'a KeyedRequest) -> KeyFuture<'a, Result<KeyClaim>> {
        Box::pin(self.claim_key(request))
    }

    fn settle<'a>(&'a self, request: &'a KeyedRequest, end: KeyEnd) -> KeyFuture<'a, ()> {
        Box::pin(self.settle_key(request, end))
    }

    fn abandon(&self, request: &KeyedRequest) {
        self.abandon_key(&request.name);
    }
}

/// A claim that is being written. If this is dropped, it is not known whether it was written.
struct Claiming<'a>(&'a StoredKeys, Option<&'a KeyedRequest>);

impl Claiming<'_> {
    fn end(mut self) {
        self.1 = None;
    }
}

impl Drop for Claiming<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.1 {
            self.0.abandon_key(&request.name);
        }
    }
}

/// The task that removes keys whose time is over.
struct Sweeping(Weak<StoredKeys>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(keys) = self.0.upgrade() {
            keys.is_sweeping.store(false, Ordering::SeqCst);
        }
    }
}

/// Writes an answer that could not be written. The key is in progress until then. Between two attempts it
/// does not hold the store, so that a program that stops has it closed.
async fn retry(keys: Weak<StoredKeys>, name: KeyName, claim: Arc<OwnClaim>, answer: StoredAnswer) {
    for retry in 0..RETRIES {
        sleep(RETRY_AFTER * 2_u32.pow(retry)).await;
        let Some(keys) = keys.upgrade() else { return };
        match keys.write_answer(&name, &claim.record, &answer).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(error = %Escaped(&error), retry, "the answer under an idempotency key could not be stored");
            }
        }
    }
    if let Some(keys) = keys.upgrade() {
        keys.abandon_key(&name);
    }
}

/// What the store answers. A user's backend may panic.
async fn asked<T>(answer: StoreFuture<'_, T>) -> Result<T, StoreError> {
    catch(answer).await.unwrap_or_else(|panic| {
        Err(StoreError::Failed {
            reason: format!("the store panicked: {}", said_last(panic)),
            source: None,
        })
    })
}

fn length(claim: &KeyRecord, answer: &StoredAnswer) -> usize {
    claim.clone().answered(answer.clone(), 0).written().len()
}

/// The name of a key, from that of its document.
fn name_of(key: &str) -> Option<KeyName> {
    let mut name = KeyName::default();
    if key.len() != 2 * name.len() || !key.is_ascii() {
        return None;
    }
    for (index, byte) in name.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&key[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(name)
}
