//! Events to browsers: streams of server-sent events, from this process or from the event store.

pub(super) mod audience;
pub(super) mod feed;
pub(super) mod field_form;
pub(super) mod filter;
pub(super) mod source;
pub(super) mod sse;
pub(super) mod stored;
pub(super) mod stored_feed;
pub(super) mod typed;
