//! [`Error`]: any error, boxed; the error of handlers that name no type of their own.

use std::error::Error as StdError;
use std::fmt;

/// The result of `main`, hooks, and handlers that name no error of their own.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error, boxed. Every [`std::error::Error`] converts into it, so `?` works on all of them.
///
/// It does not implement [`std::error::Error`] itself (that would forbid the conversion, as in `anyhow`);
/// [`Error::as_std`] gives the error inside.
///
/// ```
/// fn parse(text: &str) -> nether::Result<u8> {
///     Ok(text.parse::<u8>()?)
/// }
/// assert_eq!(parse("7").unwrap(), 7);
/// assert!(parse("x").unwrap_err().is::<std::num::ParseIntError>());
/// ```
///
/// Another crate's box of errors, like `anyhow::Error`, is no `std::error::Error` either, so `?` does not
/// take it: `.map_err(nether::Error::boxed)?` does.
pub struct Error(Box<dyn StdError + Send + Sync>);

impl Error {
    /// An error that says `text` and nothing more.
    pub fn msg(text: impl fmt::Display) -> Self {
        Error(text.to_string().into())
    }

    /// An error that is boxed already, or can be: `.map_err(nether::Error::boxed)?` for an `anyhow::Error`.
    pub fn boxed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error(error.into())
    }

    /// The error inside.
    pub fn as_std(&self) -> &(dyn StdError + 'static) {
        &*self.0
    }

    /// Whether the error inside is an `E`.
    pub fn is<E: StdError + 'static>(&self) -> bool {
        self.0.is::<E>()
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error inside and what caused it, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(Some(self.as_std()), |&error| error.source())
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Error(Box::new(error))
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The whole chain, a line each: what a program prints when `main` fails.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        for cause in self.chain().skip(1) {
            write!(f, "\n  caused by: {cause}")?;
        }
        Ok(())
    }
}

/// A type that a message may name as its `error`: every [`std::error::Error`] that can cross threads, and
/// [`Error`] itself. Do not implement it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a message",
    label = "this type is not an error",
    note = "leave `error = ..` out for `nether::Error`, which `?` makes of every `std::error::Error`, and `nether::Error::msg(..)` of a text",
    note = "or implement `std::error::Error` for `{Self}` (and `Send + Sync`), if it is yours; a type around `anyhow::Error` will do: \
            `#[derive(Debug, thiserror::Error)] #[error(transparent)] pub struct Failed(#[from] anyhow::Error);`"
)]
pub trait HandlerError: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The error as the standard library knows it.
    fn as_std(&self) -> &(dyn StdError + 'static);

    /// The error, boxed.
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: StdError + Send + Sync + 'static> HandlerError for E {
    fn as_std(&self) -> &(dyn StdError + 'static) {
        self
    }

    fn into_error(self) -> Error {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl HandlerError for Error {
    fn as_std(&self) -> &(dyn StdError + 'static) {
        Error::as_std(self)
    }

    fn into_error(self) -> Error {
        self
    }
}
