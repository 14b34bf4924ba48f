//! [`check`]: refuses NaN and the infinities. JSON has neither (RFC 8259, section 6), and `serde_json` writes
//! `null` in their place, which is read as something else or not at all.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize, Serializer};

/// A float that is not finite.
#[derive(Debug)]
pub(crate) struct NotFiniteField {
    /// Where it is, by the names of the fields around it.
    pub(crate) field: String,
    value: String,
}

impl Display for NotFiniteField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}", self.field, self.value)
    }
}

/// Checks that all floats of a value are finite.
///
/// # Errors
/// If one is not. An error of the value's own `Serialize` is none here.
pub(crate) fn check<T: Serialize>(
    value: &T,
    is_human_readable: bool,
) -> Result<(), NotFiniteField> {
    let finite = Finite { is_human_readable };
    match value.serialize(finite) {
        Err(NotFinite::Float(_)) => Err(described(value, finite)),
        Ok(()) | Err(NotFinite::Other) => Ok(()),
    }
}

#[cold]
fn described<T: Serialize>(value: &T, finite: Finite) -> NotFiniteField {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Serializer::new(finite, &mut track);
    let value = match value.serialize(tracked) {
        Err(NotFinite::Float(float)) => float.to_string(),
        Ok(()) | Err(NotFinite::Other) => "not finite".to_owned(),
    };
    NotFiniteField {
        field: track.path().to_string(),
        value,
    }
}

/// Writes nothing.
#[derive(Clone, Copy)]
struct Finite {
    is_human_readable: bool,
}

#[derive(Debug)]
enum NotFinite {
    Float(f64),
    /// The value does not want to be written.
    Other,
}

impl Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFinite::Float(float) => float.fmt(f),
            NotFinite::Other => f.write_str("an error of the value"),
        }
    }
}

impl std::error::Error for NotFinite {}

impl ser::Error for NotFinite {
    fn custom<T: Display>(_: T) -> Self {
        NotFinite::Other
    }
}

type Checked = Result<(), NotFinite>;

macro_rules! nothing {
    ($($method:ident: $ty:ty),* $(,)?) => {
        $(fn $method(self, _: $ty) -> Checked {
            Ok(())
        })*
    };
}

impl Serializer for Finite {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing! {
        serialize_bool: bool,
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
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_f32(self, float: f32) -> Checked {
        self.serialize_f64(float.into())
    }

    fn serialize_f64(self, float: f64) -> Checked {
        match float.is_finite() {
            true => Ok(()),
            false => Err(NotFinite::Float(float)),
        }
    }

    fn serialize_none(self) -> Checked {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Checked {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Checked {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Checked {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotFinite> {
        Ok(self)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Checked {
        Ok(())
    }

    fn is_human_readable(&self) -> bool {
        self.is_human_readable
    }
}

macro_rules! elements {
    ($($part:ident: $method:ident),* $(,)?) => {
        $(impl ser::$part for Finite {
            type Ok = ();
            type Error = NotFinite;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked {
                value.serialize(*self)
            }

            fn end(self) -> Checked {
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! fields {
    ($($part:ident),*) => {
        $(impl ser::$part for Finite {
            type Ok = ();
            type Error = NotFinite;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Checked {
                value.serialize(*self)
            }

            fn end(self) -> Checked {
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Finite {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Checked {
        key.serialize(*self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked {
        value.serialize(*self)
    }

    fn end(self) -> Checked {
        Ok(())
    }
}
