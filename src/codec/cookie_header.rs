//! The only reader of Cookie headers.
//!
//! In scope: which pairs a header contains, by the rules of RFC 6265bis: only SP and HTAB are white space, and names
//! must match exactly. Browsers trim the same white space before they check the `__Host-` prefix. A reader that trimmed
//! more would mistake a cookie planted by another host for ours. Not in scope: what a value means.

/// The header's pairs, in order. A part without `=` is a cookie without a name.
pub fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').map(|pair| match pair.split_once('=') {
        Some((name, value)) => (trimmed(name), trimmed(value)),
        None => ("", trimmed(pair)),
    })
}

/// Every value of a name, including empty ones.
pub fn all<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs(header).filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

/// The value of the only cookie with this name. If there are two, nobody can tell which one is the browser's own, so
/// neither counts. An empty value does not count either.
pub fn only<'a>(header: &'a str, name: &'a str) -> Option<&'a str> {
    let mut found = all(header, name);
    let value = found.next()?;
    (found.next().is_none() && !value.is_empty()).then_some(value)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_read_as_browsers_write_them() {
        let header = "a=1; b = 2 ;\tc=x=y; nameless; ; =d";
        let want = [("a", "1"), ("b", "2"), ("c", "x=y"), ("", "nameless"), ("", ""), ("", "d")];
        assert_eq!(pairs(header).collect::<Vec<_>>(), want);
        assert_eq!((only(header, "a"), only(header, "c"), only(header, "e")), (Some("1"), Some("x=y"), None));
    }

    #[test]
    fn no_other_white_space_is_dropped() {
        // Each of these was once trimmed, which let a planted cookie pass for the session.
        for space in ["\u{2000}", "\u{a0}", "\u{85}", "\u{3000}", "\u{feff}", "\u{b}", "\u{c}", "\r", "\n", "\u{1680}"]
        {
            for header in [format!("{space}s=planted; s=own"), format!("s{space}=planted; s=own")] {
                assert_eq!(only(&header, "s"), Some("own"), "{header:?}");
            }
            assert_eq!(only(&format!("{space}s=planted"), "s"), None, "{space:?}");
        }
        assert_eq!(only("S=planted; s=own", "s"), Some("own"), "names are exact");
    }

    #[test]
    fn two_of_a_name_are_none() {
        for header in ["s=a; s=b", "s=a; s=a", "s=; s=a", "s=a; x=1; s=", " s = a;s=b"] {
            assert_eq!(only(header, "s"), None, "{header}");
        }
        assert_eq!(all("s=a; s=; t=1; s=b", "s").collect::<Vec<_>>(), ["a", "", "b"]);
    }

    proptest! {
        #[test]
        fn one_among_others_is_found(before in "[a-z]{2,5}=[ -:<-~]{0,9}", after in "[a-z]{2,5}=[ -:<-~]{0,9}", value in "[!#-+--:<-~]{1,9}") {
            let header = format!("{before}; s={value}; {after}");
            prop_assert_eq!(only(&header, "s"), Some(value.as_str()));
        }

        #[test]
        fn nothing_panics(header in "\\PC*", name in "\\PC{0,9}") {
            let _ = (only(&header, &name), pairs(&header).count());
        }
    }
}
