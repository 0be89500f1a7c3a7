//! Ids made from random bytes that the shell hands in, and the alphabets they are written in.

use sha2::{Digest, Sha256};

/// Random bytes a fresh id takes: 15 bytes are 24 characters of base32, beyond guessing and beyond collision.
pub const ID_BYTES: usize = 15;

const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix_` and 24 characters of Crockford's base32.
pub fn fresh(prefix: &str, random: &[u8; ID_BYTES]) -> String {
    let mut out = String::with_capacity(prefix.len() + 25);
    out.push_str(prefix);
    out.push('_');
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in random {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push(char::from(BASE32[((bits >> held) & 31) as usize]));
        }
    }
    out
}

/// An id that follows from the facts it names: the same parts always give the same id, other parts another one.
pub fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; ID_BYTES];
    short.copy_from_slice(&digest[..ID_BYTES]);
    fresh(prefix, &short)
}

/// The same, beginning as the id `near` does: sorted, such ids stand in the order of those they are near to, and rows
/// that are written together stand together in every index. An empty `near` is near nobody.
pub fn derived_near(prefix: &str, near: &str, parts: &[&str]) -> String {
    const NEAR: usize = 6;
    let own = derived(prefix, parts);
    let place = near.split_once('_').and_then(|(_, random)| random.get(..NEAR));
    place.map_or_else(|| own.clone(), |place| format!("{prefix}_{place}{}", &own[prefix.len() + 1 + NEAR..]))
}

/// The bytes of lower- or upper-case hex digits; `None` where the text is something else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    bytes.len().is_multiple_of(2).then_some(())?;
    bytes.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])).collect()
}

/// The first `len` base62 digits of `bytes` read as one big number, without the bias of taking bytes modulo 62.
/// `len` digits need at least `len` bytes of input to be evenly spread.
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
        assert_eq!(derived("x", &["ab", "c"]), derived("x", &["ab", "c"]));
        assert_ne!(derived("x", &["ab", "c"]), derived("x", &["a", "bc"]));
        let own = derived("x", &["p", "1"]);
        assert_eq!(derived_near("x", "ptn_abcdefgh", &["p", "1"]), format!("x_abcdef{}", &own[8..]));
        assert_eq!(derived_near("x", "", &["p", "1"]), own);
        assert_eq!(hex(&[0, 15, 255]), "000fff");
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
