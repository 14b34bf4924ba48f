//! [`Paths`]: the one table of what generated code may name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::Path;

use crate::spans;

/// The runtime's private module, under whatever name the user's crate knows it.
#[derive(Clone, Default)]
pub(crate) struct Paths {
    /// What `crate = ..` says.
    renamed: Option<Path>,
}

impl Paths {
    pub(crate) fn new(renamed: Option<Path>) -> Self {
        Paths { renamed }
    }

    /// `::nether::__private`, shown at the attribute.
    pub(crate) fn private(&self) -> TokenStream {
        self.private_at(spans::attribute())
    }

    /// `::nether::__private`, at `span`.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        let root = match &self.renamed {
            None => quote_spanned!(span=> ::nether),
            Some(path) => spans::moved(rooted(path), span),
        };
        quote_spanned!(span=> #root::__private)
    }

    /// The path of the re-exported `serde`, as the text that `#[serde(crate = "..")]` wants; and what must
    /// stand beside the type for that. No text can say `$crate`, so there the type has a name for it of its
    /// own.
    pub(crate) fn serde_for(&self, ident: &Ident) -> (TokenStream, String) {
        let private = self.private();
        let path = quote_spanned!(Span::mixed_site()=> #private::serde);
        let text = path.to_string().replace(' ', "");
        if !text.contains('$') {
            return (TokenStream::new(), text);
        }
        let name = format_ident!("__nether_serde_of_{}", ident, span = spans::attribute());
        let named = quote_spanned! {spans::attribute()=>
            #[doc(hidden)]
            use #path as #name;
        };
        (named, name.to_string())
    }
}

/// A single name is a crate: `n` means `::n`. `crate`, `self` and longer paths mean what they say.
fn rooted(path: &Path) -> TokenStream {
    let is_keyword = ["crate", "self", "super", "$crate"]
        .iter()
        .any(|keyword| path.is_ident(keyword));
    if path.get_ident().is_some() && !is_keyword {
        let span = spans::attribute();
        return quote_spanned!(span=> ::#path);
    }
    path.to_token_stream()
}
