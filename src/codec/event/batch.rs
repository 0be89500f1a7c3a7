//! Many events in one body: `POST /v1/events`. Each is read for itself, so one that is refused does not stop the others.

use crate::base::time::UtcMillis;
use crate::codec::event::envelope;
use crate::codec::fields::{Fields, ID};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::event::Event;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// Most events of one call: so many fit into a few statements, and into a Worker's memory together with their accounts.
pub const EVENTS_MAX: usize = 500;

/// Longest body, in bytes: about 8 kB for each event, which is more than its token and all else that ours need.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One event of a body.
pub struct BatchedEvent {
    /// Its id, if it can be read.
    pub id: Option<String>,
    /// The bytes as sent.
    pub text: String,
    pub event: Result<Event, Invalid>,
}

/// Reads a body with a list of events.
pub fn parse(body: &[u8], now: UtcMillis) -> Result<Vec<BatchedEvent>, Invalid> {
    let whole = |field: &str, code, detail: String| Invalid { field: field.to_owned(), code, detail };
    let text = std::str::from_utf8(body)
        .map_err(|e| whole("", "invalid_utf8", format!("the body must be UTF-8; byte {} is not", e.valid_up_to())))?;
    let wrong = |error: serde_json::Error| match error.is_data() {
        true => whole("", "wrong_type", "the body must be a JSON object".to_owned()),
        false => whole("", "invalid_json", format!("the body must be one JSON value: {error}")),
    };
    let parts: Parts = serde_json::from_str(text).map_err(wrong)?;
    let names: Map<String, Value> = parts.0.iter().map(|(name, _)| (name.clone(), Value::Null)).collect();
    let (count, names) = (names.len(), Value::Object(names));
    let fields = Fields::closed(&names, &["events"])?;
    if count < parts.0.len() {
        return Err(whole("events", "duplicate_field", "events appears twice in its object; send it once".to_owned()));
    }
    let (_, events) = parts.0.first().ok_or_else(|| fields.missing("events"))?;
    let events: Vec<&RawValue> = serde_json::from_str(events.get())
        .map_err(|_| whole("events", "wrong_type", "events must be a list of objects".to_owned()))?;
    if events.is_empty() || events.len() > EVENTS_MAX {
        let code = if events.is_empty() { "too_few" } else { "too_many" };
        return Err(whole("events", code, format!("events must be a list of 1 to {EVENTS_MAX} events")));
    }
    Ok(events.into_iter().map(|event| one(event.get(), now)).collect())
}

fn one(text: &str, now: UtcMillis) -> BatchedEvent {
    let event = envelope::parse(text.as_bytes(), now);
    let id = match &event {
        Ok(event) => Some(event.id.to_string()),
        Err(_) => {
            json::read(text.as_bytes()).ok().and_then(|json| Fields::of_body(&json).ok()?.text("id", &ID).ok()?)
        }
    };
    BatchedEvent { id, text: text.to_owned(), event }
}

/// An object's parts, as sent.
struct Parts<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Parts<'a>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Parts<'de>, M::Error> {
                let mut parts = Vec::new();
                while let Some(part) = map.next_entry::<String, &'de RawValue>()? {
                    parts.push(part);
                }
                Ok(Parts(parts))
            }
        }
        reader.deserialize_map(Object)
    }
}
