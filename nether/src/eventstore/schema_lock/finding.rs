//! [`SchemaFinding`]: a difference between the program and the lock file.

/// A difference.
#[derive(Debug)]
pub(super) enum SchemaFinding {
    /// What stores hold could not be read, or would be read as something else; with what to do about it.
    Unreadable(String),
    /// Something is gone, which may be right. Someone has to say so.
    Gone {
        what: String,
        /// What is to be retired: `event order.placed`.
        name: String,
    },
    /// Someone has said so.
    Retired,
    /// It has to be in the file.
    New(String),
}
