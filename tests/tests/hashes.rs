//! Settings and status: written and read.

use redis_ipc::{Component, Error};
use redis_ipc_tests::bus::join;
use redis_ipc_tests::server::Server;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    title: String,
    page: u32,
    ratio: f64,
    duplex: bool,
    size: (u16, u16),
    mode: Mode,
    map: BTreeMap<String, Option<i64>>,
    eta: Option<u64>,
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    VeryFast,
    Scaled { by: f64 },
}

fn progress() -> Progress {
    Progress {
        title: "600 \"€\" \\ null".to_owned(),
        page: 3,
        ratio: 0.1,
        duplex: true,
        size: (210, 297),
        mode: Mode::VeryFast,
        map: BTreeMap::from([("a b".to_owned(), None), (String::new(), Some(i64::MIN))]),
        eta: Some(u64::MAX),
        note: Some("null".to_owned()),
    }
}

#[test]
fn a_struct_is_stored_by_field_and_read_as_it_was() {
    let server = Server::start();
    let mut web = join(&server, "web");
    for progress in [
        progress(),
        Progress {
            mode: Mode::Scaled { by: 1.5 },
            title: String::new(),
            ..progress()
        },
    ] {
        web.status().unwrap().write(&progress).unwrap();
        assert_eq!(web.status().unwrap().read::<Progress>().unwrap(), progress);
    }
    let stored = server.cli(&["HGETALL", "status.web"]).texts();
    let field = |name: &str| stored[stored.iter().position(|f| f == name).unwrap() + 1].clone();
    assert_eq!(field("duplex"), "true");
    assert_eq!(field("size"), "[210,297]");
    assert_eq!(field("note"), "null");
    assert_eq!(field("mode"), r#"{"scaled":{"by":1.5}}"#);
}

#[test]
fn an_absent_value_deletes_its_field_and_leaves_the_others() {
    let server = Server::start();
    let mut web = join(&server, "web");
    let mut status = web.status().unwrap();
    status.write(&progress()).unwrap();
    status.set("extra", "kept").unwrap();
    let without = Progress {
        eta: None,
        note: None,
        ..progress()
    };
    status.write(&without).unwrap();
    assert_eq!(status.get::<u64>("eta").unwrap(), None);
    assert_eq!(
        status.get::<String>("extra").unwrap().as_deref(),
        Some("kept")
    );
    assert_eq!(status.pairs().unwrap().len(), 8);
    status.set("extra", &None::<u8>).unwrap();
    status
        .write(&json!({"page": null, "nowhere": null}))
        .unwrap();
    assert_eq!(status.delete(&["ratio", "nowhere"]).unwrap(), 1);
    assert_eq!(status.pairs().unwrap().len(), 5);
    status.write(&json!({})).unwrap();
    assert!(status.clear().unwrap());
    assert!(!status.clear().unwrap());
    assert!(status.pairs().unwrap().is_empty());
    assert_eq!(status.delete::<&str>(&[]).unwrap(), 0);
}

#[test]
fn fields_are_set_and_read_one_by_one_as_any_type() {
    let server = Server::start();
    let mut web = join(&server, "web");
    let mut status = web.status().unwrap();
    status.set("text", "600").unwrap();
    status.set("number", &600).unwrap();
    status.set("list", &[1, 2]).unwrap();
    status.set("a b\0", "").unwrap();
    assert_eq!(
        status.get::<String>("number").unwrap().as_deref(),
        Some("600")
    );
    let error = status.get::<i8>("text").unwrap_err().to_string();
    assert!(
        error.contains("status.web") && error.contains("text"),
        "{error}"
    );
    assert_eq!(status.get::<u16>("text").unwrap(), Some(600));
    assert_eq!(status.get::<Vec<u8>>("list").unwrap(), Some(vec![1, 2]));
    assert_eq!(
        status.get::<Option<u16>>("number").unwrap(),
        Some(Some(600))
    );
    assert_eq!(status.get::<String>("a b\0").unwrap().as_deref(), Some(""));
    let error = status.read::<Progress>().unwrap_err();
    assert!(matches!(error, Error::Unexpected(_)), "{error:?}");
    let pairs: BTreeMap<String, String> = status.read().unwrap();
    assert_eq!(pairs["list"], "[1,2]");
    assert!(matches!(status.write(&[1]), Err(Error::Value(_))));
    assert!(matches!(status.write("text"), Err(Error::Value(_))));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    Off,
    On { level: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Text { text: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Truth(bool),
    Text(String),
    List(Vec<u8>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Forgiving {
    Known,
    #[serde(other)]
    Other,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Size {
    width: u16,
    unit: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shapes {
    internal: [Internal; 2],
    off: Internal,
    on: Internal,
    plain: Adjacent,
    adjacent: Adjacent,
    number: Untagged,
    truth: Untagged,
    text: Untagged,
    list: Untagged,
    known: Forgiving,
    pair: Pair,
    value: Value,
    numbered: BTreeMap<u16, char>,
    float: f64,
    #[serde(flatten)]
    size: Size,
}

#[test]
fn enums_of_every_tagging_flattened_structs_and_values_are_read_as_they_were_written() {
    let server = Server::start();
    let mut web = join(&server, "web");
    let mut status = web.status().unwrap();
    let shapes = Shapes {
        internal: [Internal::Off, Internal::On { level: 1 }],
        off: Internal::Off,
        on: Internal::On { level: 2 },
        plain: Adjacent::Unit,
        adjacent: Adjacent::Text {
            text: "7".to_owned(),
        },
        number: Untagged::Number(u64::MAX),
        truth: Untagged::Truth(true),
        text: Untagged::Text("7 sheets".to_owned()),
        list: Untagged::List(vec![1, 2]),
        known: Forgiving::Known,
        pair: Pair(1, "1".to_owned()),
        value: json!({"a": [1, 0.5, null, "1"]}),
        numbered: BTreeMap::from([(7, '7')]),
        float: 1.602_176_634e-19,
        size: Size {
            width: 210,
            unit: "mm".to_owned(),
        },
    };
    status.write(&shapes).unwrap();
    assert_eq!(status.read::<Shapes>().unwrap(), shapes);
    assert_eq!(status.get("on").unwrap(), Some(shapes.on));
    assert_eq!(status.get("value").unwrap(), Some(shapes.value));
    status.set("known", "something newer").unwrap();
    assert_eq!(status.get("known").unwrap(), Some(Forgiving::Other));

    // A whole hash that is an enum, a map by numbers, a value.
    status.clear().unwrap();
    status.write(&Internal::On { level: 3 }).unwrap();
    let internal: Internal = status.read().unwrap();
    assert_eq!(internal, Internal::On { level: 3 });
    let value: Value = status.read().unwrap();
    assert_eq!(value, json!({"type": "On", "level": 3}));
    status.clear().unwrap();
    let trays = BTreeMap::from([(1, 500), (2, 0)]);
    status.write(&trays).unwrap();
    assert_eq!(status.read::<BTreeMap<u8, u16>>().unwrap(), trays);
}

#[test]
fn a_text_that_reads_like_a_number_is_a_text_where_the_type_wants_one() {
    let server = Server::start();
    let mut web = join(&server, "web");
    let mut status = web.status().unwrap();
    let size = Size {
        width: 210,
        unit: "25.4".to_owned(),
    };
    status.write(&size).unwrap();
    assert_eq!(status.read::<Size>().unwrap(), size);
    let texts: BTreeMap<String, String> = status.read().unwrap();
    assert_eq!(texts["width"], "210");

    #[derive(Debug, PartialEq, Deserialize)]
    struct Rest {
        #[serde(flatten)]
        texts: BTreeMap<String, String>,
    }
    assert_eq!(status.read::<Rest>().unwrap(), Rest { texts });
}

#[test]
fn values_that_are_not_utf_8_are_read_with_replacements() {
    let server = Server::start();
    let mut web = join(&server, "web");
    server.cli(&[&b"HSET"[..], b"settings.web", b"k\xff", b"v\xfe"]);
    let pairs = web.settings("web").unwrap().pairs().unwrap();
    assert_eq!(pairs, [("k\u{fffd}".to_owned(), "v\u{fffd}".to_owned())]);
}

/// Whether this component may write the settings of `web`; the refusal names both.
fn may_write(component: &mut Component, writer: &str) -> bool {
    let outcome = component.settings("web").unwrap().set("dpi", &600);
    match outcome {
        Ok(()) => true,
        Err(error @ Error::NotSettingsWriter { .. }) => {
            let text = error.to_string();
            assert!(text.contains(component.name()), "{text}");
            assert!(text.contains(&format!("{writer:?}")), "{text}");
            assert!(text.contains("settings_writer"), "{text}");
            false
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn settings_are_written_by_the_settings_writer_of_the_bus_only() {
    let server = Server::start();
    let mut db = join(&server, "db");
    let mut web = join(&server, "web");
    assert!(may_write(&mut db, "db"));
    assert!(!may_write(&mut web, "db"), "not even its own");
    let refused = |component: &mut Component| {
        let mut settings = component.settings("web").unwrap();
        let not_writer = |outcome| matches!(outcome, Err(Error::NotSettingsWriter { .. }));
        not_writer(settings.write(&json!({"dpi": 1})))
            && not_writer(settings.delete(&["dpi"]).map(drop))
            && not_writer(settings.clear().map(drop))
    };
    assert!(refused(&mut web));
    assert_eq!(
        server.cli(&["HGETALL", "settings.web"]).texts(),
        ["dpi", "600"]
    );

    // What is said now counts, whenever a component joined.
    server.cli(&["HSET", "settings.redis-ipc", "settings_writer", "web"]);
    assert!(may_write(&mut web, "web"));
    assert!(!may_write(&mut db, "web"));
    server.cli(&["HSET", "settings.redis-ipc", "settings_writer", "*"]);
    assert!(may_write(&mut web, "*") && may_write(&mut db, "*"));
    web.read_own_settings().unwrap();
    server.cli(&["HDEL", "settings.redis-ipc", "settings_writer"]);
    assert!(!may_write(&mut web, "db"));
    assert!(may_write(&mut db, "db"));
    server.cli(&["HSET", "settings.redis-ipc", "settings_writer", ""]);
    assert!(!may_write(&mut db, ""), "nobody");
}

#[test]
fn the_settings_of_redis_ipc_itself_count_for_the_one_who_writes_them_at_once() {
    let server = Server::start();
    let mut web = join(&server, "web");
    web.settings("redis-ipc")
        .unwrap()
        .set("debug_verbosity", &2)
        .unwrap();
    assert_eq!(web.debug_verbosity(), 2);
    web.settings("redis-ipc")
        .unwrap()
        .delete(&["debug_verbosity"])
        .unwrap();
    assert_eq!(web.debug_verbosity(), 5);
    web.settings("redis-ipc")
        .unwrap()
        .set("debug_verbosity", &1)
        .unwrap();
    web.settings("redis-ipc").unwrap().clear().unwrap();
    assert_eq!(web.debug_verbosity(), 5);
}

#[test]
fn a_status_is_written_by_its_own_component_only_and_read_by_all() {
    let server = Server::start();
    let mut web = join(&server, "web");
    let mut desk = join(&server, "desk");
    web.status().unwrap().set("state", "busy").unwrap();
    let mut status = desk.status_of("web").unwrap();
    assert_eq!(
        status.get::<String>("state").unwrap().as_deref(),
        Some("busy")
    );
    assert!(matches!(status.set("state", "idle"), Err(Error::Usage(_))));
    assert!(matches!(status.clear(), Err(Error::Usage(_))));
    assert!(matches!(status.delete(&["state"]), Err(Error::Usage(_))));
    assert_eq!(server.cli(&["HGET", "status.web", "state"]), "busy");
}

#[test]
fn a_key_that_is_no_hash_is_an_error_in_the_servers_words() {
    let server = Server::start();
    let mut web = join(&server, "web");
    server.cli(&["SET", "status.web", "text"]);
    let mut status = web.status().unwrap();
    let wrong = |outcome: Result<(), Error>| match outcome {
        Err(Error::Server(error)) => assert_eq!(error.code(), "WRONGTYPE"),
        other => panic!("{other:?}"),
    };
    wrong(status.set("state", "busy"));
    wrong(status.write(&json!({"state": "busy", "note": null})));
    wrong(status.pairs().map(drop));
    wrong(status.get::<String>("state").map(drop));
    wrong(status.delete(&["state"]).map(drop));
}
