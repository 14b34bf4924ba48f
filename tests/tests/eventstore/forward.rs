//! [`forward`]: methods of a store that is another one, but for what a test changes.

/// Makes methods of `EventStore` that call those of another store: `forward!(self => self.0; head find)`.
macro_rules! forward {
    ($self:ident => $to:expr; $($method:ident)*) => {
        $(forward!(@ $method $self $to);)*
    };
    (@ read_stream $self:ident $to:expr) => {
        fn read_stream(
            &$self,
            stream: &nether::eventstore::StreamId,
            from: u64,
            direction: nether::eventstore::Direction,
            limit: usize,
        ) -> nether::eventstore::StoreFuture<'_, Vec<nether::eventstore::RecordedEvent>> {
            $to.read_stream(stream, from, direction, limit)
        }
    };
    (@ read_all $self:ident $to:expr) => {
        fn read_all(
            &$self,
            after: nether::eventstore::Position,
            limit: usize,
        ) -> nether::eventstore::StoreFuture<'_, Vec<nether::eventstore::RecordedEvent>> {
            $to.read_all(after, limit)
        }
    };
    (@ head $self:ident $to:expr) => {
        fn head(&$self) -> nether::eventstore::StoreFuture<'_, nether::eventstore::Position> {
            $to.head()
        }
    };
    (@ wait_for_new $self:ident $to:expr) => {
        fn wait_for_new(
            &$self,
            after: nether::eventstore::Position,
        ) -> nether::eventstore::StoreFuture<'_, nether::eventstore::Position> {
            $to.wait_for_new(after)
        }
    };
    (@ find $self:ident $to:expr) => {
        fn find(
            &$self,
            id: nether::eventstore::EventId,
        ) -> nether::eventstore::StoreFuture<'_, Option<nether::eventstore::RecordedEvent>> {
            $to.find(id)
        }
    };
    (@ document $self:ident $to:expr) => {
        fn document(
            &$self,
            collection: &str,
            key: &str,
        ) -> nether::eventstore::StoreFuture<'_, Option<Vec<u8>>> {
            $to.document(collection, key)
        }
    };
    (@ documents $self:ident $to:expr) => {
        fn documents(
            &$self,
            collection: &str,
        ) -> nether::eventstore::StoreFuture<'_, nether::eventstore::Documents> {
            $to.documents(collection)
        }
    };
    (@ change_documents $self:ident $to:expr) => {
        fn change_documents(
            &$self,
            changes: Vec<nether::eventstore::DocumentChange>,
            conditions: Vec<nether::eventstore::DocumentCondition>,
        ) -> nether::eventstore::StoreFuture<'_, ()> {
            $to.change_documents(changes, conditions)
        }
    };
    (@ append $self:ident $to:expr) => {
        fn append(
            &$self,
            append: nether::eventstore::Append,
        ) -> nether::eventstore::StoreFuture<'_, nether::eventstore::Appended> {
            $to.append(append)
        }
    };
}

pub(crate) use forward;
