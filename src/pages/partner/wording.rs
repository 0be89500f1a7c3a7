//! The program's terms and the ledger's states in words for partners.

use crate::base::id;
use crate::engine::accrual::invoice::NEVER;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::settlement::schedule;
use crate::pages::components;
use crate::pages::locale::Locale;
use crate::program::catalog::Catalog;
use crate::program::document::{Beneficiary, Document, Effect, Hold, Reward, Unit};
use maud::{Markup, html};

/// The states that earnings can be filtered by, and what they mean.
pub const STATES: &[(&str, &str)] = &[
    ("pending", "In the hold period."),
    ("available", "Ready to be paid out or used."),
    ("held", "On hold while the program reviews it."),
    ("disputed", "The customer disputed the payment. On hold until the dispute closes."),
    ("waiting", "On hold until the program adds to its reward budget."),
    ("reversed", "The customer's payment was refunded, so you earned nothing."),
    ("void", "Not earned."),
];

pub fn meaning(state: &str) -> &'static str {
    match state {
        "paid" => return "Paid to you.",
        "on its way" => return "On its way to you.",
        _ => {}
    }
    STATES.iter().find(|(name, _)| *name == state).map_or("", |(_, meaning)| meaning)
}

/// The name that a partner sees for an account: always the same, and it does not reveal who the account is.
pub fn client_name(partner: &str, account: &str) -> String {
    let hash = id::derived("client", &[partner, account]);
    let short = hash.rsplit('_').next().and_then(|digits| digits.get(..6)).unwrap_or("");
    format!("Customer {}", short.to_ascii_uppercase())
}

/// `first-year` as "First year".
pub fn spaced(name: &str) -> String {
    let text = name.replace(['-', '_', '.'], " ");
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default() + chars.as_str()
}

/// A reward's or modifier's name and what it gives: "First year, 20%".
pub fn rule(locale: &dyn Locale, document: Option<&Document>, rule: &str) -> String {
    let name = spaced(rule);
    let Some(document) = document else { return name };
    if let Some(reward) = document.reward(rule) {
        return format!("{name}, {}", gives(locale, document, reward));
    }
    match document.modifiers.iter().find(|m| m.id == rule).map(|m| &m.then) {
        Some(Effect::AddBps(more)) => format!("{name} bonus, {} more", locale.percent(more.0)),
        Some(Effect::ReplaceBps(_)) => format!("{name} bonus"),
        None => name,
    }
}

fn gives(locale: &dyn Locale, document: &Document, reward: &Reward) -> String {
    let Beneficiary::Referrer = reward.to;
    match (reward.amount.flat_cents, reward.amount.rate_bps) {
        (Some(cents), _) => locale.money(cents.0, &document.currency),
        (None, Some(rate)) => locale.percent(rate.0),
        (None, None) => String::new(),
    }
}

/// What a commission is for: `invoice:<id>`, `state:<name>`, `event:<type>`.
pub fn accrual_source(source: &str) -> String {
    match source.split_once(':') {
        Some(("invoice", _)) => "Invoice paid".to_owned(),
        Some(("state", state)) => format!("Customer reached “{}”", spaced(state)),
        Some(("event", event)) => spaced(event),
        _ => spaced(source),
    }
}

/// A reason without the host's own ids, which may reveal who a customer is: `invoice in_1 was paid`.
fn without_ids(text: &str) -> String {
    let mut locale = text.split(' ');
    let mut kept: Vec<&str> = Vec::new();
    while let Some(word) = locale.next() {
        if word != "invoice" {
            kept.push(word);
            continue;
        }
        kept.push("the");
        let id = locale.next().unwrap_or("");
        kept.push(if id.ends_with(';') { "invoice;" } else { "invoice" });
    }
    kept.join(" ")
}

/// The reason as partners see it. What a reviewer wrote is for operators only.
pub fn reason(text: &str) -> String {
    if text.starts_with("rejected in review") {
        return "The program reviewed this and rejected it. Contact the program to learn more.".to_owned();
    }
    let text = without_ids(text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// What an unpaid payout in this state is waiting for. An operator's reason for a hold is not shown.
pub fn waits(state: &str) -> &'static str {
    match state {
        "held" => "on hold by the program",
        "planned" => "waiting for approval",
        "submitting" => "being sent",
        "review" => "under review",
        "failed" => "failed; the amount is available again",
        "cancelled" => "canceled; the amount is available again",
        _ => "",
    }
}

/// When a commission becomes available.
pub fn available(locale: &dyn Locale, catalog: &Catalog, accrual: &Accrual) -> Markup {
    let cadence = catalog.in_force(&accrual.program_id, accrual.at_ms).map(|d| d.settlement.cadence);
    html! {
        @match accrual.state {
            AccrualState::Available => "Now",
            AccrualState::Pending if accrual.vests_at_ms >= NEVER => "Not known yet",
            AccrualState::Pending => {
                (components::day(locale, cadence.map_or(accrual.vests_at_ms, |c| schedule::next_run_at(c, accrual.vests_at_ms))))
            }
            AccrualState::Held => "After review",
            AccrualState::Disputed => "When the dispute closes",
            AccrualState::Waiting => "When the budget is funded",
            AccrualState::Reversed | AccrualState::Void | AccrualState::Settled => "Never",
        }
    }
}

/// The program's hold period.
pub fn hold(document: &Document) -> String {
    match &document.vesting.hold {
        Hold::None {} => "Earnings are available immediately.".to_owned(),
        Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
            let void = if *void_if_cancelled { " If the customer cancels before then, you earn nothing." } else { "" };
            format!("Earnings are held until {days} days after the customer's first payment.{void}")
        }
        Hold::UntilState { state, churn_days } => format!(
            "Earnings are held until the customer reaches “{}”. If the customer cancels before then, or within {churn_days} \
             days of the first payment, you earn nothing.",
            spaced(state)
        ),
    }
}

/// Whether this program pays cash rather than credit.
pub fn pays_cash(document: Option<&Document>) -> bool {
    document.is_some_and(|d| d.settlement.unit == Unit::Cash && !d.rewards.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::locale::Plain;
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    #[test]
    fn rules_are_named_with_what_they_give() {
        let document = check::read(PRESETS[1].1).unwrap();
        for (id, want) in [
            ("first-year", "First year, 20%"),
            ("high-value", "High value, USD 500.00"),
            ("volume", "Volume bonus, 5% more"),
            ("platinum", "Platinum bonus"),
            ("gone", "Gone"),
        ] {
            assert_eq!(rule(&Plain, Some(&document), id), want);
        }
    }

    #[test]
    fn customers_have_names_that_reveal_nothing() {
        let name = client_name("ptn_1", "jane@corp.example");
        assert!(name.starts_with("Customer ") && name.len() == 15 && !name.to_lowercase().contains("jane"), "{name}");
        assert_eq!(name, client_name("ptn_1", "jane@corp.example"));
        assert_ne!(name, client_name("ptn_2", "jane@corp.example"));
    }

    #[test]
    fn what_reviewers_write_stays_with_them() {
        assert!(!reason("rejected in review: Bob's own shop").contains("Bob"));
        assert_eq!(reason("invoice in_1 was paid"), "The invoice was paid.");
        assert_eq!(reason("a dispute of invoice acme-7 is open"), "A dispute of the invoice is open.");
        assert_eq!(
            reason("discount on invoice in_1; referred through A"),
            "Discount on the invoice; referred through A."
        );
        assert_eq!(reason(""), "");
    }
}
