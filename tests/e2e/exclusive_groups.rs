//! Programs that could pay for the same customer: within an exclusive group only one does, by the last touch in the
//! group. Groups are independent of each other, and every conversion has an attribution report, attributed or not.

use super::client::step;
use super::facts::{Partner, ahead, discounted, monday_after, paid, signed_up};
use super::server::Server;
use serde_json::{Value, json};

/// A cookie with the touches of these links, clicked in this order.
fn clicked(server: &Server, partners: &[&Partner]) -> String {
    let mut cookie = String::new();
    for partner in partners {
        let reply = server.visit(&format!("/r/{}", partner.code)).header("cookie", &cookie).send();
        cookie = reply.cookie().expect("the cookie");
    }
    cookie
}

fn sign_up(server: &Server, account: &str, cookie: &str) {
    let asked = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json();
    server.tell(&[signed_up(account, &ahead(-1_000), json!({"token": asked["token"]}))]);
}

fn group(server: &Server, account: &str, name: &str) -> Value {
    let receipt = server.read(&format!("/v1/accounts/{account}/attribution"));
    let found = receipt["programs"].as_array().and_then(|all| all.iter().find(|p| p["group"] == json!(name)).cloned());
    found.unwrap_or_else(|| panic!("no group {name}: {receipt}"))
}

#[test]
fn an_exclusive_group_pays_only_the_last_touch() {
    let server = Server::start();
    let ann = server.enrol("user-referral", "ann");
    let agency = server.enrol("agency-partner", "agency");
    let dev = super::developer_attribution::enrol(&server, "dev", "developer");

    step(
        "a friend's link, then an agency's: the agency's program pays, and the friend's discount is no cost of a program",
    );
    sign_up(&server, "by-agency", &clicked(&server, &[&ann, &dev, &agency]));
    server.tell(&[
        discounted("by-agency", "in-1", &ahead(0), 40_000, 10_000),
        paid("by-agency", "in-2", &ahead(0), 50_000),
    ]);
    let found = group(&server, "by-agency", "aikit");
    assert_eq!((&found["program"], &found["partner"]), (&json!("agency-partner"), &json!(agency.id)), "{found}");
    let lost = found["candidates"].as_array().expect("touches").iter().find(|c| c["partner"] == json!(ann.id)).cloned();
    let lost = lost.unwrap_or_else(|| panic!("not candidates: {found}"));
    assert_eq!(lost["reason"], "a later touch of the same group of programs wins", "{found}");

    step("the other way round: credit and benefit, and no commission");
    sign_up(&server, "by-friend", &clicked(&server, &[&agency, &ann]));
    server.tell(&[discounted("by-friend", "in-3", &ahead(0), 2_320, 580), paid("by-friend", "in-4", &ahead(0), 2_900)]);
    let found = group(&server, "by-friend", "aikit");
    assert_eq!((&found["program"], &found["partner"]), (&json!("user-referral"), &json!(ann.id)), "{found}");
    server.weekly(monday_after(15));
    assert_eq!(server.balance(&ann), (0, 5_000));
    assert_eq!(server.balance(&agency), (18_000, 0));
    assert!(server.entries(&agency).iter().all(|e| e["account"] == json!("by-agency")));
    let benefits: Vec<i64> = server
        .transfers()
        .iter()
        .filter(|t| t["debit"] == json!("user-referral/cash:usd/expense"))
        .filter_map(|t| t["amount_cents"].as_i64())
        .collect();
    assert_eq!(benefits, [580]);

    step("other groups are independent: the developer is credited beside the agency");
    let other = group(&server, "by-agency", "emdash");
    assert_eq!((&other["partner"], &other["method"]), (&json!(dev.id), &json!("token")), "{other}");
    // Its email domain is that of the first account, which the developer referred.
    let colleague = group(&server, "by-friend", "emdash");
    assert_eq!((&colleague["partner"], &colleague["method"]), (&json!(dev.id), &json!("email_domain")), "{colleague}");
    server.audit();
}

#[test]
fn a_program_may_credit_the_first_touch() {
    let server = Server::start();
    step("the friends' program, with another model and in a group of its own");
    let mut document = server.read("/v1/programs/user-referral")["document"].clone();
    document["id"] = json!("first-come");
    document["attribution"]["model"] = json!("first_touch");
    document["attribution"]["exclusive_group"] = json!("first-come");
    server.ask("PUT", "/v1/programs/first-come").operator().body(document.to_string()).send().expect(201);
    let [early, late] = ["early", "late"].map(|name| server.enrol("first-come", name));
    let [one, two] = ["one", "two"].map(|name| server.enrol("user-referral", name));
    sign_up(&server, "friend", &clicked(&server, &[&early, &one, &late, &two]));
    let found = group(&server, "friend", "first-come");
    assert_eq!(found["partner"], json!(early.id), "{found}");
    let lost =
        found["candidates"].as_array().expect("touches").iter().find(|c| c["partner"] == json!(late.id)).cloned();
    assert_eq!(lost.map(|c| c["reason"].clone()), Some(json!("an earlier touch wins")), "{found}");
    assert_eq!(
        group(&server, "friend", "aikit")["partner"],
        json!(two.id),
        "the last touch counts where it is the model"
    );
}

#[test]
fn the_attribution_report_says_why_a_partner_was_not_credited() {
    let server = Server::start();
    let agency = server.enrol("agency-partner", "agency");
    step("an unattributed sign-up has an attribution report for every group");
    server.tell(&[
        signed_up("alone", "2025-01-06T00:00:00Z", json!({})),
        paid("alone", "in-alone", "2025-01-07T00:00:00Z", 50_000),
    ]);
    let receipt = server.read("/v1/accounts/alone/attribution");
    let all = receipt["programs"].as_array().expect("groups");
    let mut groups: Vec<&str> = all.iter().filter_map(|p| p["group"].as_str()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["aikit", "emdash", "partner-funnel", "salonhub"]);
    for found in all {
        assert_eq!(
            (&found["attributed"], &found["partner"], &found["entries"]),
            (&json!(false), &json!(null), &json!([]))
        );
        assert_eq!(found["reason"], "not attributed: the sign-up carried no code and no touch of these programs");
    }

    step("a touch of today does not count for a sign-up of last year; a forged token is reported as forged");
    let cookie = clicked(&server, &[&agency]);
    let token = server.get("/v1/attribution").header("cookie", &cookie).send().json()["token"].clone();
    server.tell(&[
        signed_up("last-year", "2025-01-06T00:00:00Z", json!({"token": token})),
        signed_up("forged", "2025-01-06T00:00:00Z", json!({"token": "v1.k1.AAAA.AAAA"})),
    ]);
    let found = group(&server, "last-year", "aikit");
    assert_eq!(found["candidates"][0]["reason"], "touched after the sign-up", "{found}");
    assert_eq!(found["reason"], "not attributed: nothing that was considered could bind", "{found}");
    let found = group(&server, "forged", "aikit");
    assert_eq!(found["reason"], "not attributed: the sign-up's token does not verify", "{found}");
    assert_eq!(server.balance(&agency), (0, 0));
    server.get("/v1/accounts/unheard-of/attribution").operator().send().problem(404, "not_found");
    server.audit();
}
