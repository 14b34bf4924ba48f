//! [`Portable`]: a message that leaves the process. That its fields can be written and read is asked for
//! once.
//!
//! What serde derives for a message takes for granted, in a bound for any lifetime, that the fields are
//! [`FieldOfMessage`]. So a field that is not has one error, where [`Portable`] is implemented, and none in
//! each function of what is derived.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A type that is a field of a message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a message holds `{Self}`, which can be neither written nor read",
    label = "not `Serialize` and `Deserialize`",
    note = "derive both: `#[derive(serde::Serialize, serde::Deserialize)]` above the definition of `{Self}`; of another crate's type, its feature `serde` may do that",
    note = "or write `local` in the attribute of the message, if it never leaves this process"
)]
pub trait FieldOfMessage<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> FieldOfMessage<'de> for T {}

/// A message that is not `local`.
#[doc(hidden)]
pub trait Portable: Serialized {}

/// What can be written and read.
#[doc(hidden)]
pub trait Serialized: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Serialized for T {}
