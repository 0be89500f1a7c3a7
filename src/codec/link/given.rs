//! The code that somebody gives: as itself, or in a link.

/// The code in `/r/CODE`, `?ref=CODE` or `?partner=CODE` of a link, or the text itself.
pub fn code_in(text: &str) -> &str {
    let text = text.trim();
    let until = |rest: &'_ str, ends: &[char]| -> usize { rest.find(ends).unwrap_or(rest.len()) };
    if let Some((_, rest)) = text.split_once("/r/") {
        return &rest[..until(rest, &['/', '?', '#'])];
    }
    let Some((_, query)) = text.split_once('?') else { return text };
    let mut pairs = query[..until(query, &['#'])].split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| matches!(*name, "ref" | "partner")).map_or(text, |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_codes_give_codes() {
        for (given, code) in [
            (" ABC ", "ABC"),
            ("https://go.example/r/ABC", "ABC"),
            ("https://go.example/r/ABC?utm_source=x", "ABC"),
            ("https://shop.example/pricing?a=1&ref=ABC#top", "ABC"),
            ("https://shop.example/?partner=ABC&campaign=May", "ABC"),
            ("https://shop.example/?page=2", "https://shop.example/?page=2"),
            ("", ""),
        ] {
            assert_eq!(code_in(given), code, "{given}");
        }
    }
}
