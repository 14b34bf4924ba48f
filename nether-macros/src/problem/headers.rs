//! The rules for what a problem says in headers.

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::durations;

/// A challenge is the value of a header: its first word is a scheme, such as `Bearer`.
pub(crate) fn check_challenge(challenge: &LitStr, diagnostics: &Diagnostics) {
    let text = challenge.value();
    let is_visible = |letter: char| letter == ' ' || letter.is_ascii_graphic();
    let begins = text.starts_with(|letter: char| letter.is_ascii_graphic());
    if !begins || !text.chars().all(is_visible) {
        let message = format!("`www_authenticate` is a challenge, but {text:?} is none");
        let help = "write a scheme and its parameters: `www_authenticate = \"Bearer\"`";
        diagnostics.error(challenge, message, help);
    }
}

/// A time after which another try is worthwhile, in whole seconds.
pub(crate) fn check_retry_after(time: &LitStr, diagnostics: &Diagnostics) -> Option<u32> {
    let read = durations::read(&time.value()).ok();
    let seconds = read.and_then(|time| {
        let is_whole = time.subsec_millis() == 0;
        is_whole.then(|| u32::try_from(time.as_secs()).ok())?
    });
    if seconds.is_none() {
        let message = format!(
            "`retry_after = {:?}` is not a time in whole seconds",
            time.value()
        );
        diagnostics.error(time, message, "write it like `retry_after = \"30s\"`");
    }
    seconds
}
