//! More than a year of two programs, from Stripe's events to Stripe's transfers: subscriptions, refunds, disputes and
//! cancellations come in, payouts go out, and after each month the ledger matches Stripe to the cent.
//!
//! The expected amount for each partner is computed here independently, from the briefs: a share of the amounts really
//! paid, less the same share of refunds and lost disputes.

use super::client::{now_ms, step};
use super::developer_attribution::{enrol, joined};
use super::facts::Partner;
use super::server::Server;
use super::stripe::Stripe;
use manicule::base::time::Month;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";
const AFFILIATE: &str = "developer-affiliate";
/// Months with activity. Four quiet ones follow, in which the last holds end.
const MONTHS: i64 = 15;
const QUIET: i64 = 4;
/// The minimum payout of an affiliate.
const MINIMUM_CENTS: i64 = 5_000;

/// A partner's earnings per client: a share in basis points for the first months, another share afterwards, and a flat
/// amount.
struct Terms {
    first_bps: i64,
    first_months: i64,
    then_bps: i64,
    once_cents: i64,
}

struct Earner {
    program: &'static str,
    partner: Partner,
    account: Option<String>,
    terms: Terms,
}

struct Invoice {
    id: Value,
    /// The amount paid for the service, and the same including tax.
    net_cents: i64,
    paid_cents: i64,
    back_cents: i64,
    bps: i64,
}

struct Client {
    name: &'static str,
    earner: usize,
    /// List price, and the number of months that it pays for.
    price_cents: i64,
    months: i64,
    percent_off: i64,
    tax_percent: i64,
    /// The first month in which it pays, and the month in which it stops.
    from: i64,
    until: i64,
    subscription: Value,
    invoices: Vec<Invoice>,
    is_void: bool,
}

struct Story {
    stripe: Stripe,
    server: Server,
    earners: Vec<Earner>,
    clients: Vec<Client>,
    /// Disputes that withdrew their funds last month: client, invoice, dispute, and whether it will be won.
    disputes: Vec<(usize, usize, Value, bool)>,
    /// Programs with an approved run.
    approved: Vec<Value>,
    dice: u64,
    counts: Counts,
}

/// How often each thing happened. Guards against a change of the random numbers that leaves the test without content.
#[derive(Debug, Default)]
struct Counts {
    refunds: u32,
    won: u32,
    lost: u32,
    payouts: u32,
    owing: u32,
}

/// The share of the amount really paid, rounded down, less the share of the amount returned, rounded down separately.
fn expected_cents(invoice: &Invoice) -> i64 {
    let earned = invoice.net_cents * invoice.bps / 10_000;
    earned - earned * invoice.back_cents.min(invoice.paid_cents) / invoice.paid_cents
}

fn month(number: i64) -> Month {
    Month::parse("2024-01").expect("a month").plus(number)
}

/// A day and hour in a month, in RFC 3339.
fn on(number: i64, day: i64) -> String {
    format!("{}-{day:02}T10:00:00Z", month(number))
}

impl Story {
    fn begin(statements_max: &str) -> Story {
        let (stripe, server) = Stripe::beside(&[("D1_STATEMENTS_MAX", statements_max)]);
        let agency = Terms { first_bps: 2_000, first_months: 12, then_bps: 1_000, once_cents: 0 };
        let agency_too = Terms { ..agency };
        let direct = Terms { first_bps: 1_500, first_months: 6, then_bps: 0, once_cents: 5_000 };
        let studio = Terms { first_bps: 2_000, first_months: 12, then_bps: 0, once_cents: 5_000 };
        let earner = |program, partner, terms| Earner { program, partner, account: None, terms };
        let earners = vec![
            earner(AGENCY, server.enrol(AGENCY, "north"), agency),
            earner(AGENCY, server.enrol(AGENCY, "south"), agency_too),
            earner(AFFILIATE, enrol(&server, "dev", "developer"), direct),
            earner(AFFILIATE, enrol(&server, "studio", "agency"), studio),
        ];
        let client = |name, earner, price_cents, from, until| Client {
            name,
            earner,
            price_cents,
            months: 1,
            percent_off: 0,
            tax_percent: 0,
            from,
            until,
            subscription: Value::Null,
            invoices: Vec::new(),
            is_void: false,
        };
        let clients = vec![
            client("oak", 0, 29_999, 0, MONTHS),
            Client { tax_percent: 19, ..client("elm", 0, 10_001, 1, MONTHS) },
            // Cancels inside the hold, so what it earned is void.
            client("ash", 0, 20_000, 4, 5),
            Client { months: 12, ..client("fir", 1, 480_000, 0, MONTHS) },
            Client { percent_off: 10, ..client("yew", 1, 33_333, 2, MONTHS) },
            // Cancels after the hold.
            client("box", 1, 14_950, 3, 9),
            client("bay", 2, 79_999, 0, MONTHS),
            client("fig", 2, 120_001, 5, MONTHS),
            Client { percent_off: 25, tax_percent: 8, ..client("gum", 3, 44_444, 1, MONTHS) },
        ];
        let (disputes, counts) = (Vec::new(), Counts::default());
        Story { stripe, server, earners, clients, disputes, approved: Vec::new(), dice: 20_240_101, counts }
    }

    /// True once in `of` times on average.
    fn chance(&mut self, of: u64) -> bool {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33).is_multiple_of(of)
    }

    fn onboard(&mut self, earner: usize, when: &str) {
        self.stripe.at(when);
        let account = self.stripe.onboards(&self.server, &self.earners[earner].partner);
        self.earners[earner].account = Some(account);
    }

    /// Signs up at the host with the partner's code, and subscribes.
    fn subscribe(&mut self, number: usize, when: &str) {
        let c = &self.clients[number];
        let (email, code) = (format!("pay@{}.example", c.name), &self.earners[c.earner].partner.code);
        let signed_up = when.replace("T10:", "T08:");
        self.server.tell(&[joined(c.name, &signed_up, &email, json!({"code": code}))]);
        let interval = if c.months == 12 { "year" } else { "month" };
        let asked = json!({"email": email, "items": [{"unit_amount": c.price_cents, "interval": interval}]});
        let made = self.stripe.happens("subscription_created", &asked);
        self.clients[number].subscription = made["subscription"].clone();
    }

    fn pay(&mut self, number: usize, now: i64) {
        let c = &mut self.clients[number];
        let terms = &self.earners[c.earner].terms;
        let net_cents = c.price_cents - (c.price_cents * c.percent_off + 50) / 100;
        let tax = (net_cents * c.tax_percent + 50) / 100;
        let mut asked = json!({"subscription": c.subscription});
        if c.percent_off > 0 {
            asked["discount"] = json!({"percent_off": c.percent_off});
        }
        if c.tax_percent > 0 {
            asked["tax"] = json!({"percent": c.tax_percent});
        }
        let id = self.stripe.happens("invoice_paid", &asked)["invoice"].clone();
        let bps = if now - c.from < terms.first_months { terms.first_bps } else { terms.then_bps };
        c.invoices.push(Invoice { id, net_cents, paid_cents: net_cents + tax, back_cents: 0, bps });
    }

    /// One month: due clients pay, some payments are returned, and last month's disputes are decided.
    fn live(&mut self, now: i64) {
        self.stripe.at(&on(now, 2));
        for (client, invoice, dispute, is_won) in std::mem::take(&mut self.disputes) {
            if is_won {
                self.stripe.happens("dispute_funds_reinstated", &json!({"dispute": dispute}));
                self.clients[client].invoices[invoice].back_cents = 0;
            }
            let status = if is_won { "won" } else { "lost" };
            self.stripe.happens("dispute_closed", &json!({"dispute": dispute, "status": status}));
            *(if is_won { &mut self.counts.won } else { &mut self.counts.lost }) += 1;
        }
        for number in 0..self.clients.len() {
            let day = 3 + i64::try_from(number).expect("few clients");
            let (from, until, months) =
                (self.clients[number].from, self.clients[number].until, self.clients[number].months);
            self.stripe.at(&on(now, day));
            if now == until {
                self.stripe
                    .happens("subscription_deleted", &json!({"subscription": self.clients[number].subscription}));
                let paid = self.clients[number].invoices.len();
                self.clients[number].is_void = paid < 2;
            }
            if !(from..until).contains(&now) {
                continue;
            }
            if now == from {
                self.subscribe(number, &on(now, day));
            }
            if (now - from) % months == 0 {
                self.pay(number, now);
            }
        }
        self.stripe.at(&on(now, 20));
        for client in 0..self.clients.len() {
            let Some(last) = self.clients[client].invoices.len().checked_sub(1) else { continue };
            // A first invoice stays paid, because without it the account would not count.
            if self.clients[client].until <= now || last == 0 && self.clients[client].months == 1 {
                continue;
            }
            self.go_back(client, last);
        }
    }

    /// Nobody pays any more. The last disputes are decided.
    fn live_on_disputes(&mut self, now: i64) {
        let until: Vec<i64> = self.clients.iter().map(|c| c.until).collect();
        // Nobody cancels either: a subscription that continues without payments does not matter here.
        self.clients.iter_mut().for_each(|c| c.until = i64::MIN);
        self.live(now);
        self.clients.iter_mut().zip(until).for_each(|(c, until)| c.until = until);
    }

    /// Maybe a partial refund, maybe a dispute about the full amount.
    fn go_back(&mut self, client: usize, last: usize) {
        let invoice = &self.clients[client].invoices[last];
        let (id, paid, back) = (invoice.id.clone(), invoice.paid_cents, invoice.back_cents);
        if back == 0 && self.chance(5) {
            let part = paid / 3 + 1;
            self.stripe.happens("refund", &json!({"invoice": id, "amount": part}));
            self.clients[client].invoices[last].back_cents += part;
            self.counts.refunds += 1;
        } else if back == 0 && last > 0 && self.chance(6) {
            let is_won = self.chance(2);
            let made = self.stripe.happens("dispute_created", &json!({"invoice": id, "funds_withdrawn": true}));
            self.clients[client].invoices[last].back_cents = paid;
            self.disputes.push((client, last, made["dispute"].clone(), is_won));
        }
    }

    /// The run of the first of the next month, and the sweep that sends its payouts.
    fn settle(&mut self, now: i64) {
        let first = month(now + 1).start();
        self.stripe.at(&on(now + 1, 1));
        self.server.cron("0 6 1 * *", first.0 + 6 * 3_600_000);
        self.server.cron("*/10 * * * *", now_ms());
        let planned = self.server.read("/v1/payouts?state=planned&limit=200");
        for payout in planned["data"].as_array().expect("payouts") {
            // The first run of each program with payouts is approved by hand; later ones are sent automatically.
            assert!(!self.approved.contains(&payout["program"]), "it does not go by itself: {payout}");
            let run = payout["run"].as_str().expect("a run");
            self.server.post(&format!("/v1/runs/{run}/approve"), &json!({})).operator().send().expect(200);
        }
        self.approved.extend(planned["data"].as_array().into_iter().flatten().map(|p| p["program"].clone()));
    }

    /// After each month: Stripe has exactly the payouts that the ledger has, and no amount is missing or extra.
    fn compare(&mut self, now: i64) {
        for (number, e) in self.earners.iter().enumerate() {
            let shown = self.server.read(&format!("/v1/partners/{}", e.partner.id));
            let cents = |name: &str| shown["balances"][0][name].as_i64().unwrap_or(0);
            let received = e.account.as_deref().map_or(0, |account| self.stripe.received(account));
            assert_eq!(cents("paid_cents"), received, "month {now}, {}: {shown}", e.partner.id);
            self.counts.owing += u32::from(cents("available_cents") < 0);
            if e.program == AGENCY {
                // Its accruals exist from the moment of their events.
                let of = self.clients.iter().filter(|c| c.earner == number && !c.is_void);
                let owed: i64 = of.flat_map(|c| &c.invoices).map(expected_cents).sum();
                let books = cents("pending_cents") + cents("available_cents") + cents("paid_cents");
                assert_eq!(books, owed, "month {now}, {}: {shown}", e.partner.id);
            }
        }
        assert_eq!(self.server.read("/v1/ledger/checks"), json!([]), "month {now}");
    }
}

#[test]
fn a_year_from_stripes_events_to_stripes_transfers() {
    year("1000");
}

/// On Cloudflare's free plan an invocation may send 50 statements and the next one continues. The cents are the same.
#[test]
fn the_same_year_with_fifty_statements_per_invocation() {
    year("50");
}

fn year(statements_max: &str) {
    let mut story = Story::begin(statements_max);
    for (earner, since) in [(0, 0), (2, 0), (3, 1)] {
        story.onboard(earner, &on(since, 1));
    }
    for now in 0..MONTHS + QUIET {
        step(&month(now).to_string());
        if now < MONTHS {
            story.live(now);
        } else if now == MONTHS {
            story.live_on_disputes(now);
        }
        if now == 6 {
            // The partner was reminded until now.
            story.onboard(1, &on(now, 25));
        }
        story.settle(now);
        story.counts.payouts = u32::try_from(story.stripe.list("transfer").len()).expect("few transfers");
        story.compare(now);
    }

    step("all earnings have been sent, except amounts below the minimum payout");
    let mut sent = 0;
    for (number, e) in story.earners.iter().enumerate() {
        let of: Vec<&Client> = story.clients.iter().filter(|c| c.earner == number && !c.is_void).collect();
        let shares: i64 = of.iter().flat_map(|c| &c.invoices).map(expected_cents).sum();
        let once = e.terms.once_cents * i64::try_from(of.len()).expect("few clients");
        let received = story.stripe.received(e.account.as_deref().expect("an account"));
        let shown = story.server.read(&format!("/v1/partners/{}", e.partner.id));
        let rest = shown["balances"][0]["available_cents"].as_i64().expect("cents");
        assert_eq!(received + rest, shares + once, "{}: {shown}", e.partner.id);
        assert!(rest == 0 || (e.program == AFFILIATE && rest < MINIMUM_CENTS), "{shown}");
        sent += received;
    }

    step("Stripe, the yearly totals and the list of payouts agree");
    let net = |year: i64| -> i64 {
        let csv = story.server.get(&format!("/v1/reports/payouts?year={year}")).operator().send().expect(200).text;
        csv.lines()
            .skip(1)
            .map(|row| row.rsplit(',').next().and_then(|n| n.trim_matches('"').parse::<i64>().ok()).expect("cents"))
            .sum()
    };
    assert_eq!(net(2024) + net(2025), sent);
    let payouts = story.server.read("/v1/payouts?limit=200");
    let payouts = payouts["data"].as_array().expect("payouts");
    assert!(payouts.iter().all(|p| p["state"] == "paid" && p["attempt"] == 1), "{payouts:?}");
    assert_eq!(payouts.len(), story.stripe.list("transfer").len(), "one transfer each");
    assert_eq!(payouts.iter().map(|p| p["amount_cents"].as_i64().expect("cents")).sum::<i64>(), sent);

    // The log's cron entries count for that invocation only.
    let log = story.server.log();
    let crons = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let sent_by: Vec<u64> =
        crons.filter(|line| line["message"] == "cron").filter_map(|line| line["statements"].as_u64()).collect();
    let (most, allowed) = (sent_by.iter().max().copied(), statements_max.parse().expect("a number"));
    println!(
        "{:?}, {sent} cents sent; {} cron invocations of at most {most:?} statements; events cut off {} times",
        story.counts,
        sent_by.len(),
        log.matches("statements_used_up").count()
    );
    assert!(most.is_some_and(|most| most <= allowed), "{most:?}");
    assert_eq!(story.server.read("/healthz")["statements_max"], json!(allowed));
    let c = &story.counts;
    assert!(c.refunds > 4 && c.won > 1 && c.lost > 1 && c.payouts > 20, "{c:?}");
}
