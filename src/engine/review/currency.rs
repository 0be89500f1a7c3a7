//! Amounts in another currency than the program's: what they are, why they earn nothing, and the one review that a person
//! gets about each currency.

use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::lifecycle;
use crate::engine::account::order::Position;
use crate::engine::account::timeline::{Payment, Timeline};
use crate::engine::attribution::Binding;
use crate::engine::event::Payload;
use crate::engine::review::risk::{self, Suspicion};
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Document;
use std::collections::BTreeMap;

/// An amount that earns nothing because of its currency.
struct Unconverted<'a> {
    position: Position<'a>,
    currency: &'a str,
    evidence: String,
}

/// Rule 25: amounts in another currency than the program's raise one suspicion per currency, about the earliest of them.
pub fn suspect(catalog: &Catalog, binding: &Binding, timeline: &Timeline) -> Vec<Suspicion> {
    let in_force = |at: UtcMillis| catalog.in_force(&binding.program, at).filter(|d| d.pays());
    let payments = timeline.payments.iter().filter_map(|p| paid(p, in_force(p.at)?));
    let facts = timeline.facts.iter().filter_map(|f| reported(f, timeline.signup.position_of(f), in_force(f.at)?));
    let bound = binding.position(&timeline.signup);
    let mut earliest: BTreeMap<&str, Unconverted> = BTreeMap::new();
    for found in payments.chain(facts).filter(|u| u.position >= bound) {
        let known = earliest.get(found.currency);
        if known.is_none_or(|known| found.position < known.position) {
            earliest.insert(found.currency, found);
        }
    }
    let suspicion = |found: Unconverted| Suspicion {
        program: binding.program.clone(),
        partner: binding.partner.clone(),
        rule: risk::CURRENCY.to_owned(),
        subject: found.currency.to_owned(),
        holds: true,
        evidence: found.evidence,
    };
    earliest.into_values().map(suspicion).collect()
}

/// Why an amount in another currency earns nothing. `what` is what it is the amount of, and `remedy` how to bill it.
pub fn reason(what: &str, currency: &str, own: &str) -> String {
    format!("{what} in {currency}, but the program uses {own}. Amounts are not converted, so it earns nothing")
}

fn paid<'a>(payment: &'a Payment<'a>, document: &Document) -> Option<Unconverted<'a>> {
    let (invoice, own) = (payment.invoice, document.currency.as_str());
    let currency = invoice.amount.currency.as_str();
    let found = |currency: &'a str, evidence| Unconverted { position: payment.position(), currency, evidence };
    if currency != own {
        let why = reason("invoice", currency, own);
        let id = &invoice.invoice_id;
        return Some(found(currency, format!("{why}. Add an adjustment, or issue the invoice in {own}. First: {id}")));
    }
    payment.taken_back_elsewhere.map(|other| {
        let id = &invoice.invoice_id;
        let why =
            format!("paid in {currency}, but refunded or disputed in {other}; amounts are not converted. First: {id}");
        found(other, why)
    })
}

/// A subscription or purchase. Purchases are reviewed only where the program rewards them.
fn reported<'a>(fact: &'a Fact, position: Position<'a>, document: &Program) -> Option<Unconverted<'a>> {
    let own = document.currency.as_str();
    let (what, id) = match &fact.payload {
        Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) => ("subscription", &s.subscription_id),
        Payload::Purchase { purchase_id, .. } if uses(document, &fact.kind) => ("purchase", purchase_id),
        _ => return None,
    };
    let currency = fact.payload.currency().filter(|currency| *currency != own)?;
    let why = reason(what, currency, own);
    let evidence = format!("{why}. Add an adjustment, or bill the account in {own}. First: {id}");
    Some(Unconverted { position, currency, evidence })
}

fn uses(document: &Program, kind: &str) -> bool {
    lifecycle::names(document, kind) || document.per_event().any(|(_, per)| per.kind() == kind)
}
