//! [`SqliteOptions`]: how a store is opened.

use std::time::Duration;

#[cfg(doc)]
use nether::eventstore::StoreError;

#[cfg(doc)]
use crate::SqliteStore;

/// How much is on the disk when an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// All of it (`synchronous = FULL`): it is there after a loss of power. The default.
    #[default]
    Full,
    /// All of it is with the operating system (`synchronous = NORMAL`): it is there after a crash of the
    /// process, and a loss of power may take the last moments, in whole appends.
    Normal,
}

/// How a [`SqliteStore`] is opened.
///
/// ```
/// use nether_sqlite::{Durability, SqliteStore};
///
/// # let folder = std::env::temp_dir().join(format!("nether-options-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("bank.db");
/// let store = SqliteStore::options().durability(Durability::Normal).open(&path)?;
/// # drop(store);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), nether::eventstore::StoreError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is opened until `open` is called"]
pub struct SqliteOptions {
    pub(super) durability: Durability,
    pub(super) shared: bool,
    pub(super) read_only: bool,
    pub(super) busy_timeout: Duration,
    pub(super) poll_interval: Duration,
    pub(super) readers: usize,
    pub(super) max_batch: usize,
    pub(super) max_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions {
            durability: Durability::default(),
            shared: false,
            read_only: false,
            busy_timeout: Duration::from_secs(5),
            poll_interval: Duration::from_millis(50),
            readers: 4,
            max_batch: 1024,
            max_bytes: None,
        }
    }
}

impl SqliteOptions {
    /// How much is on the disk when an append is acknowledged: [`Durability::Full`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Lets several processes have the file open at the same time, if all of them open it so. Then two may
    /// decide upon one aggregate, and one of them has to [decide again](StoreError::Conflict); one of them
    /// [runs](nether::eventstore#several-processes) each projection and saga; and each looks for what others
    /// have written, see [`poll_interval`](SqliteOptions::poll_interval).
    pub fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// Opens the file to be read alone, also while another process has it open: for reports, and to replay it
    /// in a test. Whatever would write gives [`StoreError::ReadOnly`].
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How long to wait for another process that writes, before that is an error: 5 seconds by default.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        // SQLite counts the milliseconds in 31 bits.
        self.busy_timeout = timeout.min(Duration::from_millis(i32::MAX as u64));
        self
    }

    /// How often a store that is [`shared`](SqliteOptions::shared) or read-only looks for new events of other
    /// processes, while a task waits for them: every 50 milliseconds by default.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// How many connections read at the same time: 4 by default.
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// The most appends that are written in one transaction: 1024 by default.
    pub fn max_batch(mut self, appends: usize) -> Self {
        self.max_batch = appends.max(1);
        self
    }

    /// The largest size of the file: without a limit by default. An append beyond it fails with
    /// [`StoreError::Full`].
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }
}
