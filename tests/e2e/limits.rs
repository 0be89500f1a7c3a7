//! What one visitor may do only so often, as the runtime counts it.

use super::client::{Reply, step};
use super::server::Server;
use manicule::pages::text::visitor::sign_in;

/// Mails that wrangler.toml lets one visitor ask for in a minute.
const MAILS: usize = 10;

/// Asks for a link by the form.
fn ask(server: &Server, page: &Reply) -> Reply {
    let token = page.text.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let body = format!("form_token={}&to=&email=nobody%40example.com", token.expect("a form"));
    server
        .ask("POST", "/sign-in")
        .header("origin", server.base.clone())
        .header("cookie", cookie.expect("a cookie").to_owned())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
}

#[test]
fn email_requests_are_rate_limited_per_minute() {
    let server = Server::with(&[("MAIL_FROM", "Manicule <hello@ref.example>"), ("PUBLIC_URL", "https://ref.example")]);
    let page = server.get("/sign-in").send();
    step("a visitor asks for links, one after the other");
    // The minutes are the clock's: where one ends in between, as many again are let through.
    let mut sent = 0;
    let refused = loop {
        let reply = ask(&server, &page);
        if reply.status != 303 {
            break reply;
        }
        sent += 1;
        assert!(sent <= 2 * MAILS, "{sent} mails in a minute");
    };
    assert!(sent >= MAILS, "{sent}: {}", refused.text);
    assert_eq!(refused.status, 429);
    assert!(refused.text.contains(sign_in::TOO_MANY_EMAILS) && refused.text.contains("value=\"nobody@example.com\""));
}
