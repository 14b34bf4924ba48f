//! `timeout`, `retry` and `backoff`: how long something of the user's may take, and how often it is tried
//! again. Modules, aggregates, projections and sagas have these keys in common.

use std::time::Duration;

use syn::{LitInt, LitStr};

use crate::diagnostics::Diagnostics;
use crate::durations;
use crate::keys::Key;

pub(crate) const TIMEOUT: Key = Key {
    name: "timeout",
    form: "timeout = \"2s\"",
};
pub(crate) const RETRY: Key = Key {
    name: "retry",
    form: "retry = 3",
};
pub(crate) const BACKOFF: Key = Key {
    name: "backoff",
    form: "backoff = \"100ms..5s\"",
};

/// The most retries: more are a mistake, or never end.
const MOST_RETRIES: u8 = 100;

/// The wait before the first retry, and the longest, if nothing else is said.
pub(crate) const DEFAULT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(5));

/// The duration of `timeout`.
pub(crate) fn check_timeout(timeout: &LitStr, diagnostics: &Diagnostics) -> Option<Duration> {
    let text = timeout.value();
    let read = durations::read(text.trim()).ok();
    let read = read.filter(|limit| !limit.is_zero());
    if read.is_none() {
        let message = format!("`timeout = \"{text}\"` is not a duration");
        let help = "write a number and its unit: `timeout = \"2s\"` (ms, s, m, h)";
        diagnostics.error(timeout, message, help);
    }
    read
}

/// The number of `retry`.
pub(crate) fn check_retry(retry: &LitInt, diagnostics: &Diagnostics) -> Option<u8> {
    let read = retry.base10_parse::<u8>().ok();
    let read = read.filter(|retries| *retries <= MOST_RETRIES);
    if read.is_none() {
        let message = format!("`retry = {retry}` is not a number of retries");
        let help =
            format!("write how many times it is tried again, at most {MOST_RETRIES}: `retry = 3`");
        diagnostics.error(retry, message, help);
    }
    read
}

/// `100ms..5s`.
pub(crate) fn check_backoff(
    backoff: &LitStr,
    diagnostics: &Diagnostics,
) -> Option<(Duration, Duration)> {
    let text = backoff.value();
    let read = || {
        let (first, longest) = text.split_once("..")?;
        let first = durations::read(first.trim()).ok()?;
        let longest = durations::read(longest.trim()).ok()?;
        Some((first, longest))
    };
    let Some((first, longest)) = read() else {
        let message = format!("`backoff = \"{text}\"` is not the first and the longest wait");
        let help = "write two durations with their units: `backoff = \"100ms..5s\"` (ms, s, m, h)";
        diagnostics.error(backoff, message, help);
        return None;
    };
    if first > longest {
        let message = format!("`backoff = \"{text}\"`: the first wait is longer than the longest");
        diagnostics.error(backoff, message, "write the shorter one first");
        return None;
    }
    Some((first, longest))
}

/// A `backoff` without a second attempt.
pub(crate) fn useless_backoff(backoff: &LitStr, diagnostics: &Diagnostics) {
    let message = "`backoff` is the wait between attempts, and there is only one";
    let help = "say how often it is tried again: `retry = 3`; or remove `backoff`";
    diagnostics.error(backoff, message, help);
}
