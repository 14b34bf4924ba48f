//! The rules for aggregates.

use std::time::Duration;

use proc_macro2::Span;
use syn::Type;

use crate::block::{Block, Function};
use crate::diagnostics::Diagnostics;
use crate::keys::TypeList;
use crate::sourcing::aggregate::WHOSE;
use crate::sourcing::aggregate::args::AggregateArgs;
use crate::sourcing::aggregate::model::CheckedAggregate;
use crate::sourcing::methods::{self, Method, is_facts};
use crate::sourcing::settings;
use crate::{header, init, lists, types};

/// Checks everything.
pub(in crate::sourcing) fn check(
    args: AggregateArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedAggregate {
    let ty = header::check(&block, &WHOSE, diagnostics);
    check_given(&args, diagnostics);
    let list = |list: &Option<TypeList>| {
        let list = list.as_ref()?;
        Some(lists::check(
            &list.key.to_string(),
            &list.types,
            diagnostics,
        ))
    };
    let (handles, events) = (list(&args.handles), list(&args.events));
    let (handlers, evolutions) = match (&ty, &handles, &events) {
        (Some(_), Some(handles), Some(events)) => methods_of(&block, handles, events, diagnostics),
        _ => (Vec::new(), Vec::new()),
    };
    let name = ty.as_ref().map_or_else(String::new, |ty| {
        settings::name(args.name.as_ref(), ty, diagnostics)
    });
    let (every, version) = (&args.snapshot_every, &args.snapshot_version);
    let snapshot_every = settings::number(every.as_ref(), 0, 1, "a number of events", diagnostics);
    let snapshot_version = settings::number(version.as_ref(), 1, 1, "a version", diagnostics);
    let cache = settings::number(
        args.cache.as_ref(),
        10_000,
        0,
        "a number of aggregates",
        diagnostics,
    );
    let idle = settings::duration(args.idle.as_ref(), Duration::from_secs(300), diagnostics);
    let policy = args.policy.check(0, diagnostics);
    methods::unmark(&mut block);
    let unread = header::take_broken(&mut block);
    CheckedAggregate {
        ty,
        name,
        handles: handles.unwrap_or_default(),
        events: events.unwrap_or_default(),
        takes_context: handlers.iter().any(|it| it.context().is_some()),
        handlers,
        evolutions,
        snapshots: args.seen.written("snapshot_every").cloned(),
        snapshot_every,
        snapshot_version,
        cache,
        idle,
        policy,
        renamed: args.renamed,
        is_broken: diagnostics.count() > 0 || !unread.is_empty(),
        unread,
        block,
    }
}

fn check_given(args: &AggregateArgs, diagnostics: &Diagnostics) {
    let needed = [
        (
            "handles",
            "which commands the aggregate decides upon, and which queries it answers",
            "handles = [Command, .., Query, ..]",
        ),
        (
            "events",
            "what can happen to the aggregate",
            "events = [Event, ..]",
        ),
    ];
    for (key, what, form) in needed {
        if !args.seen.has(key) {
            let message = format!("`#[aggregate]` does not say {what}");
            let help = format!("list it: `#[aggregate(.., {form})]`");
            diagnostics.error_at(Span::call_site(), message, help);
        }
    }
}

/// The decisions and answers, and how the state evolves.
fn methods_of(
    block: &Block,
    handles: &[Type],
    events: &[Type],
    diagnostics: &Diagnostics,
) -> (Vec<Method>, Vec<Method>) {
    let both = |ty: &&Type| handles.iter().any(|message| types::same(message, *ty));
    if let Some(ty) = events.iter().find(both) {
        let message = format!("`{}` is in `handles` and in `events`", types::text(ty));
        let help = "a command or a query asks for something, an event says that it has happened: make them two types";
        diagnostics.error(ty, message, help);
        return (Vec::new(), Vec::new());
    }
    let listed: Vec<Type> = handles.iter().chain(events).cloned().collect();
    let found = methods::find(block, &WHOSE, &listed, diagnostics, |_| false);
    found.check_all(&listed, "is about", diagnostics, |index, name, ty| {
        if index < handles.len() {
            format!(
                "fn {name}(&self, command: {ty}) -> Event {{ .. }}`, or, if it is a query, `fn {name}(&self, query: {ty}) -> Reply {{ .. }}"
            )
        } else {
            format!("fn {name}(&mut self, event: &{ty}) {{ .. }}")
        }
    });
    let mut methods = found.found;
    for method in &mut methods {
        let before = diagnostics.count();
        if method.index < handles.len() {
            check_handler(method, diagnostics);
            let above = method.attributes.iter();
            let names = above.map(|it| init::resource_name(it, diagnostics));
            method.names = names.collect();
        } else {
            check_evolution(method, diagnostics);
        }
        method.is_sound &= diagnostics.count() == before;
    }
    let asks = |function: &Function, ty: &Type| {
        let is_it = |method: &&Method| method.name == function.signature.ident;
        let method = methods.iter().find(is_it);
        let handler = method.filter(|method| method.index < handles.len());
        handler.is_some_and(|it| it.resources().any(|resource| types::same(resource, ty)))
    };
    let help = "write it at an argument behind the command or the query: `#[resource(\"replica\")] rates: Resource<Rates>`";
    init::check_misplaced(block, asks, help, diagnostics);
    methods.sort_by_key(|method| method.index);
    methods
        .into_iter()
        .partition(|method| method.index < handles.len())
}

/// A decision takes its command by value and `&self`, and no context; an answer its query.
fn check_handler(method: &Method, diagnostics: &Diagnostics) {
    let (name, ty) = (&method.name, types::text(method.taken()));
    if method.by_reference {
        let message = format!("`{ty}` is in `handles`, and is taken by reference");
        let help = format!(
            "a command or a query is given to its method: `fn {name}(&self, message: {ty}) -> ..`; an event belongs in `events`"
        );
        diagnostics.error(&method.argument, message, help);
    } else if method.is_mutable {
        let message = format!("`{name}` decides or answers, and cannot take `&mut self`");
        let help = "take `&self`: a query's method gives back the answer, a command's method what happens. The state changes in the event's \
                    method, which also runs when it is read from the store";
        diagnostics.error(&method.receiver, message, help);
    } else {
        methods::check_asked(method, diagnostics);
    }
}

/// An evolution takes its event and `&mut self`, and nothing else.
fn check_evolution(method: &Method, diagnostics: &Diagnostics) {
    let (name, ty) = (&method.name, types::text(method.taken()));
    let form = format!("write `fn {name}(&mut self, event: &{ty}) {{ .. }}`");
    if !method.by_reference {
        let message = format!("the event `{ty}` is taken by value");
        diagnostics.error(&method.argument, message, form);
        return;
    }
    if !method.is_mutable {
        let message = format!("`{name}` is how the state evolves, and takes `&self`");
        diagnostics.error(&method.receiver, message, &form);
    }
    if method.is_async {
        let message = format!("`{name}` is `async`, but what has happened is not waited for");
        let help = "remove `async`: decide with what is waited for, and put it into the event";
        diagnostics.error(&method.asyncness, message, help);
    }
    if let Some(facts) = method.rest.iter().find(|ty| is_facts(ty)) {
        let message = format!("`{name}` is how the state evolves, and is given no facts");
        let help = "it runs again whenever the event is read from the store, when others ask, and later: take `&Facts` where it is \
                    decided, and put what the state needs of them into the event";
        diagnostics.error(facts, message, help);
    } else if let Some(second) = method.rest.first() {
        let message = format!("`{name}` takes something besides the event");
        let help = "put what it needs into the event: the state must be the same whenever it is read from the store";
        diagnostics.error(second, message, help);
    }
    if method.gives {
        let message = format!("`{name}` gives something back, but the event has happened already");
        let help =
            "return nothing; whether something may happen is decided by the command's method";
        diagnostics.error(&method.output, message, help);
    }
}
