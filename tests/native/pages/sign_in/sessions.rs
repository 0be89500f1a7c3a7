//! Sessions: how long they last, how their tokens are rotated, and how they end.

use super::*;

#[test]
fn sessions_expire_when_idle_and_after_a_maximum_age() {
    let (fixture, mails, _) = fixture();
    let enter = |email: &str| {
        let browser = fixture.browser();
        ask(&browser, email, "");
        follow(&browser, &mails);
        browser
    };
    let (partner, operator) = (enter("ann@example.com"), enter("ops@example.com"));
    later(&fixture, 12 * HOUR - 1);
    assert!(is_in(&partner) && is_in(&operator));
    later(&fixture, 12 * HOUR);
    assert!(is_in(&partner) && !is_in(&operator), "an operator's ends after 12 idle hours");
    later(&fixture, 14 * DAY - 1);
    assert!(is_in(&partner));
    later(&fixture, 14 * DAY);
    assert!(!is_in(&partner));

    let (partner, operator) = (enter("ann@example.com"), enter("ops@example.com"));
    let by_token = fixture.browser();
    by_token.get("/sign-in/token");
    by_token.post("/sign-in/token", &[("token", OPERATOR_TOKEN)]);
    let mut hours = 0;
    while hours < 60 * 24 - 6 {
        later(&fixture, 6 * HOUR);
        hours += 6;
        assert!(is_in(&partner), "{hours}");
        assert_eq!(is_in(&operator), hours < 7 * 24, "{hours}");
        assert_eq!(is_in(&by_token), hours < 12, "{hours}");
    }
    later(&fixture, 6 * HOUR);
    assert!(!is_in(&partner), "after 60 days");
}

#[test]
fn the_token_is_rotated_once_a_day() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    follow(&browser, &mails);
    let first = browser.cookie(SESSION).expect("a session");
    later(&fixture, DAY - 1);
    assert_eq!(browser.get("/sign-in?to=/partner").batches, 2, "its use is noted");
    assert_eq!(browser.cookie(SESSION).as_ref(), Some(&first));
    assert_eq!(browser.get("/sign-in?to=/partner").batches, 1, "once an hour");
    later(&fixture, 1);
    browser.get("/sign-out").is(200);
    let form = browser.get("/sign-out");
    let shown = browser.get("/sign-in");
    assert_eq!((shown.status, shown.batches), (303, 2));
    let second = browser.cookie(SESSION).expect("a session");
    assert_ne!(first, second);
    assert!(second.ends_with(&format!(".{partner}")) && shown.header("set-cookie").contains("Max-Age=5097600;"));
    let token = form.html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let sent = |token: &str| {
        browser.ask("POST", "/sign-in/mail/none", &[("origin", ORIGIN)], &format!("form_token={token}")).status
    };
    let token = token.expect("a form");
    assert_eq!(sent(token), 410, "a form that is open elsewhere stays good");
    assert_eq!(sent(&format!("{}{}", if token.starts_with('0') { '1' } else { '0' }, &token[1..])), 403);
    assert!(!browser.get("/sign-out").html.contains(token), "each answer has a mask of its own");

    // A request with the old token is admitted for one more minute, but gets no new token.
    let old = fixture.browser();
    old.keep(SESSION, &first);
    later(&fixture, MINUTE - 1);
    let shown = old.get("/sign-in");
    assert_eq!((shown.status, shown.header("set-cookie")), (303, ""));
    later(&fixture, 1);
    assert!(!is_in(&old) && is_in(&browser));
    // A page is shown even if refreshing its session fails.
    later(&fixture, DAY);
    fixture.world.db.fault.set(Some((fixture.world.db.calls.get() + 1, crate::support::sqlite::Fault::Before)));
    assert!(is_in(&browser));
    assert_eq!(browser.cookie(SESSION), Some(second));
}

#[test]
fn a_sign_in_ends_the_session_before_it() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    let before = browser.cookie(SESSION).expect("a session");
    browser.get("/sign-in/token");
    browser.post("/sign-in/token", &[("token", OPERATOR_TOKEN)]).is(303);
    let old = fixture.browser();
    old.keep(SESSION, &before);
    assert!(!is_in(&old) && is_in(&browser));
    assert!(mails.borrow().is_empty());
}

#[test]
fn signing_out_ends_it_here_or_everywhere() {
    let (fixture, _, partner) = fixture();
    let (here, there) =
        (fixture.signed_in("ann@example.com", &partner), fixture.signed_in("ann@example.com", &partner));
    let stranger = fixture.signed_in("bob@example.com", "");
    let kept = here.cookie(SESSION).expect("a session");
    here.get("/sign-out").is(200);
    let shown = here.post("/sign-out", &[]);
    assert_eq!(shown.location, "/sign-in?done=signed-out");
    assert!(shown.header("set-cookie").contains("Max-Age=0"));
    here.keep(SESSION, &kept);
    assert!(!is_in(&here) && is_in(&there));
    here.get("/sign-in?done=signed-out").is(200).says(notice::SIGNED_OUT);

    let again = fixture.signed_in("ann@example.com", &partner);
    again.get("/sign-out");
    assert_eq!(again.post("/sign-out", &[("everywhere", "yes")]).location, "/sign-in?done=signed-out-everywhere");
    assert!(!is_in(&there) && is_in(&stranger));
}

#[test]
fn expired_rows_are_removed() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    follow(&browser, &mails);
    let gone = fixture.signed_in("ann@example.com", &partner);
    gone.get("/sign-out");
    gone.post("/sign-out", &[]);
    let purge = |fixture: &PagesFixture| {
        let ctx = fixture.world.at(fixture.now.get());
        crate::support::world::now(manicule::service::retention::sweep(&ctx)).expect("a sweep");
    };
    purge(&fixture);
    assert_eq!((sessions(&fixture, "1"), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (2, 1));
    later(&fixture, 7 * DAY + 15 * MINUTE);
    purge(&fixture);
    assert_eq!((sessions(&fixture, "1"), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (1, 0));
    later(&fixture, 60 * DAY);
    purge(&fixture);
    assert_eq!(sessions(&fixture, "1"), 0);
}

#[test]
fn a_session_is_found_by_indexes_alone() {
    let (fixture, _, partner) = fixture();
    let browser = fixture.signed_in("ann@example.com", &partner);
    fixture.world.db.heard.replace(Some(std::collections::BTreeSet::new()));
    for path in ["/sign-in", "/partner/programs", "/partner/settings", "/partner/settings/data"] {
        browser.get(path);
    }
    ask(&fixture.browser(), "ann@example.com", "");
    let heard = fixture.world.db.heard.take().expect("statements");
    let about = |sql: &&String| sql.contains("FROM session") || sql.contains("INTO magic_link");
    let heard: Vec<&String> = heard.iter().filter(about).collect();
    assert!(heard.len() >= 4, "{heard:?}");
    for sql in heard {
        let connection = fixture.world.db.connection.borrow();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
        let none = vec![rusqlite::types::Null; plan.parameter_count()];
        let rows = plan.query_map(rusqlite::params_from_iter(none), |row| row.get::<_, String>(3)).expect("a plan");
        for step in rows.map(|step| step.expect("a step")) {
            assert!(!step.starts_with("SCAN") || step.contains("CONSTANT ROW"), "{step}: {sql}");
        }
    }
}
