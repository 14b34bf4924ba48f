//! The values of keys that the attributes of event sourcing have in common.

use std::time::Duration;

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{LitInt, LitStr};

use crate::diagnostics::Diagnostics;
use crate::{durations, suggest};

/// `name = ".."`; else the type's name in snake case.
pub(super) fn name(given: Option<&LitStr>, ty: &Ident, diagnostics: &Diagnostics) -> String {
    let Some(given) = given else {
        return suggest::snake_case(&ty.unraw().to_string());
    };
    let text = given.value();
    if text.is_empty() || text.contains(|letter: char| letter == '/' || letter.is_whitespace()) {
        let message = format!("`name = {text:?}` cannot be a name in the store");
        let help = "write a word without `/` and white space, like `name = \"account\"`";
        diagnostics.error(given, message, help);
    }
    text
}

/// A number that is at least `least`.
pub(super) fn number<N>(
    given: Option<&LitInt>,
    otherwise: N,
    least: N,
    what: &str,
    diagnostics: &Diagnostics,
) -> N
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
    N::Err: std::fmt::Display,
{
    let Some(given) = given else { return otherwise };
    match given.base10_parse::<N>() {
        Ok(number) if number >= least => number,
        _ => {
            let message = format!("`{given}` is not {what}");
            diagnostics.error(
                given,
                message,
                format!("write a number from {least} on, or leave it out"),
            );
            otherwise
        }
    }
}

/// A duration.
pub(super) fn duration(
    given: Option<&LitStr>,
    otherwise: Duration,
    diagnostics: &Diagnostics,
) -> Duration {
    let Some(given) = given else { return otherwise };
    durations::read(&given.value()).unwrap_or_else(|_| {
        let message = format!("{:?} is not a duration", given.value());
        let help = "write a number and its unit: `250ms`, `30s`, `5m`, `1h`";
        diagnostics.error(given, message, help);
        otherwise
    })
}
