//! Amounts rounded down to what Stripe can move (`base/currency.rs`), in SQL.

use crate::base::currency;
use std::fmt::Write;

/// Of what an amount in a currency, given by an expression, must be a multiple.
pub fn step(currency: &str) -> String {
    let mut sql = format!("CASE {currency}");
    for code in currency::stepped() {
        let _ = write!(sql, " WHEN '{code}' THEN {}", currency::step(code));
    }
    sql + " ELSE 1 END"
}

/// An amount of zero or more without the part that can't be moved.
pub fn whole(amount: &str, currency: &str) -> String {
    format!("({amount} - {amount} % {})", step(currency))
}
