//! A visitor's fingerprints of several months, as one text: a form has one field for them.

/// How many fit in the field.
const FINGERPRINTS_MAX: usize = 3;

const SEPARATOR: char = '.';

pub fn joined(fingerprints: &[String]) -> Option<String> {
    let kept = &fingerprints[..fingerprints.len().min(FINGERPRINTS_MAX)];
    (!kept.is_empty()).then(|| kept.join("."))
}

/// The visitor's ids in a text: fingerprints, or the one id that it is.
pub fn split(visitor: &str) -> Vec<&str> {
    let parts: Vec<&str> = visitor.split(SEPARATOR).collect();
    if parts.iter().all(|part| part.starts_with("fp_")) { parts } else { vec![visitor] }
}

/// The id by which the visitor is counted.
pub fn first(visitor: &str) -> &str {
    split(visitor).first().copied().unwrap_or(visitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_split() {
        let months = ["fp_1", "fp_2", "fp_3", "fp_4"].map(str::to_owned);
        assert_eq!(joined(&[]), None);
        assert_eq!(joined(&months[..1]).as_deref(), Some("fp_1"));
        let text = joined(&months).unwrap();
        assert_eq!((split(&text), first(&text)), (vec!["fp_1", "fp_2", "fp_3"], "fp_1"));
        for other in ["", "vis_1", "user.42", "fp_1.user"] {
            assert_eq!((split(other), first(other)), (vec![other], other));
        }
    }
}
