//! `#[timeout(..)]` of sagas.

use std::time::Duration;

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Attribute, LitStr, Result, Token, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::lists::{self, Match};
use crate::signature::{arguments, check_plain, output};
use crate::sourcing::methods::is_step;
use crate::sourcing::saga::model::Timeout;
use crate::sourcing::settings;
use crate::types;

/// Whether the method is one.
pub(super) fn is_timeout(function: &Function) -> bool {
    function.attributes.iter().any(is_mark)
}

fn is_mark(attribute: &Attribute) -> bool {
    attribute.path().is_ident("timeout")
}

/// The block's time-outs.
pub(super) fn find(block: &Block, handles: &[Type], diagnostics: &Diagnostics) -> Vec<Timeout> {
    let mut timeouts = Vec::new();
    for member in &block.members {
        let Member::Method(function) = member else {
            continue;
        };
        if let Some(mark) = function.attributes.iter().find(|it| is_mark(it)) {
            timeouts.extend(read(function, mark, handles, diagnostics));
        }
    }
    timeouts
}

/// Takes the marks off, which only this macro understands.
pub(in crate::sourcing) fn unmark(block: &mut Block) {
    for member in &mut block.members {
        if let Member::Method(function) = member {
            function.attributes.retain(|attribute| !is_mark(attribute));
        }
    }
}

/// What the mark says.
struct TimeoutValues {
    after: LitStr,
    since: Option<Type>,
}

/// `"30m"`, or `after = "30m", since = Event`.
fn said(input: ParseStream<'_>) -> Result<TimeoutValues> {
    if input.peek(LitStr) {
        let after = input.parse()?;
        return Ok(TimeoutValues { after, since: None });
    }
    let (mut after, mut since) = (None, None);
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        match key.to_string().as_str() {
            "after" => after = Some(input.parse()?),
            "since" => since = Some(input.parse()?),
            _ => return Err(syn::Error::new_spanned(key, "unknown")),
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    let after = after.ok_or_else(|| input.error("no `after`"))?;
    Ok(TimeoutValues { after, since })
}

fn read(
    function: &Function,
    mark: &Attribute,
    handles: &[Type],
    diagnostics: &Diagnostics,
) -> Option<Timeout> {
    let signature = &function.signature;
    check_plain("the method", signature, diagnostics);
    let Ok(said) = mark.parse_args_with(said) else {
        let message = "`#[timeout(..)]` is not written like this";
        let help = "write `#[timeout(\"30m\")]`, or `#[timeout(after = \"30m\", since = Event)]`";
        diagnostics.error(mark, message, help);
        return None;
    };
    let after = settings::duration(Some(&said.after), Duration::ZERO, diagnostics);
    let since = said
        .since
        .and_then(|since| check_since(since, handles, diagnostics));
    let name = &signature.ident;
    if signature.receiver().is_none() {
        let message = format!("`{name}` is run on the saga, but takes no `self`");
        diagnostics.error(name, message, "take `&mut self`");
    }
    let arguments = arguments(signature);
    if let Some(other) = arguments.iter().find(|argument| !is_step(argument)) {
        let message = format!("`{name}` takes something besides the step");
        let help = format!(
            "write `fn {name}(&mut self, step: &mut Step<Self>)`; keep all else in the saga"
        );
        diagnostics.error(other, message, help);
    }
    Some(Timeout {
        method: name.clone(),
        is_async: signature.asyncness.is_some(),
        takes_step: !arguments.is_empty(),
        after,
        since,
        output: output(signature),
    })
}

/// It counts from an event that the saga handles.
fn check_since(since: Type, handles: &[Type], diagnostics: &Diagnostics) -> Option<Type> {
    if let Match::One(_) = lists::find(handles, &since) {
        return Some(since);
    }
    let written = types::text(&since);
    let message = format!("`{written}` in `since` is not in `handles`");
    let help = format!("list it: `handles = [.., {written}]`");
    diagnostics.error(since, message, help);
    None
}
