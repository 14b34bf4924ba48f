//! The lints of generated code. It has no `allow` of its own: under a user's `forbid` that would be an error,
//! and the compiler is silent about what stands at an attribute anyway. But what it repeats of the user's
//! tokens is shown where the user wrote them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta};

use crate::block::{Block, Member};

/// What the user allows for the item holds for the code that is made of it, too.
pub(crate) fn inherited<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> TokenStream {
    let allowed = attributes.into_iter().filter_map(allowed);
    allowed.map(|lints| quote!(#[allow(#lints)])).collect()
}

/// What the user allows for the block or one of its methods.
pub(crate) fn of_block(block: &Block) -> TokenStream {
    let methods = block.members.iter().filter_map(|member| match member {
        Member::Method(method) => Some(&method.attributes),
        Member::Other(_) | Member::Broken(_) => None,
    });
    inherited(block.attributes.iter().chain(methods.flatten()))
}

/// The lints that the attribute allows. An expected lint is allowed: the user's own code meets it.
fn allowed(attribute: &Attribute) -> Option<&TokenStream> {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
            Some(&list.tokens)
        }
        _ => None,
    }
}

/// Allows the use of what is deprecated, if something among the attributes says so.
pub(crate) fn of_deprecated<'a>(
    attributes: impl IntoIterator<Item = &'a Attribute>,
) -> Option<TokenStream> {
    let mut attributes = attributes.into_iter();
    attributes
        .any(is_deprecated)
        .then(|| quote!(#[allow(deprecated)]))
}

/// Whether it is `#[deprecated]`, in any of its forms.
pub(crate) fn is_deprecated(attribute: &Attribute) -> bool {
    attribute.path().is_ident("deprecated")
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::Attribute;
    use syn::parse::Parser;

    use super::{inherited, of_deprecated};

    fn attributes(tokens: proc_macro2::TokenStream) -> Vec<Attribute> {
        Attribute::parse_outer
            .parse2(tokens)
            .expect("they are attributes")
    }

    #[test]
    fn what_is_allowed_or_expected_is_allowed_in_generated_code() {
        let attributes = attributes(quote! {
            /// Documented.
            #[allow(deprecated, reason = "for old clients")]
            #[expect(dead_code)]
            #[deny(unused)]
            #[derive(Debug)]
        });
        let expected = quote!(#[allow(deprecated, reason = "for old clients")] #[allow(dead_code)]);
        assert_eq!(inherited(&attributes).to_string(), expected.to_string());
    }

    #[test]
    fn only_what_is_deprecated_may_be_used_so() {
        let deprecated = attributes(quote!(#[serde(default)] #[deprecated = "old"]));
        assert!(of_deprecated(&deprecated).is_some());
        assert!(of_deprecated(&attributes(quote!(#[serde(default)]))).is_none());
    }
}
