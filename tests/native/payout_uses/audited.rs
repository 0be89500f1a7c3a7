//! The audit trail has what was changed, and nothing that was only asked for.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL};
use manicule::service::setup::PayoutApproval;
use serde_json::json;

#[test]
fn what_changes_nothing_is_not_audited() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let (_, code) = fixture.partner(AGENCY, "p");
    let (status, endpoint) = fixture.post(APRIL, "/v1/webhook-endpoints", json!({"url": "https://a.example/hook"}));
    assert_eq!(status, 201);
    let endpoint = endpoint["id"].as_str().expect("an id").to_owned();
    fixture.sql(
        "INSERT INTO reported_transfer (id, transfer_group, destination, currency, amount_cents, made_at_ms)
         VALUES ('tr_hand', 'bonus', 'acct_old', 'usd', 1234, 1);
         INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
         VALUES ('evt_1', 'transfer.created', 'stripe_event_too_long', 1, 0, 0)",
    );
    let audited = || fixture.world.db.number("SELECT COUNT(*) FROM audit");
    let reason = || json!({"reason": "known"});
    let unknown: [&dyn Fn() -> u16; 8] = [
        &|| fixture.delete(APRIL, "/v1/links/nobodys"),
        &|| fixture.delete(APRIL, "/v1/webhook-endpoints/whe_none"),
        &|| fixture.post(APRIL, "/v1/unexpected-transfers/tr_none", reason()).0,
        &|| fixture.post(APRIL, "/v1/failed-events/evt_none", reason()).0,
        &|| fixture.post(APRIL, "/v1/payouts/pay_none/cancel", reason()).0,
        &|| fixture.post(APRIL, "/v1/partners/ptn_none/suspend", reason()).0,
        &|| fixture.post(APRIL, "/v1/reviews/rev_none", json!({"decision": "reject", "reason": "x"})).0,
        &|| fixture.post(APRIL, "/v1/outbox/msg_none/replay", reason()).0,
    ];
    let before = audited();
    for (place, call) in unknown.iter().enumerate() {
        assert_eq!((call(), audited()), (404, before), "call {place}");
    }
    let again: [&dyn Fn() -> u16; 4] = [
        &|| fixture.delete(APRIL, &format!("/v1/links/{code}")),
        &|| fixture.delete(APRIL, &format!("/v1/webhook-endpoints/{endpoint}")),
        &|| fixture.post(APRIL, "/v1/unexpected-transfers/tr_hand", reason()).0,
        &|| fixture.post(APRIL, "/v1/failed-events/evt_1", reason()).0,
    ];
    for (place, call) in again.iter().enumerate() {
        let before = audited();
        assert_eq!((call(), audited()), (200, before + 1), "call {place}");
        assert_eq!((call(), audited()), (200, before + 1), "call {place} again");
    }
}
