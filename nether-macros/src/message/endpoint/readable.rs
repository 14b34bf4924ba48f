//! The rule for messages without a body: only the fields that the attribute sees are read from text.

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::endpoint::verb::Verb;
use crate::message::fields::{Opaque, Shape};
use crate::message::model::Model;

/// A GET has no body, so what it asks is a struct of named fields, or has none at all.
pub(crate) fn check(
    model: &Model,
    literal: &LitStr,
    verb: Verb,
    shape: &Shape,
    diagnostics: &Diagnostics,
) {
    let Shape::Opaque(why) = shape else { return };
    if model.kind == MessageKind::Event || verb.has_body() {
        return;
    }
    let ident = model.definition.ident();
    let (message, remedy) = match why {
        Opaque::Definition => {
            let what = model.definition.described();
            let message = format!(
                "a GET has no body, so its fields are read by name from path and query, but `{ident}` is {what}"
            );
            (
                message,
                format!("make it a struct with named fields, or `struct {ident};`"),
            )
        }
        Opaque::Setting(setting) => {
            let message = format!(
                "a GET has no body, so its fields are read by name from path and query, but `{ident}` is \
                 `#[serde({setting})]`"
            );
            (message, format!("remove `{setting}`, and write the fields"))
        }
    };
    let path = literal.value();
    let path = path.split_once(' ').map_or("/path", |(_, path)| path);
    let help = format!("{remedy}; or let it be read from a body: `http = \"POST {path}\"`");
    diagnostics.error(literal, message, help);
}
