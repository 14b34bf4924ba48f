//! Lists of types, as attributes have them: `handles`, `emits`, `calls`, `events`; and what stands in them.

use quote::ToTokens;
use syn::Type;

use crate::diagnostics::Diagnostics;
use crate::types;

/// The types of a list, each once.
pub(crate) fn check(key: &str, list: &[Type], diagnostics: &Diagnostics) -> Vec<Type> {
    let mut sound: Vec<Type> = Vec::new();
    for ty in list {
        if types::path(ty).is_none() {
            let message = format!("`{}` in `{key}` is not the name of a type", types::text(ty));
            diagnostics.error(
                ty,
                message,
                format!("name the type itself: `{key} = [Name, ..]`"),
            );
        } else if let Some(argument) =
            types::last_segment(ty).filter(|segment| !segment.arguments.is_none())
        {
            let message = format!("`{}` in `{key}` is generic", types::text(ty));
            diagnostics.error(
                argument.to_token_stream(),
                message,
                "messages and modules are plain concrete types",
            );
        } else if sound.iter().any(|before| types::same(before, ty)) {
            diagnostics.error(
                ty,
                format!("`{}` is twice in `{key}`", types::text(ty)),
                "keep one",
            );
        } else {
            sound.push(ty.clone());
        }
    }
    sound
}

/// The enum, if what is listed looks like one of its variants: before the last name in a path stands a
/// module, which is seldom written like a type.
pub(crate) fn enum_of_variant(ty: &Type) -> Option<String> {
    let mut path = types::path(ty)?.clone();
    path.segments.pop();
    path.segments.pop_punct();
    let last = path.segments.last()?.ident.to_string();
    last.starts_with(char::is_uppercase)
        .then(|| types::text(&path))
}

/// What a type as written stands for.
pub(crate) enum Match {
    None,
    One(usize),
    /// Several listed messages end in this name.
    Several(Vec<usize>),
}

/// The listed type that a type as written stands for: the same path, or the same last segment when that is
/// unambiguous.
pub(crate) fn find(listed: &[Type], ty: &Type) -> Match {
    if let Some(index) = listed.iter().position(|listed| types::same(listed, ty)) {
        return Match::One(index);
    }
    let Some(path) = types::path(ty) else {
        return Match::None;
    };
    let alike = |listed: &&Type| {
        types::path(listed).is_some_and(|listed| {
            let either_is_short = listed.segments.len() == 1 || path.segments.len() == 1;
            either_is_short
                && listed.segments.last().map(|last| &last.ident)
                    == path.segments.last().map(|last| &last.ident)
        })
    };
    let found = listed.iter().enumerate();
    let found = found.filter(|(_, listed)| alike(listed));
    let found: Vec<usize> = found.map(|(index, _)| index).collect();
    match found[..] {
        [] => Match::None,
        [index] => Match::One(index),
        _ => Match::Several(found),
    }
}
