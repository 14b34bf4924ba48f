//! [`Checked`]: a message that makes sense. Only [`validate`](crate::message::validate) makes one; all expansion reads it.

use proc_macro2::Ident;
use syn::Type;

use crate::message::MessageKind;
use crate::message::args::Args;
use crate::message::endpoint::Endpoint;
use crate::message::model::Definition;
use crate::message::stored::Stored;

/// A message that makes sense.
pub(crate) struct Checked {
    pub(crate) kind: MessageKind,
    pub(crate) args: Args,
    pub(crate) definition: Definition,
    /// The field of `key = ..`, and its type.
    pub(crate) key: Option<(Ident, Type)>,
    /// What `http = ".."` says.
    pub(crate) endpoint: Option<Endpoint>,
    /// How it is stored, if it is an event that can be.
    pub(crate) stored: Option<Stored>,
    /// Whether the type can be a message at all; if not, its definition alone is given back.
    pub(crate) is_message: bool,
}
