//! The program's rules as partners read them.

// The hold period.
pub const NO_HOLD: &str = "Earnings are available immediately.";

pub fn held_for_days(days: i64, void_if_canceled: bool) -> String {
    let void = if void_if_canceled { " If the customer cancels before then, you earn nothing." } else { "" };
    format!("Earnings are held until {days} days after the customer's first payment.{void}")
}

pub fn held_until(state: &str, churn_days: i64) -> String {
    format!(
        "Earnings are held until the customer reaches “{state}”. If the customer cancels before then, or within \
         {churn_days} days of the first payment, you earn nothing."
    )
}

/// A reward's name and what it gives.
pub fn reward(name: &str, gives: &str) -> String {
    format!("{name}, {gives}")
}

pub fn bonus(name: &str) -> String {
    format!("{name} bonus")
}

pub fn bonus_of(name: &str, percent: &str) -> String {
    format!("{name} bonus, {percent} more")
}
