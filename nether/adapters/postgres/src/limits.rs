//! [`Limits`]: how long the store waits, for what.

use std::time::Duration;

use nether::eventstore::StoreError;
use tokio::time::timeout;

/// The bytes that may be sent in a second: more of them may take longer.
const BYTES_PER_SECOND: usize = 1 << 20;

/// How long the store waits for its server. All times follow from one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long the server may be silent: then the connection is given up.
    pub(super) answer: Duration,
}

impl Limits {
    /// How long an answer may take to a statement with so many bytes.
    pub(super) fn answer_to(self, bytes: usize) -> Duration {
        let more = (bytes / BYTES_PER_SECOND).try_into().unwrap_or(u32::MAX);
        self.answer + Duration::from_secs(1) * more
    }

    /// How long the server itself may work on a statement that writes. It is less than the answer may take,
    /// so that what is slow is refused by the server, and it is known that nothing was written.
    pub(super) fn statement(self) -> Duration {
        self.answer * 2 / 3
    }

    /// How long a statement waits for a lock that another session holds.
    pub(super) fn lock(self) -> Duration {
        self.answer / 3
    }

    /// How long is waited for a server that cannot be reached, and for a connection to it.
    pub(super) fn patience(self) -> Duration {
        self.answer / 3
    }

    /// How long a transaction may wait for its program's next statement: a process that is suspended in a
    /// transaction must not hold up others without end.
    pub(super) fn idle(self) -> Duration {
        self.answer
    }

    /// How long work waits for its turn to be written.
    pub(super) fn turn(self) -> Duration {
        self.answer * 2
    }

    /// The result of what is asked of the server, or that it did not answer in time.
    pub(super) async fn answered<T>(
        limit: Duration,
        asked: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        timeout(limit, asked).await.map_err(|_| silent(limit))
    }
}

/// The error of a server that says nothing.
pub(super) fn silent(limit: Duration) -> StoreError {
    StoreError::Unavailable {
        reason: format!("the server has not answered within {limit:?}"),
    }
}
