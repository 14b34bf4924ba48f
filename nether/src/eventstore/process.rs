//! [`PROCESS`]: how this process is known in a store that several processes may have open.

use std::sync::LazyLock;

use uuid::Uuid;

/// The id of this process, new each time that the program runs.
pub(super) static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);
