//! `http = ".."`: the message as an endpoint.
//!
//! Grammar: `http = "VERB /path"`, where a segment of the path is literal or a parameter, `{field}`.

mod expand;
mod parameters;
mod path;
mod readable;
mod status;
mod unique;
mod verb;

pub(crate) use self::expand::{descriptor, expand};

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::features;
use crate::message::MessageKind;
use crate::message::endpoint::path::RoutePath;
use crate::message::endpoint::verb::Verb;
use crate::message::fields::Shape;
use crate::message::model::Model;

/// An endpoint that makes sense.
pub(crate) struct Endpoint {
    /// As written, to point at.
    literal: LitStr,
    verb: Verb,
    path: RoutePath,
    status: Option<u16>,
    shape: Shape,
}

/// The endpoint; none if the message is none, or if something is wrong about it.
pub(crate) fn check(model: &Model, diagnostics: &Diagnostics) -> Option<Endpoint> {
    let before = diagnostics.count();
    let status = status::check(model, diagnostics);
    check_feature(model, diagnostics)?;
    let literal = model.args.http.as_ref()?;
    check_local(model, literal, diagnostics);
    let (verb, path) = split(model, literal, diagnostics)?;
    let verb = verb::check(model, literal, (&verb, &path), diagnostics);
    let path = path::check(&path, literal, diagnostics);
    // Requests are read; of events it counts how they are written.
    let shape = match model.kind {
        MessageKind::Event => Shape::written(&model.definition),
        MessageKind::Command | MessageKind::Query => Shape::of(&model.definition),
    };
    if let Some(path) = &path {
        parameters::check(model, literal, path, &shape, diagnostics);
    }
    if let Some(verb) = verb {
        readable::check(model, literal, verb, &shape, diagnostics);
    }
    let endpoint = Endpoint {
        literal: literal.clone(),
        verb: verb?,
        path: path?,
        status,
        shape,
    };
    (diagnostics.count() == before).then_some(endpoint)
}

/// Without a web server nothing can be an endpoint.
fn check_feature(model: &Model, diagnostics: &Diagnostics) -> Option<()> {
    if features::HTTP {
        return Some(());
    }
    if let Some(key) = model.args.seen.written("http") {
        let message = "`http` needs the feature `http` of `nether`";
        diagnostics.error(key, message, features::ENABLE_HTTP);
    }
    None
}

/// A message that stays in this process is not read from a request.
fn check_local(model: &Model, literal: &LitStr, diagnostics: &Diagnostics) {
    if !model.args.is_local {
        return;
    }
    let ident = model.definition.ident();
    let message = format!("`{ident}` is `local`, so it cannot be read from a request");
    let help = "remove `local`, or `http`";
    match model.args.seen.written("local") {
        Some(local) => diagnostics.error(local, message, help),
        None => diagnostics.error(literal, message, help),
    }
}

/// A verb and a path, with one space between.
fn split(model: &Model, literal: &LitStr, diagnostics: &Diagnostics) -> Option<(String, String)> {
    let text = literal.value();
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [verb, path] = words.as_slice()
        && text == format!("{verb} {path}")
    {
        return Some(((*verb).to_owned(), (*path).to_owned()));
    }
    let meant = match words.as_slice() {
        [path] if path.starts_with('/') => format!("{} {path}", verb::usual(model.kind)),
        [verb, path] => format!("{verb} {path}"),
        _ => example(model.kind).to_owned(),
    };
    let message = format!("`http = {text:?}` is not a verb and a path with one space between");
    diagnostics.error(
        literal,
        message,
        format!("write it like `http = {meant:?}`"),
    );
    None
}

fn example(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Command => "POST /orders",
        MessageKind::Query => "GET /orders/{order_id}",
        MessageKind::Event => "SSE /orders/events",
    }
}
