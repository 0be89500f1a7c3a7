//! `user-referral` end to end: link, click, cookie, form token, signed events, the Monday run, $50 in the ledger.

use super::client::step;
use super::facts::{Partner, ahead, monday_after, paid, signed_up};
use super::server::Server;
use manicule::base::time::UtcMillis;
use manicule::engine::settlement::schedule::period_before;
use manicule::program::document::Cadence;
use serde_json::{Value, json};

const PROGRAM: &str = "user-referral";

#[test]
fn a_ref_link_earns_fifty_dollars_once() {
    let server = Server::start();
    step("enroll a partner");
    let ann = server.enrol(PROGRAM, "ann");
    let other = server.enrol(PROGRAM, "bob");
    let token = click_and_ask_for_the_token(&server, &ann);

    step("the friend signs up with the token, and pays twice");
    let up = server.deliver(&signed_up("friend", &ahead(0), json!({"token": token}))).expect(200).json();
    let attribution = &up["attribution"][0];
    assert_eq!(
        (&attribution["attributed"], &attribution["partner"], &attribution["method"]),
        (&json!(true), &json!(ann.id), &json!("token")),
        "{up}"
    );
    server.tell(&[paid("friend", "in-1", &ahead(0), 2_320), paid("friend", "in-2", &ahead(0), 2_900)]);
    assert_eq!(server.balance(&ann), (0, 0), "nothing before the run");

    step("a Monday before the fourteen days");
    server.weekly(monday_after(0));
    assert_eq!(server.balance(&ann), (0, 0));

    step("the Monday after the fourteen days, fired twice");
    let monday = monday_after(15);
    server.weekly(monday);
    server.weekly(monday);
    assert_eq!(server.balance(&ann), (0, 5_000));
    assert_eq!(server.balance(&other), (0, 0));
    check_the_ledger(&server, &ann);

    step("the same run started by hand, then the next week's");
    let before = server.transfers();
    let period = period_before(Cadence::Weekly, UtcMillis(monday));
    server.settle(PROGRAM, "weekly", &period);
    server.weekly(monday + 7 * 86_400_000);
    assert_eq!(server.balance(&ann), (0, 5_000), "once per account");
    assert_eq!(server.transfers(), before, "a repeated run writes nothing");

    step("a past period can be settled by hand; it finds nothing");
    let past = server.settle(PROGRAM, "weekly", "2025-W02");
    assert_eq!((&past["planned"], &past["totals"]), (&json!(0), &json!([])), "{past}");
    server.audit();
}

fn click_and_ask_for_the_token(server: &Server, partner: &Partner) -> Value {
    step("click in a browser");
    let clicked = server.visit(&format!("/r/{}", partner.code)).send();
    assert_eq!(clicked.location(), "/");
    let set = clicked.header("set-cookie").expect("the cookie");
    for part in ["__Host-manicule=v1.", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{part} is missing in {set}");
    }
    assert!(!set.to_ascii_lowercase().contains("domain"), "{set}");
    let cookie = clicked.cookie().expect("the cookie");

    step("the sign-up form asks for the token");
    let asked = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json();
    assert_eq!(asked["program"], PROGRAM);
    assert_eq!(asked["benefit"]["rate_bps"], 2_000, "{asked}");
    // The fingerprint exists once the click is stored. Visitors who opt out never have one.
    let nobody = server.get("/v1/attribution").header("sec-gpc", "1").send().expect(200).json();
    assert_eq!(nobody, json!({"token": null, "program": null, "benefit": null, "visitor": null}));
    asked["token"].clone()
}

fn check_the_ledger(server: &Server, ann: &Partner) {
    step("accruals have their reasons");
    let entries = server.entries(ann);
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = &entries[0];
    assert_eq!(
        (&entry["reward_id"], &entry["amount_cents"], &entry["state"], &entry["account"], &entry["unit"]),
        (&json!("referrer-credit"), &json!(5_000), &json!("available"), &json!("friend"), &json!("credit")),
        "{entry}"
    );
    assert!(entry["reason"].as_str().is_some_and(|r| !r.is_empty()), "{entry}");

    step("the attribution report names the touch that won");
    let receipt = server.read("/v1/accounts/friend/attribution");
    let program = &receipt["programs"][0];
    assert_eq!((&program["partner"], &program["method"]), (&json!(ann.id), &json!("token")), "{receipt}");
    let chosen = program["candidates"].as_array().expect("what was candidates");
    assert_eq!(chosen.iter().filter(|c| c["chosen"] == json!(true)).count(), 1, "{receipt}");
    let states: Vec<&Value> = program["states"].as_array().expect("states").iter().map(|s| &s["state"]).collect();
    assert!(states.contains(&&json!("signed_up")) && states.contains(&&json!("paid")), "{receipt}");
    assert!(!states.contains(&&json!("qualified")), "not before its time: {receipt}");

    step("the outbox has a message for each side");
    let outbox = server.read("/v1/outbox");
    let kinds: Vec<&str> = outbox["data"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|m| m["type"].as_str())
        .filter(|kind| kind.starts_with("reward."))
        .collect();
    assert_eq!(kinds, ["reward.granted.referrer", "reward.granted.referee"], "{outbox}");

    step("the leaderboard ranks the partner");
    let board = server.read("/v1/leaderboard?program=user-referral");
    let first = &board["data"][0];
    assert_eq!(
        (&first["rank"], &first["partner"], &first["gross_cents"]),
        (&json!(1), &json!(ann.id), &json!(5_000)),
        "{board}"
    );

    step("the ledger holds the credit against the program's expense, and the friend's discount at most");
    let rows = server.transfers();
    let credit: Vec<&Value> = rows.iter().filter(|row| row["amount_cents"] == json!(5_000)).collect();
    assert_eq!(credit.len(), 1, "{rows:?}");
    assert_eq!(credit[0]["debit"], "user-referral/credit:usd/expense", "{rows:?}");
    assert_eq!(credit[0]["credit"], json!(format!("user-referral/credit:usd/available/{}", ann.id)), "{rows:?}");
    server.audit();
}
