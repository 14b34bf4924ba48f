//! A projection that makes sense.

use proc_macro2::{Ident, TokenStream};
use syn::{Path, Type};

use crate::block::Block;
use crate::init::AskedResource;
use crate::sourcing::definition::StartFrom;
use crate::sourcing::methods::Method;
use crate::sourcing::settings::HandlingPolicy;

/// Only [`validate`](super::validate) makes one.
pub(in crate::sourcing) struct CheckedProjection {
    pub(super) block: Block,
    /// `None` if nothing can be made of it but the block itself.
    pub(super) ty: Option<Ident>,
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) from: Option<StartFrom>,
    /// The types that are listed, events and queries.
    pub(super) handles: Vec<Type>,
    pub(super) events: Vec<Method>,
    pub(super) queries: Vec<Method>,
    pub(super) keeps: Keeps,
    /// The type of the store's transactions that its handlers write in, with the lifetime `'static`.
    pub(super) transaction: Option<Type>,
    pub(super) parallel: usize,
    pub(super) policy: HandlingPolicy,
    pub(super) hooks: ProjectionHooks,
    pub(super) renamed: Option<Path>,
    /// The methods that could not be read.
    pub(super) unread: Vec<TokenStream>,
    /// Whether a method asks for a context, which is an error.
    pub(super) takes_context: bool,
    /// Whether an error was reported: then the queries only count as handled.
    pub(super) is_broken: bool,
}

/// Where it keeps what it reads off the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    InMemory,
    Elsewhere,
    InTransaction,
}

#[derive(Default)]
pub(super) struct ProjectionHooks {
    pub(super) init: Option<ProjectionInit>,
    pub(super) on_rebuild: Option<OnRebuild>,
}

/// `#[init]`.
pub(super) struct ProjectionInit {
    pub(super) method: Ident,
    pub(super) is_async: bool,
    pub(super) resources: Vec<AskedResource>,
    /// All that it takes: which of it is `Tables`, and no resource.
    pub(super) is_tables: Vec<bool>,
    pub(super) output: TokenStream,
}

/// `#[on_rebuild]`.
pub(super) struct OnRebuild {
    pub(super) method: Ident,
    pub(super) is_async: bool,
    /// What to point at when that is wrong.
    pub(super) asyncness: TokenStream,
    /// What it takes besides `self`.
    pub(super) arguments: Vec<Type>,
    pub(super) output: TokenStream,
}
