//! The rules for messages, one function each.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Error, Type};

use crate::diagnostics::Diagnostics;
use crate::message::args::Validation;
use crate::message::checked::CheckedMessage;
use crate::message::expand::DERIVED;
use crate::message::model::{Model, derived};
use crate::message::{MessageKind, access, borrowed, endpoint, stored};
use crate::{features, recover, suggest, types};

/// Checks everything and drops what is wrong, so that the rest can still be expanded.
pub(crate) fn check(mut model: Model, diagnostics: &Diagnostics) -> CheckedMessage {
    let derived_above = check_attributes(&mut model, diagnostics);
    borrowed::check(&mut model, diagnostics);
    let is_message = check_concrete(&model, diagnostics);
    check_event_gives_nothing_back(&model, diagnostics);
    check_rules(&mut model, diagnostics);
    check_name(&model, diagnostics);
    access::check(&model, diagnostics);
    let key = check_key(&model, diagnostics);
    let endpoint = endpoint::check(&model, diagnostics);
    let stored = stored::check(&model, diagnostics);
    let Model {
        kind,
        mut args,
        definition,
        ..
    } = model;
    if kind == MessageKind::Event {
        (args.reply, args.error) = (None, None);
    }
    CheckedMessage {
        kind,
        args,
        definition,
        derived_above,
        key,
        endpoint,
        stored,
        is_message,
    }
}

/// Checks what stands beside the message's own attribute. Gives back what is derived above it.
pub(crate) fn check_attributes(model: &mut Model, diagnostics: &Diagnostics) -> Vec<Ident> {
    check_single_kind(model, diagnostics);
    check_derives(model, diagnostics)
}

/// A message is a struct or an enum.
pub(crate) fn not_a_message(kind: MessageKind, item: TokenStream) -> Option<Error> {
    let keyword = recover::keyword(item)?;
    if matches!(keyword.to_string().as_str(), "struct" | "enum") {
        return None;
    }
    let word = kind.word();
    let message = format!(
        "`#[{word}]` stands above a `struct` or an `enum`, not `{keyword}`\n\
         help: write what is sent as a type of its own: `#[{word}] pub struct Name {{ .. }}`"
    );
    Some(Error::new_spanned(keyword, message))
}

/// Messages are plain concrete types: each has one ID and one place in the routing table.
fn check_concrete(model: &Model, diagnostics: &Diagnostics) -> bool {
    let (generics, ident) = (model.definition.generics(), model.definition.ident());
    let word = model.kind.word();
    if !generics.params.is_empty() {
        let message =
            format!("the {word} `{ident}` is generic, but a message is one concrete type");
        let help = "name the types that are sent, and let the message own its data; write one message a type";
        diagnostics.error(generics, message, help);
    } else if let Some(clause) = &generics.where_clause {
        diagnostics.error(
            clause,
            format!("the {word} `{ident}` has a `where` clause"),
            "remove it: a message is one concrete type",
        );
    }
    generics.params.is_empty() && generics.where_clause.is_none()
}

/// A message is of one kind. A second attribute, which would make it another, is taken off.
fn check_single_kind(model: &mut Model, diagnostics: &Diagnostics) {
    let (word, ident) = (model.kind.word(), model.definition.ident().clone());
    let is_kind = |attribute: &Attribute| {
        let last = attribute.path().segments.last();
        let kinds = ["command", "query", "event"];
        last.is_some_and(|segment| kinds.iter().any(|kind| segment.ident == kind))
    };
    for other in model.definition.take_attributes(is_kind) {
        let message = format!(
            "`{ident}` is both `#[{word}]` and `{}`: a message is of one kind",
            types::text(&other)
        );
        diagnostics.error(
            &other,
            message,
            "keep one; write a type for each kind of message",
        );
    }
}

/// A message with rules can be refused, and says where they are.
fn check_rules(model: &mut Model, diagnostics: &Diagnostics) {
    let Some(key) = model.args.seen.written("validate") else {
        return;
    };
    let ident = model.definition.ident();
    if model.kind == MessageKind::Event {
        let message = format!(
            "the event `{ident}` cannot have `validate`: it says what has happened, which cannot be refused"
        );
        let help = "remove it, and put the rules on the command that leads to the event";
        diagnostics.error(key, message, help);
        model.args.validate = None;
    } else if let (Some(Validation::Derived(key)), false) = (&model.args.validate, features::GARDE)
    {
        let message = "`validate` alone needs the feature `garde` of `nether`".to_owned();
        diagnostics.error(key, message, features::ENABLE_GARDE);
        model.args.validate = None;
    }
}

/// An event goes to any number of modules, so none answers it.
fn check_event_gives_nothing_back(model: &Model, diagnostics: &Diagnostics) {
    if model.kind != MessageKind::Event {
        return;
    }
    for key in ["reply", "error"]
        .iter()
        .filter_map(|key| model.args.seen.written(key))
    {
        let ident = model.definition.ident();
        let message = format!(
            "the event `{ident}` cannot have `{key}`: any number of modules see it, and none answers"
        );
        let help = format!("remove `{key}`, or make it a command: `#[command({key} = ..)]`");
        diagnostics.error(key, message, help);
    }
}

/// What the message derives by itself cannot be derived above the attribute, which does not see it there.
fn check_derives(model: &Model, diagnostics: &Diagnostics) -> Vec<Ident> {
    let is_ours = |name: &Ident| DERIVED.iter().any(|derived| name == derived);
    let above: Vec<Ident> = derived(&model.above).filter(is_ours).collect();
    if above.is_empty() || model.args.is_local {
        return Vec::new();
    }
    let word = model.kind.word();
    let names: Vec<String> = above.iter().map(Ident::to_string).collect();
    let message = format!(
        "`#[derive({})]` stands above `#[{word}]`, which derives that, too",
        names.join(", ")
    );
    let help = format!(
        "move it below `#[{word}]`; or remove it: `#[{word}]` derives {}",
        suggest::listed(DERIVED)
    );
    diagnostics.error_at(Span::call_site(), message, help);
    above
}

/// A name is what logs, stores and other programs call the message.
fn check_name(model: &Model, diagnostics: &Diagnostics) {
    let Some(name) = &model.args.name else { return };
    let (text, help) = (name.value(), "write it like `name = \"orders.process.v1\"`");
    if text.is_empty() {
        diagnostics.error(name, "the `name` of a message cannot be empty", help);
    } else if text.contains(char::is_whitespace) {
        diagnostics.error(
            name,
            format!("the `name` of a message cannot contain white space: {text:?}"),
            help,
        );
    }
}

/// A key is one named field of a struct.
fn check_key(model: &Model, diagnostics: &Diagnostics) -> Option<(Ident, Type)> {
    let key = model.args.key.as_ref()?;
    let ident = model.definition.ident();
    let Some(fields) = model.definition.named_fields() else {
        let what = model.definition.described();
        let message = format!("`key = {key}` names a field, but `{ident}` is {what}");
        diagnostics.error(
            key,
            message,
            format!("make it a struct with that field: `struct {ident} {{ {key}: .. }}`"),
        );
        return None;
    };
    let field = fields
        .iter()
        .find(|field| field.ident.as_ref() == Some(key));
    if field.is_none() {
        let names: Vec<String> = fields
            .iter()
            .filter_map(|field| field.ident.as_ref())
            .map(Ident::to_string)
            .collect();
        let nearest = suggest::nearest(&key.to_string(), names.iter().map(String::as_str));
        let guess = nearest.map_or(String::new(), |nearest| {
            format!(": did you mean `{nearest}`?")
        });
        let help = match names.as_slice() {
            [] => format!("add the field to `{ident}`, or remove `key`"),
            _ => format!(
                "its fields are {}",
                suggest::listed(names.iter().map(String::as_str))
            ),
        };
        diagnostics.error(key, format!("`{ident}` has no field `{key}`{guess}"), help);
    }
    field.map(|field| (key.clone(), field.ty.clone()))
}
