//! That the fields of a message can be written and read: what derived code takes for granted, and the one
//! place that asks for it.

use proc_macro2::{Literal, TokenStream};
use quote::quote_spanned;
use syn::{Attribute, Field, Type};

use crate::message::checked::CheckedMessage;
use crate::message::model::Definition;
use crate::message::serde::Settings;
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::types;

/// Where serde's derives have bounds of the user's, or read and write another type.
const OTHERWISE: &[&str] = &["bound", "from", "try_from", "into", "remote"];

/// What everybody knows to be written and read.
const KNOWN: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
    "u64", "u128", "usize", "String",
];

/// The types of fields that are asked for. Only those without arguments: two messages may hold each other in
/// an `Option` or a list, and the compiler would turn in a circle.
fn asked_for(definition: &Definition) -> Vec<&Type> {
    if Settings::read(definition.attributes()).has(OTHERWISE) {
        return Vec::new();
    }
    let mut asked: Vec<&Type> = Vec::new();
    for field in fields(definition) {
        let is_plain = types::path(&field.ty).is_some_and(|path| {
            path.segments.iter().all(|it| it.arguments.is_none())
                && !KNOWN.iter().any(|it| path.is_ident(it))
        });
        // A path of a macro's own crate cannot be written in text.
        let is_text = !types::text(&field.ty).contains('$');
        if is_plain && is_text && !asked.iter().any(|other| types::same(*other, &field.ty)) {
            asked.push(&field.ty);
        }
    }
    asked
}

/// The fields of which nothing is said but their types.
fn fields(definition: &Definition) -> impl Iterator<Item = &Field> {
    let is_plain = |attributes: &[Attribute]| {
        let says = |it: &Attribute| it.path().is_ident("serde") || it.path().is_ident("cfg");
        !attributes.iter().any(says)
    };
    let fields: Vec<&Field> = match definition {
        Definition::Struct(item) => item.fields.iter().collect(),
        Definition::Enum(item) => {
            let variants = item.variants.iter().filter(|it| is_plain(&it.attrs));
            variants.flat_map(|variant| &variant.fields).collect()
        }
    };
    fields
        .into_iter()
        .filter(move |field| is_plain(&field.attrs))
}

/// What serde's derives take for granted of the fields, as `#[serde(bound = "..")]` wants it.
pub(super) fn bound(definition: &Definition, paths: &Paths) -> Option<Literal> {
    let asked = asked_for(definition);
    if asked.is_empty() {
        return None;
    }
    let p = paths.private().to_string().replace(' ', "");
    let bounds = asked.iter().map(|ty| {
        let ty = types::text(ty);
        format!("for<'read> {ty}: {p}::FieldOfMessage<'read>")
    });
    let mut literal = Literal::string(&bounds.collect::<Vec<_>>().join(", "));
    literal.set_span(spans::attribute());
    Some(literal)
}

/// Whether what is derived takes for granted that fields can be written and read.
pub(super) fn grants_fields(message: &CheckedMessage) -> bool {
    message.derives_serde() && !asked_for(&message.definition).is_empty()
}

/// What else is generated takes for granted that the message is portable: it is asked for once.
pub(crate) fn granted(paths: &Paths) -> TokenStream {
    let p = paths.private();
    quote_spanned!(spans::attribute()=> where for<'a> Self: #p::Portable)
}

/// The place that asks. What the compiler says of a field is said there: at the field, if there is only one.
pub(super) fn expand(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let (definition, p) = (&message.definition, paths.private());
    let asked = asked_for(definition);
    let grants_fields = grants_fields(message);
    let is_asked = grants_fields || message.endpoint.is_some() || message.stored.is_some();
    let place = match asked[..] {
        [only] if grants_fields => Extent::of(only).end,
        _ => definition.ident().span(),
    };
    let ident = spans::moved(definition.ident(), place);
    is_asked.then(|| {
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::Portable for #ident {}
        }
    })
}
