//! The cookie's payload: touches as text, and back.
//!
//! A line `visitor<TAB>until` and one line `program<TAB>code<TAB>campaign<TAB>click id<TAB>at<TAB>partner<TAB>terms` per
//! touch. Numbers have digits of six bits, and instants are UTC milliseconds. The terms are the model's letter and the
//! window's days; a later touch of a program has none, and `=` with a letter that counts the programs for its name. No
//! field may contain a control character, so no two touch histories have the same payload.

use crate::base::time::UtcMillis;
use crate::engine::attribution::kept::{PartnerMark, TOUCHES_MAX, TouchCost, TouchTerms};
use crate::engine::attribution::touch::{TOUCH_AGE_MAX_DAYS, Touch, TouchHistory};
use crate::engine::link::CODE_MAX;
use crate::engine::link::campaign::is_campaign;
use crate::program::document::Model;

const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-";

/// Instants are below 10^15.
const INSTANT_END: i64 = 1_000_000_000_000_000;

/// A touch history and the instant at which its last window closes, which the cookie must outlive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCookie {
    pub touchpoints: TouchHistory,
    /// One for each touch.
    pub terms: Vec<TouchTerms>,
    pub until: UtcMillis,
}

impl SignedCookie {
    /// A visitor without touches.
    pub fn new(visitor: String) -> SignedCookie {
        SignedCookie::of(TouchHistory { visitor, touches: Vec::new() }, UtcMillis(0))
    }

    /// A touch history of programs whose last touch decides, each code its own partner's.
    pub fn of(touchpoints: TouchHistory, until: UtcMillis) -> SignedCookie {
        let terms = |touch: &Touch| TouchTerms {
            partner: PartnerMark::of(&touch.code.as_str().into()),
            model: Model::LastTouch,
            window_days: TOUCH_AGE_MAX_DAYS,
        };
        SignedCookie { terms: touchpoints.touches.iter().map(terms).collect(), touchpoints, until }
    }
}

/// Whether every field has a length and characters that reading accepts.
pub fn fits(signed: &SignedCookie) -> bool {
    let touches = &signed.touchpoints.touches;
    is_word(&signed.touchpoints.visitor, 1, 40)
        && touches.len() <= TOUCHES_MAX
        && touches.len() == signed.terms.len()
        && touches.iter().all(|touch| {
            is_word(&touch.program, 1, 64)
                && is_word(&touch.code, 1, CODE_MAX)
                && (touch.campaign.is_empty() || is_campaign(&touch.campaign))
                && is_word(&touch.click_id, 1, 40)
                && (0..INSTANT_END).contains(&touch.at.0)
        })
}

/// Without the formatting machinery, because this runs on every redirect.
pub fn encode(signed: &SignedCookie) -> String {
    let touches = &signed.touchpoints.touches;
    let mut out = String::with_capacity(64 + 128 * touches.len());
    out.push_str(&signed.touchpoints.visitor);
    out.push('\t');
    push_number(&mut out, signed.until.0);
    // Where each program's first touch is.
    let (mut firsts, mut programs) = ([0; TOUCHES_MAX], 0);
    for (at, (touch, terms)) in touches.iter().zip(&signed.terms).enumerate().take(TOUCHES_MAX) {
        out.push('\n');
        let known = firsts[..programs].iter().position(|first: &usize| touches[*first].program == touch.program);
        match known {
            Some(program) => {
                out.push('=');
                out.push(letter(program));
            }
            None => {
                out.push_str(&touch.program);
                (firsts[programs], programs) = (at, programs + 1);
            }
        }
        for field in [touch.code.as_str(), &touch.campaign, &touch.click_id] {
            out.push('\t');
            out.push_str(field);
        }
        for number in [touch.at.0, i64::from(terms.partner.0)] {
            out.push('\t');
            push_number(&mut out, number);
        }
        if known.is_none() {
            out.push('\t');
            out.push(if terms.model == Model::FirstTouch { 'F' } else { 'L' });
            push_number(&mut out, terms.window_days);
        }
    }
    out
}

/// What a touch adds to the payload, without its campaign: at most 9 + 4 digits, the terms with 3, and their separators.
pub fn cost(touch: &Touch) -> TouchCost {
    let own = touch.code.len() + touch.click_id.len() + digits(touch.at.0) + 4 + 6;
    TouchCost { first: own + touch.program.len() + 4, next: own + 2 }
}

/// What the payload's first line takes.
pub fn head(signed: &SignedCookie) -> usize {
    signed.touchpoints.visitor.len() + 1 + digits(INSTANT_END)
}

pub fn decode(bytes: &[u8]) -> Option<SignedCookie> {
    let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
    let (visitor, until) = lines.next()?.split_once('\t')?;
    let touchpoints = TouchHistory { visitor: visitor.to_owned(), touches: Vec::with_capacity(4) };
    let mut signed = SignedCookie { touchpoints, terms: Vec::with_capacity(4), until: instant(until)? };
    let (mut firsts, mut programs) = ([0; TOUCHES_MAX], 0);
    for line in lines {
        let mut fields = line.split('\t');
        let mut field = || fields.next();
        let (name, code, campaign, click_id) = (field()?, field()?, field()?, field()?);
        let (at, partner) = (instant(field()?)?, PartnerMark(u32::try_from(number(field()?)?).ok()?));
        let touches = &signed.touchpoints.touches;
        if touches.len() == TOUCHES_MAX || partner.0 >> PartnerMark::BITS != 0 {
            return None;
        }
        let is_known = firsts[..programs].iter().any(|first: &usize| touches[*first].program == *name);
        let (program, terms) = match name.strip_prefix('=') {
            Some(reference) => {
                let first =
                    (0..programs).find(|place| reference.chars().eq([letter(*place)])).map(|place| firsts[place])?;
                (touches[first].program.clone(), TouchTerms { partner, ..signed.terms[first] })
            }
            // A name that was there has a letter.
            None if is_known => return None,
            None => {
                (firsts[programs], programs) = (touches.len(), programs + 1);
                (name.into(), terms(field()?, partner)?)
            }
        };
        if fields.next().is_some() {
            return None;
        }
        let (campaign, click_id) = (campaign.to_owned(), click_id.to_owned());
        signed.touchpoints.touches.push(Touch { program, code: code.into(), campaign, click_id, at });
        signed.terms.push(terms);
    }
    fits(&signed).then_some(signed)
}

fn terms(text: &str, partner: PartnerMark) -> Option<TouchTerms> {
    let (model, days) = match text.strip_prefix('F') {
        Some(days) => (Model::FirstTouch, days),
        None => (Model::LastTouch, text.strip_prefix('L')?),
    };
    let window_days = number(days).filter(|days| (1..=TOUCH_AGE_MAX_DAYS).contains(days))?;
    Some(TouchTerms { partner, model, window_days })
}

/// The letter of the program at this place.
fn letter(place: usize) -> char {
    char::from(b'A' + (place % 26) as u8)
}

/// A negative number could not be read back, so nothing is written.
fn push_number(out: &mut String, number: i64) {
    let places = if number < 0 { 0 } else { digits(number) };
    out.extend((0..places).rev().map(|place| char::from(DIGITS[(number >> (6 * place) & 63) as usize])));
}

/// How many digits a number has.
fn digits(number: i64) -> usize {
    ((69 - number.leading_zeros() as usize) / 6).max(1)
}

/// Digits without leading zeros, so that a number has only one spelling.
fn number(text: &str) -> Option<i64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    if text.is_empty() || text.len() > 10 || !is_canonical {
        return None;
    }
    text.bytes().try_fold(0, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'_' => 36,
            b'a'..=b'z' => byte - b'a' + 37,
            b'-' => 63,
            _ => return None,
        };
        Some(number << 6 | i64::from(digit))
    })
}

fn instant(text: &str) -> Option<UtcMillis> {
    number(text).filter(|at| *at < INSTANT_END).map(UtcMillis)
}

fn is_word(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
