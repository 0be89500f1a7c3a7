//! How many decimals a currency has, amounts written and typed with them, and the smallest amount that can be sent.
//!
//! In scope: Stripe's minor units, the one table for everything that is shown, read, written or sent. Not in scope: the
//! viewer's locale (`pages/locale.rs`), and arithmetic (`base/money.rs`).

use crate::base::money::CENTS_MAX;

/// Currencies without a minor unit, by Stripe's definition. Stripe counts Icelandic króna and Ugandan shilling in
/// hundredths, although their minor units are not in use.
const WITHOUT_MINOR: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies with a thousand minor units.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies counted in hundredths of which Stripe moves only whole units.
const WHOLE: [&str; 2] = ["isk", "ugx"];

/// Decimals of a currency, whose code may be in any case: 0, 2 or 3.
pub fn decimals(currency: &str) -> u32 {
    let is = |code: &&str| code.eq_ignore_ascii_case(currency);
    if WITHOUT_MINOR.iter().any(is) {
        0
    } else if THOUSANDTHS.iter().any(is) {
        3
    } else {
        2
    }
}

/// Of what an amount must be a multiple for Stripe to move it, in minor units: thousandths end in 0.
pub fn step(currency: &str) -> i64 {
    let is_in = |codes: &[&str]| codes.iter().any(|code| code.eq_ignore_ascii_case(currency));
    if is_in(&THOUSANDTHS) {
        10
    } else if is_in(&WHOLE) {
        100
    } else {
        1
    }
}

/// Currencies with a step of more than one minor unit.
pub fn stepped() -> impl Iterator<Item = &'static str> {
    THOUSANDTHS.into_iter().chain(WHOLE)
}

/// `-1234.50`: for machines, in CSV and Markdown.
pub fn plain(minor: i64, currency: &str) -> String {
    written(minor, currency, |whole| whole.to_string())
}

/// `-1,234.50`.
pub fn grouped(minor: i64, currency: &str) -> String {
    written(minor, currency, thousands)
}

fn written(minor: i64, currency: &str, whole: fn(u64) -> String) -> String {
    let decimals = decimals(currency);
    let (unit, amount) = (10u64.pow(decimals), minor.unsigned_abs());
    let mut text = if minor < 0 { "-".to_owned() } else { String::new() };
    text.push_str(&whole(amount / unit));
    if decimals > 0 {
        text.push_str(&format!(".{:0width$}", amount % unit, width = decimals as usize));
    }
    text
}

/// Groups thousands with commas.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A typed amount in minor units: `500`, `1,250.50`, with at most as many decimals as the currency has. `None` if it is
/// not a positive amount. A comma only separates thousands: `500,50`, meant as 500.50, is refused rather than read as
/// 50,050.
pub fn typed(text: &str, currency: &str) -> Option<i64> {
    let decimals = decimals(currency) as usize;
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split([',', ' ']);
    let first = groups.next().unwrap_or("");
    if whole != first && !(1..=3).contains(&first.len()) || groups.any(|group| group.len() != 3) {
        return None;
    }
    let whole = whole.replace([',', ' '], "");
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 13 || rest.len() > decimals || !digits(&whole) || !digits(rest) {
        return None;
    }
    let minor = format!("{whole}{rest:0<decimals$}").parse().ok()?;
    (1..=CENTS_MAX).contains(&minor).then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stripes_decimals() {
        for (currency, want) in [("usd", 2), ("JPY", 0), ("krw", 0), ("kwd", 3), ("isk", 2), ("ugx", 2), ("huf", 2)] {
            assert_eq!(decimals(currency), want, "{currency}");
        }
    }

    #[test]
    fn stripes_steps() {
        for (currency, want) in
            [("usd", 1), ("jpy", 1), ("KWD", 10), ("tnd", 10), ("isk", 100), ("UGX", 100), ("huf", 1)]
        {
            assert_eq!(step(currency), want, "{currency}");
        }
        assert!(stepped().all(|currency| step(currency) > 1));
    }

    #[test]
    fn amounts_are_written() {
        for (minor, currency, machine, person) in [
            (50_000, "jpy", "50000", "50,000"),
            (123_456_789, "usd", "1234567.89", "1,234,567.89"),
            (-5, "eur", "-0.05", "-0.05"),
            (1_234_567, "kwd", "1234.567", "1,234.567"),
            (0, "isk", "0.00", "0.00"),
            (i64::MIN, "jpy", "-9223372036854775808", "-9,223,372,036,854,775,808"),
        ] {
            assert_eq!((plain(minor, currency).as_str(), grouped(minor, currency).as_str()), (machine, person));
        }
    }

    #[test]
    fn amounts_are_read() {
        for (text, currency, want) in [
            ("500", "usd", Some(50_000)),
            ("1,250.50", "usd", Some(125_050)),
            ("1 250.5", "usd", Some(125_050)),
            ("12,345,678", "usd", Some(1_234_567_800)),
            ("500", "jpy", Some(500)),
            ("500.0", "jpy", None),
            ("1.5", "kwd", Some(1_500)),
            ("1.505", "kwd", Some(1_505)),
            ("1.5055", "kwd", None),
            ("0.001", "usd", None),
            ("1,5", "usd", None),
            ("1,25,0", "usd", None),
            (",500", "usd", None),
            ("0", "usd", None),
            ("-5", "usd", None),
            ("", "usd", None),
            ("five", "usd", None),
            ("1.", "usd", Some(100)),
            (".5", "usd", None),
            ("99999999999999", "usd", None),
            ("1e9", "usd", None),
            ("500,50", "usd", None),
            ("1.250,50", "usd", None),
            ("1234,567", "usd", None),
            ("5 00", "usd", None),
            ("1,250,", "usd", None),
        ] {
            assert_eq!(typed(text, currency), want, "{text} {currency}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minor in 1i64..=CENTS_MAX, currency in prop::sample::select(vec!["usd", "jpy", "kwd"])) {
            prop_assert_eq!(typed(&grouped(minor, currency), currency), Some(minor));
            prop_assert_eq!(typed(&plain(minor, currency), currency), Some(minor));
        }
    }
}
