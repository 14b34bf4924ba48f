//! The rules for decisions.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{ReturnType, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::lists::Match;
use crate::signature::{arguments, behind_reference, check_plain, is_context, output};
use crate::sourcing::decision::WHOSE;
use crate::sourcing::decision::args::{DecisionArgs, Participant};
use crate::sourcing::decision::model::{CheckedDecision, Decider};
use crate::sourcing::methods::{self, Method, is_facts, is_reference, is_shared};
use crate::{header, init, lists, suggest, types};

/// As many aggregates as a decision may be over.
const MOST: usize = 6;

/// Checks everything.
pub(in crate::sourcing) fn check(
    args: DecisionArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedDecision {
    let ty = header::check(&block, &WHOSE, diagnostics);
    check_given(&args, diagnostics);
    let handles = args.handles.as_ref().map(|list| {
        let checked = lists::check(&list.key.to_string(), &list.types, diagnostics);
        if list.types.is_empty() {
            let help = "list its commands: `handles = [Command, ..]`";
            diagnostics.error(&list.key, "the decision handles no command", help);
        }
        checked
    });
    let of = args.of.as_ref().map(|list| {
        check_number(&list.key, &list.participants, diagnostics);
        list.participants.clone()
    });
    let deciders = match (&ty, &handles, &of) {
        (Some(_), Some(handles), Some(of)) => deciders(&block, handles, of, diagnostics),
        _ => Vec::new(),
    };
    let policy = args.policy.check(0, diagnostics);
    methods::unmark(&mut block);
    let unread = header::take_broken(&mut block);
    let takes_context = deciders.iter().any(|it| {
        let mut all = it.states.iter().chain(&it.method.rest);
        all.any(is_context)
    });
    CheckedDecision {
        ty,
        handles: handles.unwrap_or_default(),
        of: of.unwrap_or_default(),
        deciders,
        policy,
        renamed: args.renamed,
        takes_context,
        is_broken: diagnostics.count() > 0 || !unread.is_empty(),
        unread,
        block,
    }
}

fn check_given(args: &DecisionArgs, diagnostics: &Diagnostics) {
    let needed = [
        (
            "handles",
            "which commands it decides upon",
            "handles = [Command, ..]",
        ),
        (
            "of",
            "which aggregates it decides over, and which fields of its commands have their keys",
            "of = [Aggregate(field), Aggregate(field), ..]",
        ),
    ];
    for (key, what, form) in needed {
        if !args.seen.has(key) {
            let message = format!("`#[decision]` does not say {what}");
            let help = format!("list it: `#[decision(.., {form})]`");
            diagnostics.error_at(Span::call_site(), message, help);
        }
    }
}

fn check_number(key: &impl ToTokens, of: &[Participant], diagnostics: &Diagnostics) {
    match of.len() {
        0 | 1 => {
            let message = "a decision is over at least two aggregates";
            let help = "add another one: `of = [Aggregate(field), Aggregate(field)]`; a command that needs one aggregate stands in the \
                        `handles` of that aggregate";
            diagnostics.error(key, message, help);
        }
        2..=MOST => {}
        _ => {
            let message = format!("a decision is over at most {MOST} aggregates");
            let help = "keep what the decision needs; what may happen later is done by a saga";
            diagnostics.error(&of[MOST].aggregate, message, help);
        }
    }
}

/// The functions of all commands.
fn deciders(
    block: &Block,
    handles: &[Type],
    of: &[Participant],
    diagnostics: &Diagnostics,
) -> Vec<Decider> {
    let mut deciders: Vec<Decider> = Vec::new();
    let mut is_explained = vec![false; handles.len()];
    for member in &block.members {
        match member {
            Member::Method(function) => {
                let Some(index) = command_of(function, handles, &mut is_explained, diagnostics)
                else {
                    continue;
                };
                is_explained[index] = true;
                let message = &handles[index];
                let first = deciders.iter().find(|it| it.method.index == index);
                if let Some(first) = first {
                    check_single(&first.method, function, message, diagnostics);
                } else {
                    deciders.push(decider(function, index, message, of, diagnostics));
                }
            }
            // It is not known what it would have taken.
            Member::Broken(_) => is_explained.fill(true),
            Member::Other(_) => {}
        }
    }
    for (ty, _) in handles.iter().zip(is_explained).filter(|(_, is)| !is) {
        let written = types::text(ty);
        let name = suggest::snake_case(written.rsplit("::").next().unwrap_or(&written));
        let message = format!("no function decides upon `{written}`");
        let help = format!("add it: `{}`", form(&name, &written, of));
        diagnostics.error(ty, message, help);
    }
    let asks = |function: &Function, ty: &Type| {
        let decider = deciders
            .iter()
            .find(|it| it.method.name == function.signature.ident);
        decider.is_some_and(|it| it.method.resources().any(|asked| types::same(asked, ty)))
    };
    let help = "write it at an argument behind the states: `#[resource(\"replica\")] rates: Resource<Rates>`";
    init::check_misplaced(block, asks, help, diagnostics);
    deciders.sort_by_key(|it| it.method.index);
    deciders
}

/// How the function of a command is written.
fn form(name: &str, command: &str, of: &[Participant]) -> String {
    let states = of.iter().map(|it| {
        let field = it.field.to_token_stream().to_string();
        let is_named = field.starts_with(|letter: char| letter.is_alphabetic());
        let state = types::text(&it.aggregate);
        match is_named {
            true => format!("{field}: &{state}"),
            false => format!("state{field}: &{state}"),
        }
    });
    let states: Vec<String> = states.collect();
    format!(
        "fn {name}(command: {command}, {}) -> (..) {{ .. }}",
        states.join(", ")
    )
}

/// Which of the commands a function takes first.
fn command_of(
    function: &Function,
    handles: &[Type],
    is_explained: &mut [bool],
    diagnostics: &Diagnostics,
) -> Option<usize> {
    let arguments = arguments(&function.signature);
    let first = arguments.first()?;
    match lists::find(handles, behind_reference(first)) {
        Match::None => None,
        Match::One(index) => Some(index),
        Match::Several(indices) => {
            let message = format!("`{}` could be several of those listed", types::text(first));
            diagnostics.error(first, message, "write the path as the list does");
            for index in indices {
                is_explained[index] = true;
            }
            None
        }
    }
}

fn check_single(first: &Method, function: &Function, command: &Type, diagnostics: &Diagnostics) {
    let name = &function.signature.ident;
    let message = format!(
        "`{}` and `{name}` both take `{}`",
        first.name,
        types::text(command)
    );
    let help = "keep one; a helper takes the command in another place, or what it needs of it";
    diagnostics.error(name, message, help);
}

fn decider(
    function: &Function,
    index: usize,
    command: &Type,
    of: &[Participant],
    diagnostics: &Diagnostics,
) -> Decider {
    let signature = &function.signature;
    let before = diagnostics.count();
    check_plain("the function", signature, diagnostics);
    methods::check_unconditional(function, diagnostics);
    let arguments = arguments(signature);
    let name = &signature.ident;
    if let Some(receiver) = signature.receiver() {
        let message = format!("`{name}` decides over several aggregates, and takes `self`");
        let help = "remove it: the only state is that of the aggregates, which are the arguments behind the command";
        diagnostics.error(receiver, message, help);
    }
    if is_reference(arguments[0]) {
        let message = format!(
            "`{}` is in `handles`, and is taken by reference",
            types::text(command)
        );
        let help = format!(
            "a command is given to its function: `{}`",
            form(&name.to_string(), &types::text(command), of)
        );
        diagnostics.error(arguments[0], message, help);
    }
    let is_state =
        |ty: &&&Type| is_reference(ty) && !is_facts(ty) && !is_context(ty) && !is_resource(ty);
    let behind = &arguments[1..];
    let states = behind.iter().take(of.len()).take_while(is_state).count();
    let help = || {
        let form = form(&name.to_string(), &types::text(command), of);
        format!("take one for each of `of` behind the command, in that order: `{form}`")
    };
    if states < of.len() {
        let place: TokenStream = behind
            .get(states)
            .map_or_else(|| name.to_token_stream(), ToTokens::to_token_stream);
        let missing = types::text(&of[states].aggregate);
        let message = format!("`{name}` does not take the state of `{missing}` here");
        diagnostics.error(place, message, help());
    }
    check_order(&behind[..states], of, diagnostics, help);
    let attributes: Vec<_> = methods::attributes(signature).skip(1 + states).collect();
    let mut method = Method {
        index,
        message: command.clone(),
        argument: arguments[0].clone(),
        name: name.clone(),
        by_reference: false,
        is_mutable: false,
        receiver: TokenStream::new(),
        asyncness: signature.asyncness.to_token_stream(),
        is_async: signature.asyncness.is_some(),
        rest: behind[states..].iter().copied().cloned().collect(),
        names: attributes
            .iter()
            .map(|it| init::resource_name(it, diagnostics))
            .collect(),
        attributes,
        gives: matches!(signature.output, ReturnType::Type(..)),
        output: output(signature),
        is_sound: true,
    };
    if diagnostics.count() == before {
        methods::check_asked(&method, diagnostics);
    }
    method.is_sound = diagnostics.count() == before;
    Decider {
        method,
        states: behind[..states].iter().copied().cloned().collect(),
    }
}

/// Each state stands where `of` has its aggregate, and is only read. Types that are written in another way
/// than in `of` are left to the compiler.
fn check_order(
    states: &[&Type],
    of: &[Participant],
    diagnostics: &Diagnostics,
    help: impl Fn() -> String,
) {
    for (state, participant) in states.iter().zip(of) {
        let taken = behind_reference(state);
        let name = |ty: &Type| types::last_segment(ty).map(|it| it.ident.clone());
        let is_another = |other: &Participant| name(&other.aggregate) == name(taken);
        if !is_shared(state) {
            let message = format!("the state of `{}` is only read", types::text(taken));
            let help = format!("take `&{}`", types::text(taken));
            diagnostics.error(state, message, help);
        } else if !is_another(participant) && of.iter().any(is_another) {
            let message = format!(
                "`{}` stands where `of` has `{}`",
                types::text(taken),
                types::text(&participant.aggregate)
            );
            diagnostics.error(state, message, help());
        }
    }
}

fn is_resource(ty: &Type) -> bool {
    let segment = types::last_segment(behind_reference(ty));
    segment.is_some_and(|segment| segment.ident == "Resource")
}
