//! [`Archival`]: a stream that is closed, and whose content is removed.

use crate::eventstore::backend::{Append, DocumentChange};

/// The end of a stream: its content is removed, it is closed, and its last event is the record of that. All
/// of it is one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archival {
    /// The append of the record, one event, to the stream that is archived. The version that it expects is
    /// the one up to which the content was copied.
    pub record: Append,
    /// What becomes of documents that were made of the content, or that say that it is gone.
    pub changes: Vec<DocumentChange>,
}
