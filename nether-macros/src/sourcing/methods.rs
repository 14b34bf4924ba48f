//! Methods that are found by what they take first: a command or query by value, an event by reference.

use std::iter::repeat;

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, FnArg, LitStr, ReceiverKind, ReturnType, Signature, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::header::Whose;
use crate::lists::{self, Match};
use crate::signature::{arguments, behind_reference, check_plain, is_context, output, taken};
use crate::{init, spans, suggest, types};

/// The marks of hooks, which other attributes understand.
const HOOKS: [&str; 7] = [
    "init",
    "on_start",
    "on_stop",
    "on_error",
    "background",
    "every",
    "handler",
];

/// A method that takes something listed.
pub(super) struct Method {
    /// What it takes, by its place in the list.
    pub(super) index: usize,
    /// What it takes, as the list writes it.
    pub(super) message: Type,
    /// What it takes, as the method writes it.
    pub(super) argument: Type,
    pub(super) name: Ident,
    pub(super) by_reference: bool,
    pub(super) is_mutable: bool,
    /// What to point at when that is wrong.
    pub(super) receiver: TokenStream,
    pub(super) is_async: bool,
    /// What to point at when that is wrong.
    pub(super) asyncness: TokenStream,
    /// The arguments behind the first.
    pub(super) rest: Vec<Type>,
    /// What stands above each of these.
    pub(super) attributes: Vec<Vec<Attribute>>,
    /// The name of the resource that each of these asks for, if it has one: of decisions alone.
    pub(super) names: Vec<Option<LitStr>>,
    /// Whether it gives something back.
    pub(super) gives: bool,
    /// What to point at when that is wrong.
    pub(super) output: TokenStream,
    /// Whether nothing is wrong with it.
    pub(super) is_sound: bool,
}

impl Method {
    /// What it takes, without `&`.
    pub(super) fn taken(&self) -> &Type {
        behind_reference(&self.argument)
    }

    /// The resources that it asks for.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Type> {
        self.rest.iter().filter(|ty| !is_facts(ty))
    }

    /// The resources that the method asks for, with their names.
    pub(super) fn named_resources(&self) -> impl Iterator<Item = (&Type, Option<&LitStr>)> {
        let names = self.names.iter().map(Option::as_ref).chain(repeat(None));
        let all = self.rest.iter().zip(names);
        all.filter(|(ty, _)| !is_facts(ty))
    }

    /// The context that it asks for, as modules' handlers do.
    pub(super) fn context(&self) -> Option<&Type> {
        self.rest.iter().find(|ty| is_context(ty))
    }
}

/// Finds the methods of a block that take something of a list; those that `is_other` are left alone.
pub(super) fn find(
    block: &Block,
    whose: &Whose,
    listed: &[Type],
    diagnostics: &Diagnostics,
    is_other: impl Fn(&Function) -> bool,
) -> Methods {
    let mut methods = Methods {
        found: Vec::new(),
        explained: vec![false; listed.len()],
    };
    for member in &block.members {
        match member {
            Member::Method(function) if !is_other(function) => {
                check_no_hook(function, whose, diagnostics);
                methods.read(function, listed, diagnostics);
            }
            // It is not known what it would have taken.
            Member::Broken(_) => methods.explained.fill(true),
            Member::Method(_) | Member::Other(_) => {}
        }
    }
    for (index, message) in listed.iter().enumerate() {
        let is_open = !methods.explained[index];
        let miss = is_open.then(|| near_miss(block, listed, message, &is_other));
        if let Some((signature, argument)) = miss.flatten() {
            report_near_miss(signature, argument, message, diagnostics);
            methods.explained[index] = true;
        }
    }
    methods
}

/// A near miss: a function that takes the listed type but has no `self`, or takes it in another position; and
/// that position.
fn near_miss<'b>(
    block: &'b Block,
    listed: &[Type],
    message: &Type,
    is_other: impl Fn(&Function) -> bool,
) -> Option<(&'b Signature, &'b Type)> {
    let functions = block.members.iter().filter_map(|member| match member {
        Member::Method(function) if !is_other(function) => Some(&function.signature),
        _ => None,
    });
    let is_it = |ty: &&Type| match lists::find(listed, behind_reference(ty)) {
        Match::One(index) => types::same(&listed[index], message),
        Match::None | Match::Several(_) => false,
    };
    let mut misses = functions.filter_map(|signature| {
        let argument = arguments(signature).into_iter().find(is_it)?;
        Some((signature, argument))
    });
    misses.next()
}

fn report_near_miss(
    signature: &Signature,
    argument: &Type,
    message: &Type,
    diagnostics: &Diagnostics,
) {
    let (ident, written) = (&signature.ident, types::text(message));
    if signature.receiver().is_none() {
        let message = format!("`{ident}` is not called for `{written}`: it takes no `self`");
        let help = format!("give `{ident}` a `&self` or `&mut self`");
        diagnostics.error(ident, message, help);
    } else {
        let message =
            format!("`{ident}` is not called for `{written}`: it takes something else first");
        let help = format!("take `{}` first", types::text(argument));
        diagnostics.error(argument, message, help);
    }
}

/// What was found.
pub(super) struct Methods {
    pub(super) found: Vec<Method>,
    /// For each of the list: whether an error reports why there is no method for it.
    explained: Vec<bool>,
}

impl Methods {
    fn read(&mut self, function: &Function, listed: &[Type], diagnostics: &Diagnostics) {
        let signature = &function.signature;
        let arguments = arguments(signature);
        let (Some(first), Some(_)) = (arguments.first(), signature.receiver()) else {
            return;
        };
        match lists::find(listed, behind_reference(first)) {
            Match::None => {}
            Match::Several(indices) => {
                let message = format!("`{}` could be several of those listed", types::text(first));
                diagnostics.error(first, message, "write the path as the list does");
                for index in indices {
                    self.explained[index] = true;
                }
            }
            Match::One(index) => {
                let before = diagnostics.count();
                check_plain("the method", signature, diagnostics);
                check_unconditional(function, diagnostics);
                let is_mutable = check_receiver(signature, diagnostics);
                check_shared(first, diagnostics);
                self.check_single(signature, first, index, &listed[index], diagnostics);
                self.explained[index] = true;
                self.found.push(Method {
                    index,
                    message: listed[index].clone(),
                    argument: (*first).clone(),
                    name: signature.ident.clone(),
                    by_reference: matches!(first, Type::Reference(_)),
                    is_mutable,
                    receiver: signature.receiver().to_token_stream(),
                    asyncness: signature.asyncness.to_token_stream(),
                    is_async: signature.asyncness.is_some(),
                    rest: arguments[1..].iter().copied().cloned().collect(),
                    attributes: attributes(signature).skip(1).collect(),
                    names: Vec::new(),
                    gives: matches!(signature.output, ReturnType::Type(..)),
                    output: output(signature),
                    is_sound: diagnostics.count() == before,
                });
            }
        }
    }

    /// One method each.
    fn check_single(
        &self,
        signature: &Signature,
        argument: &Type,
        index: usize,
        listed: &Type,
        diagnostics: &Diagnostics,
    ) {
        let Some(first) = self.found.iter().find(|method| method.index == index) else {
            return;
        };
        let message = format!(
            "`{}` and `{}` both take `{}`",
            first.name,
            signature.ident,
            types::text(listed)
        );
        let help = "keep one; a helper that needs it is an associated function: it takes no `self`";
        diagnostics.error(argument, message, help);
    }

    /// Each of the list has its method. `form` says how it would be written: of its name and of its type.
    pub(super) fn check_all(
        &self,
        listed: &[Type],
        what: &str,
        diagnostics: &Diagnostics,
        form: impl Fn(usize, &str, &str) -> String,
    ) {
        for (index, ty) in listed.iter().enumerate() {
            if self.explained[index] {
                continue;
            }
            let written = types::text(ty);
            let name = suggest::snake_case(written.rsplit("::").next().unwrap_or(&written));
            let message = format!("no method {what} `{written}`");
            let help = format!("add it: `{}`", form(index, &name, &written));
            diagnostics.error(ty, message, help);
        }
    }
}

/// Whether the type is the facts of a decision, by reference or by value.
pub(super) fn is_facts(ty: &Type) -> bool {
    let segment = types::last_segment(behind_reference(ty));
    segment.is_some_and(|segment| segment.ident == "Facts")
}

/// A decision, and an answer, are given no context, their facts by reference, and resources by value.
pub(super) fn check_asked(method: &Method, diagnostics: &Diagnostics) {
    let name = &method.name;
    if let Some(context) = method.context() {
        let message = format!("`{name}` decides or answers, and is given no context");
        let help = "a decision only says what happens, and an answer what is: what is to be done because of it is done by a module that \
                    handles the event; what a query asks others for is asked by a module that handles it";
        diagnostics.error(context, message, help);
    } else if let Some(facts) = method.rest.iter().find(|ty| is_facts(ty) && !is_shared(ty)) {
        let message = format!(
            "`{name}` takes the facts of its message as `{}`",
            types::text(facts)
        );
        diagnostics.error(
            facts,
            message,
            "they are lent to the method: `facts: &Facts`",
        );
    } else if let Some(reference) = method.resources().find(|ty| is_reference(ty)) {
        let message = format!("`{name}` asks for a resource by reference");
        let help = format!(
            "take it by value: `Resource<{}>`",
            types::text(behind_reference(reference))
        );
        diagnostics.error(reference, message, help);
    }
}

pub(super) fn is_reference(ty: &Type) -> bool {
    matches!(types::ungrouped(ty), Type::Reference(_))
}

pub(super) fn is_shared(ty: &Type) -> bool {
    matches!(types::ungrouped(ty), Type::Reference(reference) if reference.mutability.is_none())
}

/// Whether the type is the step of a saga.
pub(super) fn is_step(ty: &Type) -> bool {
    let is_mutable = matches!(types::ungrouped(ty), Type::Reference(reference) if reference.mutability.is_some());
    let segment = types::last_segment(behind_reference(ty));
    is_mutable && segment.is_some_and(|segment| segment.ident == "Step")
}

/// What stands above the arguments behind `self`.
pub(super) fn attributes(signature: &Signature) -> impl Iterator<Item = Vec<Attribute>> {
    signature.inputs.iter().filter_map(|it| match it {
        FnArg::Typed(typed) => Some(typed.attrs.clone()),
        FnArg::Receiver(_) => None,
    })
}

/// There are no hooks in such a block.
fn check_no_hook(function: &Function, whose: &Whose, diagnostics: &Diagnostics) {
    let is_hook = |attribute: &&Attribute| HOOKS.iter().any(|hook| attribute.path().is_ident(hook));
    for mark in function.attributes.iter().filter(is_hook) {
        let message = format!("{} has no `#[{}]`", whose.a_noun, types::text(mark.path()));
        let help = if mark.path().is_ident("init") {
            format!("remove it: {} begins as its `Default`", whose.a_noun)
        } else {
            "remove it; what runs beside the events is a module of its own".to_owned()
        };
        diagnostics.error(mark, message, help);
    }
}

/// Takes the marks of hooks and of resources off: the compiler does not know them.
pub(super) fn unmark(block: &mut Block) {
    init::unmark(block);
    for member in &mut block.members {
        if let Member::Method(function) = member {
            let is_hook =
                |attribute: &Attribute| HOOKS.iter().any(|hook| attribute.path().is_ident(hook));
            function.attributes.retain(|attribute| !is_hook(attribute));
        }
    }
}

/// Where a future made of all of them is shown: at the one that waits, if it is only one.
pub(super) fn waiting<'m>(methods: impl IntoIterator<Item = &'m Method>) -> Span {
    let methods = methods.into_iter();
    let mut waiting = methods.filter(|method| method.is_async);
    match (waiting.next(), waiting.next()) {
        (Some(only), None) => only.name.span(),
        _ => spans::attribute(),
    }
}

/// The list names what it takes whatever the configuration, so the method must be there too.
pub(super) fn check_unconditional(function: &Function, diagnostics: &Diagnostics) {
    let conditions = function.attributes.iter();
    for condition in conditions.filter(|attribute| attribute.path().is_ident("cfg")) {
        let message = format!(
            "`{}` cannot be conditional, since the lists are not",
            function.signature.ident
        );
        let help = "put the `#[cfg(..)]` on the whole block, or inside of the body";
        diagnostics.error(condition, message, help);
    }
}

/// `&self` or `&mut self`; whether it is the latter.
fn check_receiver(signature: &Signature, diagnostics: &Diagnostics) -> bool {
    let Some(receiver) = signature.receiver() else {
        return false;
    };
    if let ReceiverKind::Reference(_, _, mutability) = &receiver.kind {
        return mutability.is_some();
    }
    let taken = taken(receiver);
    let message = format!("`{}` cannot take {taken}", signature.ident);
    diagnostics.error(receiver, message, "take `&self` or `&mut self`");
    false
}

/// An event has happened: there is nothing to change about it.
fn check_shared(argument: &Type, diagnostics: &Diagnostics) {
    if let Type::Reference(reference) = argument
        && let Some(mutability) = &reference.mutability
    {
        let inner = types::text(&reference.elem);
        let message = format!("an event cannot be taken as `&mut {inner}`: it has happened");
        diagnostics.error(mutability, message, format!("take `&{inner}`"));
    }
}
