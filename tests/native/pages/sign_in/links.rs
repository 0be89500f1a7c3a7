//! Sign-in links by email: who they sign in, how often they are sent, and that they reveal nothing.

use super::*;

#[test]
fn an_emailed_link_signs_in_once() {
    let (fixture, mails, partner) = fixture();
    let browser = fixture.browser();
    let asked = ask(&browser, "ann@example.com", "/partner/links");
    assert_eq!((asked.status, asked.location.as_str()), (303, "/sign-in/sent"));
    assert_eq!(asked.batches, 1);
    let mail = mails.borrow()[0].clone();
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ann@example.com", sign_in_subject("ref.example").as_str()));
    let path = link_of(&mail);
    let token = path.rsplit('/').next().expect("a token").to_owned();
    assert_eq!(token.len(), 64 + 16, "a secret, and a check");
    assert!(
        !format!("{:?}", fixture.world.db.look("SELECT * FROM magic_link")).contains(&token),
        "only its hash is kept"
    );

    // An email scanner opens it, and nothing happens.
    let scanner = fixture.browser();
    let shown = scanner.get(&path);
    shown.is_page().says(&format!("{} ann@example.com", text::CONFIRM_AS));
    assert_eq!(shown.header("referrer-policy"), "no-referrer");
    assert_eq!(sessions(&fixture, "1"), 0);

    let shown = follow(&browser, &mails);
    assert_eq!((shown.status, shown.location.as_str()), (303, "/partner/links"));
    let cookie = browser.cookie(SESSION).expect("a session");
    assert!(cookie.ends_with(&format!(".{partner}")), "the one partner is chosen: {cookie}");
    let set = shown.header("set-cookie");
    assert!(set.ends_with("; Path=/; Max-Age=5184000; Secure; HttpOnly; SameSite=Lax"), "{set}");
    let secret = cookie.split('.').next().expect("a token");
    assert_eq!(sessions(&fixture, &format!("token_sha256 = '{}'", hex_sha256(secret.as_bytes()))), 1);
    assert_eq!(sessions(&fixture, "way = 'email' AND email = 'ann@example.com' AND operator = 0"), 1);

    // A second use fails, from the same browser or another.
    for again in [&fixture.browser(), &browser] {
        again.get("/sign-in?done=x");
        again.post(&path, &[]).is(410).says(text::LINK_GONE);
        again.get(&path).is(410);
    }
    assert_eq!(sessions(&fixture, "1"), 1);
}

#[test]
fn a_link_used_twice_concurrently_signs_in_once() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let path = link_of(&mails.borrow()[0]);
    browser.get(&path).is(200);
    // Between opening the page and using the link, another request has used it.
    fixture
        .world
        .db
        .connection
        .borrow()
        .execute_batch(
            "CREATE TEMP TRIGGER first BEFORE INSERT ON session BEGIN SELECT RAISE(ABORT, 'guard:magic_link_used'); END",
        )
        .expect("a trigger");
    let shown = browser.post(&path, &[]);
    shown.is(410);
    assert_eq!((browser.cookie(SESSION), sessions(&fixture, "1")), (None, 0));
    // The guard in the schema agrees.
    let used = |db: &crate::support::sqlite::Sqlite| {
        db.connection.borrow().execute("UPDATE magic_link SET used_at_ms = 5", []).map_err(|e| e.to_string())
    };
    assert_eq!(used(&fixture.world.db), Ok(1));
    assert_eq!(used(&fixture.world.db), Err("guard:magic_link_used".to_owned()));
}

#[test]
fn links_expire_and_unknown_ones_are_invalid() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let path = link_of(&mails.borrow()[0]);
    for wrong in [
        "/sign-in/mail/x".to_owned(),
        format!("{path}0"),
        path.to_uppercase().replace("/SIGN-IN/MAIL", "/sign-in/mail"),
    ] {
        browser.get(&wrong).is(410);
        browser.post(&wrong, &[]).is(410);
    }
    // A sign-in link cannot be used to join.
    browser.get(&path.replace("/sign-in/mail/", "/partner/join/")).is(410);
    later(&fixture, 15 * MINUTE - 1);
    browser.get(&path).is(200);
    later(&fixture, 1);
    browser.get(&path).is(410);
    browser.post(&path, &[]).is(410);
    assert_eq!(sessions(&fixture, "1"), 0);
}

#[test]
fn the_response_does_not_reveal_known_addresses() {
    let (fixture, mails, _) = fixture();
    let known = ask(&fixture.browser(), "ann@example.com", "");
    let unknown = ask(&fixture.browser(), "nobody@example.com", "");
    let plain = |shown: &Shown| (shown.status, shown.location.clone(), shown.html.clone(), shown.batches);
    assert_eq!(plain(&known), plain(&unknown));
    assert_eq!(mails.borrow().len(), 1);
    fixture.browser().get("/sign-in/sent").is(200).says(text::SENT_LEAD);
}

#[test]
fn an_address_gets_five_emails_an_hour() {
    let (fixture, mails, _) = fixture();
    let browser = fixture.browser();
    for _ in 0..7 {
        assert_eq!(ask(&browser, "ANN@example.com", "").location, "/sign-in/sent");
    }
    assert_eq!(mails.borrow().len(), 5);
    later(&fixture, HOUR + 1);
    ask(&browser, "ann@example.com", "");
    assert_eq!(mails.borrow().len(), 6);
}

#[test]
fn an_unsent_email_is_not_revealed_and_does_not_count() {
    let (mut fixture, mails, _) = fixture();
    *fixture.world.mailer.borrow_mut() = Box::new(|_| Err(RequestFailed("down for ann@example.com".to_owned())));
    let browser = fixture.browser();
    let known = ask(&browser, "ann@example.com", "/partner/links");
    let unknown = ask(&fixture.browser(), "nobody@example.com", "/partner/links");
    let plain = |shown: &Shown| (shown.status, shown.location.clone(), shown.html.clone(), shown.batches);
    assert_eq!(plain(&known), plain(&unknown), "that it failed does not tell who is known");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM magic_link WHERE is_live = 1"), 0, "it does not count");
    fixture.config.setup.mail.binding = false;
    let browser = fixture.browser();
    browser.get("/sign-in/token");
    browser.get("/sign-in").is(200).says(text::NO_EMAIL_SETUP);
    browser.post("/sign-in", &[("email", "ann@example.com")]).is(503).says(text::EMAIL_NOT_SET_UP);
    assert_eq!(mails.borrow().len(), 0);
}

#[test]
fn a_failed_email_is_retried_once() {
    let (fixture, _, _) = fixture();
    let tries = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&tries);
    *fixture.world.mailer.borrow_mut() = Box::new(move |mail| {
        seen.borrow_mut().push(link_of(mail));
        if seen.borrow().len() == 1 { Err(RequestFailed("reset".to_owned())) } else { Ok(()) }
    });
    let browser = fixture.browser();
    ask(&browser, "ann@example.com", "");
    let tries = tries.borrow();
    assert_eq!((tries.len(), &tries[0]), (2, &tries[1]), "the same link");
    browser.get(&tries[0]).is(200);
}

#[test]
fn a_network_with_too_many_requests_sees_an_error() {
    let (fixture, mails, _) = fixture();
    TOO_OFTEN.set(vec![(RateLimited::Mail, "192.0.2.1".to_owned())]);
    let from = |ip: &str, email: &str| {
        let browser = fixture.browser();
        browser.get("/sign-in?to=/partner/links");
        browser.post_with(&[("cf-connecting-ip", ip)], "/sign-in", &[("email", email), ("to", "/partner/links")])
    };
    for email in ["ann@example.com", "nobody@example.com"] {
        let shown = from("192.0.2.1", email);
        shown.is(429).says(text::TOO_MANY_EMAILS);
        let typed = format!("value=\"{email}\"");
        assert!(shown.html.contains(&typed) && shown.html.contains("value=\"/partner/links\""), "{}", shown.html);
    }
    assert_eq!((mails.borrow().len(), fixture.world.db.number("SELECT COUNT(*) FROM magic_link")), (0, 0));
    assert_eq!(from("192.0.2.2", "ann@example.com").location, "/sign-in/sent");
    assert_eq!(mails.borrow().len(), 1);
}
