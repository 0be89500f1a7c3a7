//! Two partners of one program: a victim with some of everything, named so that any leak is recognizable, and a rival
//! with a little.

use crate::client::now_ms;
use crate::facts::{Partner, disputed, merge, paid, refunded, signed_up};
use crate::server::Server;
use crate::stripe::Stripe;
use serde_json::{Value, json};

pub const PROGRAM: &str = "agency-partner";
pub const SWEEP: &str = "*/10 * * * *";
/// Part of every id that the host has assigned: accounts, invoices, refunds, disputes, events.
pub const HOSTS: &str = "-of-victim";

pub struct ApiFixture {
    pub victim: Partner,
    pub rival: Partner,
    /// Every id of the victim that a URL or a field could contain.
    pub ids: Vec<String>,
    /// Values that nobody else may see.
    pub marks: Vec<String>,
}

fn enrol(server: &Server, external_id: &str, name: &str, email: &str) -> Partner {
    let body = json!({
        "program": PROGRAM, "external_id": external_id, "name": name, "email": email, "website": "https://secret.example",
        "country": "US", "disclosure_accepted": true,
    });
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    Partner { id: text(&made["id"]), code: text(&made["code"]) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn listed(server: &Server, path: &str, field: &str) -> Vec<String> {
    let list = server.read(path);
    list["data"].as_array().expect("a list").iter().map(|row| text(&row[field])).collect()
}

/// Payouts are approved by hand, so that one is sent and one waits.
pub fn fill(server: &Server, stripe: &Stripe) -> ApiFixture {
    let victim = enrol(server, "victim", "Studio Secret", "owner@secret-studio.example");
    let rival = enrol(server, "rival", "Studio Rival", "owner@rival-studio.example");
    let account = stripe.onboards(server, &victim);
    let link = server.link(&victim, json!({"destination": "/secret-landing", "campaign": "secret-campaign"}));
    server.visit(&format!("/r/{link}")).send().expect(302);
    let own = format!("acct{HOSTS}");
    let mut same = signed_up(&format!("self{HOSTS}"), "2024-09-02T00:00:00Z", json!({"code": victim.code}));
    merge(&mut same, json!({"account": {"email": "owner@secret-studio.example"}}));
    let invoice = |n: u32| format!("in{n}{HOSTS}");
    server.tell(&[
        signed_up(&own, "2024-09-01T00:00:00Z", json!({"code": victim.code})),
        paid(&own, &invoice(1), "2024-09-01T01:00:00Z", 10_000),
        paid(&own, &invoice(2), "2025-01-07T00:00:00Z", 20_000),
        refunded(&own, &invoice(2), "2025-01-08T00:00:00Z", 5_000),
        paid(&own, &invoice(3), "2025-01-09T00:00:00Z", 30_000),
        disputed(&own, &invoice(3), "opened", "2025-01-10T00:00:00Z", 30_000),
        same,
        paid(&format!("self{HOSTS}"), &invoice(4), "2025-01-11T00:00:00Z", 10_000),
        signed_up("acct-of-rival", "2025-01-06T00:00:00Z", json!({"code": rival.code})),
        paid("acct-of-rival", "in-of-rival", "2025-01-07T00:00:00Z", 10_000),
    ]);
    let early = server.settle(PROGRAM, "monthly", "2024-11");
    let approve = format!("/v1/runs/{}/approve", text(&early["id"]));
    server.post(&approve, &json!({})).operator().send().expect(200);
    server.cron(SWEEP, now_ms());
    server.settle(PROGRAM, "monthly", "2025-03");

    let mut ids = vec![victim.id.clone(), victim.code.clone(), link.clone(), own, account.clone(), "victim".to_owned()];
    ids.extend(listed(server, &format!("/v1/partners/{}/balance-transactions?limit=200", victim.id), "id"));
    let payouts = listed(server, &format!("/v1/payouts?partner={}", victim.id), "id");
    assert!(payouts.len() >= 2, "{payouts:?}");
    ids.extend(payouts.clone());
    ids.extend(listed(server, "/v1/runs", "id"));
    ids.extend(listed(server, "/v1/reviews", "id"));
    ids.extend(server.database_texts("SELECT id FROM session"));
    ids.extend((0..10).map(|row| row.to_string()));
    let marks =
        ["Secret", "secret-studio", "secret-campaign", "secret-landing", HOSTS, &victim.id, &victim.code, &account];
    let marks = marks.into_iter().map(str::to_owned).chain([link]).chain(payouts).collect();
    ApiFixture { victim, rival, ids, marks }
}

/// A partner's stored state, for comparison.
pub fn state_of(server: &Server, partner: &Partner) -> Vec<String> {
    let id = &partner.id;
    let mut all: Vec<String> = [
        format!("/v1/partners/{id}"),
        format!("/v1/partners/{id}/balance-transactions?limit=200"),
        format!("/v1/payouts?partner={id}"),
        format!("/v1/links/{}", partner.code),
        "/v1/reviews".to_owned(),
        "/v1/runs".to_owned(),
    ]
    .iter()
    .map(|path| server.read(path).to_string())
    .collect();
    all.extend(server.database_texts(&format!(
        "SELECT code || coalesce(disabled_at_ms, '') FROM link WHERE partner_id = '{id}' ORDER BY 1"
    )));
    let person = format!("SELECT name || email || '' FROM partner_person WHERE partner_id = '{id}'");
    all.extend(server.database_texts(&person));
    all
}
