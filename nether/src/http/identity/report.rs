//! What a server finds out at its start about who may ask what: endpoints that require a principal where no
//! authenticator finds out who asks, and endpoints that require nothing.

use crate::declaration::Declaration;
use crate::error::StartProblem;
use crate::http::endpoints::entry::EndpointEntry;
use crate::http::endpoints::presence::present;
use crate::http::server::settings::ServerSettings;
use crate::system::System;

/// The problem of a server without an authenticator that serves what requires one.
pub(crate) fn unauthenticated(system: &System, settings: &ServerSettings) -> Option<StartProblem> {
    if settings.authenticator.is_some() {
        return None;
    }
    let messages: Vec<Declaration> = present(system)
        .into_iter()
        .map(EndpointEntry::message)
        .filter(|message| message.access.is_some())
        .map(|message| message.declaration)
        .collect();
    (!messages.is_empty()).then_some(StartProblem::NoAuthenticator { messages })
}

/// Logs which endpoints require nothing, so that a forgotten `requires` is seen: one line, if the server has
/// an authenticator at all.
pub(crate) fn log_open(system: &System, settings: &ServerSettings) {
    if settings.authenticator.is_none() {
        return;
    }
    let open = present(system).into_iter();
    let open = open.filter(|endpoint| endpoint.message().access.is_none());
    let open: Vec<String> = open
        .map(|endpoint| {
            let (verb, path) = endpoint.place();
            format!("{verb} {path}")
        })
        .collect();
    if !open.is_empty() {
        let endpoints = open.join(", ");
        tracing::info!(endpoints, "these endpoints have no `requires`");
    }
}
