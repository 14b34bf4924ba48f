//! The rules for projections that write in the store's transactions.

use syn::{GenericArgument, Lifetime, PathArguments, Type, parse_quote};

use crate::diagnostics::Diagnostics;
use crate::signature::behind_reference;
use crate::sourcing::methods::Method;
use crate::sourcing::projection::args::ProjectionArgs;
use crate::sourcing::projection::model::OnRebuild;
use crate::sourcing::projection::tables::is_tables;
use crate::types;

/// Checks what the key `transaction` has to do with.
pub(super) fn check(
    args: &ProjectionArgs,
    events: &[Method],
    queries: &[Method],
    on_rebuild: Option<&OnRebuild>,
    diagnostics: &Diagnostics,
) {
    match &args.transaction {
        Some(transaction) => {
            check_path(transaction, diagnostics);
            let can_be_cut_off = events.iter().chain(queries).any(|method| method.is_async);
            check_other_keys(args, can_be_cut_off, diagnostics);
            check_taken(transaction, events, diagnostics);
            if let Some(hook) = on_rebuild {
                check_hook(hook, transaction, diagnostics);
            }
        }
        None => check_without(events, on_rebuild, diagnostics),
    }
}

/// The type with the lifetime `'static`, by which the store is found.
pub(super) fn lasting(transaction: &Type) -> Option<Type> {
    let mut lasting = types::ungrouped(transaction).clone();
    let Type::Path(path) = &mut lasting else {
        return None;
    };
    let last = path.path.segments.last_mut()?;
    let lifetime = Lifetime::new("'static", last.ident.span());
    match &mut last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            let is_type = |it: &GenericArgument| !matches!(it, GenericArgument::Lifetime(_));
            let rest: Vec<_> = arguments.args.iter().filter(|it| is_type(it)).collect();
            *arguments = parse_quote!(<#lifetime, #(#rest),*>);
        }
        arguments => *arguments = PathArguments::AngleBracketed(parse_quote!(<#lifetime>)),
    }
    Some(lasting)
}

/// It is named by a path.
fn check_path(transaction: &Type, diagnostics: &Diagnostics) {
    if types::path(transaction).is_none() {
        let message = format!(
            "`{}` does not name the type of a transaction",
            types::text(transaction)
        );
        let help = "write the name alone: `transaction = SqliteTransaction`";
        diagnostics.error(transaction, message, help);
    }
}

fn check_other_keys(args: &ProjectionArgs, can_be_cut_off: bool, diagnostics: &Diagnostics) {
    let why = [
        (
            "parallel",
            "events are handled one after the other inside of a transaction, so nothing is parallel here",
        ),
        (
            "durable",
            "what is written in the store's transaction is durable",
        ),
        (
            "timeout",
            "what does not wait cannot be cut off, and neither a handler nor a query is `async`",
        ),
    ];
    for (key, message) in why {
        if key == "timeout" && can_be_cut_off {
            continue;
        }
        if let Some(key) = args.seen.written(key) {
            diagnostics.error(key, message, format!("remove `{key}`"));
        }
    }
}

/// A handler takes the transaction, and each takes it once.
fn check_taken(transaction: &Type, events: &[Method], diagnostics: &Diagnostics) {
    let name = types::last_segment(transaction).map(|it| it.ident.to_string());
    let form = name.as_deref().unwrap_or("SqliteTransaction");
    if !events.is_empty() && events.iter().all(|method| method.rest.is_empty()) {
        let message = "no handler takes the transaction";
        let help = format!(
            "take `&{form}<'_>` behind the event where it is written, or remove `transaction`"
        );
        diagnostics.error(transaction, message, help);
    }
    for method in events {
        let is_it = |ty: &&Type| {
            let segment = types::last_segment(behind_reference(ty));
            segment.is_some_and(|segment| Some(segment.ident.to_string()) == name)
        };
        let mut taken = method.rest.iter().filter(is_it);
        for ty in taken.clone().filter(|ty| !is_reference(ty)) {
            let message = "the transaction is taken by reference";
            diagnostics.error(ty, message, format!("write `&{form}<'_>`"));
        }
        if let Some(second) = taken.nth(1) {
            let message = format!("`{}` takes the transaction twice", method.name);
            diagnostics.error(second, message, "take it once");
        }
    }
}

fn is_reference(ty: &Type) -> bool {
    matches!(types::ungrouped(ty), Type::Reference(_))
}

/// `#[on_rebuild]` takes the transaction, and nothing else.
fn check_hook(hook: &OnRebuild, transaction: &Type, diagnostics: &Diagnostics) {
    let name = &hook.method;
    let form = types::last_segment(transaction).map(|it| it.ident.to_string());
    let form = form.unwrap_or_else(|| "SqliteTransaction".to_owned());
    let mut taken = hook.arguments.iter().filter(|ty| !is_tables(ty));
    if taken.next().is_none() {
        let message = format!("`{name}` does not take the transaction");
        let help =
            format!("write `fn {name}(&mut self, transaction: &{form}<'_>) -> nether::Result<()>`");
        diagnostics.error(name, message, help);
    }
    if let Some(second) = taken.next() {
        let message = "`#[on_rebuild]` takes nothing but the transaction";
        diagnostics.error(second, message, "keep all else in the projection");
    }
}

/// Without the key, nothing takes a transaction.
fn check_without(events: &[Method], on_rebuild: Option<&OnRebuild>, diagnostics: &Diagnostics) {
    for method in events {
        if let Some((ty, name)) = method.rest.iter().find_map(transaction) {
            let message = format!(
                "`{}` asks for a transaction, and the attribute does not name its type",
                method.name
            );
            let help = format!("add the key: `#[projection(.., transaction = {name})]`");
            diagnostics.error(ty, message, help);
        }
    }
    let mut taken = on_rebuild.iter().flat_map(|hook| &hook.arguments);
    let Some(first) = taken.find(|ty| !is_tables(ty)) else {
        return;
    };
    let message = "`#[on_rebuild]` takes nothing but the transaction";
    let help = match transaction(first) {
        Some((_, name)) => format!(
            "name its type in the attribute, `#[projection(.., transaction = {name})]`, and let the handlers write in it too"
        ),
        None => "if it is the transaction of the store, name its type in the attribute: `transaction = ..`; keep all else in the projection".to_owned(),
    };
    diagnostics.error(first, message, help);
}

/// The type of an argument that is written like a transaction, and its name.
fn transaction(ty: &Type) -> Option<(&Type, String)> {
    let name = types::last_segment(behind_reference(ty))?.ident.to_string();
    let is_one = name.ends_with("Transaction") || name == "Tx";
    is_one.then_some((ty, name))
}
