//! Where generated tokens stand, so that the compiler's errors underline what the user wrote.
//!
//! A generated token resolves at the macro's own site: a local of an expansion never meets one of the user's.
//! Where an error is to be expected, generated tokens that name no local carry the user's own span instead:
//! the compiler then shows the error as it shows one in the user's code, without a word about the macro.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// A generated token's span that is shown at `span`.
pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The span of generated tokens that stand nowhere in particular: at the attribute.
pub(crate) fn attribute() -> Span {
    Span::mixed_site()
}

/// The first and the last token of what the user wrote. Generated code that begins at one and ends at the
/// other is underlined as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) start: Span,
    pub(crate) end: Span,
}

impl Extent {
    pub(crate) fn of(tokens: impl ToTokens) -> Self {
        let mut tokens = tokens.into_token_stream().into_iter();
        let first = tokens.next();
        let start = first.as_ref().map_or_else(Span::call_site, TokenTree::span);
        let end = tokens.last().map_or(start, |token| token.span());
        Extent { start, end }
    }
}

/// The user's tokens, still meaning what they meant, but shown at another place.
pub(crate) fn moved(tokens: impl ToTokens, span: Span) -> TokenStream {
    tokens
        .into_token_stream()
        .into_iter()
        .map(|token| moved_token(token, span))
        .collect()
}

fn moved_token(token: TokenTree, span: Span) -> TokenTree {
    let place = token.span().located_at(span);
    let mut token = match token {
        TokenTree::Group(group) => {
            Group::new(group.delimiter(), moved(group.stream(), span)).into()
        }
        other => other,
    };
    token.set_span(place);
    token
}

/// The user's name, for something generated, shown where it stands.
pub(crate) fn renamed(ident: &Ident) -> Ident {
    let mut renamed = ident.clone();
    renamed.set_span(at(ident.span()));
    renamed
}

/// A generated name, shown at `span`.
pub(crate) fn name(text: &str, span: Span) -> Ident {
    Ident::new(text, at(span))
}
