//! A submitted form and its problems. Problems are shown beside the fields, and what was typed is kept.

use crate::http::exchange::decode;
use crate::service::error::AppError;

/// The maximum number of fields that are read. None of our forms has more.
const FIELDS_MAX: usize = 100;

/// The fields of a form, and the problems found so far.
#[derive(Clone, Debug, Default)]
pub struct SubmittedForm {
    fields: Vec<(String, String)>,
    problems: Vec<(String, String)>,
}

impl SubmittedForm {
    /// Reads `application/x-www-form-urlencoded`. Text that cannot be decoded is left out.
    pub fn read(body: &[u8]) -> SubmittedForm {
        let text = std::str::from_utf8(body).unwrap_or("");
        let fields = text.split('&').take(FIELDS_MAX).filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?.replace("\r\n", "\n")))
        });
        SubmittedForm { fields: fields.collect(), problems: Vec::new() }
    }

    /// A form filled with these values.
    pub fn filled(fields: &[(&str, &str)]) -> SubmittedForm {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SubmittedForm { fields, problems: Vec::new() }
    }

    /// Sets a field, regardless of what the form sent.
    pub fn put(&mut self, name: &str, value: &str) {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// A field as typed, trimmed; empty if it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim())
    }

    /// The field, or `None` if it was left empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    pub fn is_checked(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }

    /// Every value of a field that may occur several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Adds a problem with a field; an empty name means the whole form.
    pub fn refuse(&mut self, field: &str, what: impl Into<String>) {
        self.problems.push((field.to_owned(), what.into()));
    }

    /// Adds a service's error to the field that it names, or to the form.
    pub fn refused(&mut self, error: &AppError) {
        let field = error.field.as_deref().unwrap_or("");
        let known = self.fields.iter().any(|(name, _)| name == field);
        self.refuse(if known { field } else { "" }, sentence(&error.detail));
    }

    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, what)| what.as_str())
    }

    pub fn problems(&self) -> &[(String, String)] {
        &self.problems
    }

    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Adds the capital and the period that error details lack.
fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::error::ErrorKind;

    #[test]
    fn what_was_typed_is_kept() {
        let mut form = SubmittedForm::read(b"name=%20A%26B+&note=a%0D%0Ab&kind=x&kind=y&broken=%zz&on");
        assert_eq!([form.get("name"), form.get("note"), form.get("broken"), form.get("none")], ["A&B", "a\nb", "", ""]);
        assert_eq!(form.all("kind").collect::<Vec<_>>(), ["x", "y"]);
        assert!(form.is_checked("on") && !form.is_checked("off") && form.is_good());
        form.refused(&AppError::new(ErrorKind::Unprocessable, "bad", "must be a name").field("name"));
        form.refused(&AppError::new(ErrorKind::Unprocessable, "bad", "is gone").field("elsewhere"));
        assert_eq!((form.problem("name"), form.problem("")), (Some("Must be a name."), Some("Is gone.")));
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = SubmittedForm::read(&body);
        }
    }
}
