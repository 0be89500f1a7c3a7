//! Operators' pages: every page takes one batch, with data, without data, and without programs; only operators see
//! them; and text typed by strangers is never markup.

mod lists;

use super::fixture::{PagesFixture, Shown};
use super::operator_fixture::{AGENCY, EVIL, FUNNEL, NOW, OperatorFixture, sql};
use crate::support::scan::{GROWING, is_called, plan};
use crate::support::sqlite::Sqlite;
use crate::support::world::{World, at};
use manicule::http::config::Config;
use manicule::pages::route::{Viewers, all};
use manicule::pages::table::Entry;
use manicule::pages::text::operator::{
    account, common, funnel, home, ledger, partner, payout, program, report, review, settlement,
};
use serde_json::json;

/// The same pages by other addresses.
const FILTERED: &[&str] = &[
    "/operator/partners?q=nobody",
    "/operator/accounts?q=nobody",
    "/operator/reviews?state=released",
    "/operator/payouts?state=review",
    "/operator/payouts?state=held",
    "/operator/outbox?state=failed",
];

fn entries(method: &str) -> Vec<Entry> {
    let pages = all::<World>().into_iter();
    pages.filter(|(whose, e)| *whose == Viewers::Operators && e.method == method).map(|(_, e)| e).collect()
}

/// Pages that exist in any state.
fn always() -> Vec<String> {
    // Two are about a program, and go to one.
    let is_there = |e: &Entry| !e.path.contains('{') && !["/operator/funnel", "/operator/economics"].contains(&e.path);
    let own = entries("GET").into_iter().filter(is_there).map(|e| e.path.to_owned());
    own.chain(FILTERED.iter().map(|path| (*path).to_owned())).collect()
}

/// A page's address in the fixture's world.
fn filled(fixture: &OperatorFixture, path: &str) -> String {
    let id = match path.split('/').nth(2).unwrap_or_default() {
        "programs" => AGENCY,
        "partners" => &fixture.partner,
        "accounts" => "p",
        "reviews" => &fixture.review,
        "runs" => &fixture.run,
        "payouts" => &fixture.payout,
        "previews" => "prv_1",
        "adjustments" => "adj_1",
        "questions" => "que_1",
        _ => "none",
    };
    path.replace("{id}", id).replace("{page}", "rsc_1")
}

fn of_data(fixture: &OperatorFixture) -> Vec<String> {
    let resource = format!(
        "INSERT OR IGNORE INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES ('rsc_1', '{AGENCY}', 'A page', 'A text', 0, 0)"
    );
    sql(&fixture.pages.world, &resource);
    let preview = format!(
        "INSERT OR IGNORE INTO preview (id, kind, program_id, group_id, request, as_of_ms, passes, pass, cursor, step, accounts, actor, created_at_ms)
         VALUES ('prv_1', 'draft', '{AGENCY}', 'g', '{{\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-02-01T00:00:00Z\"}}', 0, 1, 2, '', 2, 1, '', 0);
         INSERT OR IGNORE INTO preview_row VALUES ('prv_1', 'reward', '{}', 'cash:usd', 'first-year', 1, 100, 100, 100, 100);",
        fixture.partner
    );
    sql(&fixture.pages.world, &preview);
    let adjustment = format!(
        "INSERT OR IGNORE INTO adjustment (id, program_id, partner_id, account_id, accrual_id, makes_accrual, unit, amount_cents, balance, vests_at_ms,
           note, reason, actor, state, expires_at_ms, created_at_ms)
         VALUES ('adj_1', '{AGENCY}', '{}', 'p', 'acr_1', 1, 'cash:usd', 5, 'available', 0, '{EVIL}', '{EVIL}', '{EVIL}', 'requested', 9, 0)",
        fixture.partner
    );
    sql(&fixture.pages.world, &adjustment);
    let question = format!(
        "INSERT OR IGNORE INTO credit_question (id, partner_id, program_id, day, place, code, about, answer, message, sent_at_ms, created_at_ms)
         VALUES ('que_1', '{}', '{AGENCY}', 1, 1, '{EVIL}', '{EVIL}', '[]', '{EVIL}', 0, 0)",
        fixture.partner
    );
    sql(&fixture.pages.world, &question);
    let own = entries("GET").into_iter().filter(|e| e.path.contains('{')).map(|e| filled(fixture, e.path));
    let about = [
        format!("/operator/funnel?program={FUNNEL}&week=2026-W13"),
        format!("/operator/economics?program={AGENCY}"),
        format!("/operator/ledger/transfers?account={AGENCY}%2Fcash:usd%2Favailable%2F{}", fixture.partner),
    ];
    always().into_iter().chain(own).chain(about).collect()
}

#[test]
fn every_page_is_one_batch_and_escapes_user_input() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    for path in of_data(&fixture) {
        let shown = operator.get(&path);
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && !shown.html.contains("<b>refused"), "{path}: {}", shown.html);
        assert!(shown.html.contains("aria-current=\"page\""), "{path} has no place in the navigation");
    }
}

#[test]
fn search_queries_are_escaped() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    for path in ["/operator/partners", "/operator/accounts"] {
        let shown = operator.get(&format!("{path}?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%25_'"));
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && shown.html.contains("&lt;script&gt;"), "{}", shown.html);
    }
}

#[test]
fn empty_pages_say_what_to_do() {
    let presets = PagesFixture::new(at(NOW));
    let nothing = PagesFixture { world: World::on(Sqlite::new(), 5), ..PagesFixture::new(at(NOW)) };
    for pages in [&presets, &nothing] {
        let operator = pages.operator();
        for path in always() {
            operator.get(&path).is_page();
        }
    }
    let operator = nothing.operator();
    operator.get("/operator/programs").is_page().says(program::NONE).says(program::GUIDE_TITLE);
    operator.get("/operator/program-guide").is_page().says("rewards[].amount.rate_bps");
    operator.get("/operator/funnel").is_page().says(funnel::NO_FUNNEL);
    operator.get("/operator/economics").is_page().says(report::NO_REWARDS);
    operator.get("/operator/partners").says(partner::NONE_YET);
    operator.get("/operator/ledger/checks").says(ledger::PASSED);
    let operator = presets.operator();
    let to = operator.get("/operator/funnel");
    to.is(303);
    operator.get(&to.location).is_page().says(funnel::NO_VISITS);
    let to = operator.get("/operator/economics");
    to.is(303);
    operator.get(&to.location).is_page().says(report::NOTHING_TO_COMPARE);
    for path in
        ["programs/x", "partners/x", "accounts/x", "reviews/x", "runs/x", "payouts/x", "nothing", "programs/x/edit"]
    {
        operator.get(&format!("/operator/{path}")).is(404);
    }
    operator.get("/operator/ledger/transfers?account=x").is(404);
    operator.get("/operator/payouts?state=x").is(400);
    operator.get("/operator/funnel?week=x&program=y").is(400);
}

#[test]
fn nobody_else_sees_them() {
    let fixture = OperatorFixture::new();
    let forms: Vec<String> = entries("POST").iter().map(|e| filled(&fixture, e.path)).collect();
    let partner = fixture.pages.signed_in("boss@acme.example", &fixture.partner);
    let nobody = fixture.pages.browser();
    let before = fixture.count("SELECT COUNT(*) FROM audit");
    for browser in [&partner, &nobody] {
        for path in of_data(&fixture) {
            let shown = browser.get(&path);
            shown.is(303);
            assert!(shown.location.starts_with("/sign-in?to=%2Foperator"), "{path}: {}", shown.location);
            assert!(shown.html.is_empty());
        }
    }
    // Even with the session's valid form token, because the session is not an operator's.
    let token = partner.form_token();
    for path in &forms {
        let body =
            format!("form_token={token}&reason=x&decision=reject&amount=1&name=x&expires=30&period=2026-03&message=x");
        let shown = partner.ask("POST", path, &[("origin", super::fixture::ORIGIN)], &body);
        shown.is(303);
        assert!(shown.location.starts_with("/sign-in"), "{path}: {}", shown.location);
        // An operator's own form from another site is refused as well.
        fixture.operator().ask("POST", path, &[("origin", "https://evil.example")], &body).is(403);
    }
    assert_eq!(fixture.count("SELECT COUNT(*) FROM audit"), before, "nothing was done");
}

#[test]
fn home_lists_what_needs_attention() {
    let fixture = OperatorFixture::new();
    let shown = fixture.operator().get("/operator");
    shown.is_page();
    for what in [
        format!("1 {}", home::REVIEWS[0]),
        home::APPROVAL.to_owned(),
        format!("1 payout{}USD 100.00", home::APPROVAL_OF[0]),
        format!("1 {}", home::MESSAGES_FAILED[0]),
        home::job_late(home::TEN_MINUTE_JOB),
        home::NO_EMAIL.to_owned(),
    ] {
        shown.says(&what);
    }
    for way in ["/operator/reviews", &format!("/operator/runs/{}", fixture.run), "/operator/outbox?state=failed"] {
        assert!(shown.html.contains(&format!("href=\"{way}\"")), "{way}");
    }
    assert!(!shown.text().contains(home::NO_STRIPE) && !shown.text().contains(home::unbalanced("").trim_end()));
}

#[test]
fn home_is_empty_when_nothing_needs_attention() {
    let mut pages = PagesFixture::new(at(NOW));
    pages.config = Config::read(|name| match name {
        "WEBHOOK_SECRETS" => "whsec_5Uy0nGg1dQ2kzW3q9rF8bM7xT4hLc6vJpE1sYaNoKtA=".to_owned(),
        "COOKIE_KEYS" => "k1:7b5bc0363b12c4eac5e9e6f6382c4d8a800143b427d7118eea5c3a6b0b9bd914".to_owned(),
        "PUBLIC_URL" => "https://ref.example".to_owned(),
        "MAIL_FROM" => "Manicule <hello@ref.example>".to_owned(),
        "MAIL_API_KEY" => "re_1".to_owned(),
        "OPERATOR_EMAIL" => "ops@ref.example".to_owned(),
        "STRIPE_API_KEY" => "sk_test_1".to_owned(),
        _ => String::new(),
    });
    pages.config.operator_token_sha256 = PagesFixture::new(at(NOW)).config.operator_token_sha256;
    assert_eq!(pages.config.complaints, Vec::<String>::new());
    let when = at(NOW).0;
    sql(
        &pages.world,
        &format!(
            "INSERT INTO heartbeat VALUES ('sweep', {when}, {when}, NULL);
             INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             SELECT 'x', 'fund', 'single', 'a', 'b', 1, 'p', 'r', 0 WHERE false;"
        ),
    );
    pages.operator().get("/operator").is_page();
    // The one program with a budget has no funds yet.
    pages.operator().get("/operator").says(home::BUDGET_EMPTY);
    let ctx = pages.world.at(at(NOW));
    let program = super::operator_fixture::POOLED.into();
    let funded = manicule::service::ledger::budget::fund(
        &ctx,
        &program,
        manicule::base::money::Cents(10_000_000),
        "to reward",
        None,
    );
    crate::support::world::now(funded).expect("funded");
    pages.operator().get("/operator").is_page().says(home::NOTHING);
    // A unit that does not balance is shown once the next sweep added it up.
    sql(&pages.world, "UPDATE ledger_account SET dr_posted_cents = dr_posted_cents + 1 WHERE kind = 'clearing'");
    crate::support::world::now(manicule::jobs::run(&ctx, "*/10 * * * *", ctx.now)).expect("swept");
    pages.operator().get("/operator").says(&home::unbalanced("credit:usd"));
    let head = pages.world.db.look("SELECT number || ':' || hash AS head FROM ledger_block");
    pages.operator().get("/operator/ledger").says(ledger::SEAL).says(head[0]["head"].as_str().expect("a seal"));
    pages.operator().get("/operator/ledger/checks").says(ledger::SOME_FAILED).says("debits and credits differ");
}

#[test]
fn missed_jobs_are_shown() {
    let pages = PagesFixture::new(at(NOW));
    let beat = |job: &str, when: &str| format!("INSERT INTO heartbeat VALUES ('{job}', {0}, {0}, NULL);", at(when).0);
    sql(&pages.world, &beat("sweep", "2026-04-02T11:20:00Z"));
    sql(&pages.world, &beat("monthly", "2026-03-01T06:00:00Z"));
    sql(&pages.world, &beat("weekly", "2026-03-30T09:00:00Z"));
    let shown = pages.operator().get("/operator");
    shown.is_page().says(&home::job_late(home::TEN_MINUTE_JOB)).says(&home::job_late("monthly"));
    assert!(!shown.text().contains("weekly job"));
}

#[test]
fn an_account_shows_what_earned_nothing_and_what_waits() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let plain = operator.get("/operator/accounts/p");
    assert!(!plain.text().contains(account::WAITING) && !plain.text().contains("another currency"));
    let won = json!({
        "id": "won", "type": "invoice.paid", "occurred_at": "2026-03-01T00:00:00Z", "account": {"id": "p"},
        "amount": {"cents": 45_000, "currency": "krw"}, "data": {"invoice_id": "in_won"},
    });
    fixture.pages.world.take(at("2026-03-01T00:00:00Z"), &won, None).expect("accepted");
    sql(
        &fixture.pages.world,
        "INSERT INTO stripe_customer (id, account_id, matched_by, revision, created_at_ms) VALUES ('cus_1', 'p', 'id', 1, 0);
         INSERT INTO stripe_waiting (id, type, payment_intent, customer_id, payload, body_sha256, occurred_at_ms, requested_at_ms)
         VALUES ('evt_w', 'invoice.refunded', 'pi_w', 'cus_1', '{}', '', 0, 0);",
    );
    let page = operator.get("/operator/accounts/p");
    page.is_page().says(account::WAITING).says("pi_w").says("invoice in_won").says("KRW 45,000").says("earns nothing");
}

#[test]
fn figures_match_the_ledger() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    operator
        .get(&format!("/operator/partners/{}", fixture.partner))
        .says(common::STRIPE_ACCOUNT)
        .says("USD 100.00")
        .says("p");
    operator
        .get("/operator/accounts/p")
        .says(account::ATTRIBUTED_TO[0])
        .says(account::by_method_and_code("code").trim_end())
        .says("first-year")
        .says("USD 100.00")
        .says("signed up");
    let run = operator.get(&format!("/operator/runs/{}", fixture.run));
    run.says(&format!("1 payout{}USD 100.00", settlement::ONE_PER_PARTNER)).says(&settlement::approve("1 payout"));
    operator.get(&format!("/operator/runs/{}/plan", fixture.run)).says(settlement::VEST).says("USD 100.00");
    operator
        .get(&format!("/operator/payouts/{}", fixture.payout))
        .says(payout::CALCULATION)
        .says(&format!("{} USD 100.00", payout::CHANGE))
        .says(payout::movement("vest", ""));
    let held = operator.get("/operator/reviews");
    held.says(&review::rule("same_domain"))
        .says(&format!("USD 100.00{}1 earning", review::HELD_IN))
        .says("sly.example");
    operator.get("/operator/ledger").says("available").says("USD 100.00");
    let rows = fixture.count("SELECT COUNT(*) FROM transfer");
    let shown = operator.get("/operator/ledger/transfers").html;
    assert_eq!(i64::try_from(shown.matches("<tr>").count()).expect("a count") - 1, rows);
    let funnel = operator.get(&format!("/operator/funnel?program={FUNNEL}&week=2026-W13"));
    funnel.says(&funnel::share("2", "300", "0.67%")).says("Sharpen the landing page's headline").says("press");
    assert!(funnel.html.contains("<rect"));
    operator.get(&format!("/operator/funnel?program={AGENCY}")).is(422).says("has no funnel");
    operator
        .get(&format!("/operator/economics?program={AGENCY}&from=2026-01&to=2026-03"))
        .says(common::SIGN_UPS)
        .says(report::VIRAL_COEFFICIENT);
}
