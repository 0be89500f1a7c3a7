use crate::base::decode::*;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Plain,
    One(i64),
    Named { by: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    id: i64,
    name: String,
    note: Option<String>,
    on: bool,
    #[serde(default)]
    ways: Vec<Way>,
    by_name: BTreeMap<String, u8>,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Plain), any::<i64>().prop_map(Way::One), "\\PC*".prop_map(|by| Way::Named { by })]
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        id in any::<i64>(), name in "\\PC*", note in prop::option::of("\\PC*"), on in any::<bool>(),
        ways in prop::collection::vec(way(), 0..4), by_name in prop::collection::btree_map("\\PC*", any::<u8>(), 0..4),
    ) {
        let thing = Thing { id, name, note, on, ways, by_name };
        let text = serde_json::to_string(&thing).unwrap();
        prop_assert_eq!(from_text::<Thing>(&text), Ok(thing));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = from_text::<Thing>(&text);
    }
}

#[test]
fn a_mismatch_names_its_path() {
    let read = |text: &str| from_text::<Thing>(text).expect_err(text);
    for (text, path, why) in [
        ("[]", "", "expected an object, got a list"),
        (r#"{"id": 1}"#, "", "missing field `name`"),
        (r#"{"id": "1"}"#, "id", "expected a whole number, got a string"),
        (r#"{"id": 1.5}"#, "id", "expected a whole number, got a fraction or a number beyond 64 bits"),
        (r#"{"id": 18446744073709551615}"#, "id", "expected a whole number, got a fraction or a number beyond 64 bits"),
        (r#"{"name": null}"#, "name", "expected a string, got null"),
        (r#"{"on": []}"#, "on", "expected true or false, got a list"),
        (r#"{"ways": {}}"#, "ways", "expected a list, got an object"),
        (r#"{"by_name": true}"#, "by_name", "expected an object, got true"),
        (r#"{"idd": 1}"#, "idd", "unknown field `idd`; expected one of `id`, `name`, `note`, `on`, `ways`, `by_name`"),
        (r#"{"ways": ["plain", {"named": {"by": 1}}]}"#, "ways[1].named.by", "expected a string, got 1"),
        (r#"{"ways": ["plane"]}"#, "ways[0]", "unknown value `plane`; expected one of `plain`, `one`, `named`"),
        (r#"{"ways": [1]}"#, "ways[0]", "expected a known word or an object with one field, got 1"),
        (r#"{"ways": [{"plain": 1}]}"#, "ways[0].plain", "expected nothing, got 1"),
        (r#"{"by_name": {"a": 256}}"#, "by_name.a", "expected a whole number from 0 to 255, got 256"),
    ] {
        let mismatch = read(text);
        assert_eq!((mismatch.path(), mismatch.why()), (path, why), "{text}");
    }
    assert!(read("{").why().contains("EOF"));
}
