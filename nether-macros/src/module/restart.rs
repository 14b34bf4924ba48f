//! The rules for what becomes of a module that crashes: `restart`, `max_restarts`, `essential`.

use std::time::Duration;

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::durations;
use crate::module::args::ModuleArgs;
use crate::module::model::Restart;

/// The most crashes, and within how long, that a module may have: near what Erlang/OTP allows.
const MAX_RESTARTS: (u32, Duration) = (5, Duration::from_secs(30));

pub(crate) fn check(args: &ModuleArgs, is_exclusive: bool, diagnostics: &Diagnostics) -> Restart {
    let rule = check_rule(args, is_exclusive, diagnostics);
    let limit = args.max_restarts.as_ref();
    if let (Some(limit), Some(rule)) = (limit, &args.restart)
        && rule.value() != "always"
    {
        let message = format!(
            "`max_restarts` limits how often a module is made anew, and with `restart = \"{}\"` it never is",
            rule.value()
        );
        let help = "remove one of the two";
        diagnostics.error(limit, message, help);
    } else if let (Some(limit), true) = (limit, args.is_manual) {
        diagnostics.error(
            limit,
            "`max_restarts` limits how often a module is restarted, and a `manual` one never is",
            "remove it: the caller of `attach` makes the value, and the framework cannot make another",
        );
    }
    let (max_restarts, within) = limit
        .and_then(|limit| check_limit(limit, diagnostics))
        .unwrap_or(MAX_RESTARTS);
    Restart {
        rule,
        max_restarts,
        within,
        is_essential: args.is_essential,
    }
}

fn check_rule(args: &ModuleArgs, is_exclusive: bool, diagnostics: &Diagnostics) -> &'static str {
    let Some(written) = &args.restart else {
        return match (is_exclusive, args.is_manual) {
            (false, _) => "Contain",
            (true, true) => "Never",
            (true, false) => "Always",
        };
    };
    match written.value().as_str() {
        "always" if args.is_manual => {
            let message = "the caller of `attach` makes the value of a `manual` module, and the framework cannot make another";
            let help = "write `restart = \"never\"` instead, or `restart = \"resume\"` if its state is sound after any panic; \
                        or remove `manual` and let the framework make the module";
            diagnostics.error(written, message, help);
            "Never"
        }
        "always" => "Always",
        "never" => "Never",
        "resume" => "Resume",
        other => {
            let message =
                format!("`restart = \"{other}\"` is none of \"always\", \"never\", \"resume\"");
            let help = "\"always\": made anew by its `#[init]` or `Default`; \"never\": stopped; \"resume\": goes on with the \
                        state that the crash left";
            diagnostics.error(written, message, help);
            "Always"
        }
    }
}

/// `5 in 30s`.
fn check_limit(limit: &LitStr, diagnostics: &Diagnostics) -> Option<(u32, Duration)> {
    let text = limit.value();
    let read = || {
        let (count, within) = text.split_once(" in ")?;
        let within = durations::read(within.trim()).ok()?;
        Some((count.trim().parse().ok()?, within))
    };
    let read = read().filter(|(_, within)| !within.is_zero());
    if read.is_none() {
        let message =
            format!("`max_restarts = \"{text}\"` does not say how many restarts in how long");
        let help = "write a number and a duration with its unit: `max_restarts = \"5 in 30s\"` (ms, s, m, h)";
        diagnostics.error(limit, message, help);
    }
    read
}
