//! [`LeftTables`]: the tables that a rebuild has replaced, or has given up, and that are to be removed.

use std::time::Duration;

use tokio::time::Instant;

use crate::eventstore::lease::is_waited_for;
use crate::eventstore::projection::state::ReplacedValue;
use crate::eventstore::store::Store;
use crate::eventstore::tables::Tables;

/// How many lease times tables are kept that a standby may still read: it looks much more often which are
/// live.
const KEPT_FOR: u32 = 3;

/// How long a removal that has failed waits.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Tables that are to be removed.
pub(super) struct LeftTables<P> {
    pub(super) tables: Tables,
    /// The value that was made for them. Queries of this process may hold it.
    pub(super) value: Option<ReplacedValue<P>>,
    /// When no standby reads them any more.
    pub(super) due: Instant,
}

/// The first of the tables that are left can be removed.
pub(super) struct RemovalIsDue;

impl<P> LeftTables<P> {
    /// Tables that were live until now, or may have been, of the projection of that name.
    pub(super) fn until_now(
        tables: Tables,
        value: Option<ReplacedValue<P>>,
        name: &str,
        store: &Store,
    ) -> Self {
        let may_be_read = store.is_shared() || is_waited_for(name);
        let kept_for = match may_be_read {
            true => store.settings().lease_time * KEPT_FOR,
            false => Duration::ZERO,
        };
        LeftTables {
            tables,
            value,
            due: Instant::now() + kept_for,
        }
    }

    /// Tables whose removal has failed.
    pub(super) fn failed(tables: Tables) -> Self {
        LeftTables {
            tables,
            value: None,
            due: Instant::now() + AGAIN_AFTER,
        }
    }
}
