//! What of the server's operations is shown, and to whom: settings of [`Server`].

use crate::http::server::Server;
use crate::http::server::settings::ServerSettings;

impl Server {
    /// Serves `/livez`, `/readyz`, `/metrics`, `/openapi.json` and `/docs` at a second address. The first two
    /// are no longer served beside the endpoints. Choose an address that only your own machines reach.
    ///
    /// `/docs` tries endpoints at its own address, so there it only shows them; to try them, let
    /// [`public_docs`](Server::public_docs) show the page beside the endpoints, on a machine of your own.
    #[must_use]
    pub fn management(mut self, address: impl Into<String>) -> Self {
        self.settings.management = Some(address.into());
        self
    }

    /// Serves `/openapi.json`, and `/docs` with the feature `swagger-ui`, beside the endpoints too: every
    /// client may read which messages there are, and what is in them. By default only those who reach the
    /// address for [`management`](Server::management) may.
    #[must_use]
    pub fn public_docs(mut self) -> Self {
        self.settings.public_docs = true;
        self
    }

    /// Serves `/metrics` beside the endpoints too: every client may read the names of modules and messages,
    /// and how much they do and fail. By default only those who reach the address for
    /// [`management`](Server::management) may.
    #[must_use]
    pub fn public_metrics(mut self) -> Self {
        self.settings.public_metrics = true;
        self
    }
}

impl ServerSettings {
    /// The part that no client can reach, and how that is changed; `None` if all of it is served somewhere.
    pub(crate) fn hidden(&self) -> Option<&'static str> {
        if self.management.is_some() {
            return None;
        }
        match (self.public_metrics, self.public_docs) {
            (true, true) => None,
            (true, false) => Some(
                "`/openapi.json` is not served: `Server::management` gives it an address of its own, `Server::public_docs` shows it to clients",
            ),
            (false, true) => Some(
                "`/metrics` is not served: `Server::management` gives it an address of its own, `Server::public_metrics` shows it to clients",
            ),
            (false, false) => Some(
                "`/metrics` and `/openapi.json` are not served: `Server::management` gives them an address of their own, \
                 `Server::public_metrics` and `Server::public_docs` show them to clients",
            ),
        }
    }
}
