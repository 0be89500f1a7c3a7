//! Request bodies for Stripe: `application/x-www-form-urlencoded`, with nested names in brackets.

/// Names and values in order; `metadata[partner_id]` is one name.
use crate::base::percent;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormEncoder(Vec<(String, String)>);

impl FormEncoder {
    pub fn new() -> FormEncoder {
        FormEncoder::default()
    }

    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> FormEncoder {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The same, if there is a value.
    pub fn with_some(self, name: &str, value: Option<&str>) -> FormEncoder {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// As a body, or as a query.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            if !out.is_empty() {
                out.push('&');
            }
            escape(name, &mut out);
            out.push('=');
            escape(value, &mut out);
        }
        out
    }
}

/// Percent-encodes everything but letters, digits, `-`, `_` and `.`.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            percent::push(out, byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_escaped() {
        let form =
            FormEncoder::new().with("metadata[a b]", "x&y=z+é").with_some("code", None).with_some("limit", Some("100"));
        assert_eq!(form.encode(), "metadata%5Ba%20b%5D=x%26y%3Dz%2B%C3%A9&limit=100");
        assert_eq!(FormEncoder::new().encode(), "");
    }
}
