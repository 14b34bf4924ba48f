//! [`Phase`]: how far an address is on its way to its end, and how long that waits for clients.

use std::time::Duration;

/// How far an address is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    /// Nothing new is accepted, and connections end once nothing is at work on them.
    Ending,
    /// No time is left for requests that are still at work.
    CutOff,
}

/// How long a connection on which nothing is at work may be quiet: half of a head is not waited for.
pub(crate) const QUIET: Duration = Duration::from_millis(100);

/// How long a connection may be quiet whose client may still have something to do: it reads the end of an
/// answer, or has to send the frames that end a connection of HTTP/2.
pub(crate) const LEAVING: Duration = Duration::from_secs(1);
