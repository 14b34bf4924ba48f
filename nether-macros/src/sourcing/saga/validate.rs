//! The rules for sagas.

use proc_macro2::Span;
use syn::Type;

use crate::block::{Block, Function};
use crate::diagnostics::Diagnostics;
use crate::keys::TypeList;
use crate::lists::{self, Match};
use crate::sourcing::definition;
use crate::sourcing::methods::{self, Method, is_step};
use crate::sourcing::saga::args::SagaArgs;
use crate::sourcing::saga::model::CheckedSaga;
use crate::sourcing::saga::{WHOSE, answering, timeouts};
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
    let is_given = handles.is_some() || starts.is_some();
    let known = handles.unwrap_or_default();
    let is_event = |ty: &Type| !matches!(lists::find(&known, ty), Match::None);
    let (starts, listed_commands): (Vec<_>, Vec<_>) =
        starts.into_iter().flatten().partition(is_event);
    check_ends(ends.as_deref(), &known, &listed_commands, diagnostics);
    let (events, commands) = match &ty {
        Some(_) if is_given => methods_of(&block, &known, &listed_commands, diagnostics),
        _ => (Vec::new(), Vec::new()),
    };
    let answer = answering::find(&block, !listed_commands.is_empty(), diagnostics);
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
        takes_context: events
            .iter()
            .chain(&commands)
            .any(|it| it.context().is_some()),
        events,
        commands,
        listed_commands,
        answer,
        starts,
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
            "starts",
            "what starts a saga",
            "list those of `handles` that do, `#[saga(.., starts = [Event])]`, or a command: `starts = [Command]`",
        ),
    ];
    for (key, what, help) in needed {
        if !args.seen.has(key) {
            let message = format!("`#[saga]` does not say {what}");
            diagnostics.error_at(Span::call_site(), message, help);
        }
    }
}

/// What ends a saga is an event that it handles.
fn check_ends(
    ends: Option<&[Type]>,
    handles: &[Type],
    commands: &[Type],
    diagnostics: &Diagnostics,
) {
    for ty in ends.unwrap_or_default() {
        if matches!(lists::find(handles, ty), Match::One(_)) {
            continue;
        }
        let written = types::text(ty);
        if matches!(lists::find(commands, ty), Match::One(_)) {
            let message =
                format!("the command `{written}` starts the saga, so that it cannot end it");
            let help = "a saga is ended by an event of `handles`, or by `step.end()`";
            diagnostics.error(ty, message, help);
            continue;
        }
        let message = format!("`{written}` in `ends` is not in `handles`");
        let help = format!("list it there too: `handles = [.., {written}]`");
        diagnostics.error(ty, message, help);
    }
}

/// The methods for the events, and for the commands that start a saga.
fn methods_of(
    block: &Block,
    handles: &[Type],
    commands: &[Type],
    diagnostics: &Diagnostics,
) -> (Vec<Method>, Vec<Method>) {
    let listed = [handles, commands].concat();
    let is_other = |it: &Function| timeouts::is_timeout(it) || answering::is_answer(it);
    let found = methods::find(block, &WHOSE, &listed, diagnostics, is_other);
    found.check_all(&listed, "handles", diagnostics, |index, name, ty| {
        if index < handles.len() {
            return format!("fn {name}(&mut self, event: &{ty}, step: &mut Step<Self>) {{ .. }}");
        }
        format!(
            "fn {name}(&mut self, command: &{ty}, step: &mut Step<Self>) {{ .. }}`; or if it is an event, list it: `handles = [.., {ty}]"
        )
    });
    for method in &found.found {
        check_method(method, method.index < handles.len(), diagnostics);
    }
    let all = found.found.into_iter();
    all.partition(|method| method.index < handles.len())
}

/// An event or a command is shown to a saga, which says what is to be done.
fn check_method(method: &Method, is_event: bool, diagnostics: &Diagnostics) {
    let (name, ty) = (&method.name, types::text(method.taken()));
    let word = match is_event {
        true => "event",
        false => "command",
    };
    if !method.by_reference {
        let message = format!("the {word} `{ty}` is taken by value");
        let help = format!("write `fn {name}(&mut self, {word}: &{ty}, step: &mut Step<Self>)`");
        diagnostics.error(&method.argument, message, help);
    }
    let is_other = |(index, ty): &(usize, &Type)| *index > 0 || !is_step(ty);
    if let Some((_, other)) = method.rest.iter().enumerate().find(is_other) {
        let message = format!("`{name}` takes something besides the {word} and the step");
        let help = format!(
            "write `fn {name}(&mut self, {word}: &{ty}, step: &mut Step<Self>)`; keep all else in the saga"
        );
        diagnostics.error(other, message, help);
    }
}
