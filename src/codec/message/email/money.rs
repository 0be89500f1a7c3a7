//! Amounts and instants as an email shows them.

use crate::base::currency;
use crate::base::time::UtcMillis;

/// `1,234.50 USD`, or `1,234.50 USD of credit`, from minor units and `cash:usd` or `credit:usd`.
pub fn money(minor: i64, unit: &str) -> String {
    let (form, code) = unit.split_once(':').unwrap_or(("cash", unit));
    let mut text = format!("{} {}", currency::grouped(minor, code), code.to_ascii_uppercase());
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
