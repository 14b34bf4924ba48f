//! `#[init]`, `#[on_start]`, `#[on_stop]`, `#[background]`, `#[on_idle]`: which methods they are, and the
//! rules for them.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Attribute, ReceiverKind, ReturnType, Signature};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::init;
use crate::module::model::{Hook, Hooks, Init};
use crate::module::signature::{self, ContextForms};
use crate::module::{keying, policy};

const HOOKS: [&str; 5] = ["init", "on_start", "on_stop", "background", "on_idle"];

const CONTEXT: ContextForms = ContextForms {
    whose: "a hook",
    position: "nothing but the context",
    query: false,
    by_value: false,
};

const BACKGROUND_CONTEXT: ContextForms = ContextForms {
    whose: "`#[background]`",
    position: "nothing but the context",
    query: false,
    by_value: true,
};

/// Whether the method is marked as a hook.
pub(crate) fn is_hook(function: &Function) -> bool {
    function
        .attributes
        .iter()
        .any(|attribute| name(attribute).is_some())
}

/// The block's hooks.
pub(crate) fn find(
    block: &Block,
    module: &Ident,
    is_exclusive: bool,
    per: Option<&Ident>,
    diagnostics: &Diagnostics,
) -> Hooks {
    let mut finder = HookFinder {
        module,
        is_exclusive,
        per,
        diagnostics,
        hooks: Hooks::default(),
        seen: Vec::new(),
    };
    for member in &block.members {
        if let Member::Method(function) = member {
            finder.read(function);
        }
    }
    finder.hooks
}

/// Takes the marks off, which only this macro understands.
pub(crate) fn unmark(block: &mut Block) {
    init::unmark(block);
    for member in &mut block.members {
        if let Member::Method(function) = member {
            function
                .attributes
                .retain(|attribute| name(attribute).is_none() && !policy::is_mark(attribute));
        }
    }
}

/// Which hook the attribute marks.
fn name(attribute: &Attribute) -> Option<&'static str> {
    HOOKS
        .into_iter()
        .find(|hook| attribute.path().is_ident(hook))
}

struct HookFinder<'a> {
    module: &'a Ident,
    is_exclusive: bool,
    /// Which argument of `#[init]` is the key, if there is a value for each key.
    per: Option<&'a Ident>,
    diagnostics: &'a Diagnostics,
    hooks: Hooks,
    /// The hooks seen so far, and their methods.
    seen: Vec<(&'static str, Ident)>,
}

impl HookFinder<'_> {
    fn read(&mut self, function: &Function) {
        let before = self.diagnostics.count();
        let mut marks = function
            .attributes
            .iter()
            .filter_map(|attribute| Some((name(attribute)?, attribute)));
        let Some((hook, mark)) = marks.next() else {
            return;
        };
        if let Some((other, mark)) = marks.next() {
            let message = format!(
                "`{}` is marked both `#[{hook}]` and `#[{other}]`",
                function.signature.ident
            );
            self.diagnostics
                .error(mark, message, "write a method for each");
        }
        policy::check_mark_of_other(function, self.diagnostics);
        self.check_bare(hook, mark);
        self.check_once(hook, mark, function);
        signature::check_plain("the hook", &function.signature, self.diagnostics);
        let found = match hook {
            "init" => self.read_init(function),
            _ => self.read_hook(hook, function),
        };
        if self.diagnostics.count() == before {
            self.keep(hook, found);
        }
    }

    fn keep(&mut self, hook: &str, found: Found) {
        match found {
            Found::Init(init) => self.hooks.init = Some(*init),
            Found::Hook(found) => match hook {
                "on_start" => self.hooks.on_start = Some(found),
                "on_stop" => self.hooks.on_stop = Some(found),
                "on_idle" => self.hooks.on_idle = Some(found),
                _ => self.hooks.background.push(found),
            },
        }
    }

    fn check_bare(&self, hook: &str, mark: &Attribute) {
        if mark.meta.require_path_only().is_err() {
            self.diagnostics.error(
                mark,
                format!("`#[{hook}]` takes no arguments"),
                format!("write `#[{hook}]`"),
            );
        }
    }

    /// One of each, except for background tasks.
    fn check_once(&mut self, hook: &'static str, mark: &Attribute, function: &Function) {
        let first = self
            .seen
            .iter()
            .find(|(seen, _)| *seen == hook && hook != "background");
        if let Some((_, first)) = first {
            let message = format!(
                "`{first}` and `{}` are both `#[{hook}]`",
                function.signature.ident
            );
            self.diagnostics
                .error(mark, message, "keep one, and call the other from it");
        }
        self.seen.push((hook, function.signature.ident.clone()));
    }

    /// `#[init]` makes the module: it takes resources and gives back the module.
    fn read_init(&self, function: &Function) -> Found {
        let signature = &function.signature;
        if let Some(receiver) = signature.receiver() {
            let message = format!(
                "`#[init]` makes the module, so `{}` cannot take `self`",
                signature.ident
            );
            self.diagnostics.error(
                receiver,
                message,
                "remove `self`, and return `Self` or `nether::Result<Self>`",
            );
        } else if let ReturnType::Default = signature.output {
            let message = format!(
                "`#[init]` makes the module, but `{}` gives nothing back",
                signature.ident
            );
            self.diagnostics.error(
                &signature.ident,
                message,
                "return `Self` or `nether::Result<Self>`",
            );
        }
        let on_context = "send in a hook that runs once the module is made: \
                          `#[on_start] async fn start(&mut self, ctx: &Context<Self>) { .. }`";
        let on_context = match self.per {
            Some(_) => {
                "send in the handler: the first message of a key makes its value, and is handled then"
            }
            None => on_context,
        };
        let key = self
            .per
            .and_then(|per| keying::find_key(per, signature, self.diagnostics));
        let key_at = key.as_ref().map(|key| key.index);
        let is_key = |index: usize| Some(index) == key_at;
        // Without the key, which has its error, a reference may be what was meant by it.
        if self.per.is_none() || key.is_some() {
            let arguments = signature::arguments(signature).into_iter().enumerate();
            for (_, ty) in arguments.filter(|(index, _)| !is_key(*index)) {
                init::check_argument(ty, on_context, self.diagnostics);
            }
        }
        let mut resources = init::asked(signature, self.diagnostics);
        if let Some(index) = key_at {
            resources.remove(index);
        }
        Found::Init(Box::new(Init {
            key,
            method: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            resources,
            output: signature::output(signature),
        }))
    }

    fn read_hook(&self, hook: &str, function: &Function) -> Found {
        let signature = &function.signature;
        let is_background = hook == "background";
        match signature.receiver() {
            _ if hook == "on_idle" => self.check_idle_receiver(signature),
            Some(_) if is_background => self.check_background_receiver(function),
            Some(_) => self.check_hook_receiver(hook, function),
            None if is_background => {}
            None => {
                let message = format!(
                    "`#[{hook}]` runs on the module, but `{}` takes no `self`",
                    signature.ident
                );
                self.diagnostics
                    .error(&signature.ident, message, "take `&mut self` or `&self`");
            }
        }
        let arguments = signature::arguments(signature);
        let forms = if is_background {
            &BACKGROUND_CONTEXT
        } else {
            &CONTEXT
        };
        let context = arguments
            .first()
            .and_then(|ty| signature::check_context(ty, forms, self.module, self.diagnostics));
        if let Some(second) = arguments.get(1) {
            let message = format!("`#[{hook}]` takes nothing but the context");
            self.diagnostics
                .error(second, message, "keep what it needs in the module");
        }
        Found::Hook(Hook {
            method: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            has_receiver: signature.receiver().is_some(),
            context,
            output: signature::output(signature),
        })
    }

    /// A background task runs beside the handlers, so it can see the module only if that is shared.
    fn check_background_receiver(&self, function: &Function) {
        let signature = &function.signature;
        let Some(receiver) = signature::check_receiver("the hook", signature, self.diagnostics)
        else {
            return;
        };
        if receiver.is_mutable || self.is_exclusive {
            let message = format!(
                "`#[background]` runs beside the handlers, so `{}` cannot borrow the module",
                signature.ident
            );
            let help = match self.per {
                Some(_) => {
                    "take only `ctx: Context<Self>`: there is a value for each key, and messages reach them"
                }
                None => {
                    "take only `ctx: Context<Self>` and send the module messages; or let all handlers take `&self`, and this too"
                }
            };
            self.diagnostics.error(receiver.tokens, message, help);
        }
    }

    /// The value of a key leaves for good, so its hook has it.
    fn check_idle_receiver(&self, signature: &Signature) {
        let receiver = signature.receiver();
        let is_by_value =
            receiver.is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Value));
        if !is_by_value {
            let message = format!(
                "`#[on_idle]` gets the value that leaves, so `{}` takes `self`",
                signature.ident
            );
            let place = match receiver {
                Some(receiver) => receiver.to_token_stream(),
                None => signature.ident.to_token_stream(),
            };
            self.diagnostics
                .error(place, message, "take `self`, by value");
        }
    }

    /// At the end of a shared module, a background task may still hold it.
    fn check_hook_receiver(&self, hook: &str, function: &Function) {
        let Some(receiver) =
            signature::check_receiver("the hook", &function.signature, self.diagnostics)
        else {
            return;
        };
        if hook == "on_stop" && receiver.is_mutable && !self.is_exclusive {
            let message = format!(
                "all handlers of `{}` take `&self`, so its `#[on_stop]` does too",
                self.module
            );
            self.diagnostics
                .error(receiver.tokens.to_token_stream(), message, "take `&self`");
        }
    }
}

enum Found {
    Init(Box<Init>),
    Hook(Hook),
}
