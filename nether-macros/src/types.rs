//! Questions about types as they are written.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{GenericArgument, Path, PathArguments, PathSegment, Type};

/// The type without the invisible groups that `macro_rules!` leaves.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

/// The path, if the type is a plain one.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ungrouped(ty) {
        Type::Path(path) if path.qself.is_none() => Some(&path.path),
        _ => None,
    }
}

/// The last segment of the path, if the type is a plain path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    path(ty)?.segments.last()
}

/// The names in the path, as a module's name has them: `a::Service`.
pub(crate) fn path_name(path: &Path) -> String {
    let names = path.segments.iter().map(|it| it.ident.unraw().to_string());
    names.collect::<Vec<_>>().join("::")
}

/// The tokens as text without spaces: equal for types that are written alike.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    let mut compact = String::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        let joins_words =
            compact.ends_with(is_word) && rest.peek().is_some_and(|next| is_word(*next));
        if letter != ' ' || joins_words {
            compact.push(letter);
        }
    }
    compact
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether two types are written alike.
pub(crate) fn same(left: &impl ToTokens, right: &impl ToTokens) -> bool {
    text(left) == text(right)
}

/// Whether the only generic arguments are lifetimes, as in `std::task::Context<'_>`.
pub(crate) fn only_lifetimes(segment: &PathSegment) -> bool {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .all(|argument| matches!(argument, GenericArgument::Lifetime(_))),
        PathArguments::None | PathArguments::Parenthesized(_) => false,
    }
}

/// Whether it is written like a future: `impl Future<..>`, `Pin<Box<dyn Future<..>>>`, `BoxFuture<..>`.
pub(crate) fn is_future(ty: &Type) -> bool {
    let text = text(ungrouped(ty));
    let text = text
        .replace("::std::", "")
        .replace("std::", "")
        .replace("core::", "");
    let starts = [
        "impl Future<",
        "impl future::Future<",
        "pin::Pin<Box<dyn ",
        "Pin<Box<dyn ",
    ];
    let is_boxed = last_segment(ty)
        .is_some_and(|last| last.ident == "BoxFuture" || last.ident == "LocalBoxFuture");
    is_boxed || starts.iter().any(|start| text.starts_with(start)) && text.contains("Future<")
}
