//! The contents of a sequence, a map or a variant, as the probe shows them.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess,
};

use crate::eventstore::probe::unread::{Probed, Unread};

/// A place of the type, as what is inside of it sees it.
pub(super) trait ProbePlace: Sized {
    /// At a place inside.
    fn inside(&self, step: &str) -> Self;

    /// The place of an element that depends on the first one.
    fn by_first(&self, step: usize) -> Self;

    /// At that place.
    fn at(&self, place: String) -> Self;

    /// Whether the field at that place is to be given.
    fn gives(&self, place: &str) -> bool;
}

/// The elements of a sequence.
pub(super) struct Elements<P> {
    pub(super) of: P,
    pub(super) next: usize,
    pub(super) count: usize,
    /// Whether the first one says what the others are.
    pub(super) by_first: bool,
}

impl<'de, P> SeqAccess<'de> for Elements<P>
where
    P: ProbePlace + Deserializer<'de, Error = Unread>,
{
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
pub(super) struct Entry<P> {
    pub(super) of: P,
    pub(super) is_given: bool,
}

impl<'de, P> MapAccess<'de> for Entry<P>
where
    P: ProbePlace + Deserializer<'de, Error = Unread>,
{
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
pub(super) struct NamedFields<P> {
    pub(super) of: P,
    /// Each with its place.
    pub(super) fields: std::vec::IntoIter<(String, String)>,
    /// The place of the value that comes next.
    pub(super) value: Option<String>,
}

impl<'de, P> MapAccess<'de> for NamedFields<P>
where
    P: ProbePlace + Deserializer<'de, Error = Unread>,
{
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Probed<Option<K::Value>> {
        let given = self.fields.find(|(_, place)| self.of.gives(place));
        let Some((field, place)) = given else {
            return Ok(None);
        };
        self.value = Some(place);
        let name: serde::de::value::StringDeserializer<Unread> = field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Probed<V::Value> {
        let place = self.value.take().unwrap_or_default();
        seed.deserialize(self.of.at(place))
    }
}

/// A variant.
pub(super) struct Variant<P> {
    pub(super) of: P,
    pub(super) name: &'static str,
}

impl<'de, P: VariantAccess<'de, Error = Unread>> EnumAccess<'de> for Variant<P> {
    type Error = Unread;
    type Variant = P;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Probed<(V::Value, P)> {
        let name: serde::de::value::StrDeserializer<'_, Unread> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.of))
    }
}
