//! The rules for how long handlers may take, how often they are tried, and what stands around them:
//! `timeout`, `retry`, `backoff` and `with`, of the module or of one handler (`#[handler(..)]`); and for
//! the module's `breaker`.

use std::time::Duration;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Attribute, LitStr, Meta, Type};

use crate::block::Function;
use crate::diagnostics::Diagnostics;
use crate::durations;
use crate::keys::{Grammar, Key, TypeList};
use crate::limits::{
    BACKOFF, DEFAULT_BACKOFF, RETRY, TIMEOUT, check_backoff, check_retry, check_timeout,
    useless_backoff,
};
use crate::module::args::{ModuleArgs, WITH};
use crate::module::model::{Breaker, Handler, Policy};
use crate::{lists, types};

const ALL: Key = Key {
    name: "all",
    form: "all",
};

const GRAMMAR: Grammar = Grammar {
    attribute: "handler",
    keys: &[TIMEOUT, RETRY, BACKOFF, WITH, ALL],
};

/// What a module or a handler says.
#[derive(Default)]
pub(crate) struct PolicyValues {
    timeout: Option<Duration>,
    retries: Option<u8>,
    backoff: Option<(Duration, Duration)>,
    with: Vec<Type>,
    /// `all`, as written.
    all: Option<Ident>,
}

/// The policy of one handler, and whether it is for all values.
#[derive(Default)]
pub(crate) struct HandlerPolicy {
    /// `None` if it is tried once, may take as long as it wants, and has no middleware.
    pub(crate) policy: Option<Policy>,
    /// `all`, as written: it is for all values of a module.
    pub(crate) all: Option<Ident>,
}

/// What the module says of all its handlers.
pub(crate) fn of_module(args: &ModuleArgs, diagnostics: &Diagnostics) -> PolicyValues {
    let timeout = args.timeout.as_ref();
    let (retry, backoff) = (args.retry.as_ref(), args.backoff.as_ref());
    PolicyValues {
        timeout: timeout.and_then(|timeout| check_timeout(timeout, diagnostics)),
        retries: retry.and_then(|retry| check_retry(retry, diagnostics)),
        backoff: backoff.and_then(|backoff| check_backoff(backoff, diagnostics)),
        with: check_with(args.with.as_ref(), diagnostics),
        all: None,
    }
}

/// The middleware of a list.
fn check_with(list: Option<&TypeList>, diagnostics: &Diagnostics) -> Vec<Type> {
    list.map_or_else(Vec::new, |list| {
        lists::check(WITH.name, &list.types, diagnostics)
    })
}

/// What a handler says of itself, and its module says of all.
pub(crate) fn of_handler(
    function: &Function,
    module: &PolicyValues,
    diagnostics: &Diagnostics,
) -> HandlerPolicy {
    let before = diagnostics.count();
    let own = mark(function).map_or_else(PolicyValues::default, |mark| {
        read(mark, module, diagnostics)
    });
    if diagnostics.count() > before {
        return HandlerPolicy::default();
    }
    let timeout = own.timeout.or(module.timeout);
    let retries = own.retries.or(module.retries).unwrap_or(0);
    let (first, longest) = own.backoff.or(module.backoff).unwrap_or(DEFAULT_BACKOFF);
    for again in &own.with {
        if module.with.iter().any(|outer| types::same(outer, again)) {
            let message = format!(
                "`{}` stands around this handler already: the module lists it",
                types::text(again)
            );
            diagnostics.error(again, message, "name it in one of the two lists");
            return HandlerPolicy::default();
        }
    }
    let with: Vec<Type> = module.with.iter().chain(&own.with).cloned().collect();
    let has_policy = timeout.is_some() || retries > 0 || !with.is_empty();
    HandlerPolicy {
        policy: has_policy.then_some(Policy {
            timeout,
            retries,
            first,
            longest,
            with,
        }),
        all: own.all,
    }
}

/// The mark `#[handler(..)]`.
pub(crate) fn mark(function: &Function) -> Option<&Attribute> {
    function.attributes.iter().find(|mark| is_mark(mark))
}

pub(crate) fn is_mark(attribute: &Attribute) -> bool {
    attribute.path().is_ident("handler")
}

fn read(mark: &Attribute, module: &PolicyValues, diagnostics: &Diagnostics) -> PolicyValues {
    let Meta::List(list) = &mark.meta else {
        diagnostics.error(
            mark,
            "`#[handler]` says nothing",
            "write how the message is handled, like `#[handler(timeout = \"2s\", retry = 3)]`, or remove it",
        );
        return PolicyValues::default();
    };
    let mut said = PolicyValues::default();
    let mut backoff = None;
    GRAMMAR.read(list.tokens.clone(), diagnostics, |key, input| {
        match key.to_string().as_str() {
            "timeout" => said.timeout = check_timeout(&input.parse()?, diagnostics),
            "retry" => said.retries = check_retry(&input.parse()?, diagnostics),
            "with" => {
                let list = TypeList::parse(key, input)?;
                said.with = check_with(Some(&list), diagnostics);
            }
            "all" => said.all = Some(key.clone()),
            _ => backoff = Some(input.parse::<LitStr>()?),
        }
        Ok(())
    });
    if let Some(backoff) = backoff {
        said.backoff = check_backoff(&backoff, diagnostics);
        if said.retries.or(module.retries).unwrap_or(0) == 0 {
            useless_backoff(&backoff, diagnostics);
        }
    }
    said
}

/// A wait between attempts needs two of them.
pub(crate) fn check_backoff_used(
    args: &ModuleArgs,
    handlers: &[Handler],
    diagnostics: &Diagnostics,
) {
    let Some(backoff) = &args.backoff else { return };
    let is_tried_again = |handler: &Handler| {
        let policy = handler.policy.as_ref();
        policy.is_some_and(|policy| policy.retries > 0) || !handler.is_sound
    };
    if args.retry.is_none() && !handlers.iter().any(is_tried_again) {
        useless_backoff(backoff, diagnostics);
    }
}

/// `5 in 10s, probe after 30s`.
pub(crate) fn check_breaker(breaker: &LitStr, diagnostics: &Diagnostics) -> Option<Breaker> {
    let text = breaker.value();
    let read = || {
        let (limit, probe) = text.split_once(',')?;
        let (failures, within) = limit.split_once(" in ")?;
        let probe = probe.trim().strip_prefix("probe after ")?;
        Some(Breaker {
            failures: failures.trim().parse().ok()?,
            within: durations::read(within.trim()).ok()?,
            probe_after: durations::read(probe.trim()).ok()?,
        })
    };
    let read = read().filter(|breaker| {
        breaker.failures > 0 && !breaker.within.is_zero() && !breaker.probe_after.is_zero()
    });
    if read.is_none() {
        let message = format!(
            "`breaker = \"{text}\"` does not say how many failures in how long are too many, and when to try again"
        );
        let help = "write `breaker = \"5 in 10s, probe after 30s\"` (ms, s, m, h)";
        diagnostics.error(breaker, message, help);
    }
    read
}

/// Only handlers are marked.
pub(crate) fn check_mark_of_other(function: &Function, diagnostics: &Diagnostics) {
    if let Some(mark) = mark(function) {
        let message = format!(
            "`{}` is marked `#[handler(..)]`, but handles nothing",
            function.signature.ident
        );
        let help = "a handler takes `self` and, first, a message that is in `handles`; remove the mark otherwise";
        diagnostics.error(mark.to_token_stream(), message, help);
    }
}
