//! Many partners with earnings, written into a stopped Worker's database by the product's own code: it enrolls them,
//! takes in their accounts' events, and pays some of them a month earlier. The expected payouts are computed here
//! independently.

use super::server::Server;
use super::stripe::{KEY, Stripe};
use super::support::sqlite::Sqlite;
use super::support::world::{World, at};
use manicule::codec::operator::NewPartner;
use manicule::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use manicule::engine::payout::payee::Payability;
use manicule::program::document::Cadence;
use manicule::service::payout::send;
use manicule::service::setup::{PayoutApproval, Setup, Stripe as Account};
use manicule::store::payout::payee::payee_insert;
use manicule::store::port::Db;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// 20% of each payment, after two months. Payouts start at $50.
pub const PROGRAM: &str = "crowd";
const MINIMUM_CENTS: i64 = 5_000;
/// The run that pays some partners, and the run that pays the others.
const EARLIER: &str = "2025-01-01T06:00:00Z";
pub const RUN: &str = "2025-04-01T06:00:00Z";

/// The number of partners of each kind.
pub struct Size {
    pub payable: usize,
    /// Partners who earned less than the minimum payout.
    pub small: usize,
    /// Partners who were paid, and whose clients were refunded afterwards.
    pub owing: usize,
    /// Partners without a Stripe account, or with one that cannot receive transfers yet.
    pub not_onboarded: usize,
}

/// Expected result of the run for a partner: the amount paid and the amount that remains.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    pub paid_cents: i64,
    pub left_cents: i64,
}

pub struct Crowd {
    /// By partner.
    pub wants: BTreeMap<String, Want>,
    /// Transfers of the earlier run.
    pub earlier: Vec<Value>,
}

/// The agency program's document, reduced to what concerns a single partner's own earnings.
pub fn document() -> Value {
    let mut document: Value =
        serde_json::from_str(include_str!("../../src/program/presets/agency-partner.json")).expect("a preset");
    document["id"] = json!(PROGRAM);
    document["title"] = json!("A crowd of partners");
    document["code"]["form"] = json!({"prefixed_hex": {"prefix": "CROWD_", "length": 8}});
    document["attribution"]["exclusive_group"] = json!(PROGRAM);
    document["modifiers"] = json!([]);
    document["risk"] = json!([]);
    document["settlement"]["minimum_cents"] = json!(MINIMUM_CENTS);
    document
}

struct Filling<'a> {
    world: World,
    stripe: &'a Stripe,
}

impl Crowd {
    /// Stops a Worker that has the program, and fills its database.
    pub fn fill(server: &mut Server, stripe: &Stripe, size: &Size) -> Crowd {
        let filling = Filling::open(server, stripe);
        let mut wants = BTreeMap::new();

        // Partners who will be in debt: paid for invoices that are refunded afterwards.
        let owing: Vec<String> = (0..size.owing).map(|n| filling.partner(&format!("owing-{n}"), Some(true))).collect();
        for n in 0..size.owing {
            filling.paid(&format!("owing-{n}"), "a", "2024-10-10T00:00:00Z", 40_000);
        }
        filling.world.run(Cadence::Monthly, at(EARLIER)).expect("settled");
        super::support::world::now(send::drive(&filling.world.at(at(EARLIER)), send::SWEEP_PAGES)).expect("paid");
        let earlier = stripe.list("transfer");
        assert_eq!(earlier.len(), size.owing);
        for (n, id) in owing.iter().enumerate() {
            filling.refunded(&format!("owing-{n}"), "a", "2025-01-20T00:00:00Z", 40_000);
            wants.insert(id.clone(), Want { paid_cents: 0, left_cents: -8_000 });
        }

        for n in 0..size.payable {
            let (name, mut due) = (format!("payable-{n}"), 0);
            let id = filling.partner(&name, Some(true));
            // The first partner is owed exactly the minimum payout.
            let cents = if n == 0 { MINIMUM_CENTS * 5 } else { 30_000 + filling.random(200_000) };
            filling.paid(&name, "a", "2025-01-10T00:00:00Z", cents);
            due += share(cents);
            if n % 7 == 3 {
                let more = 1_000 + filling.random(50_000);
                filling.paid(&name, "b", "2025-02-10T00:00:00Z", more);
                due += share(more);
            }
            if n % 11 == 5 {
                let back = cents / 9;
                filling.refunded(&name, "a", "2025-02-20T00:00:00Z", back);
                due -= share(cents) * back / cents;
            }
            wants.insert(id, Want { paid_cents: due, left_cents: 0 });
        }
        for n in 0..size.small {
            let name = format!("small-{n}");
            let id = filling.partner(&name, Some(true));
            let cents = if n == 0 { MINIMUM_CENTS * 5 - 1 } else { 500 + filling.random(20_000) };
            filling.paid(&name, "a", "2025-01-10T00:00:00Z", cents);
            wants.insert(id, Want { paid_cents: 0, left_cents: share(cents) });
        }
        for n in 0..size.not_onboarded {
            let name = format!("waiting-{n}");
            let id = filling.partner(&name, (n % 2 == 0).then_some(false));
            let cents = 30_000 + filling.random(20_000);
            filling.paid(&name, "a", "2025-01-10T00:00:00Z", cents);
            wants.insert(id, Want { paid_cents: 0, left_cents: share(cents) });
        }
        // Stripe's limits outside of its sandbox: a restarted Worker does not know what the previous one requested.
        stripe.control("limits", &json!({"all": 100, "endpoint": 100}));
        stripe.control("balance", &json!({"set": 1_000_000_000}));
        let connection = filling.world.db.connection.into_inner();
        connection.close().expect("written");
        server.start_again();
        Crowd { wants, earlier }
    }

    pub fn payable(&self) -> usize {
        self.wants.values().filter(|w| w.paid_cents > 0).count()
    }

    /// Differences between Stripe's transfers, the ledger and the expected results of the run: each partner has one
    /// transfer or none, of the right amount, and the ledger agrees.
    pub fn faults(&self, transfers: &[Value], ledger: &[Value]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut sent: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for made in transfers.iter().filter(|t| !self.earlier.iter().any(|e| e["id"] == t["id"])) {
            let partner = made["metadata"]["partner"].as_str().unwrap_or("nobody");
            sent.entry(partner).or_default().push(made["amount"].as_i64().unwrap_or(0));
            if made["currency"] != "usd" || made["amount_reversed"] != 0 || !self.wants.contains_key(partner) {
                faults.push(format!("a transfer that nobody asked for: {made}"));
            }
        }
        for (partner, want) in &self.wants {
            let expected = if want.paid_cents > 0 { vec![want.paid_cents] } else { Vec::new() };
            let has = sent.remove(partner.as_str()).unwrap_or_default();
            if has != expected {
                faults.push(format!("{partner}: Stripe has {} transfers {has:?}, not {expected:?}", has.len()));
            }
            let account = format!("{PROGRAM}/cash:usd/available/{partner}");
            let books = Books::of(ledger, &account, &self.earlier);
            if (books.paid_cents, books.left_cents) != (want.paid_cents, want.left_cents) {
                faults.push(format!("{partner}: the ledger has {books:?}, not {want:?}"));
            }
        }
        faults
    }
}

/// The sum of one partner's ledger rows.
#[derive(Debug, Default)]
struct Books {
    paid_cents: i64,
    left_cents: i64,
}

impl Books {
    fn of(ledger: &[Value], account: &str, earlier: &[Value]) -> Books {
        let mut books = Books::default();
        for row in ledger.iter().filter(|row| row["phase"] == "single" || row["phase"] == "post") {
            let cents = row["amount_cents"].as_i64().unwrap_or(0);
            let is_debit = row["debit"] == account;
            if is_debit {
                books.left_cents -= cents;
            } else if row["credit"] == account {
                books.left_cents += cents;
            }
            // A payout's row has the payout's id, which is also the transfer's group.
            let id = row["id"].as_str().unwrap_or("").trim_end_matches(".post");
            if is_debit && row["code"] == "payout" && !earlier.iter().any(|t| t["transfer_group"] == id) {
                books.paid_cents += cents;
            }
        }
        books
    }
}

/// 20%, rounded down.
fn share(cents: i64) -> i64 {
    cents * 2_000 / 10_000
}

/// Sends a request of the product over HTTP.
fn forward(agent: &ureq::Agent, request: &OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
    let mut asked = ureq::http::Request::builder().method(request.method).uri(&request.url);
    for (name, value) in &request.headers {
        asked = asked.header(*name, value);
    }
    let asked = asked.body(request.body.clone()).map_err(|why| RequestFailed(why.to_string()))?;
    let mut answer = agent.run(asked).map_err(|why| RequestFailed(why.to_string()))?;
    let body = answer.body_mut().read_to_vec().map_err(|why| RequestFailed(why.to_string()))?;
    Ok(IncomingResponse { status: answer.status().as_u16(), headers: Vec::new(), body })
}

impl<'a> Filling<'a> {
    /// A world on the server's own database. Its requests go to the same Stripe stand-in.
    fn open(server: &mut Server, stripe: &'a Stripe) -> Filling<'a> {
        let connection = server.open();
        // The database does not have to survive a crash of the test.
        connection.pragma_update(None, "synchronous", "OFF").expect("a pragma");
        let mut world = World::on(Sqlite::of(connection), 4);
        world.setup = Setup {
            stripe: Some(Account { key: KEY.to_owned(), api_base: stripe.base.clone() }),
            payout_approval: PayoutApproval::Automatic,
            ..Setup::default()
        };
        let agent = stripe.agent.clone();
        *world.service.borrow_mut() = Box::new(move |request| forward(&agent, &request));
        stripe.control("limits", &json!({"all": 0, "endpoint": 0}));
        Filling { world, stripe }
    }

    fn random(&self, bound: u64) -> i64 {
        i64::try_from(self.world.below(bound)).expect("a small number")
    }

    /// A partner with a client. `ready` is `None` without a Stripe account, and otherwise says whether the account can
    /// receive transfers.
    fn partner(&self, name: &str, ready: Option<bool>) -> String {
        let new = NewPartner {
            program: PROGRAM.into(),
            external_id: format!("agency-{name}"),
            name: None,
            email: None,
            website: None,
            country: None,
            kind: None,
            disclosure_accepted: true,
            code: None,
        };
        let (id, code) = self.world.enrol(at("2024-09-01T00:00:00Z"), &new).expect("enrolled");
        self.tell(
            &format!("up-{name}"),
            "account.signed_up",
            "2024-09-05T00:00:00Z",
            name,
            json!({"attribution": {"code": code}}),
        );
        if let Some(active) = ready {
            let state = Payability {
                stripe_account_id: self.stripe.account(active),
                transfers_active: active,
                payouts_enabled: active,
                currently_due: if active { Vec::new() } else { vec!["external_account".to_owned()] },
                disabled_reason: None,
                country: Some("US".to_owned()),
                default_currency: Some("usd".to_owned()),
            };
            let made = vec![payee_insert(&id.as_str().into(), &state, at("2024-09-02T00:00:00Z"))];
            super::support::world::now(self.world.db.batch(made)).expect("a payee");
        }
        id
    }

    fn paid(&self, name: &str, invoice: &str, when: &str, cents: i64) {
        let more =
            json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": format!("{name}-{invoice}")}});
        self.tell(&format!("paid-{name}-{invoice}"), "invoice.paid", when, name, more);
    }

    fn refunded(&self, name: &str, invoice: &str, when: &str, cents: i64) {
        let data = json!({"invoice_id": format!("{name}-{invoice}"), "refund_id": format!("re-{name}-{invoice}")});
        let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": data});
        self.tell(&format!("refund-{name}-{invoice}"), "invoice.refunded", when, name, more);
    }

    fn tell(&self, id: &str, kind: &str, when: &str, account: &str, more: Value) {
        let event = super::facts::event(id, kind, when, account, more);
        self.world.take(at(when), &event, None).unwrap_or_else(|why| panic!("{id}: {why:?}"));
    }
}
