//! [`Paths`]: the one table of what generated code may name.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
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

    /// The path of the re-exported `serde`, as the text that `#[serde(crate = "..")]` wants.
    pub(crate) fn serde(&self) -> String {
        let private = self.private();
        quote_spanned!(Span::mixed_site()=> #private::serde)
            .to_string()
            .replace(' ', "")
    }
}

/// A single name is a crate: `n` means `::n`. `crate`, `self` and longer paths mean what they say.
fn rooted(path: &Path) -> TokenStream {
    let is_keyword = ["crate", "self", "super"]
        .iter()
        .any(|keyword| path.is_ident(keyword));
    if path.get_ident().is_some() && !is_keyword {
        let span = spans::attribute();
        return quote_spanned!(span=> ::#path);
    }
    path.to_token_stream()
}
