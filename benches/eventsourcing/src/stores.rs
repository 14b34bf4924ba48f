//! The stores of ours: the one place that opens SQLite.

use std::path::Path;

use nether::eventstore::Store;
use nether_sqlite::{Durability, SqliteStore};

use crate::scenario::Synchronous;

/// Opens a file as our default is, but for the durability. `single` writes each append in a transaction of
/// its own.
pub fn on_sqlite(file: &Path, sync: Synchronous, single: bool) -> Store {
    let options = SqliteStore::options().durability(match sync {
        Synchronous::Full => Durability::Full,
        Synchronous::Normal => Durability::Normal,
    });
    let options = if single {
        options.max_batch(1)
    } else {
        options
    };
    Store::new(options.open(file).expect("it opens"))
}
