//! What Stripe still needs from a partner, in words: emails and pages say the same.

use crate::base::sort::sort;

/// By a part of the name that Stripe gives it. The first that fits.
const NAMES: &[(&str, &str)] = &[
    ("external_account", "a bank account"),
    ("tos_acceptance", "your agreement to Stripe's terms"),
    ("document", "an identity document"),
    ("dob", "your date of birth"),
    ("ssn", "your tax ID number"),
    ("id_number", "your tax ID number"),
    ("tax_id", "your tax ID number"),
    ("address", "an address"),
    ("email", "an email address"),
    ("phone", "a phone number"),
    ("first_name", "your name"),
    ("last_name", "your name"),
    ("business_profile", "what your business does"),
    ("business_type", "what kind of business you are"),
    ("representative", "who represents your business"),
    ("owners", "who owns your business"),
];
/// Everything else: the partner sees at Stripe what it is.
const OTHER: &str = "other details";

/// Without repetitions: `individual.verification.document` is "an identity document".
pub fn in_words<S: AsRef<str>>(requested: &[S]) -> Vec<&'static str> {
    let name = |code: &S| NAMES.iter().find(|(part, _)| code.as_ref().contains(part)).map_or(OTHER, |(_, name)| *name);
    let mut names: Vec<&'static str> = requested.iter().map(name).collect();
    sort(&mut names);
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_of_stripes_is_shown() {
        let due = ["person_1.first_name", "person_1.last_name", "external_account", "settings.fancy.flag_2"];
        assert_eq!(in_words(&due), ["a bank account", "other details", "your name"]);
        assert!(in_words::<&str>(&[]).is_empty());
    }
}
