//! [`Authenticate`]: finds out on whose behalf a request comes.

use std::fmt;
use std::sync::Arc;

use crate::http::identity::head::RequestHead;
use crate::http::identity::scheme::SecurityScheme;
use crate::http::replies::problem_details::ProblemDetails;
use crate::principal::Principal;
use crate::route::BoxFuture;

/// Finds out on whose behalf a request comes: by a token, a session, a key. Given to
/// [`Server::authenticate`](crate::http::Server::authenticate).
///
/// It is asked once for each request of an endpoint, a stream of events, or a route of
/// [`#[routes]`](macro@crate::routes), before the body is read; and of a file, if
/// [`Server::authenticate_files`](crate::http::Server::authenticate_files) says so. It is not asked for
/// `/livez`, `/readyz`, `/metrics` and `/openapi.json`.
///
/// | it returns | the request |
/// |---|---|
/// | a [`Principal`] | goes on, and its unit of work has that principal |
/// | [`Principal::anonymous`] | goes on without a principal: it is answered unless its message says `requires = ".."`, which is a 401 |
/// | a [`ProblemDetails`] | is answered with that problem; a 401 gets the `www-authenticate` of the [schemes](Authenticate::schemes) |
///
/// So an authenticator that refuses requests without credentials closes the whole server, and one that lets
/// them be anonymous leaves it to `requires` which messages are for everybody. Credentials that are wrong or
/// have expired are best refused.
///
/// [`from_fn`] makes an authenticator of a function. This one believes JSON Web Tokens (RFC 7519), with the
/// crate `jsonwebtoken`:
///
/// ```no_run
/// use jsonwebtoken::{DecodingKey, Validation, decode};
/// use nether::Principal;
/// use nether::http::{Authenticate, ProblemDetails, RequestHead, SecurityScheme};
/// use serde::Deserialize;
///
/// pub struct Tokens {
///     key: DecodingKey,
///     /// Which algorithm, issuer and audience a token must have.
///     validation: Validation,
/// }
///
/// #[derive(Deserialize)]
/// struct Payload {
///     sub: String,
///     #[serde(default)]
///     roles: Vec<String>,
/// }
///
/// impl Authenticate for Tokens {
///     fn schemes(&self) -> Vec<SecurityScheme> {
///         vec![SecurityScheme::jwt()]
///     }
///
///     async fn authenticate(&self, head: RequestHead) -> Result<Principal, ProblemDetails> {
///         let Some(token) = head.bearer() else {
///             return Ok(Principal::anonymous());
///         };
///         let token = decode::<Payload>(token, &self.key, &self.validation);
///         // The answer does not say what is wrong with it.
///         let token = token.map_err(|_| ProblemDetails::unauthorized("the token is not valid"))?;
///         Ok(Principal::new(token.claims.sub).with_roles(token.claims.roles))
///     }
/// }
/// ```
///
/// This one knows the keys of other programs:
///
/// ```
/// use std::collections::HashMap;
///
/// use nether::Principal;
/// use nether::http::{Authenticate, HeaderName, ProblemDetails, RequestHead, SecurityScheme};
///
/// /// Keys that other programs send, and who has which.
/// pub struct Keys(HashMap<String, Principal>);
///
/// impl Authenticate for Keys {
///     fn schemes(&self) -> Vec<SecurityScheme> {
///         vec![SecurityScheme::header(HeaderName::from_static("x-api-key"))]
///     }
///
///     async fn authenticate(&self, head: RequestHead) -> Result<Principal, ProblemDetails> {
///         let Some(key) = head.header("x-api-key") else {
///             return Ok(Principal::anonymous());
///         };
///         let known = self.0.get(key).cloned();
///         known.ok_or_else(|| ProblemDetails::unauthorized("the key is not known"))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an authenticator",
    label = "does not implement `Authenticate`",
    note = "implement `nether::http::Authenticate` for it; or make one of a function: \
            `from_fn([SecurityScheme::bearer()], |head: RequestHead| async move {{ Ok(Principal::anonymous()) }})`"
)]
pub trait Authenticate: Send + Sync + 'static {
    /// How clients send their credentials, any of several ways: for the header `www-authenticate` and the
    /// description of the API.
    fn schemes(&self) -> Vec<SecurityScheme>;

    /// Finds out who sent the request with that head.
    ///
    /// # Errors
    /// The problem with which the request is answered: [`ProblemDetails::unauthorized`] if the credentials
    /// are missing or wrong. One with a status of 500 and above is logged.
    fn authenticate(
        &self,
        head: RequestHead,
    ) -> impl Future<Output = Result<Principal, ProblemDetails>> + Send;
}

/// An authenticator made of a function. What the function needs is moved into it, and cloned for each
/// request, as a session store behind an [`Arc`] is here:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// use nether::Principal;
/// use nether::http::{Authenticate, ProblemDetails, RequestHead, SecurityScheme, from_fn};
///
/// type Sessions = Arc<Mutex<HashMap<String, Principal>>>;
///
/// fn by_session(sessions: Sessions) -> impl Authenticate {
///     from_fn([SecurityScheme::cookie("session")], move |head: RequestHead| {
///         let sessions = sessions.clone();
///         async move {
///             let Some(session) = head.cookie("session") else {
///                 return Ok(Principal::anonymous());
///             };
///             let sessions = sessions.lock().expect("no thread panics with it");
///             let known = sessions.get(session).cloned();
///             known.ok_or_else(|| ProblemDetails::unauthorized("the session has ended"))
///         }
///     })
/// }
/// ```
pub fn from_fn<F, A>(
    schemes: impl IntoIterator<Item = SecurityScheme>,
    authenticate: F,
) -> impl Authenticate
where
    F: Fn(RequestHead) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Principal, ProblemDetails>> + Send + 'static,
{
    AuthenticateFn {
        schemes: schemes.into_iter().collect(),
        authenticate,
    }
}

/// See [`from_fn`].
struct AuthenticateFn<F> {
    schemes: Vec<SecurityScheme>,
    authenticate: F,
}

impl<F, A> Authenticate for AuthenticateFn<F>
where
    F: Fn(RequestHead) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Principal, ProblemDetails>> + Send + 'static,
{
    fn schemes(&self) -> Vec<SecurityScheme> {
        self.schemes.clone()
    }

    fn authenticate(
        &self,
        head: RequestHead,
    ) -> impl Future<Output = Result<Principal, ProblemDetails>> + Send {
        (self.authenticate)(head)
    }
}

/// The authenticator of a server, its type forgotten.
#[derive(Clone)]
pub(crate) struct Authenticator {
    authenticate: Arc<dyn AnyAuthenticate>,
    pub(crate) schemes: Arc<[SecurityScheme]>,
}

impl Authenticator {
    pub(crate) fn new(authenticate: impl Authenticate) -> Self {
        Authenticator {
            schemes: authenticate.schemes().into(),
            authenticate: Arc::new(authenticate),
        }
    }

    /// Finds out who sent the request with that head.
    pub(crate) fn authenticate(
        &self,
        head: RequestHead,
    ) -> BoxFuture<Result<Principal, ProblemDetails>> {
        Arc::clone(&self.authenticate).authenticate(head)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}

trait AnyAuthenticate: Send + Sync {
    fn authenticate(
        self: Arc<Self>,
        head: RequestHead,
    ) -> BoxFuture<Result<Principal, ProblemDetails>>;
}

impl<A: Authenticate> AnyAuthenticate for A {
    fn authenticate(
        self: Arc<Self>,
        head: RequestHead,
    ) -> BoxFuture<Result<Principal, ProblemDetails>> {
        Box::pin(async move { Authenticate::authenticate(&*self, head).await })
    }
}
