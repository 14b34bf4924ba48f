//! [`Unread`]: the error by which a type says what it would rather read.

use std::fmt::{self, Display};

use serde::de;

/// Why a type does not read what it was shown.
#[derive(Debug)]
pub(super) struct Unread {
    message: String,
    pub(super) kind: Option<Wish>,
}

/// The value that was read, or why there is none.
pub(super) type Probed<T> = Result<T, Unread>;

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

impl Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unread {}

impl Unread {
    fn wishing(message: String, wish: Wish) -> Self {
        let kind = Some(wish);
        Unread { message, kind }
    }
}

impl de::Error for Unread {
    fn custom<T: Display>(message: T) -> Self {
        Unread {
            message: message.to_string(),
            kind: None,
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("unknown variant `{variant}`");
        Unread::wishing(message, Wish::OneOf(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("missing field `{field}`");
        Unread::wishing(message, Wish::Field(field.to_owned()))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Unread::wishing(format!("duplicate field `{field}`"), Wish::Once)
    }
}
