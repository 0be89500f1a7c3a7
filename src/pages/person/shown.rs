//! A copy of a person's data as a page: the same as its JSON, as lists of names and values.

use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::form::SubmittedForm;
use crate::pages::text::shared::person as text;
use maud::{Markup, html};
use serde_json::Value;

/// Everything that a JSON value says.
pub fn value(held: &Value) -> Markup {
    match held {
        Value::Object(fields) => html! {
            dl.facts { @for (name, held) in fields { @if !is_empty(held) { div { dt { (label(name)) } dd { (value(held)) } } } } }
        },
        Value::Array(rows) => html! { ol { @for row in rows { li { (value(row)) } } } },
        Value::String(said) => html! { (said) },
        Value::Bool(true) => html! { (text::YES) },
        Value::Bool(false) => html! { (text::NO) },
        Value::Null => html! {},
        number @ Value::Number(_) => html! { (number) },
    }
}

fn is_empty(held: &Value) -> bool {
    match held {
        Value::Null => true,
        Value::String(said) => said.is_empty(),
        Value::Array(rows) => rows.is_empty(),
        _ => false,
    }
}

/// A field's name in words.
pub fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The field that confirms an erasure.
pub fn confirm(form: &SubmittedForm, label: &str, hint: &str) -> Markup {
    components::field(
        form,
        Field { name: "confirm", label, required: true, autocomplete: "off", max: 255, hint, ..Field::default() },
    )
}
