//! Operators' forms that move money or decide about it: approvals, payouts, reviews, reassignments, budgets, runs. Each
//! records its operator, keeps the entered values when it is refused, and never acts twice.

use super::fixture::{ORIGIN, PagesFixture};
use super::operator_fixture::{AGENCY, EVIL, NOW, OperatorFixture, POOLED, key_of, sql};
use crate::support::world::at;
use manicule::pages::text::operator::{
    account, common, home, ledger, message, notice, payout, program, review, settlement,
};
use manicule::pages::text::shared::payout as words;
use serde_json::json;

#[test]
fn a_run_is_approved_once_and_paid() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let path = format!("/operator/runs/{}", fixture.run);
    let page = operator.get(&path);
    page.is_page()
        .says(&format!("1 payout{}USD 100.00", settlement::ONE_PER_PARTNER))
        .says(&settlement::program_version(1));
    for _ in 0..2 {
        let done = operator.post(&format!("{path}/approve"), &[("reason", EVIL)]);
        done.is(303);
        assert_eq!(done.location, format!("{path}?done=approved"));
    }
    assert_eq!(fixture.audited("payout.approve"), 1);
    assert_eq!(fixture.count("SELECT COUNT(*) FROM payout_approval WHERE actor LIKE 'session:%'"), 1);
    assert_eq!(fixture.stripe.borrow().transfers.len(), 1);
    assert_eq!(fixture.look("SELECT state FROM payout", "state"), "paid");
    let shown = operator.get(&format!("{path}?done=approved"));
    shown.is_page().says(notice::APPROVED).says(settlement::approved_by("session:").trim_end()).says("paid");
    assert!(!shown.text().contains(&settlement::approve("1 payout")));
    assert!(!shown.html.contains("<script>alert"));
    operator.get("/operator/audit").says("payout.approve");
    operator.get(&format!("/operator/payouts/{}", fixture.payout)).is_page().says("tr_1").says("paid");
    operator.get("/operator").is_page();
    assert!(!operator.get("/operator").text().contains(home::APPROVAL));
    operator.get("/operator/ledger/checks").says(ledger::PASSED);
}

/// What can still be sent is said wherever an operator decides: at home, on the run, in the lists, in the API.
#[test]
fn an_approval_is_of_what_can_still_be_sent() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let refund = json!({"id": "re_1", "type": "invoice.refunded", "occurred_at": "2026-04-02T00:00:00Z", "account": {"id": "p"},
        "amount": {"cents": 20_000, "currency": "usd"}, "data": {"refund_id": "re_1", "invoice_id": "in_p"}});
    let invoice =
        fixture.look("SELECT invoice_id FROM event WHERE type = 'invoice.paid' AND account_id = 'p'", "invoice_id");
    let mut refund = refund;
    refund["data"]["invoice_id"] = invoice;
    fixture.pages.world.take(at(NOW), &refund, None).expect("taken");
    let left = fixture.count("SELECT (SELECT net_cents FROM accrual WHERE account_id = 'p' AND unit = 'cash:usd')");
    assert!(left < 10_000);
    let said = format!("USD {}.{:02}", left / 100, left % 100);
    let home = operator.get("/operator");
    home.is_page().says(&format!("1 {}{}{said}", common::PAYOUT_OR_PAYOUTS[0], home::APPROVAL_OF[0]));
    let run = operator.get(&format!("/operator/runs/{}", fixture.run));
    run.is_page().says(&said);
    operator.get("/operator/payouts?state=planned").is_page().says(&format!("{}: {said}", words::LEFT));
    run.says(&format!("{}: {said}", words::LEFT));
    // A payout on hold waits for nobody's approval.
    let path = format!("/operator/payouts/{}", fixture.payout);
    operator.get(&path);
    operator.post(&path, &[("decision", "hold"), ("reason", "a look")]).is(303);
    assert!(!operator.get("/operator").text().contains(home::APPROVAL), "{}", operator.get("/operator").text());
    operator.get(&path);
    operator.post(&path, &[("decision", "release"), ("reason", "a look")]).is(303);
    // Nothing is left: the approval says so.
    let mut rest = refund.clone();
    (rest["id"], rest["data"]["refund_id"], rest["amount"]["cents"]) = (json!("re_2"), json!("re_2"), json!(30_000));
    fixture.pages.world.take(at(NOW), &rest, None).expect("taken");
    operator.get("/operator").says(&format!("{}USD 0.00", home::APPROVAL_OF[0]));
}

#[test]
fn without_stripe_an_approval_says_so_and_keeps_the_remark() {
    let mut fixture = OperatorFixture::new();
    fixture.pages.config.setup.stripe = None;
    let operator = fixture.operator();
    let path = format!("/operator/runs/{}", fixture.run);
    operator.get(&path);
    let refused = operator.post(&format!("{path}/approve"), &[("reason", "all compared")]);
    refused.is(422).says("STRIPE_API_KEY is not set").says(program::PROBLEM);
    assert!(refused.html.contains("value=\"all compared\""));
    assert_eq!(fixture.count("SELECT COUNT(*) FROM payout_approval"), 0);
    operator.get("/operator").says(home::NO_STRIPE);
    operator.post("/operator/runs/nothing/approve", &[]).is(404);
}

#[test]
fn a_payout_is_held_released_and_canceled_with_reasons() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let path = format!("/operator/payouts/{}", fixture.payout);
    let page = operator.get(&path);
    page.is_page().says(payout::HOLD).says(payout::CANCEL).says(&format!("USD 100.00{}", payout::HOLD_EFFECT[1]));
    // Without a reason nothing happens.
    let refused = operator.post(&path, &[("decision", "hold"), ("reason", " ")]);
    refused.is(422).says("Reason is required");
    assert!(refused.html.contains("aria-invalid=\"true\""));
    assert_eq!(fixture.look("SELECT held FROM payout", "held"), 0);
    for _ in 0..2 {
        operator.post(&path, &[("decision", "hold"), ("reason", EVIL)]).is(303);
    }
    assert_eq!((fixture.look("SELECT held FROM payout", "held"), fixture.audited("payout.hold")), (1.into(), 1));
    let held = operator.get(&format!("{path}?done=held"));
    held.is_page().says(notice::HELD).says(payout::RELEASE);
    assert!(!held.html.contains("<script>alert") && !held.text().contains(payout::HOLD));
    operator.get("/operator/payouts?state=held").is_page().says("on hold");
    operator.get("/operator").says(&format!("1 {}", home::PAYOUTS_HELD[0]));
    let released = operator.post(&path, &[("decision", "release"), ("reason", "it was looked into")]);
    assert_eq!(released.location, format!("{path}?done=released"));
    for _ in 0..2 {
        operator.post(&path, &[("decision", "cancel"), ("reason", "it asked for it")]).is(303);
    }
    assert_eq!(
        (fixture.look("SELECT state FROM payout", "state"), fixture.audited("payout.cancel")),
        ("cancelled".into(), 1)
    );
    let available = fixture.pages.world.balance(&fixture.partner, "available");
    assert_eq!(available, 10_000, "it is available again");
    // A finished payout cannot be decided again.
    operator.get(&path).is_page();
    let over = operator.post(&path, &[("decision", "hold"), ("reason", "too late")]);
    over.is(422).says("It is cancelled and can't be held");
    operator.post(&path, &[("decision", "paint"), ("reason", "x")]).is(422);
    operator.post("/operator/payouts/po_none", &[("decision", "hold"), ("reason", "x")]).is(404);
    operator.get("/operator/ledger/checks").says(ledger::PASSED);
}

#[test]
fn a_payout_under_review_is_resolved_by_stripes_answer() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    sql(
        &fixture.pages.world,
        "UPDATE payout SET state = 'submitting', revision = revision + 1, attempt = 1, request = 'amount=1', first_sent_at_ms = 1;
         UPDATE payout SET state = 'review', revision = revision + 1, reason = 'two of them';",
    );
    let path = format!("/operator/payouts/{}", fixture.payout);
    operator.get("/operator").says(&format!("1 {}", home::PAYOUTS_IN_REVIEW[0]));
    operator.get(&path).is_page().says(payout::MARK_PAID).says(payout::MARK_FAILED);
    let wrong = operator.post(&path, &[("decision", "paid"), ("reason", "seen"), ("transfer", "tr_9")]);
    wrong.is(422).says("Stripe has 0 of them");
    assert!(wrong.html.contains("value=\"tr_9\""), "the entered values are kept");
    operator.get(&path).says(payout::OTHER_AMOUNT);
    let paid = [("decision", "paid"), ("reason", "seen"), ("transfer", "tr_9")];
    operator.post(&path, &[&paid[..], &[("amount", "60.00")]].concat()).is(422).says("Stripe has 0 of them");
    let odd = operator.post(&path, &[&paid[..], &[("amount", "sixty")]].concat());
    assert!(odd.status == 422 && odd.html.contains("value=\"sixty\""), "{}", odd.html);
    operator.post(&path, &[("decision", "paid"), ("reason", "seen")]).is(422).says("Transfer is required");
    operator.post(&path, &[("decision", "failed"), ("reason", "not there")]).is(303);
    assert_eq!(
        (fixture.look("SELECT state FROM payout", "state"), fixture.audited("payout.resolve")),
        ("failed".into(), 1)
    );
    operator.get("/operator").says(&format!("1 {}", home::PAYOUTS_FAILED[0]));
    operator.get("/operator/payouts?state=failed").is_page().says("not there");
}

#[test]
fn a_review_is_decided_once_with_a_reason() {
    for (decision, state, available) in [("release", "released", true), ("reject", "rejected", false)] {
        let fixture = OperatorFixture::new();
        let operator = fixture.operator();
        let path = format!("/operator/reviews/{}", fixture.review);
        operator.get("/operator/reviews").is_page().says(review::DECISION_HINT);
        let refused = operator.post(&path, &[("decision", decision)]);
        refused.is(422).says("Reason is required");
        let odd = operator.post(&path, &[("decision", "maybe"), ("reason", "kept as typed")]);
        odd.is(422);
        assert!(odd.html.contains("value=\"kept as typed\""));
        for _ in 0..2 {
            let done = operator.post(&path, &[("decision", decision), ("reason", EVIL)]);
            assert_eq!((done.status, done.location.as_str()), (303, "/operator/reviews?done=decided"));
        }
        assert_eq!(
            (
                fixture.look("SELECT state FROM review WHERE rule = 'same_domain'", "state"),
                fixture.audited("review.decide")
            ),
            (state.into(), 1)
        );
        operator.get("/operator/reviews").is_page().says(review::NONE_OPEN);
        let list = operator.get(&format!("/operator/reviews?state={state}"));
        list.is_page().says("session:");
        assert!(!list.html.contains("<script>alert"));
        let stands = fixture.count("SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE account_id = 's'");
        assert_eq!(stands > 0, available, "{decision}");
        // The opposite decision comes too late.
        let other = if decision == "release" { "reject" } else { "release" };
        operator.get(&path).is_page();
        operator.post(&path, &[("decision", other), ("reason", "after all")]).is(422).says("can't be changed");
    }
}

#[test]
fn an_account_is_reassigned_once_with_its_earnings() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let page = operator.get("/operator/accounts/p");
    page.is_page().says(account::REASSIGN_TITLE);
    let key = key_of(&page.html);
    let wrong = operator.post(
        "/operator/accounts/p",
        &[("idempotency", &key), ("program", AGENCY), ("partner", "ptn_none"), ("reason", "a mistake")],
    );
    wrong.is(422).says("This program has no such partner");
    assert!(wrong.html.contains("value=\"ptn_none\"") && wrong.html.contains("value=\"a mistake\""));
    operator
        .post("/operator/accounts/p", &[("program", AGENCY), ("partner", &fixture.suspect)])
        .is(422)
        .says("Reason is required");
    let fields = [("idempotency", key.as_str()), ("program", AGENCY), ("partner", &fixture.suspect), ("reason", EVIL)];
    for _ in 0..2 {
        let done = operator.post("/operator/accounts/p", &fields);
        assert_eq!((done.status, done.location.as_str()), (303, "/operator/accounts/p?done=reassigned"));
    }
    assert_eq!(fixture.audited("account.reassign"), 1);
    assert_eq!(fixture.count("SELECT COUNT(*) FROM event WHERE type = 'operator.reassigned'"), 1);
    let shown = operator.get("/operator/accounts/p?done=reassigned");
    shown.is_page().says(notice::REASSIGNED).says("moved by an operator").says("Sly");
    assert!(!shown.html.contains("<script>alert"));
    operator.post("/operator/accounts/none", &fields).is(404);
    operator.get("/operator/ledger/checks").says(ledger::PASSED);
}

#[test]
fn a_reward_budget_is_funded_once() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let path = format!("/operator/programs/{POOLED}");
    let page = operator.get(&path);
    page.is_page().says(program::REMAINING).says("USD 0.00");
    let key = key_of(&page.html);
    let funding = [("idempotency", key.as_str()), ("amount", "1,250.50"), ("reason", EVIL)];
    for _ in 0..2 {
        let done = operator.post(&format!("{path}/budget"), &funding);
        assert_eq!((done.status, done.location.as_str()), (303, format!("{path}?done=funded").as_str()));
    }
    let sum = "SELECT COALESCE(SUM(amount_cents), 0) FROM transfer WHERE code = 'fund'";
    assert_eq!(pages.world.db.number(sum), 125_050, "a double click funds once");
    operator.get(&format!("{path}?done=funded")).is_page().says(notice::FUNDED).says("USD 1,250.50");
    // The same form with another amount is refused with an explanation, and a fresh key lets it through.
    let other = operator.post(&format!("{path}/budget"), &[("idempotency", &key), ("amount", "7"), ("reason", "more")]);
    other.is(422).says(common::SUBMITTED_ALREADY);
    assert!(other.html.contains("value=\"7\"") && other.html.contains("value=\"more\""));
    let fresh = key_of(&other.html);
    assert_ne!(fresh, key);
    operator.post(&format!("{path}/budget"), &[("idempotency", &fresh), ("amount", "7"), ("reason", "more")]).is(303);
    assert_eq!(pages.world.db.number(sum), 125_750);
    let enter = program::enter_amount("usd");
    for (amount, reason, says) in
        [("0", "x", enter.as_str()), ("-5", "x", enter.as_str()), ("5", "", "Reason is required")]
    {
        let refused = operator.post(&format!("{path}/budget"), &[("amount", amount), ("reason", reason)]);
        refused.is(422).says(says);
        assert!(refused.html.contains(&format!("value=\"{amount}\"")));
    }
    operator.get(&format!("/operator/programs/{AGENCY}")).is_page();
    operator
        .post(&format!("/operator/programs/{AGENCY}/budget"), &[("amount", "5"), ("reason", "x")])
        .is(422)
        .says("has no reward budget");
    operator.post("/operator/programs/none/budget", &[("amount", "5"), ("reason", "x")]).is(404);
    assert_eq!(pages.world.db.number(sum), 125_750);
    operator.get("/operator/audit").is_page().says("budget.fund");
    let account = format!("/operator/ledger/transfers?account={POOLED}%2Fcredit:usd%2Fbudget");
    operator.get(&account).is_page().says("USD 1,250.50").says("fund");
}

#[test]
fn a_preview_that_is_not_finished_is_continued() {
    let fixture = OperatorFixture::new();
    fixture.pages.now.set(at("2026-05-02T00:00:00Z"));
    let operator = fixture.operator();
    operator.get("/operator/runs/preview");
    operator.post("/operator/runs/preview", &[("program", AGENCY), ("period", "2026-04")]).is(200);
    let id = fixture.look("SELECT id FROM preview", "id").as_str().expect("an id").to_owned();
    let path = format!("/operator/previews/{id}");
    let done = operator.get(&path);
    done.is_page().says(settlement::GRANTED).says(settlement::VESTED);
    // As if the first request had been cut off.
    let cut =
        "DELETE FROM preview_row; DELETE FROM preview_referral; DELETE FROM preview_modifier; DELETE FROM preview_room;
               UPDATE preview SET pass = 1, accounts = 0, step = step + 1";
    sql(&fixture.pages.world, cut);
    operator.get(&path).is_page().says(common::CONTINUE).says(&common::calculated_so_far("0 accounts"));
    operator.post(&path, &[]).is(303);
    assert_eq!(operator.get(&path).text(), done.text());
}

#[test]
fn a_run_is_previewed_and_started_once() {
    let fixture = OperatorFixture::new();
    fixture.pages.now.set(at("2026-05-02T00:00:00Z"));
    let operator = fixture.operator();
    operator.get("/operator/runs").is_page().says(settlement::PREVIEW_AND_START).says("2026-05");
    let page = operator.get(&format!("/operator/runs/preview?program={AGENCY}&period=2026-04"));
    page.is_page().says(settlement::PREVIEW_EFFECT);
    assert!(page.html.contains("value=\"2026-04\"") && page.html.contains("value=\"agency-partner\" selected"));
    let runs = fixture.count("SELECT COUNT(*) FROM run");
    let preview = |period: &str| operator.post("/operator/runs/preview", &[("program", AGENCY), ("period", period)]);
    preview("2026-04").is(200).says(settlement::PREVIEWED_LEAD).says(common::START_RUN);
    assert_eq!(fixture.count("SELECT COUNT(*) FROM run"), runs, "a preview starts nothing");
    let early = preview("2026-05");
    early.is(200).says(settlement::MAY_CHANGE);
    assert!(!early.text().contains(common::START_RUN));
    for (period, says) in
        [("soon", "Must be a month"), ("2026-W10", "This program's cadence is monthly"), ("", "Period is required")]
    {
        let refused = preview(period);
        refused.is(422).says(says);
        assert!(refused.html.contains(&format!("value=\"{period}\"")), "the entered values are kept");
    }
    let evil = [("program", "\"><b>"), ("period", "\"><b>")];
    assert!(!operator.post("/operator/runs/preview", &evil).is(422).html.contains("\"><b>"));
    operator.get("/operator/runs/preview?program=%22%3E%3Cb%3E&period=%22%3E%3Cb%3E").is_page();
    operator.get("/operator/runs");
    for _ in 0..2 {
        let done = operator.post("/operator/runs", &[("program", AGENCY), ("period", "2026-04")]);
        done.is(303);
        operator
            .get(&done.location)
            .is_page()
            .says(notice::RUN_STARTED)
            .says(&settlement::title(AGENCY, "2026-04"))
            .says("session:");
    }
    assert_eq!((fixture.count("SELECT COUNT(*) FROM run"), fixture.audited("run.start")), (runs + 1, 1));
    preview("2026-04").says(settlement::RUN_EXISTS);
    operator.get("/operator/runs");
    for (period, says) in [
        ("2026-05", "this period has not ended"),
        ("2026-W10", "this program's cadence is monthly"),
        ("soon", "Must be a month"),
        ("", "Period is required"),
    ] {
        let refused = operator.post("/operator/runs", &[("program", AGENCY), ("period", period)]);
        refused.is(422);
        assert!(refused.text().to_lowercase().contains(&says.to_lowercase()), "{period}: {}", refused.text());
        assert!(refused.html.contains(&format!("value=\"{period}\"")));
    }
}

#[test]
fn a_failed_message_is_resent_once() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let page = operator.get("/operator/outbox?state=failed");
    page.is_page().says("review.opened").says("<b>refused</b>".replace('<', "&lt;").replace('>', "&gt;").as_str());
    let id = fixture.look("SELECT id FROM outbox WHERE kind = 'review.opened'", "id");
    let id = id.as_str().expect("an id");
    operator.post("/operator/outbox?state=failed", &[("message", id)]).is(422).says("Reason is required");
    let done = operator.post("/operator/outbox?state=failed", &[("message", id), ("reason", EVIL)]);
    assert_eq!((done.status, done.location.as_str()), (303, "/operator/outbox?state=failed&done=replayed"));
    assert_eq!(fixture.look("SELECT state, round FROM delivery", "state"), "queued");
    assert_eq!(fixture.look("SELECT round FROM delivery", "round"), 1);
    operator.get(&done.location).is_page().says(notice::RESENT).says(message::NONE);
    // A message that is already waiting is left as it is.
    operator.post("/operator/outbox", &[("message", id), ("reason", "again")]);
    assert_eq!(fixture.look("SELECT round FROM delivery", "round"), 1);
    operator.post("/operator/outbox", &[("message", "none"), ("reason", "x")]).is(404);
}

#[test]
fn a_credit_that_reached_nobody_is_shown() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    assert!(!operator.get("/operator").is_page().text().contains(home::VIEW_UNDELIVERED_MESSAGES));
    sql(
        &fixture.pages.world,
        "INSERT INTO outbox (id, kind, program_id, payload, state, created_at_ms)
         VALUES ('reversed:acr_1.2', 'reward.reversed', 'tiered-credits', '{}', 'undelivered', 1);",
    );
    let shown = operator.get("/operator");
    shown.is_page().says(home::MESSAGES_UNDELIVERED[0]).says(home::VIEW_UNDELIVERED_MESSAGES);
    assert!(shown.html.contains("/operator/outbox?state=undelivered"));
    let page = operator.get("/operator/outbox?state=undelivered");
    page.is_page().says("reward.reversed").says(message::UNDELIVERED).says(message::NOBODY).says(message::NO_ENDPOINT);
    operator.get("/operator/outbox?state=suppressed").is_page().says(message::NONE);
}

#[test]
fn a_form_without_its_token_does_nothing() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let path = format!("/operator/payouts/{}", fixture.payout);
    for body in ["decision=hold&reason=x", "form_token=00&decision=hold&reason=x"] {
        operator.ask("POST", &path, &[("origin", ORIGIN)], body).is(403).says("Not allowed");
    }
    assert_eq!(fixture.look("SELECT held FROM payout", "held"), 0);
}
