//! Questions about the signatures of handlers and hooks.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    FnArg, GenericArgument, PathArguments, ReceiverKind, ReturnType, Safety, Signature, Type,
    TypeReference,
};

use crate::diagnostics::Diagnostics;
use crate::module::model::{ContextArgument, Receiver};
use crate::types;

/// The types of the arguments behind `self`.
pub(crate) fn arguments(signature: &Signature) -> Vec<&Type> {
    let typed = signature
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        });
    typed.map(types::ungrouped).collect()
}

/// What to point at when the result is wrong: the return type, or the name if there is none.
pub(crate) fn output(signature: &Signature) -> TokenStream {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.to_token_stream(),
        ReturnType::Default => signature.ident.to_token_stream(),
    }
}

/// Whether the type is one of the two contexts, however it is taken. `std::task::Context<'_>` is not.
pub(crate) fn is_context(ty: &Type) -> bool {
    let segment = types::last_segment(behind_reference(ty));
    segment.is_some_and(|segment| {
        (segment.ident == "Context" || segment.ident == "QueryContext")
            && !types::only_lifetimes(segment)
    })
}

/// The type behind `&`, if it is a reference.
pub(crate) fn behind_reference(ty: &Type) -> &Type {
    match types::ungrouped(ty) {
        Type::Reference(reference) => types::ungrouped(&reference.elem),
        other => other,
    }
}

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
        "{what} `{}` cannot take `self` by value: it borrows its module",
        signature.ident
    );
    diagnostics.error(
        receiver,
        message,
        "take `&mut self`, or `&self` if it changes nothing",
    );
    None
}

/// Handlers and hooks are plain functions: nobody could fill in type parameters, or call them otherwise than safely.
pub(crate) fn check_plain(what: &str, signature: &Signature, diagnostics: &Diagnostics) {
    let ident = &signature.ident;
    if !signature.generics.params.is_empty() {
        let message = format!("{what} `{ident}` cannot be generic");
        let help = "write the types that it is called with; references in arguments need no lifetime parameters";
        diagnostics.error(&signature.generics, message, help);
    } else if let Some(clause) = &signature.generics.where_clause {
        diagnostics.error(
            clause,
            format!("{what} `{ident}` cannot have a `where` clause"),
            "remove it",
        );
    }
    let safety = if let Safety::Unsafe(safety) = &signature.safety {
        quote!(#safety)
    } else {
        TokenStream::new()
    };
    for (qualifier, name) in [
        (signature.constness.to_token_stream(), "const"),
        (safety, "unsafe"),
        (signature.abi.to_token_stream(), "extern"),
    ] {
        if !qualifier.is_empty() {
            diagnostics.error(
                qualifier,
                format!("{what} `{ident}` cannot be `{name}`"),
                format!("remove `{name}`"),
            );
        }
    }
}

/// The context argument of a handler or hook of the module `module`. What is not `&Context<Self>` (or one of the other
/// `allowed` forms) is reported with the right form.
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
