//! [`content`]: the content of a message as bytes, which are the same whenever the content is.

mod unordered;

use std::fmt::{self, Display};

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use self::unordered::{is_buffered, is_unordered};

/// Writes the content of a message in a canonical form of the data model of JSON.
///
/// Two values have the same bytes if they have the same content: the entries of maps and structs are sorted,
/// and so are the elements of sets, since a `HashMap` and a `HashSet` have another order in each value. A
/// field of a struct that is `None` is left out, so that a new version of the program may add one. Integers
/// count by their value, whatever their width.
///
/// The lists in what serde keeps in a buffer count in any order, because it hides which of them are sets: a
/// command that was only repeated is never taken for another one.
///
/// No two contents of one type have the same bytes: all texts and lists begin with their length. Values of
/// different types may, such as a unit variant and its name as a text.
///
/// Not public API. Used by generated code.
///
/// # Errors
/// What the value's own `Serialize` says.
#[doc(hidden)]
pub fn content<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let written = value.serialize(ContentWriter(&mut bytes, false));
    written.map_err(|error| error.0)?;
    Ok(bytes)
}

/// Why a content cannot be written.
#[derive(Debug)]
struct Unwritten(String);

impl Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritten {}

impl ser::Error for Unwritten {
    fn custom<T: Display>(reason: T) -> Self {
        Unwritten(reason.to_string())
    }
}

type ContentResult = Result<(), Unwritten>;
type PartsResult<'a> = Result<PartsWriter<'a>, Unwritten>;
type Name = &'static str;

/// The first byte of each value.
mod tag {
    pub(super) const NONE: u8 = b'n';
    pub(super) const FALSE: u8 = b'0';
    pub(super) const TRUE: u8 = b'1';
    pub(super) const POSITIVE: u8 = b'+';
    pub(super) const NEGATIVE: u8 = b'-';
    pub(super) const FLOAT: u8 = b'f';
    pub(super) const TEXT: u8 = b't';
    pub(super) const BYTES: u8 = b'b';
    pub(super) const LIST: u8 = b'l';
    pub(super) const MAP: u8 = b'm';
}

/// Writes one value behind what is there. The second is whether a list keeps its order, whatever its type.
struct ContentWriter<'a>(&'a mut Vec<u8>, bool);

impl<'a> ContentWriter<'a> {
    fn count(&mut self, tag: u8, count: usize) {
        self.0.push(tag);
        self.0.extend((count as u64).to_be_bytes());
    }

    fn integer(self, tag: u8, magnitude: u128) -> ContentResult {
        let bytes = magnitude.to_be_bytes();
        let zeros = (magnitude.leading_zeros() / 8) as usize;
        let significant = &bytes[zeros..];
        // 16 at most.
        self.0.extend([tag, significant.len() as u8]);
        self.0.extend(significant);
        Ok(())
    }

    /// A map of one entry: how a variant with content is written.
    fn variant(mut self, name: &str) -> Self {
        self.count(tag::MAP, 1);
        self.count(tag::TEXT, name.len());
        self.0.extend(name.as_bytes());
        self
    }

    fn parts(mut self, tag: u8, is_sorted: bool) -> PartsWriter<'a> {
        let start = self.0.len();
        self.count(tag, 0);
        PartsWriter {
            bytes: self.0,
            start,
            count: 0,
            begins: is_sorted.then(Vec::new),
            is_flattened: false,
        }
    }
}

/// Writes the elements of a list, or the entries of a map.
struct PartsWriter<'a> {
    bytes: &'a mut Vec<u8>,
    /// Where the list or map begins.
    start: usize,
    count: u64,
    /// Where each part begins, if they are to be sorted.
    begins: Option<Vec<usize>>,
    /// Whether it may be a struct that serde makes a map of, because something is flattened in it.
    is_flattened: bool,
}

impl PartsWriter<'_> {
    /// Writes a value behind what is there.
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> ContentResult {
        value.serialize(ContentWriter(self.bytes, false))
    }

    /// Begins a part with a value.
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> ContentResult {
        self.count += 1;
        if let Some(begins) = &mut self.begins {
            begins.push(self.bytes.len());
        }
        self.add(value)
    }

    /// Writes a field, unless it is `None`.
    fn field<N, T>(&mut self, name: &N, value: &T) -> ContentResult
    where
        N: Serialize + ?Sized,
        T: Serialize + ?Sized,
    {
        let before = self.bytes.len();
        self.part(name)?;
        let named = self.bytes.len();
        self.add(value)?;
        if self.bytes[named..] == [tag::NONE] {
            self.bytes.truncate(before);
            self.count -= 1;
            self.begins.as_mut().and_then(Vec::pop);
        }
        Ok(())
    }

    fn finish(self) -> ContentResult {
        let count = self.start + 1..self.start + 9;
        self.bytes[count].copy_from_slice(&self.count.to_be_bytes());
        let Some(begins) = self.begins else {
            return Ok(());
        };
        let first = self.start + 9;
        let unsorted = self.bytes.split_off(first);
        let ends = begins.iter().skip(1).copied();
        let ends = ends.chain([first + unsorted.len()]);
        let places = begins.iter().zip(ends);
        let mut parts: Vec<&[u8]> = places
            .map(|(begin, end)| &unsorted[begin - first..end - first])
            .collect();
        parts.sort_unstable();
        parts.iter().for_each(|part| self.bytes.extend(*part));
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident: $ty:ty),* $(,)?) => {
        $(fn $method(self, integer: $ty) -> ContentResult {
            #[allow(unused_comparisons)]
            let tag = if integer < 0 { tag::NEGATIVE } else { tag::POSITIVE };
            let magnitude = i128::try_from(integer).map_or(integer as u128, i128::unsigned_abs);
            self.integer(tag, magnitude)
        })*
    };
}

impl<'a> Serializer for ContentWriter<'a> {
    type Ok = ();
    type Error = Unwritten;
    type SerializeSeq = PartsWriter<'a>;
    type SerializeTuple = PartsWriter<'a>;
    type SerializeTupleStruct = PartsWriter<'a>;
    type SerializeTupleVariant = PartsWriter<'a>;
    type SerializeMap = PartsWriter<'a>;
    type SerializeStruct = PartsWriter<'a>;
    type SerializeStructVariant = PartsWriter<'a>;

    integers! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
    }

    fn serialize_bool(self, value: bool) -> ContentResult {
        self.0.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_f32(self, float: f32) -> ContentResult {
        self.serialize_f64(float.into())
    }

    fn serialize_f64(self, float: f64) -> ContentResult {
        let float = if float.is_nan() { f64::NAN } else { float };
        self.0.push(tag::FLOAT);
        // The sum of -0 and 0 is 0.
        self.0.extend((float + 0.0).to_bits().to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, letter: char) -> ContentResult {
        self.serialize_str(letter.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, text: &str) -> ContentResult {
        self.count(tag::TEXT, text.len());
        self.0.extend(text.as_bytes());
        Ok(())
    }

    fn serialize_bytes(mut self, bytes: &[u8]) -> ContentResult {
        self.count(tag::BYTES, bytes.len());
        self.0.extend(bytes);
        Ok(())
    }

    fn serialize_none(self) -> ContentResult {
        self.0.push(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> ContentResult {
        value.serialize(self)
    }

    fn serialize_unit(self) -> ContentResult {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: Name) -> ContentResult {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: Name, _: u32, variant: Name) -> ContentResult {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: Name, value: &T) -> ContentResult {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: Name,
        _: u32,
        variant: Name,
        value: &T,
    ) -> ContentResult {
        value.serialize(self.variant(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> PartsResult<'a> {
        Ok(self.parts(tag::LIST, false))
    }

    fn serialize_tuple(self, _: usize) -> PartsResult<'a> {
        Ok(self.parts(tag::LIST, false))
    }

    fn serialize_tuple_struct(self, _: Name, _: usize) -> PartsResult<'a> {
        Ok(self.parts(tag::LIST, false))
    }

    fn serialize_tuple_variant(self, _: Name, _: u32, variant: Name, _: usize) -> PartsResult<'a> {
        Ok(self.variant(variant).parts(tag::LIST, false))
    }

    fn serialize_map(self, count: Option<usize>) -> PartsResult<'a> {
        let mut parts = self.parts(tag::MAP, true);
        parts.is_flattened = count.is_none();
        Ok(parts)
    }

    fn serialize_struct(self, _: Name, _: usize) -> PartsResult<'a> {
        Ok(self.parts(tag::MAP, true))
    }

    fn serialize_struct_variant(self, _: Name, _: u32, variant: Name, _: usize) -> PartsResult<'a> {
        Ok(self.variant(variant).parts(tag::MAP, true))
    }

    fn collect_seq<I: IntoIterator<Item: Serialize>>(self, elements: I) -> ContentResult {
        let is_sorted = !self.1 && is_unordered(std::any::type_name::<I>());
        let mut list = self.parts(tag::LIST, is_sorted);
        for element in elements {
            list.part(&element)?;
        }
        list.finish()
    }
}

macro_rules! parts {
    ($($kind:ident { $($method:ident($($name:ident)?) => $with:ident;)* })*) => {
        $(impl $kind for PartsWriter<'_> {
            type Ok = ();
            type Error = Unwritten;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $($name: Name,)? value: &T) -> ContentResult {
                self.$with($($name,)? value)
            })*

            fn end(self) -> ContentResult {
                self.finish()
            }
        })*
    };
}

impl SerializeMap for PartsWriter<'_> {
    type Ok = ();
    type Error = Unwritten;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> ContentResult {
        self.part(key)
    }

    /// A list from serde's buffer that comes without its key has the fields of a tuple variant.
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> ContentResult {
        let is_tuple = is_buffered(std::any::type_name::<T>());
        value.serialize(ContentWriter(self.bytes, is_tuple))
    }

    /// The fields of a struct come as entries, with literals as keys; those of a flattened map have
    /// references as keys. A unit variant of a flattened enum is an entry with `()`, and means something; of
    /// a variant that holds `None`, serde does not say that it is no field.
    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> ContentResult
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        let is_field = self.is_flattened && is_named::<K>("str") && !is_named::<V>("()");
        if is_field {
            return self.field(key, value);
        }
        self.part(key)?;
        self.add(value)
    }

    fn end(self) -> ContentResult {
        self.finish()
    }
}

fn is_named<T: ?Sized>(name: &str) -> bool {
    std::any::type_name::<T>() == name
}

parts! {
    SerializeSeq { serialize_element() => part; }
    SerializeTuple { serialize_element() => part; }
    SerializeTupleStruct { serialize_field() => part; }
    SerializeTupleVariant { serialize_field() => part; }
    SerializeStruct { serialize_field(name) => field; }
    SerializeStructVariant { serialize_field(name) => field; }
}

#[cfg(test)]
mod tests;
