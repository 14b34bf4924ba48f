//! The values of keys that the attributes of event sourcing have in common.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Result};

use crate::diagnostics::Diagnostics;
use crate::limits::{self, DEFAULT_BACKOFF};
use crate::paths::Paths;
use crate::{durations, spans, suggest};

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

/// `timeout`, `retry` and `backoff`, as written.
#[derive(Default)]
pub(super) struct PolicyArgs {
    pub(super) timeout: Option<LitStr>,
    pub(super) retry: Option<LitInt>,
    pub(super) backoff: Option<LitStr>,
}

impl PolicyArgs {
    /// Reads one of the three; returns whether the key is one of them.
    pub(super) fn read(&mut self, key: &str, input: ParseStream<'_>) -> Result<bool> {
        match key {
            "timeout" => self.timeout = Some(input.parse()?),
            "retry" => self.retry = Some(input.parse()?),
            "backoff" => self.backoff = Some(input.parse()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What they say; `retries` is what `retry` is if it is left out.
    pub(super) fn check(&self, retries: u8, diagnostics: &Diagnostics) -> HandlingPolicy {
        let (timeout, retry) = (self.timeout.as_ref(), self.retry.as_ref());
        let timeout = timeout.and_then(|it| limits::check_timeout(it, diagnostics));
        let retries = retry.map_or(Some(retries), |it| limits::check_retry(it, diagnostics));
        let backoff = self.backoff.as_ref();
        let read = backoff.and_then(|it| limits::check_backoff(it, diagnostics));
        if let (Some(backoff), Some(0)) = (backoff, retries) {
            limits::useless_backoff(backoff, diagnostics);
        }
        let (first, longest) = read.unwrap_or(DEFAULT_BACKOFF);
        HandlingPolicy {
            timeout,
            retries: retries.unwrap_or(0),
            first,
            longest,
        }
    }
}

/// How long something may take, and how often it is tried again.
pub(super) struct HandlingPolicy {
    timeout: Option<Duration>,
    pub(super) retries: u8,
    first: Duration,
    longest: Duration,
}

impl HandlingPolicy {
    pub(super) fn expand(&self, paths: &Paths) -> TokenStream {
        let p = paths.private();
        let millis = |duration: Duration| {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            quote!(#p::Duration::from_millis(#millis))
        };
        let timeout = match self.timeout.map(millis) {
            Some(limit) => quote!(#p::Option::Some(#limit)),
            None => quote!(#p::Option::None),
        };
        let (first, longest) = (millis(self.first), millis(self.longest));
        let retries = self.retries;
        quote_spanned! {spans::attribute()=>
            #p::eventstore::HandlingPolicy {
                timeout: #timeout,
                retries: #retries,
                backoff: #p::Backoff { first: #first, longest: #longest },
            }
        }
    }
}
