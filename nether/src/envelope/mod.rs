//! Layer 4: what travels from a sender to a module: the message, where its reply goes, its unit of work, its causes.

mod cause;
mod parcel;
mod reply;

pub(crate) use self::cause::Cause;
pub use self::parcel::{Given, Parcel, Shown};
pub use self::reply::ReplyTo;
pub(crate) use self::reply::{Awaited, NoReply, Reply, reply};

use crate::scope::InFlight;

/// What travels with every message.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) in_flight: InFlight,
    pub(crate) cause: Cause,
}

/// A message in an exclusive module's mailbox; `I` is the `enum` of all messages it handles, by value.
#[derive(Debug)]
pub(crate) struct Envelope<I> {
    pub(crate) header: Header,
    pub(crate) inbox: I,
}
