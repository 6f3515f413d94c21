//! Reads any type that serde knows from JSON.

use redis_ipc_core::json::skip;
use redis_ipc_core::json::string::RawText;
use serde::de::{self, Deserializer, Expected, Unexpected, Visitor};

use super::Error;
use super::nested::{Elements, Members, UnitVariant, Variant};

/// A place in a text that was checked.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// What is wrong with the text as a whole.
    wrong: Option<Error>,
}

/// Begins to read a text.
pub(crate) fn reader(text: &str) -> Reader<'_> {
    let start = skip::blanks(text.as_bytes(), 0);
    let wrong = skip::value(text.as_bytes(), start).err().map(Error::from);
    Reader {
        text,
        at: start,
        wrong,
    }
}

impl<'t> Reader<'t> {
    /// Nothing but blanks follows.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(Error::new("something stands behind the value")),
        }
    }

    /// The first byte of what comes next.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Error> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        self.at = skip::blanks(self.text.as_bytes(), self.at);
        Ok(self.text.as_bytes().get(self.at).copied())
    }

    /// Passes `mark` if it comes next.
    pub(super) fn passes(&mut self, mark: u8) -> Result<bool, Error> {
        let there = self.peek()? == Some(mark);
        self.at += usize::from(there);
        Ok(there)
    }

    /// Passes `mark`, which has to come next.
    pub(super) fn pass(&mut self, mark: u8) -> Result<(), Error> {
        match self.passes(mark)? {
            true => Ok(()),
            false => Err(Error::new("there is more, or less, than expected")),
        }
    }

    /// The next value as it is spelled.
    pub(super) fn value(&mut self) -> Result<&'t str, Error> {
        self.peek()?;
        let end = skip::value(self.text.as_bytes(), self.at)?;
        let value = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        Ok(value)
    }

    /// The next value, which has to be a text.
    pub(super) fn text(&mut self, expected: &dyn Expected) -> Result<RawText<'t>, Error> {
        let value = self.value()?;
        let raw = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        raw.map(RawText::new).ok_or_else(|| misfit(value, expected))
    }

    /// The next value as a number of some type.
    fn number<N: std::str::FromStr>(&mut self, expected: &dyn Expected) -> Result<N, Error> {
        let value = self.value()?;
        value.parse().map_err(|_| misfit(value, expected))
    }

    fn integer<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            Some(b'-') => match self.number(&visitor)? {
                // Which no integer is.
                0 => Err(misfit("-0", &visitor)),
                number => visitor.visit_i64(number),
            },
            _ => {
                let number = self.number(&visitor)?;
                visitor.visit_u64(number)
            }
        }
    }

    /// An integer if it is one and fits, else a floating-point number.
    fn any_number<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let value = self.value()?;
        if let Ok(number) = value.parse() {
            return visitor.visit_u64(number);
        }
        match value.parse::<i64>() {
            Ok(number) if number != 0 => visitor.visit_i64(number),
            _ => {
                let number = finite(value, &visitor)?;
                visitor.visit_f64(number)
            }
        }
    }

    fn elements<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'[', &visitor)?;
        let value = visitor.visit_seq(Elements::new(self))?;
        self.pass(b']')?;
        Ok(value)
    }

    fn members<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'{', &visitor)?;
        let value = visitor.visit_map(Members::new(self))?;
        self.pass(b'}')?;
        Ok(value)
    }

    fn open(&mut self, mark: u8, expected: &dyn Expected) -> Result<(), Error> {
        match self.passes(mark)? {
            true => Ok(()),
            false => Err(misfit(self.value()?, expected)),
        }
    }
}

fn finite(value: &str, expected: &dyn Expected) -> Result<f64, Error> {
    let number = value.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| misfit(value, expected))
}

/// A value is not what a type wants.
fn misfit(value: &str, expected: &dyn Expected) -> Error {
    let found = match value.as_bytes().first() {
        Some(b'{') => Unexpected::Map,
        Some(b'[') => Unexpected::Seq,
        // As it is spelled: numbers and truth values, null, and texts with their quotes.
        _ => Unexpected::Other(value),
    };
    de::Error::invalid_type(found, expected)
}

pub(super) fn visit_text<'t, V: Visitor<'t>>(
    text: RawText<'t>,
    visitor: V,
) -> Result<V::Value, Error> {
    match text.plain() {
        Some(plain) => visitor.visit_borrowed_str(plain),
        None => visitor.visit_string(text.to_string()),
    }
}

macro_rules! same {
    ($as:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
            self.$as(visitor)
        }
    )*};
}

impl<'t> Deserializer<'t> for &mut Reader<'t> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.members(visitor),
            Some(b'[') => self.elements(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            _ => self.any_number(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => Err(misfit(other, &visitor)),
        }
    }

    same! {
        integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_i128<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.number(&visitor)?;
        visitor.visit_i128(number)
    }

    fn deserialize_u128<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.number(&visitor)?;
        visitor.visit_u128(number)
    }

    fn deserialize_f32<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.value()?;
        finite(value, &visitor)?;
        let number = value.parse().map_err(|_| misfit(value, &visitor))?;
        visitor.visit_f32(number)
    }

    fn deserialize_f64<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = finite(self.value()?, &visitor)?;
        visitor.visit_f64(number)
    }

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text(&visitor)?;
        visit_text(text, visitor)
    }

    same! {
        deserialize_str: deserialize_char deserialize_string deserialize_identifier
    }

    /// A text's own bytes, or numbers.
    fn deserialize_bytes<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek()? == Some(b'[') {
            return self.elements(visitor);
        }
        let text = self.text(&visitor)?;
        match text.plain() {
            Some(plain) => visitor.visit_borrowed_bytes(plain.as_bytes()),
            None => visitor.visit_byte_buf(text.to_string().into_bytes()),
        }
    }

    same! { deserialize_bytes: deserialize_byte_buf }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            Some(b'n') => self.value().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            "null" => visitor.visit_unit(),
            other => Err(misfit(other, &visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    same! { elements: deserialize_seq }

    fn deserialize_tuple<V: Visitor<'t>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.elements(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.elements(visitor)
    }

    same! { members: deserialize_map }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek()? {
            Some(b'[') => self.elements(visitor),
            _ => self.members(visitor),
        }
    }

    /// A variant's name, or an object of the one and its value.
    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.peek()? == Some(b'"') {
            return visitor.visit_enum(UnitVariant(self));
        }
        self.open(b'{', &visitor)?;
        let value = visitor.visit_enum(Variant(self))?;
        self.pass(b'}')?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value()?;
        visitor.visit_unit()
    }
}
