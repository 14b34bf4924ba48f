//! What travels from a sender to a module: the message, where its reply goes, its unit of work, its causes.

mod cause;
mod header;
mod parcel;
mod reply;

pub(crate) use self::cause::{Cause, CauseLink};
pub(crate) use self::header::{FailureOrigin, Header, Label, Source};
pub(crate) use self::parcel::Unhandled;
pub use self::parcel::{AnyParcel, Content, Given, Packed, Parcel, Shown};
pub use self::reply::ReplyTo;
pub(crate) use self::reply::{Awaited, ExpectedReply, Reply, reply};
