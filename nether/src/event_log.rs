//! [`EventLog`]: past events of a program in their order, wherever they are kept. An event store is one; the
//! web server shows what is in it.

use std::pin::Pin;

use crate::error::Result;

/// The future of the methods of an [`EventLog`].
pub(crate) type LogFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Events with positions that grow, whichever process has written them. The first one has the position 1.
pub(crate) trait EventLog: Send + Sync {
    /// The position of the newest event; 0 if there is none.
    fn newest(&self) -> LogFuture<'_, u64>;

    /// Reads a page of the events behind a position that have that name, as the program knows them now.
    fn read<'a>(&'a self, name: &'a str, after: u64) -> LogFuture<'a, LogPage>;

    /// Waits until there is an event behind the position.
    fn wait(&self, after: u64) -> LogFuture<'_, ()>;
}

/// What was read.
#[derive(Debug)]
pub(crate) struct LogPage {
    pub(crate) events: Vec<LoggedEvent>,
    /// The position of the last event that was read, of whatever name. If there was none behind that which
    /// was asked for, it is that.
    pub(crate) up_to: u64,
}

/// An event of the name that was asked for.
#[derive(Debug)]
pub(crate) struct LoggedEvent {
    pub(crate) position: u64,
    /// The event as JSON; or why it cannot be shown.
    pub(crate) json: Result<String, String>,
}
