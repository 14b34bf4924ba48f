//! [`SchemaFinding`]: a difference between the program and the lock file.

/// When something that is gone may be, whatever stores hold.
pub(super) const FOR_GOOD: &str = "if that is right, and for good";

/// A difference.
#[derive(Debug)]
pub(super) enum SchemaFinding {
    /// What stores hold could not be read, or would be read as something else; with what to do about it.
    Unreadable(String),
    /// Something is gone, which may be right. Someone has to say so.
    Gone {
        what: String,
        /// When that is right.
        condition: &'static str,
        /// The name to confirm: `event order.placed`.
        name: String,
    },
    /// Someone has said so.
    Removed,
    /// It has to be in the file.
    New(String),
}
