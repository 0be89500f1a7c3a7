//! Another site submits our forms in the name of the person who is signed in. Covers every form in the tables, with a
//! session that may submit it, and with exactly one thing wrong each time.

use super::browser::Browser;
use super::tables::{self, Page};
use super::world::{ADMIN, Outside, assert_unharmed};
use crate::client::{Ask, step};
use crate::server::Server;

/// A description of what is wrong, and the form with that defect.
fn spoiled<'a>(browser: &Browser<'a>, path: &str, foreign: &str) -> Vec<(&'static str, Ask<'a>)> {
    let token = browser.token();
    let good = || browser.form(path, &[("form_token", &token)]);
    let with = |token: &str| browser.form(path, &[("form_token", token)]);
    let base = browser.server.base.clone();
    let other_digit = if base.ends_with('1') { '2' } else { '1' };
    let port = format!("{}{other_digit}", &base[..base.len() - 1]);
    let mut all = vec![
        ("no token", browser.form(path, &[])),
        ("an empty token", with("")),
        ("somebody else's token", with(foreign)),
        ("a cut token", with(&token[..token.len() - 2])),
        ("a token in the address", browser.form(&format!("{path}?form_token={token}"), &[])),
        ("a token in JSON", good().body(format!("{{\"form_token\":\"{token}\"}}"))),
        ("no cookie", good().without("cookie")),
        ("no origin", good().without("origin").without("sec-fetch-site")),
        ("no origin, of the same site", good().without("origin").header("sec-fetch-site", "same-site")),
        ("no origin, of another site", good().without("origin").header("sec-fetch-site", "cross-site")),
        ("the origin null", good().header("origin", "null").header("sec-fetch-site", "cross-site")),
        ("the origin null, without more", good().header("origin", "null").without("sec-fetch-site")),
    ];
    let origins = [
        ("another origin", "https://evil.example".to_owned()),
        ("another port", port),
        ("another scheme", base.replace("http://", "https://")),
        ("a host that begins like ours", format!("{base}.evil.example")),
        ("a host that ends like ours", base.replace("http://", "http://evil.example/")),
        ("ours in capitals", base.to_ascii_uppercase()),
    ];
    all.extend(origins.map(|(what, origin)| (what, good().header("origin", origin))));
    all
}

#[test]
fn no_form_is_sent_by_another_site() {
    let outside = Outside::start();
    let server = outside.worker(&[]);
    let partner = server.enrol("agency-partner", "ann");
    let person = Browser::of_site(&server, "ann.10");
    person.send("/partner/programs", &[("partner", &partner.id)]);
    let operator = Browser::of_token(&server, &server.operator_token);
    let nobody = Browser::new(&server);
    let other = Browser::of_site(&server, "thief.50");
    let foreign = [other.token(), Browser::new(&server).token()];
    let before = server.database_sizes();
    let mut tried = 0;
    for (browser, pages) in
        [(&operator, tables::operators()), (&person, tables::partners()), (&nobody, tables::sign_in())]
    {
        let forms: Vec<Page> = pages.into_iter().filter(|page| page.method == "POST").collect();
        for (n, page) in forms.iter().enumerate() {
            let path = page.path(&[&partner.code]);
            step(&path);
            for (what, ask) in spoiled(browser, &path, &foreign[n % 2]) {
                let reply = ask.send();
                assert_eq!(reply.status, 403, "{path} with {what}: {}", reply.text);
                assert_eq!(reply.header("location"), None, "{path} with {what}");
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "{tried}");
    assert_eq!(server.database_sizes(), before, "nothing was written");

    step("a form cannot be submitted by navigating to its URL, or by claiming to");
    for page in tables::everywhere().iter().filter(|page| page.method == "POST") {
        let path = page.path(&[&partner.code]);
        for browser in [&operator, &person] {
            let query = format!("{path}?_method=POST&form_token={}", browser.token());
            for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
                let reply = browser.visit(&query).header(name, "POST").send();
                assert!(reply.status < 500, "{query}: {}", reply.status);
            }
        }
    }
    assert_eq!(server.database_sizes(), before, "nothing was written");
    secret_url_forms(&outside, &server);
    assert_unharmed(&server);
}

fn secret_url_forms(outside: &Outside, server: &Server) {
    step("a page with a secret URL accepts its own form, although it sends no origin, and no other");
    let person = Browser::new(server);
    person.send("/sign-in", &[("email", ADMIN)]).expect(303);
    let link = outside.mails_to(ADMIN, 1).pop().expect("the mail").link;
    assert_eq!(person.get(&link).header("referrer-policy"), Some("no-referrer"));
    let token = person.token();
    let good = || person.form(&link, &[("form_token", &token)]).without("origin");
    assert_eq!(good().header("sec-fetch-site", "cross-site").send().status, 403);
    assert_eq!(good().header("origin", "null").header("sec-fetch-site", "same-site").send().status, 403);
    assert_eq!(good().header("origin", "null").header("sec-fetch-site", "same-origin").send().status, 303);
}
