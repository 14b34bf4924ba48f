//! Settings of a [`Server`] about how much clients may ask for at once.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::server::Server;
use crate::http::server::settings::FOREVER;

impl Server {
    /// The most bytes of a request's body: 2 MiB by default. A longer body is answered with 413; by an
    /// endpoint before it is read, if the header `content-length` says so.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// How long the body of a request may take to arrive: 20 seconds by default. A slower body is answered
    /// with 408.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.settings.body_timeout = timeout.min(FOREVER);
        self
    }

    /// How many bytes of a request's body must arrive in a second, after the first 5 seconds: 240 by default.
    /// A slower body is answered with 408. 0 stands for no such bound.
    #[must_use]
    pub fn body_rate(mut self, bytes_per_second: u32) -> Self {
        self.settings.body_rate = bytes_per_second;
        self
    }

    /// How many bytes of request bodies the server holds at once, over all connections: 256 MiB by default.
    /// Bodies beyond that are answered with 503. The first 16 KiB of each body do not count, so that long
    /// bodies do not keep out short ones. A body counts until its request is answered, and that of a command
    /// until the command is done.
    ///
    /// A handler of a [route](macro@crate::routes) may take a body piece by piece, of any length if the route
    /// has no [`body_limit`](Server::body_limit). The first `body_limit` bytes of the body (but at most an
    /// eighth of `body_memory`) count until the request is answered, and all others while the handler holds
    /// the `Bytes` that they came in.
    #[must_use]
    pub fn body_memory(mut self, bytes: usize) -> Self {
        self.settings.body_memory = bytes;
        self
    }

    /// How many connections may be open at once, at each address: half of the files that the process may have
    /// open (`RLIMIT_NOFILE`) by default, and 16,384 at most. A web socket counts too. Further connections
    /// wait to be accepted.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = Some(connections.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// How many requests may be in progress at once, at each address: 10,000 by default. Further requests are
    /// answered with 503 at once. A request counts until the head of its answer is there, so that an open
    /// stream of events does not count; a command counts until it is done, even if its client has
    /// disconnected. One connection may have at most 200 requests in progress.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.settings.max_requests = requests.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many files of [folders](Server::files) may be open at once: a quarter of the files that the
    /// process may have open (`RLIMIT_NOFILE`) by default. Further requests for files are answered with 503.
    /// A file is open while it is sent; one of at most 64 KiB is closed before. One
    /// [address](Server::trusted_proxies) (of IPv6 a network) may have half of them, rounded up, so that one
    /// client does not keep out all others.
    #[must_use]
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.settings.max_open_files = Some(files.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// How many connections are accepted in a second, at each address; without a limit by default.
    #[must_use]
    pub fn accept_rate(mut self, per_second: u32) -> Self {
        self.settings.accept_rate = Some(per_second.max(1));
        self
    }
}
