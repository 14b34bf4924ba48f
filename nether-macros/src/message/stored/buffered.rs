//! 128-bit integers where serde reads through a buffer that cannot hold them: such an event might be written
//! and never be read again.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Field;

use crate::diagnostics::Diagnostics;
use crate::message::model::Definition;
use crate::message::serde::Settings;
use crate::types;

const HELP: &str = "give it a field of its own outside of that, or store it as text";

/// Checks that no field which serde buffers shows a 128-bit integer in its type.
pub(super) fn check(definition: &Definition, diagnostics: &Diagnostics) {
    let container = Settings::read(definition.attributes());
    let buffering = match definition {
        Definition::Struct(_) => None,
        Definition::Enum(_) if container.has(&["content"]) => None,
        Definition::Enum(_) => container.first(&["untagged", "tag"]),
    };
    let fields: Vec<&Field> = match definition {
        Definition::Struct(item) => item.fields.iter().collect(),
        Definition::Enum(item) => item.variants.iter().flat_map(|it| &it.fields).collect(),
    };
    for field in fields {
        let settings = Settings::read(&field.attrs);
        if settings.has(&["with", "deserialize_with", "skip", "skip_deserializing"]) {
            continue; // It is not read as an integer.
        }
        let setting = settings.first(&["flatten"]).or(buffering);
        if let Some(setting) = setting
            && is_wide(field.ty.to_token_stream())
        {
            let name = field.ident.as_ref().map(|ident| format!("`{ident}`: "));
            let message = format!(
                "{}`{}` holds a 128-bit integer inside of `#[serde({setting})]`, where serde cannot read one",
                name.unwrap_or_default(),
                types::text(&field.ty)
            );
            diagnostics.error(&field.ty, message, HELP);
        }
    }
}

/// Whether a type names a 128-bit integer.
fn is_wide(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "u128" || ident == "i128",
        TokenTree::Group(group) => is_wide(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
