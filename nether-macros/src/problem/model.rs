//! An error as written.

use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, Generics, Item, ItemEnum, ItemStruct, ItemUnion, Result};

/// The definition under the derive.
pub(crate) enum Definition {
    Struct(ItemStruct),
    Enum(ItemEnum),
    Union(ItemUnion),
}

impl Definition {
    pub(crate) fn attributes(&self) -> &[Attribute] {
        match self {
            Definition::Struct(item) => &item.attrs,
            Definition::Enum(item) => &item.attrs,
            Definition::Union(item) => &item.attrs,
        }
    }

    /// All fields, of every variant.
    pub(crate) fn fields(&self) -> Vec<&Fields> {
        match self {
            Definition::Struct(item) => vec![&item.fields],
            Definition::Enum(item) => item.variants.iter().map(|it| &it.fields).collect(),
            Definition::Union(_) => Vec::new(),
        }
    }

    /// Its name and its parameters.
    pub(crate) fn into_head(self) -> (Ident, Generics) {
        match self {
            Definition::Struct(item) => (item.ident, item.generics),
            Definition::Enum(item) => (item.ident, item.generics),
            Definition::Union(item) => (item.ident, item.generics),
        }
    }
}

impl Parse for Definition {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        match input.parse()? {
            Item::Struct(item) => Ok(Definition::Struct(item)),
            Item::Enum(item) => Ok(Definition::Enum(item)),
            Item::Union(item) => Ok(Definition::Union(item)),
            other => Err(syn::Error::new_spanned(other, "expected an `enum`")),
        }
    }
}
