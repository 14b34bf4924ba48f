//! A decision that makes sense.

use proc_macro2::{Ident, TokenStream};
use syn::{Path, Type};

use crate::block::Block;
use crate::sourcing::decision::args::Participant;
use crate::sourcing::methods::Method;
use crate::sourcing::settings::HandlingPolicy;

/// Only [`validate`](super::validate) makes one.
pub(in crate::sourcing) struct CheckedDecision {
    pub(super) block: Block,
    /// `None` if nothing can be made of it but the block itself.
    pub(super) ty: Option<Ident>,
    /// The commands, as the list writes them.
    pub(super) handles: Vec<Type>,
    /// The aggregates.
    pub(super) of: Vec<Participant>,
    /// The functions that decide, in the order of `handles`.
    pub(super) deciders: Vec<Decider>,
    pub(super) policy: HandlingPolicy,
    pub(super) renamed: Option<Path>,
    /// The functions that could not be read.
    pub(super) unread: Vec<TokenStream>,
    /// Whether a function asks for a context, which is an error.
    pub(super) takes_context: bool,
    /// Whether an error was reported: then what is listed only counts as handled.
    pub(super) is_broken: bool,
}

/// The function that decides upon a command.
pub(super) struct Decider {
    /// The function. What it asks for is what stands behind the states.
    pub(super) method: Method,
    /// The states that it takes behind the command.
    pub(super) states: Vec<Type>,
}
