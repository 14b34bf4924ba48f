//! [`FileId`]: which file a name leads to.

use std::fs::Metadata;

/// What the operating system knows a file by. Two names lead to one file (links, mounts, paths) if their ids
/// are the same. While a file is open, no other file gets its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) number: u64,
}

#[cfg(unix)]
impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        FileId {
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }
}

/// The standard library gives no number of a file here: the time of its creation stands for it.
#[cfg(not(unix))]
impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let created = metadata.created().ok();
        let since = created.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let since = since.unwrap_or_default();
        FileId {
            device: since.as_secs(),
            number: since.subsec_nanos().into(),
        }
    }
}

/// How many names a file has in its file system.
#[cfg(unix)]
pub(super) fn links(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
pub(super) fn links(_: &Metadata) -> u64 {
    1
}
