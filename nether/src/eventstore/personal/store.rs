//! [`PersonalStore`]: seals the personal values in all that is written to a store, and opens them in all that
//! is read. Below it is the backend, which knows nothing of it.

use std::sync::Arc;

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::eventstore::backend::{
    Append, Appended, Archival, Direction, DocumentChange, DocumentCondition, Documents, Encoding,
    EventId, EventPage, EventStore, PageLimit, Position, RecordedEvent, Redaction, StoreError,
    StoreFuture, StreamId, Transactions,
};
use crate::eventstore::personal::forgotten::agree;
use crate::eventstore::personal::keys::{SubjectKeyState, SubjectKeys};
use crate::eventstore::personal::payload::{
    FoundSubjects, KeyStates, OfForgotten, already_sealed, forgotten_in, no_key, opened, sealed,
    without_keys,
};

/// Where the id of the keys is.
const COLLECTION: &str = "subject_keys";
const KEY: &str = "id";

/// The subjects of which something was sealed.
const SUBJECTS: &str = "subjects";

/// A backend whose personal values are sealed.
pub(in crate::eventstore) struct PersonalStore {
    backend: Arc<dyn EventStore>,
    keys: Option<Arc<dyn SubjectKeys>>,
    /// Set once the keys were found to be those of the store.
    checked: OnceCell<()>,
}

impl PersonalStore {
    pub(in crate::eventstore) fn new(
        backend: Arc<dyn EventStore>,
        keys: Option<Arc<dyn SubjectKeys>>,
    ) -> Self {
        PersonalStore {
            backend,
            keys,
            checked: OnceCell::new(),
        }
    }

    /// The store below, in which personal values are sealed.
    pub(in crate::eventstore) fn backend(&self) -> &dyn EventStore {
        &*self.backend
    }

    /// Gives the same backend these keys.
    pub(in crate::eventstore) fn with_keys(&self, keys: Arc<dyn SubjectKeys>) -> Self {
        PersonalStore::new(Arc::clone(&self.backend), Some(keys))
    }

    /// The keys, if there are some: they are those with which the store was written.
    pub(super) async fn keys(&self) -> Result<Option<&dyn SubjectKeys>, StoreError> {
        let Some(keys) = &self.keys else {
            return Ok(None);
        };
        let check = || async {
            self.check(&**keys).await?;
            agree(&*self.backend, &**keys).await
        };
        self.checked.get_or_try_init(check).await?;
        Ok(Some(&**keys))
    }

    /// Checks that the keys are those of the store, or makes them so.
    async fn check(&self, keys: &dyn SubjectKeys) -> Result<(), StoreError> {
        let id = keys.id().await?;
        let known = self.backend.document(COLLECTION, KEY).await?;
        let Some(known) = known else {
            let change = DocumentChange {
                collection: COLLECTION.into(),
                key: KEY.into(),
                content: Some(id.to_string().into_bytes()),
            };
            let condition = DocumentCondition {
                collection: COLLECTION.into(),
                key: KEY.into(),
                content: None,
            };
            let written = self.backend.change_documents(vec![change], vec![condition]);
            return match written.await {
                // Nothing was ever sealed in a store that can only be read, and nothing will be.
                Err(StoreError::ReadOnly { .. }) => Ok(()),
                // Another process was first: its keys are compared.
                Err(StoreError::PreconditionFailed { .. }) => Box::pin(self.check(keys)).await,
                written => written,
            };
        };
        let known = String::from_utf8_lossy(&known);
        if Uuid::try_parse(&known) == Ok(id) {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            reason: format!(
                "personal values of this store are sealed with the keys `{known}`, and it was given the keys `{id}`: give it the former, or restore a backup of them. New keys cannot open what is stored"
            ),
            readable_up_to: None,
        })
    }

    /// Seals contents, each in its encoding.
    async fn seal(
        &self,
        mut contents: Vec<(&mut Vec<u8>, Encoding)>,
        of_forgotten: OfForgotten,
    ) -> Result<(), StoreError> {
        let mut found = FoundSubjects::default();
        for (content, encoding) in &contents {
            found.add(content, *encoding)?;
        }
        if let Some(subject) = found.sealed.first() {
            return Err(already_sealed(subject));
        }
        let Some(first) = found.known.first() else {
            return Ok(());
        };
        let keys = self.keys().await?.ok_or_else(|| without_keys(first))?;
        let found: Vec<_> = found.known.into_iter().collect();
        let states = self.keys_or_new(keys, found).await?;
        for (content, encoding) in &mut contents {
            if let Some(new) = sealed(content, *encoding, &states, of_forgotten)? {
                **content = new;
            }
        }
        Ok(())
    }

    /// The keys of subjects. A new subject gets a key, and is noted: if keys of before do not have it,
    /// another key for it would make what is sealed already undecipherable.
    async fn keys_or_new(
        &self,
        keys: &dyn SubjectKeys,
        subjects: Vec<Arc<str>>,
    ) -> Result<KeyStates, StoreError> {
        let known = states(&subjects, keys.keys(subjects.clone()).await?);
        let is_new = |subject: &&Arc<str>| known[*subject] == SubjectKeyState::Unknown;
        let new: Vec<_> = subjects.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(known);
        }
        for subject in &new {
            if self.backend.document(SUBJECTS, subject).await?.is_some() {
                return Err(no_key(subject));
            }
        }
        let made = keys.keys_or_new(subjects.clone()).await?;
        let noted = new.into_iter().map(|subject| DocumentChange {
            collection: SUBJECTS.into(),
            key: subject,
            content: Some(Vec::new()),
        });
        let noted = noted.collect();
        self.backend.change_documents(noted, Vec::new()).await?;
        Ok(states(&subjects, made))
    }

    /// What the program has in memory, as JSON, with the values of subjects that are forgotten by now
    /// forgotten; `None` if it has no personal value.
    pub(in crate::eventstore) async fn forgotten_in(
        &self,
        content: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = FoundSubjects::default();
        found.add(content, Encoding::Json)?;
        let (false, Some(keys)) = (found.known.is_empty(), self.keys().await?) else {
            return Ok(None);
        };
        let found: Vec<_> = found.known.into_iter().collect();
        let states = states(&found, keys.keys(found.clone()).await?);
        forgotten_in(content, &states)
    }

    /// Opens contents, each in its encoding. The keys are asked for once for all of them, and again for
    /// values in values.
    async fn open(&self, mut contents: Vec<(&mut Vec<u8>, Encoding)>) -> Result<(), StoreError> {
        // Always, so that other keys are noticed by the first read.
        let Some(keys) = self.keys().await? else {
            return Ok(()); // Sealed values are read as they are.
        };
        loop {
            let mut found = FoundSubjects::default();
            for (content, encoding) in &contents {
                // What cannot be walked through was not sealed.
                let _ = found.add(content, *encoding);
            }
            if found.sealed.is_empty() {
                return Ok(());
            }
            let found: Vec<_> = found.sealed.into_iter().collect();
            let states = states(&found, keys.keys(found.clone()).await?);
            for (content, encoding) in &mut contents {
                if let Some(new) = opened(content, *encoding, &states)? {
                    **content = new;
                }
            }
        }
    }

    pub(in crate::eventstore) async fn open_events(
        &self,
        mut events: Vec<RecordedEvent>,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let payloads = events.iter_mut().map(|it| &mut it.payload);
        let contents = payloads.map(|it| (&mut it.bytes, it.encoding)).collect();
        self.open(contents).await?;
        Ok(events)
    }

    async fn open_page(&self, page: EventPage) -> Result<EventPage, StoreError> {
        Ok(EventPage {
            events: self.open_events(page.events).await?,
            is_last: page.is_last,
        })
    }

    /// Conditions as the backend has their contents. One that holds a personal value is looked up, since no
    /// value is sealed in the same way twice.
    async fn conditions(&self, conditions: &mut [DocumentCondition]) -> Result<(), StoreError> {
        for condition in conditions {
            let Some(content) = &condition.content else {
                continue;
            };
            let mut found = FoundSubjects::default();
            found.add(content, Encoding::Json)?;
            if found.known.is_empty() {
                continue;
            }
            let (collection, key) = (&*condition.collection, &*condition.key);
            let stored = self.backend.document(collection, key).await?;
            let mut opened = stored.clone();
            self.open(opened.iter_mut().map(|it| (it, Encoding::Json)).collect())
                .await?;
            if opened.as_ref() == Some(content) {
                condition.content = stored;
            }
        }
        Ok(())
    }
}

/// Whether documents of that collection hold what the program has written, and not what a client has sent, as
/// the answers to requests do.
fn is_of_program(collection: &str) -> bool {
    let kind = collection
        .split_once('/')
        .map_or(collection, |(kind, _)| kind);
    ["snapshot", "saga", "saga_answer"].contains(&kind)
}

fn states(subjects: &[Arc<str>], states: Vec<SubjectKeyState>) -> KeyStates {
    subjects.iter().cloned().zip(states).collect()
}

impl PersonalStore {
    /// An append with its personal values sealed.
    pub(in crate::eventstore) async fn sealed(
        &self,
        mut append: Append,
    ) -> Result<Append, StoreError> {
        // What the framework appends was accepted before, as the answer that a saga has made.
        let is_own = append
            .events
            .iter()
            .all(|it| it.name.starts_with("nether."));
        let of_forgotten = match is_own {
            true => OfForgotten::Drop,
            false => OfForgotten::Refuse,
        };
        let payloads = append.events.iter_mut().map(|it| &mut it.payload);
        let contents = payloads.map(|it| (&mut it.bytes, it.encoding)).collect();
        self.seal(contents, of_forgotten).await?;
        self.conditions(&mut append.conditions).await?;
        Ok(append)
    }
}

impl EventStore for PersonalStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(async move { self.backend.append(self.sealed(append).await?).await })
    }

    fn append_all(&self, mut appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        Box::pin(async move {
            let events = appends.iter_mut().flat_map(|it| &mut it.events);
            let payloads = events.map(|it| &mut it.payload);
            let contents = payloads.map(|it| (&mut it.bytes, it.encoding)).collect();
            self.seal(contents, OfForgotten::Refuse).await?;
            for append in &mut appends {
                self.conditions(&mut append.conditions).await?;
            }
            self.backend.append_all(appends).await
        })
    }

    fn redact(&self, mut redaction: Redaction) -> StoreFuture<'_, Appended> {
        Box::pin(async move {
            let record = redaction.record.events.iter_mut().map(|it| &mut it.payload);
            let payloads = record.chain([&mut redaction.payload]);
            let contents = payloads.map(|it| (&mut it.bytes, it.encoding)).collect();
            self.seal(contents, OfForgotten::Drop).await?;
            self.backend.redact(redaction).await
        })
    }

    fn can_redact(&self) -> bool {
        self.backend.can_redact()
    }

    fn archive(&self, archival: Archival) -> StoreFuture<'_, Appended> {
        // Nothing in a record is personal.
        self.backend.archive(archival)
    }

    fn can_archive(&self) -> bool {
        self.backend.can_archive()
    }

    fn can_append_all(&self) -> bool {
        self.backend.can_append_all()
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let events = self.backend.read_stream(stream, from, direction, limit);
        Box::pin(async move { self.open_events(events.await?).await })
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let events = self.backend.read_all(after, limit);
        Box::pin(async move { self.open_events(events.await?).await })
    }

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        let page = self.backend.read_all_page(after, limit);
        Box::pin(async move { self.open_page(page.await?).await })
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        let page = self.backend.read_stream_page(stream, from, limit);
        Box::pin(async move { self.open_page(page.await?).await })
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        Box::pin(async {
            self.keys().await?; // The keys may have to append an event about those who are forgotten.
            self.backend.head().await
        })
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.backend.wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        let found = self.backend.find(id);
        Box::pin(async move {
            let found = found.await?.into_iter().collect();
            Ok(self.open_events(found).await?.pop())
        })
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let document = self.backend.document(collection, key);
        let is_of_program = is_of_program(collection);
        Box::pin(async move {
            let mut document = document.await?;
            if !is_of_program {
                return Ok(document);
            }
            let content = document.iter_mut().map(|it| (it, Encoding::Json));
            self.open(content.collect()).await?;
            Ok(document)
        })
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        let documents = self.backend.documents(collection);
        let is_of_program = is_of_program(collection);
        Box::pin(async move {
            let mut documents = documents.await?;
            if !is_of_program {
                return Ok(documents);
            }
            let contents = documents.iter_mut().map(|(_, it)| (it, Encoding::Json));
            self.open(contents.collect()).await?;
            Ok(documents)
        })
    }

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        self.backend.collections()
    }

    fn change_documents(
        &self,
        mut changes: Vec<DocumentChange>,
        mut conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let changed = changes
                .iter_mut()
                .filter(|it| is_of_program(&it.collection));
            let contents = changed.filter_map(|it| it.content.as_mut());
            let contents = contents.map(|it| (it, Encoding::Json)).collect();
            self.seal(contents, OfForgotten::Drop).await?;
            self.conditions(&mut conditions).await?;
            self.backend.change_documents(changes, conditions).await
        })
    }

    fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    fn transactions(&self) -> Option<Transactions<'_>> {
        self.backend.transactions()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::PersonalStore;
    use crate::eventstore::conformance;
    use crate::eventstore::memory::MemoryStore;
    use crate::eventstore::personal::MemoryKeys;

    #[tokio::test]
    async fn a_store_with_keys_conforms() {
        let backend = || Arc::new(MemoryStore::default());
        conformance::check(async || PersonalStore::new(backend(), None)).await;
        let keys = || Some(Arc::new(MemoryKeys::default()) as _);
        conformance::check(async || PersonalStore::new(backend(), keys())).await;
    }
}
