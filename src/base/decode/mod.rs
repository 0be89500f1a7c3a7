//! Reads a JSON value into one of our types. An error names the path of the wrong value, such as
//! `rewards[0].amount.rate_bps`.
//!
//! In scope: serde's data model over `serde_json::Value`, with fields read by name only. `serde_json`'s own readers
//! also accept a structure from an array and from borrowed text, and the compiler repeats all of that for each type: a
//! third of the bundle. Names of fields and variants are looked up here, for all types, and handed over as numbers, so
//! that no type compares names itself. Numbers are integers; fractions are rejected.

mod mismatch;

pub use crate::base::decode::mismatch::Mismatch;

use serde::de::value::{StringDeserializer, U64Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Reads a JSON text.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Mismatch> {
    let value: Value = serde_json::from_str(text).map_err(Mismatch::custom)?;
    from_value(value)
}

/// Reads a value.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Mismatch> {
    T::deserialize(Reader(value))
}

struct Reader(Value);

impl Reader {
    #[cold]
    #[inline(never)]
    fn unexpected(&self, wanted: &dyn Expected) -> Mismatch {
        let found = match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => {
                number.as_i64().map_or(Unexpected::Other("a fraction or a number beyond 64 bits"), Unexpected::Signed)
            }
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Mismatch::invalid_type(found, wanted)
    }
}

/// The integer value of a number; rejects fractions and integers out of range.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0 }),
            Value::Object(fields) => visitor.visit_map(Members { fields: fields.into_iter(), at: None }),
            ref number @ Value::Number(_) => match integer(number) {
                Some(value) => visitor.visit_i64(value),
                None => Err(self.unexpected(&visitor)),
            },
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match integer(&self.0) {
            Some(value) => visitor.visit_i64(value),
            None => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0 }),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Members { fields: fields.into_iter(), at: None }),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields { known, fields: fields.into_iter(), at: None }),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant { name, known, value: None }),
            Value::Object(fields) if fields.len() == 1 => match fields.into_iter().next() {
                Some((name, value)) => visitor.visit_enum(Variant { name, known, value: Some(value) }),
                None => Err(Mismatch::custom("expected exactly one key")),
            },
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_string(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_string(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_i64(visitor)
    }

    forward_to_deserialize_any! { i8 i16 i32 i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct }
}

/// The place of a name in a type's list, which is the number that the type knows it by. Beyond the list: unknown.
fn number_of(name: &str, known: &[&str]) -> u64 {
    known.iter().position(|other| *other == name).map_or(u64::MAX, |place| place as u64)
}

/// A map: its keys are any text.
struct Members {
    fields: serde_json::map::IntoIter,
    /// The key and its value.
    at: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.at = self.fields.next();
        let Some((name, _)) = &self.at else { return Ok(None) };
        let key = seed.deserialize(StringDeserializer::new(name.clone()));
        key.map(Some).map_err(|e: Mismatch| e.below(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        value_of(self.at.take(), seed)
    }
}

/// A structure: its keys are known.
struct Fields {
    known: &'static [&'static str],
    fields: serde_json::map::IntoIter,
    at: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.at = self.fields.next();
        let Some((name, _)) = &self.at else { return Ok(None) };
        // A type that ignores unknown fields takes any number beyond its own.
        let field = seed.deserialize(U64Deserializer::<Mismatch>::new(number_of(name, self.known)));
        field.map(Some).map_err(|_| Mismatch::unknown_field(name, self.known).below(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        value_of(self.at.take(), seed)
    }
}

fn value_of<'de, S: DeserializeSeed<'de>>(at: Option<(String, Value)>, seed: S) -> Result<S::Value, Mismatch> {
    let (name, value) = at.unwrap_or_default();
    seed.deserialize(Reader(value)).map_err(|e| e.below(&name))
}

struct Items {
    items: std::vec::IntoIter<Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Mismatch;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(Reader(value)).map(Some).map_err(|e| e.below(&format!("[{at}]")))
    }
}

struct Variant {
    name: String,
    known: &'static [&'static str],
    value: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Mismatch;
    type Variant = Content;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content), Mismatch> {
        let Variant { name, known, value } = self;
        let variant = seed.deserialize(U64Deserializer::<Mismatch>::new(number_of(&name, known)));
        let variant = variant.map_err(|_| Mismatch::unknown_variant(&name, known))?;
        Ok((variant, Content { name, value }))
    }
}

struct Content {
    name: String,
    value: Option<Value>,
}

impl<'de> VariantAccess<'de> for Content {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(value) => Err(Reader(value).unexpected(&"nothing").below(&self.name)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mismatch> {
        seed.deserialize(Reader(self.value.unwrap_or(Value::Null))).map_err(|e| e.below(&self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        Reader(self.value.unwrap_or(Value::Null)).deserialize_seq(visitor).map_err(|e| e.below(&self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, known: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        let value = Reader(self.value.unwrap_or(Value::Null));
        value.deserialize_struct("", known, visitor).map_err(|e| e.below(&self.name))
    }
}

#[cfg(test)]
mod tests;
