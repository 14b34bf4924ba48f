//! [`Requirement`]: what stands in `requires = ..`, as written.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{LitStr, Path, Result, Token, bracketed, token};

/// One thing that is required.
pub(crate) enum Requirement {
    /// A role of the principal.
    Role(LitStr),
    /// A function of the principal and the message says yes.
    Function(Path),
}

impl Parse for Requirement {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return input.parse().map(Requirement::Role);
        }
        input.parse().map(Requirement::Function)
    }
}

/// One requirement, or a list in brackets.
pub(super) fn requirements(input: ParseStream<'_>) -> Result<Vec<Requirement>> {
    if !input.peek(token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let content;
    bracketed!(content in input);
    let all = Punctuated::<Requirement, Token![,]>::parse_terminated(&content)?;
    Ok(all.into_iter().collect())
}
