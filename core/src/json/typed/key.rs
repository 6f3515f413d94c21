//! Writes the keys of maps, which must be texts: texts as they are, numbers between quotes.

use core::fmt::Display;

use serde::ser::{self, Impossible, Serialize};

use super::TypedError;
use super::serializer::{Serializer, Written};

/// Writes one key.
pub(super) struct Key<'w, 'b>(pub(super) Serializer<'w, 'b>);

macro_rules! quoted {
    ($($method:ident($number:ty);)*) => {
        $(fn $method(self, number: $number) -> Written {
            self.0.collect_str(&number)
        })*
    };
}

macro_rules! no_key {
    ($($method:ident($($kind:ty),*) -> $written:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$written, TypedError> {
            Err(TypedError::Key)
        })*
    };
}

type Never = Impossible<(), TypedError>;

impl ser::Serializer for Key<'_, '_> {
    type Ok = ();
    type Error = TypedError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    quoted! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
    }

    fn serialize_char(self, character: char) -> Written {
        self.0.serialize_char(character)
    }

    fn serialize_str(self, text: &str) -> Written {
        self.0.serialize_str(text)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Written {
        self.0.collect_str(value)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.0.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Written {
        Err(TypedError::Key)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(TypedError::Key)
    }

    no_key! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}
