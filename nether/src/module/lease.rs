//! [`LeaseStatus`]: which process runs a module that runs in one process at a time.

/// Which process runs a module that runs in one process at a time: a projection whose progress is saved, or
/// the sagas of a type. In all other systems with the same event store, the module stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseStatus {
    /// The process that runs it: its id, and the name of its host.
    pub holder: String,
    /// How often the lease was taken, by any process.
    pub epoch: u64,
    /// Whether the module of this system runs. Otherwise it stands by.
    pub is_own: bool,
}
