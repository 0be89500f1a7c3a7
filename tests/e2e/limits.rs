//! Rate limits per visitor, as the runtime counts them.

use super::client::{Reply, step};
use super::server::Server;
use manicule::pages::text::visitor::sign_in;

/// Emails per minute that wrangler.toml allows one visitor to request.
const MAILS: usize = 10;

/// Requests a sign-in link through the form.
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
    // Minutes follow the clock: if one ends in between, another full quota is allowed.
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
