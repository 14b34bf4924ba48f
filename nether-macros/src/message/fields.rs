//! [`Shape`]: what a message is made of, as serde reads it, or as it writes it.

use syn::ext::IdentExt;
use syn::{Type, parse_quote};

use crate::message::model::Definition;
use crate::message::rename::Rename;
use crate::message::serde::{Direction, Settings};
use crate::{docs, lints};

/// What makes serde read a struct as something else than its fields.
const OTHERWISE: &[&str] = &[
    "transparent",
    "from",
    "try_from",
    "tag",
    "untagged",
    "remote",
];

/// What makes serde write a struct as something else than its fields.
const WRITTEN_OTHERWISE: &[&str] = &["transparent", "into", "remote"];

/// What a message is made of.
pub(crate) enum Shape {
    /// Named fields, those that are read, or written; or none at all.
    Fields(Vec<Field>),
    /// Something else.
    Opaque(Opaque),
}

/// Why nothing is known of what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opaque {
    /// It is no struct with named fields.
    Definition,
    /// It says so to serde, by this setting.
    Setting(&'static str),
}

/// A field that is read, or written.
pub(crate) struct Field {
    /// Its name for serde.
    pub(crate) name: String,
    /// Its name in Rust.
    pub(crate) ident: String,
    /// Its other names.
    pub(crate) aliases: Vec<String>,
    pub(crate) docs: String,
    pub(crate) ty: Type,
    pub(crate) absence: Absence,
    /// Whether its own fields stand in its place.
    pub(crate) is_flat: bool,
    pub(crate) is_deprecated: bool,
    /// Whether a function of the user's reads or writes it, so that its type does not say how it looks.
    pub(crate) is_custom: bool,
}

/// What becomes of a field that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It has its default.
    Default,
    /// It is an error.
    Error,
    /// Its type says.
    ByType,
}

impl Shape {
    pub(crate) fn of(definition: &Definition) -> Self {
        let is_unit = definition.is_unit();
        let fields = definition.named_fields();
        if fields.is_none() && !is_unit {
            return Shape::Opaque(Opaque::Definition);
        }
        let container = Settings::read(definition.attributes());
        if let Some(setting) = container.first(OTHERWISE) {
            return Shape::Opaque(Opaque::Setting(setting));
        }
        let fields = fields.into_iter().flatten();
        let fields = fields.filter_map(|field| read(field, &container));
        Shape::Fields(fields.collect())
    }

    /// The shape in which the type is written.
    pub(crate) fn written(definition: &Definition) -> Self {
        let Some(fields) = definition.named_fields() else {
            return Shape::Opaque(Opaque::Definition);
        };
        let container = Settings::about(definition.attributes(), Direction::Writing);
        if let Some(setting) = container.first(WRITTEN_OTHERWISE) {
            return Shape::Opaque(Opaque::Setting(setting));
        }
        let fields = fields.iter().filter_map(|field| written(field, &container));
        Shape::Fields(tag(&container).into_iter().chain(fields).collect())
    }
}

/// The field that says which type it is, if serde writes one. Nothing reads it.
fn tag(container: &Settings) -> Option<Field> {
    let name = container.text("tag")?.to_owned();
    Some(Field {
        ident: name.clone(),
        name,
        aliases: Vec::new(),
        docs: String::new(),
        ty: parse_quote!(::std::string::String),
        absence: Absence::Error,
        is_flat: false,
        is_deprecated: false,
        is_custom: false,
    })
}

/// The field; none if it is not read.
fn read(field: &syn::Field, container: &Settings) -> Option<Field> {
    let settings = Settings::read(&field.attrs);
    if settings.has(&["skip", "skip_deserializing"]) {
        return None;
    }
    made(field, &settings, container, absence(&settings, container))
}

/// The field; none if it is not written. It may be left out if the user says when.
fn written(field: &syn::Field, container: &Settings) -> Option<Field> {
    let settings = Settings::about(&field.attrs, Direction::Writing);
    if settings.has(&["skip", "skip_serializing"]) {
        return None;
    }
    let absence = match settings.has(&["skip_serializing_if"]) {
        true => Absence::Default,
        false => Absence::Error,
    };
    made(field, &settings, container, absence)
}

fn made(
    field: &syn::Field,
    settings: &Settings,
    container: &Settings,
    absence: Absence,
) -> Option<Field> {
    let own = field.ident.as_ref()?.unraw().to_string();
    Some(Field {
        name: name(own.clone(), settings, container),
        ident: own,
        aliases: settings.texts("alias").map(str::to_owned).collect(),
        docs: docs::text(&field.attrs),
        ty: field.ty.clone(),
        absence,
        is_flat: settings.has(&["flatten"]),
        is_deprecated: field.attrs.iter().any(lints::is_deprecated),
        is_custom: settings.has(&["with", "serialize_with", "deserialize_with"]),
    })
}

fn name(own: String, settings: &Settings, container: &Settings) -> String {
    if let Some(name) = settings.text("rename") {
        return name.to_owned();
    }
    let rule = container.text("rename_all").and_then(Rename::read);
    match rule {
        Some(rule) => rule.apply(&own),
        None => own,
    }
}

/// Serde takes a missing `Option` for `None`, unless a function of the user's reads it.
fn absence(settings: &Settings, container: &Settings) -> Absence {
    if settings.has(&["default"]) || container.has(&["default"]) {
        Absence::Default
    } else if settings.has(&["with", "deserialize_with"]) {
        Absence::Error
    } else {
        Absence::ByType
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::{Absence, Field, Opaque, Shape};
    use crate::message::model::Definition;

    fn shape(item: TokenStream) -> Shape {
        let definition = syn::parse2::<Definition>(item).expect("a struct or an enum");
        Shape::of(&definition)
    }

    fn fields(item: TokenStream) -> Vec<Field> {
        match shape(item) {
            Shape::Fields(fields) => fields,
            Shape::Opaque(why) => panic!("{why:?}"),
        }
    }

    fn names(item: TokenStream) -> Vec<String> {
        fields(item).into_iter().map(|field| field.name).collect()
    }

    fn written(item: TokenStream) -> Vec<(String, Absence)> {
        let definition = syn::parse2::<Definition>(item).expect("a struct");
        let Shape::Fields(fields) = Shape::written(&definition) else {
            panic!("it has no fields");
        };
        let fields = fields.into_iter();
        fields.map(|field| (field.name, field.absence)).collect()
    }

    #[test]
    fn fields_are_called_as_serde_writes_them() {
        let item = quote! {
            #[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
            struct Moved {
                shelf_number: u32,
                #[serde(rename(serialize = "out", deserialize = "in"))]
                to_whom: u8,
                #[serde(rename(deserialize = "in"))]
                from_whom: u8,
                #[serde(skip_deserializing)]
                read_never: u8,
                #[serde(skip_serializing)]
                written_never: u8,
                #[serde(skip_serializing_if = "Option::is_none")]
                note: Option<u8>,
                #[serde(default)]
                count: u8,
            }
        };
        let (always, sometimes) = (Absence::Error, Absence::Default);
        let expected = [
            ("shelfNumber", always),
            ("out", always),
            ("fromWhom", always),
            ("readNever", always),
            ("note", sometimes),
            ("count", always),
        ];
        let expected = expected.map(|(name, absence)| (name.to_owned(), absence));
        assert_eq!(written(item), expected);
    }

    #[test]
    fn the_tag_of_a_struct_is_written_beside_its_fields() {
        let item = quote! {
            #[serde(tag = "kind", rename_all(serialize = "camelCase"))]
            struct Moved { shelf_number: u32 }
        };
        let always = |name: &str| (name.to_owned(), Absence::Error);
        assert_eq!(written(item), [always("kind"), always("shelfNumber")]);
    }

    fn opaque(item: TokenStream) -> Opaque {
        match shape(item) {
            Shape::Fields(_) => panic!("it has fields"),
            Shape::Opaque(why) => why,
        }
    }

    #[test]
    fn fields_are_called_as_serde_reads_them() {
        let item = quote! {
            #[serde(crate = "x", rename_all = "camelCase", deny_unknown_fields)]
            struct Pay {
                order_id: String,
                r#type: u8,
                #[serde(rename = "sum")]
                amount: u64,
                #[serde(alias = "f", rename(serialize = "out", deserialize = "in"))]
                from: u8,
                #[serde(rename(serialize = "out"))]
                to_whom: u8,
            }
        };
        assert_eq!(names(item), ["orderId", "type", "sum", "in", "toWhom"]);
    }

    #[test]
    fn a_rule_for_reading_alone_goes() {
        let item = quote! {
            #[serde(rename_all(serialize = "UPPERCASE", deserialize = "kebab-case"))]
            struct Pay { order_id: String }
        };
        assert_eq!(names(item), ["order-id"]);
        let item = quote! {
            #[serde(rename_all(serialize = "UPPERCASE"))]
            struct Pay { order_id: String }
        };
        assert_eq!(names(item), ["order_id"]);
    }

    #[test]
    fn what_is_not_read_is_no_field() {
        let item = quote! {
            struct Pay {
                #[serde(skip)]
                a: u8,
                #[serde(skip_deserializing)]
                b: u8,
                #[serde(skip_serializing)]
                c: u8,
                #[serde(skip_serializing_if = "Option::is_none")]
                d: u8,
            }
        };
        assert_eq!(names(item), ["c", "d"]);
    }

    #[test]
    fn a_default_makes_a_field_optional() {
        let item = quote! {
            struct Pay {
                #[serde(default)]
                a: u8,
                #[serde(default = "ten")]
                b: u8,
                #[serde(with = "money")]
                c: Option<u8>,
                d: Option<u8>,
            }
        };
        let absences: Vec<Absence> = fields(item).iter().map(|it| it.absence).collect();
        let (default, error, by_type) = (Absence::Default, Absence::Error, Absence::ByType);
        assert_eq!(absences, [default, default, error, by_type]);
        let all = fields(quote!(
            #[serde(default)]
            struct Pay {
                a: u8,
            }
        ));
        assert!(all.iter().all(|field| field.absence == Absence::Default));
    }

    #[test]
    fn docs_other_names_flatness_and_deprecation_are_kept() {
        let item = quote! {
            struct Pay {
                /// The order.
                #[serde(flatten, alias = "a", alias = "b")]
                #[deprecated = "old"]
                order: Order,
            }
        };
        for field in fields(item) {
            assert_eq!(field.docs, "The order.");
            assert_eq!(field.aliases, ["a", "b"]);
            assert!(field.is_flat && field.is_deprecated);
        }
    }

    #[test]
    fn a_struct_without_fields_has_none() {
        assert!(
            fields(quote!(
                struct Pay;
            ))
            .is_empty()
        );
        assert!(
            fields(quote!(
                struct Pay {}
            ))
            .is_empty()
        );
        assert_eq!(
            opaque(quote!(
                struct Pay();
            )),
            Opaque::Definition
        );
    }

    #[test]
    fn of_anything_else_nothing_is_known() {
        assert_eq!(
            opaque(quote!(
                enum Pay {
                    A,
                }
            )),
            Opaque::Definition
        );
        assert_eq!(
            opaque(quote!(
                struct Pay(u8);
            )),
            Opaque::Definition
        );
        for setting in super::OTHERWISE {
            let word = proc_macro2::Ident::new(setting, proc_macro2::Span::call_site());
            let item = quote!(
                #[serde(#word = "Other")]
                struct Pay {
                    a: u8,
                }
            );
            assert_eq!(opaque(item), Opaque::Setting(setting));
        }
    }
}
