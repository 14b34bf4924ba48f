//! `requires = ..`: who may send a message from outside, or read the stream of an event.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::checked::CheckedMessage;
use crate::message::model::Model;
use crate::message::requirement::Requirement;
use crate::paths::Paths;
use crate::spans;

/// Checks what is required.
pub(super) fn check(model: &Model, diagnostics: &Diagnostics) {
    let Some(requires) = &model.args.requires else {
        return;
    };
    check_not_empty(model, requires, diagnostics);
    check_roles(requires, diagnostics);
    check_event_is_served(model, diagnostics);
}

/// A list of nothing would look like a guard and be none.
fn check_not_empty(model: &Model, requires: &[Requirement], diagnostics: &Diagnostics) {
    let key = model.args.seen.written("requires");
    if let Some(key) = key.filter(|_| requires.is_empty()) {
        let help = "name roles, `requires = [\"orders.write\"]`; or write `requires = nether::signed_in` for all who have signed in";
        diagnostics.error(key, "`requires = []` requires nothing", help);
    }
}

/// A role is a word, and stands there once.
fn check_roles(requires: &[Requirement], diagnostics: &Diagnostics) {
    let roles = requires.iter().filter_map(|it| match it {
        Requirement::Role(role) => Some(role),
        Requirement::Function(_) => None,
    });
    let mut known: Vec<String> = Vec::new();
    for role in roles {
        let text = role.value();
        if text.is_empty() || text.contains(char::is_whitespace) {
            let message = format!("{text:?} is not the name of a role");
            let help = "a role is one word, such as `requires = \"orders.write\"`; write several as a list: \
                        `requires = [\"orders.write\", \"orders.cancel\"]`";
            diagnostics.error(role, message, help);
        } else if known.contains(&text) {
            let message = format!("the role `{text}` is twice in `requires`");
            diagnostics.error(role, message, "keep one");
        }
        known.push(text);
    }
}

/// Modules publish events among themselves; only clients of a stream are asked who they are.
fn check_event_is_served(model: &Model, diagnostics: &Diagnostics) {
    let key = model.args.seen.written("requires");
    if let Some(key) = key
        && model.kind == MessageKind::Event
        && !model.args.seen.has("http")
    {
        let ident = model.definition.ident();
        let message =
            format!("the event `{ident}` has `requires`, but no stream that a client could read");
        let help = "`requires` says who may read the stream of an event: add `http = \"SSE /path\"`, or remove `requires`; what \
                    may lead to the event is required of the command";
        diagnostics.error(key, message, help);
    }
}

/// The requirements, as a constant of the message.
pub(super) fn constant(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let requires = message.args.requires.as_ref()?;
    let p = paths.private();
    let roles = requires.iter().filter_map(|it| match it {
        Requirement::Role(role) => Some(role),
        Requirement::Function(_) => None,
    });
    let functions = requires.iter().filter_map(|it| match it {
        Requirement::Function(path) => Some(path),
        Requirement::Role(_) => None,
    });
    Some(quote_spanned! {spans::attribute()=>
        const ACCESS: #p::Option<#p::AccessRule<Self>> = #p::Option::Some(#p::AccessRule {
            roles: &[#(#roles),*],
            functions: &[#(#functions),*],
        });
    })
}

/// Adds them to the description of the message.
pub(super) fn described(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    message.args.requires.as_ref()?;
    let (p, ident) = (paths.private(), message.definition.ident());
    Some(quote!(.requiring(#p::AccessDescriptor::of::<#ident>())))
}
