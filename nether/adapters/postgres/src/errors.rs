//! Errors of PostgreSQL as errors of the store.

use std::error::Error as StdError;

use nether::eventstore::StoreError;
use tokio_postgres::Error;

/// What an error of the database or of the connection means to the store.
pub(super) fn store_error(error: &Error) -> StoreError {
    let reason = text(error);
    let Some(state) = error.code() else {
        return match is_of_connection(error) {
            true => StoreError::Unavailable { reason },
            false => failed(reason),
        };
    };
    match state.code() {
        // Connection exceptions; too many connections; the server stops, starts, or has ended the session.
        code if code.starts_with("08") => StoreError::Unavailable { reason },
        "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => {
            StoreError::Unavailable { reason }
        }
        // Out of memory, and limits of the server's configuration: they pass.
        "53200" | "53000" | "53400" => StoreError::Unavailable { reason },
        "53100" => StoreError::Full { reason },
        "25006" => StoreError::ReadOnly { reason },
        // A lock was not released in time; a deadlock; a statement that took longer than the server allows.
        "55P03" | "40P01" | "40001" | "57014" => StoreError::Locked { reason },
        _ if is_outdated(error) => StoreError::Unavailable {
            reason: format!("a statement has to be prepared again: {reason}"),
        },
        "XX001" | "XX002" => StoreError::Corrupt {
            reason,
            readable_up_to: None,
        },
        _ => failed(reason),
    }
}

/// Whether an error says nothing of what was asked, only that no answer will come on that connection.
pub(super) fn is_unanswered(error: &Error) -> bool {
    let Some(state) = error.code() else {
        return is_of_connection(error);
    };
    let ends_session = ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"];
    state.code().starts_with("08") || ends_session.contains(&state.code())
}

/// Whether the session knows a statement no more, or knows it as it was before a table of it has changed. It
/// succeeds when it is prepared again.
pub(super) fn is_outdated(error: &Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|said| match said.code().code() {
            "26000" => true,
            // The code stands for much else. The name of the server's function is not translated.
            "0A000" => said.routine() == Some("RevalidateCachedQuery"),
            _ => false,
        })
}

/// Whether an error is one of reaching the server, which passes.
pub(super) fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

pub(super) fn failed(reason: String) -> StoreError {
    StoreError::Failed {
        reason,
        source: None,
    }
}

/// An error that no server has sent is one of the connection, unless a value could not be converted.
fn is_of_connection(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(error) = found.downcast_ref::<std::io::Error>() {
            return !is_of_tls(error);
        }
        cause = found.source();
    }
    // The library has no other names for these kinds of its errors.
    let of_connection = ["error connecting", "timeout", "unexpected message"];
    let text = error.to_string();
    error.is_closed() || of_connection.iter().any(|kind| text.contains(kind))
}

/// Whether the peer is not trusted, or does not speak TLS: that does not pass.
fn is_of_tls(error: &std::io::Error) -> bool {
    #[cfg(feature = "tls")]
    let is = error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>());
    #[cfg(not(feature = "tls"))]
    let is = {
        let _ = error;
        false
    };
    is
}

/// What the server says, with its detail and hint; the causes of another error. Neither holds a password.
pub(super) fn text(error: &Error) -> String {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(found) = cause {
            let said = found.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = found.source();
        }
        return text;
    };
    let mut text = format!("{} ({})", said.message(), said.code().code());
    for more in [said.detail(), said.hint()].into_iter().flatten() {
        text = format!("{text}; {more}");
    }
    text
}
