//! [`Text`]: a value that came as text, read as whatever type its field has.

use std::borrow::Cow;
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::http::input::any::Readings;
use crate::http::input::integers::{integers, integral};

/// The values of one name, with it; more than one only for a sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) values: &'a [(Cow<'a, str>, Cow<'a, str>)],
    pub(super) reading: Reading<'a>,
}

/// How a text is read by a type that takes any value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading<'a> {
    /// As text.
    Text,
    /// As the value that it is in JSON, or otherwise.
    Value(&'a Readings<'a>, bool),
}

impl<'a> Text<'a> {
    /// The only value.
    fn one(self) -> Result<&'a str, Error> {
        match self.values {
            [(_, one)] => Ok(one),
            several => {
                let message = format!("given {} times, but it is one value", several.len());
                Err(Error::custom(message))
            }
        }
    }

    /// A number without a fraction, however it is written.
    fn integer<T: FromStr>(self, expected: &str) -> Result<T, Error> {
        let text = self.one()?;
        let plain = || integral(text)?.parse().ok();
        text.parse()
            .ok()
            .or_else(plain)
            .ok_or_else(|| invalid(text, expected))
    }

    /// As in JSON, infinities and "not a number" are none.
    fn float<T: FromStr>(self, is_finite: impl Fn(&T) -> bool) -> Result<T, Error> {
        let number: T = self.parse("a number")?;
        match is_finite(&number) {
            true => Ok(number),
            false => Err(Error::custom("invalid value: not a finite number")),
        }
    }

    fn parse<T: FromStr>(self, expected: &str) -> Result<T, Error> {
        let text = self.one()?;
        text.parse().map_err(|_| invalid(text, expected))
    }
}

fn invalid(text: &str, expected: &str) -> Error {
    let message = format!("invalid value: {}, expected {expected}", shown(text));
    Error::custom(message)
}

/// A text from outside, as an error quotes it.
fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}..", &text[..end]),
    }
}

macro_rules! read_integers {
    ($($method:ident $visit:ident $type:ident;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                visitor.$visit(self.integer::<$type>(stringify!($type))?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    integers!(read_integers);

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.parse("`true` or `false`")?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_char(self.parse("one character")?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(self.float(|number: &f32| number.is_finite())?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float(|number: &f64| number.is_finite())?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.one()?;
        match self.reading {
            Reading::Text => visitor.visit_str(text),
            Reading::Value(readings, is_otherwise) => {
                readings.value(text, is_otherwise).visit(text, visitor)
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.one()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
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
        visitor.visit_seq(Each(self))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let given = self.values.len();
        if given > len {
            let message = format!("given {given} times, but it is {len} values");
            return Err(Error::custom(message));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
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
        unit unit_struct map struct ignored_any
    }
}

/// One value after the other.
struct Each<'a>(Text<'a>);

impl<'de> SeqAccess<'de> for Each<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Text { values, reading } = self.0;
        let Some((values, rest)) = values.split_at_checked(1) else {
            return Ok(None);
        };
        self.0.values = rest;
        seed.deserialize(Text { values, reading }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.values.len())
    }
}
