//! [`Shape`]: what a message is made of, as its attribute sees it.

#![allow(missing_docs)] // Not public API. Used by generated code.

use schemars::{Schema, SchemaGenerator};

use crate::http::events::field_form::FieldForm;

/// What a message is made of.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A struct of these named fields.
    Fields(&'static [Field]),
    /// Something else, of which only serde knows how it is read.
    Opaque,
}

/// A field, as serde knows it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    /// Its name in Rust.
    pub ident: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    pub docs: &'static str,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether its own fields stand in its place, or it takes in all that no other field does.
    pub is_flat: bool,
    pub is_deprecated: bool,
    /// The schema of its type; in full if it is flat.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// For a flat field, a function that reads the body as that field alone, and returns the fault in it.
    pub explain: Option<Explain>,
    /// What it looks like in an event.
    pub form: fn() -> FieldForm,
}

impl Shape {
    /// Puts the name that clients know in the place of the name in Rust with which the path begins: of a
    /// flattened field none.
    pub(crate) fn rename(self, path: &mut String) {
        let Shape::Fields(fields) = self else { return };
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let Some(field) = fields.iter().find(|field| field.ident == &path[..end]) else {
            return;
        };
        match path[end..].strip_prefix('.') {
            Some(inner) if field.is_flat => *path = inner.to_owned(),
            _ => path.replace_range(..end, field.name),
        }
    }
}

/// Finds what is wrong in a body.
pub type Explain = fn(&[u8]) -> Option<Fault>;

/// A fault in a body, and the field that has it.
#[derive(Debug)]
pub struct Fault {
    pub(crate) field: String,
    pub(crate) error: String,
}
