//! The rules for entry points.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Error, LitInt, LitStr, Path, Type};

use crate::block::Function;
use crate::diagnostics::Diagnostics;
use crate::entry::args::EntryArgs;
use crate::entry::seeds::Seeds;
use crate::entry::{EntryKind, seeds};
use crate::{recover, types};

/// An entry point that makes sense, if it `is_sound`; otherwise only its name is used.
pub(crate) struct CheckedEntry {
    pub(crate) kind: EntryKind,
    pub(crate) function: Function,
    pub(crate) is_current_thread: bool,
    pub(crate) worker_threads: Option<usize>,
    pub(crate) modules: Option<Vec<Type>>,
    /// The modules that a test starts alone.
    pub(crate) only: Option<Vec<Type>>,
    pub(crate) seeds: Option<Seeds>,
    pub(crate) renamed: Option<Path>,
    pub(crate) is_sound: bool,
}

/// Checks everything.
pub(crate) fn check(
    kind: EntryKind,
    args: EntryArgs,
    mut function: Function,
    diagnostics: &Diagnostics,
) -> CheckedEntry {
    if !check_runtime(kind, &mut function, diagnostics) {
        check_async(kind, &function, diagnostics);
    }
    check_concrete(kind, &function, diagnostics);
    check_argument(kind, &function, diagnostics);
    let flavor = args.flavor.as_ref();
    let is_current_thread = match flavor {
        Some(flavor) => check_flavor(flavor, diagnostics),
        // Tests have virtual time, which is for one thread.
        None => kind == EntryKind::Test && args.worker_threads.is_none(),
    };
    let seeds = seeds::check(&args, is_current_thread, diagnostics);
    if let (Some(only), Some(_)) = (&args.only, &args.modules) {
        let message = "`only` starts a part of the program, and `modules` lists the whole";
        diagnostics.error(&only.key, message, "keep one of the two");
    }
    let worker_threads = args
        .worker_threads
        .as_ref()
        .and_then(|threads| check_threads(threads, diagnostics));
    if let (true, Some(threads)) = (is_current_thread, &args.worker_threads) {
        let message = "the `current_thread` runtime has no worker threads";
        diagnostics.error(
            threads,
            message,
            "remove `worker_threads`, or `flavor = \"current_thread\"`",
        );
    }
    CheckedEntry {
        kind,
        function,
        is_current_thread,
        worker_threads,
        modules: args.modules.map(|modules| modules.types),
        only: args.only.map(|only| only.types),
        seeds,
        renamed: args.renamed,
        is_sound: diagnostics.count() == 0,
    }
}

/// What runs is a function.
pub(crate) fn not_a_function(kind: EntryKind, item: TokenStream) -> Option<Error> {
    let first = recover::keyword(item)?;
    let is_function = ["async", "fn", "const", "unsafe", "extern"];
    if is_function.contains(&first.to_string().as_str()) {
        return None;
    }
    let message = format!(
        "`#[{}]` stands above a function, not `{first}`\nhelp: {}",
        kind.attribute(),
        "write `async fn main(system: System) { .. }`"
    );
    Some(Error::new_spanned(first, message))
}

/// The attribute starts the runtime, so nothing else does. An attribute below is taken off; one above has
/// been expanded, and left a body that starts tokio. Gives back whether there was one.
fn check_runtime(kind: EntryKind, function: &mut Function, diagnostics: &Diagnostics) -> bool {
    let (ours, ident) = (kind.attribute(), function.signature.ident.clone());
    let starts = |attribute: &Attribute| {
        let path = types::text(attribute.path());
        path == "tokio::main" || path == "tokio::test"
    };
    let below = function.attributes.iter().position(starts);
    let below = below.map(|index| function.attributes.remove(index));
    let is_started = || {
        function.signature.asyncness.is_none()
            && types::text(&function.body).contains("tokio::runtime")
    };
    if below.is_none() && !is_started() {
        return false;
    }
    let message = format!("`#[{ours}]` starts tokio, so nothing else may start it for `{ident}`");
    let other = ours.replace("nether", "tokio");
    let help = format!("remove `#[{other}]`, and write `async fn {ident}`");
    match below {
        Some(below) => diagnostics.error(below, message, help),
        None => diagnostics.error_at(Span::call_site(), message, help),
    }
    true
}

fn check_async(kind: EntryKind, function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    if signature.asyncness.is_none() {
        let message = format!(
            "`#[{}]` runs an `async fn`, but `{}` is not `async`",
            kind.attribute(),
            signature.ident
        );
        diagnostics.error(
            signature.fn_token,
            message,
            format!("write `async fn {}`", signature.ident),
        );
    }
}

fn check_concrete(kind: EntryKind, function: &Function, diagnostics: &Diagnostics) {
    let generics = &function.signature.generics;
    if !generics.params.is_empty() {
        let message = format!(
            "`#[{}]` cannot run `{}`, since it is generic",
            kind.attribute(),
            function.signature.ident
        );
        diagnostics.error(generics, message, "remove the type parameters");
    }
}

/// One argument: a `System` or a `SystemBuilder`.
fn check_argument(kind: EntryKind, function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    let help = format!(
        "write `async fn {}(system: {})` for a system that is started, or `(builder: SystemBuilder)` to start it yourself",
        signature.ident,
        kind.system()
    );
    if signature.inputs.is_empty() {
        let message = format!(
            "`#[{}]` gives `{}` a system, but it takes no argument",
            kind.attribute(),
            signature.ident
        );
        diagnostics.error(&signature.ident, message, help);
    } else if let Some(second) = signature.inputs.get(1) {
        let message = format!(
            "`{}` takes one argument, not {}",
            signature.ident,
            signature.inputs.len()
        );
        diagnostics.error(second, message, help);
    }
}

fn check_flavor(flavor: &LitStr, diagnostics: &Diagnostics) -> bool {
    let text = flavor.value();
    if text != "current_thread" && text != "multi_thread" {
        let message = format!("there is no runtime flavor {text:?}");
        diagnostics.error(
            flavor,
            message,
            "flavors are `\"multi_thread\"` and `\"current_thread\"`",
        );
    }
    text == "current_thread"
}

fn check_threads(threads: &LitInt, diagnostics: &Diagnostics) -> Option<usize> {
    let number = threads
        .base10_parse::<usize>()
        .ok()
        .filter(|number| *number > 0);
    if number.is_none() {
        let message = format!(
            "`worker_threads = {}` is not a number of threads",
            types::text(threads)
        );
        diagnostics.error(threads, message, "write at least 1: `worker_threads = 2`");
    }
    number
}
