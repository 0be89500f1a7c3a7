//! The short reference: the touches that decide, where a token does not fit. Stripe takes 200 of `[A-Za-z0-9_-]` as a
//! `client_reference_id`, and 500 characters in metadata.
//!
//! `mref1_` and, in base64url, the content and the first 128 bits of its HMAC-SHA-256, under keys of its own. A touch is
//! the mark of its program, its instant, its code packed to six bits a character, or four where it is hex, and its
//! click; the visitor's id comes last. Clicks and the visitor are left out where there is no room.

use crate::base::id;
use crate::base::ids::ProgramId;
use crate::base::time::UtcMillis;
use crate::codec::attribution::cookie::CookieKeys;
use crate::engine::attribution::touch::{Touch, TouchHistory};
use crate::engine::link::CODE_MAX;
use crate::program::catalog::Catalog;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub const PREFIX: &str = "mref1_";

/// Most characters of a reference.
pub const REFERENCE_CHARS_MAX: usize = 190;

/// Most touches in one, each of another exclusive group.
const TOUCHES_MAX: usize = 2;

const MAC_BYTES: usize = 16;
const CONTENT_BYTES_MAX: usize = (REFERENCE_CHARS_MAX - PREFIX.len()) * 3 / 4 - MAC_BYTES;
const MARK_BYTES: usize = 4;
const INSTANT_BYTES: usize = 6;
/// A mark, an instant, and two bytes about the code.
const TOUCH_BYTES: usize = MARK_BYTES + INSTANT_BYTES + 2;

const PURPOSE: &str = "attribution reference";

/// What stands for a program's name until `name_programs`. No name contains it.
const MARKED: char = '#';

/// Bits of a touch's form.
const IS_HEX: u8 = 1;
const HAS_CLICK: u8 = 2;
/// The bit of the first byte that says that a visitor follows; the others count the touches.
const HAS_VISITOR: u8 = 128;

/// A reference with the first of these touches, at most two, and how many it has. `None`: none fits.
pub fn write(keys: &CookieKeys, visitor: &str, touches: &[&Touch]) -> Option<(String, usize)> {
    let packed: Vec<(&Touch, bool, Vec<u8>)> =
        touches.iter().filter_map(|touch| packed(touch)).take(TOUCHES_MAX).collect();
    let mut spent = 1;
    let fitting = packed.iter().take_while(|(_, _, code)| {
        spent += TOUCH_BYTES + code.len();
        spent <= CONTENT_BYTES_MAX
    });
    let fitting: Vec<&(&Touch, bool, Vec<u8>)> = fitting.collect();
    let mut left = CONTENT_BYTES_MAX - 1 - fitting.iter().map(|(_, _, code)| TOUCH_BYTES + code.len()).sum::<usize>();
    let mut fit = |random: Option<[u8; id::ID_BYTES]>| {
        let fits = random.filter(|_| left >= id::ID_BYTES);
        left -= fits.map_or(0, |_| id::ID_BYTES);
        fits
    };
    let clicks: Vec<_> = fitting.iter().map(|(touch, ..)| fit(id::random_part("clk", &touch.click_id))).collect();
    let visitor = fit(id::random_part("vis", visitor));
    let count = u8::try_from(fitting.len()).ok().filter(|count| *count > 0)?;
    let mut content = vec![count | visitor.map_or(0, |_| HAS_VISITOR)];
    for ((touch, is_hex, code), click) in fitting.iter().zip(&clicks) {
        content.extend(mark(&touch.program));
        content.extend(&touch.at.0.to_be_bytes()[8 - INSTANT_BYTES..]);
        content.push((u8::from(*is_hex) * IS_HEX) | click.map_or(0, |_| HAS_CLICK));
        content.push(u8::try_from(touch.code.len()).ok()?);
        content.extend(code);
        content.extend(click.iter().flatten());
    }
    content.extend(visitor.iter().flatten());
    let tag = hmac(&keys.derived(PURPOSE).first()?[..], &content)?.finalize().into_bytes();
    content.extend(&tag[..MAC_BYTES]);
    Some((format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(content)), fitting.len()))
}

/// Reads a reference. Its touches have marks for programs.
pub fn read(keys: &CookieKeys, text: &str) -> Option<TouchHistory> {
    let encoded = text.strip_prefix(PREFIX).filter(|_| text.len() <= REFERENCE_CHARS_MAX)?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let (content, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
    // Compares in constant time.
    let verifies = |key: &[u8; 32]| hmac(key, content).is_some_and(|mac| mac.verify_truncated_left(tag).is_ok());
    if !keys.derived(PURPOSE).iter().any(verifies) {
        return None;
    }
    let mut rest = content;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let head = take(1)?[0];
    let mut touches = Vec::with_capacity(TOUCHES_MAX);
    for _ in 0..head & !HAS_VISITOR {
        let program = format!("{MARKED}{}", id::hex(take(MARK_BYTES)?));
        let at = take(INSTANT_BYTES)?.iter().fold(0, |at, byte| at << 8 | i64::from(*byte));
        let (form, chars) = (take(1)?[0], usize::from(take(1)?[0]));
        let is_hex = form & IS_HEX != 0;
        let code = unpacked(take(packed_len(chars, is_hex))?, chars, is_hex)?;
        let click = if form & HAS_CLICK == 0 { None } else { Some(take(id::ID_BYTES)?) };
        let click_id = click.and_then(|click| Some(id::fresh("clk", click.try_into().ok()?))).unwrap_or_default();
        touches.push(Touch {
            program: program.into(),
            code: code.into(),
            campaign: String::new(),
            click_id,
            at: UtcMillis(at),
        });
    }
    let visitor = if head & HAS_VISITOR == 0 { None } else { Some(take(id::ID_BYTES)?) };
    let visitor = visitor.and_then(|visitor| Some(id::fresh("vis", visitor.try_into().ok()?))).unwrap_or_default();
    (rest.is_empty() && !touches.is_empty()).then_some(TouchHistory { visitor, touches })
}

/// Puts programs' names in the place of their marks. A touch of a program that is not known any more is left out.
pub fn name_programs(history: &mut TouchHistory, catalog: &Catalog) {
    history.touches.retain_mut(|touch| {
        let Some(wanted) = touch.program.strip_prefix(MARKED).and_then(id::unhex) else { return true };
        let Some(program) = catalog.all().find(|program| mark(&program.id)[..] == wanted[..]) else { return false };
        touch.program = program.id.clone();
        true
    });
}

fn mark(program: &ProgramId) -> [u8; MARK_BYTES] {
    let digest: [u8; 32] = Sha256::digest(program.as_bytes()).into();
    std::array::from_fn(|at| digest[at])
}

fn packed(touch: &Touch) -> Option<(&Touch, bool, Vec<u8>)> {
    let code = touch.code.as_str();
    if code.is_empty() || code.len() > CODE_MAX || touch.at.0 >> (8 * INSTANT_BYTES) != 0 {
        return None;
    }
    let is_hex = code.len().is_multiple_of(2) && !code.bytes().any(|byte| byte.is_ascii_uppercase());
    if let Some(bytes) = id::unhex(code).filter(|_| is_hex) {
        return Some((touch, true, bytes));
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(filled(code)).ok()?;
    bytes.truncate(packed_len(code.len(), false));
    Some((touch, false, bytes))
}

/// The characters with as many `A` (zero bits) as make whole bytes of them.
fn filled(code: &str) -> String {
    format!("{code}{}", &"AAA"[..(4 - code.len() % 4) % 4])
}

fn packed_len(chars: usize, is_hex: bool) -> usize {
    if is_hex { chars / 2 } else { (chars * 6).div_ceil(8) }
}

fn unpacked(bytes: &[u8], chars: usize, is_hex: bool) -> Option<String> {
    let mut code = if is_hex { id::hex(bytes) } else { URL_SAFE_NO_PAD.encode([bytes, &[0; 2]].concat()) };
    code.truncate(chars);
    (code.len() == chars && (1..=CODE_MAX).contains(&chars)).then_some(code)
}

fn hmac(key: &[u8], content: &[u8]) -> Option<Hmac<Sha256>> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    hmac.update(PREFIX.as_bytes());
    hmac.update(content);
    Some(hmac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::attribution::{cookie, token};
    use proptest::prelude::*;

    fn keys() -> CookieKeys {
        CookieKeys::parse(&format!("k1:{},k0:{}", "1f".repeat(32), "2e".repeat(32))).unwrap()
    }

    fn touch(program: &str, code: &str, n: u8) -> Touch {
        Touch {
            program: program.into(),
            code: code.into(),
            campaign: String::new(),
            click_id: id::fresh("clk", &[n; id::ID_BYTES]),
            at: UtcMillis(1_790_000_000_000 + i64::from(n)),
        }
    }

    /// As it is read, with names.
    fn read_back(text: &str, programs: &[&Touch]) -> Option<TouchHistory> {
        let mut history = token::read(&keys(), text)?;
        for touch in &mut history.touches {
            let named = programs.iter().find(|t| format!("#{}", id::hex(&mark(&t.program))) == touch.program.as_str());
            touch.program = named.map(|t| t.program.clone()).unwrap_or_default();
        }
        Some(history)
    }

    #[test]
    fn two_of_the_longest_codes_fit() {
        let visitor = id::fresh("vis", &[9; id::ID_BYTES]);
        let hex = ["ab".repeat(32), "0f".repeat(32)];
        let mixed = ["Ab_-".repeat(16), "9z".repeat(32)];
        for (codes, clicks) in [(&hex, true), (&mixed, false)] {
            let both = [touch(&"p".repeat(64), &codes[0], 1), touch("q", &codes[1], 2)];
            let (text, count) = write(&keys(), &visitor, &[&both[0], &both[1]]).unwrap();
            assert!(count == 2 && text.len() <= REFERENCE_CHARS_MAX, "{}", text.len());
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{text}");
            let mut wanted = both.to_vec();
            if !clicks {
                wanted.iter_mut().for_each(|touch| touch.click_id.clear());
            }
            let history = read_back(&text, &[&both[0], &both[1]]).unwrap();
            assert_eq!((history.touches, history.visitor.as_str()), (wanted, ""));
        }
        let long = touch("p", &"z".repeat(128), 1);
        let (text, count) = write(&keys(), &visitor, &[&long, &touch("q", "aB3dE5gH", 2)]).unwrap();
        assert!(count == 1 && text.len() <= REFERENCE_CHARS_MAX);
        assert_eq!(read_back(&text, &[&long]).unwrap().touches[0].code, long.code);
        let short = touch("p", "aB3dE5gH", 1);
        let history = read_back(&write(&keys(), &visitor, &[&short]).unwrap().0, &[&short]).unwrap();
        assert_eq!((history.touches, history.visitor), (vec![short], visitor));
        assert_eq!(write(&keys(), "v", &[]), None);
    }

    #[test]
    fn a_forged_or_cut_one_is_refused() {
        let both = [touch("p", "aB3dE5gH", 1), touch("q", &"0f".repeat(32), 2)];
        let (text, _) = write(&keys(), "vis_1", &[&both[0], &both[1]]).unwrap();
        assert!(token::is_token(&text) && !token::is_token("user_17") && !token::is_token("cref1_x"));
        for len in 0..text.len() {
            assert_eq!(read(&keys(), &text[..len]), None, "cut to {len}");
        }
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut flipped = text.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                let flipped = String::from_utf8(flipped).unwrap();
                assert_eq!(read(&keys(), &flipped), None, "byte {at} bit {bit}");
            }
        }
        let old = CookieKeys::parse(&format!("k0:{}", "2e".repeat(32))).unwrap();
        let (by_old, _) = write(&old, "vis_1", &[&both[0]]).unwrap();
        assert!(read(&keys(), &by_old).is_some(), "a key that was rotated");
        assert!(read(&old, &text).is_none());
        assert_eq!(cookie::read_value(&keys(), &text), None);
        assert_eq!(read(&keys(), &format!("{text}=")), None);
        let both = format!("{} {text}", &text[..text.len() - 4]);
        assert_eq!(token::read(&keys(), &both), token::read(&keys(), &text), "the first that verifies");
    }

    #[test]
    fn marks_become_names() {
        let mut history = TouchHistory { visitor: String::new(), touches: vec![touch("p", "a", 1)] };
        let (text, _) = write(&keys(), "vis_1", &[&touch("gone", "aB3dE5gH", 1)]).unwrap();
        history.touches.extend(read(&keys(), &text).unwrap().touches);
        name_programs(&mut history, &Catalog::default());
        assert_eq!(history.touches, [touch("p", "a", 1)]);
    }

    proptest! {
        #[test]
        fn codes_round_trip(codes in prop::collection::vec("[A-Za-z0-9_-]{1,64}|[0-9a-f]{1,64}", 1..=2)) {
            let touches: Vec<Touch> = codes.iter().enumerate().map(|(n, code)| touch("p", code, n as u8)).collect();
            let all: Vec<&Touch> = touches.iter().collect();
            let (text, count) = write(&keys(), "vis_1", &all).unwrap();
            let read = read(&keys(), &text).unwrap();
            prop_assert_eq!(count, touches.len());
            prop_assert_eq!(read.touches.iter().map(|t| (&t.code, t.at)).collect::<Vec<_>>(), touches.iter().map(|t| (&t.code, t.at)).collect::<Vec<_>>());
        }

        #[test]
        fn nothing_panics(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..150)) {
            read(&keys(), &text);
            read(&keys(), &format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)));
        }
    }
}
