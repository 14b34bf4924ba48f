//! [`Redaction`]: other content in the place of an event's.

use std::sync::Arc;

use crate::eventstore::backend::{Append, EventId, Payload, Position};

/// Other content in the place of that of a stored event, and the record of it: made in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// Where the event is.
    pub position: Position,
    /// The id that it must have.
    pub id: EventId,
    /// The version of its type that the new content is of.
    pub schema_version: u32,
    /// The new content.
    pub payload: Payload,
    /// The documents that were made of the former content, by collection and key: they are removed.
    pub documents: Vec<(Arc<str>, Arc<str>)>,
    /// The append of the record.
    pub record: Append,
}
