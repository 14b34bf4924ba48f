//! The rules for `seed`, `seeds` and `crashes`.

use std::ops::Range;

use quote::quote;
use syn::LitInt;

use crate::diagnostics::Diagnostics;
use crate::entry::args::EntryArgs;

/// From which seeds a test draws the order of modules, and whether they crash.
pub(crate) struct Seeds {
    pub(crate) range: Range<u64>,
    pub(crate) crashes: bool,
}

pub(crate) fn check(
    args: &EntryArgs,
    is_current_thread: bool,
    diagnostics: &Diagnostics,
) -> Option<Seeds> {
    let key = args.seen.written("seeds").or(args.seen.written("seed"));
    let crashes = args.crashes.as_ref().filter(|crashes| crashes.value);
    let Some(key) = key else {
        if let Some(crashes) = crashes {
            let message = "`crashes` are drawn from a seed, and there is none";
            let help = "say which: `seed = 7`, or `seeds = 0..100` for a run with each";
            diagnostics.error(crashes, message, help);
        }
        return None;
    };
    if let (Some(seed), Some(_)) = (&args.seed, &args.seeds) {
        let message = "`seed` and `seeds` say the same";
        diagnostics.error(seed, message, "keep one: `seed` for a single run");
    }
    if !is_current_thread {
        let message = "with several threads it is not the seed that says which module runs next";
        let help = "remove it, or `flavor = \"multi_thread\"` and `worker_threads`";
        diagnostics.error(key, message, help);
    }
    let range = match (&args.seed, &args.seeds) {
        (Some(seed), _) => {
            let seed = number(seed, diagnostics)?;
            seed..seed.checked_add(1)?
        }
        (None, Some((first, end))) => {
            let range = number(first, diagnostics)?..number(end, diagnostics)?;
            if range.is_empty() {
                let message = format!("`seeds = {first}..{end}` is no seed at all");
                let help = "write the first, and one more than the last: `seeds = 0..100`";
                diagnostics.error(quote!(#first..#end), message, help);
            }
            range
        }
        (None, None) => return None,
    };
    Some(Seeds {
        range,
        crashes: crashes.is_some(),
    })
}

fn number(seed: &LitInt, diagnostics: &Diagnostics) -> Option<u64> {
    let number = seed.base10_parse().ok();
    if number.is_none() {
        let message = format!("`{seed}` is not a seed");
        let help = "a seed is a whole number that fits in 64 bits: `seed = 7`";
        diagnostics.error(seed, message, help);
    }
    number
}
