//! The rules for sagas.

use proc_macro2::Span;
use syn::Type;

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::keys::TypeList;
use crate::lists::{self, Match};
use crate::sourcing::definition;
use crate::sourcing::methods::{self, Method, is_step};
use crate::sourcing::saga::args::SagaArgs;
use crate::sourcing::saga::model::CheckedSaga;
use crate::sourcing::saga::{WHOSE, timeouts};
use crate::sourcing::settings;
use crate::{header, init, types};

/// Checks everything.
pub(in crate::sourcing) fn check(
    args: SagaArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedSaga {
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
    let handles = list(&args.handles);
    let (starts, ends) = (list(&args.starts), list(&args.ends));
    let sends = list(&args.sends).unwrap_or_default();
    if let Some(handles) = &handles {
        check_among("starts", starts.as_deref(), handles, diagnostics);
        check_among("ends", ends.as_deref(), handles, diagnostics);
    }
    let events = match (&ty, &handles) {
        (Some(_), Some(handles)) => methods_of(&block, handles, diagnostics),
        _ => Vec::new(),
    };
    let known = handles.unwrap_or_default();
    let timeouts = timeouts::find(&block, &known, diagnostics);
    let name = ty.as_ref().map_or_else(String::new, |ty| {
        settings::name(args.name.as_ref(), ty, diagnostics)
    });
    let policy = args.policy.check(3, diagnostics);
    let from = definition::from(args.from.as_ref(), diagnostics);
    let help = "a saga asks for no resources: it sends commands, and what handles them has its own";
    init::check_misplaced(&block, |_, _| false, help, diagnostics);
    timeouts::unmark(&mut block);
    methods::unmark(&mut block);
    let unread = header::take_broken(&mut block);
    CheckedSaga {
        ty,
        name,
        from,
        key: args.key,
        takes_context: events.iter().any(|it| it.context().is_some()),
        events,
        starts: starts.unwrap_or_default(),
        ends: ends.unwrap_or_default(),
        sends,
        timeouts,
        policy,
        renamed: args.renamed,
        is_broken: diagnostics.count() > 0 || !unread.is_empty(),
        unread,
        block,
    }
}

fn check_given(args: &SagaArgs, diagnostics: &Diagnostics) {
    let needed = [
        (
            "key",
            "which saga an event is for",
            "name the field that all its events have: `#[saga(key = order_id, ..)]`",
        ),
        (
            "handles",
            "what its sagas handle",
            "list the events: `#[saga(.., handles = [Event, ..])]`",
        ),
        (
            "starts",
            "what starts a saga",
            "list those of `handles` that do: `#[saga(.., starts = [Event])]`",
        ),
    ];
    for (key, what, help) in needed {
        if !args.seen.has(key) {
            let message = format!("`#[saga]` does not say {what}");
            diagnostics.error_at(Span::call_site(), message, help);
        }
    }
}

/// What starts or ends a saga is something that it handles.
fn check_among(key: &str, list: Option<&[Type]>, handles: &[Type], diagnostics: &Diagnostics) {
    for ty in list.unwrap_or_default() {
        if !matches!(lists::find(handles, ty), Match::One(_)) {
            let written = types::text(ty);
            let message = format!("`{written}` in `{key}` is not in `handles`");
            let help = format!("list it there too: `handles = [.., {written}]`");
            diagnostics.error(ty, message, help);
        }
    }
}

fn methods_of(block: &Block, handles: &[Type], diagnostics: &Diagnostics) -> Vec<Method> {
    let found = methods::find(block, &WHOSE, handles, diagnostics, timeouts::is_timeout);
    found.check_all(handles, "handles", diagnostics, |_, name, ty| {
        format!("fn {name}(&mut self, event: &{ty}, step: &mut Step<Self>) {{ .. }}")
    });
    for method in &found.found {
        check_method(method, diagnostics);
    }
    found.found
}

/// An event is shown to a saga, which says what is to be done.
fn check_method(method: &Method, diagnostics: &Diagnostics) {
    let (name, ty) = (&method.name, types::text(method.taken()));
    if !method.by_reference {
        let message = format!("the event `{ty}` is taken by value");
        let help = format!("write `fn {name}(&mut self, event: &{ty}, step: &mut Step<Self>)`");
        diagnostics.error(&method.argument, message, help);
    }
    let is_other = |(index, ty): &(usize, &Type)| *index > 0 || !is_step(ty);
    if let Some((_, other)) = method.rest.iter().enumerate().find(is_other) {
        let message = format!("`{name}` takes something besides the event and the step");
        let help = format!(
            "write `fn {name}(&mut self, event: &{ty}, step: &mut Step<Self>)`; keep all else in the saga"
        );
        diagnostics.error(other, message, help);
    }
}
