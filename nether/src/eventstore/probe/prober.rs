//! [`Prober`]: the deserializer that makes up what it is asked for.

use std::any::type_name;
use std::cell::{RefCell, RefMut};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, VariantAccess, Visitor};

use crate::eventstore::probe::access::{Elements, Entry, NamedFields, ProbePlace, Variant};
use crate::eventstore::probe::choice::{Choices, NodeKind, below};
use crate::eventstore::probe::guess;
use crate::eventstore::probe::unread::{Probed, Unread};

/// The deepest place that is probed; deeper ones are refused.
const MAX_DEPTH: usize = 60;

/// The deserializer, at one place of the type.
#[derive(Clone)]
pub(super) struct Prober<'a> {
    choices: &'a RefCell<Choices>,
    path: String,
    depth: usize,
    /// The types around it.
    around: Vec<&'static str>,
}

impl<'a> Prober<'a> {
    pub(super) fn new(choices: &'a RefCell<Choices>) -> Self {
        Prober {
            choices,
            path: String::new(),
            depth: 0,
            around: Vec::new(),
        }
    }

    fn path_of(&self, step: &str) -> String {
        format!("{}/{step}", self.path)
    }

    /// Inside of the type which that visitor is of. Unlike the name that serde is given, its own has what a
    /// generic type is made of.
    fn of<V>(mut self) -> Self {
        self.around.push(type_name::<V>());
        self
    }

    /// How often a type is around itself. Its alternatives are shown where it is first, and inside of that no
    /// more than it takes to end.
    fn excess(&self) -> usize {
        let of = |name: &&'static str| self.around.iter().filter(|it| it == &name).count();
        let most = self.around.iter().map(of).max().unwrap_or(0);
        most.saturating_sub(1)
    }

    fn choices(&self) -> RefMut<'a, Choices> {
        self.choices.borrow_mut()
    }

    fn choose(&self, alternatives: usize, kind: NodeKind) -> usize {
        self.choices().choose(&self.path, alternatives, kind)
    }

    /// A number that distinguishes the values at different places.
    fn number(&self) -> u8 {
        let sum = |sum: u8, byte: u8| sum.wrapping_mul(31).wrapping_add(byte);
        self.path.bytes().fold(7, sum) % 100
    }

    fn elements<'de, V: Visitor<'de>>(self, count: usize, visitor: V) -> Probed<V::Value> {
        if self.depth > MAX_DEPTH {
            return Err(serde::de::Error::custom(
                "it contains itself, and never ends",
            ));
        }
        visitor.visit_seq(Elements {
            of: self,
            next: 0,
            count,
            by_first: false,
        })
    }

    /// A variant's name, and what it has.
    fn tagged<'de, V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_seq(Elements {
            of: self,
            next: 0,
            count: 2,
            by_first: true,
        })
    }

    /// One after the other, if it can be read so; else by name.
    fn structure<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Probed<V::Value> {
        if expected(&visitor).contains("adjacently tagged") {
            return self.tagged(visitor);
        }
        if self.choose(2, NodeKind::Guess) == 0 {
            return self.elements(fields.len(), visitor);
        }
        let field = |field: &&str| ((*field).to_owned(), self.path_of(field));
        let fields: Vec<_> = fields.iter().map(field).collect();
        self.named(fields, visitor)
    }

    /// A map whose fields are found out by what it misses.
    fn found<'de, V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        let fields = self.choices().fields(&self.path);
        self.named(fields, visitor)
    }

    fn named<'de, V: Visitor<'de>>(
        self,
        fields: Vec<(String, String)>,
        visitor: V,
    ) -> Probed<V::Value> {
        visitor.visit_map(NamedFields {
            of: self,
            fields: fields.into_iter(),
            value: None,
        })
    }

    fn text(&self) -> String {
        if let Some(name) = self.choices().name_of_text(&self.path) {
            return name.to_owned();
        }
        let guess = self.choose(guess::TEXT_COUNT, NodeKind::Guess);
        guess::text(guess, self.number())
    }

    /// All that are read, or one of those inside of what is shown already.
    fn readable(&self) -> NodeKind {
        match self.excess() {
            0 => NodeKind::Readable,
            _ => NodeKind::Guess,
        }
    }

    fn number_of<T>(&self, make: fn(usize, u8) -> T) -> T {
        let chosen = self.choose(guess::NUMBER_COUNT, self.readable());
        make(chosen, self.number())
    }
}

impl ProbePlace for Prober<'_> {
    fn inside(&self, step: &str) -> Self {
        self.at(self.path_of(step))
    }

    fn by_first(&self, step: usize) -> Self {
        let first = self.path_of("0");
        let now = self.choices().now(&first);
        self.at(format!("{}/{step}", below(&first, now)))
    }

    fn at(&self, place: String) -> Self {
        Prober {
            path: place,
            depth: self.depth + 1,
            ..self.clone()
        }
    }

    fn gives(&self, place: &str) -> bool {
        self.choices().gives(place)
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

/// What a visitor says that it expects.
fn expected<'de, V: Visitor<'de>>(visitor: &V) -> String {
    fmt::from_fn(|f| visitor.expecting(f)).to_string()
}

macro_rules! numbers {
    ($($method:ident: $visit:ident, $make:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
            visitor.$visit(self.number_of(guess::$make))
        })*
    };
}

impl<'de> Deserializer<'de> for Prober<'_> {
    type Error = Unread;

    numbers! {
        deserialize_u8: visit_u8, u8;
        deserialize_u16: visit_u16, u16;
        deserialize_u32: visit_u32, u32;
        deserialize_u64: visit_u64, u64;
        deserialize_u128: visit_u128, u128;
        deserialize_i8: visit_i8, i8;
        deserialize_i16: visit_i16, i16;
        deserialize_i32: visit_i32, i32;
        deserialize_i64: visit_i64, i64;
        deserialize_i128: visit_i128, i128;
        deserialize_f32: visit_f32, f32;
        deserialize_f64: visit_f64, f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        if self.depth > MAX_DEPTH {
            return visitor.visit_unit();
        }
        match self.choose(8, NodeKind::Guess) {
            0 => visitor.visit_u64(u64::from(self.number())),
            1 => visitor.visit_string(self.inside("text").text()),
            2 => self.inside("map").found(visitor),
            3 => visitor.visit_bool(true),
            4 => visitor.visit_f64(guess::f64(0, self.number())),
            5 => self.elements(1, visitor),
            6 => visitor.visit_i64(-i64::from(self.number())),
            _ => visitor.visit_unit(),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_bool(self.choose(2, self.readable()) == 0)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_char(guess::char(self.number()))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_string(self.text())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_byte_buf(vec![self.number()])
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        match self.excess() == 0 && self.choose(2, NodeKind::Readable) == 0 {
            true => visitor.visit_some(self.inside("0/some")),
            false => visitor.visit_none(),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Probed<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Probed<V::Value> {
        let inside = self.inside("new").of::<V>();
        visitor.visit_newtype_struct(inside)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        let count = usize::from(self.excess() == 0);
        self.elements(count, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Probed<V::Value> {
        self.elements(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Probed<V::Value> {
        self.of::<V>().elements(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        // For a struct with `flatten`, serde asks for a map.
        let expected = expected(&visitor);
        let is_struct = ["struct ", "enum "].iter().any(|it| expected.contains(it));
        if is_struct || self.choose(2, NodeKind::Guess) == 1 {
            return self.found(visitor);
        }
        let is_given = self.excess() > 0;
        visitor.visit_map(Entry { of: self, is_given })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Probed<V::Value> {
        self.of::<V>().structure(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Probed<V::Value> {
        let inside = self.of::<V>();
        let chosen = match inside.excess() {
            0 => inside.choose(variants.len(), NodeKind::Each),
            excess => excess % variants.len().max(1),
        };
        let Some(name) = variants.get(chosen) else {
            return Err(serde::de::Error::custom("an enum without variants"));
        };
        if inside.depth > MAX_DEPTH {
            return Err(serde::de::Error::custom(
                "it contains itself, and never ends",
            ));
        }
        let place = format!("{}/{name}", below(&inside.path, chosen));
        visitor.visit_enum(Variant {
            of: inside.at(place),
            name,
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        let name = self.choices().name(&self.path);
        visitor.visit_str(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Probed<V::Value> {
        visitor.visit_unit()
    }
}
