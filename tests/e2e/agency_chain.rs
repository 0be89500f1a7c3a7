//! `agency-partner` end to end: a typed code, 20% in the first year and 10% after it, 60 days of hold, refunds,
//! disputes, a cancellation inside the hold, and the report of each run.

use super::client::step;
use super::facts::{Partner, at, disputed, event, paid, refunded, signed_up};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "agency-partner";
const MONTHLY: &str = "0 6 1 * *";

/// A new agency for each case, with one account that signed up with its code.
fn agency(server: &Server, name: &str, when: &str) -> Partner {
    let partner = server.enrol(PROGRAM, &format!("agency-{name}"));
    assert!(partner.code.starts_with("PARTNER_") && partner.code.len() == 16, "{}", partner.code);
    server.tell(&[signed_up(name, when, json!({"code": partner.code}))]);
    partner
}

#[test]
fn an_agency_earns_twenty_then_ten_percent() {
    let server = Server::start();
    let one = agency(&server, "one", "2024-01-10T00:00:00Z");

    first_year(&server, &one);

    step("the run at 45 days vests nothing");
    let early = server.settle(PROGRAM, "monthly", "2024-02");
    assert_eq!(server.balance(&one), (105_000, 0), "{early}");

    step("the run after 60 days vests what was earned until then");
    server.cron(MONTHLY, at("2024-04-01T06:00:00Z"));
    assert_eq!(server.balance(&one), (45_000, 60_000));

    step("its report");
    let runs = server.read("/v1/runs");
    let run = runs["data"].as_array().expect("runs").iter().find(|r| r["period"] == json!("2024-03"));
    let id = run.and_then(|r| r["id"].as_str()).unwrap_or_else(|| panic!("no run of 2024-03: {runs}"));
    let report = server.read(&format!("/v1/runs/{id}"));
    assert_eq!((&report["state"], &report["planned"], &report["executed"]), (&json!("done"), &json!(2), &json!(2)));
    let statement = &report["partners"]["data"][0];
    assert_eq!(
        (
            &statement["partner_id"],
            &statement["settled_cents"],
            &statement["available_cents"],
            &statement["payable_cents"]
        ),
        (&json!(one.id), &json!(60_000), &json!(60_000), &json!(60_000)),
        "{report}"
    );

    step("the same run again changes nothing");
    let before = server.transfers();
    server.cron(MONTHLY, at("2024-04-01T06:00:00Z"));
    server.settle(PROGRAM, "monthly", "2024-03");
    assert_eq!(server.transfers(), before);
    assert_eq!(server.read(&format!("/v1/runs/{id}")), report);

    step("a run started five times at once is one run");
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let start = || server.settle(PROGRAM, "monthly", "2024-04")["id"].clone();
        let starters: Vec<_> = (0..5).map(|_| scope.spawn(start)).collect();
        starters.into_iter().map(|starter| starter.join().expect("a run")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(server.balance(&one), (45_000, 60_000));

    step("a run after all of it vests the rest; an event after its period's run is settled by the next");
    server.settle(PROGRAM, "monthly", "2025-01");
    assert_eq!(server.balance(&one), (0, 105_000));
    server.tell(&[paid("one", "in-late", "2025-01-20T00:00:00Z", 10_000)]);
    assert_eq!(server.balance(&one), (1_000, 105_000));
    server.settle(PROGRAM, "monthly", "2025-02");
    assert_eq!(server.balance(&one), (0, 106_000));
    server.audit();
}

/// 20% in the first year, 10% after it.
fn first_year(server: &Server, one: &Partner) {
    step("the first year ends a calendar year after the first payment, to the millisecond");
    let months = [
        ("in-first", "2024-01-15T10:00:00Z", 30_000),
        ("in-second", "2024-02-15T10:00:00Z", 30_000),
        ("in-last-of-year", "2025-01-15T09:59:59.999Z", 30_000),
        ("in-thirteenth", "2025-01-15T10:00:00Z", 15_000),
    ];
    // Out of order, because the order must not matter.
    for (invoice, when, _) in months.iter().rev() {
        server.tell(&[paid("one", invoice, when, 150_000)]);
    }
    let entries = server.entries(one);
    for (invoice, _, cents) in months {
        let source = json!(format!("invoice:{invoice}"));
        // Accruals of rewards that an earlier fact made inapplicable remain, with a net of zero.
        let stands = |e: &&Value| e["source"] == source && e["state"] != json!("void");
        let line = entries.iter().find(stands).unwrap_or_else(|| panic!("no line of {invoice}"));
        assert_eq!((&line["amount_cents"], &line["state"]), (&json!(cents), &json!("pending")), "{line}");
    }
    assert_eq!(server.balance(one), (105_000, 0));
}

#[test]
fn refunds_and_disputes_are_clawed_back_from_the_right_balance() {
    let server = Server::start();
    let signed = "2025-03-01T00:00:00Z";
    let first_payment = "2025-03-05T00:00:00Z";
    let names = ["refund-early", "refund-late", "dispute-lost", "dispute-won", "leaver", "stayer"];
    let agencies: Vec<Partner> = names.iter().map(|name| agency(&server, name, signed)).collect();
    let [early, late, lost, won, leaver, stayer] = &agencies[..] else { unreachable!("six agencies") };
    for name in names {
        server.tell(&[paid(name, &format!("in-{name}"), first_payment, 100_000)]);
    }

    step("a refund before vesting takes its share of what is pending");
    server.tell(&[refunded("refund-early", "in-refund-early", "2025-03-20T00:00:00Z", 33_333)]);
    // 20,000 × 33,333 / 100,000 is 6,666.6: the fraction of a cent stays with the partner.
    assert_eq!(server.balance(early), (13_334, 0));

    step("a cancellation inside the hold voids, one exactly at its end does not");
    server.tell(&[
        event("bye-leaver", "account.cancelled", "2025-05-03T23:59:59.999Z", "leaver", json!({})),
        event("bye-stayer", "account.cancelled", "2025-05-04T00:00:00Z", "stayer", json!({})),
    ]);
    assert_eq!(server.balance(leaver), (0, 0));
    let void = &server.entries(leaver)[0];
    assert_eq!((&void["state"], &void["amount_cents"]), (&json!("void"), &json!(0)), "{void}");
    assert!(void["reason"].as_str().is_some_and(|r| r.contains("cancel")), "{void}");
    assert_eq!(server.balance(stayer), (20_000, 0));

    step("open disputes freeze");
    server.tell(&[
        disputed("dispute-lost", "in-dispute-lost", "opened", "2025-04-01T00:00:00Z", 100_000),
        disputed("dispute-won", "in-dispute-won", "opened", "2025-04-01T00:00:00Z", 100_000),
    ]);
    server.settle(PROGRAM, "monthly", "2025-05");
    assert_eq!(server.balance(early), (0, 13_334));
    assert_eq!(server.balance(late), (0, 20_000));
    assert_eq!(server.balance(stayer), (0, 20_000), "it left after the hold");
    assert_eq!(server.balance(leaver), (0, 0));
    for frozen in [lost, won] {
        let line = &server.entries(frozen)[0];
        assert_eq!((&line["state"], server.balance(frozen)), (&json!("disputed"), (20_000, 0)), "{line}");
    }

    step("lost disputes are clawed back; won ones are freed and vest in the next run");
    server.tell(&[
        disputed("dispute-lost", "in-dispute-lost", "lost", "2025-06-10T00:00:00Z", 100_000),
        disputed("dispute-won", "in-dispute-won", "won", "2025-06-10T00:00:00Z", 100_000),
    ]);
    assert_eq!((server.balance(lost), server.balance(won)), ((0, 0), (20_000, 0)));
    server.settle(PROGRAM, "monthly", "2025-06");
    assert_eq!((server.balance(lost), server.balance(won)), ((0, 0), (0, 20_000)));

    step(
        "a refund after vesting reduces the available balance; refunding more than was paid claws back no more than was earned",
    );
    server.tell(&[refunded("refund-late", "in-refund-late", "2025-07-01T00:00:00Z", 50_000)]);
    assert_eq!(server.balance(late), (0, 10_000));
    let mut rest = refunded("refund-late", "in-refund-late", "2025-07-02T00:00:00Z", 90_000);
    rest["id"] = json!("refund-late-2");
    rest["data"]["refund_id"] = json!("re-late-2");
    server.tell(&[rest]);
    assert_eq!(server.balance(late), (0, 0));
    let line: &Value = &server.entries(late)[0];
    assert_eq!((&line["state"], &line["reversed_cents"]), (&json!("reversed"), &json!(20_000)), "{line}");
    server.audit();
}
