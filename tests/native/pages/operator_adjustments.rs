//! The form that adjusts a partner's balance: what it says before it books, and who decides.

use super::operator_fixture::{AGENCY, NOW, OperatorFixture, key_of};
use crate::support::world::{at, now};
use manicule::pages::text::operator::{adjustment, common, home, notice};
use manicule::service::accrual::adjust;

const PRIVATE: &str = "their clerk admitted it";

const FORM: [(&str, &str); 5] =
    [("direction", "take"), ("amount", "25"), ("balance", "available"), ("note", "Double booked"), ("reason", PRIVATE)];

#[test]
fn a_balance_is_shown_before_and_after_and_adjusted_once() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let partner = format!("/operator/partners/{}", fixture.partner);
    operator.get(&partner).is_page().says(adjustment::ADJUST);
    let form = format!("{partner}/adjust");
    operator.get(&form).is_page().says(adjustment::FORM_LEAD);
    let refused = operator.post(&format!("{form}/confirm"), &[("direction", "add"), ("amount", "0"), ("reason", "x")]);
    refused.is(422).says("Enter an amount such as");
    let asked = operator.post(&format!("{form}/confirm"), &FORM);
    asked.is(200).says(adjustment::CONFIRM_LEAD).says("-USD 25.00").says(adjustment::BELOW_ZERO);
    assert_eq!(fixture.count("SELECT COUNT(*) FROM adjustment"), 0, "nothing is booked yet");
    let key = key_of(&asked.html);
    let fields: Vec<(&str, &str)> = FORM.iter().copied().chain([("idempotency", key.as_str())]).collect();
    let (done, again) = (operator.post(&form, &fields), operator.post(&form, &fields));
    done.is(303);
    assert!(done.location.ends_with("?done=adjusted"), "{}", done.location);
    assert_eq!(again.location, done.location, "the form acts once");
    let shown = operator.get(&done.location);
    shown.is_page().says(notice::ADJUSTED).says("Double booked").says(adjustment::TAKE_BACK);
    assert_eq!(fixture.count("SELECT COUNT(*) FROM adjustment WHERE state = 'booked'"), 1);
    let list = operator.get("/operator/adjustments");
    list.is_page().says("Double booked").says(PRIVATE).says("-USD 25.00");
    assert!(!list.html.contains("<script>alert"));
    operator.get("/operator/adjustments?state=elsewhere").is(400);
    operator.get("/operator/adjustments/adj_none").is(404);
    // The partner reads the note, and never the reason.
    let own = fixture.pages.signed_in("boss@acme.example", &fixture.partner);
    let earnings = own.get("/partner/earnings");
    earnings.is_page().says("Double booked").says("-USD 25.00");
    let id = fixture.look("SELECT accrual_id FROM adjustment", "accrual_id");
    let detail = own.get(&format!("/partner/earnings/{}", id.as_str().unwrap()));
    detail.is_page().says("Double booked");
    for shown in [&earnings, &detail] {
        assert!(!shown.html.contains(PRIVATE), "the reason is for operators");
    }
}

#[test]
fn an_earning_is_adjusted_from_its_row() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let accrual = fixture.look("SELECT id FROM accrual WHERE account_id = 'p' AND net_cents > 0", "id");
    let path = format!("/operator/partners/{}/adjust?accrual={}", fixture.partner, accrual.as_str().unwrap());
    let account = operator.get("/operator/accounts/p");
    account.is_page();
    assert!(account.html.contains(&path), "the account's page links to the form");
    let form = operator.get(&format!("{path}&direction=take"));
    form.is_page().says(adjustment::CHANGES);
    let fields = [("direction", "take"), ("amount", "100.01"), ("accrual", accrual.as_str().unwrap()), ("reason", "x")];
    let to = format!("/operator/partners/{}/adjust/confirm", fixture.partner);
    operator.post(&to, &fields).is(422).says("10000 cents are left of it");
}

#[test]
fn what_needs_approval_is_on_the_home_page_until_another_operator_decides() {
    let fixture = OperatorFixture::new();
    fixture.pages.world.db.connection.borrow().execute(
        "INSERT INTO program_version SELECT program_id, version + 1, ?1, json_set(document, '$.version', version + 1, '$.effective_from',
           '2026-04-01T00:00:00Z', '$.settlement.approval_above_cents', 100), document_sha256, created_at_ms, actor
         FROM program_version WHERE program_id = ?2", (at("2026-04-01T00:00:00Z").0, AGENCY)).unwrap();
    let operator = fixture.operator();
    let form = format!("/operator/partners/{}/adjust", fixture.partner);
    operator.get(&form).is_page();
    operator.post(&format!("{form}/confirm"), &FORM).is(200).says(adjustment::WAITS).says(adjustment::REQUEST);
    let asked = operator.post(&form, &FORM);
    assert!(asked.location.ends_with("?done=adjustment-requested"), "{}", asked.location);
    operator.get("/operator").says(&format!("1 {}", home::ADJUSTMENTS_REQUESTED[0]));
    let path = asked.location.split('?').next().unwrap().to_owned();
    let own = operator.get(&path);
    own.is_page().says(adjustment::OWN_REQUEST).says(adjustment::WITHDRAW);
    let id = fixture.look("SELECT id FROM adjustment", "id");
    now(adjust::decide(&fixture.pages.world.at(at(NOW)), &id.as_str().unwrap().into(), true, "checked"))
        .expect("decided");
    operator.get(&path).is_page().says("checked").says(adjustment::TAKE_BACK);
    assert!(!operator.get("/operator").text().contains(home::ADJUSTMENTS_REQUESTED[0]));
    operator.get("/operator/adjustments?state=requested").is_page().says(adjustment::NONE);
    operator.get("/operator/adjustments?state=booked").is_page().says(common::AMOUNT);
}
