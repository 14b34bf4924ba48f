//! [`ServerSettings`]: all settings of a server; its builder methods are [`Server`](crate::http::Server)'s.

use std::fmt;
use std::time::Duration;

use tower_http::cors::CorsLayer;

use crate::error::{StartError, StartProblem};
use crate::http::access::client_address::TrustedProxies;
use crate::http::access::cross_site::OpenPaths;
use crate::http::access::hosts::HostList;
use crate::http::events::feed::FeedLimits;
use crate::http::identity::authenticate::Authenticator;
use crate::http::layers::Layers;
use crate::idempotency::KeyLimits;

/// The longest time there is: clocks cannot add much more to the present.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The settings of a server.
#[derive(Clone)]
pub(crate) struct ServerSettings {
    /// The most bytes of a body.
    pub(crate) body_limit: usize,
    /// How long a body may take to come.
    pub(crate) body_timeout: Duration,
    /// How many bytes of a body must come in a second.
    pub(crate) body_rate: u32,
    /// How many bytes of bodies may be held at once.
    pub(crate) body_memory: usize,
    /// How long headers may take to come, also those of the next request.
    pub(crate) header_timeout: Duration,
    /// How long a client has to take what it is sent.
    pub(crate) write_timeout: Duration,
    /// How long a request may take.
    pub(crate) request_timeout: Duration,
    /// How many connections may be open; `None` for what the process's limit of open files leaves.
    pub(crate) max_connections: Option<usize>,
    /// How many requests may be at work.
    pub(crate) max_requests: usize,
    /// How many files may be open to be sent; `None` for a part of the process's limit.
    pub(crate) max_open_files: Option<usize>,
    /// How many connections are accepted within a second.
    pub(crate) accept_rate: Option<u32>,
    /// After how much silence a stream of events says that it is alive.
    pub(crate) keep_alive: Duration,
    /// How much is kept of the events of each type for clients that come back.
    pub(crate) events: FeedLimits,
    pub(crate) compression: bool,
    /// Whether each request is a line in the log.
    pub(crate) access_log: bool,
    /// What stands around all that clients are served.
    pub(crate) layers: Layers,
    /// The hosts that it answers for, if they were set.
    pub(crate) hosts: Option<HostList>,
    pub(crate) cors: Option<CorsLayer>,
    /// Where pages of all sites may send requests to.
    pub(crate) open_paths: OpenPaths,
    pub(crate) proxies: TrustedProxies,
    /// What finds out who asks.
    pub(crate) authenticator: Option<Authenticator>,
    /// Whether it is asked for files too.
    pub(crate) authenticates_files: bool,
    /// How much is kept of idempotency keys, and how long.
    pub(crate) keys: KeyLimits,
    /// A second address, for management alone.
    pub(crate) management: Option<String>,
    /// Whether clients get the description of the API.
    pub(crate) public_docs: bool,
    /// Whether clients get the metrics.
    pub(crate) public_metrics: bool,
    /// What the API is called in its description, and its version.
    pub(crate) title: (String, String),
    /// The settings that are refused.
    pub(crate) refused: Vec<RefusedSetting>,
}

/// A setting with a value that is none.
#[derive(Debug, Clone)]
pub(crate) struct RefusedSetting {
    setting: &'static str,
    /// What was said, and what is expected.
    reason: String,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            body_limit: 2 << 20,
            body_timeout: Duration::from_secs(20),
            body_rate: 240,
            body_memory: 256 << 20,
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            max_connections: None,
            max_requests: 10_000,
            max_open_files: None,
            accept_rate: None,
            keep_alive: Duration::from_secs(15),
            events: FeedLimits {
                events: 1024,
                bytes: 16 << 20,
                typed: None,
            },
            compression: false,
            access_log: true,
            layers: Layers::default(),
            hosts: None,
            cors: None,
            open_paths: OpenPaths::default(),
            proxies: TrustedProxies::default(),
            authenticator: None,
            authenticates_files: false,
            keys: KeyLimits::default(),
            management: None,
            public_docs: false,
            public_metrics: false,
            title: ("API".to_owned(), "1.0.0".to_owned()),
            refused: Vec::new(),
        }
    }
}

impl ServerSettings {
    /// Notes that a setting was given a value that is none.
    pub(crate) fn refuse(&mut self, setting: &'static str, value: &str, expected: &str) {
        let reason = format!("{value:?} is no {expected}");
        self.refused.push(RefusedSetting { setting, reason });
    }

    /// Checks that all values are such, and that a stop of the system, which may take so long, leaves
    /// requests the time that they may take.
    pub(crate) fn check(&self, shutdown_timeout: Duration) -> Result<(), StartError> {
        let refused = self.refused.iter().cloned();
        let mut problems: Vec<_> = refused
            .map(
                |RefusedSetting { setting, reason }| StartProblem::InvalidSetting {
                    setting,
                    reason,
                },
            )
            .collect();
        problems.extend(self.unusable());
        let request_timeout = self.request_timeout;
        if request_timeout > shutdown_timeout && request_timeout != FOREVER {
            problems.push(StartProblem::ShutdownTooShort {
                shutdown_timeout,
                request_timeout,
            });
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(StartError { problems }),
        }
    }
}

impl ServerSettings {
    /// The settings with which the server would refuse everything, or do the same again without a pause.
    fn unusable(&self) -> impl Iterator<Item = StartProblem> {
        let times = [
            ("Server::header_timeout", self.header_timeout),
            ("Server::write_timeout", self.write_timeout),
            ("Server::request_timeout", self.request_timeout),
            ("Server::body_timeout", self.body_timeout),
            ("Server::keep_alive", self.keep_alive),
            ("Server::idempotency_retention", self.keys.retention),
        ];
        let zero = times.into_iter().filter(|(_, time)| time.is_zero());
        let zero = zero.map(|(setting, _)| (setting, "it must be longer than nothing".to_owned()));
        let bytes = self.keys.bytes;
        let small = (bytes < KeyLimits::LEAST).then(|| {
            let least = KeyLimits::LEAST;
            let reason = format!("{bytes} bytes have no room for a key: {least} are the least");
            ("Server::idempotency_limit", reason)
        });
        let unusable = zero.chain(small);
        unusable.map(|(setting, reason)| StartProblem::InvalidSetting { setting, reason })
    }
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ServerSettings;

    #[test]
    fn a_server_does_by_default_what_the_manual_says() {
        let defaults = ServerSettings::default();
        assert_eq!(defaults.body_limit, 2 << 20);
        assert_eq!(defaults.body_timeout, Duration::from_secs(20));
        assert_eq!(defaults.body_rate, 240);
        assert_eq!(defaults.body_memory, 256 << 20);
        assert_eq!(defaults.header_timeout, Duration::from_secs(15));
        assert_eq!(defaults.write_timeout, Duration::from_secs(30));
        assert_eq!(defaults.request_timeout, Duration::from_secs(30));
        assert_eq!(defaults.max_requests, 10_000);
        assert_eq!(defaults.events.events, 1024);
        assert_eq!(defaults.events.bytes, 16 << 20);
        assert_eq!(defaults.keep_alive, Duration::from_secs(15));
        assert_eq!(defaults.keys.bytes, 64 << 20);
        assert_eq!(defaults.keys.retention, Duration::from_secs(24 * 60 * 60));
        let shows = defaults.compression || defaults.public_docs || defaults.public_metrics;
        assert!(!shows && defaults.management.is_none() && defaults.access_log);
        // What the process may have open says how many.
        assert_eq!(
            (defaults.max_connections, defaults.max_open_files),
            (None, None)
        );
    }
}
