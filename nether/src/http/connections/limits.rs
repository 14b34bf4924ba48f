//! How many files the process may have open, and what a server may have of them.
//!
//! A connection is an open file too. A server that takes them all leaves none for the store, the log and the
//! connections to other servers, so it takes half for its connections and a quarter for the files it serves.

use std::sync::OnceLock;

use crate::escaped::Escaped;

/// The most connections that a server has without being asked to, however many files may be open.
const CONNECTIONS: usize = 16_384;

/// The limit that is assumed where it is not known.
const UNKNOWN: usize = 1024;

/// How many connections a server may have open.
pub(crate) fn connections() -> usize {
    (open_files() / 2).clamp(1, CONNECTIONS)
}

/// How many files a server may have open to send them.
pub(crate) fn served_files() -> usize {
    (open_files() / 4).max(1)
}

/// How many files the process may have open. The soft limit is raised to the hard one, once, as Go does: it
/// is low for the sake of programs that wait with `select`, which this one does not.
fn open_files() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(raised)
}

#[cfg(unix)]
fn raised() -> usize {
    use rlimit::{Resource, increase_nofile_limit};
    match increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!(error = %Escaped(&error), "the limit of open files cannot be raised");
            let soft = Resource::NOFILE.get_soft();
            soft.map_or(UNKNOWN, |soft| usize::try_from(soft).unwrap_or(usize::MAX))
        }
    }
}

#[cfg(not(unix))]
fn raised() -> usize {
    UNKNOWN * 16
}

#[cfg(test)]
mod tests {
    use super::{connections, open_files, served_files};

    #[test]
    fn a_server_leaves_a_quarter_of_the_open_files_to_the_rest_of_the_program() {
        assert!(connections() + served_files() <= open_files() * 3 / 4);
        assert!(connections() > 0 && served_files() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
        let limit = open_files() as u64;
        let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert_eq!(soft.min(usize::MAX as u64), limit);
        assert!(soft == hard || cfg!(target_vendor = "apple"));
    }
}
