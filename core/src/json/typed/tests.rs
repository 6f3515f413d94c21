use super::*;
use crate::STRIDE;
use heapless::{LinearMap, String, Vec};
use serde::Deserialize;
use std::string::ToString;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    file: String<32>,
    copies: Option<u8>,
    #[serde(default)]
    pages: Vec<(u16, u16), 4>,
    #[serde(default)]
    quality: Quality,
}

#[derive(Debug, PartialEq, Eq, Hash, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Quality {
    #[default]
    Draft,
    Fine,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Round(f32),
    Box(i16, i16),
    Free { corners: Vec<i8, 4> },
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot(u8);

fn written<T: Serialize + ?Sized>(value: &T) -> Result<std::string::String, TypedError> {
    let mut buffer = [0; 512];
    let mut w = Writer::new(&mut buffer);
    to_writer(&mut w, value)?;
    Ok(core::str::from_utf8(w.since(0)).unwrap().to_string())
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, TypedError> {
    from_text(text, &mut std::vec![0; 2 * text.len()])
}

/// Writes the value as expected and reads it back.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T, text: &str) {
    assert_eq!(written(value).as_deref(), Ok(text));
    assert_eq!(read::<T>(text).as_ref(), Ok(value));
}

#[test]
fn values_are_written_and_read_back() {
    let mut pages = Vec::new();
    pages.push((1, 2)).unwrap();
    pages.push((7, 65535)).unwrap();
    let file = String::try_from("\"ü\\\n\u{1}😀/\"").unwrap();
    let job = Job {
        file,
        copies: Some(3),
        pages,
        quality: Quality::Fine,
    };
    both_ways(
        &job,
        r#"{"file":"\"ü\\\n\u0001😀/\"","copies":3,"pages":[[1,2],[7,65535]],"quality":"fine"}"#,
    );
    both_ways(&(true, false, 'ü', '"'), r#"[true,false,"ü","\""]"#);
    both_ways(
        &(i64::MIN, u64::MAX, i8::MIN),
        "[-9223372036854775808,18446744073709551615,-128]",
    );
    both_ways(
        &(0.1f64, 36.6f32, -0.0f64, 1e300f64),
        "[0.1,36.6,-0.0,1e300]",
    );
    both_ways(&(None::<u8>, (), Some(1)), "[null,null,1]");
    both_ways(&Slot(7), "7");
    both_ways(&Shape::Point, "\"Point\"");
    both_ways(&Shape::Round(1.5), r#"{"Round":1.5}"#);
    both_ways(&Shape::Box(-1, 2), r#"{"Box":[-1,2]}"#);
    let corners = Vec::from_slice(&[1, -1]).unwrap();
    both_ways(&Shape::Free { corners }, r#"{"Free":{"corners":[1,-1]}}"#);
}

#[test]
fn maps_have_texts_numbers_and_names_for_keys() {
    fn map<K: Eq, const N: usize>(pairs: [(K, u8); N]) -> LinearMap<K, u8, 4> {
        let mut map = LinearMap::new();
        for (key, value) in pairs {
            map.insert(key, value).ok().unwrap();
        }
        map
    }
    let text = |text: &str| String::<8>::try_from(text).unwrap();
    both_ways(
        &map([(text("a\"b"), 1), (text("ü"), 2)]),
        r#"{"a\"b":1,"ü":2}"#,
    );
    both_ways(&map([(-7i8, 1), (8, 2)]), r#"{"-7":1,"8":2}"#);
    both_ways(&map([(u64::MAX, 1)]), r#"{"18446744073709551615":1}"#);
    both_ways(&map([(Slot(9), 1)]), r#"{"9":1}"#);
    both_ways(&map([('x', 1)]), r#"{"x":1}"#);
    both_ways(&map([(true, 1), (false, 0)]), r#"{"true":1,"false":0}"#);
    both_ways(&map([(Quality::Fine, 1)]), r#"{"fine":1}"#);
    both_ways(&Some(map([(3u16, 1)])), r#"{"3":1}"#);
}

#[test]
fn keys_that_json_cannot_spell_are_an_error_and_no_panic() {
    fn map<K: Eq>(key: K) -> LinearMap<K, u8, 1> {
        let mut map = LinearMap::new();
        map.insert(key, 1).ok().unwrap();
        map
    }
    assert_eq!(written(&map((1, 2))), Err(TypedError::Key));
    assert_eq!(written(&map(Some(1))), Err(TypedError::Key));
    assert_eq!(written(&map(())), Err(TypedError::Key));
    for text in [r#"{"a":1}"#, r#"{"":1}"#] {
        assert!(read::<LinearMap<(u8, u8), u8, 1>>(text).is_err());
        assert!(read::<LinearMap<Option<u8>, u8, 1>>(text).is_err());
        assert!(read::<Vec<LinearMap<u8, u8, 1>, 1>>(&std::format!("[{text}]")).is_err());
        assert!(read::<LinearMap<Quality, u8, 1>>(text).is_err());
        assert!(read::<LinearMap<bool, u8, 1>>(text).is_err());
    }
    assert!(read::<LinearMap<u8, u8, 1>>(r#"{"256":1}"#).is_err());
}

#[test]
fn every_escape_is_decoded_in_texts_and_names() {
    let text =
        r#" {"\u0066ile":"\/\u00fc\ud83d\ude00\ud83d\u0022\u005c\u000a\b","cop\u0069es":null} "#;
    let job: Job = read(text).unwrap();
    assert_eq!(job.file, "/ü😀\u{fffd}\"\\\n\u{8}");
}

#[test]
fn the_last_of_duplicate_members_counts() {
    let job: Job = read(r#"{"file":"a","copies":1,"file":"b","pages":[],"copies":2}"#).unwrap();
    assert_eq!((job.file.as_str(), job.copies), ("b", Some(2)));
    let job: Job = read(r#"{"file":[],"file":"b","copies":-1,"copies":2}"#).unwrap();
    assert_eq!((job.file.as_str(), job.copies), ("b", Some(2)));
}

#[test]
fn what_does_not_fit_the_type_is_said() {
    for text in [
        "[]",
        r#"{"file":"a","copies":256}"#,
        r#"{"file":"a","copies":-1}"#,
        r#"{"file":"a","copies":5.0}"#,
        r#"{"copies":1}"#,
        r#"{"file":"a","copies":1,"quality":"best"}"#,
        r#"{"file":"123456789012345678901234567890123","copies":1}"#,
        r#"{"file":"a","pages":[[1,2],[1,2],[1,2],[1,2],[1,2]]}"#,
    ] {
        let error = read::<Job>(text).unwrap_err();
        assert!(matches!(error, TypedError::Mismatch(_)), "{text}");
        assert!(
            error
                .to_string()
                .starts_with("JSON does not fit the type: ")
        );
    }
}

#[test]
fn what_is_not_json_is_refused_before_any_type_sees_it() {
    let deep = [r#"{"file":"a","x":"#, &"[".repeat(40), &"]".repeat(40), "}"].concat();
    assert!(matches!(
        read::<Job>(&deep),
        Err(TypedError::Json(JsonError::TooDeep { .. }))
    ));
    for text in ["", " ", "{", r#"{"file":"a"} x"#, r#"{"file":"a","x":tru}"#] {
        assert!(
            matches!(read::<Job>(text), Err(TypedError::Json(_))),
            "{text}"
        );
    }
}

#[test]
fn the_room_for_decoding_is_named_to_the_byte() {
    for (text, needed) in [
        (r#"{"file":"a\u0062c"}"#, 14),
        (r#"{"file":"a\nb"}"#, 15 + 6),
        (r#"{"file":"a\"b","x":"\\"}"#, 24 + 6),
    ] {
        for capacity in 0..needed {
            let read: Result<Job, _> = from_text(text, &mut std::vec![0; capacity]);
            let error = TypedError::Scratch(TooLong { needed, capacity });
            assert_eq!(read, Err(error), "{text}");
        }
        let read: Result<Job, _> = from_text(text, &mut std::vec![0; needed]);
        assert!(read.is_ok(), "{text}");
    }
}

#[test]
fn a_text_cut_or_changed_anywhere_is_read_or_refused() {
    let text = r#"{"file":"a\"\u00fc\ud83d\ude00","copies":3,"pages":[[1,2]],"quality":"fine","x":{"y":1.5e3}}"#;
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(read::<Job>(&text[..end]).is_err());
    }
    for at in (0..text.len()).step_by(STRIDE) {
        for byte in *b"\"\\{}[],:0-.e u" {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(text) = core::str::from_utf8(&bytes) {
                let _ = read::<Job>(text);
                let _ = read::<LinearMap<String<8>, Shape, 8>>(text);
            }
        }
    }
}

#[test]
fn a_value_that_does_not_fit_is_counted_and_a_refused_one_is_taken_back() {
    let mut buffer = [0; 4];
    let mut w = Writer::new(&mut buffer);
    to_writer(&mut w, &(1, "abc")).unwrap();
    assert_eq!(w.finish().map_err(|e| e.needed), Err(9));

    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    w.put(b"head");
    let mut map = LinearMap::<_, _, 1>::new();
    map.insert((), 1).unwrap();
    let refused = to_writer(&mut w, &("abc", map));
    assert_eq!(refused, Err(TypedError::Key));
    assert_eq!(w.since(0), b"head");
    assert_eq!(to_writer(&mut w, &1u128), Err(TypedError::Refused));
    assert_eq!(written(&(f64::NAN, f32::INFINITY)).unwrap(), "[null,null]");
}
