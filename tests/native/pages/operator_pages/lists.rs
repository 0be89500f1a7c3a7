//! Lists: search, order, paging, and the use of indexes.

use super::*;
use manicule::base::limits::RESOURCES_MAX;

#[test]
fn search_finds_partners_and_accounts() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let code = fixture.look(&format!("SELECT code FROM partner WHERE id = '{}'", fixture.suspect), "code");
    let code = code.as_str().expect("a code");
    for q in
        [&fixture.suspect, code, "sl", "sly", "BOSS@sly", "SLY", "@sly.ex", "ly.ex", &code[2..].to_ascii_lowercase()]
    {
        let shown = operator.get(&format!("/operator/partners?q={q}"));
        shown.is_page().says("Sly");
        assert!(!shown.text().contains("boss@acme"), "{q}");
    }
    // A pattern's wildcard is an ordinary character here.
    for q in ["%25", "s_y", "s%25", "*"] {
        operator.get(&format!("/operator/partners?q={q}")).is_page().says(partner::NONE_FOUND);
        operator.get(&format!("/operator/accounts?q={q}")).is_page().says(account::NONE_FOUND);
    }
    for q in ["s", "BOB@sly.example", "sly.example", &fixture.suspect] {
        let shown = operator.get(&format!("/operator/accounts?q={q}"));
        shown.is_page();
        assert!(shown.html.contains("href=\"/operator/accounts/s\""), "{q}");
        assert!(!shown.html.contains("href=\"/operator/accounts/p\""), "{q}");
    }
}

#[test]
fn lists_show_partner_names_newest_first() {
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
fn lists_continue_on_the_next_page() {
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
            "INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms, last_error) SELECT id, 'email', 'partner', 'failed', 0, 9, 0, '{long}' FROM outbox WHERE kind = 'payout.onboarding'"
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
            "INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) {many} SELECT 'rsc_' || i, '{AGENCY}', '{}', '{long}', i, i FROM n WHERE i < {RESOURCES_MAX}",
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
        if path.ends_with("/checks") {
            continue;
        }
        let shown = operator.get(&path);
        println!("{path}: {} bytes", shown.html.len());
        shown.is_page();
    }
}

/// Tables that a statement scans in full: the names in the steps of its plan, as the statement calls them.
fn scans(fixture: &OperatorFixture, sql: &str) -> Vec<String> {
    let steps = plan(&fixture.pages.world.db.connection.borrow(), sql);
    // A walk through an index in the list's order stops at its LIMIT.
    let whole = steps.iter().filter_map(|step| step.strip_prefix("SCAN ")).filter(|rest| !rest.contains("USING"));
    let tables = |name: &str| {
        GROWING.iter().filter(move |table| is_called(sql, table, name)).map(|t| (*t).to_owned()).collect::<Vec<_>>()
    };
    whole.flat_map(tables).collect()
}

#[test]
fn pages_use_indexes() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let mut found = std::collections::BTreeSet::new();
    // Reports sum a whole period, and the ledger checks read everything.
    let adds_up = |path: &String| ["/checks", "/funnel", "/economics"].iter().any(|part| path.contains(part));
    for path in of_data(&fixture).into_iter().filter(|path| !adds_up(path)) {
        *fixture.pages.world.db.heard.borrow_mut() = Some(Default::default());
        operator.get(&path).is_page();
        let heard = fixture.pages.world.db.heard.take().expect("it listened");
        assert!(!heard.is_empty(), "{path} read nothing");
        // The session's look-up is part of every page and not judged here.
        for sql in heard.into_iter().filter(|sql| !sql.contains("FROM session s")) {
            found.extend(scans(&fixture, &sql).into_iter().map(|table| format!("{path}: {table}")));
        }
    }
    // Few rows: one per partner and type of balance.
    let known = ["/operator/ledger: ledger_account", "/operator: ledger_account"];
    let unknown: Vec<String> = found.into_iter().filter(|what| !known.contains(&what.as_str())).collect();
    assert_eq!(unknown, Vec::<String>::new());
    assert_eq!(
        scans(&fixture, "SELECT id FROM transfer WHERE debit = ?1 OR credit = ?1"),
        ["transfer"],
        "it sees what it looks for"
    );
}
