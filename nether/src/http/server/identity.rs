//! Settings of [`Server`] that say how it finds out who asks.

use crate::error::StartError;
use crate::http::identity::authenticate::{Authenticate, Authenticator};
use crate::http::identity::report::unauthenticated;
use crate::http::server::Server;
use crate::system::System;

impl Server {
    /// Finds out on whose behalf a request comes, before it is answered. Handlers read the
    /// [`Principal`](crate::Principal) from [`principal`](crate::QueryContext::principal), and messages that
    /// say `requires = ".."` are for those alone who have what they require. Without an authenticator no
    /// request has a principal, and a server does not start that serves a message with `requires`.
    ///
    /// Endpoints, streams of events and [`#[routes]`](macro@crate::routes) are behind it; see
    /// [`Authenticate`] for what it may return. The log names the endpoints without `requires` at the start.
    ///
    /// Behind a proxy that has authenticated its users, believe its header only if the proxy alone reaches
    /// the server:
    ///
    /// ```no_run
    /// # use nether::prelude::*;
    /// use nether::Principal;
    /// use nether::http::{HeaderName, ProblemDetails, RequestHead, SecurityScheme, Server, from_fn};
    ///
    /// # async fn serve(system: System) -> nether::Result<()> {
    /// let scheme = SecurityScheme::header(HeaderName::from_static("x-user"));
    /// let by_proxy = from_fn([scheme], async |head: RequestHead| match head.header("x-user") {
    ///     Some(user) => Ok(Principal::new(user)),
    ///     None => Err(ProblemDetails::unauthorized("the proxy names no user")),
    /// });
    /// Server::new(&system).authenticate(by_proxy).serve("127.0.0.1:8080").await
    /// # }
    /// ```
    #[must_use]
    pub fn authenticate(mut self, authenticate: impl Authenticate) -> Self {
        self.settings.authenticator = Some(Authenticator::new(authenticate));
        self
    }

    /// Asks the [authenticator](Server::authenticate) for requests of files too, whether or not there is such
    /// a file. By default files are for everybody. The authenticator sees the path, and so can let some be
    /// for everybody: it returns [`Principal::anonymous`](crate::Principal::anonymous) for these.
    #[must_use]
    pub fn authenticate_files(mut self) -> Self {
        self.settings.authenticates_files = true;
        self
    }

    /// Checks the settings, and that it is found out who asks for what is not for everybody.
    pub(super) fn check_settings(&self, system: &System) -> Result<(), StartError> {
        let checked = self.settings.check(system.shutdown_timeout());
        let mut problems = checked.err().map_or_else(Vec::new, |error| error.problems);
        problems.extend(unauthenticated(system, &self.settings));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(StartError { problems }),
        }
    }
}
