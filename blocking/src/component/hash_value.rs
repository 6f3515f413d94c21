//! Values of settings and status: texts as they are, everything else as JSON writes it.
//!
//! Redis keeps texts in a hash and knows no types. Compat: as in both originals, a text is
//! stored as it is, a number or boolean as JSON writes it, anything nested as its JSON text.

use redis_ipc_core::json::object::Members;
use redis_ipc_core::json::string::RawText;
use serde::Serialize;
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::Error;

/// The fields that `value`, a struct or a map, stands for; `None` for one that is to go.
pub(super) fn fields_of<P: Serialize + ?Sized>(
    value: &P,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::Value(format!("the value cannot be put into JSON: {error}")))?;
    let not_an_object = |_| {
        Error::Value("settings and status are written from an object, a struct or a map".to_owned())
    };
    let mut fields = Vec::new();
    for member in Members::new(text.as_bytes()).map_err(not_an_object)? {
        let member = member.map_err(not_an_object)?;
        let name = RawText::new(text.get(member.name).unwrap_or_default());
        let value = text.get(member.value).unwrap_or_default();
        fields.push((name.to_string(), stored(value)));
    }
    Ok(fields)
}

/// How a single value is stored; `None` for one that is absent.
pub(super) fn value_of<P: Serialize + ?Sized>(value: &P) -> Result<Option<String>, Error> {
    serde_json::to_string(value)
        .map(|text| stored(&text))
        .map_err(|error| Error::Value(format!("the value cannot be put into JSON: {error}")))
}

/// How a value is stored that JSON writes as `json`.
fn stored(json: &str) -> Option<String> {
    if json == "null" {
        return None;
    }
    let text = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(match text {
        Some(raw) => RawText::new(raw).to_string(),
        None => json.to_owned(),
    })
}

/// Reads a struct or a map from the fields of a hash.
pub(super) fn read_fields<T: DeserializeOwned>(
    fields: &[(String, String)],
) -> Result<T, serde_json::Error> {
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.as_str(), Stored(value)));
    T::deserialize(MapDeserializer::new(pairs))
}

/// Reads a single value.
pub(super) fn read_value<T: DeserializeOwned>(stored: &str) -> Result<T, serde_json::Error> {
    T::deserialize(Stored(stored))
}

/// A stored text that becomes whatever type is asked for.
#[derive(Debug, Clone, Copy)]
struct Stored<'s>(&'s str);

type Json<'s> = serde_json::Deserializer<serde_json::de::StrRead<'s>>;

impl<'s> Stored<'s> {
    /// Reads all of it as JSON.
    fn whole<T>(
        self,
        read: impl FnOnce(&mut Json<'s>) -> serde_json::Result<T>,
    ) -> serde_json::Result<T> {
        let mut json = serde_json::Deserializer::from_str(self.0);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Stored<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! as_json {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.whole(|json| json.$method(visitor))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Stored<'de> {
    type Error = serde_json::Error;

    /// Where no type is asked for, it is the text that is stored: as the originals read it.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant without data is stored as its name, one with data as JSON.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if variants.contains(&self.0) {
            return visitor.visit_enum(Variant(self.0));
        }
        self.whole(|json| json.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.whole(|json| json.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.whole(|json| json.deserialize_tuple(length, visitor))
    }

    as_json! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_seq deserialize_map deserialize_unit
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit_struct tuple_struct identifier ignored_any
    }
}

/// The name of a variant without data.
struct Variant<'s>(&'s str);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = serde_json::Error;
    type Variant = <StrDeserializer<'de, serde_json::Error> as EnumAccess<'de>>::Variant;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Self::Error> {
        StrDeserializer::new(self.0).variant_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Theme {
        Dark,
        Tinted { hue: u16 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        title: String,
        dpi: u32,
        ratio: f64,
        duplex: bool,
        theme: Theme,
        accent: Theme,
        trays: Vec<u8>,
        note: Option<String>,
        number: String,
    }

    fn settings() -> Settings {
        Settings {
            title: "dark \"mode\" ü".to_owned(),
            dpi: 600,
            ratio: 0.5,
            duplex: true,
            theme: Theme::Dark,
            accent: Theme::Tinted { hue: 7 },
            trays: vec![1, 2],
            note: None,
            number: "600".to_owned(),
        }
    }

    #[test]
    fn values_are_stored_as_the_originals_store_them() {
        let fields = fields_of(&settings()).unwrap();
        let stored: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        assert_eq!(
            stored,
            [
                ("title", Some("dark \"mode\" ü")),
                ("dpi", Some("600")),
                ("ratio", Some("0.5")),
                ("duplex", Some("true")),
                ("theme", Some("dark")),
                ("accent", Some(r#"{"tinted":{"hue":7}}"#)),
                ("trays", Some("[1,2]")),
                ("note", None),
                ("number", Some("600")),
            ]
        );
    }

    #[test]
    fn what_was_stored_is_read_as_what_it_was() {
        let fields: Vec<_> = fields_of(&settings())
            .unwrap()
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect();
        assert_eq!(read_fields::<Settings>(&fields).unwrap(), settings());
    }

    #[test]
    fn maps_of_texts_hold_every_text_as_it_is() {
        let fields = [
            ("a".to_owned(), "600".to_owned()),
            ("b".to_owned(), "{".to_owned()),
        ];
        let map: BTreeMap<String, serde_json::Value> = read_fields(&fields).unwrap();
        assert_eq!(map["a"], "600");
        assert_eq!(map["b"], "{");
    }

    #[test]
    fn a_value_of_another_type_is_an_error_and_not_a_guess() {
        assert!(read_value::<u32>("six").is_err());
        assert!(read_value::<u32>("6 sheets").is_err());
        assert!(read_value::<bool>("1").is_err());
        assert_eq!(read_value::<u32>("600").unwrap(), 600);
    }

    #[test]
    fn only_objects_become_fields() {
        assert!(fields_of(&[1, 2]).is_err());
        assert!(fields_of("text").is_err());
    }
}
