//! A saga that makes sense.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::{Path, Type};

use crate::block::Block;
use crate::sourcing::definition::StartFrom;
use crate::sourcing::methods::Method;
use crate::sourcing::settings::HandlingPolicy;

/// Only [`validate`](super::validate) makes one.
pub(in crate::sourcing) struct CheckedSaga {
    pub(super) block: Block,
    /// `None` if nothing can be made of it but the block itself.
    pub(super) ty: Option<Ident>,
    pub(super) name: String,
    pub(super) from: Option<StartFrom>,
    /// The field of the events that says which one they are for.
    pub(super) key: Option<Ident>,
    pub(super) events: Vec<Method>,
    /// The commands that start it.
    pub(super) commands: Vec<Method>,
    /// What these are, as the list writes it.
    pub(super) listed_commands: Vec<Type>,
    /// The method that says what a command is answered with when its saga has failed.
    pub(super) answer: Option<Answer>,
    /// Those of its events that start it.
    pub(super) starts: Vec<Type>,
    pub(super) ends: Vec<Type>,
    pub(super) sends: Vec<Type>,
    pub(super) timeouts: Vec<Timeout>,
    pub(super) policy: HandlingPolicy,
    pub(super) renamed: Option<Path>,
    /// The methods that could not be read.
    pub(super) unread: Vec<TokenStream>,
    /// Whether a method asks for a context, which is an error.
    pub(super) takes_context: bool,
    /// Whether an error was reported: then nothing is made of it.
    pub(super) is_broken: bool,
}

/// `fn answer(&self, failed: &StepFailed) -> Error`.
pub(super) struct Answer {
    pub(super) method: Ident,
    pub(super) output: TokenStream,
}

/// `#[timeout("30m")]`.
pub(super) struct Timeout {
    pub(super) method: Ident,
    pub(super) is_async: bool,
    /// Whether it takes the step.
    pub(super) takes_step: bool,
    pub(super) after: Duration,
    /// The event that it counts from.
    pub(super) since: Option<Type>,
    pub(super) output: TokenStream,
}
