//! Operators' pages as they are shown: every one by one batch, with data, without, and without programs; to operators
//! alone; with nothing of what strangers typed as markup.

use super::fixture::{PagesFixture, Shown};
use super::operator_fixture::{AGENCY, FUNNEL, NOW, OperatorFixture, sql};
use crate::support::scan::{GROWING, is_called, plan};
use crate::support::sqlite::Sqlite;
use crate::support::world::{World, at};
use manicule::http::config::Config;

/// Pages that are there whatever has happened.
const ALWAYS: &[&str] = &[
    "/operator",
    "/operator/programs",
    "/operator/partners",
    "/operator/partners?q=nobody",
    "/operator/accounts",
    "/operator/accounts?q=nobody",
    "/operator/reviews",
    "/operator/reviews?state=released",
    "/operator/runs",
    "/operator/payouts",
    "/operator/payouts?state=review",
    "/operator/payouts?state=held",
    "/operator/ledger",
    "/operator/ledger/transfers",
    "/operator/ledger/faults",
    "/operator/outbox",
    "/operator/outbox?state=failed",
    "/operator/audit",
    "/operator/tokens",
];

fn of_data(fixture: &OperatorFixture) -> Vec<String> {
    let own = [
        format!("/operator/programs/{AGENCY}"),
        format!("/operator/programs/{AGENCY}/edit"),
        format!("/operator/programs/{AGENCY}/resources/new"),
        format!("/operator/partners/{}", fixture.partner),
        "/operator/accounts/p".to_owned(),
        format!("/operator/reviews/{}", fixture.review),
        format!("/operator/runs/{}", fixture.run),
        format!("/operator/runs/{}/plan", fixture.run),
        format!("/operator/payouts/{}", fixture.payout),
        format!("/operator/funnel?program={FUNNEL}&week=2026-W13"),
        format!("/operator/economics?program={AGENCY}"),
        format!("/operator/ledger/transfers?account={AGENCY}%2Fcash:usd%2Favailable%2F{}", fixture.partner),
    ];
    ALWAYS.iter().map(|path| (*path).to_owned()).chain(own).collect()
}

#[test]
fn every_page_is_one_batch_and_nothing_typed_is_markup() {
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
fn what_somebody_looks_for_is_shown_as_text() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    for path in ["/operator/partners", "/operator/accounts"] {
        let shown = operator.get(&format!("{path}?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%25_'"));
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && shown.html.contains("&lt;script&gt;"), "{}", shown.html);
    }
}

#[test]
fn an_empty_world_says_what_to_do() {
    let presets = PagesFixture::new(at(NOW));
    let nothing = PagesFixture { world: World::on(Sqlite::new(), 5), ..PagesFixture::new(at(NOW)) };
    for pages in [&presets, &nothing] {
        let operator = pages.operator();
        for path in ALWAYS {
            operator.get(path).is_page();
        }
    }
    let operator = nothing.operator();
    operator.get("/operator/programs").is_page().says("No programs yet");
    operator.get("/operator/funnel").is_page().says("No program has a funnel");
    operator.get("/operator/economics").is_page().says("No program pays rewards");
    operator.get("/operator/partners").says("No partners yet");
    operator.get("/operator/ledger/faults").says("All checks passed");
    let operator = presets.operator();
    let to = operator.get("/operator/funnel");
    to.is(303);
    operator.get(&to.location).is_page().says("No visits this week");
    let to = operator.get("/operator/economics");
    to.is(303);
    operator.get(&to.location).is_page().says("Nothing to compare yet");
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
    let forms = [
        format!("/operator/programs/{AGENCY}/budget"),
        format!("/operator/programs/{AGENCY}/edit"),
        format!("/operator/programs/{AGENCY}/resources"),
        "/operator/accounts/p".to_owned(),
        format!("/operator/reviews/{}", fixture.review),
        "/operator/runs".to_owned(),
        "/operator/runs/preview".to_owned(),
        format!("/operator/runs/{}/approve", fixture.run),
        format!("/operator/payouts/{}", fixture.payout),
        "/operator/outbox".to_owned(),
        "/operator/tokens".to_owned(),
    ];
    let partner = fixture.pages.signed_in("boss@acme.example", &fixture.partner);
    let nobody = fixture.pages.browser();
    let before = fixture.count("SELECT COUNT(*) FROM audit");
    for browser in [&partner, &nobody] {
        for path in
            of_data(&fixture).into_iter().chain(["/operator/funnel".to_owned(), "/operator/runs/preview".to_owned()])
        {
            let shown = browser.get(&path);
            shown.is(303);
            assert!(shown.location.starts_with("/sign-in?to=%2Foperator"), "{path}: {}", shown.location);
            assert!(shown.html.is_empty());
        }
    }
    // With a token that is the session's own: the session is no operator's all the same.
    let token = manicule_token(&partner.cookie("__Host-manicule_session").expect("a session"));
    for path in &forms {
        let body =
            format!("form_token={token}&reason=x&decision=reject&amount=1&name=x&expires=30&period=2026-03&message=x");
        let shown = partner.ask("POST", path, &[("origin", super::fixture::ORIGIN)], &body);
        shown.is(303);
        assert!(shown.location.starts_with("/sign-in"), "{path}: {}", shown.location);
        // An operator's own form from elsewhere is no better.
        fixture.operator().ask("POST", path, &[("origin", "https://evil.example")], &body).is(403);
    }
    assert_eq!(fixture.count("SELECT COUNT(*) FROM audit"), before, "nothing was done");
}

/// What the forms of a session carry.
fn manicule_token(cookie: &str) -> String {
    use hmac::{Hmac, Mac};
    let secret = cookie.split('.').next().expect("a token");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(b"manicule form");
    format!("{}{}", "0".repeat(64), manicule::base::id::hex(&mac.finalize().into_bytes()))
}

#[test]
fn home_lists_what_needs_a_person() {
    let fixture = OperatorFixture::new();
    let shown = fixture.operator().get("/operator");
    shown.is_page();
    for what in [
        "1 review needs your decision",
        "A run needs your approval",
        "1 payout of USD 100.00",
        "1 message was not delivered",
        "The ten-minute job is late",
        "Email is not set up",
    ] {
        shown.says(what);
    }
    for way in ["/operator/reviews", &format!("/operator/runs/{}", fixture.run), "/operator/outbox?state=failed"] {
        assert!(shown.html.contains(&format!("href=\"{way}\"")), "{way}");
    }
    assert!(!shown.text().contains("Stripe is not set up") && !shown.text().contains("does not balance"));
}

#[test]
fn home_is_quiet_when_nothing_does() {
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
            "INSERT INTO heartbeat VALUES ('sweep', {when}, {when});
             INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             SELECT 'x', 'fund', 'single', 'a', 'b', 1, 'p', 'r', 0 WHERE false;"
        ),
    );
    pages.operator().get("/operator").is_page();
    // The one program with a budget has nothing in it yet.
    pages.operator().get("/operator").says("A reward budget is empty");
    let ctx = pages.world.at(at(NOW));
    let funded = manicule::service::ledger::budget::fund(
        &ctx,
        super::operator_fixture::POOLED,
        manicule::base::money::Cents(10_000_000),
        "to reward",
        None,
    );
    crate::support::world::now(funded).expect("funded");
    pages.operator().get("/operator").is_page().says("Nothing needs your attention");
    // A unit that does not balance is told at once.
    sql(&pages.world, "UPDATE ledger_account SET dr_posted_cents = dr_posted_cents + 1 WHERE kind = 'clearing'");
    pages.operator().get("/operator").says("The ledger does not balance in credit:usd");
    pages.operator().get("/operator/ledger/faults").says("Some checks failed.").says("debits and credits differ");
}

#[test]
fn jobs_that_did_not_come_are_told() {
    let pages = PagesFixture::new(at(NOW));
    let beat = |job: &str, when: &str| format!("INSERT INTO heartbeat VALUES ('{job}', {0}, {0});", at(when).0);
    sql(&pages.world, &beat("sweep", "2026-04-02T11:20:00Z"));
    sql(&pages.world, &beat("monthly", "2026-03-01T06:00:00Z"));
    sql(&pages.world, &beat("weekly", "2026-03-30T09:00:00Z"));
    let shown = pages.operator().get("/operator");
    shown.is_page().says("The ten-minute job is late").says("The monthly job is late");
    assert!(!shown.text().contains("weekly job"));
}

#[test]
fn partners_and_accounts_are_found_by_what_people_know() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let code = fixture.look(&format!("SELECT code FROM partner WHERE id = '{}'", fixture.suspect), "code");
    let code = code.as_str().expect("a code");
    for q in [&fixture.suspect, code, "sl", "sly", "BOSS@sly", "SLY"] {
        let shown = operator.get(&format!("/operator/partners?q={q}"));
        shown.is_page().says("Sly");
        assert!(!shown.text().contains("boss@acme"), "{q}");
    }
    // What a pattern would take for a wildcard is a letter here.
    for q in ["%25", "_", "s%25", "*"] {
        operator.get(&format!("/operator/partners?q={q}")).is_page().says("No partners found");
        operator.get(&format!("/operator/accounts?q={q}")).is_page().says("No accounts found");
    }
    for q in ["s", "BOB@sly.example", "sly.example", &fixture.suspect] {
        let shown = operator.get(&format!("/operator/accounts?q={q}"));
        shown.is_page();
        assert!(shown.html.contains("href=\"/operator/accounts/s\""), "{q}");
        assert!(!shown.html.contains("href=\"/operator/accounts/p\""), "{q}");
    }
}

#[test]
fn partners_are_called_by_their_names_and_what_is_new_comes_first() {
    let fixture = OperatorFixture::new();
    fixture.pages.now.set(at("2026-05-02T00:00:00Z"));
    let operator = fixture.operator();
    let plan = format!("/operator/runs/{}/plan", fixture.run);
    let mut shown: Vec<Shown> =
        ["/operator/accounts", "/operator/accounts/p", "/operator/outbox", &plan].map(|p| operator.get(p)).into();
    operator.get(&format!("/operator/runs/preview?program={AGENCY}&period=2026-03"));
    shown.push(operator.post("/operator/runs/preview", &[("program", AGENCY), ("period", "2026-03")]));
    for page in &shown {
        page.is(200);
        assert!(!page.html.contains(">ptn_"), "{}", page.text());
    }
    let first = |path: &str, mark: &str| {
        let html = operator.get(path).html;
        let table = html.split("<tbody>").nth(1).unwrap_or_default().to_owned();
        table.split(mark).nth(1).and_then(|rest| rest.split(['<', '"']).next()).unwrap_or_default().to_owned()
    };
    for (path, table, column, mark) in [
        ("/operator/outbox", "outbox", "kind", "<code>"),
        ("/operator/partners", "partner", "id", "/operator/partners/"),
        ("/operator/accounts", "account", "id", "/operator/accounts/"),
    ] {
        let newest = fixture.look(&format!("SELECT {column} AS it FROM {table} ORDER BY rowid DESC LIMIT 1"), "it");
        assert_eq!(newest, first(path, mark), "{path}");
    }
}

#[test]
fn figures_equal_the_books() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    operator
        .get(&format!("/operator/partners/{}", fixture.partner))
        .says("Stripe account")
        .says("USD 100.00")
        .says("p");
    operator
        .get("/operator/accounts/p")
        .says("Attributed to")
        .says("by code")
        .says("first-year")
        .says("USD 100.00")
        .says("signed up");
    let run = operator.get(&format!("/operator/runs/{}", fixture.run));
    run.says("1 payout, one per partner, for USD 100.00 in total").says("Approve 1 payout");
    operator.get(&format!("/operator/runs/{}/plan", fixture.run)).says("Vest").says("USD 100.00");
    operator
        .get(&format!("/operator/payouts/{}", fixture.payout))
        .says("How this amount was calculated")
        .says("Change since then USD 100.00")
        .says("became available");
    let held = operator.get("/operator/reviews");
    held.says("Account has the partner's email domain").says("USD 100.00 in 1 earning").says("sly.example");
    operator.get("/operator/ledger").says("available").says("USD 100.00");
    let rows = fixture.count("SELECT COUNT(*) FROM transfer");
    let shown = operator.get("/operator/ledger/transfers").html;
    assert_eq!(i64::try_from(shown.matches("<tr>").count()).expect("a count") - 1, rows);
    let funnel = operator.get(&format!("/operator/funnel?program={FUNNEL}&week=2026-W13"));
    funnel.says("2 of 300, 0.67%").says("Sharpen the landing page's headline").says("press");
    assert!(funnel.html.contains("<rect"));
    operator.get(&format!("/operator/funnel?program={AGENCY}")).is(422).says("has no funnel");
    operator
        .get(&format!("/operator/economics?program={AGENCY}&from=2026-01&to=2026-03"))
        .says("Sign-ups")
        .says("Viral coefficient");
}

#[test]
fn lists_go_on_where_they_stop() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    for (path, rows) in [
        ("/operator/partners", "partner"),
        ("/operator/accounts", "account"),
        ("/operator/ledger", "ledger_account"),
        ("/operator/ledger/transfers", "transfer"),
        ("/operator/outbox", "outbox"),
        ("/operator/audit", "audit"),
    ] {
        let total = fixture.count(&format!("SELECT COUNT(*) FROM {rows}"));
        let (mut next, mut seen, mut bodies) = (format!("{path}?limit=1"), 0, std::collections::BTreeSet::new());
        loop {
            let shown = operator.get(&next);
            shown.is_page();
            seen += 1;
            assert!(seen <= total, "{path} does not end");
            assert_eq!(shown.html.matches("<tr>").count(), 2, "{next}");
            assert!(bodies.insert(shown.html.split("<tbody>").nth(1).expect("a row").to_owned()), "{next} again");
            let cursor = shown.html.split("cursor=").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
            match cursor {
                Some(cursor) => next = format!("{path}?limit=1&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, total, "{path}");
    }
}

#[test]
fn full_lists_stay_small() {
    let fixture = OperatorFixture::new();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)";
    let (partner, long) = (&fixture.partner, "x".repeat(180));
    let line = "program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings";
    for statement in [
        format!(
            "INSERT INTO review (id, program_id, partner_id, account_id, rule, subject, holds, evidence, state, created_at_ms) {many} SELECT 'rev_' || i, '{AGENCY}', '{partner}', 'p', 'same_email', '', 1, '{long}', 'open', i FROM n"
        ),
        format!(
            "INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms) {many} SELECT 'payout.onboarding:' || i, 'payout.onboarding', '{AGENCY}', '{partner}', 'p', '{{}}', 'failed', i FROM n"
        ),
        format!(
            "INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms, last_error) SELECT id, 'mail', 'partner', 'failed', 0, 9, 0, '{long}' FROM outbox WHERE kind = 'payout.onboarding'"
        ),
        format!(
            "INSERT INTO audit (id, at_ms, actor, action, subject, reason, before, after) {many} SELECT 'aud_' || i, i, 'session:ses_0123456789', 'payout.hold', 'po_0123456789012345678901234567', '{long}', '\"{long}{long}\"', '\"{long}{long}\"' FROM n"
        ),
        format!(
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms) {many} SELECT 'adj_' || i, 'adjust', 'single', '{AGENCY}/cash:usd/expense', '{AGENCY}/cash:usd/available/{partner}', 5, '{AGENCY}', '{long}', i FROM n"
        ),
        format!(
            "INSERT INTO accrual (id, {line}) {many} SELECT 'acc_' || i, '{AGENCY}', 1, 'first-year', '{partner}', 'p', 'e' || i, 'invoice:in_0123456789', i, '2026-03', 'cash:usd', 5, 0, 5, 'pending', 'expense', 'held', i, '{long}', 1 FROM n"
        ),
        format!(
            "INSERT INTO run_item (run_id, seq, kind, accrual_id, account_id, partner_id, unit, planned_cents) {many} SELECT '{}', i + 10, 'vest', 'acc_' || i, 'p', '{partner}', 'cash:usd', 5 FROM n",
            fixture.run
        ),
        format!(
            "INSERT INTO partner (id, program_id, external_id, code, created_at_ms) {many} SELECT 'ptn_' || i, '{AGENCY}', 'user_0123456789_' || i, 'PARTNER_' || i, i FROM n"
        ),
        format!(
            "INSERT INTO partner_person (partner_id, name, email) {many} SELECT 'ptn_' || i, '{long}', 'somebody_' || i || '@partners.example' FROM n"
        ),
        format!("INSERT INTO account (id, revision, created_at_ms) {many} SELECT 'user_0123456789_' || i, 1, i FROM n"),
        format!(
            "INSERT INTO api_token (id, name, sha256, scopes, created_at_ms, expires_at_ms) {many} SELECT 'tok_' || i, 'token-' || i, i, 'read credits', i, i + 86400000 FROM n"
        ),
        format!(
            "INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) {many} SELECT 'rsc_' || i, '{AGENCY}', '{}', '{long}', i, i FROM n",
            "x".repeat(120)
        ),
    ] {
        sql(&fixture.pages.world, &statement);
    }
    let operator = fixture.operator();
    for path in of_data(&fixture)
        .into_iter()
        .chain(["/operator/partners?q=user".to_owned(), "/operator/accounts?q=user".to_owned()])
    {
        if path.ends_with("/faults") {
            continue;
        }
        let shown = operator.get(&path);
        println!("{path}: {} bytes", shown.html.len());
        shown.is_page();
    }
}

/// What is looked through from one end to the other: the table that a plan's step names, by the name that the statement
/// has for it.
fn scans(fixture: &OperatorFixture, sql: &str) -> Vec<String> {
    let steps = plan(&fixture.pages.world.db.connection.borrow(), sql);
    // An index that is walked in the list's order stops with its LIMIT.
    let whole = steps.iter().filter_map(|step| step.strip_prefix("SCAN ")).filter(|rest| !rest.contains("USING"));
    let tables = |name: &str| {
        GROWING.iter().filter(move |table| is_called(sql, table, name)).map(|t| (*t).to_owned()).collect::<Vec<_>>()
    };
    whole.flat_map(tables).collect()
}

#[test]
fn pages_read_by_indexes() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let mut found = std::collections::BTreeSet::new();
    // Reports add up a whole period, and looking for faults all there is.
    let adds_up = |path: &String| ["/faults", "/funnel", "/economics"].iter().any(|part| path.contains(part));
    for path in of_data(&fixture).into_iter().filter(|path| !adds_up(path)) {
        *fixture.pages.world.db.heard.borrow_mut() = Some(Default::default());
        operator.get(&path).is_page();
        let heard = fixture.pages.world.db.heard.take().expect("it listened");
        assert!(!heard.is_empty(), "{path} asked nothing");
        // The look-up of the session is every page's, and not judged here.
        for sql in heard.into_iter().filter(|sql| !sql.contains("FROM session s")) {
            found.extend(scans(&fixture, &sql).into_iter().map(|table| format!("{path}: {table}")));
        }
    }
    // Few rows: one for a partner and kind of balance.
    let known = ["/operator/ledger: ledger_account", "/operator: ledger_account"];
    let unknown: Vec<String> = found.into_iter().filter(|what| !known.contains(&what.as_str())).collect();
    assert_eq!(unknown, Vec::<String>::new());
    assert_eq!(
        scans(&fixture, "SELECT id FROM transfer WHERE debit = ?1 OR credit = ?1"),
        ["transfer"],
        "it sees what it looks for"
    );
}
