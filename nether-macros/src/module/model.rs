//! A module that makes sense. Only [`validate`](crate::module::validate) makes one.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Path, Type};

use crate::block::Block;
use crate::init::AskedResource;
use crate::signature;

pub(crate) struct CheckedModule {
    /// The block as written, without the attributes of hooks.
    pub(crate) block: Block,
    /// What it is a module of; `None` if nothing can be made of it but the block itself.
    pub(crate) name: Option<Ident>,
    /// Whether another block makes the type a module, so that this one, about which there is an error, only
    /// adds what that one may lack.
    pub(crate) is_further: bool,
    /// Whether its handlers have the module, or the value of their key, for themselves: some handler takes
    /// `&mut self`, or there is a value for each key.
    pub(crate) is_exclusive: bool,
    /// If it has a value for each key.
    pub(crate) keying: Option<Keying>,
    pub(crate) is_manual: bool,
    /// Whether it stands in for another module: manual, and neither a route to the compiler nor in the
    /// registry.
    pub(crate) is_fake: bool,
    pub(crate) handlers: Vec<Handler>,
    /// The listed messages without a handler, and what was meant by them: there are errors about these.
    pub(crate) unhandled: Vec<Type>,
    pub(crate) hooks: Hooks,
    /// `None` if not given.
    pub(crate) emits: Option<Vec<Type>>,
    pub(crate) calls: Option<Vec<Type>>,
    pub(crate) after: Vec<Type>,
    pub(crate) instances: usize,
    pub(crate) mailbox: Option<usize>,
    pub(crate) restart: Restart,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) renamed: Option<Path>,
    /// The methods that could not be read.
    pub(crate) unread: Vec<TokenStream>,
    /// Whether an error was reported: what is derived from something missing then stays silent.
    pub(crate) is_broken: bool,
}

/// What a module says that has a value for each key.
pub(crate) struct Keying {
    /// How many values are kept while they are not in use.
    pub(crate) keep: Option<usize>,
    /// How long.
    pub(crate) idle: Option<Duration>,
}

/// What becomes of the module when it crashes.
pub(crate) struct Restart {
    /// The variant of the runtime's `Restart`.
    pub(crate) rule: &'static str,
    pub(crate) max_restarts: u32,
    pub(crate) within: Duration,
    pub(crate) is_essential: bool,
}

/// How long a handler may take, how often it is tried again, and what stands around it.
pub(crate) struct Policy {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: u8,
    /// The wait before the first retry, and the longest.
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    /// Its middleware, outermost first.
    pub(crate) with: Vec<Type>,
}

/// After how many failures within how long the module is left alone, and for how long.
pub(crate) struct Breaker {
    pub(crate) failures: u32,
    pub(crate) within: Duration,
    pub(crate) probe_after: Duration,
}

/// A method that handles a message.
pub(crate) struct Handler {
    /// The message, as the list writes it.
    pub(crate) message: Type,
    /// The variant of the inbox.
    pub(crate) variant: Ident,
    pub(crate) method: Ident,
    /// The first argument's type, to point at.
    pub(crate) argument: Type,
    /// What the message is called in the expansion, if the argument writes it in several words.
    pub(crate) alias: Option<Ident>,
    /// Whether it takes an event, by reference.
    pub(crate) by_reference: bool,
    pub(crate) is_async: bool,
    /// What the method takes as `self`; `None` if that makes no sense.
    pub(crate) receiver: Option<Receiver>,
    /// The context, if it takes one.
    pub(crate) context: Option<ContextArgument>,
    /// `None` if it is tried once, may take as long as it wants, and has no middleware.
    pub(crate) policy: Option<Policy>,
    /// Whether it is for all values of the module, and not for that of a key.
    pub(crate) is_for_all: bool,
    /// What to point at when the method's result is wrong: its return type, or its name.
    pub(crate) output: TokenStream,
    /// Whether it can be called. If not, the message only counts as handled, so that no error follows where
    /// it is sent.
    pub(crate) is_sound: bool,
}

impl Handler {
    /// The message, as the method writes it.
    pub(crate) fn message_argument(&self) -> &Type {
        signature::behind_reference(&self.argument)
    }

    /// The message, in one word.
    pub(crate) fn message(&self) -> TokenStream {
        match &self.alias {
            Some(alias) => quote!(#alias),
            None => self.message_argument().to_token_stream(),
        }
    }

    /// One of two names, by how it takes the message.
    pub(crate) fn either<'a>(&self, by_reference: &'a str, by_value: &'a str) -> &'a str {
        if self.by_reference {
            by_reference
        } else {
            by_value
        }
    }
}

/// `&self` or `&mut self`.
pub(crate) struct Receiver {
    pub(crate) tokens: TokenStream,
    pub(crate) is_mutable: bool,
}

/// The context that a handler or a hook takes.
pub(crate) struct ContextArgument {
    pub(crate) tokens: TokenStream,
    pub(crate) by_reference: bool,
}

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) init: Option<Init>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) background: Vec<Hook>,
    pub(crate) on_idle: Option<Hook>,
}

/// `#[init]`.
pub(crate) struct Init {
    pub(crate) method: Ident,
    pub(crate) is_async: bool,
    /// Its arguments, but for the key.
    pub(crate) resources: Vec<AskedResource>,
    /// The key that it takes, in a module with a value for each.
    pub(crate) key: Option<InitKey>,
    pub(crate) output: TokenStream,
}

/// The argument of `#[init]` that is the key.
pub(crate) struct InitKey {
    /// Which of the arguments it is.
    pub(crate) index: usize,
    /// Its type, behind the reference.
    pub(crate) ty: Type,
}

/// `#[on_start]`, `#[on_stop]`, `#[background]`, `#[on_idle]`.
pub(crate) struct Hook {
    pub(crate) method: Ident,
    pub(crate) is_async: bool,
    /// Whether it takes `self`.
    pub(crate) has_receiver: bool,
    pub(crate) context: Option<ContextArgument>,
    pub(crate) output: TokenStream,
}
