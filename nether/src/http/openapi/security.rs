//! Access control, in the description: the schemes of the server's authenticator, and what each endpoint
//! requires.

use serde_json::{Map, Value, json};

use crate::http::identity::authenticate::Authenticator;
use crate::http::identity::scheme::named;
use crate::http::openapi::add_refusal;
use crate::message::AccessDescriptor;

/// The security schemes of the API.
pub(super) fn schemes(authenticator: &Authenticator) -> Value {
    let named = named(&authenticator.schemes).into_iter();
    let all: Map<String, Value> = named
        .map(|(name, scheme)| (name, scheme.described()))
        .collect();
    all.into()
}

/// Says of an operation that requires something who may ask for it: any of the schemes will do, with all
/// roles. If it requires nothing, only the authenticator knows whom it is for.
pub(super) fn secure(
    operation: &mut Value,
    access: Option<AccessDescriptor>,
    authenticator: &Authenticator,
) {
    let Some(access) = access else { return };
    let named = named(&authenticator.schemes).into_iter();
    let schemes = named.map(|(name, _)| json!({ name: access.roles }));
    operation["security"] = schemes.collect();
    let responses = &mut operation["responses"];
    let challenge = json!({ "schema": { "type": "string" } });
    add_refusal(responses, "401", "Credentials are missing or wrong");
    responses["401"]["headers"]["WWW-Authenticate"] = challenge;
    add_refusal(responses, "403", "The principal may not");
}
