//! The arguments of `#[init]`, which modules and projections have: the rules that syntax shows, and how they
//! are asked for. That all else is a `Resource`, the compiler says.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericArgument, PathArguments, Signature, Type};

use crate::diagnostics::Diagnostics;
use crate::paths::Paths;
use crate::signature::{arguments, behind_reference, is_context};
use crate::{spans, types};

/// Checks them. `on_context` says what to do instead of taking a context.
pub(crate) fn check_arguments(signature: &Signature, on_context: &str, diagnostics: &Diagnostics) {
    for ty in arguments(signature) {
        check_argument(ty, on_context, diagnostics);
    }
}

/// Checks one of them.
pub(crate) fn check_argument(ty: &Type, on_context: &str, diagnostics: &Diagnostics) {
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

/// A constant for each argument: the one place that asks whether it is a resource, so that the compiler says
/// once of what is none.
pub(crate) fn slots(resources: &[Type], paths: &Paths) -> TokenStream {
    let p = paths.private();
    let slots = resources.iter().enumerate().map(|(index, ty)| {
        let slot = slot(index);
        quote_spanned! {spans::attribute()=>
            const #slot: #p::InitSlot<#ty> = <#ty as #p::InitArgument>::SLOT;
        }
    });
    quote!(#(#slots)*)
}

/// What the module's descriptor says of the arguments.
pub(crate) fn descriptors(resources: &[Type]) -> impl Iterator<Item = TokenStream> {
    (0..resources.len()).map(|index| {
        let slot = slot(index);
        quote!(#slot.descriptor)
    })
}

/// The arguments themselves, found in `resources`.
pub(crate) fn found(types: &[Type], resources: &Ident) -> impl Iterator<Item = TokenStream> {
    (0..types.len()).map(move |index| {
        let slot = slot(index);
        quote!((#slot.of)(#resources)?)
    })
}

fn slot(index: usize) -> Ident {
    format_ident!("INIT_ARGUMENT_{}", index, span = spans::attribute())
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
