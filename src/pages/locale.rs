//! Numbers, money and dates as the viewer writes them.

use crate::base::currency;
use crate::base::time::UtcMillis;
use crate::http::context::Platform;

/// The platform as pages need it.
pub trait Formatter: Platform {
    /// A formatter for a language.
    fn locale(&self, language: &str) -> Box<dyn Locale>;
}

/// Formats values for a viewer. The runtime knows every locale (`runtime/intl.rs`); [`Plain`] knows one. Days and times
/// are in UTC, as the months and weeks are by which everything is counted: an invoice of July 1 in the viewer's zone
/// would appear in the statement for June.
pub trait Locale {
    /// BCP 47. Not the language of the page, which is English.
    fn locale(&self) -> &str;
    /// An amount with its currency, from minor units, with as many decimals as the currency has.
    fn money(&self, minor: i64, currency: &str) -> String;
    fn number(&self, number: i64) -> String;
    /// Basis points as a percentage.
    fn percent(&self, bps: i64) -> String;
    /// A calendar day in UTC without its year, for charts.
    fn date(&self, at: UtcMillis) -> String;
    /// The day in UTC.
    fn day(&self, at: UtcMillis) -> String;
    /// Day and time in UTC, and the zone.
    fn instant(&self, at: UtcMillis) -> String;
}

/// The first language of an Accept-Language header that looks like one, or English.
pub fn language(header: &str) -> &str {
    let first = header.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
    let fits =
        |tag: &&str| (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    first.into_iter().find(fits).unwrap_or("en")
}

/// English and UTC, without the runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Locale for Plain {
    fn locale(&self) -> &str {
        "en"
    }

    fn money(&self, minor: i64, code: &str) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        let amount = currency::grouped(minor, code);
        format!("{sign}{} {}", code.to_uppercase(), amount.trim_start_matches('-'))
    }

    fn number(&self, number: i64) -> String {
        let sign = if number < 0 { "-" } else { "" };
        format!("{sign}{}", currency::thousands(number.unsigned_abs()))
    }

    fn percent(&self, bps: i64) -> String {
        let sign = if bps < 0 { "-" } else { "" };
        let (whole, rest) = (bps.unsigned_abs() / 100, bps.unsigned_abs() % 100);
        if rest == 0 { format!("{sign}{whole}%") } else { format!("{sign}{whole}.{rest:02}%") }
    }

    fn date(&self, at: UtcMillis) -> String {
        at.to_rfc3339().chars().skip(5).take(5).collect()
    }

    fn day(&self, at: UtcMillis) -> String {
        at.to_rfc3339().chars().take(10).collect()
    }

    fn instant(&self, at: UtcMillis) -> String {
        let text = at.to_rfc3339();
        format!("{} {} UTC", text.get(..10).unwrap_or(""), text.get(11..16).unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words() {
        assert_eq!(Plain.money(123_456_789, "usd"), "USD 1,234,567.89");
        assert_eq!(Plain.money(-5, "eur"), "-EUR 0.05");
        assert_eq!([Plain.money(50_000, "jpy"), Plain.money(1_500, "kwd")], ["JPY 50,000", "KWD 1.500"]);
        assert_eq!([Plain.percent(2_000), Plain.percent(1_250), Plain.number(-1_000)], ["20%", "12.50%", "-1,000"]);
        assert_eq!(Plain.instant(UtcMillis(0)), "1970-01-01 00:00 UTC");
    }

    #[test]
    fn a_language_is_found_or_english() {
        for (header, want) in
            [("de-CH,fr;q=0.9", "de-CH"), ("", "en"), ("*", "en"), ("x", "en"), ("<script>,pt-BR;q=1", "pt-BR")]
        {
            assert_eq!(language(header), want, "{header}");
        }
    }
}
