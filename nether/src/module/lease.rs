//! [`LeaseStatus`]: which process runs a module that one process runs at a time.

/// Which process runs a module that one process runs at a time: a projection whose progress is saved, or the
/// sagas of a type. The others that are part of the same program, with the same event store, stand by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseStatus {
    /// The process that runs it: its id, and the name of its host.
    pub holder: String,
    /// How often that right was taken, by whatever process.
    pub epoch: u64,
    /// Whether it is this module that runs. Else it stands by.
    pub is_own: bool,
}
