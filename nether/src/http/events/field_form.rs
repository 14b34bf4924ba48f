//! [`FieldForm`]: what a field of an event looks like in JSON. A filter has one value for a field, so only
//! fields that are written as a text, a number or a boolean can match.
//!
//! It is found out by asking the field's type to be read, from something that only notes what is asked for.
//! What a type is read from is what it is written as, unless the type says otherwise by hand.

use std::cell::Cell;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    VariantAccess, Visitor,
};

use crate::http::input::integers::integers;

/// What a field looks like in JSON.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldForm {
    /// A text.
    Text,
    /// An integer in these bounds.
    Integer {
        least: i128,
        most: u128,
    },
    /// A number, which may have a fraction.
    Number,
    Boolean,
    /// An object with the fields of these names.
    Object(&'static [&'static str]),
    /// An object, a list or `null`: nothing that a filter can name.
    Composite,
    /// Its type does not say.
    Unknown,
}

impl FieldForm {
    /// Not public API. Used by generated code.
    pub fn unknown() -> Self {
        FieldForm::Unknown
    }

    /// Whether a field of that form can have the value of a filter.
    pub(crate) fn is_simple(self) -> bool {
        !matches!(self, FieldForm::Object(_) | FieldForm::Composite)
    }
}

/// The form of values of the type.
pub(crate) fn form_of<T: DeserializeOwned>() -> FieldForm {
    let mut variant = 0;
    loop {
        let seen = Seen::default();
        let _ = T::deserialize(FormReader {
            seen: &seen,
            variant,
        });
        variant += 1;
        // The value of an enum is a text if one of its variants is written as its name alone.
        let is_last = variant >= seen.variants.get();
        match seen.form.get() {
            Some(FieldForm::Composite) if !is_last => {}
            form => return form.unwrap_or(FieldForm::Unknown),
        }
    }
}

/// What a type asked for.
#[derive(Default)]
struct Seen {
    form: Cell<Option<FieldForm>>,
    /// How many variants it has, if it is an enum.
    variants: Cell<usize>,
    /// In how many types that are written as what they hold it stands.
    depth: Cell<usize>,
}

/// Gives nothing, and notes what is asked for.
struct FormReader<'a> {
    seen: &'a Seen,
    /// Which variant an enum is shown.
    variant: usize,
}

/// How many types may hold one another so: a type that holds itself would go on for ever.
const DEEPEST: usize = 32;

impl Seen {
    /// Whether one more type may be looked into.
    fn deepen(&self) -> bool {
        self.depth.set(self.depth.get() + 1);
        self.depth.get() <= DEEPEST
    }

    fn note<T>(&self, form: FieldForm) -> Result<T, Error> {
        self.form.set(Some(form));
        Err(Error::custom("only its form is asked for"))
    }
}

macro_rules! noted {
    ($($method:ident => $form:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.seen.note($form)
        })*
    };
}

macro_rules! noted_integers {
    ($($method:ident $visit:ident $integer:ident;)*) => {
        noted! {
            $($method => FieldForm::Integer {
                least: <$integer>::MIN as i128,
                most: <$integer>::MAX as u128,
            };)*
        }
    };
}

impl<'de> Deserializer<'de> for FormReader<'_> {
    type Error = Error;

    integers!(noted_integers);

    noted! {
        deserialize_any => FieldForm::Unknown;
        deserialize_ignored_any => FieldForm::Unknown;
        deserialize_identifier => FieldForm::Unknown;
        deserialize_bool => FieldForm::Boolean;
        deserialize_f32 => FieldForm::Number;
        deserialize_f64 => FieldForm::Number;
        deserialize_char => FieldForm::Text;
        deserialize_str => FieldForm::Text;
        deserialize_string => FieldForm::Text;
        deserialize_bytes => FieldForm::Composite;
        deserialize_byte_buf => FieldForm::Composite;
        deserialize_unit => FieldForm::Composite;
        deserialize_seq => FieldForm::Composite;
        deserialize_map => FieldForm::Composite;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.seen.deepen() {
            true => visitor.visit_some(self),
            false => self.seen.note(FieldForm::Unknown),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Error> {
        self.seen.note(FieldForm::Composite)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.seen.note(FieldForm::Composite)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Error> {
        self.seen.note(FieldForm::Composite)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.seen.note(FieldForm::Object(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.seen.variants.set(variants.len());
        match variants.get(self.variant) {
            Some(name) => visitor.visit_enum(ShownVariant {
                seen: self.seen,
                name,
            }),
            None => self.seen.note(FieldForm::Composite),
        }
    }
}

/// A variant of an enum, of which nothing but the name is there.
struct ShownVariant<'a> {
    seen: &'a Seen,
    name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for ShownVariant<'a> {
    type Error = Error;
    type Variant = ShownContent<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, ShownContent<'a>), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, ShownContent(self.seen)))
    }
}

struct ShownContent<'a>(&'a Seen);

impl<'de> VariantAccess<'de> for ShownContent<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.0.note(FieldForm::Text)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Error> {
        self.0.note(FieldForm::Composite)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.0.note(FieldForm::Composite)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.note(FieldForm::Composite)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::IpAddr;
    use std::time::Duration;

    use serde::Deserialize;

    use super::{FieldForm, form_of};

    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Mixed {
        Holds(u8),
        Named { by: u8 },
        Plain,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Holding {
        One(u8),
        Two(u8, u8),
    }

    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    #[allow(dead_code)]
    enum Tagged {
        One { by: u8 },
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Wrapped(Option<Box<u8>>);

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Nested(Option<Box<Nested>>);

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Point {
        x: u8,
        y: u8,
    }

    #[test]
    fn the_form_of_a_type_is_what_it_is_read_from() {
        let small = FieldForm::Integer {
            least: 0,
            most: u128::from(u8::MAX),
        };
        assert_eq!(form_of::<u8>(), small);
        assert_eq!(form_of::<Wrapped>(), small);
        let largest = FieldForm::Integer {
            least: 0,
            most: u128::MAX,
        };
        assert_eq!(form_of::<u128>(), largest);
        assert_eq!(form_of::<Option<bool>>(), FieldForm::Boolean);
        assert_eq!(form_of::<f32>(), FieldForm::Number);
        assert_eq!(form_of::<String>(), FieldForm::Text);
        assert_eq!(form_of::<IpAddr>(), FieldForm::Text);
        assert_eq!(form_of::<Point>(), FieldForm::Object(&["x", "y"]));
        for composite in [
            form_of::<Vec<String>>(),
            form_of::<(u8, u8)>(),
            form_of::<HashMap<String, u8>>(),
            form_of::<()>(),
            form_of::<Holding>(),
            form_of::<Option<Vec<u8>>>(),
        ] {
            assert_eq!(composite, FieldForm::Composite);
        }
        assert!(!form_of::<Duration>().is_simple());
    }

    #[test]
    fn an_enum_is_a_text_if_one_of_its_variants_is_its_name_alone() {
        assert_eq!(form_of::<Mixed>(), FieldForm::Text);
    }

    #[test]
    fn what_does_not_say_what_it_is_read_from_may_be_anything() {
        assert_eq!(form_of::<serde_json::Value>(), FieldForm::Unknown);
        assert_eq!(form_of::<Tagged>(), FieldForm::Unknown);
        assert_eq!(form_of::<Nested>(), FieldForm::Unknown);
    }
}
