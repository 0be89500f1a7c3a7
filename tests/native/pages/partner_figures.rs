//! Partners see what the ledger says.

mod payouts;

use super::fixture::Browser;
use super::partner_books::{AGENCY, Books, EVIL, REFERRAL};
use manicule::base::time::UtcMillis;
use manicule::pages::locale::{Locale, Plain};
use manicule::pages::text::partner::{
    account, accrual, common, notice, overview, payout, payout_setup, program, report,
};
use serde_json::Value;

fn usd(cents: i64) -> String {
    Plain.money(cents, "usd")
}

#[test]
fn every_page_is_one_batch_and_a_whole_page() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    for path in books.pages_of_ann() {
        let shown = browser.get(&path);
        assert_eq!(shown.status, 200, "{path}: {}", shown.text());
        shown.is_page().says("ann");
        for tag in ["main", "table", "form", "dl", "ul"] {
            let (opened, closed) =
                (shown.html.matches(&format!("<{tag}")).count(), shown.html.matches(&format!("</{tag}>")).count());
            assert_eq!(opened, closed, "{tag} in {path}");
        }
        assert!(!shown.html.contains(" style=") && !shown.html.contains("onclick"), "{path}");
        // Nobody is named: neither the clients nor the host's ids for them.
        for personal in ["jane@", "Jane", "steady", "trying", "late.example"] {
            assert!(!shown.text().contains(personal), "{personal} in {path}: {}", shown.text());
            assert!(!path.contains("clients") || !shown.html.contains(personal), "{personal} in {path}");
        }
    }
}

#[test]
fn overview_totals_match_the_ledger() {
    let books = Books::new();
    let (ann, world) = (&books.ann.0, &books.fixture.world);
    let (pending, available) = (world.balance(ann, "pending"), world.balance(ann, "available"));
    let paid =
        books.number(&format!("SELECT SUM(amount_cents) FROM payout WHERE partner_id = '{ann}' AND state = 'paid'"));
    let earned = books.number(&format!("SELECT SUM(net_cents) FROM accrual WHERE partner_id = '{ann}'"));
    assert_eq!((paid, available), (20_000, -2_000), "a payout, and a refund after it");
    assert_eq!(pending + available + paid, earned, "as the lines say");
    let month = books.number(&format!(
        "SELECT SUM(net_cents) FROM accrual WHERE partner_id = '{ann}' AND at_ms >= {}",
        crate::support::world::at("2026-05-01T00:00:00Z").0
    ));
    let shown = books.fixture.signed_in("ann@partners.example", ann).get("/partner");
    shown.is_page();
    let text = shown.text();
    for (label, cents) in [
        (common::EARNED, earned),
        (overview::THIS_MONTH, month),
        (overview::PENDING, pending),
        (common::AVAILABLE, available),
        (common::PAID, paid),
    ] {
        assert!(text.contains(&format!("{label} {}", usd(cents))), "{label} {}: {text}", usd(cents));
    }
    // Clicks of the last 30 days without bots and repeats; sign-ups and first payments in that time.
    for (label, count) in [(common::CLICKS, 10), (common::SIGN_UPS, 2), (common::PAYING_CUSTOMERS, 1)] {
        shown.says(&format!("{label} {count} {}", overview::IN_30_DAYS));
    }
    let [clicks, sign_ups, paying] = [common::CLICKS, common::SIGN_UPS, common::PAYING_CUSTOMERS];
    shown
        .says(&format!("05-19. {clicks}: 3, {sign_ups}: 0, {paying}: 0"))
        .says(&format!("05-05. {clicks}: 0, {sign_ups}: 0, {paying}: 1"));
    assert!(!text.contains(overview::NEXT_STEPS), "nothing is to be done: {text}");
}

#[test]
fn counters_follow_a_reassigned_client() {
    let books = Books::new();
    let counted = |who: &str| {
        books.number(&format!(
            "SELECT COALESCE(SUM(signups * 1000 + conversions), 0) FROM link_day WHERE partner_id = '{who}'"
        ))
    };
    let bound = |who: &str| {
        books
            .number(&format!("SELECT COUNT(*) * 1000 + COUNT(qualified_at_ms) FROM binding WHERE partner_id = '{who}'"))
    };
    let earned =
        |who: &str| books.number(&format!("SELECT COALESCE(SUM(cents), 0) FROM earned_day WHERE partner_id = '{who}'"));
    let net = |who: &str| {
        books.number(&format!("SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE partner_id = '{who}'"))
    };
    let all = [&books.ann.0, &books.bob.0, &books.cyd.0];
    let holds = || all.iter().all(|who| counted(who) == bound(who) && earned(who) == net(who));
    assert!(holds());
    let before = counted(&books.ann.0);
    // An earlier sign-up with Bob's code arrives late: the account is now Bob's.
    books.event(
        "s_earlier",
        "account.signed_up",
        "2026-01-04T00:00:00Z",
        "steady",
        serde_json::json!({"attribution": {"code": books.bob.1}}),
    );
    assert_eq!(counted(&books.ann.0), before - 1_001);
    assert!(holds() && counted(&books.bob.0) == 2_002);
    assert_eq!(books.number("SELECT COUNT(*) FROM link_day WHERE signups < 0 OR conversions < 0 OR clicks < 0"), 0);
}

#[test]
fn earnings_and_their_receipts() {
    let books = Books::new();
    let ann = &books.ann.0;
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    let lines = books.fixture.world.db.look(&format!("SELECT * FROM accrual WHERE partner_id = '{ann}'"));
    let list = browser.get("/partner/earnings");
    for line in &lines {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let cents = |name: &str| line[name].as_i64().unwrap_or_default();
        assert!(list.html.contains(&format!("/partner/earnings/{}", text("id"))));
        let shown = browser.get(&format!("/partner/earnings/{}", text("id")));
        shown.is_page().says(&format!("{} {}", common::AMOUNT, usd(cents("net_cents")))).says(&text("state"));
        shown.says(&text("reward_id")).says(&accrual::terms("Agency partner", 1));
        // The host's own ids may reveal who a client is.
        for hidden in [text("event_id"), text("source").split(':').nth(1).expect("an id").to_owned()] {
            assert!(!shown.html.contains(&hidden), "{hidden}: {}", shown.text());
        }
        let booked =
            books.fixture.world.db.look(&format!("SELECT id FROM transfer WHERE accrual_id = '{}'", text("id")));
        assert!(!booked.is_empty());
        for row in booked {
            shown.says(row["id"].as_str().expect("an id"));
        }
        match text("state").as_str() {
            "void" => shown.says("Cancelled inside the hold of 60 days."),
            "disputed" => shown.says("A dispute of the invoice is open."),
            // It was paid out in April, so it is not shown as upcoming.
            "available" => {
                shown
                    .says(&accrual::with_settlement("2026-03"))
                    .says("2026-04-01 06:00 UTC")
                    .says(accrual::meaning("paid"))
                    .says(accrual::VIEW_PAYOUT);
                assert!(!shown.text().contains(accrual::NOW), "{}", shown.text());
                &shown
            }
            // 60 days after the first payment have long passed, so the next run includes it.
            "pending" => shown.says(&format!("{} 2026-06-01", accrual::AVAILABLE_FROM)),
            other => panic!("{other}"),
        };
    }
    // Everything available was paid out in April.
    for state in ["void", "disputed", "paid", "available", "on_its_way", "pending", "held"] {
        let shown = browser.get(&format!("/partner/earnings?state={state}"));
        shown.is_page();
        let stored = if state == "paid" { "available" } else { state };
        let count = if state == "available" { 0 } else { lines.iter().filter(|l| l["state"] == stored).count() };
        assert_eq!(
            shown.html.matches(&format!(">{}<", accrual::VIEW_PAYOUT)).count(),
            if state == "paid" { count } else { 0 },
            "{state}"
        );
        assert_eq!(shown.html.matches("/partner/earnings/acr_").count(), count, "{state}");
    }
    browser.get("/partner/earnings?state=nonsense").is(400);
    browser.get("/partner/earnings?cursor=nonsense").is(400);
    // Across all pages every commission appears once.
    let seen = page_by_page(&browser);
    let mut wanted: Vec<String> =
        lines.iter().map(|l| l["id"].as_str().unwrap_or("").trim_start_matches("acr_").to_owned()).collect();
    let mut once = seen.clone();
    once.sort();
    wanted.sort();
    assert_eq!(once, wanted);
}

/// The ids of all earnings, page by page.
fn page_by_page(browser: &Browser) -> Vec<String> {
    let (mut seen, mut path) = (Vec::new(), "/partner/earnings?limit=2".to_owned());
    loop {
        let shown = browser.get(&path);
        let ids = shown.html.split("/partner/earnings/acr_").skip(1);
        seen.extend(ids.map(|rest| rest.split('"').next().unwrap_or("").to_owned()));
        match shown.html.split("cursor=").nth(1).and_then(|rest| rest.split('"').next()) {
            Some(cursor) => path = format!("/partner/earnings?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    seen
}

#[test]
fn review_notes_are_not_shown_to_partners() {
    let books = Books::new();
    books.sql(&format!(
        "UPDATE accrual SET reason = 'rejected in review: Jane is the cousin' WHERE partner_id = '{}' AND state = 'void'",
        books.ann.0
    ));
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let id = books.text(&format!("SELECT id FROM accrual WHERE partner_id = '{}' AND state = 'void'", books.ann.0));
    let shown = browser.get(&format!("/partner/earnings/{id}"));
    shown.is_page().says(accrual::REJECTED_WHY);
    assert!(!shown.html.contains("cousin"));
}

#[test]
fn clients_are_shown_with_their_current_state() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let list = browser.get("/partner/clients");
    list.is_page();
    for (account, state) in [("steady", "active"), ("gone", "canceled"), ("trying", "trial"), ("late", "active")] {
        let row = books
            .number(&format!("SELECT rowid FROM binding WHERE account_id = '{account}' AND partner_id IS NOT NULL"));
        let earned =
            books.number(&format!("SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE account_id = '{account}'"));
        let shown =
            list.html.split("<tr>").find(|tr| tr.contains(&format!("/partner/clients/{row}\""))).expect("a row");
        assert!(shown.contains(&format!(">{state}<")), "{account}: {shown}");
        let amount = if earned == 0 { account::NOTHING_YET.to_owned() } else { usd(earned) };
        assert!(shown.contains(&amount), "{account} {amount}: {shown}");
        let detail = browser.get(&format!("/partner/clients/{row}"));
        detail.is_page().says(state).says(account::why(Some("code"))).says(account::SIGNED_UP).says(&amount);
    }
}

#[test]
fn other_partners_touches_are_shown_without_codes() {
    let books = Books::new();
    books.event(
        "s_moved",
        "account.signed_up",
        "2026-01-03T00:00:00Z",
        "steady",
        serde_json::json!({"attribution": {"code": books.ann.1}}),
    );
    let receipt = books.text("SELECT receipt FROM binding WHERE account_id = 'steady' AND partner_id IS NOT NULL");
    let other = serde_json::json!({"method": "token", "event": "e", "program": AGENCY, "partner": books.bob.0, "code": books.bob.1, "at": 1, "chosen": false, "reason": "a later touch wins"});
    let mut verdict: serde_json::Value = serde_json::from_str(&receipt).expect("a verdict");
    verdict["candidates"].as_array_mut().expect("a list").push(other);
    books.sql(&format!(
        "UPDATE binding SET receipt = '{verdict}' WHERE account_id = 'steady' AND partner_id IS NOT NULL"
    ));
    let row = books.number("SELECT rowid FROM binding WHERE account_id = 'steady' AND partner_id IS NOT NULL");
    let shown = books.fixture.signed_in("ann@partners.example", &books.ann.0).get(&format!("/partner/clients/{row}"));
    shown.is_page().says(account::ANOTHER_PARTNER).says(&format!("{}{}", account::YOU, books.ann.1));
    assert!(!shown.html.contains(&books.bob.1) && !shown.html.contains(&books.bob.0) && !shown.html.contains("bob"));
}

#[test]
fn operator_notes_are_not_shown_to_partners() {
    let books = Books::new();
    let note = "held: Bob’s own shop?";
    books.sql("DROP TRIGGER payout_update; DROP TRIGGER payout_words; DROP TRIGGER payout_over;");
    books.sql(&format!(
        "UPDATE payout SET state = 'planned', held = 1, transfer_id = NULL, paid_at_ms = NULL, reason = '{note}'"
    ));
    books.sql(&format!("UPDATE accrual SET reason = 'rejected in review: {note}'"));
    let ann = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let accounts = books
        .fixture
        .world
        .db
        .look(&format!("SELECT DISTINCT account_id AS id FROM accrual WHERE partner_id = '{}'", books.ann.0));
    assert!(!accounts.is_empty());
    for path in
        books.pages_of_ann().iter().map(String::as_str).chain(["/partner/payouts.csv", "/partner/settings/data"])
    {
        let shown = ann.get(path);
        assert_eq!(shown.status, 200, "{path}");
        assert!(!shown.html.contains("own shop"), "{path}: {}", shown.text());
    }
    let file = ann.get("/partner/payouts.csv");
    assert!(file.html.ends_with(&format!(",\"{}\"\r\n", payout::waits("held"))), "{}", file.html);
    // The data export does not name clients who are not on the pages either.
    let copy: Value = serde_json::from_str(&ann.get("/partner/settings/data").html).expect("JSON");
    let earnings = copy["earnings"].as_array().expect("a list");
    assert!(!earnings.is_empty());
    for entry in earnings {
        let named = entry["account"].as_str().expect("a name");
        assert!(named.starts_with(&account::name("")) && accounts.iter().all(|a| a["id"] != named), "{named}");
    }
}

#[test]
fn the_leaderboard_names_only_partners_who_opted_in() {
    let books = Books::new();
    books.sql(&format!(
        "UPDATE partner_person SET display_name = '{}' WHERE partner_id = '{}'",
        EVIL.replace('\'', "''"),
        books.bob.0
    ));
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let shown = browser.get("/partner/leaderboard");
    shown.is_page().says(report::UNNAMED.trim()).says(report::YOU);
    assert!(shown.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !shown.html.contains("<script>alert"));
    let bobs = books.number(&format!("SELECT gross_cents FROM leaderboard WHERE partner_id = '{}'", books.bob.0));
    assert!(!shown.text().contains(&usd(bobs)), "what others earned is theirs to know");
    let other = books.fixture.signed_in("bob@partners.example", &books.bob.0).get("/partner/leaderboard");
    other.is_page().says(report::ANONYMOUS).says(report::YOU_SUFFIX.trim()).says(report::NAMED.trim());
    assert!(!other.text().contains("ann"));
}

#[test]
fn resources_are_shown_as_written() {
    let books = Books::new();
    books.resource("rsc_1", AGENCY, EVIL, "# How to\n\n<script>alert(1)</script>\n\n[home](https://shop.example) [bad](javascript:alert(1)) ![x](https://evil.example/x.png)");
    books.resource("rsc_2", REFERRAL, "Theirs", "secret");
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let list = browser.get("/partner/resources");
    list.is_page();
    assert!(!list.html.contains("<script>alert") && !list.html.contains("Theirs") && list.html.contains("rsc_1"));
    let shown = browser.get("/partner/resources/rsc_1");
    shown.is_page().says("How to");
    assert!(
        !shown.html.contains("<script>alert")
            && !shown.html.contains("javascript:")
            && !shown.html.contains("evil.example")
    );
    assert!(shown.html.contains("<a href=\"https://shop.example\" rel=\"noopener noreferrer\">home</a>"));
    browser.get("/partner/resources/rsc_2").is(404);
}

#[test]
fn an_empty_account_says_what_to_do() {
    let books = Books::new();
    let (id, _) = books
        .fixture
        .world
        .enrol(
            UtcMillis(1_767_225_600_000),
            &manicule::codec::operator::NewPartner {
                program: AGENCY.into(),
                external_id: "new".to_owned(),
                name: Some(EVIL.to_owned()),
                email: Some("new@partners.example".to_owned()),
                website: None,
                country: None,
                kind: None,
                disclosure_accepted: false,
                code: None,
            },
        )
        .expect("enrolled");
    let browser = books.fixture.signed_in("new@partners.example", &id);
    let shown = browser.get("/partner");
    shown.is_page().says(overview::UNDISCLOSED).says(common::SET_UP_PAYOUTS).says(common::SHARE_YOUR_LINK);
    shown.says(&format!("{} {}", common::EARNED, usd(0))).says(common::NOTHING_EARNED).says(overview::NO_VISITS);
    for (path, says) in [
        ("/partner/clients", account::EMPTY),
        ("/partner/earnings", common::NOTHING_EARNED),
        ("/partner/payouts", payout::EMPTY),
        ("/partner/resources", program::NO_RESOURCES),
    ] {
        let shown = browser.get(path);
        shown.is_page().says(says);
        assert!(!shown.html.contains("<script>alert"), "{path}");
    }
    let done = browser.post("/partner/disclosure", &[]);
    assert_eq!((done.status, done.location.as_str()), (303, "/partner?done=disclosed"));
    let after = browser.get("/partner?done=disclosed");
    after.is_page().says(notice::DISCLOSED);
    assert!(!after.text().contains(overview::UNDISCLOSED));
    assert!(books.number(&format!("SELECT disclosure_accepted_at_ms FROM partner WHERE id = '{id}'")) > 0);
    assert!(super::fixture::FORGOTTEN.with_borrow(|all| all.len() == 1));
}
