//! An aggregate that makes sense.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::{Path, Type};

use crate::block::Block;
use crate::sourcing::methods::Method;
use crate::sourcing::settings::HandlingPolicy;

/// Only [`validate`](super::validate) makes one.
pub(in crate::sourcing) struct CheckedAggregate {
    pub(super) block: Block,
    /// `None` if nothing can be made of it but the block itself.
    pub(super) ty: Option<Ident>,
    pub(super) name: String,
    /// The commands and queries, as the list writes them.
    pub(super) handles: Vec<Type>,
    /// The events, as the list writes them.
    pub(super) events: Vec<Type>,
    /// The methods of these: decisions, and answers to queries. In the order of the list.
    pub(super) handlers: Vec<Method>,
    /// In the order of the list.
    pub(super) evolutions: Vec<Method>,
    /// The key, if it is given.
    pub(super) snapshots: Option<Ident>,
    /// 0 for never.
    pub(super) snapshot_every: u64,
    pub(super) snapshot_version: u32,
    pub(super) cache: usize,
    pub(super) idle: Duration,
    pub(super) policy: HandlingPolicy,
    pub(super) renamed: Option<Path>,
    /// The methods that could not be read.
    pub(super) unread: Vec<TokenStream>,
    /// Whether a method asks for a context, which is an error.
    pub(super) takes_context: bool,
    /// Whether an error was reported: then what is listed only counts as handled.
    pub(super) is_broken: bool,
}
