//! Text that must not be used as a secret: published secrets, examples, and text from a keyboard instead of a random
//! generator.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Values from public documents, and placeholders that people use until they have a secret.
const PUBLISHED: [&str; 8] = [
    // The specification's own test vector, and those of its implementations' READMEs.
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "whsec_plJ3nmyCDGBKInavdOK15jsl",
    // Stripe's documentation.
    "whsec_test_secret",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "sk_test_BQokikJOvBiI2HlWgH4olfQ2",
    "sk_test_tR3PYbcVNZZ796tH88S4VQ2u",
    "re_123456789",
];
const WORDS: [&str; 9] =
    ["changeme", "change_me", "change-me", "example", "placeholder", "your_", "your-", "yoursecret", "xxxxxxxx"];

/// Whether a secret can be guessed from public knowledge.
pub fn is_guessable(secret: &str) -> bool {
    let secret = secret.trim();
    let lower = secret.to_ascii_lowercase();
    let rest = secret.trim_start_matches("live:").trim_start_matches("whsec_");
    // Bytes may have a pattern that their base64 does not show, and vice versa.
    let bytes = STANDARD.decode(rest).unwrap_or_default();
    PUBLISHED.contains(&secret)
        || WORDS.iter().any(|word| lower.contains(word))
        || is_patterned(rest.trim_end_matches('=').as_bytes())
        || is_patterned(&bytes)
}

/// Whether bytes repeat a pattern, or count up or down. All zeros do.
pub fn is_patterned(bytes: &[u8]) -> bool {
    let repeats = |period: usize| bytes[period..].iter().zip(bytes).all(|(a, b)| a == b);
    let steps = |step: u8| bytes.windows(2).all(|two| two[1] == two[0].wrapping_add(step));
    bytes.len() >= 4 && ((1..=bytes.len() / 2).any(repeats) || steps(1) || steps(255))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_public_is_no_secret() {
        for bad in [
            PUBLISHED[0],
            "0000000000000000000000000000000000000000",
            "0123456789abcdef0123456789abcdef",
            "abababababababababababababababab",
            "please-changeme-please-changeme-please",
            "your_webhook_secret_goes_here_1234567",
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "whsec_YWJjZGVhYmNkZWFiY2RlYWJjZGVhYmNkZWFiY2RlYWI=",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdef",
        ] {
            assert!(is_guessable(bad), "{bad}");
        }
        assert!(is_patterned(&[0; 32]) && is_patterned(&(0..32).collect::<Vec<u8>>()));
        assert!(is_patterned(&[1, 2, 3, 1, 2, 3, 1]));
    }

    proptest! {
        #[test]
        fn what_is_random_is_kept(bytes in prop::array::uniform32(any::<u8>())) {
            prop_assert!(!is_guessable(&crate::base::id::hex(&bytes)) && !is_patterned(&bytes));
        }
    }
}
