//! [`Text`]: a value that came as text, read as whatever type its field has.

use std::borrow::Cow;
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

/// The values of one name, with it; more than one only for a sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a [(Cow<'a, str>, Cow<'a, str>)]);

impl<'a> Text<'a> {
    /// The only value.
    fn one(self) -> Result<&'a str, Error> {
        match self.0 {
            [(_, one)] => Ok(one),
            several => {
                let message = format!("given {} times, but it is one value", several.len());
                Err(Error::custom(message))
            }
        }
    }

    fn parse<T: FromStr>(self, expected: &str) -> Result<T, Error> {
        let text = self.one()?;
        text.parse().map_err(|_| {
            let message = format!("invalid value: {}, expected {expected}", shown(text));
            Error::custom(message)
        })
    }
}

/// A text from outside, as an error quotes it.
fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}..", &text[..end]),
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                visitor.$visit(self.parse::<$type>($expected)?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool bool, "`true` or `false`";
        deserialize_i8 visit_i8 i8, "i8";
        deserialize_i16 visit_i16 i16, "i16";
        deserialize_i32 visit_i32 i32, "i32";
        deserialize_i64 visit_i64 i64, "i64";
        deserialize_i128 visit_i128 i128, "i128";
        deserialize_u8 visit_u8 u8, "u8";
        deserialize_u16 visit_u16 u16, "u16";
        deserialize_u32 visit_u32 u32, "u32";
        deserialize_u64 visit_u64 u64, "u64";
        deserialize_u128 visit_u128 u128, "u128";
        deserialize_char visit_char char, "one character";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    /// As in JSON, infinities and "not a number" are none.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number: f64 = self.parse("a number")?;
        if !number.is_finite() {
            return Err(Error::custom("invalid value: not a finite number"));
        }
        visitor.visit_f64(number)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.one()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Each(self.0))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant: StrDeserializer<'_, Error> = self.one()?.into_deserializer();
        variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct tuple_struct map struct identifier ignored_any
    }
}

/// One value after the other.
struct Each<'a>(&'a [(Cow<'a, str>, Cow<'a, str>)]);

impl<'de> SeqAccess<'de> for Each<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((first, rest)) = self.0.split_at_checked(1) else {
            return Ok(None);
        };
        self.0 = rest;
        seed.deserialize(Text(first)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
