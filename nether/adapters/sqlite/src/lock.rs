//! [`FileLock`]: the ownership of a database file, in this process and among processes.
//!
//! On Linux the lock is on the database file itself and not on a file beside it. So it holds by whatever name
//! the file is opened, and no removal or renaming ends it. It is a `flock`, which does not conflict with the
//! locks of SQLite: those are POSIX record locks. The operating system releases it when the process ends,
//! however it ends. Elsewhere the lock is on a file `.lock` beside the database.
//!
//! POSIX locks have a trap (sqlite.org/howtocorrupt, 2.2): when a process closes *any* descriptor of a file,
//! it loses all of its POSIX locks on that file, including those of SQLite. So the descriptor of each file is
//! kept in a table of the process. It is closed once nothing else in the process has the file open: neither a
//! store nor a connection of the program, whose locks would be lost.

use std::collections::BTreeMap;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::collections::btree_map::Entry;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nether::eventstore::StoreError;
use nether::integration::lock;

use crate::errors::location;
use crate::file_id::FileId;

/// The descriptors of this process, by the database that they lock.
static OPEN: Mutex<Descriptors> = Mutex::new(BTreeMap::new());

type Descriptors = BTreeMap<FileId, LockDescriptor>;

struct LockDescriptor {
    file: File,
    /// Further descriptors of the same file, opened at the same moment; closed together with it.
    others: Vec<File>,
    /// The number of stores that own the database. With none, it is not locked, and waits to be closed.
    owners: usize,
    /// Whether its owners share it.
    shared: bool,
}

impl LockDescriptor {
    fn new(file: File) -> Self {
        LockDescriptor {
            file,
            others: Vec::new(),
            owners: 0,
            shared: false,
        }
    }
}

/// The ownership of a database, until this is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    id: FileId,
}

impl FileLock {
    /// Takes the ownership of a database for one store; if `shared`, together with others that share it.
    /// `created` is the descriptor by which the file was created just now, if it was.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] if another store owns it; [`StoreError::BadFile`] if it was replaced
    /// meanwhile; or why it cannot be locked.
    pub(super) fn take(
        path: &Path,
        created: Option<File>,
        shared: bool,
    ) -> Result<Self, StoreError> {
        let mut open = lock(&OPEN);
        close_unused(&mut open);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(created) = created {
            keep(&mut open, created).map_err(|error| unopened(&error, path))?;
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        drop(created);
        let mut id = named(path)?;
        if !open.contains_key(&id) {
            let found = opened(path, &mut open)?;
            // It has changed if another file has taken the name, or a layered file system has made a copy.
            id = named(path)?;
            if found != id {
                return Err(StoreError::BadFile {
                    location: location(path),
                    problem: "was replaced while it was opened: open it again".to_owned(),
                });
            }
        }
        let descriptor = open.get_mut(&id).expect("it is there now");
        if descriptor.owners == 0 {
            if let Err(error) = acquire(&descriptor.file, shared, path, id) {
                close_unused(&mut open);
                return Err(error);
            }
            descriptor.shared = shared;
        } else if !(shared && descriptor.shared) {
            return Err(already_open(path, "in this process"));
        }
        descriptor.owners += 1;
        Ok(FileLock { id })
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// The metadata of the file that is owned, wherever it is now.
    pub(super) fn metadata(&self) -> Option<Metadata> {
        lock(&OPEN).get(&self.id)?.file.metadata().ok()
    }

    /// The present name of the file that is owned; `None` where the operating system does not say it.
    pub(super) fn name(&self) -> Option<PathBuf> {
        let open = lock(&OPEN);
        name(&open.get(&self.id)?.file)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let mut open = lock(&OPEN);
        if let Some(descriptor) = open.get_mut(&self.id) {
            descriptor.owners -= 1;
            if descriptor.owners == 0 {
                // Closing the descriptor is not enough: it may be closed later, and a child process that is
                // being started at this moment has a copy of it until it runs its program.
                let _ = descriptor.file.unlock();
            }
        }
        close_unused(&mut open);
    }
}

/// Puts a descriptor into the table, as the first of its file or beside it, because closing it would cost the
/// rest of the process its locks on the file. Returns the id of the file.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn keep(open: &mut Descriptors, file: File) -> io::Result<FileId> {
    let id = FileId::of(&file.metadata()?);
    match open.entry(id) {
        Entry::Occupied(mut known) => known.get_mut().others.push(file),
        Entry::Vacant(unknown) => {
            unknown.insert(LockDescriptor::new(file));
        }
    }
    Ok(id)
}

fn acquire(file: &File, shared: bool, path: &Path, id: FileId) -> Result<(), StoreError> {
    let taken = if shared {
        file.try_lock_shared()
    } else {
        file.try_lock()
    };
    match taken {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(already_open(path, &holder(id))),
        Err(TryLockError::Error(error)) => Err(StoreError::Failed {
            reason: format!(
                "`{}` cannot be locked, as on file systems of a network, on which SQLite cannot keep a store: {error}",
                path.display()
            ),
            source: None,
        }),
    }
}

fn already_open(path: &Path, holder: &str) -> StoreError {
    StoreError::AlreadyOpen {
        location: location(path),
        holder: holder.to_owned(),
    }
}

/// Closes the descriptors of databases that nothing else in this process has open. A thread that opens one of
/// them between the check and the close loses its locks: this cannot be excluded, so the moment is kept
/// short.
fn close_unused(open: &mut Descriptors) {
    open.retain(|id, descriptor| {
        let own = descriptor.others.len() + 1;
        descriptor.owners > 0 || is_open_elsewhere(*id, own)
    });
}

/// Why a file cannot be opened.
pub(super) fn unopened(error: &io::Error, path: &Path) -> StoreError {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            StoreError::ReadOnly {
                reason: format!("`{}`: {error}", path.display()),
            }
        }
        _ => StoreError::Failed {
            reason: format!("`{}`: {error}", path.display()),
            source: None,
        },
    }
}

/// The id of the file that has that name now.
fn named(path: &Path) -> Result<FileId, StoreError> {
    let found = fs::metadata(path).map_err(|error| unopened(&error, path))?;
    Ok(FileId::of(&found))
}

/// Opens the file whose lock stands for a database: the database itself. It is opened for writing, although
/// nothing is written: this makes a layered file system create the copy that SQLite will write, which has an
/// id of its own.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn opened(path: &Path, open: &mut Descriptors) -> Result<FileId, StoreError> {
    let file = File::options().read(true).write(true).open(path);
    file.and_then(|file| keep(open, file))
        .map_err(|error| unopened(&error, path))
}

/// Opens the file whose lock stands for a database: a file beside the canonical name of the database. On
/// these systems, a lock on the database itself would keep SQLite out.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn opened(path: &Path, open: &mut Descriptors) -> Result<FileId, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let is_link = fs::symlink_metadata(&beside).is_ok_and(|it| !it.is_file());
    if is_link {
        return Err(StoreError::BadFile {
            location: location(&beside),
            problem: "is in the place of the lock, and no plain file: remove it".to_owned(),
        });
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(&beside);
    let file = file.map_err(|error| unopened(&error, &beside))?;
    let id = named(path)?;
    open.insert(id, LockDescriptor::new(file));
    Ok(id)
}

/// Whether this process has more than `own` descriptors of that file. If that cannot be known, it is assumed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_open_elsewhere(id: FileId, own: usize) -> bool {
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else {
        return true;
    };
    let files = descriptors
        .flatten()
        .filter_map(|it| fs::metadata(it.path()).ok());
    files.filter(|it| FileId::of(it) == id).nth(own).is_some()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_open_elsewhere(_: FileId, _: usize) -> bool {
    false // The lock is on a file of its own.
}

/// Names the process that holds the lock, as far as that is known.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn holder(id: FileId) -> String {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let major = (id.device >> 8) & 0xfff | (id.device >> 32) & !0xfff;
    let minor = id.device & 0xff | (id.device >> 12) & !0xff;
    let file = format!("{major:02x}:{minor:02x}:{}", id.number);
    let process = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_held = words.next()? == "FLOCK";
        let process = words.nth(2)?;
        (is_held && words.next()? == file).then_some(process)
    });
    match process.and_then(|process| process.parse::<u32>().ok()) {
        Some(process) if process > 0 => format!("in process {process}"),
        _ => "in another process".to_owned(),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn holder(_: FileId) -> String {
    "in another process".to_owned()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn name(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn name(_: &File) -> Option<PathBuf> {
    None
}
