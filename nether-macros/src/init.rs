//! The arguments of `#[init]`, which modules and projections have: the rules that syntax shows. That all else
//! is a `Resource`, the compiler says.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Signature, Type};

use crate::diagnostics::Diagnostics;
use crate::signature::{arguments, behind_reference, is_context};
use crate::types;

/// Checks them. `on_context` says what to do instead of taking a context.
pub(crate) fn check_arguments(signature: &Signature, on_context: &str, diagnostics: &Diagnostics) {
    for ty in arguments(signature) {
        check_argument(ty, on_context, diagnostics);
    }
}

fn check_argument(ty: &Type, on_context: &str, diagnostics: &Diagnostics) {
    let (taken, written) = (behind_reference(ty), types::text(ty));
    let resource = within_resource(taken);
    let asked = behind_reference(resource.unwrap_or(taken));
    let asked_text = types::text(asked).replace("impl ", "dyn ");
    if is_context(asked) {
        let message = "`#[init]` is given no context: other modules may not be there yet";
        diagnostics.error(ty, message, on_context);
    } else if mentions_self(ty.to_token_stream()) {
        let message = format!("`#[init]` makes `Self`, so it cannot ask for `{written}`");
        let help =
            "its arguments are what the program provides: `Resource<Name>` of a type of yours";
        diagnostics.error(ty, message, help);
    } else if is_trait(asked) {
        let message =
            format!("`#[init]` cannot ask for `{written}`: a resource is found by its exact type");
        let help = format!(
            "write `Resource<std::sync::Arc<{asked_text}>>`, and provide that type: \
             `.provide(std::sync::Arc::new(value) as std::sync::Arc<{asked_text}>)`"
        );
        diagnostics.error(ty, message, help);
    } else if let Type::Reference(_) = ty {
        // A resource is a handle already, so nothing is borrowed.
        let message = format!("`#[init]` cannot ask for a reference: `{written}`");
        diagnostics.error(ty, message, format!("write `Resource<{asked_text}>`"));
    }
}

/// `T` of `Resource<T>`.
fn within_resource(ty: &Type) -> Option<&Type> {
    let segment = types::last_segment(ty).filter(|segment| segment.ident == "Resource")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(types::ungrouped(ty)),
        _ => None,
    }
}

fn is_trait(ty: &Type) -> bool {
    matches!(ty, Type::TraitObject(_) | Type::ImplTrait(_))
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}
