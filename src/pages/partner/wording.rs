//! The program's terms and the ledger's states in words for partners.

use crate::base::id;
use crate::base::ids::{AccountId, PartnerId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::payment;
use crate::engine::accrual::payment::{ON_ITS_WAY, PAID};
use crate::engine::accrual::source::{AccrualOrigin, AccrualSource};
use crate::engine::accrual::{Accrual, AccrualState};
use crate::pages::components;
use crate::pages::locale::Locale;
use crate::pages::text::partner::{account, accrual as text};
use crate::pages::text::terms;
use crate::pages::text::terms::{Audience, Reader};
use crate::program::catalog::Catalog;
use crate::program::document::{Document, Unit};
use maud::{Markup, html};

/// The states that earnings can be filtered by.
pub const STATES: &[&str] =
    &["pending", "available", ON_ITS_WAY, PAID, "held", "disputed", "waiting", "reversed", "void"];

/// The name that a partner sees for an account: always the same, and it does not reveal who the account is.
pub fn client_name(partner: &PartnerId, account: &AccountId) -> String {
    if account.is_empty() {
        return account::NO_CUSTOMER.to_owned();
    }
    let hash = id::derived("client", &[partner, account]);
    let short = hash.rsplit('_').next().and_then(|digits| digits.get(..6)).unwrap_or("");
    account::name(&short.to_ascii_uppercase())
}

/// `first-year` as "First year".
pub fn spaced(name: &str) -> String {
    let text = name.replace(['-', '_', '.'], " ");
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default() + chars.as_str()
}

/// A reward's or modifier's name and rate: "First year, 20%".
pub fn rule(locale: &dyn Locale, document: Option<&Document>, rule: &str) -> String {
    let name = spaced(rule);
    let Some(document) = document else { return name };
    terms::rule(locale, document, rule, &name)
}

/// What a commission is for: `invoice:<id>`, `state:<name>`, `event:<type>`.
pub fn accrual_source(source: &AccrualSource) -> String {
    match source.origin() {
        AccrualOrigin::Invoice(_) => text::INVOICE_PAID.to_owned(),
        AccrualOrigin::Milestone(state) => text::reached(&spaced(state)),
        AccrualOrigin::Event(event) => spaced(event),
        AccrualOrigin::Adjustment(_) => text::ADJUSTMENT.to_owned(),
        AccrualOrigin::Unknown(other) => spaced(other),
    }
}

/// A reason without the host's own ids, which may reveal who a customer is: `invoice in_1 was paid`.
fn without_ids(text: &str) -> String {
    let mut words = text.split(' ');
    let mut kept: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        if word != "invoice" {
            kept.push(word);
            continue;
        }
        kept.push("the");
        let id = words.next().unwrap_or("");
        kept.push(if id.ends_with(';') { "invoice;" } else { "invoice" });
    }
    kept.join(" ")
}

/// The reason as partners see it. What a reviewer wrote is for operators only.
pub fn reason(text: &str) -> String {
    if text.starts_with("rejected in review") {
        return text::REJECTED_WHY.to_owned();
    }
    let text = without_ids(text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// When a commission becomes available: now, never, or at a time to come.
pub fn available(locale: &dyn Locale, catalog: &Catalog, accrual: &Accrual, now: UtcMillis) -> Markup {
    let document = catalog.current(&accrual.program_id, accrual.at_ms);
    html! {
        @match accrual.state {
            AccrualState::Available => (text::NOW),
            AccrualState::Pending => {
                @match payment::available_from(accrual, document, now) {
                    Some(at) => (components::day(locale, at)),
                    None => (text::NOT_KNOWN),
                }
            }
            AccrualState::Held => (text::AFTER_REVIEW),
            AccrualState::Disputed => (text::AFTER_DISPUTE),
            AccrualState::Waiting => (text::AFTER_FUNDING),
            AccrualState::Reversed | AccrualState::Void | AccrualState::Settled => (text::NEVER),
        }
    }
}

/// The program's hold period.
pub fn hold(locale: &dyn Locale, document: &Document) -> String {
    Reader::new(document, locale, Audience::Partner).hold_of_earnings()
}

/// Whether this program pays cash rather than credit.
pub fn pays_cash(document: Option<&Document>) -> bool {
    document.is_some_and(|d| d.settlement.unit == Unit::Cash && d.pays())
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
        let of = |partner: &str| client_name(&partner.into(), &"jane@corp.example".into());
        let name = of("ptn_1");
        assert!(name.starts_with("Customer ") && name.len() == 15 && !name.to_lowercase().contains("jane"), "{name}");
        assert_eq!(name, of("ptn_1"));
        assert_ne!(name, of("ptn_2"));
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
