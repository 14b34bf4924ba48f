//! Not public API. Used by generated code: what event sourcing adds to `__private`.

pub use crate::eventstore::aggregate::{
    Aggregate, AggregateHandler, AggregateSettings, Aggregates, DecisionArgument, EventOf, Events,
    FactSource, Initial, IntoEvents, OutcomeOf, Parts, handled_again, initial, outcomes, reply_of,
    same_key,
};
pub use crate::eventstore::backend::{
    Encoding, Payload, RecordedEvent, StoreError, StoreTransaction, TransactionalStore, Worked,
};
pub use crate::eventstore::decision::{
    Decision, DecisionHandler, DecisionParts, Decisions, JointOutcomeOf, Jointly, Participants,
    count, emitted, key_of_participant,
};
pub use crate::eventstore::definition::{Definition, StartFrom};
pub use crate::eventstore::handling::HandlingPolicy;
pub use crate::eventstore::history::{History, Recording};
pub use crate::eventstore::keyed::key_of;
pub use crate::eventstore::listed::{
    AggregateMessage, ListedCommand, ListedQuery, StartCommand, add_command, add_decided,
    add_query, add_query_of_state, add_start,
};
pub use crate::eventstore::projection::{
    Answers, Beginning, Copied, EventPlace, InTransaction, Keeps, NeverCopied, NoTransaction,
    Projection, ProjectionArgument, ProjectionSettings, Projections, TransactionalProjection,
    argument, begin, in_transaction, waits_in,
};
pub use crate::eventstore::registered::{
    RegisteredCommand, RegisteredDecision, RegisteredName, RegisteredSaga, RegisteredStart,
    shape_sent,
};
pub use crate::eventstore::saga::{
    AnswerTo, Delivery, ErrorOfStep, Saga, SagaStart, Sagas, SentBy, SentCommands, StartedBy, Step,
    StepFailed, StorableError, StoredCommand, Timeout, WrittenCommands, answer_with, deliver,
    error_of_step, kept_error, key_of_start, not_listed, shape_of_error, shape_of_reply,
    shape_of_start, start_by, started, text_of,
};
pub use crate::eventstore::start_key::{EventKeyType, NamesSaga, event_key};
pub use crate::eventstore::store::{STORE, Store};
pub use crate::eventstore::stored::{
    Encoded, EventRegistration, EventSchema, FieldSchema, Keeping, Older, ReadableEvent,
    RetiredRegistration, Storable, StoredEvent, Succession, Successors, Unreadable, event_shape,
    kept, older, step, succession,
};
pub use crate::eventstore::tables::Tables;

/// The type itself, named by generated code: so the lints of users' code do not see it as theirs.
pub type Held<T> = T;
