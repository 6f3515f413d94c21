//! What stands within arrays, objects and variants.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::key::Key;
use super::{Error, Reader};

/// The elements of an array whose bracket was passed.
pub(super) struct Elements<'r, 't> {
    reader: &'r mut Reader<'t>,
    first: bool,
}

impl<'r, 't> Elements<'r, 't> {
    pub(super) fn new(reader: &'r mut Reader<'t>) -> Self {
        Self {
            reader,
            first: true,
        }
    }

    /// Goes on to the next element; there is none where `end` stands.
    fn advance(&mut self, end: u8) -> Result<bool, Error> {
        if self.reader.peek()? == Some(end) {
            return Ok(false);
        }
        if !std::mem::take(&mut self.first) {
            self.reader.pass(b',')?;
        }
        Ok(true)
    }
}

impl<'t> SeqAccess<'t> for Elements<'_, 't> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.advance(b']')? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

/// The members of an object whose brace was passed.
pub(super) struct Members<'r, 't>(Elements<'r, 't>);

impl<'r, 't> Members<'r, 't> {
    pub(super) fn new(reader: &'r mut Reader<'t>) -> Self {
        Self(Elements::new(reader))
    }
}

impl<'t> MapAccess<'t> for Members<'_, 't> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.0.advance(b'}')? {
            true => seed.deserialize(Key(self.0.reader)).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.0.reader.pass(b':')?;
        seed.deserialize(&mut *self.0.reader)
    }
}

/// A variant that is its name alone.
pub(super) struct UnitVariant<'r, 't>(pub(super) &'r mut Reader<'t>);

impl<'t> EnumAccess<'t> for UnitVariant<'_, 't> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        Ok((seed.deserialize(&mut *self.0)?, self))
    }
}

impl<'t> VariantAccess<'t> for UnitVariant<'_, 't> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, _: S) -> Result<S::Value, Error> {
        Err(Error::new("this variant has a value"))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::new("this variant has values"))
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(Error::new("this variant has members"))
    }
}

/// A variant that is an object of its name and its value, whose brace was passed.
pub(super) struct Variant<'r, 't>(pub(super) &'r mut Reader<'t>);

impl<'t> EnumAccess<'t> for Variant<'_, 't> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name = seed.deserialize(&mut *self.0)?;
        self.0.pass(b':')?;
        Ok((name, self))
    }
}

impl<'t> VariantAccess<'t> for Variant<'_, 't> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_struct("", fields, visitor)
    }
}
