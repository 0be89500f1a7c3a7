//! What refunds and disputes take back of each payment of an account.
//!
//! Rule 11 of the design. A fact names an invoice, or a payment that paid one or more invoices. What was taken back of
//! such a payment is added up first and then split between its invoices, so that small refunds lose no cents and
//! nothing depends on the order in which facts and invoices became known.

use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::account::refunded::{RefundSums, Refunds};
use crate::engine::event::{Amount, Dispute, FactPayment, Invoice, MoneyFact, Payload};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What one invoice lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenBack<'a> {
    /// Refunded or lost in disputes, tax included; at most what was charged.
    pub cents: Cents,
    /// Another currency in which something was taken back.
    pub elsewhere: Option<&'a str>,
    /// A dispute is open.
    pub disputed: bool,
}

/// What all invoices lost.
pub struct Losses<'a> {
    taken: Taken<'a>,
    disputed: HashSet<&'a str>,
}

/// What a fact takes back from: an invoice, or a payment by one of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Source<'a> {
    Invoice(&'a str),
    Payment(&'a str),
}

/// By invoice and currency: amounts in another currency are never converted.
type Taken<'a> = BTreeMap<(&'a str, &'a str), i64>;

impl<'a> Losses<'a> {
    /// What the refunds and disputes in `known` take back. The shares are of the facts of later times, too: what a payment
    /// paid does not depend on the time that is asked about.
    pub fn of(known: &[MoneyFact<'a>], shares: &Shares<'a>) -> Losses<'a> {
        let (lost, open) = disputes(known, shares);
        let (mut taken, mut total) = (Taken::new(), Taken::new());
        for ((source, currency), sums) in refunds(known, shares) {
            let lost = lost.get(&(source, currency)).copied().unwrap_or(0);
            // A payment is one charge, so its refunds are in its total even if they do not name the charge. Otherwise
            // the total of another payment of the invoice would hide them.
            let reported = match source {
                Source::Payment(_) => sums.total.max(sums.named),
                Source::Invoice(_) => sums.total,
            };
            shares.split(source, currency, sums.named.saturating_add(lost), &mut taken);
            shares.split(source, currency, reported.saturating_add(lost), &mut total);
        }
        for (key, sum) in total {
            let named = taken.entry(key).or_default();
            *named = sum.max(*named);
        }
        let disputed = open.iter().flat_map(|source| shares.invoices(*source)).collect();
        Losses { taken, disputed }
    }

    pub fn of_invoice(&self, invoice: &Invoice) -> TakenBack<'a> {
        let (id, currency) = (invoice.invoice_id.as_str(), invoice.amount.currency.as_str());
        let same = self.taken.get(&(id, currency)).copied().unwrap_or(0);
        let others = self.taken.range((id, "")..).map(|(key, _)| key).take_while(|(invoice, _)| *invoice == id);
        let others = others.filter(|(_, other)| *other != currency);
        TakenBack {
            cents: Cents(same.clamp(0, invoice.charged().0)),
            elsewhere: others.map(|(_, other)| *other).min(),
            disputed: self.disputed.contains(id),
        }
    }
}

/// The refunded sums by source and currency, with an entry for each source that lost a dispute.
fn refunds<'a>(known: &[MoneyFact<'a>], shares: &Shares<'a>) -> BTreeMap<(Source<'a>, &'a str), RefundSums> {
    let mut refunds: BTreeMap<(Source, &str), Refunds> = BTreeMap::new();
    for fact in known {
        let Some((source, amount)) = shares.source(fact) else { continue };
        let of_source = refunds.entry((source, &amount.currency)).or_default();
        of_source.add(*fact);
    }
    refunds.into_iter().map(|(key, refunds)| (key, refunds.sums())).collect()
}

/// What was lost in disputes, by source and currency, and the sources with an open dispute.
fn disputes<'a>(
    known: &[MoneyFact<'a>],
    shares: &Shares<'a>,
) -> (HashMap<(Source<'a>, &'a str), i64>, HashSet<Source<'a>>) {
    let mut latest: HashMap<(Source, &str), &Payload> = HashMap::new();
    for fact in known {
        let Some((source, _)) = shares.source(fact) else { continue };
        match fact.payload {
            // A dispute that was won or lost never reopens, no matter how a later opening is dated.
            Payload::DisputeOpened(d) => {
                latest.entry((source, &d.dispute_id)).or_insert(fact.payload);
            }
            Payload::DisputeWon(d) | Payload::DisputeLost(d) => {
                latest.insert((source, &d.dispute_id), fact.payload);
            }
            _ => {}
        }
    }
    let (mut lost, mut open) = (HashMap::new(), HashSet::new());
    for ((source, _), payload) in latest {
        match payload {
            Payload::DisputeLost(Dispute { amount, .. }) => {
                let sum: &mut i64 = lost.entry((source, amount.currency.as_str())).or_default();
                *sum = sum.saturating_add(amount.cents.0);
            }
            Payload::DisputeOpened(_) => {
                open.insert(source);
            }
            _ => {}
        }
    }
    (lost, open)
}

/// What each payment paid of each of its invoices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares<'a> {
    /// The payment's id of a charge, from facts that name both.
    intents: HashMap<&'a str, &'a str>,
    /// By payment and invoice. `None`: nobody states an amount, and the invoice is not known.
    paid: HashMap<&'a str, BTreeMap<&'a str, Option<i64>>>,
    /// The payment of a refund, dispute or charge that another sender reports by its invoice.
    reported: HashMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Shares<'a> {
    pub fn of(all: &[MoneyFact<'a>]) -> Shares<'a> {
        let mut shares = Shares::default();
        for payment in all.iter().filter_map(|f| f.payment) {
            if let (Some(intent), Some(charge)) = (&payment.intent, &payment.charge) {
                shares.intents.insert(charge, intent);
            }
        }
        for fact in all {
            let Some(payment) = fact.payment else { continue };
            let Some(id) = shares.payment_id(payment) else { continue };
            for invoice in &payment.invoices {
                let paid = shares.paid.entry(id).or_default().entry(invoice.invoice_id.as_str()).or_default();
                *paid = (*paid).max(invoice.paid_cents.map(|c| c.0));
                if let Some((reported, _)) = reported(fact.payload) {
                    shares.reported.insert((&invoice.invoice_id, reported), id);
                }
            }
        }
        if shares.paid.values().any(|invoices| invoices.values().any(Option::is_none)) {
            shares.assume_whole(all);
        }
        shares
    }

    /// A payment without a stated amount paid the whole invoice.
    fn assume_whole(&mut self, all: &[MoneyFact<'a>]) {
        let mut whole: HashMap<&str, (UtcMillis, &str, i64)> = HashMap::new();
        for fact in all {
            let Payload::InvoicePaid(invoice) = fact.payload else { continue };
            let this = (fact.at, fact.event_id, invoice.charged().0);
            let first = whole.entry(&invoice.invoice_id).or_insert(this);
            *first = this.min(*first);
        }
        for (invoice, paid) in self.paid.values_mut().flatten().filter(|(_, paid)| paid.is_none()) {
            *paid = whole.get(invoice).map(|(_, _, charged)| *charged);
        }
    }

    fn payment_id(&self, payment: &'a FactPayment) -> Option<&'a str> {
        let charge = payment.charge.as_deref();
        let intent = payment.intent.as_deref();
        intent.or_else(|| charge.and_then(|charge| self.intents.get(charge).copied())).or(charge)
    }

    /// What a refund or dispute takes back from, and its amount; `None` for other facts.
    fn source(&self, fact: &MoneyFact<'a>) -> Option<(Source<'a>, &'a Amount)> {
        let (id, amount) = reported(fact.payload)?;
        let source = match fact.payment.and_then(|payment| self.payment_id(payment)) {
            Some(payment) => Source::Payment(payment),
            None => {
                let invoice = fact.payload.invoice_id()?.as_str();
                let payment = self.reported.get(&(invoice, id)).copied();
                payment.map_or(Source::Invoice(invoice), Source::Payment)
            }
        };
        Some((source, amount))
    }

    /// The invoices that a refund or dispute takes back from; none for other facts.
    pub fn taken_from(&self, fact: &MoneyFact<'a>) -> Vec<&'a str> {
        self.source(fact).map_or_else(Vec::new, |(source, _)| self.invoices(source))
    }

    fn invoices(&self, source: Source<'a>) -> Vec<&'a str> {
        match source {
            Source::Invoice(invoice) => vec![invoice],
            Source::Payment(payment) => self.paid.get(payment).into_iter().flat_map(|i| i.keys().copied()).collect(),
        }
    }

    /// Adds `cents` to what was taken back of the source's invoices: in proportion to what the payment paid of each, and
    /// never more than that. Leftover cents go to the smallest invoice id first.
    fn split(&self, source: Source<'a>, currency: &'a str, cents: i64, into: &mut Taken<'a>) {
        let mut add = |invoice: &'a str, share: i64| {
            let sum = into.entry((invoice, currency)).or_default();
            *sum = sum.saturating_add(share);
        };
        if cents <= 0 {
            return;
        }
        let payment = match source {
            Source::Invoice(invoice) => return add(invoice, cents),
            Source::Payment(payment) => payment,
        };
        let Some(paid) = self.paid.get(payment) else { return };
        let whole: i128 = paid.values().flatten().map(|p| i128::from(*p)).sum();
        if whole == 0 {
            // No amount is known yet: the first invoice takes all of it.
            return paid.keys().next().map_or((), |invoice| add(invoice, cents));
        }
        let cents = i128::from(cents).min(whole);
        let share = |paid: i64| cents * i128::from(paid) / whole;
        let mut left = cents - paid.values().flatten().map(|p| share(*p)).sum::<i128>();
        for (invoice, paid) in paid.iter().filter_map(|(invoice, paid)| Some((*invoice, (*paid)?))) {
            let extra = i128::from(left > 0 && share(paid) < i128::from(paid));
            left -= extra;
            add(invoice, i64::try_from(share(paid) + extra).unwrap_or(paid));
        }
    }
}

/// The id of a refund, dispute or charge, and its amount.
fn reported(payload: &Payload) -> Option<(&str, &Amount)> {
    match payload {
        Payload::InvoiceRefunded { refund_id: id, amount, .. }
        | Payload::InvoiceRefundFailed { refund_id: id, amount, .. }
        | Payload::InvoiceRefundedTotal { charge_id: id, amount, .. } => Some((id, amount)),
        Payload::DisputeOpened(d) | Payload::DisputeWon(d) | Payload::DisputeLost(d) => {
            Some((&d.dispute_id, &d.amount))
        }
        _ => None,
    }
}
