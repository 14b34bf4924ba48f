//! The rules for the lists of a module: `handles`, `emits`, `calls`, `after`.

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
