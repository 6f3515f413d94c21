//! Side by side with `serde_json`: what one reads, the other reads as the same.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{read, to_text};
use crate::json::whole;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Nothing,
    Round(f64),
    Corners(i32, i32),
    Named { width: u8, name: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Lamp { on: bool },
    Motor { speed: i16 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    List(Vec<Either>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u16);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Job {
    file: String,
    copies: u32,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    shapes: Vec<Shape>,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "null",
    "true",
    "false",
    " true ",
    "0",
    "-0",
    "1",
    "-1",
    "255",
    "256",
    "-129",
    "5.0",
    "5e0",
    "1e2",
    "-0.5",
    "0.1",
    "1e400",
    "1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "2.2250738585072011e-308",
    "179769313486231580793728971405301e276",
    "9007199254740993.0",
    "01",
    "+1",
    ".5",
    "1.",
    "NaN",
    "inf",
    "tru",
    "nulls",
    "1 2",
    r#""""#,
    r#""text""#,
    r#""7""#,
    r#""-7""#,
    r#""true""#,
    r#""ü \u00fc \ud83d\ude00 \n\/\"\\""#,
    r#""x"#,
    "\"\n\"",
    r#""\x""#,
    r#""nothing""#,
    "[]",
    "[1]",
    "[1,2]",
    "[1,2,3]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[ 1 , 2 ]",
    r#"["a",1,[2]]"#,
    "[null]",
    "[[],[]]",
    "{}",
    r#"{"a":1}"#,
    r#"{"1":2,"-3":4}"#,
    r#"{"true":1}"#,
    r#"{"a":1,}"#,
    r#"{"a" 1}"#,
    r#"{a:1}"#,
    r#"{"a":}"#,
    r#"{"\u0061":1}"#,
    r#"{"round":0.5}"#,
    r#"{"corners":[1,-2]}"#,
    r#"{"corners":[1]}"#,
    r#"{"corners":[1,2,3]}"#,
    r#"{"named":{"width":1,"name":"n"}}"#,
    r#"{"named":[1,"n"]}"#,
    r#"{"nothing":null}"#,
    r#"{"nothing":1}"#,
    r#"{"round":1,"round":2}"#,
    r#"{"other":1}"#,
    r#"{"kind":"Lamp","on":true}"#,
    r#"{"speed":-3,"kind":"Motor"}"#,
    r#"{"kind":"Fan"}"#,
    r#"{"file":"a.pdf","copies":2}"#,
    r#"{"file":"a","copies":2,"note":null,"x":[{"y":1.5}]}"#,
    r#"{"file":"a","copies":-2}"#,
    r#"{"file":"a"}"#,
    r#"["a",2,null,["nothing"]]"#,
    r#"{"file":"a","copies":1,"shapes":["nothing",{"round":1}],"note":"\u00e4"}"#,
    "[1] x",
    "{}}",
    "]",
    r#""x\ud83dy""#,
    r#"{"\udc00":1}"#,
    r#"{"file":"a","copies":1,"copies":2}"#,
    r#"{"file":"a","copies":1,"shapes":[{"named":{"width":1,"width":2,"name":""}}]}"#,
];

fn same<T: DeserializeOwned + PartialEq + Debug>(text: &str) {
    let expected = whole::read::<T>(text).ok();
    assert_eq!(
        read::<T>(text).ok(),
        expected,
        "{text} as {}",
        std::any::type_name::<T>()
    );
}

#[test]
fn what_is_read_or_refused_is_the_same_for_every_type() {
    for text in TEXTS {
        same::<Value>(text);
        same::<bool>(text);
        same::<(u8, i8)>(text);
        same::<u8>(text);
        same::<i8>(text);
        same::<u64>(text);
        same::<i64>(text);
        same::<u128>(text);
        same::<i128>(text);
        same::<f32>(text);
        same::<f64>(text);
        same::<char>(text);
        same::<String>(text);
        same::<Option<u16>>(text);
        same::<()>(text);
        same::<Unit>(text);
        same::<Wrapped>(text);
        same::<Vec<i64>>(text);
        same::<[u8; 2]>(text);
        same::<Vec<Value>>(text);
        same::<HashMap<String, Value>>(text);
        same::<BTreeMap<i8, u8>>(text);
        same::<BTreeMap<bool, u8>>(text);
        same::<BTreeMap<Option<char>, Value>>(text);
        same::<Shape>(text);
        same::<Tagged>(text);
        same::<Either>(text);
        same::<Job>(text);
        same::<serde::de::IgnoredAny>(text);
    }
}

#[test]
fn every_start_of_a_text_is_read_or_refused_the_same() {
    let text = r#" {"file":"\u00e4\"","copies":12,"shapes":[{"named":{"width":1,"name":"n"}},"nothing"],"z":[-1.5e3,{}]} "#;
    for end in 0..=text.len() {
        same::<Value>(&text[..end]);
        same::<Job>(&text[..end]);
    }
}

#[test]
fn what_is_written_is_read_again_by_both() {
    let job = Job {
        file: "\u{1}\"\\ü😀".to_owned(),
        copies: 3,
        note: Some("x".repeat(3000)),
        shapes: vec![
            Shape::Nothing,
            Shape::Round(1e-7),
            Shape::Corners(-1, 2),
            Shape::Named {
                width: 255,
                name: String::new(),
            },
        ],
        more: BTreeMap::from([("more".to_owned(), json!({"a": [1, null, true]}))]),
    };
    let text = to_text(&job).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    assert_eq!(read::<Job>(&text).unwrap(), job);
}

#[test]
fn the_last_of_duplicate_members_counts_at_every_depth() {
    let read: BTreeMap<String, Wide> = read(r#"{"a":{"width":1,"width":2}}"#).unwrap();
    assert_eq!(read["a"].width, 2);
}

#[derive(Deserialize)]
struct Wide {
    width: u8,
}

#[test]
fn half_a_surrogate_pair_is_a_replacement_character() {
    assert_eq!(read::<String>(r#""x\ud83dy""#).unwrap(), "x\u{fffd}y");
}

#[test]
fn an_error_says_what_was_found_and_what_is_expected() {
    for (text, words) in [
        ("256", "256, expected u8"),
        (r#""three""#, r#""three", expected u8"#),
        ("5.0", "5.0, expected u8"),
        ("[]", "an array, expected u8"),
        ("[1", "JSON"),
    ] {
        let error = read::<u8>(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let error = read::<Wide>(r#"{"widths":1}"#).err().unwrap().to_string();
    assert!(error.contains("missing field `width`"), "{error}");
}

#[test]
fn nesting_without_end_is_refused_and_overflows_nothing() {
    assert!(read::<Value>(&"[".repeat(100_000)).is_err());
    assert!(read::<Value>(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_err());
}
