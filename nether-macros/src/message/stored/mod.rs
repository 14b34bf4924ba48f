//! `version`, `upcast` and `becomes`: the rules for how an event is stored. Its code is in `expand.rs`.

mod buffered;
mod expand;

pub(crate) use self::expand::{expand, listed};

use syn::Path;

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::model::Model;
use crate::{features, types};

/// How an event is stored.
pub(crate) struct Stored {
    version: u32,
    /// The step from each version to the next, from the first one on.
    steps: Vec<Path>,
    /// The function that makes of a stored one the events that have taken its place, if it is retired.
    becomes: Option<Path>,
}

/// Which version it is, and whether all older ones can be read.
pub(super) fn check(model: &Model, diagnostics: &Diagnostics) -> Option<Stored> {
    let args = &model.args;
    let first = ["version", "upcast", "becomes"]
        .iter()
        .find_map(|key| args.seen.written(key));
    if !features::EVENTSTORE {
        if let Some(key) = first {
            let message = format!("`{key}` needs the feature `eventstore` of `nether`");
            diagnostics.error(key, message, features::ENABLE_EVENTSTORE);
        }
        return None;
    }
    if model.kind != MessageKind::Event {
        return None;
    }
    if let (true, Some(key)) = (args.is_local, first) {
        let message = format!("a `local` event is never stored, so it has no `{key}`");
        diagnostics.error(key, message, format!("remove `{key}`, or remove `local`"));
    }
    let version = match &args.version {
        None => 1,
        Some(given) => given
            .base10_parse()
            .ok()
            .filter(|version| *version > 0)
            .unwrap_or_else(|| {
                let message = format!("`version = {given}` is not a version");
                diagnostics.error(given, message, "write a number from 1 on");
                0
            }),
    };
    let steps = args.upcast.clone().unwrap_or_default();
    // An `upcast` that cannot be read has its error.
    let is_read = args.upcast.is_some() || args.seen.written("upcast").is_none();
    if version > 0 && is_read && !args.is_local {
        check_steps(model, version, &steps, diagnostics);
    }
    if let (false, Some(becomes), None) = (args.is_local, &args.becomes, &args.name) {
        let message = "an event with `becomes` is found in stores by its name, but has none of its own, so that nothing \
             would read what is stored when its type moves";
        let help = "write `name = \"..\"`: the name in the stores, which is the path of the type so far if it had no name";
        diagnostics.error(becomes, message, help);
    }
    if !args.is_local {
        buffered::check(&model.definition, diagnostics);
    }
    (!args.is_local).then(|| Stored {
        version,
        steps,
        becomes: args.becomes.clone(),
    })
}

/// There is a step from each version to the next.
fn check_steps(model: &Model, version: u32, steps: &[Path], diagnostics: &Diagnostics) {
    let args = &model.args;
    let needed = version as usize - 1;
    if steps.len() < needed {
        let place = args.seen.written("upcast").or(args.seen.written("version"));
        let missing = steps.len() + 1;
        let ident = model.definition.ident();
        let message = format!(
            "the step from version {missing} of `{ident}` to version {} is missing",
            missing + 1
        );
        let functions: Vec<_> = (1..=needed)
            .map(|version| format!("from_v{version}"))
            .collect();
        let help = format!(
            "write a function for each: `upcast = [{}]`, the first from what version 1 was, the last to `{ident}`",
            functions.join(", ")
        );
        diagnostics.error(place, message, help);
    } else if let (Some(key), None) = (args.seen.written("upcast"), &args.version) {
        let message =
            "`upcast` says how older versions are read, but nothing says which version this is";
        let help = format!("write `version = {}`", steps.len() + 1);
        diagnostics.error(key, message, help);
    } else if let Some(extra) = steps.get(needed) {
        let message = format!(
            "`{}` leads to version {}, but `{}` is in version {version}",
            types::text(extra),
            needed + 2,
            model.definition.ident(),
        );
        let help = format!("remove it, or write `version = {}`", steps.len() + 1);
        diagnostics.error(extra, message, help);
    }
}
