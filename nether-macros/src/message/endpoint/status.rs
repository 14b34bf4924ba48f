//! The rules for `status`: what an endpoint answers with when all went well.

use syn::{LitInt, Type};

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::endpoint::verb;
use crate::message::model::Model;
use crate::types;

const HELP: &str = "write a status of success, or remove `status`: it is 201 for what a `POST` replies, else 200, and 204 without a reply";

/// What `status = ..` says, if that makes sense.
pub(crate) fn check(model: &Model, diagnostics: &Diagnostics) -> Option<u16> {
    let status = model.args.status.as_ref()?;
    let before = diagnostics.count();
    check_place(model, status, diagnostics);
    if diagnostics.count() > before {
        return None;
    }
    let number = check_success(status, diagnostics)?;
    check_content(model, status, number, diagnostics);
    Some(number)
}

/// Only an answer to a request has a status of its own.
fn check_place(model: &Model, status: &LitInt, diagnostics: &Diagnostics) {
    let ident = model.definition.ident();
    if model.kind == MessageKind::Event {
        let message = format!("the event `{ident}` cannot have `status`: a stream is always a 200");
        diagnostics.error(status, message, "remove `status`");
    } else if !model.args.seen.has("http") {
        let message = format!("`status` is what an endpoint answers with, but `{ident}` is none");
        let usual = verb::usual(model.kind);
        let help = format!("add `http = \"{usual} /path\"`, or remove `status`");
        diagnostics.error(status, message, help);
    }
}

/// The statuses of success are those from 200 to 299. Failures have theirs from the error.
fn check_success(status: &LitInt, diagnostics: &Diagnostics) -> Option<u16> {
    let number = status.base10_parse::<u16>().ok();
    let number = number.filter(|number| (200..=299).contains(number));
    if number.is_none() {
        let message = format!("`status = {status}` is not a status of success, from 200 to 299");
        let help = "an error says its own: `#[derive(Problem)]`";
        diagnostics.error(status, message, help);
    }
    number
}

/// With 204 and 205 there is no content (RFC 9110, 15.3.5 and 15.3.6).
fn check_content(model: &Model, status: &LitInt, number: u16, diagnostics: &Diagnostics) {
    let Some(reply) = &model.args.reply else {
        return;
    };
    if has_no_content(number) && types::text(reply) != "()" && !may_be_an_alias(reply) {
        diagnostics.error(status, content(number, reply), HELP);
    }
}

pub(super) fn has_no_content(status: u16) -> bool {
    status == 204 || status == 205
}

/// The error about a reply to a status that allows no content.
pub(super) fn content(status: u16, reply: &Type) -> String {
    let reply = types::text(reply);
    format!("an answer with `status = {status}` has no content, but the reply is `{reply}`")
}

/// Whether the type is written as one that a user has named, which may be `()`: then the compiler knows.
fn may_be_an_alias(ty: &Type) -> bool {
    types::last_segment(ty).is_some_and(|segment| {
        let name = segment.ident.to_string();
        name.starts_with(char::is_uppercase) && name != "String" && segment.arguments.is_none()
    })
}
