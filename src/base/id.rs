//! Ids made from random bytes that the caller provides, and the alphabets they are written in.

use data_encoding::{Encoding, HEXLOWER, HEXLOWER_PERMISSIVE, Specification};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Random bytes that a new id uses: 15 bytes make 24 characters of base32, which rules out guessing and collisions.
pub const ID_BYTES: usize = 15;

/// How many characters of its random part an id shares with the id that it is near to.
pub const NEAR: usize = 6;

/// Crockford's base32 in lower case: no letter looks like another letter or a digit.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    alphabet.encoding().expect("32 symbols, none of them twice")
});
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix_` and 24 characters of Crockford's base32.
pub fn fresh(prefix: &str, random: &[u8; ID_BYTES]) -> String {
    // Without the formatting machinery, because every redirect makes two.
    let mut id = String::with_capacity(prefix.len() + 1 + ID_BYTES * 8 / 5);
    id.push_str(prefix);
    id.push('_');
    BASE32.encode_append(random, &mut id);
    id
}

/// The random bytes of an id that `fresh` made with this prefix.
pub fn random_part(prefix: &str, id: &str) -> Option<[u8; ID_BYTES]> {
    let digits = id.strip_prefix(prefix)?.strip_prefix('_')?;
    BASE32.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// An id derived from facts: the same parts always give the same id, and different parts give a different id.
pub fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length prefix keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; ID_BYTES];
    short.copy_from_slice(&digest[..ID_BYTES]);
    fresh(prefix, &short)
}

/// The same, but starting like the id `near`. Such ids sort in the order of the ids they are near to, so rows that are
/// written together are adjacent in every index. An empty `near` adds no prefix.
pub fn derived_near(prefix: &str, near: &str, parts: &[&str]) -> String {
    let own = derived(prefix, parts);
    let place = near.split_once('_').and_then(|(_, random)| random.get(..NEAR));
    place.map_or_else(|| own.clone(), |place| format!("{prefix}_{place}{}", &own[prefix.len() + 1 + NEAR..]))
}

/// The bytes of lower- or upper-case hex digits; `None` if the text is not hex.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The first `len` base62 digits of `bytes`, read as one big number to avoid the bias of taking bytes modulo 62. `len`
/// digits need at least `len` bytes of input to be evenly distributed.
pub fn base62(bytes: &[u8], len: usize) -> String {
    let mut number = bytes.to_vec();
    let mut out = String::with_capacity(len);
    for _ in 0..len {
        let mut rest = 0u32;
        for byte in number.iter_mut() {
            let value = (rest << 8) | u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        out.push(char::from(BASE62[rest as usize]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_forms() {
        assert_eq!(fresh("ptn", &[0; ID_BYTES]), "ptn_000000000000000000000000");
        assert_eq!(fresh("ptn", &[255; ID_BYTES]), "ptn_zzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(random_part("ptn", &fresh("ptn", &[7; ID_BYTES])), Some([7; ID_BYTES]));
        assert!(random_part("ptn", "clk_0").or(random_part("ptn", "ptn_0")).or(random_part("ptn", "ptn")).is_none());
        assert_eq!(derived("x", &["ab", "c"]), derived("x", &["ab", "c"]));
        assert_ne!(derived("x", &["ab", "c"]), derived("x", &["a", "bc"]));
        let own = derived("x", &["p", "1"]);
        assert_eq!(derived_near("x", "ptn_abcdefgh", &["p", "1"]), format!("x_abcdef{}", &own[8..]));
        assert_eq!(derived_near("x", "", &["p", "1"]), own);
        assert_eq!(fresh("ptn", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]), "ptn_041061050r3gg28a1c60t3gf");
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        assert_eq!(unhex("000FfF"), Some(vec![0, 15, 255]));
        assert!(unhex("0").is_none() && unhex("0g").is_none());
        assert_eq!(base62(&[61], 1), "z");
        assert_eq!(base62(&[1, 0], 2), "84");
    }

    proptest! {
        #[test]
        fn base62_has_its_length_and_alphabet(bytes in prop::collection::vec(any::<u8>(), 0..40), len in 0usize..12) {
            let code = base62(&bytes, len);
            prop_assert_eq!(code.len(), len);
            prop_assert!(code.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
    }
}
