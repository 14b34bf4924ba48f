//! The rules for modules as a whole; those for handlers and hooks are beside this file.

use proc_macro2::Span;
use syn::LitInt;

use crate::block::{Block, Member};
use crate::diagnostics::Diagnostics;
use crate::keys::TypeList;
use crate::module::args::{ModuleArgs, PER};
use crate::module::model::{CheckedModule, Handler, Hooks};
use crate::module::{handlers, hooks, keying, policy, restart};
use crate::{header, init, lists, types};

/// The most instances: each has a task and a mailbox of its own.
const MOST_INSTANCES: usize = 1024;

/// Checks everything and drops what is wrong, so that the rest can still be expanded.
pub(crate) fn check(
    args: ModuleArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedModule {
    let name = header::check(&block, &header::MODULE, diagnostics);
    let is_further = header::check_single(&block, &header::MODULE, diagnostics);
    check_handles_given(&args, diagnostics);
    let types = |list: &Option<TypeList>| {
        list.as_ref()
            .map(|list| lists::check(&list.key.to_string(), &list.types, diagnostics))
    };
    let listed = types(&args.handles);
    let (emits, calls, after) = (types(&args.emits), types(&args.calls), types(&args.after));
    let said = policy::of_module(&args, diagnostics);
    let is_keyed = args.seen.has(PER.name);
    let (found, meant) = match (&name, &listed) {
        (Some(name), Some(listed)) => {
            handlers::find(&block, name, listed, &said, is_keyed, diagnostics)
        }
        _ => (Vec::new(), Vec::new()),
    };
    let unhandled = listed.iter().flatten();
    let unhandled = unhandled.filter(|listed| {
        let mut handlers = found.iter();
        let is_handled = handlers.any(|handler| types::same(&handler.message, *listed));
        !is_handled && lists::enum_of_variant(listed).is_none()
    });
    let unhandled: Vec<_> = unhandled.chain(&meant).cloned().collect();
    policy::check_backoff_used(&args, &found, diagnostics);
    let is_exclusive = is_keyed || takes_mut_self(&found, &block, listed.is_none());
    let hooks = name.as_ref().map_or_else(Hooks::default, |name| {
        let per = args.per.as_ref();
        hooks::find(&block, name, is_exclusive, per, diagnostics)
    });
    let keying = keying::check(&args, &hooks, diagnostics);
    keying::check_has_values(&args, &found, diagnostics);
    if !is_keyed {
        check_manual(&args, &hooks, diagnostics);
    }
    let instances = match is_keyed {
        true => 1,
        false => check_instances(&args, is_exclusive || listed.is_none(), diagnostics),
    };
    let restart = restart::check(&args, is_exclusive, diagnostics);
    let help =
        "write it at an argument of `#[init]`: `#[resource(\"replica\")] pool: Resource<Pool>`";
    init::check_misplaced(&block, |it, _| init::is_init(it), help, diagnostics);
    hooks::unmark(&mut block);
    let unread = header::take_broken(&mut block);
    let is_broken = diagnostics.count() > 0 || !unread.is_empty();
    CheckedModule {
        block,
        name,
        is_further,
        is_exclusive,
        keying,
        is_manual: args.is_manual,
        is_fake: args.is_fake,
        handlers: found,
        unhandled,
        hooks,
        emits,
        calls,
        after: after.unwrap_or_default(),
        instances,
        mailbox: args
            .mailbox
            .as_ref()
            .and_then(|mailbox| check_mailbox(mailbox, diagnostics)),
        restart,
        breaker: args
            .breaker
            .as_ref()
            .and_then(|breaker| policy::check_breaker(breaker, diagnostics)),
        renamed: args.renamed,
        unread,
        is_broken,
    }
}

fn check_handles_given(args: &ModuleArgs, diagnostics: &Diagnostics) {
    if !args.seen.has("handles") {
        let help = "list the messages: `#[module(handles = [Message, ..])]`; `handles = []` if it only has hooks";
        diagnostics.error_at(
            Span::call_site(),
            "`#[module]` does not say what the module handles",
            help,
        );
    }
}

/// One handler with `&mut self` makes the module exclusive. If it is not known which methods are handlers,
/// any method counts.
fn takes_mut_self(handlers: &[Handler], block: &Block, any_method: bool) -> bool {
    let some_handler = handlers
        .iter()
        .filter_map(|handler| handler.receiver.as_ref())
        .any(|receiver| receiver.is_mutable);
    let some_method = || {
        block.members.iter().any(|member| match member {
            Member::Method(function) => function
                .signature
                .receiver()
                .is_some_and(|receiver| types::text(receiver).contains("mut")),
            Member::Other(_) | Member::Broken(_) => false,
        })
    };
    some_handler || (any_method && some_method())
}

/// Checks that a `manual` module has no `#[init]`: its value is made by the code that attaches it.
fn check_manual(args: &ModuleArgs, hooks: &Hooks, diagnostics: &Diagnostics) {
    if let (true, Some(init)) = (args.is_manual, &hooks.init) {
        let message = format!(
            "the caller of `attach` makes the value of a `manual` module, so nothing would call `{}`",
            init.method
        );
        let help = "remove `#[init]`, or remove `manual` and let the framework make the module";
        diagnostics.error(&init.method, message, help);
    }
}

/// Several of an exclusive module run side by side. A shared one does by itself, and what is attached is
/// attached one by one.
fn check_instances(args: &ModuleArgs, is_exclusive: bool, diagnostics: &Diagnostics) -> usize {
    let Some(instances) = &args.instances else {
        return 1;
    };
    let count = instances.base10_parse::<usize>().ok();
    let Some(count) = count.filter(|count| (1..=MOST_INSTANCES).contains(count)) else {
        let message = format!("`instances = {instances}` is not a number of instances");
        let help = format!("write how many run side by side, from 1 to {MOST_INSTANCES}");
        diagnostics.error(instances, message, help);
        return 1;
    };
    if args.is_manual {
        let message = "a `manual` module is attached by hand, each instance by itself";
        let help = "remove `instances`, or remove `manual` and let the framework make them";
        diagnostics.error(instances, message, help);
    } else if !is_exclusive {
        let message =
            "all handlers take `&self`, so that they run side by side without several instances";
        let help = "remove `instances`; how many handlers may run at once is what `mailbox` says";
        diagnostics.error(instances, message, help);
    }
    count
}

fn check_mailbox(mailbox: &LitInt, diagnostics: &Diagnostics) -> Option<usize> {
    let bound = mailbox
        .base10_parse::<usize>()
        .ok()
        .filter(|bound| *bound > 0);
    if bound.is_none() {
        let message = format!("`mailbox = {mailbox}` is not a number of messages");
        diagnostics.error(
            mailbox,
            message,
            "write how many may wait, at least 1: `mailbox = 1024`",
        );
    }
    bound
}
