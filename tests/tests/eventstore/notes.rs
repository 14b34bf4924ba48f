//! A store whose transactions are asynchronous, as those of a server are: notes, beside events in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nether::eventstore::conformance::TransactionalCounter;
use nether::eventstore::{
    AsyncTransaction, DocumentChange, DocumentCondition, EarlyEnd, EventPage, EventStore,
    MemoryStore, PageLimit, Position, StoreError, StoreFuture, StoreTransaction, StreamId,
    TransactionWork, TransactionalStore, Transactions, Worked,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::yield_now;

use crate::forward::forward;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    None,
    /// It commits what should be rolled back.
    CommitsFailures,
    /// It does not look at conditions.
    IgnoresConditions,
    /// It lets several transactions read before one of them writes.
    HasLostUpdates,
    /// It does not say that a handler has ended a transaction.
    HidesEnds,
    /// It fails after each of the first commits.
    ForgetsToAnswer,
}

/// A store that keeps notes. A clone is another handle.
#[derive(Clone)]
pub struct NoteStore {
    events: Arc<MemoryStore>,
    notes: Arc<Mutex<Vec<String>>>,
    flaw: Flaw,
    /// How many commits are answered by a failure.
    unanswered: Arc<Mutex<u32>>,
    /// How many connections are lost, each at its next note.
    losing: Arc<AtomicU32>,
}

impl NoteStore {
    pub(crate) fn new(flaw: Flaw) -> Self {
        NoteStore {
            events: Arc::default(),
            notes: Arc::default(),
            flaw,
            unanswered: Arc::new(Mutex::new(match flaw {
                Flaw::ForgetsToAnswer => 3,
                _ => 0,
            })),
            losing: Arc::default(),
        }
    }

    /// Loses so many connections, each at its next note.
    pub(crate) fn lose_connections(&self, count: u32) {
        self.losing.store(count, Ordering::SeqCst);
    }

    /// The notes that are committed.
    pub(crate) async fn notes(&self) -> Vec<String> {
        self.notes.lock().await.clone()
    }

    async fn committed(&self, transaction: NoteTransaction<'_>) -> Result<(), StoreError> {
        let NoteTransaction {
            conditions,
            changes,
            notes,
            held,
            ..
        } = transaction;
        self.events.change_documents(changes, conditions).await?;
        match held {
            Some(mut held) => *held = notes,
            None => *self.notes.lock().await = notes,
        }
        let mut unanswered = self.unanswered.lock().await;
        if *unanswered > 0 {
            *unanswered -= 1;
            return Err(StoreError::Failed {
                reason: "the connection is lost".to_owned(),
                source: None,
            });
        }
        Ok(())
    }
}

/// A transaction. Nothing of it is seen by others until it is committed.
pub struct NoteTransaction<'a> {
    store: &'a NoteStore,
    /// No other process writes notes while it is open.
    held: Option<MutexGuard<'a, Vec<String>>>,
    notes: Vec<String>,
    /// They hold so far, and must hold when it is committed.
    conditions: Vec<DocumentCondition>,
    changes: Vec<DocumentChange>,
    ended: Option<EarlyEnd>,
}

impl NoteTransaction<'_> {
    /// Writes a note down.
    pub async fn note(&mut self, text: impl Into<String>) {
        yield_now().await;
        let losing = &self.store.losing;
        let less = |left: u32| left.checked_sub(1);
        let is_lost = losing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if is_lost.is_ok() {
            self.ended = Some(EarlyEnd::ByStore(StoreError::Failed {
                reason: "the connection is lost".to_owned(),
                source: None,
            }));
        }
        self.notes.push(text.into());
    }

    /// How many notes there are.
    pub async fn count(&self) -> usize {
        yield_now().await;
        self.notes.len()
    }

    /// Whether the connection is lost.
    pub fn is_lost(&self) -> bool {
        matches!(self.ended, Some(EarlyEnd::ByStore(_)))
    }

    /// The database rolls it back by itself, because of what was written last.
    pub async fn is_rolled_back(&mut self) {
        self.roll_back().await;
        self.ended = Some(EarlyEnd::RolledBack);
    }

    /// Takes back what is written, and ends it. What is written after that is written outside of it.
    pub async fn roll_back(&mut self) {
        yield_now().await;
        self.notes = match &self.held {
            Some(held) => held.to_vec(),
            None => self.store.notes().await,
        };
        let reason = "the handler has ended the transaction, which the store commits";
        self.ended = Some(EarlyEnd::ByHandler(reason.to_owned()));
    }

    /// Removes all notes.
    pub async fn remove_all(&mut self) {
        yield_now().await;
        self.notes.clear();
    }
}

impl StoreTransaction for NoteTransaction<'_> {
    type Store = NoteStore;
}

impl AsyncTransaction for NoteTransaction<'_> {
    async fn check(&mut self, conditions: &[DocumentCondition]) -> Result<(), StoreError> {
        if self.store.flaw == Flaw::IgnoresConditions && !conditions.is_empty() {
            let is_turn = |it: &&DocumentCondition| &*it.collection == "transaction";
            if conditions.iter().find(is_turn).is_none() {
                return Ok(());
            }
        }
        for condition in conditions {
            let found = self
                .store
                .document(&condition.collection, &condition.key)
                .await?;
            if found != condition.content {
                return Err(StoreError::PreconditionFailed {
                    collection: condition.collection.clone(),
                    key: condition.key.clone(),
                });
            }
        }
        self.conditions.extend_from_slice(conditions);
        Ok(())
    }

    async fn change(&mut self, changes: &[DocumentChange]) -> Result<(), StoreError> {
        self.changes.extend_from_slice(changes);
        Ok(())
    }

    fn ended(&self) -> Option<EarlyEnd> {
        match self.store.flaw {
            Flaw::HidesEnds => None,
            _ => self.ended.clone(),
        }
    }
}

impl TransactionalStore for NoteStore {
    type Transaction<'a> = NoteTransaction<'a>;

    const PROVIDED_BY: &'static str = "`Store::new(NoteStore::new(..))`";

    fn transact(&self, work: TransactionWork<Self>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let held = self.notes.lock().await;
            let notes = held.clone();
            let mut transaction = NoteTransaction {
                store: self,
                held: (self.flaw != Flaw::HasLostUpdates).then_some(held),
                notes,
                conditions: Vec::new(),
                changes: Vec::new(),
                ended: None,
            };
            match work.run(&mut transaction).await {
                Ok(()) => self.committed(transaction).await,
                Err(error) if self.flaw == Flaw::CommitsFailures => {
                    self.committed(transaction).await?;
                    Err(error)
                }
                Err(error) => Err(error),
            }
        })
    }
}

impl EventStore for NoteStore {
    forward!(self => self.events; append read_stream read_all head wait_for_new find document documents change_documents);

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        self.events.read_all_page(after, limit)
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        self.events.read_stream_page(stream, from, limit)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn transactions(&self) -> Option<Transactions<'_>> {
        Some(Transactions::of(self))
    }
}

/// Counts in notes.
#[derive(Clone)]
pub(crate) struct CountsNotes;

impl TransactionalCounter<NoteStore> for CountsNotes {
    fn add<'t>(&'t self, transaction: &'t mut NoteTransaction<'_>) -> Worked<'t> {
        Worked::waits(async move {
            let count = transaction.count().await;
            transaction.note(count.to_string()).await;
            Ok(())
        })
    }

    fn end<'t>(&'t self, transaction: &'t mut NoteTransaction<'_>) -> Worked<'t> {
        Worked::waits(async move {
            transaction.roll_back().await;
            Ok(())
        })
    }

    async fn read(&self, store: &NoteStore) -> u64 {
        store.notes().await.len() as u64
    }
}
