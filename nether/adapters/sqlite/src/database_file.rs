//! [`DatabaseFile`]: the file of a store: how it is found or created, checked and owned. Only SQLite reads
//! and writes it.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nether::eventstore::StoreError;

use crate::errors::location;
use crate::file_id::{FileId, links};
use crate::lock::FileLock;

/// A database file that this store owns, alone or together with other stores that have it open as shared.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    /// Absolute and without links, so that it leads to the same file whatever the working directory is.
    path: PathBuf,
    lock: FileLock,
}

impl DatabaseFile {
    /// Takes ownership of the file, which is created if there is none.
    ///
    /// # Errors
    /// If no store can be in it, or another store owns it.
    pub(super) fn take(path: &Path, shared: bool) -> Result<Self, StoreError> {
        let (path, created) = found_or_created(path)?;
        let lock = FileLock::take(&path, created, shared)?;
        let file = DatabaseFile { path, lock };
        // Checked again now that it is owned: before that, another program may have changed it.
        let metadata = file.check()?;
        examine(&file.path, &metadata)?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the name still leads to the file that is owned.
    ///
    /// # Errors
    /// [`StoreError::BadFile`], which says what has happened to it; or why that could not be looked up.
    pub(super) fn check(&self) -> Result<Metadata, StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if FileId::of(&found) == self.lock.id() && found.len() > 0 => Ok(found),
            Ok(found) if FileId::of(&found) == self.lock.id() => self.empty(found),
            found => Err(self.gone(found)),
        }
    }

    /// Checks an empty file: it is new, unless there is something in its log.
    fn empty(&self, found: Metadata) -> Result<Metadata, StoreError> {
        if has_only_log(&self.path) {
            return Err(without_database(&self.path, "was truncated to nothing"));
        }
        Ok(found)
    }

    /// Why the name does not lead to the file that is owned.
    #[cold]
    fn gone(&self, found: io::Result<Metadata>) -> StoreError {
        let what = match found {
            Ok(_) => "was replaced by another file",
            Err(error) if error.kind() == ErrorKind::NotFound => "was taken away",
            Err(error) => return unreadable(&self.path, &error),
        };
        let is_there = self.lock.metadata().is_some_and(|it| links(&it) > 0);
        let advice = match self.lock.name().filter(|_| is_there) {
            Some(name) => format!(
                "It was renamed to `{}`: rename it back to its name, or stop the program, copy all files of the store, and restore a backup",
                name.display()
            ),
            None if is_there => {
                "It was renamed: rename it back to its name, or stop the program, copy all files of the store, and restore a backup".to_owned()
            }
            None => {
                "It was removed: stop the program, copy all files of the store that are left, and restore a backup".to_owned()
            }
        };
        StoreError::BadFile {
            location: location(&self.path),
            problem: format!(
                "{what} while the store was open, and no more events are accepted. {advice}"
            ),
        }
    }
}

/// The name of a file that SQLite keeps beside a database: `-wal`, `-shm`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Whether there is such a file, and it is not empty.
pub(super) fn holds_something(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.len() > 0)
}

/// Whether there is something in the log of a database that is missing or empty. The log is looked at first:
/// a process that is making the store at this moment writes the log after the database, and never before.
fn has_only_log(path: &Path) -> bool {
    holds_something(&beside(path, "-wal")) && !holds_something(path)
}

/// The canonical name of a file: absolute, and without links.
///
/// # Errors
/// If it is not there, or cannot be reached.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, StoreError> {
    canonical(path).map_err(|error| unreadable(path, &error))
}

/// Checks that a store can be in a file, and that SQLite finds what belongs to it.
///
/// # Errors
/// [`StoreError::Foreign`] or [`StoreError::BadFile`].
pub(super) fn examine(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let names = links(metadata);
    if metadata.is_file() && names > 1 {
        return Err(StoreError::BadFile {
            location: location(path),
            problem: format!(
                "has {names} names (hard links), and SQLite keeps the newest events beside the name by which it is opened: leave one of them"
            ),
        });
    }
    examine_to_read(path, metadata)
}

/// Checks that a store can be read from a file, under whatever other names it has.
///
/// # Errors
/// As those of [`examine`].
pub(super) fn examine_to_read(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let bad = |problem: String| {
        Err(StoreError::BadFile {
            location: location(path),
            problem,
        })
    };
    if !metadata.is_file() {
        return Err(StoreError::Foreign {
            location: location(path),
            reason: "it is no file".to_owned(),
        });
    }
    if is_mount(path) {
        return bad(
            "is mounted by itself, and SQLite keeps the newest events in a file beside it, which is not mounted with it: mount its folder"
                .to_owned(),
        );
    }
    if metadata.len() == 0 && has_only_log(path) {
        return Err(without_database(path, "is empty"));
    }
    Ok(())
}

/// The canonical name of a file, and its descriptor if it is new. The descriptor is not closed here: another
/// thread may have opened the file meanwhile, and would lose its locks.
fn found_or_created(path: &Path) -> Result<(PathBuf, Option<File>), StoreError> {
    match canonical(path) {
        Ok(path) => return Ok((path, None)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(path, &error)),
    }
    if fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink()) {
        return Err(StoreError::BadFile {
            location: location(path),
            problem: "is a link to a file that is not there, and nothing is created through a link: name the file itself".to_owned(),
        });
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = resolved(folder)?;
    let Some(name) = path.file_name() else {
        return Err(unreadable(path, &ErrorKind::IsADirectory.into()));
    };
    let path = folder.join(name);
    if has_only_log(&path) {
        return Err(without_database(&path, "is not there"));
    }
    let mut options = OpenOptions::new();
    // It opens no file that exists, and follows no link.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(created) => {
            sync_folder(&folder);
            Ok((path, Some(created)))
        }
        // Another process has created it at this moment.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok((resolved(&path)?, None)),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// Syncs a folder: only then is a new file in it there after a loss of power.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    if let Err(error) = synced {
        tracing::debug!(folder = %folder.display(), %error, "a folder cannot be synced");
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) {}

#[cfg(unix)]
fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// SQLite does not accept the form of canonical paths on these systems.
#[cfg(not(unix))]
fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::metadata(path)?;
    std::path::absolute(path)
}

/// Whether a file, and not the folder that it is in, is mounted.
fn is_mount(path: &Path) -> bool {
    // The list of mounts has white space and backslashes as octal numbers.
    let mut name = String::new();
    for character in path.to_string_lossy().chars() {
        match character {
            ' ' | '\t' | '\n' | '\\' => name.push_str(&format!("\\{:03o}", character as u32)),
            other => name.push(other),
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut points = mounts.lines().map(|line| line.split(' ').nth(4));
    points.any(|point| point == Some(&name))
}

/// The error that a log with events lies beside a file that is missing or empty.
fn without_database(path: &Path, what: &str) -> StoreError {
    StoreError::BadFile {
        location: location(path),
        problem: format!(
            "{what}, and events are left in the `-wal` beside it: put the file back that belongs to it, or open a new store under another name"
        ),
    }
}

/// Why a file cannot be reached or created.
fn unreadable(path: &Path, error: &io::Error) -> StoreError {
    let reason = format!("`{}`: {error}", path.display());
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            StoreError::ReadOnly { reason }
        }
        _ => StoreError::Failed {
            reason,
            source: None,
        },
    }
}
