//! The rules for modules that have a value for each key: `per`, `keep` and `idle`, and what does not go with
//! them.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, Pat, Signature, Type, parse_quote_spanned};

use crate::diagnostics::Diagnostics;
use crate::durations;
use crate::module::args::{IDLE, KEEP, ModuleArgs, PER};
use crate::module::model::{Handler, Hooks, InitKey, Keying};
use crate::types;

/// What the module says of its keys; `None` if it is one value.
pub(crate) fn check(args: &ModuleArgs, hooks: &Hooks, diagnostics: &Diagnostics) -> Option<Keying> {
    let keep = args.keep.as_ref().and_then(|given| {
        let keep = given.base10_parse::<usize>().ok().filter(|keep| *keep > 0);
        if keep.is_none() {
            let message = format!("`keep = {given}` is not a number of values");
            let help = "write how many are kept in memory while they are not in use, at least 1: `keep = 100_000`";
            diagnostics.error(given, message, help);
        }
        keep
    });
    let idle = args.idle.as_ref().and_then(|given| {
        let idle = durations::read(given.value().trim()).ok();
        let idle = idle.filter(|idle| !idle.is_zero());
        if idle.is_none() {
            let message = format!("`idle = \"{}\"` is not a duration", given.value());
            let help = "write a number and its unit: `idle = \"5m\"` (ms, s, m, h)";
            diagnostics.error(given, message, help);
        }
        idle
    });
    if !args.seen.has(PER.name) {
        check_not_keyed(args, hooks, diagnostics);
        return None;
    }
    check_others(args, hooks, diagnostics);
    Some(Keying { keep, idle })
}

/// What only a module with a value for each key says.
fn check_not_keyed(args: &ModuleArgs, hooks: &Hooks, diagnostics: &Diagnostics) {
    let help = "name the argument of `#[init]` that is the key, `per = player_id`, for a value of the module for each key; \
                or remove this";
    for key in [KEEP, IDLE] {
        if let Some(written) = args.seen.written(key.name) {
            let message = format!(
                "`{}` is about the values of keys, and this module has one value",
                key.name
            );
            diagnostics.error(written, message, help);
        }
    }
    if let Some(hook) = &hooks.on_idle {
        let message = "`#[on_idle]` runs before the value of a key leaves memory, and this module has one value, which stays";
        let help = "write `#[on_stop]`, which runs at the end of the module; or have a value for each key: `per = player_id`";
        diagnostics.error(&hook.method, message, help);
    }
}

/// What goes with one value alone.
fn check_others(args: &ModuleArgs, hooks: &Hooks, diagnostics: &Diagnostics) {
    let written = |name: &str| args.seen.written(name);
    if let Some(key) = written("instances") {
        let message = "the keys of a module run side by side already, each with a value of its own";
        diagnostics.error(key, message, "remove `instances`");
    }
    let whose = if args.is_fake { "fake" } else { "manual" };
    if let Some(key) = written(whose) {
        let message = format!(
            "the values of a module with `per` are made by the framework, so it is not `{whose}`"
        );
        let help = format!(
            "remove `{whose}`; a test starts it by `System::builder().isolated().with::<..>()`, \
             and what stands in for it is a module without `per`"
        );
        diagnostics.error(key, message, help);
    }
    if let Some(key) = written("essential") {
        let message = "a crash takes the value of one key, and the module goes on, so that it is not `essential`";
        let help =
            "remove `essential`; a module that handles `nether::KeyCrashed` can stop the system";
        diagnostics.error(key, message, help);
    }
    if let Some(restart) = args.restart.as_ref().filter(|it| it.value() == "never") {
        let message = "`restart = \"never\"` would have to remember every key that ever crashed";
        let help = "remove it, so that the next message of the key makes another value; or write `restart = \"resume\"` \
                    if its state is sound after any panic";
        diagnostics.error(restart, message, help);
    }
    for (hook, name, instead) in [
        (
            &hooks.on_start,
            "on_start",
            "`#[init]`, which makes the value of a key",
        ),
        (
            &hooks.on_stop,
            "on_stop",
            "`#[on_idle]`, which runs before the value of a key leaves memory, also when the module stops",
        ),
    ] {
        if let Some(hook) = hook {
            let message = format!(
                "a module with `per` has no `#[{name}]`: it has no value of its own, but one for each key"
            );
            diagnostics.error(&hook.method, message, format!("write {instead}"));
        }
    }
    if let (Some(per), None, true) = (&args.per, &hooks.init, diagnostics.count() == 0) {
        let message = format!("`per = {per}` names no argument: there is no `#[init]`");
        let help = format!(
            "write it in this block: `#[init] fn new({per}: &Key) -> Self {{ .. }}`, with the type of the messages' key"
        );
        diagnostics.error(per, message, help);
    }
}

/// Checks that some message makes a value: an event for all values finds only those that others have made. Of
/// a block with errors it is not known what it handles.
pub(crate) fn check_has_values(args: &ModuleArgs, handlers: &[Handler], diagnostics: &Diagnostics) {
    let Some(per) = &args.per else {
        return;
    };
    if diagnostics.count() > 0 || handlers.iter().any(|handler| !handler.is_for_all) {
        return;
    }
    let message = match handlers {
        [] => {
            "the module has no value for any key: the first message of a key makes its value, and it handles none"
        }
        _ => {
            "the module has no value for any key: the first message of a key makes its value, and it only handles events for all values"
        }
    };
    let help = format!(
        "handle a message with a key too, such as `#[command(key = {per})]`, or `#[event(key = {per})]` without `#[handler(all)]`; \
         for one value that handles everything, remove `per`"
    );
    diagnostics.error(per, message, help);
}

/// Finds the argument of `#[init]` that is the key.
pub(crate) fn find_key(
    per: &Ident,
    signature: &Signature,
    diagnostics: &Diagnostics,
) -> Option<InitKey> {
    let names = [per.unraw().to_string(), format!("_{}", per.unraw())];
    let found = signature
        .inputs
        .iter()
        .enumerate()
        .find_map(|(index, argument)| {
            let FnArg::Typed(typed) = argument else {
                return None;
            };
            let Pat::Ident(pattern) = &*typed.pat else {
                return None;
            };
            let name = pattern.ident.unraw().to_string();
            names
                .contains(&name)
                .then(|| (index, types::ungrouped(&typed.ty)))
        });
    let Some((index, ty)) = found else {
        let ident = &signature.ident;
        let message =
            format!("`per = {per}` names no argument of `#[init]`: `{ident}` takes no `{per}`");
        let help = format!(
            "let it take the key: `{ident}({per}: &Key, ..)`, with the type of the messages' key"
        );
        diagnostics.error(per, message, help);
        return None;
    };
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => {
            let referred = types::ungrouped(&reference.elem);
            check_no_float(referred, diagnostics).then(|| InitKey {
                index,
                ty: key_type(referred),
            })
        }
        other => {
            let written = types::text(other);
            let written = written.trim_start_matches("&mut ");
            let message = format!(
                "`#[init]` is shown the key, and does not take `{}`",
                types::text(other)
            );
            let help = format!("write `{per}: &{written}`");
            diagnostics.error(other.to_token_stream(), message, help);
            None
        }
    }
}

/// Reports a key that is a float. The compiler would report each trait by itself that a float lacks, as if
/// the type were the user's.
fn check_no_float(key: &Type, diagnostics: &Diagnostics) -> bool {
    let Type::Path(path) = key else {
        return true;
    };
    let is_float = ["f32", "f64"].iter().any(|float| path.path.is_ident(float));
    if is_float {
        let written = types::text(key);
        let message = format!(
            "`{written}` cannot be the key of a module: two floats that mean the same may differ in their last digits, \
             so they are neither `Eq` nor `Hash`"
        );
        let help = "take what identifies the value, such as a number without fraction or a name, and let it be the key of the messages too";
        diagnostics.error(key.to_token_stream(), message, help);
    }
    !is_float
}

/// The type of the keys, of which `#[init]` takes a reference. A text is taken as `&str`, and is a `String`
/// in messages.
fn key_type(referred: &Type) -> Type {
    match referred {
        Type::Path(path) if path.path.is_ident("str") => {
            parse_quote_spanned!(path.span()=> ::std::string::String)
        }
        other => other.clone(),
    }
}
