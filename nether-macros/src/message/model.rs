//! A message as written: its definition and its attribute's arguments. [`checked`](crate::message::checked)
//! has the message that makes sense.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Field, Fields, Generics, ItemEnum, ItemStruct, Path, Result, Token, Visibility,
};

use crate::message::MessageKind;
use crate::message::args::MessageArgs;
use crate::types;

/// The definition under the attribute.
pub(crate) enum Definition {
    Struct(ItemStruct),
    Enum(ItemEnum),
}

/// A message, not yet known to make sense.
pub(crate) struct Model {
    pub(crate) kind: MessageKind,
    pub(crate) args: MessageArgs,
    pub(crate) definition: Definition,
    /// The attributes above the message's own, as far as they are known.
    pub(crate) above: Vec<Attribute>,
}

impl Model {
    pub(crate) fn new(
        kind: MessageKind,
        args: MessageArgs,
        definition: Definition,
        above: Vec<Attribute>,
    ) -> Self {
        Model {
            kind,
            args,
            definition,
            above,
        }
    }
}

impl Definition {
    pub(crate) fn attributes(&self) -> &[Attribute] {
        match self {
            Definition::Struct(item) => &item.attrs,
            Definition::Enum(item) => &item.attrs,
        }
    }

    /// The attributes of its fields, of its variants and of their fields.
    pub(crate) fn inner_attributes(&self) -> Vec<&Attribute> {
        let (variants, fields): (Vec<_>, Vec<_>) = match self {
            Definition::Struct(item) => (Vec::new(), item.fields.iter().collect()),
            Definition::Enum(item) => {
                let fields = item.variants.iter().flat_map(|it| &it.fields);
                (item.variants.iter().collect(), fields.collect())
            }
        };
        let variants = variants.into_iter().flat_map(|it| &it.attrs);
        variants
            .chain(fields.into_iter().flat_map(|it| &it.attrs))
            .collect()
    }

    /// Takes off the attributes for which it holds, but not behind a derive: there, they may be the derive's.
    pub(crate) fn take_attributes(&mut self, holds: impl Fn(&Attribute) -> bool) -> Vec<Attribute> {
        let attributes = match self {
            Definition::Struct(item) => &mut item.attrs,
            Definition::Enum(item) => &mut item.attrs,
        };
        let is_derive = |attribute: &Attribute| attribute.path().is_ident("derive");
        let end = attributes.iter().position(is_derive);
        let mut before = attributes.drain(..end.unwrap_or(attributes.len()));
        let (taken, kept): (Vec<_>, Vec<_>) = before.by_ref().partition(holds);
        drop(before);
        attributes.splice(..0, kept);
        taken
    }

    pub(crate) fn ident(&self) -> &Ident {
        match self {
            Definition::Struct(item) => &item.ident,
            Definition::Enum(item) => &item.ident,
        }
    }

    pub(crate) fn generics(&self) -> &Generics {
        match self {
            Definition::Struct(item) => &item.generics,
            Definition::Enum(item) => &item.generics,
        }
    }

    /// The fields that have names: those of a struct.
    pub(crate) fn named_fields(&self) -> Option<&Punctuated<Field, Token![,]>> {
        match self {
            Definition::Struct(ItemStruct {
                fields: Fields::Named(fields),
                ..
            }) => Some(&fields.named),
            Definition::Struct(_) | Definition::Enum(_) => None,
        }
    }

    /// Whether it is `struct Name;`.
    pub(crate) fn is_unit(&self) -> bool {
        matches!(self, Definition::Struct(item) if matches!(item.fields, Fields::Unit))
    }

    /// What it is, where it should be a struct with named fields.
    pub(crate) fn described(&self) -> &'static str {
        match self {
            Definition::Enum(_) => "an enum",
            Definition::Struct(item) if item.fields.is_empty() => "a struct without fields",
            Definition::Struct(_) => "a struct whose fields have no names",
        }
    }

    /// Whether a visible `#[derive(..)]` names the trait, by whatever path.
    pub(crate) fn derives(&self, name: &str) -> bool {
        derived(self.attributes()).any(|derived| derived == name)
    }

    /// Whether the definition already says where serde is.
    pub(crate) fn says_serde_crate(&self) -> bool {
        let mut serde = self
            .attributes()
            .iter()
            .filter(|attribute| attribute.path().is_ident("serde"));
        serde.any(|attribute| types::text(&attribute.meta).contains("crate="))
    }
}

/// The names of what the attributes derive.
pub(crate) fn derived(attributes: &[Attribute]) -> impl Iterator<Item = Ident> {
    let derives = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"));
    let lists = derives.filter_map(|derive| {
        derive
            .parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)
            .ok()
    });
    let paths = lists.flatten();
    paths.filter_map(|path| Some(path.segments.last()?.ident.clone()))
}

impl Parse for Definition {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let fork = input.fork();
        fork.call(Attribute::parse_outer)?;
        fork.parse::<Visibility>()?;
        let head = fork.lookahead1();
        if head.peek(Token![struct]) {
            input.parse().map(Definition::Struct)
        } else if head.peek(Token![enum]) {
            input.parse().map(Definition::Enum)
        } else {
            input.advance_to(&fork);
            Err(head.error())
        }
    }
}

impl ToTokens for Definition {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Definition::Struct(item) => item.to_tokens(tokens),
            Definition::Enum(item) => item.to_tokens(tokens),
        }
    }
}
