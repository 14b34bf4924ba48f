//! What is inside of a sequence, of a map, of a variant.

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::eventstore::probe::prober::Prober;
use crate::eventstore::probe::unread::{Probed, Unread};

/// The elements of a sequence.
pub(super) struct Elements<'a> {
    pub(super) of: Prober<'a>,
    pub(super) next: usize,
    pub(super) count: usize,
    /// Whether the first one says what the others are.
    pub(super) by_first: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Probed<Option<T::Value>> {
        if self.next == self.count {
            return Ok(None);
        }
        let element = match self.by_first && self.next > 0 {
            true => self.of.by_first(self.next),
            false => self.of.inside(&self.next.to_string()),
        };
        self.next += 1;
        seed.deserialize(element).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.next)
    }
}

/// One entry of a map of which neither the keys nor the values are known.
pub(super) struct Entry<'a> {
    pub(super) of: Prober<'a>,
    pub(super) is_given: bool,
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Probed<Option<K::Value>> {
        if std::mem::replace(&mut self.is_given, true) {
            return Ok(None);
        }
        seed.deserialize(self.of.inside("key")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Probed<V::Value> {
        seed.deserialize(self.of.inside("value"))
    }
}

/// Fields, by name.
pub(super) struct Named<'a> {
    pub(super) of: Prober<'a>,
    /// Where they are.
    pub(super) place: String,
    pub(super) fields: std::vec::IntoIter<String>,
    pub(super) value: Option<String>,
}

impl<'de> MapAccess<'de> for Named<'_> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Probed<Option<K::Value>> {
        let field = loop {
            let Some(field) = self.fields.next() else {
                return Ok(None);
            };
            if self.of.gives(&self.path(&field)) {
                break field;
            }
        };
        let name: serde::de::value::StringDeserializer<Unread> = field.clone().into_deserializer();
        self.value = Some(field);
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Probed<V::Value> {
        let field = self.value.take().unwrap_or_default();
        seed.deserialize(self.of.at(self.path(&field)))
    }
}

impl Named<'_> {
    /// A tag is one of the place itself, and not of one of its variants.
    fn path(&self, field: &str) -> String {
        let tag = self.of.path_of(field);
        match self.place.starts_with(&format!("{tag}/")) {
            true => tag,
            false => format!("{}/{field}", self.place),
        }
    }
}

/// A variant.
pub(super) struct Variant<'a> {
    pub(super) of: Prober<'a>,
    pub(super) name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Unread;
    type Variant = Prober<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Probed<(V::Value, Prober<'a>)> {
        let name: serde::de::value::StrDeserializer<'_, Unread> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.of))
    }
}

impl<'de> VariantAccess<'de> for Prober<'_> {
    type Error = Unread;

    fn unit_variant(self) -> Probed<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Probed<T::Value> {
        seed.deserialize(self.inside("0"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Probed<V::Value> {
        self.elements(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Probed<V::Value> {
        self.structure(fields, visitor)
    }
}
