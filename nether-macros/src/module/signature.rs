//! Questions about the signatures of handlers and hooks: their receivers and contexts.

use proc_macro2::Ident;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, ReceiverKind, Signature, Type, TypeReference};

use crate::diagnostics::Diagnostics;
use crate::module::model::{ContextArgument, Receiver};
use crate::types;

pub(crate) use crate::signature::{
    arguments, behind_reference, check_plain, is_context, output, taken,
};

/// `&self` or `&mut self`; anything else is reported.
pub(crate) fn check_receiver(
    what: &str,
    signature: &Signature,
    diagnostics: &Diagnostics,
) -> Option<Receiver> {
    let receiver = signature.receiver()?;
    if let ReceiverKind::Reference(and, lifetime, mutability) = &receiver.kind {
        let tokens = quote!(#and #lifetime #mutability);
        let self_token = &receiver.self_token;
        return Some(Receiver {
            tokens: quote!(#tokens #self_token),
            is_mutable: mutability.is_some(),
        });
    }
    let message = format!(
        "{what} `{}` cannot take {}: it borrows its module",
        signature.ident,
        taken(receiver)
    );
    diagnostics.error(
        receiver,
        message,
        "take `&mut self`, or `&self` if it changes nothing",
    );
    None
}

/// The context argument of a handler or hook of the module `module`. An argument that is not `&Context<Self>`
/// (or one of the other `allowed` forms) is reported with the right form.
pub(crate) fn check_context(
    ty: &Type,
    allowed: &ContextForms,
    module: &Ident,
    diagnostics: &Diagnostics,
) -> Option<ContextArgument> {
    let expected = allowed.written();
    let (by_reference, inner, is_mutable) = match ty {
        Type::Reference(TypeReference {
            elem, mutability, ..
        }) => (true, types::ungrouped(elem), mutability.is_some()),
        other => (false, other, false),
    };
    if !is_context(ty) {
        let message = format!(
            "{} takes {}, not `{}`",
            allowed.whose,
            allowed.position,
            types::text(ty)
        );
        diagnostics.error(ty, message, format!("write `{expected}`, or leave it out"));
        return None;
    }
    let segment = types::last_segment(inner)?;
    let only_reads = segment.ident == "QueryContext";
    let is_of_module = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.len() == 1
                && arguments
                    .args
                    .iter()
                    .all(|argument| is_module(argument, module))
        }
        PathArguments::None | PathArguments::Parenthesized(_) => false,
    };
    let is_sound = is_of_module
        && !is_mutable
        && (by_reference || allowed.by_value)
        && (!only_reads || allowed.query);
    if !is_sound {
        let message = format!(
            "{} takes its context as `{expected}`, not `{}`",
            allowed.whose,
            types::text(ty)
        );
        diagnostics.error(ty, message, format!("write `ctx: {expected}`"));
        return None;
    }
    Some(ContextArgument {
        tokens: ty.to_token_stream(),
        by_reference,
    })
}

/// How a context may be taken.
pub(crate) struct ContextForms {
    /// For errors: "a handler".
    pub(crate) whose: &'static str,
    /// For errors: "the context as its second argument".
    pub(crate) position: &'static str,
    /// Whether a `QueryContext` will do.
    pub(crate) query: bool,
    /// Whether it may be taken by value.
    pub(crate) by_value: bool,
}

impl ContextForms {
    fn written(&self) -> &'static str {
        if self.by_value {
            "Context<Self>"
        } else {
            "&Context<Self>"
        }
    }
}

fn is_module(argument: &GenericArgument, module: &Ident) -> bool {
    match argument {
        GenericArgument::Type(ty) => types::last_segment(ty)
            .is_some_and(|segment| segment.ident == "Self" || segment.ident == *module),
        _ => false,
    }
}
