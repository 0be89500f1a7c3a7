//! What one to three customers do, from a seed.

use super::super::bodies::CREATED;
use super::telling;
use super::telling::Fact;
use crate::simulation::rng::Rng;

pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;
const PROGRAM_CURRENCY: &str = "usd";

/// The first of the versions that the events may be in: invoices with several payments came with the second.
pub type FirstVersion = usize;

#[derive(Clone, Debug)]
pub struct Story {
    pub customers: Vec<Customer>,
    pub facts: Vec<Fact>,
    pub first_version: FirstVersion,
}

#[derive(Clone, Debug)]
pub struct Customer {
    pub id: String,
    /// The account that the host reports, or the customer's own id if it reports none.
    pub account: String,
    pub email: String,
    pub currency: &'static str,
    pub signed_up_at: i64,
    pub by: SignUp,
    pub subscriptions: Vec<Subscription>,
    pub invoices: Vec<Invoice>,
    pub payments: Vec<Payment>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignUp {
    /// The host's, with the partner's code and the address, or with the customer's id.
    Code { names_customer: bool },
    /// A checkout with a token.
    Token { in_metadata: bool },
    /// The host's, without a code: nobody's referral.
    Nobody,
}

#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub monthly_cents: i64,
    pub started_at: i64,
    pub ended_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Invoice {
    pub id: String,
    pub subscription: Option<String>,
    pub currency: &'static str,
    pub paid_at: i64,
    pub net: i64,
    pub tax: i64,
    pub discount: i64,
    /// What was due, and what was paid of it. The rest of the total was a balance or a credit note.
    pub due: i64,
    pub overpaid: i64,
    /// A purchase in a checkout that makes no invoice; the shipping is a part of the total.
    pub one_time: bool,
    pub shipping: i64,
    /// Given back outside of Stripe: credit note, cents, when it was made void again.
    pub note: Option<(String, i64, Option<i64>)>,
    pub links: Links,
}

/// How an invoice's payments are reported in versions whose invoices have no field for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Links {
    pub listed: bool,
    pub reported: bool,
}

/// A payment by a PaymentIntent, or by a charge alone as they were before there were any.
#[derive(Clone, Debug)]
pub struct Payment {
    pub intent: Option<String>,
    pub charge: String,
    pub currency: &'static str,
    pub at: i64,
    /// Invoice, and what it paid of it.
    pub parts: Vec<(String, i64)>,
    pub refunds: Vec<Refund>,
    pub dispute: Option<Dispute>,
}

#[derive(Clone, Debug)]
pub struct Refund {
    pub id: String,
    pub cents: i64,
    pub at: i64,
    pub failed_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Dispute {
    pub id: String,
    pub cents: i64,
    pub at: i64,
    pub end: DisputeEnd,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DisputeEnd {
    Open,
    Lost,
    Won,
    Inquiry,
    Prevented,
}

impl Customer {
    /// Rule 8: a payment in the day before the sign-up counts as if it came right after it. A checkout is a sign-up,
    /// too: of those within a day, the earliest instant stands.
    pub fn counts_at(&self, invoice: &Invoice) -> i64 {
        let checkouts = self.invoices.iter().filter(|other| other.one_time).map(|other| other.paid_at);
        let signed_up = checkouts.chain([self.signed_up_at]).min().unwrap_or(self.signed_up_at);
        let is_shortly_before = (signed_up - DAY..signed_up).contains(&invoice.paid_at);
        if is_shortly_before { signed_up } else { invoice.paid_at }
    }
}

impl Invoice {
    pub fn total(&self) -> i64 {
        self.net + self.tax + self.shipping
    }
}

impl Payment {
    pub fn cents(&self) -> i64 {
        self.parts.iter().map(|(_, cents)| cents).sum()
    }
}

pub fn story(rng: &mut Rng) -> Story {
    let first_version = if rng.percent(50) { 0 } else { 1 };
    let count = rng.within(1, 4) as usize;
    let customers: Vec<Customer> = (0..count).map(|n| customer(n, first_version, rng)).collect();
    let facts = telling::facts(&customers, rng);
    Story { customers, facts, first_version }
}

fn customer(n: usize, first_version: FirstVersion, rng: &mut Rng) -> Customer {
    let currency = if rng.percent(70) { PROGRAM_CURRENCY } else { rng.pick(&["eur", "jpy", "kwd"]) };
    let by = match rng.within(0, 10) {
        0 => SignUp::Nobody,
        1..=4 => SignUp::Token { in_metadata: rng.percent(50) },
        _ => SignUp::Code { names_customer: rng.percent(50) },
    };
    let id = format!("cus_{n}");
    let account = if matches!(by, SignUp::Token { .. }) { id.clone() } else { format!("acct_{n}") };
    let mut customer = Customer {
        id,
        account,
        email: format!("user{n}@customer{n}.example"),
        currency,
        signed_up_at: CREATED + rng.within(0, 10 * DAY),
        by,
        subscriptions: Vec::new(),
        invoices: Vec::new(),
        payments: Vec::new(),
    };
    let mut from = customer.signed_up_at + rng.pick(&[0, 0, 60, HOUR]);
    if matches!(by, SignUp::Code { .. }) && rng.percent(20) {
        // The host reports the sign-up after the first payment.
        from = customer.signed_up_at - rng.pick(&[HOUR, 3 * HOUR, DAY]);
    }
    let lives = rng.within(1, 4);
    for life in 0..lives {
        subscribe(&mut customer, n, from, life + 1 < lives, first_version, rng);
        let Some(ended) = customer.subscriptions.last().and_then(|s| s.ended_at) else { break };
        // It moved to another plan in that second, or it left and came back.
        from = ended + rng.pick(&[0, 20 * DAY, 90 * DAY]);
    }
    if rng.percent(25) {
        one_time(&mut customer, n, rng);
    }
    customer
}

/// A subscription with its invoices: the first when it starts, some in its time, and maybe one paid after its end.
fn subscribe(customer: &mut Customer, n: usize, from: i64, ends: bool, first_version: FirstVersion, rng: &mut Rng) {
    let number = customer.subscriptions.len();
    let is_early = from < customer.signed_up_at;
    // Payments before the sign-up count at one instant, so which of them is the first depends on ids alone. Only the
    // bonus for a large subscription would ask.
    let was_early = customer.subscriptions.first().is_some_and(|first| first.started_at < customer.signed_up_at);
    let is_large = customer.currency == PROGRAM_CURRENCY && !is_early && !was_early && rng.percent(15);
    let monthly_cents = if is_large { rng.within(41_667, 90_000) } else { rng.within(100, 8_000) };
    let first_paid = from + rng.pick(&[0, 1, HOUR]);
    let length = rng.pick(&[1, DAY, 60 * DAY - 1, 60 * DAY, 60 * DAY + 1, 100 * DAY, 400 * DAY]);
    let length = if is_early { length.max(2 * DAY) } else { length };
    let ended_at = (ends || rng.percent(30)).then_some(first_paid + length);
    let id = format!("sub_{n}_{number}");
    customer.subscriptions.push(Subscription { id: id.clone(), monthly_cents, started_at: from, ended_at });
    let mut instants = vec![first_paid];
    for _ in 0..rng.within(0, 4) {
        let at = first_paid + rng.pick(&[HOUR, 30 * DAY, 59 * DAY, 60 * DAY, 365 * DAY - 1, 365 * DAY, 380 * DAY]);
        if ended_at.is_none_or(|ended| at <= ended) && !instants.contains(&at) {
            instants.push(at);
        }
    }
    if let Some(ended) = ended_at.filter(|_| rng.percent(25)) {
        // At the end itself, or late.
        instants.push(ended + rng.pick(&[0, 10 * DAY]));
        instants.dedup();
    }
    for (i, at) in instants.iter().enumerate() {
        let currency = if i > 0 && rng.percent(5) { "eur" } else { customer.currency };
        let invoice = invoice(customer, Some(id.clone()), currency, *at, first_version, i > 0, rng);
        pay(customer, n, invoice, first_version, rng);
    }
}

fn invoice(
    customer: &Customer,
    subscription: Option<String>,
    currency: &'static str,
    paid_at: i64,
    first_version: FirstVersion,
    may_be_zero: bool,
    rng: &mut Rng,
) -> Invoice {
    let number = format!("{}_{}", customer.id.trim_start_matches("cus_"), customer.invoices.len());
    let net = if may_be_zero && rng.percent(10) { 0 } else { rng.within(1, 200_000) };
    let tax = if rng.percent(50) { net * rng.pick(&[7, 19, 25]) / 100 } else { 0 };
    let due = if rng.percent(25) { rng.within(0, net + tax + 1) } else { net + tax };
    let note = rng.percent(15).then(|| {
        let void = rng.percent(30).then_some(paid_at + 3 * DAY);
        (format!("cn_{number}"), rng.within(1, due.max(2)), void)
    });
    let listed = rng.percent(50);
    Invoice {
        id: format!("in_{number}"),
        subscription,
        currency,
        paid_at,
        net,
        tax,
        discount: if rng.percent(30) { rng.within(1, 5_000) } else { 0 },
        due,
        overpaid: if first_version > 0 && due == net + tax && rng.percent(10) { rng.within(1, 900) } else { 0 },
        one_time: false,
        shipping: 0,
        note: note.filter(|_| due > 0),
        links: Links { listed, reported: !listed || rng.percent(50) },
    }
}

/// Adds an invoice with its payments: one or, in newer versions, several, of which one may pay the invoice before, too.
fn pay(customer: &mut Customer, n: usize, invoice: Invoice, first_version: FirstVersion, rng: &mut Rng) {
    let (id, due, currency, at) = (invoice.id.clone(), invoice.due, invoice.currency, invoice.paid_at);
    let may_share = invoice.overpaid == 0 && first_version > 0;
    customer.invoices.push(invoice);
    if due == 0 {
        return;
    }
    let joint = customer
        .payments
        .last_mut()
        .filter(|p| may_share && p.currency == currency && p.refunds.is_empty() && p.dispute.is_none() && p.at <= at);
    if let Some(payment) = joint.filter(|_| rng.percent(30)) {
        payment.parts.push((id, due));
        harm(payment, at, n, customer.invoices.len(), rng);
        return;
    }
    let first = if may_share && due > 1 && rng.percent(20) { rng.within(1, due) } else { due };
    for cents in [first, due - first].into_iter().filter(|cents| *cents > 0) {
        let number = customer.payments.len();
        let mut payment = Payment {
            intent: rng.percent(85).then(|| format!("pi_{n}_{number}")),
            charge: format!("ch_{n}_{number}"),
            currency,
            at,
            parts: vec![(id.clone(), cents)],
            refunds: Vec::new(),
            dispute: None,
        };
        harm(&mut payment, at, n, customer.invoices.len(), rng);
        customer.payments.push(payment);
    }
}

/// Refunds and disputes of a payment.
fn harm(payment: &mut Payment, at: i64, n: usize, salt: usize, rng: &mut Rng) {
    let mut left = payment.cents();
    if rng.percent(35) {
        for i in 0..rng.within(1, 4) {
            if left == 0 {
                break;
            }
            let cents = if rng.percent(30) { left } else { rng.within(1, left + 1) };
            left -= cents;
            let refunded_at = at + rng.pick(&[0, HOUR, 10 * DAY, 80 * DAY]);
            let failed_at = rng.percent(20).then_some(refunded_at + rng.pick(&[0, DAY]));
            let id = format!("re_{}_{salt}_{i}", payment.charge);
            payment.refunds.push(Refund { id, cents, at: refunded_at, failed_at });
        }
        payment.refunds.sort_by_key(|refund| refund.at);
    }
    if rng.percent(15) {
        let end = rng.pick(&[
            DisputeEnd::Open,
            DisputeEnd::Lost,
            DisputeEnd::Lost,
            DisputeEnd::Won,
            DisputeEnd::Inquiry,
            DisputeEnd::Prevented,
        ]);
        let cents = if rng.percent(70) { payment.cents() } else { rng.within(1, payment.cents() + 1) };
        payment.dispute = Some(Dispute { id: format!("dp_{n}_{salt}"), cents, at: at + 5 * DAY, end });
    }
}

/// Something bought once, while the first subscription runs.
fn one_time(customer: &mut Customer, n: usize, rng: &mut Rng) {
    let at = customer.invoices[0].paid_at + 1;
    let has_ended = customer.subscriptions[0].ended_at.is_some_and(|ended| ended < at);
    // A checkout a day before the host's sign-up is another sign-up, without a code.
    if has_ended || at <= customer.signed_up_at - DAY {
        return;
    }
    let (net, number) = (rng.within(1, 50_000), customer.payments.len());
    let (tax, shipping) = (net / 5, rng.pick(&[0, 500]));
    let id = format!("pi_{n}_{number}");
    let mut payment = Payment {
        intent: Some(id.clone()),
        charge: format!("ch_{n}_{number}"),
        currency: customer.currency,
        at,
        parts: vec![(id.clone(), net + tax + shipping)],
        refunds: Vec::new(),
        dispute: None,
    };
    harm(&mut payment, at, n, number + 100, rng);
    customer.payments.push(payment);
    customer.invoices.push(Invoice {
        id,
        subscription: None,
        currency: customer.currency,
        paid_at: at,
        net,
        tax,
        discount: 0,
        due: net + tax + shipping,
        overpaid: 0,
        one_time: true,
        shipping,
        note: None,
        links: Links { listed: false, reported: false },
    });
}
