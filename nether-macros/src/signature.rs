//! Questions about signatures, whatever the method is for.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type};

use crate::diagnostics::Diagnostics;
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

/// The type behind `&`, if it is a reference.
pub(crate) fn behind_reference(ty: &Type) -> &Type {
    match types::ungrouped(ty) {
        Type::Reference(reference) => types::ungrouped(&reference.elem),
        other => other,
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

/// Handlers and hooks are plain functions: no caller could fill in type parameters, or call them otherwise
/// than safely.
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

/// How a receiver is taken that is neither `&self` nor `&mut self`.
pub(crate) fn taken(receiver: &Receiver) -> String {
    match &receiver.kind {
        ReceiverKind::Typed(..) => format!("`{}`", types::text(receiver).replacen(':', ": ", 1)),
        _ => "`self` by value".to_owned(),
    }
}
