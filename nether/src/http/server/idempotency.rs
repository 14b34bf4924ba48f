//! Settings of a server about `Idempotency-Key`, and where it keeps the keys.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
#[cfg(feature = "eventstore")]
use crate::http::idempotency::sourcing;
use crate::http::server::Server;
#[cfg(not(feature = "eventstore"))]
use crate::idempotency::KeyStore;
use crate::idempotency::KeysInMemory;
use crate::system::System;

impl Server {
    /// The most bytes of idempotency keys and of the answers under them: 64 MiB by default, in memory or in
    /// the event store. A principal may take an eighth of them. Requests without a
    /// [principal](Server::authenticate) share an eighth for each address that they come from, and take at
    /// most half of the bytes together.
    ///
    /// Answers that are kept are never evicted to make room. When there is none, a request with a new key is
    /// answered with 503.
    ///
    /// Processes that share an event store do not count each other's keys: each counts those that were there
    /// when its server started, and its own. So `n` processes may keep up to `n` times as much. A server does
    /// not start with fewer than 8 KiB, which is the room for one key.
    #[must_use]
    pub fn idempotency_limit(mut self, bytes: usize) -> Self {
        self.settings.keys.bytes = bytes;
        self
    }

    /// How long an answer is kept for requests that come again with their key: a day by default. Then the key
    /// is free.
    #[must_use]
    pub fn idempotency_retention(mut self, time: Duration) -> Self {
        self.settings.keys.retention = time;
        self
    }

    /// Opens the store of keys: the event store of the program, if it provides one, and memory otherwise.
    pub(super) async fn open_keys(&self, system: &System) -> Result<()> {
        let limits = self.settings.keys;
        #[cfg(feature = "eventstore")]
        let stored = sourcing::keys(system, limits).await?;
        #[cfg(not(feature = "eventstore"))]
        let stored: Option<Arc<dyn KeyStore>> = {
            let _ = system;
            None
        };
        let keys = stored.unwrap_or_else(|| Arc::new(KeysInMemory::new(limits)));
        self.shared.keys.keep_in(keys);
        Ok(())
    }

    /// Waits for the requests with keys, also for those whose clients were answered before their handlers had
    /// ended; and leaves the store, which may be closed then.
    pub(super) async fn close_keys(&self) {
        self.shared.keys.idle().await;
        let keys = KeysInMemory::new(self.settings.keys);
        self.shared.keys.keep_in(Arc::new(keys));
    }
}
