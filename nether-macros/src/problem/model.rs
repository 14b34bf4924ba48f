//! An error as written.

use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, Generics, Item, ItemEnum, ItemStruct, ItemUnion, Result};

/// The definition under the derive.
pub(crate) enum DerivedItem {
    Struct(ItemStruct),
    Enum(ItemEnum),
    Union(ItemUnion),
}

impl DerivedItem {
    pub(crate) fn attributes(&self) -> &[Attribute] {
        match self {
            DerivedItem::Struct(item) => &item.attrs,
            DerivedItem::Enum(item) => &item.attrs,
            DerivedItem::Union(item) => &item.attrs,
        }
    }

    /// All fields, of every variant.
    pub(crate) fn fields(&self) -> Vec<&Fields> {
        match self {
            DerivedItem::Struct(item) => vec![&item.fields],
            DerivedItem::Enum(item) => item.variants.iter().map(|it| &it.fields).collect(),
            DerivedItem::Union(_) => Vec::new(),
        }
    }

    /// Its name and its parameters.
    pub(crate) fn into_head(self) -> (Ident, Generics) {
        match self {
            DerivedItem::Struct(item) => (item.ident, item.generics),
            DerivedItem::Enum(item) => (item.ident, item.generics),
            DerivedItem::Union(item) => (item.ident, item.generics),
        }
    }
}

impl Parse for DerivedItem {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        match input.parse()? {
            Item::Struct(item) => Ok(DerivedItem::Struct(item)),
            Item::Enum(item) => Ok(DerivedItem::Enum(item)),
            Item::Union(item) => Ok(DerivedItem::Union(item)),
            other => Err(syn::Error::new_spanned(other, "expected an `enum`")),
        }
    }
}
