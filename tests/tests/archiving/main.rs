//! Streams whose content leaves the store, after a copy of it was made.

mod closed;
mod copies;
mod files;
mod followers;
mod program;
mod sagas;
mod slow;
