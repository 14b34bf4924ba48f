//! The rule that a message owns its data, and so do its reply and its error, which are concrete types.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    GenericArgument, Lifetime, PathArguments, Type, TypeParamBound, TypeTraitObject,
    parse_quote_spanned,
};

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::model::{Definition, Model};
use crate::spans::Extent;
use crate::types;

/// Checks the fields, the reply and the error. Replaces borrowed types by owned ones, so that later checks
/// report their own mistakes now and not after this one is repaired.
pub(crate) fn check(model: &mut Model, diagnostics: &Diagnostics) {
    if !model.definition.generics().params.is_empty() {
        return;
    }
    let (word, ident) = (model.kind.word(), model.definition.ident().to_string());
    for ty in field_types(&mut model.definition) {
        for borrowed in own(ty) {
            let written = types::text(&borrowed.tokens);
            let message =
                format!("the {word} `{ident}` cannot hold `{written}`: a message owns its data");
            diagnostics.error(&borrowed.tokens, message, borrowed.help);
        }
    }
    if model.kind == MessageKind::Event {
        return;
    }
    let (reply, error) = (&mut model.args.reply, &mut model.args.error);
    for (what, ty) in [("reply", reply), ("error", error)] {
        if let Some(ty) = ty {
            check_concrete(ty, (what, &ident), diagnostics);
        }
        for borrowed in ty.iter_mut().flat_map(own) {
            let written = types::text(&borrowed.tokens);
            let message = format!(
                "the {what} of `{ident}` cannot be `{written}`: it is given to the caller, who owns it"
            );
            diagnostics.error(&borrowed.tokens, message, borrowed.help);
        }
    }
}

/// Checks that a value can have the type. Replaces it by one of which there are values.
fn check_concrete(ty: &mut Type, (what, ident): (&str, &str), diagnostics: &Diagnostics) {
    let tokens = ty.to_token_stream();
    let end = Extent::of(&tokens).end;
    let sized = match types::ungrouped(ty) {
        Type::ImplTrait(_) => parse_quote_spanned!(end=> ()),
        slice @ Type::Slice(_) => owned(slice, end),
        Type::TraitObject(object) if is_send(object) => {
            parse_quote_spanned!(end=> ::std::boxed::Box<#object>)
        }
        Type::TraitObject(object) => {
            parse_quote_spanned!(end=> ::std::boxed::Box<#object + ::std::marker::Send>)
        }
        ty if types::text(ty) == "str" => owned(ty, end),
        _ => return,
    };
    let written = types::text(ty);
    let (reason, help) = match types::ungrouped(ty) {
        Type::ImplTrait(of) => {
            let bounds = types::text(&of.bounds);
            let reason = "a message declares one concrete type";
            (
                reason,
                format!("name the type, or write `Box<dyn {bounds} + Send>`"),
            )
        }
        _ => {
            let reason = "its size is not known while compiling";
            (reason, format!("write `{}`", shown(&sized)))
        }
    };
    let message = format!("the {what} of `{ident}` cannot be `{written}`: {reason}");
    diagnostics.error(&tokens, message, help);
    *ty = sized;
}

/// Whether `Send` is among the bounds.
fn is_send(object: &TypeTraitObject) -> bool {
    object.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(of) => {
            let last = of.path.segments.last();
            last.is_some_and(|segment| segment.ident == "Send")
        }
        _ => false,
    })
}

/// A borrowed type as the user wrote it.
struct Borrowed {
    tokens: TokenStream,
    help: String,
}

fn field_types(definition: &mut Definition) -> Vec<&mut Type> {
    match definition {
        Definition::Struct(item) => item.fields.iter_mut().map(|field| &mut field.ty).collect(),
        Definition::Enum(item) => {
            let fields = item.variants.iter_mut().flat_map(|it| it.fields.iter_mut());
            fields.map(|field| &mut field.ty).collect()
        }
    }
}

/// Finds what is borrowed in a type, also inside of other types, and changes it.
fn own(ty: &mut Type) -> Vec<Borrowed> {
    match ty {
        Type::Reference(reference) if is_static(reference.lifetime.as_ref()) => {
            own(&mut reference.elem)
        }
        Type::Reference(reference) => {
            let tokens = reference.to_token_stream();
            *ty = owned(types::ungrouped(&reference.elem), Extent::of(&tokens).end);
            let help = format!("write `{}`", shown(ty));
            own(ty);
            vec![Borrowed { tokens, help }]
        }
        Type::Path(path) => {
            let segments = path.path.segments.iter_mut();
            segments
                .flat_map(|it| own_arguments(&mut it.arguments))
                .collect()
        }
        Type::Tuple(tuple) => tuple.elems.iter_mut().flat_map(own).collect(),
        Type::Array(array) => own(&mut array.elem),
        Type::Slice(slice) => own(&mut slice.elem),
        Type::Paren(paren) => own(&mut paren.elem),
        Type::Group(group) => own(&mut group.elem),
        _ => Vec::new(),
    }
}

fn own_arguments(arguments: &mut PathArguments) -> Vec<Borrowed> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for argument in &mut arguments.args {
        match argument {
            GenericArgument::Type(ty) => found.extend(own(ty)),
            GenericArgument::Lifetime(lifetime) if !is_static(Some(lifetime)) => {
                found.push(Borrowed {
                    tokens: lifetime.to_token_stream(),
                    help: "write `'static`, or a type that owns its data".to_owned(),
                });
                *lifetime = for_ever();
            }
            _ => {}
        }
    }
    found
}

/// What owns the same.
fn owned(borrowed: &Type, place: Span) -> Type {
    match borrowed {
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote_spanned!(place=> ::std::vec::Vec<#item>)
        }
        Type::TraitObject(object) => parse_quote_spanned!(place=> ::std::boxed::Box<#object>),
        other => owner_in_std(other, place).unwrap_or_else(|| other.clone()),
    }
}

/// What owns a type of `std` that is there only behind a reference; none if its path leads elsewhere.
fn owner_in_std(ty: &Type, place: Span) -> Option<Type> {
    let written = types::text(ty);
    let (module, name) = written.rsplit_once("::").unwrap_or(("", &written));
    Some(match (module.trim_start_matches("::"), name) {
        ("", "str") => parse_quote_spanned!(place=> ::std::string::String),
        ("" | "path" | "std::path", "Path") => parse_quote_spanned!(place=> ::std::path::PathBuf),
        ("" | "ffi" | "std::ffi", "OsStr") => parse_quote_spanned!(place=> ::std::ffi::OsString),
        ("" | "ffi" | "std::ffi" | "core::ffi", "CStr") => {
            parse_quote_spanned!(place=> ::std::ffi::CString)
        }
        _ => return None,
    })
}

/// An owned type as a user writes it: what is not in the prelude has its path.
fn shown(ty: &Type) -> String {
    let text = types::text(ty);
    let text = ["string", "vec", "boxed", "marker"]
        .iter()
        .fold(text, |text, module| {
            text.replace(&format!("::std::{module}::"), "")
        });
    text.replace("::std::", "std::")
}

fn is_static(lifetime: Option<&Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

fn for_ever() -> Lifetime {
    Lifetime::new("'static", Span::call_site())
}
