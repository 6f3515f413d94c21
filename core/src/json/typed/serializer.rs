//! Writes any value that serde can describe, straight into the bounded writer.

use core::fmt::{self, Display, Write as _};

use serde::ser::{self, Serialize, Serializer as _};

use super::{TypedError, key::Key};
use crate::json::string;
use crate::write::Writer;

pub(super) type Written = Result<(), TypedError>;

impl ser::Error for TypedError {
    fn custom<T: Display>(_: T) -> Self {
        Self::Refused
    }
}

/// Writes one value.
pub(super) struct Serializer<'w, 'b> {
    w: &'w mut Writer<'b>,
}

impl<'w, 'b> Serializer<'w, 'b> {
    pub(super) fn new(w: &'w mut Writer<'b>) -> Self {
        Self { w }
    }

    /// Begins a container and says what will end it.
    fn open(self, begin: &[u8], end: &'static [u8]) -> Container<'w, 'b> {
        self.w.put(begin);
        Container {
            w: self.w,
            first: true,
            end,
        }
    }

    /// Begins a container that is the only value of an object, named after a variant.
    fn open_variant(self, variant: &str, begin: &[u8], end: &'static [u8]) -> Container<'w, 'b> {
        self.w.put_byte(b'{');
        string::write_text(self.w, variant);
        self.w.put_byte(b':');
        self.open(begin, end)
    }

    fn put(self, word: &[u8]) -> Written {
        self.w.put(word);
        Ok(())
    }

    fn put_float(self, finite: bool, number: impl fmt::Debug) -> Written {
        match finite {
            // A writer takes everything.
            true => write!(self.w, "{number:?}").map_err(|_| TypedError::Refused),
            false => self.serialize_unit(),
        }
    }
}

/// Methods for numbers that fit a wider type whose method is given.
macro_rules! widen {
    ($($method:ident($small:ty) => $wide:ident;)*) => {
        $(fn $method(self, number: $small) -> Written {
            self.$wide(number.into())
        })*
    };
}

impl<'w, 'b> ser::Serializer for Serializer<'w, 'b> {
    type Ok = ();
    type Error = TypedError;
    type SerializeSeq = Container<'w, 'b>;
    type SerializeTuple = Container<'w, 'b>;
    type SerializeTupleStruct = Container<'w, 'b>;
    type SerializeTupleVariant = Container<'w, 'b>;
    type SerializeMap = Container<'w, 'b>;
    type SerializeStruct = Container<'w, 'b>;
    type SerializeStructVariant = Container<'w, 'b>;

    widen! {
        serialize_i8(i8) => serialize_i64;
        serialize_i16(i16) => serialize_i64;
        serialize_i32(i32) => serialize_i64;
        serialize_u8(u8) => serialize_u64;
        serialize_u16(u16) => serialize_u64;
        serialize_u32(u32) => serialize_u64;
    }

    fn serialize_i64(self, number: i64) -> Written {
        self.w.put_signed(number);
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Written {
        self.w.put_decimal(number);
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Written {
        self.put_float(number.is_finite(), number)
    }

    fn serialize_f64(self, number: f64) -> Written {
        self.put_float(number.is_finite(), number)
    }

    fn serialize_bool(self, truth: bool) -> Written {
        self.put(if truth { b"true" } else { b"false" })
    }

    fn serialize_char(self, character: char) -> Written {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Written {
        string::write_text(self.w, text);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Written {
        self.w.put_byte(b'"');
        // The error is the value's own: a writer takes everything.
        write!(Escaping { w: self.w }, "{value}").map_err(|_| TypedError::Refused)?;
        self.w.put_byte(b'"');
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        bytes.serialize(self)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.put(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let container = self.open_variant(variant, b"", b"}");
        value.serialize(Serializer::new(container.w))?;
        container.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open_variant(variant, b"[", b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open(b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'w, 'b>, TypedError> {
        Ok(self.open_variant(variant, b"{", b"}}"))
    }
}

/// Writes a text piece by piece.
struct Escaping<'w, 'b> {
    w: &'w mut Writer<'b>,
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        string::write_escaped(self.w, text);
        Ok(())
    }
}

/// An array or an object that is being written.
pub(super) struct Container<'w, 'b> {
    w: &'w mut Writer<'b>,
    first: bool,
    end: &'static [u8],
}

impl Container<'_, '_> {
    fn comma(&mut self) {
        if !self.first {
            self.w.put_byte(b',');
        }
        self.first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.comma();
        value.serialize(Serializer::new(self.w))
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Written {
        self.comma();
        string::write_text(self.w, name);
        self.w.put_byte(b':');
        value.serialize(Serializer::new(self.w))
    }

    fn close(self) -> Written {
        self.w.put(self.end);
        Ok(())
    }
}

/// The traits whose one method adds an element or a member.
macro_rules! container {
    ($($of:ident: $method:ident($($name:ident)?) => $own:ident;)*) => {
        $(impl ser::$of for Container<'_, '_> {
            type Ok = ();
            type Error = TypedError;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Written {
                self.$own($($name,)? value)
            }

            fn end(self) -> Written {
                self.close()
            }
        })*
    };
}

container! {
    SerializeSeq: serialize_element() => element;
    SerializeTuple: serialize_element() => element;
    SerializeTupleStruct: serialize_field() => element;
    SerializeTupleVariant: serialize_field() => element;
    SerializeStruct: serialize_field(name) => member;
    SerializeStructVariant: serialize_field(name) => member;
}

impl ser::SerializeMap for Container<'_, '_> {
    type Ok = ();
    type Error = TypedError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.comma();
        key.serialize(Key(Serializer::new(self.w)))?;
        self.w.put_byte(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(Serializer::new(self.w))
    }

    fn end(self) -> Written {
        self.close()
    }
}
