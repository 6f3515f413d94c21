//! Values of settings and status: texts as they are, everything else as JSON writes it.
//!
//! Redis keeps texts in a hash and knows no types. Compat: as in both originals, a text is
//! stored as it is, a number or boolean as JSON writes it, anything nested as its JSON text.

use redis_ipc_core::json::object::Members;
use redis_ipc_core::json::skip;
use redis_ipc_core::json::string::RawText;
use serde::Serialize;
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, Visitor};

use crate::error::Error;
use crate::json;

/// The fields that `value`, a struct or a map, stands for; `None` for one that is to go.
pub(super) fn fields_of<P: Serialize + ?Sized>(
    value: &P,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let text = json::to_text(value)
        .map_err(|error| Error::Value(format!("the value cannot be put into JSON: {error}")))?;
    fields_of_text(&text)
}

/// As [`fields_of`], of JSON text.
pub(super) fn fields_of_text(text: &str) -> Result<Vec<(String, Option<String>)>, Error> {
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
    json::to_text(value)
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
) -> Result<T, json::Error> {
    either_way(|untyped| {
        let pairs = fields
            .iter()
            .map(|(name, value)| (Stored::name(name), Stored::value(value, untyped)));
        T::deserialize(MapDeserializer::new(pairs))
    })
}

/// Reads a single value.
pub(super) fn read_value<T: DeserializeOwned>(stored: &str) -> Result<T, json::Error> {
    either_way(|untyped| T::deserialize(Stored::value(stored, untyped)))
}

/// Reads with untyped values taken for JSON and, if the type does not take that, for texts.
fn either_way<T>(read: impl Fn(Untyped) -> Result<T, json::Error>) -> Result<T, json::Error> {
    read(Untyped::Json).or_else(|error| read(Untyped::Text).map_err(|_| error))
}

/// What a stored text is taken for where the type does not say what it wants: by
/// `serde_json::Value`, enums that are untagged or tagged from inside, flattened structs. Whether a
/// text or a number was stored cannot be seen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untyped {
    /// A number, a truth value, an array or an object if it reads like one, else a text.
    Json,
    Text,
}

/// A stored text that becomes whatever type is asked for.
#[derive(Debug, Clone, Copy)]
struct Stored<'s> {
    text: &'s str,
    untyped: Untyped,
}

impl<'s> Stored<'s> {
    fn value(text: &'s str, untyped: Untyped) -> Self {
        Self { text, untyped }
    }

    /// A field's name: a text, or a number for a map that has numbers as keys.
    fn name(text: &'s str) -> Self {
        Self::value(text, Untyped::Text)
    }

    /// Reads all of it as JSON.
    fn whole<T>(
        self,
        read: impl FnOnce(&mut json::Reader<'s>) -> Result<T, json::Error>,
    ) -> Result<T, json::Error> {
        let mut json = json::reader(self.text);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }

    /// Whether the text may have been stored for something that is no text.
    fn reads_like_json(self) -> bool {
        let begins = self
            .text
            .starts_with(|first: char| matches!(first, '{' | '[' | '-' | '0'..='9' | 't' | 'f'));
        begins && skip::value(self.text.as_bytes(), 0) == Ok(self.text.len())
    }
}

impl<'de> IntoDeserializer<'de, json::Error> for Stored<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! as_text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.visit_borrowed_str(self.text)
        }
    )*};
}

macro_rules! as_json {
    ($($method:ident($($argument:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $kind,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.whole(|json| json.$method($($argument,)* visitor))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Stored<'de> {
    type Error = json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.untyped {
            Untyped::Json if self.reads_like_json() => {
                self.whole(|json| json.deserialize_any(visitor))
            }
            _ => visitor.visit_borrowed_str(self.text),
        }
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
        if self.text.starts_with('{') && !variants.contains(&self.text) {
            return self.whole(|json| json.deserialize_enum(name, variants, visitor));
        }
        visitor.visit_enum(Variant(self.text))
    }

    as_text! {
        deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_identifier deserialize_ignored_any
    }

    as_json! {
        deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_seq() deserialize_map() deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }
}

/// The name of a variant without data.
struct Variant<'s>(&'s str);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = json::Error;
    type Variant = <StrDeserializer<'de, json::Error> as EnumAccess<'de>>::Variant;

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
    use serde_json::json;
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
            ("7".to_owned(), "{".to_owned()),
        ];
        let map: BTreeMap<String, String> = read_fields(&fields).unwrap();
        assert_eq!(map["a"], "600");
        assert_eq!(map["7"], "{");
    }

    #[test]
    fn where_no_type_is_asked_for_json_is_what_reads_like_it() {
        for (stored, value) in [
            ("600", json!(600)),
            ("-0.5", json!(-0.5)),
            ("true", json!(true)),
            (r#"{"a":[1]}"#, json!({"a": [1]})),
            ("[]", json!([])),
            ("", json!("")),
            ("null", json!("null")),
            ("600 dpi", json!("600 dpi")),
            ("0600", json!("0600")),
            ("1e999", json!("1e999")),
            (r#""quoted""#, json!(r#""quoted""#)),
            ("{", json!("{")),
        ] {
            let read: serde_json::Value = read_value(stored).unwrap();
            assert_eq!(read, value, "{stored}");
        }
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
