//! [`Identified`]: what the authenticator of a server has found out about a request.

use axum::http::Extensions;

use crate::principal::Principal;

/// On whose behalf a request comes, as the authenticator has found out; `None` if it is anonymous.
///
/// It travels in the extensions of the request. The type is private, so that nothing but the guard can put it
/// there: a layer, or a handler that is written by hand, cannot make a request look authenticated.
#[derive(Clone)]
pub(super) struct Identified(pub(super) Option<Principal>);

impl Identified {
    /// Finds the identity of the request; `None` if the authenticator was not asked yet.
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }
}

/// On whose behalf a request comes, if the authenticator has found that out.
pub(crate) fn principal(extensions: &Extensions) -> Option<&Principal> {
    Identified::of(extensions)?.0.as_ref()
}
