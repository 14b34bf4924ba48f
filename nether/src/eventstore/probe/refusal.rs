//! [`Refusal`]: the error by which a type says what it would rather read.

use std::fmt::{self, Display};

use serde::de;

/// Why a type does not read what it was shown.
#[derive(Debug)]
pub(super) struct Refusal {
    message: String,
    pub(super) kind: Option<Wish>,
}

/// What can be done about it.
#[derive(Debug)]
pub(super) enum Wish {
    /// It wants a field, of that name.
    Field(String),
    /// It has had that field already, by another name.
    Once,
    /// It wants one of these names.
    OneOf(&'static [&'static str]),
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    fn wishing(message: String, wish: Wish) -> Self {
        let kind = Some(wish);
        Refusal { message, kind }
    }
}

impl de::Error for Refusal {
    fn custom<T: Display>(message: T) -> Self {
        Refusal {
            message: message.to_string(),
            kind: None,
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("unknown variant `{variant}`");
        Refusal::wishing(message, Wish::OneOf(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("missing field `{field}`");
        Refusal::wishing(message, Wish::Field(field.to_owned()))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Refusal::wishing(format!("duplicate field `{field}`"), Wish::Once)
    }
}
