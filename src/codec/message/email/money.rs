//! Amounts and instants as an email shows them.

use crate::base::time::UtcMillis;

/// Currencies without a minor unit, by Stripe's definition. Stripe counts Icelandic króna and Ugandan shilling in
/// hundredths, although their minor units are not in use.
const WITHOUT_MINOR: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies with a thousand minor units.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// `1,234.50 USD`, or `1,234.50 USD of credit`, from minor units and `cash:usd` or `credit:usd`.
pub fn money(minor: i64, unit: &str) -> String {
    let (form, currency) = unit.split_once(':').unwrap_or(("cash", unit));
    let currency = currency.to_ascii_lowercase();
    let digits = match currency.as_str() {
        c if WITHOUT_MINOR.contains(&c) => 0,
        c if THOUSANDTHS.contains(&c) => 3,
        _ => 2,
    };
    let whole_of = 10u64.pow(digits);
    let amount = minor.unsigned_abs();
    let mut text = if minor < 0 { "-".to_owned() } else { String::new() };
    text.push_str(&grouped(amount / whole_of));
    if digits > 0 {
        text.push_str(&format!(".{:0width$}", amount % whole_of, width = digits as usize));
    }
    text.push(' ');
    text.push_str(&currency.to_ascii_uppercase());
    if form == "credit" {
        text.push_str(" of credit");
    }
    text
}

/// `20%`, `12.5%`.
pub fn percent(bps: i64) -> String {
    let hundredths = format!("{}.{:02}", bps / 100, (bps % 100).abs());
    format!("{}%", hundredths.trim_end_matches('0').trim_end_matches('.'))
}

/// `2026-06-15 09:00 UTC`.
pub fn instant(at: UtcMillis) -> String {
    let text = at.to_rfc3339();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

/// Groups thousands with commas.
fn grouped(number: u64) -> String {
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
