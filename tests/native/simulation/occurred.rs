//! What a seed's facts contain, by account with a referrer: the kinds that the rules about Stripe and about time need.

use super::auditor::Auditor;
use super::facts::{LINK, Sent};
use super::life::{Invoice, Life, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The number of each kind.
pub fn met(auditor: &Auditor) -> BTreeMap<String, u64> {
    let mut met = BTreeMap::new();
    for (account, life) in &auditor.model_state.lives {
        if auditor.model_state.bindings.of(account).next().is_some() {
            for what in of_account(life).into_iter().chain(of_payments(life)) {
                *met.entry(what.to_owned()).or_default() += 1;
            }
        }
    }
    met
}

fn of_account(life: &Life) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut ended: BTreeSet<&str> = BTreeSet::new();
    for event in &life.events {
        let subscription = event.data("subscription_id");
        match event.kind.as_str() {
            "subscription.cancelled" if subscription.ends_with("_never") => found.push("a subscription that never ran"),
            "subscription.cancelled" => drop(ended.insert(subscription)),
            "subscription.started" => drop(ended.remove(subscription)),
            "subscription.updated" if ended.contains(subscription) => found.push("an update after the end"),
            "invoice.paid" if ended.contains(subscription) => found.push("a late payment"),
            _ => {}
        }
    }
    let places: Vec<_> = life.events.iter().map(|e| (e.at, e.place().1)).collect();
    if places.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1) {
        found.push("several kinds in one instant");
    }
    let has_left = |i: &Invoice| life.stay_of(i).cancelled.is_some_and(|at| at < i.at());
    for invoice in &life.payments {
        match invoice.origin {
            Origin::OneTime => found.push("a one-time payment"),
            Origin::Stripe if invoice.subscription.is_empty() && has_left(invoice) => {
                found.push("an invoice of Stripe's without a subscription after leaving");
            }
            _ => {}
        }
    }
    found
}

fn of_payments(life: &Life) -> Vec<&'static str> {
    let mut found = Vec::new();
    let is_mine = |e: &&Rc<Sent>| life.payments.iter().any(|i| i.id == e.data("invoice_id"));
    for event in life.related.events.iter().filter(is_mine) {
        let (paid, total) = (event.number("paid"), event.number("total"));
        match event.kind.as_str() {
            "credit_note.created" => found.push("a credit note"),
            "credit_note.voided" => found.push("a voided credit note"),
            "invoice.paid" if total.is_some() && paid > total => found.push("an invoice paid twice"),
            "invoice.paid" if total.is_some() && paid < total => found.push("an invoice paid in part"),
            _ => {}
        }
    }
    let links = || life.related.events.iter().filter(|e| e.kind == LINK);
    for payment in links().filter(is_mine).map(|e| e.data("payment")).collect::<BTreeSet<_>>() {
        let is_shared = links().filter(|e| e.data("payment") == payment).count() > 1;
        let about = life.related.events.iter().filter(|e| e.data("payment") == payment);
        let kinds: BTreeSet<&str> = about.map(|e| e.kind.as_str()).collect();
        let has = |kind: &str| kinds.contains(kind);
        if is_shared && (has("invoice.refunded") || has("invoice.refunded_total")) {
            found.push("a shared payment that is refunded");
        }
        if has("invoice.refund_failed") && has("invoice.refunded_total") {
            found.push("a total with a refund that failed");
        } else if has("invoice.refund_failed") {
            found.push("a refund that failed");
        }
        if has("dispute.lost") {
            found.push("a payment lost in a dispute");
        }
    }
    found
}
