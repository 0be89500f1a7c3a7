//! "Why not credited?": what a partner learns, and what nobody learns; ten lookups a day; the question and its reply.

use super::fixture::{Browser, Shown};
use super::partner_books::{AGENCY, Books, TODAY};
use crate::support::world::at;
use manicule::pages::text::operator::{attribution_search as search, home, notice as operator_notice, question};
use manicule::pages::text::partner::{notice, why_not as text};
use serde_json::json;

const HERE: &str = "/partner/why-not";
const PRIVATE: &str = "a private reason of an operator";

fn ann(books: &Books) -> Browser<'_> {
    books.fixture.signed_in("ann@partners.example", &books.ann.0)
}

/// Looks something up and reads the answer.
fn look_up(browser: &Browser, fields: &[(&str, &str)]) -> Shown {
    browser.get(HERE).is_page();
    let done = browser.post(HERE, fields);
    done.is(303);
    let shown = browser.get(&done.location);
    shown.is_page();
    shown
}

#[test]
fn a_customer_of_ones_own_is_explained() {
    let books = Books::new();
    let browser = ann(&books);
    browser.get("/partner/clients").is_page().says(text::LINK);
    let code = books.ann.1.clone();
    let by_day = look_up(&browser, &[("code", &code), ("day", "2026-05-02")]);
    by_day.says(text::CODE_WORKS).says("signed up").says(text::CREDITED);
    // Whoever came with another code of hers is found by name, not by this code's day.
    look_up(&browser, &[("code", &code), ("day", "2026-01-03")]).says(text::NOTHING);
    for customer in ["steady", "steady.example", "@steady.example", "jane@steady.example"] {
        look_up(&browser, &[("code", &code), ("customer", customer)]).says(text::CREDITED);
    }
    look_up(&browser, &[("code", &format!("https://ref.example/r/{}", books.spring)), ("day", "2026-05-19")])
        .says(&text::visits("3", "2026-05-19"))
        .says(text::NOTHING);
}

#[test]
fn each_reason_is_in_plain_words() {
    let books = Books::new();
    let (browser, code) = (ann(&books), books.ann.1.clone());
    books.joins("taken", &books.bob.1, "2026-05-10T00:00:00Z");
    let with_code = json!({"attribution": {"code": code}});
    books.event("later", "account.active", "2026-05-11T00:00:00Z", "taken", with_code.clone());
    let shown = look_up(&browser, &[("code", &code), ("customer", "taken")]);
    shown.says(text::NOT_CREDITED).says(text::why(manicule::engine::attribution::reason::LossReason::AlreadyBound));
    books.event("early", "account.active", "2026-05-11T00:00:00Z", "unsigned", with_code);
    look_up(&browser, &[("code", &code), ("customer", "unsigned")]).says("hasn't signed up yet");
    books.sql(&format!("UPDATE link SET disabled_at_ms = {} WHERE code = '{code}'", at("2026-05-12T00:00:00Z").0));
    books.joins("off", &code, "2026-05-13T00:00:00Z");
    look_up(&browser, &[("code", &code), ("customer", "off")]).says("The link was turned off.");
}

#[test]
fn an_account_with_the_name_of_its_domain_is_explained_once() {
    let books = Books::new();
    books.joins("named.example", &books.ann.1, "2026-05-10T00:00:00Z");
    let email = json!({"account": {"id": "named.example", "email": "jo@named.example"}});
    books.event("named", "account.active", "2026-05-11T00:00:00Z", "named.example", email);
    let shown = look_up(&ann(&books), &[("code", &books.ann.1), ("customer", "named.example")]);
    assert_eq!(shown.html.matches(text::CREDITED).count(), 1, "{}", shown.html);
}

/// Others' accounts, accounts that do not exist, codes of others and codes of nobody all give the same page.
#[test]
fn nothing_about_others_leaks() {
    let books = Books::new();
    let browser = ann(&books);
    books.joins("loose", "n0such", "2026-05-10T00:00:00Z");
    let (own, bobs) = (books.ann.1.as_str(), books.bob.1.as_str());
    let said = |fields: &[(&str, &str)]| {
        let shown = look_up(&browser, fields);
        let text = shown.text();
        let (_, answer) = text.split_once(text::ANSWER).expect("an answer");
        let (answer, _) = answer.split_once(text::ASK).expect("its end");
        answer.trim().to_owned()
    };
    let neutral = said(&[("code", own), ("customer", "nobody.example")]);
    assert_eq!(neutral, format!("{} {}", text::CODE_WORKS, text::NOTHING));
    for customer in ["bobs", "bobs.example", "friend", "friend.example", "loose", "loose.example"] {
        books.sql("DELETE FROM credit_question");
        assert_eq!(said(&[("code", own), ("customer", customer)]), neutral, "{customer}");
    }
    let of_nobody = said(&[("code", "n0such"), ("day", "2026-05-10")]);
    for (code, day) in [(bobs, "2026-01-07"), (bobs, "2026-05-19"), (books.cyd.1.as_str(), "2026-03-01")] {
        books.sql("DELETE FROM credit_question");
        let of_other = said(&[("code", code), ("day", day)]);
        assert_eq!(of_other, of_nobody, "{code}");
        assert!(of_other.contains(text::NOT_YOUR_CODE) && of_other.contains(text::NOTHING), "{of_other}");
    }
}

/// Whatever became of an account that carried a code of hers: no other partner's name, id or code, no account's id that
/// she did not enter, and no operator's words.
#[test]
fn answers_never_contain_what_is_others() {
    let books = Books::new();
    let (browser, own, bobs) = (ann(&books), books.ann.1.clone(), books.bob.1.clone());
    let mut accounts: Vec<String> = Vec::new();
    for n in 0..24 {
        let account = format!("zq{n}");
        let (first, second) = if n % 2 == 0 { (&own, &bobs) } else { (&bobs, &own) };
        books.joins(&account, first, "2026-05-10T00:00:00Z");
        let with_second = json!({"attribution": {"code": second}});
        books.event(&format!("n_{n}"), "account.active", "2026-05-11T00:00:00Z", &account, with_second);
        if n % 3 == 0 {
            let to = if n % 2 == 0 { &books.bob.0 } else { &books.ann.0 };
            let reassign = manicule::codec::operator::ReassignRequest {
                program: AGENCY.into(),
                partner: (n % 4 != 0).then(|| to.clone().into()),
                reason: PRIVATE.to_owned(),
            };
            let (ctx, id) = (books.fixture.world.at(at(TODAY)), account.clone().into());
            let done = manicule::service::attribution::reassign::reassign(
                &ctx,
                &id,
                &reassign,
                format!("op_{n}").into(),
                "00".to_owned(),
            );
            assert!(crate::support::world::now(done).is_ok());
        }
        accounts.push(account);
    }
    let secrets = [PRIVATE, "bob", &books.bob.0, &bobs, "partners.example", "Jane", "n_"];
    let is_clean = |shown: &Shown, entered: &str| {
        let (_, main) = shown.html.split_once("<main").expect("a page");
        for secret in secrets {
            assert!(!main.contains(secret), "{secret}: {}", shown.text());
        }
        for account in accounts.iter().filter(|account| *account != entered) {
            assert!(!main.contains(&format!("{account} ")) && !main.contains(&format!("{account}<")), "{account}");
        }
    };
    for account in &accounts {
        books.sql("DELETE FROM credit_question");
        is_clean(&look_up(&browser, &[("code", &own), ("customer", account)]), account);
    }
    let by_day = look_up(&browser, &[("code", &own), ("day", "2026-05-10")]);
    is_clean(&by_day, "");
    by_day.says(text::MORE);
}

#[test]
fn the_eleventh_lookup_of_a_day_waits_for_the_next() {
    let books = Books::new();
    let (browser, own) = (ann(&books), books.ann.1.clone());
    for n in 0..10 {
        browser.get(HERE).is_page().says(&text::left(&(10 - n).to_string()));
        browser.post(HERE, &[("code", &own), ("customer", "steady")]).is(303);
    }
    browser.get(HERE).is_page().says(&text::left("0"));
    let refused = browser.post(HERE, &[("code", &own), ("customer", "steady")]);
    refused.is(429).says("You've looked up 10 customers today.").says("2026-05-21 00:00 UTC");
    assert_eq!(books.number("SELECT COUNT(*) FROM credit_question"), 10);
    // Another partner has ten of its own.
    let bob = books.fixture.signed_in("bob@partners.example", &books.bob.0);
    look_up(&bob, &[("code", &books.bob.1), ("customer", "bobs")]).says(text::CREDITED);
    books.fixture.now.set(at("2026-05-21T00:00:00Z"));
    let own_again = ann(&books);
    look_up(&own_again, &[("code", &own), ("customer", "steady")]).says(text::CREDITED);
}

#[test]
fn a_form_says_what_is_missing() {
    let books = Books::new();
    let browser = ann(&books);
    browser.get(HERE).is_page();
    browser.post(HERE, &[]).is(422).says(text::ENTER_CODE).says(text::ENTER_WHEN_OR_WHO);
    browser.post(HERE, &[("code", "x"), ("day", "tuesday")]).is(422).says(text::ENTER_DAY);
    browser.post(HERE, &[("code", "x"), ("customer", &"x".repeat(256))]).is(422).says(text::TOO_LONG);
    browser.post(HERE, &[("code", &"x".repeat(2_049)), ("day", "2026-05-20")]).is(422).says(text::TOO_LONG);
    assert_eq!(books.number("SELECT COUNT(*) FROM credit_question"), 0, "nothing was looked up");
}

#[test]
fn a_question_reaches_an_operator_who_replies_once() {
    let books = Books::new();
    let (browser, own) = (ann(&books), books.ann.1.clone());
    browser.get(HERE);
    let path = browser.post(HERE, &[("code", &own), ("customer", "bobs.example")]).location;
    browser.get(&path).is_page().says(text::ASK);
    browser.post(&path, &[("message", "")]).is(422).says(text::ENTER_MESSAGE);
    browser.post(&path, &[("message", &"x".repeat(1_001))]).is(422).says(text::ENTER_MESSAGE);
    let words = "They told me on the phone <b>that</b> they used it.";
    let sent = browser.post(&path, &[("message", words)]);
    browser.post(&path, &[("message", "again")]).is(303);
    browser.get(&sent.location).is_page().says(notice::QUESTION_SENT).says(text::NO_REPLY_YET);
    let count = |kind: &str| books.number(&format!("SELECT COUNT(*) FROM outbox WHERE kind = 'attribution.{kind}'"));
    assert_eq!((count("question"), count("reply")), (1, 0));
    assert_eq!(books.number("SELECT COUNT(*) FROM audit WHERE action = 'question.send'"), 1);
    // It is nobody else's.
    let bob = books.fixture.signed_in("bob@partners.example", &books.bob.0);
    bob.get(&path).is(404);
    bob.get(HERE).is_page();
    bob.post(&path, &[("message", "mine")]).is(404);

    let operator = books.fixture.operator();
    operator.get("/operator").is_page().says(home::QUESTIONS[0]);
    let list = operator.get("/operator/questions");
    list.is_page().says("bobs.example").says("They told me on the phone");
    assert!(!list.html.contains("<b>that"));
    let one = path.replace("/partner/why-not", "/operator/questions");
    operator.get(&one).is_page().says(text::NOTHING).says(question::SEND_REPLY);
    operator.post(&one, &[("reply", " ")]).is(422).says(question::ENTER_REPLY);
    let done = operator.post(&one, &[("reply", "They typed another code.")]);
    operator.get(&done.location).is_page().says(operator_notice::QUESTION_REPLIED);
    operator.post(&one, &[("reply", "They typed another code.")]).is(303);
    operator.post(&one, &[("reply", "Something else.")]).is(422).says("replied to already");
    assert_eq!((count("question"), count("reply")), (1, 1));
    assert_eq!(books.number("SELECT COUNT(*) FROM audit WHERE action = 'question.reply'"), 1);
    operator.get("/operator/questions").is_page().says(question::NONE);
    operator.get("/operator/questions?state=all").is_page().says("bobs.example");
    assert!(!operator.get("/operator").text().contains(home::QUESTIONS[0]));
    ann(&books).get(&path).is_page().says("They typed another code.");
    // A lookup that was not sent on is the partner's alone.
    let unsent = ann(&books);
    unsent.get(HERE);
    let unsent = unsent.post(HERE, &[("code", &own), ("customer", "steady")]).location;
    operator.get(&unsent.replace("/partner/why-not", "/operator/questions")).is(404);
}

#[test]
fn operators_search_attribution() {
    let books = Books::new();
    let operator = books.fixture.operator();
    let page = "/operator/attribution";
    operator.get("/operator/accounts").is_page().says(search::TITLE);
    let empty = operator.get(page);
    empty.is_page().says(search::CODE);
    assert!(!empty.html.contains(search::CARRIED), "nothing is searched for yet");
    let pasted =
        format!("{page}?code=https%3A%2F%2Fref.example%2Fr%2F{}.&from=2026-01-01&to=&email_domain=", books.ann.1);
    let found = operator.get(&pasted);
    found.is(200).says("steady").says(search::WORKS).says(search::CREDITED);
    assert!(found.html.contains(&format!("/operator/partners/{}", books.ann.0)), "{}", found.html);
    operator.get(&format!("{page}?email_domain=steady.example")).is(200).says("steady");
    // The whole of the last day counts.
    books.joins("evening", &books.ann.1, "2026-05-20T23:59:59Z");
    operator.get(&format!("{page}?from=2026-05-20&to=2026-05-20")).is(200).says("evening");
    operator.get(&format!("{page}?from=2026-05-21&to=2026-05-21")).is(200).says(search::NONE_FOUND);
    operator.get(&format!("{page}?from=tuesday")).is(422).says(search::ENTER_DAY);
    operator.get(&format!("{page}?from=2026-05-21&to=2026-05-20")).is(422).says(search::WRONG_ORDER);
    operator.get(&format!("{page}?code={}", "x".repeat(2_049))).is(422).says(search::TOO_LONG);
    operator.get(&format!("{page}?code=x&cursor=y")).is(400);
    let first = operator.get(&format!("{page}?from=2020-01-01&limit=1"));
    first.is(200);
    assert!(first.html.contains("from=2020-01-01&amp;to=&amp;cursor="), "{}", first.html);
    ann(&books).get(page).is(303);
}
