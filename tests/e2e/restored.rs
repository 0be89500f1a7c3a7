//! A backup of a running installation, restored after its database was lost: what Stripe has since is booked, nothing is
//! paid twice, and the ledger is the sealed one.

use super::client::{now_ms, step};
use super::facts::signed_up;
use super::server::Server;
use super::stripe::Stripe;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";
const SWEEP: &str = "*/10 * * * *";

fn head(server: &Server) -> String {
    let found = server.read("/v1/ledger/verify");
    assert_eq!((&found["first_difference"], &found["unsealed"]["rows"]), (&Value::Null, &json!(0)), "{found}");
    found["sealed"]["head"].as_str().expect("a seal").to_owned()
}

#[test]
fn an_older_copy_goes_on_without_paying_twice() {
    let (stripe, mut server) = Stripe::beside(&[("PAYOUT_APPROVAL", "automatic")]);
    let partner = server.enrol(AGENCY, "agency-studio");
    server.tell(&[signed_up("studio", "2025-01-05T00:00:00Z", json!({"code": partner.code}))]);
    stripe.at("2025-01-05T00:00:00Z");
    let account = stripe.onboards(&server, &partner);
    stripe.at("2025-01-10T00:00:00Z");
    let lines = json!([{"unit_amount": 50_000}]);
    stripe.happens("invoice_paid", &json!({"email": "studio@friends.example", "lines": lines}));
    server.catch_up();
    server.settle(AGENCY, "monthly", "2025-03");
    let planned = server.read("/v1/payouts?state=planned")["data"][0].clone();
    assert_eq!(planned["amount_cents"], json!(10_000), "{planned}");

    step("a backup while the Worker runs, and then the payout");
    let backup = server.back_up();
    server.cron(SWEEP, now_ms());
    let paid = server.read("/v1/payouts?state=paid")["data"][0].clone();
    assert_eq!((stripe.received(&account), &paid["id"]), (10_000, &planned["id"]));
    server.cron(SWEEP, now_ms());
    let sealed = head(&server);

    step("the database is lost, and Stripe forgets the key; the older copy finds the transfer");
    stripe.at("2025-06-01T00:00:00Z");
    server.restore(&backup);
    assert_eq!(server.read("/v1/payouts?state=planned")["data"][0]["id"], planned["id"]);
    assert_ne!(server.read("/v1/ledger/verify")["sealed"]["head"], json!(sealed), "it is older");
    // The first sweeps fetch what has happened at Stripe since then; payouts wait for that.
    for _ in 0..3 {
        assert_eq!(stripe.list("transfer").len(), 1);
        server.cron(SWEEP, now_ms());
    }
    let booked = server.read("/v1/payouts?state=paid")["data"][0].clone();
    assert_eq!((&booked["id"], &booked["transfer"]), (&paid["id"], &paid["transfer"]), "{booked}");
    assert_eq!((stripe.list("transfer").len(), stripe.received(&account)), (1, 10_000));
    server.cron(SWEEP, now_ms());
    head(&server);
    server.audit();
}
