//! The rules for projections.

use proc_macro2::Span;
use syn::Type;

use crate::block::{Block, Function};
use crate::diagnostics::Diagnostics;
use crate::signature::is_context;
use crate::sourcing::definition::{self, StartFrom};
use crate::sourcing::methods::{self, Method};
use crate::sourcing::projection::args::ProjectionArgs;
use crate::sourcing::projection::model::{CheckedProjection, Keeps, ProjectionHooks};
use crate::sourcing::projection::{WHOSE, hooks, tables, transactions};
use crate::sourcing::settings;
use crate::{header, init, lists, types};

/// Checks everything.
pub(in crate::sourcing) fn check(
    args: ProjectionArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedProjection {
    let ty = header::check(&block, &WHOSE, diagnostics);
    if !args.seen.has("handles") {
        let message = "`#[projection]` does not say what the projection handles";
        let help = "list the events, and the queries that it answers: `#[projection(handles = [Event, .., Query, ..])]`";
        diagnostics.error_at(Span::call_site(), message, help);
    }
    let handles = args.handles.as_ref();
    let handles = handles.map(|list| lists::check("handles", &list.types, diagnostics));
    let (events, queries) = match (&ty, &handles) {
        (Some(_), Some(handles)) => methods_of(&block, handles, diagnostics),
        _ => (Vec::new(), Vec::new()),
    };
    let found = hooks::find(&block, diagnostics);
    let keeps = keeps(&args, &found);
    let parallel = settings::number(
        args.parallel.as_ref(),
        1,
        2,
        "a number of events",
        diagnostics,
    );
    check_contexts(&events, diagnostics);
    check_receivers(&events, parallel > 1, diagnostics);
    let on_rebuild = found.on_rebuild.as_ref();
    transactions::check(&args, &events, &queries, on_rebuild, diagnostics);
    tables::check(&events, &queries, &found, diagnostics);
    check_on_rebuild(&found, keeps, diagnostics);
    let name = ty.as_ref().map_or_else(String::new, |ty| {
        settings::name(args.name.as_ref(), ty, diagnostics)
    });
    let policy = args.policy.check(3, diagnostics);
    let version = args.version.as_ref();
    let version = settings::number(version, 1, 1, "a version", diagnostics);
    let from = definition::from(args.from.as_ref(), diagnostics);
    check_from(&args, from, keeps, diagnostics);
    let asks = |it: &Function, ty: &Type| init::is_init(it) && !tables::is_tables(ty);
    let help =
        "write it at an argument of `#[init]`: `#[resource(\"replica\")] pool: Resource<Pool>`";
    init::check_misplaced(&block, asks, help, diagnostics);
    hooks::unmark(&mut block);
    methods::unmark(&mut block);
    let unread = header::take_broken(&mut block);
    CheckedProjection {
        ty,
        name,
        version,
        from,
        takes_context: (events.iter().chain(&queries)).any(|it| it.context().is_some())
            || (found.init.iter().flat_map(|init| &init.resources))
                .any(|asked| is_context(&asked.ty)),
        handles: handles.unwrap_or_default(),
        events,
        queries,
        keeps,
        transaction: args.transaction.as_ref().and_then(transactions::lasting),
        parallel,
        policy,
        hooks: found,
        renamed: args.renamed,
        is_broken: diagnostics.count() > 0 || !unread.is_empty(),
        unread,
        block,
    }
}

/// The methods of events, and those of queries.
fn methods_of(
    block: &Block,
    handles: &[Type],
    diagnostics: &Diagnostics,
) -> (Vec<Method>, Vec<Method>) {
    let found = methods::find(block, &WHOSE, handles, diagnostics, hooks::is_hook);
    found.check_all(handles, "handles", diagnostics, |_, name, ty| {
        format!(
            "async fn {name}(&mut self, event: &{ty}) {{ .. }}`, or, if it is a query, `async fn {name}(&self, query: {ty}) -> Reply {{ .. }}"
        )
    });
    let mut methods = found.found;
    methods.sort_by_key(|method| method.index);
    for query in methods.iter().filter(|method| !method.by_reference) {
        check_query(query, diagnostics);
    }
    methods.into_iter().partition(|method| method.by_reference)
}

/// A query reads.
fn check_query(method: &Method, diagnostics: &Diagnostics) {
    let (name, ty) = (&method.name, types::text(method.taken()));
    if method.is_mutable {
        let message = format!("`{name}` answers a query, and cannot take `&mut self`");
        let help = format!("take `&self`; if `{ty}` is an event, take it by reference: `&{ty}`");
        diagnostics.error(&method.receiver, message, help);
    }
    if let Some(second) = method.rest.first().filter(|ty| !tables::is_tables(ty)) {
        let message = format!("`{name}` takes something besides the query");
        diagnostics.error(
            second,
            message,
            "put it into the query, or into the projection",
        );
    }
}

/// Without anything that outlives the process, its state is in memory.
fn keeps(args: &ProjectionArgs, hooks: &ProjectionHooks) -> Keeps {
    if args.transaction.is_some() {
        Keeps::InTransaction
    } else if args.is_durable || hooks.init.is_some() {
        Keeps::Elsewhere
    } else {
        Keeps::InMemory
    }
}

/// Reading what has happened causes nothing.
fn check_contexts(events: &[Method], diagnostics: &Diagnostics) {
    for method in events {
        if let Some(context) = method.context() {
            let message = format!("`{}` is given no context", method.name);
            let help = "a projection only reads off what has happened: what is to be done because of it is done by a module or a saga";
            diagnostics.error(context, message, help);
        }
    }
}

/// One after the other they may change the projection, side by side they cannot.
fn check_receivers(events: &[Method], is_parallel: bool, diagnostics: &Diagnostics) {
    if !is_parallel {
        return;
    }
    for method in events.iter().filter(|method| method.is_mutable) {
        let message = format!(
            "events of different streams are handled at the same time, so `{}` cannot take `&mut self`",
            method.name
        );
        let help = "take `&self`, or remove `parallel`";
        diagnostics.error(&method.receiver, message, help);
    }
}

/// What begins anew with each start can only begin with the first event.
fn check_from(
    args: &ProjectionArgs,
    from: Option<StartFrom>,
    keeps: Keeps,
    diagnostics: &Diagnostics,
) {
    if keeps != Keeps::InMemory || matches!(from, None | Some(StartFrom::Beginning)) {
        return;
    }
    let message = "a projection in memory reads the events from the first one on, at each start";
    let help = "remove `from`; or keep what it has read, and say `durable`";
    if let Some(key) = args.seen.written("from") {
        diagnostics.error(key, message, help);
    }
}

fn check_on_rebuild(hooks: &ProjectionHooks, keeps: Keeps, diagnostics: &Diagnostics) {
    if let (Some(hook), Keeps::InMemory) = (&hooks.on_rebuild, keeps) {
        let message = "a projection in memory is made anew when it is rebuilt";
        diagnostics.error(&hook.method, message, "remove `#[on_rebuild]`");
    }
}
