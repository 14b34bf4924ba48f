//! [`Fields`]: a whole request as serde sees it, one map of what came as text and of the members of the body.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::http::input::Input;
use crate::http::input::any::Readings;
use crate::http::input::names::TextNames;
use crate::http::input::text::{Reading, Text};

/// A request, to be read as a message.
pub(super) struct Fields<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) body: &'a [u8],
    /// Which fields take text.
    pub(super) names: TextNames,
    /// How text is read by types that take any value.
    pub(super) readings: &'a Readings<'a>,
}

impl<'a> Fields<'a> {
    /// Reads a message of named fields; `known` are their names, if serde gives them.
    fn fields<V: Visitor<'a>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.names.check(&self.input.texts)?;
        let texts = Joined {
            texts: &self.input.texts,
            names: self.names,
            readings: self.readings,
            known,
            rest: NoMore,
        };
        if self.body.is_empty() {
            return visitor.visit_map(texts);
        }
        self.check_object()?;
        let mut body = serde_json::Deserializer::from_slice(self.body);
        let value = body.deserialize_map(TextsAround { texts, visitor })?;
        body.end()?;
        Ok(value)
    }

    /// Refuses a body that is not a JSON object.
    fn check_object(&self) -> Result<(), Error> {
        let body = self.body.trim_ascii_start();
        if body.starts_with(b"{") {
            return Ok(());
        }
        serde_json::from_slice::<IgnoredAny>(body)?;
        Err(Error::custom("the body must be a JSON object"))
    }

    /// Reads a message that is no struct of named fields: the body is all of it.
    fn body<T>(
        self,
        read: impl FnOnce(
            &mut serde_json::Deserializer<serde_json::de::SliceRead<'a>>,
        ) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some((name, _)) = self.input.texts.first() {
            return Err(Error::custom(format!("unknown field `{name}`")));
        }
        let mut body = serde_json::Deserializer::from_slice(self.body);
        let value = read(&mut body)?;
        body.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(Some(fields), visitor)
    }

    /// With `#[serde(flatten)]`: any field is known.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.fields(None, visitor)
    }

    /// A message without fields is sent by an empty body, an empty object, or `null`.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let is_null = self.body.trim_ascii() == b"null";
        if is_null && self.input.texts.is_empty() {
            return visitor.visit_unit();
        }
        self.fields(Some(&[]), NoFields(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.body(|body| body.deserialize_newtype_struct(name, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.body(|body| body.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.body(|body| body.deserialize_any(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit seq tuple
        tuple_struct identifier ignored_any
    }
}

/// A message without fields, of a map that has none either.
struct NoFields<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for NoFields<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        // Which gives an error for any, since none is known.
        map.next_key::<IgnoredAny>()?;
        self.0.visit_unit()
    }
}

/// The members of the body, with the texts before them.
struct TextsAround<'a, V> {
    texts: Joined<'a, NoMore>,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for TextsAround<'de, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, body: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(self.texts.before(body))
    }
}

/// The texts, then the rest; only of names that are known.
struct Joined<'a, R> {
    /// Those that are left.
    texts: &'a [(Cow<'a, str>, Cow<'a, str>)],
    names: TextNames,
    readings: &'a Readings<'a>,
    known: Option<&'static [&'static str]>,
    rest: R,
}

impl<'a> Joined<'a, NoMore> {
    fn before<R>(self, rest: R) -> Joined<'a, R> {
        let Joined {
            texts,
            names,
            readings,
            known,
            ..
        } = self;
        Joined {
            texts,
            names,
            readings,
            known,
            rest,
        }
    }
}

impl<'de, R: MapAccess<'de>> MapAccess<'de> for Joined<'de, R> {
    type Error = R::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, R::Error> {
        if let Some((name, _)) = self.texts.first() {
            check(name, self.known)?;
            let name: StrDeserializer<'_, R::Error> = (&**name).into_deserializer();
            return seed.deserialize(name).map(Some);
        }
        let known = self.known;
        self.rest.next_key_seed(KnownField { known, seed })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, R::Error> {
        let Some((name, _)) = self.texts.first() else {
            return self.rest.next_value_seed(seed);
        };
        let count = self.texts.partition_point(|(other, _)| other <= name);
        let (values, rest) = self.texts.split_at(count);
        self.texts = rest;
        let is_otherwise = self.readings.begin(name);
        let reading = match self.names.is_typed(name) {
            true => Reading::Value(self.readings, is_otherwise),
            false => Reading::Text,
        };
        let value = seed.deserialize(Text { values, reading });
        value.map_err(|error| {
            self.readings.fail(name);
            R::Error::custom(error)
        })
    }
}

/// A name, of those that are known.
struct KnownField<S> {
    known: Option<&'static [&'static str]>,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KnownField<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<S::Value, D::Error> {
        name.deserialize_str(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for KnownField<S> {
    type Value = S::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<S::Value, E> {
        check(name, self.known)?;
        self.seed
            .deserialize(serde::de::value::BorrowedStrDeserializer::new(name))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<S::Value, E> {
        check(name, self.known)?;
        self.seed.deserialize(StrDeserializer::new(name))
    }
}

/// A field that the message does not have is a mistake of the client's, and not ignored.
fn check<E: serde::de::Error>(name: &str, known: Option<&'static [&'static str]>) -> Result<(), E> {
    match known {
        Some(known) if !known.contains(&name) => Err(E::unknown_field(name, known)),
        _ => Ok(()),
    }
}

/// No body.
struct NoMore;

impl<'de> MapAccess<'de> for NoMore {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Error> {
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, _: S) -> Result<S::Value, Error> {
        Err(Error::custom("there is no value without a name"))
    }
}
