//! [`Diagnostics`]: collects every mistake of one item, so that they are reported together.

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;
use syn::Error;

/// The mistakes found so far. Made first, handed to every stage by reference, and
/// [checked](Diagnostics::check) once before expansion; dropped unchecked it panics, since a forgotten check
/// would swallow errors.
pub(crate) struct Diagnostics {
    /// `None` once checked.
    errors: RefCell<Option<Vec<Error>>>,
}

impl Diagnostics {
    pub(crate) fn new() -> Self {
        Diagnostics {
            errors: RefCell::new(Some(Vec::new())),
        }
    }

    /// Records a mistake: what is wrong, underlining `tokens`, and how to repair it.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display, help: impl Display) {
        self.push(Error::new_spanned(tokens, text(message, help)));
    }

    /// As [`error`](Diagnostics::error), for what has a place but no tokens.
    pub(crate) fn error_at(&self, span: Span, message: impl Display, help: impl Display) {
        self.push(Error::new(span, text(message, help)));
    }

    /// Records a mistake that the parser worded.
    pub(crate) fn push(&self, error: Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// How many mistakes there are: a stage compares before and after to know whether its own piece is sound.
    pub(crate) fn count(&self) -> usize {
        self.errors.borrow().as_ref().map_or(0, Vec::len)
    }

    /// All mistakes as one error, in the order found.
    pub(crate) fn check(self) -> Result<(), Error> {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        let combined = errors.into_iter().reduce(|mut all, next| {
            all.combine(next);
            all
        });
        combined.map_or(Ok(()), Err)
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        if self.errors.borrow().is_some() && !std::thread::panicking() {
            panic!("forgot to check for errors");
        }
    }
}

fn text(message: impl Display, help: impl Display) -> String {
    format!("{message}\nhelp: {help}")
}
