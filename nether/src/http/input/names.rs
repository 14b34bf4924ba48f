//! [`TextNames`]: which fields of a message are read from text, the path and the query of a URI.

use serde::de::Error as _;
use serde_json::Error;

use crate::http::endpoints::endpoint::{Field, Shape};
use crate::http::input::Texts;

/// Whose values may be text.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) enum TextNames {
    /// Those of all fields that serde knows of.
    All,
    /// Only those that are named here: serde keeps all others before it knows their types, and text has none.
    Own(&'static [Field]),
    /// Those that are named here; and any other name, in a map of texts.
    OwnAndRest(&'static [Field]),
    /// None: the message is all of the body.
    Nothing,
}

impl TextNames {
    pub(in crate::http) fn of(shape: Shape, has_body: bool) -> Self {
        match shape {
            Shape::Opaque => TextNames::Nothing,
            Shape::Fields(fields) if fields.iter().all(|field| !field.is_flat) => TextNames::All,
            Shape::Fields(fields) if has_body => TextNames::Own(fields),
            Shape::Fields(fields) => TextNames::OwnAndRest(fields),
        }
    }

    /// Whether the field of that name has a type, in which its text is read.
    pub(super) fn is_typed(self, name: &str) -> bool {
        match self {
            TextNames::All => true,
            TextNames::Own(fields) | TextNames::OwnAndRest(fields) => has(fields, name),
            TextNames::Nothing => false,
        }
    }

    /// Checks that each text may stand where it stands.
    pub(super) fn check(self, texts: &Texts<'_>) -> Result<(), Error> {
        if matches!(self, TextNames::All | TextNames::OwnAndRest(_)) {
            return Ok(());
        }
        match texts.iter().find(|(name, _)| !self.is_typed(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::custom(format!(
                "unknown field `{name}` in path or query: it may stand in the body alone"
            ))),
        }
    }
}

fn has(fields: &[Field], name: &str) -> bool {
    let mut own = fields.iter().filter(|field| !field.is_flat);
    own.any(|field| field.name == name || field.aliases.contains(&name))
}
