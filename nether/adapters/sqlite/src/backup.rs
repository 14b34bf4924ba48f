//! Backups: a copy of a store of one moment, made while the store is used, and checked before it gets its
//! name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nether::eventstore::{EventId, Position, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::database_file::{beside, holds_something, resolved, sync_folder};
use crate::errors::{examined, location, store_error};
use crate::lock::unopened;
use crate::never_opened::mark_never_opened;
use crate::readers::Readers;

/// How many steps of SQLite pass before a backup looks whether its caller still waits.
const STEPS: i32 = 10_000;

/// A backup of a store: what [`SqliteStore::backup_to`](crate::SqliteStore::backup_to) has written and
/// counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// The file, by its absolute name.
    pub path: PathBuf,
    /// The position of its newest event, which is also the number of its events.
    pub head: Position,
    /// The number of its streams.
    pub streams: u64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Writes a backup that has every event up to `acknowledged`. When the future is dropped, the work ends and
/// its file is removed.
pub(super) async fn back_up(
    readers: &Readers,
    target: &Path,
    acknowledged: Position,
) -> Result<Backup, StoreError> {
    let target = Target::new(target)?;
    let abandoned = Abandoned::default();
    let is_abandoned = Arc::clone(&abandoned.0);
    let written = readers.read(move |reader| {
        let whole = |copy: &Path| {
            let (head, streams) = verified(copy)?;
            match head < acknowledged {
                true => Err(unusable(format!(
                    "it ends at position {head}, and {acknowledged} was acknowledged before"
                ))),
                false => Ok((head, streams)),
            }
        };
        let ((head, streams), bytes) = target.write(reader.connection(), &is_abandoned, whole)?;
        let path = target.path;
        tracing::info!(path = %path.display(), %head, bytes, "backed up");
        Ok(Backup {
            path,
            head,
            streams,
            bytes,
        })
    });
    written.await
}

/// Whether the caller waits no more. It says so when it is dropped.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where a backup is to be.
pub(super) struct Target {
    path: PathBuf,
    folder: PathBuf,
    /// The file until it is whole. No other backup writes it.
    partial: PathBuf,
}

impl Target {
    /// # Errors
    /// [`StoreError::BadFile`] if there is something already; or why its folder cannot be reached.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let Some(name) = path.file_name() else {
            return Err(StoreError::BadFile {
                location: location(path),
                problem: "names no file: a backup is one file, which does not exist yet".to_owned(),
            });
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = resolved(folder)?;
        let path = folder.join(name);
        let partial = beside(&path, &format!(".{}.partial", EventId::new()));
        let target = Target {
            path,
            folder,
            partial,
        };
        target.check()?;
        Ok(target)
    }

    /// Checks that there is nothing at its place, and nothing that SQLite would take for a part of it.
    fn check(&self) -> Result<(), StoreError> {
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(self.exists());
        }
        let files = ["-wal", "-journal"].map(|suffix| beside(&self.path, suffix));
        match files.iter().find(|file| holds_something(file)) {
            Some(file) => Err(StoreError::BadFile {
                location: location(&self.path),
                problem: format!(
                    "cannot be the name of a backup: `{}` is there, which belongs to another file of that name, and would be taken for a part of the backup. Name another file",
                    file.display()
                ),
            }),
            None => Ok(()),
        }
    }

    fn exists(&self) -> StoreError {
        StoreError::BadFile {
            location: location(&self.path),
            problem: "is there already, and a backup replaces nothing: name another file, or remove this one".to_owned(),
        }
    }

    /// Writes it: what `verified` finds in the copy, and its size in bytes.
    pub(super) fn write<T>(
        &self,
        source: &Connection,
        is_abandoned: &Arc<AtomicBool>,
        verified: impl FnOnce(&Path) -> Result<T, StoreError>,
    ) -> Result<(T, u64), StoreError> {
        let partial = PartialFile::create(&self.partial)?;
        copy(source, &self.partial, is_abandoned)?;
        let found = verified(&self.partial)?;
        let bytes = self
            .synced()
            .map_err(|error| unopened(&error, &self.partial))?;
        if is_abandoned.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        self.name(&partial)?;
        sync_folder(&self.folder);
        Ok((found, bytes))
    }

    /// The number of bytes, which are on the disk now.
    fn synced(&self) -> io::Result<u64> {
        let file = File::open(&self.partial)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }

    /// Gives the file its name, unless something has the name by now.
    fn name(&self, partial: &PartialFile<'_>) -> Result<(), StoreError> {
        self.check()?;
        match fs::hard_link(partial.0, &self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(self.exists()),
            // A file system without hard links.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unsupported | ErrorKind::PermissionDenied
                ) =>
            {
                fs::rename(partial.0, &self.path).map_err(|error| unopened(&error, &self.path))
            }
            Err(error) => Err(unopened(&error, &self.path)),
        }
    }
}

/// A file that is removed by that name in the end, whatever comes of it.
struct PartialFile<'a>(&'a Path);

impl<'a> PartialFile<'a> {
    /// Creates it for its owner alone, whatever the mode of the store's file is.
    fn create(path: &'a Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| unopened(&error, path))?;
        Ok(PartialFile(path))
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// Copies what is in the store at one moment, and no page that it has freed: what was deleted is not in the
/// copy. Neither appends nor reads wait for it.
fn copy(
    source: &Connection,
    target: &Path,
    is_abandoned: &Arc<AtomicBool>,
) -> Result<(), StoreError> {
    let Some(name) = target.to_str() else {
        return Err(StoreError::BadFile {
            location: location(target),
            problem: "is no name in UTF-8, which SQLite needs for a backup".to_owned(),
        });
    };
    let stops = Arc::clone(is_abandoned);
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::Closed,
        // The error of a damaged file says how far it can be read.
        _ => examined(&error, source),
    };
    let watched = move || stops.load(Ordering::Relaxed);
    source
        .progress_handler(STEPS, Some(watched))
        .map_err(failed)?;
    let copied = source.execute("VACUUM INTO ?1", [name]);
    let unwatched = source.progress_handler(0, None::<fn() -> bool>);
    copied.map_err(failed)?;
    unwatched.map_err(failed)
}

/// Marks the copy as one that was never opened, checks it, and counts its events and streams.
fn verified(path: &Path) -> Result<(Position, u64), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let counted = || {
        let copy = Connection::open_with_flags(path, flags)?;
        // The file is thrown away if this fails, and is synced as a whole.
        copy.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        mark_never_opened(&copy)?;
        let text = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, String>(0));
        let number = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0));
        let sound = text("PRAGMA integrity_check(1)")?;
        let lost = "SELECT count(*) FROM pragma_foreign_key_check('nether_events')";
        let (events, newest) = (
            number("SELECT count(*) FROM nether_events")?,
            number("SELECT coalesce(max(position), 0) FROM nether_events")?,
        );
        let streams = number("SELECT count(*) FROM nether_streams")?.cast_unsigned();
        Ok((sound, number(lost)?, events, newest, streams))
    };
    let counted: rusqlite::Result<_> = counted();
    let (sound, lost, events, newest, streams) = counted.map_err(|error| store_error(&error))?;
    if sound != "ok" {
        return Err(unusable(sound));
    }
    if lost > 0 {
        return Err(unusable(format!(
            "{lost} events are of streams or have names that are not there"
        )));
    }
    if events != newest {
        return Err(unusable(format!(
            "it has {events} events, and the newest is at position {newest}"
        )));
    }
    Ok((Position(newest.cast_unsigned()), streams))
}

fn unusable(reason: String) -> StoreError {
    StoreError::Corrupt {
        reason: format!("a backup of it could not be used: {reason}"),
        readable_up_to: None,
    }
}
