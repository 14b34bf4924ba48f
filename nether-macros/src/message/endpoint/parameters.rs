//! The rules for the parameters in a path: each is a field.

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::endpoint::path::RoutePath;
use crate::message::fields::{Field, Opaque, Shape};
use crate::message::model::Model;
use crate::suggest;

pub(crate) fn check(
    model: &Model,
    literal: &LitStr,
    path: &RoutePath,
    shape: &Shape,
    diagnostics: &Diagnostics,
) {
    let why = match shape {
        Shape::Fields(fields) if !model.definition.is_unit() => {
            for name in path.parameters() {
                check_field(model, literal, name, fields, diagnostics);
            }
            return;
        }
        Shape::Fields(_) => Opaque::Definition,
        Shape::Opaque(why) => *why,
    };
    let first = path.parameters().next();
    if let Some(name) = first {
        let (message, help) = no_fields(model, name, why);
        diagnostics.error(literal, message, help);
    }
}

/// What has no fields by name has no place for a parameter.
fn no_fields(model: &Model, name: &str, why: Opaque) -> (String, String) {
    let ident = model.definition.ident();
    match why {
        Opaque::Definition => {
            let what = model.definition.described();
            let message =
                format!("`{{{name}}}` in the path names a field, but `{ident}` is {what}");
            let help =
                format!("make it a struct with that field: `struct {ident} {{ {name}: .. }}`");
            (message, help)
        }
        Opaque::Setting(setting) => {
            let message = format!(
                "`{{{name}}}` in the path names a field, but `{ident}` is not read field by field: it is `#[serde({setting})]`"
            );
            let help = format!("remove the parameter, or `{setting}`");
            (message, help)
        }
    }
}

/// A parameter has the name of a field, as serde calls it.
fn check_field(
    model: &Model,
    literal: &LitStr,
    name: &str,
    fields: &[Field],
    diagnostics: &Diagnostics,
) {
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        let (message, help) = unknown(model, name, fields);
        return diagnostics.error(literal, message, help);
    };
    if field.is_flat {
        let message = format!(
            "`{{{name}}}` in the path names a flattened field: its own fields are read in its place"
        );
        let help = "name a field that is read by itself";
        diagnostics.error(literal, message, help);
    }
}

fn unknown(model: &Model, name: &str, fields: &[Field]) -> (String, String) {
    let ident = model.definition.ident();
    let plain = fields.iter().filter(|field| !field.is_flat);
    let names: Vec<&str> = plain.map(|field| field.name.as_str()).collect();
    let nearest = suggest::nearest(name, names.iter().copied());
    let guess = nearest.map_or(String::new(), |nearest| {
        format!(": did you mean `{{{nearest}}}`?")
    });
    let read = match model.kind {
        MessageKind::Event => "written with",
        MessageKind::Command | MessageKind::Query => "read from",
    };
    let message = format!("`{{{name}}}` in the path is no field that `{ident}` is {read}{guess}");
    let help = match names.as_slice() {
        [] => format!("add the field to `{ident}`, or remove the parameter"),
        names => format!("its fields are {}", suggest::listed(names.iter().copied())),
    };
    (message, help)
}
