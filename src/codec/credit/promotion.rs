//! Coupons and promotion codes in Stripe's format: the request forms, and the values read from a response.

use crate::base::ids::ProgramId;
use crate::codec::stripe::form::FormEncoder;
use crate::program::document::{Benefit, Document};
use serde_json::Value;

/// Characters of a code that people may have to type: 60 bits, too many to guess.
const CODE_CHARS: usize = 12;

/// A code as it is stored and requested.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// Our id for it.
    pub id: &'a str,
    pub program: &'a ProgramId,
    pub coupon: &'a str,
    pub text: &'a str,
}

/// The coupon for a program's version. Its id contains its terms, so that it can't be confused with another version's.
pub fn coupon_id(document: &Document, benefit: &Benefit) -> String {
    format!("manicule-{}-v{}-{}bps-{}m", document.id, document.version, benefit.rate_bps.0, benefit.months)
}

pub fn coupon_form(document: &Document, benefit: &Benefit, id: &str) -> FormEncoder {
    let form =
        FormEncoder::new().with("id", id).with("percent_off", percent(benefit)).with("duration", duration(benefit));
    let form = match benefit.months {
        1 => form,
        months => form.with("duration_in_months", months.to_string()),
    };
    form.with("metadata[program]", &document.id).with("metadata[version]", document.version.to_string())
}

/// Whether Stripe's coupon matches the requested one.
pub fn is_coupon(benefit: &Benefit, id: &str, value: &Value) -> bool {
    let months = value["duration_in_months"].as_i64();
    // Stripe may write 20 or 20.0.
    let off = value["percent_off"].to_string();
    value["object"] == "coupon"
        && value["id"] == id
        && off.strip_suffix(".0").unwrap_or(&off) == percent(benefit)
        && value["duration"] == duration(benefit)
        && months == (benefit.months != 1).then_some(benefit.months)
        && value["valid"] != false
}

/// A code's text, from the random part of a new id.
pub fn code_text(fresh_id: &str) -> String {
    let random = fresh_id.split_once('_').map_or(fresh_id, |(_, random)| random);
    random.chars().take(CODE_CHARS).collect::<String>().to_ascii_uppercase()
}

/// Allows one redemption, by a customer who has not paid before: the discount is for a friend's first invoice.
pub fn code_form(code: Code) -> FormEncoder {
    FormEncoder::new()
        .with("promotion[type]", "coupon")
        .with("promotion[coupon]", code.coupon)
        .with("code", code.text)
        .with("max_redemptions", "1")
        .with("restrictions[first_time_transaction]", "true")
        .with("metadata[promotion]", code.id)
        .with("metadata[program]", code.program)
}

/// Lists the promotion codes with this text.
pub fn code_query(code: Code) -> FormEncoder {
    FormEncoder::new().with("code", code.text).with("limit", "10")
}

/// Stripe's id of a promotion code, if it is this one.
pub fn code_made(code: Code, value: &Value) -> Option<String> {
    let is_ours = value["object"] == "promotion_code"
        && value["code"].as_str().is_some_and(|text| text.eq_ignore_ascii_case(code.text))
        && value["metadata"]["promotion"] == code.id;
    value["id"].as_str().filter(|_| is_ours).map(str::to_owned)
}

/// `20`, `12.5`, `33.33`.
fn percent(benefit: &Benefit) -> String {
    let (whole, part) = (benefit.rate_bps.0 / 100, benefit.rate_bps.0 % 100);
    let text = format!("{whole}.{part:02}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn duration(benefit: &Benefit) -> &'static str {
    if benefit.months == 1 { "once" } else { "repeating" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::Bps;
    use crate::program::document::BenefitOn;
    use serde_json::json;

    fn benefit(rate: i64, months: i64) -> Benefit {
        Benefit { rate_bps: Bps(rate), on: BenefitOn::FirstInvoice, months, as_promotion_code: true }
    }

    #[test]
    fn rates_are_written_as_stripe_writes_them() {
        for (rate, text) in [(2_000, "20"), (1_250, "12.5"), (3_333, "33.33"), (10_000, "100"), (5, "0.05")] {
            assert_eq!(percent(&benefit(rate, 1)), text);
        }
    }

    #[test]
    fn a_coupon_with_other_terms_is_another() {
        let once =
            json!({"object": "coupon", "id": "c", "percent_off": 12.5, "duration": "once", "duration_in_months": null});
        assert!(is_coupon(&benefit(1_250, 1), "c", &once));
        assert!(!is_coupon(&benefit(1_250, 3), "c", &once) && !is_coupon(&benefit(1_200, 1), "c", &once));
        assert!(!is_coupon(&benefit(1_250, 1), "d", &once));
        let months =
            json!({"object": "coupon", "id": "c", "percent_off": 20, "duration": "repeating", "duration_in_months": 3});
        assert!(is_coupon(&benefit(2_000, 3), "c", &months) && !is_coupon(&benefit(2_000, 4), "c", &months));
    }
}
