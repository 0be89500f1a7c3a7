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
        ("[]", "", "an object is wanted, not a list"),
        (r#"{"id": 1}"#, "", "the field `name` is missing"),
        (r#"{"id": "1"}"#, "id", "a whole number is wanted, not a text"),
        (r#"{"id": 1.5}"#, "id", "a whole number is wanted, not a fraction or a number beyond 64 bits"),
        (
            r#"{"id": 18446744073709551615}"#,
            "id",
            "a whole number is wanted, not a fraction or a number beyond 64 bits",
        ),
        (r#"{"name": null}"#, "name", "a text is wanted, not null"),
        (r#"{"on": []}"#, "on", "true or false is wanted, not a list"),
        (r#"{"ways": {}}"#, "ways", "a list is wanted, not an object"),
        (r#"{"by_name": true}"#, "by_name", "an object is wanted, not true"),
        (r#"{"idd": 1}"#, "idd", "`idd` is no field here; there are `id`, `name`, `note`, `on`, `ways`, `by_name`"),
        (r#"{"ways": ["plain", {"named": {"by": 1}}]}"#, "ways[1].named.by", "a text is wanted, not 1"),
        (r#"{"ways": ["plane"]}"#, "ways[0]", "`plane` is not known here; there are `plain`, `one`, `named`"),
        (r#"{"ways": [1]}"#, "ways[0]", "a word that is known here, or an object with one field is wanted, not 1"),
        (r#"{"ways": [{"plain": 1}]}"#, "ways[0].plain", "nothing is wanted, not 1"),
        (r#"{"by_name": {"a": 256}}"#, "by_name.a", "a whole number from 0 to 255 is wanted, not 256"),
    ] {
        let mismatch = read(text);
        assert_eq!((mismatch.path(), mismatch.why()), (path, why), "{text}");
    }
    assert!(read("{").why().contains("EOF"));
}
