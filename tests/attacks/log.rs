//! A reader of the log finds no credentials and no personal data.

use super::browser::Browser;
use super::tables;
use super::world::{ADMIN, Outside, assert_unharmed};
use crate::client::{now_ms, step};
use crate::facts::{merge, sign, signed_up, stripe_signature};
use crate::server::Server;
use crate::stripe::{SECRET, Stripe};
use manicule::http::route::ROUTES;
use serde_json::{Value, json};

/// Values that identify a person, for every part of a request.
const PERSONAL: [&str; 6] =
    ["jane.doe@corp.example", "Jane Doe-Smith", "+1-555-0100", "198.51.100.77", "Privet Drive", "jane-agent/7.7"];

/// Fields that request bodies have.
const FIELDS: &str = "id type event occurred_at kind subject reason partner program code amount_cents external_id website \
    country url secret period cadence decision destination year as_of return_url transaction target document submissionId \
    formId submittedAt resourceId timestamp campaign path name email phone";

/// A body with the value in every field of an event, a form or an operator's call, and in unknown fields.
fn body() -> Value {
    let [email, name, phone, ip, street, agent] = PERSONAL;
    let mut body = json!({
        "account": {"id": email, "email": name, "name": street, email: phone}, "amount": {"cents": email, "currency": name},
        "attribution": {"code": email, "token": name, "coupon": phone, "visitor": ip}, "types": [email], "files": [email],
        "data": {"object": email, "invoice_id": name, "months": email, "manicule_event": email, "email": email, agent: ip},
        "accounts": [{"id": name}], email: name,
    });
    for (n, field) in FIELDS.split_whitespace().enumerate() {
        body[field] = json!([email, name, phone, street][n % 4]);
    }
    body
}

#[test]
fn the_log_contains_no_secrets_or_personal_data() {
    let outside = Outside::start();
    let stripe = Stripe::start();
    let vars = outside.vars();
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::with(&stripe.vars(&vars));
    stripe.post_to(&server);
    let mut secrets = vec![
        server.operator_token.clone(),
        server.webhook_secret.clone(),
        server.emdash_token.clone(),
        server.forms_secret.clone(),
        SECRET.to_owned(),
        crate::stripe::KEY.to_owned(),
        "re_b1946ac92492d2347c6235b4d2611184".to_owned(),
    ];
    // A network that has sent wrong tokens is refused for a while.
    secrets.extend(people(&outside, &server));
    interface(&server);
    doors(&server);
    step("none of it is in the log, in full or in part, escaped or not");
    let log = server.log();
    assert!(log.lines().count() > 200, "the log is kept: {} lines", log.lines().count());
    for secret in &secrets {
        assert!(secret.len() > 8, "{secret:?}");
        quiet(&log, secret);
        quiet(&log, secret.trim_start_matches("whsec_"));
    }
    for personal in PERSONAL.into_iter().chain([ADMIN, "people.example", "friends.example"]) {
        quiet(&log, personal);
        quiet(&log, &super::browser::escaped(personal));
        quiet(&log, &personal.replace('@', "%40"));
    }
    assert_unharmed(&server);
}

#[track_caller]
fn quiet(log: &str, secret: &str) {
    let line = log.lines().find(|line| line.contains(secret));
    assert_eq!(line, None, "{secret:?} is in the log");
}

/// Headers that identify a person or contain a secret.
fn named(ask: crate::client::Ask<'_>) -> crate::client::Ask<'_> {
    let [email, name, _, ip, street, agent] = PERSONAL;
    ask.header("user-agent", agent)
        .header("cf-connecting-ip", ip)
        .header("x-forwarded-for", ip)
        .header("x-real-ip", ip)
        .header("referer", format!("https://site.example/?email={email}"))
        .header("idempotency-key", email)
        .header("x-name", name)
        .header("x-street", street)
}

fn interface(server: &Server) {
    step("every route, authorized and not, with bodies that are entirely invalid");
    let (body, query) = (body().to_string(), format!("email={}&cursor={0}&program={0}", "jane.doe%40corp.example"));
    for route in ROUTES {
        for segment in ["jane.doe%40corp.example", "Jane%20Doe-Smith"] {
            let path: Vec<&str> = route.path.split('/').map(|p| if p.starts_with('{') { segment } else { p }).collect();
            let path = format!("{}?{query}", path.join("/"));
            for token in [server.operator_token.as_str(), server.emdash_token.as_str(), ""] {
                for body in [body.as_str(), "{\"email\":\"jane.doe@corp.example", "jane.doe@corp.example"] {
                    let mut ask = named(server.ask(route.method, &path)).bearer(token);
                    if !["GET", "DELETE"].contains(&route.method) {
                        ask = ask.body(body);
                    }
                    let status = ask.send().status;
                    assert!(status < 500 || status == 503, "{} {}: {status}", route.method, route.path);
                }
            }
            named(server.ask("PATCH", &path)).operator().send();
        }
    }
    step("a valid call with one invalid field at a time");
    let wrong = ["jane.doe@corp.example", "Jane Doe-Smith"];
    for path in [
        "/v1/partners",
        "/v1/links",
        "/v1/runs",
        "/v1/credits/redeem",
        "/v1/webhook-endpoints",
        "/v1/programs/user-referral/budget",
    ] {
        let names = [
            "program",
            "external_id",
            "partner",
            "email",
            "name",
            "website",
            "country",
            "type",
            "destination",
            "campaign",
            "expires_at",
            "utm",
            "cadence",
            "period",
            "amount_cents",
            "reason",
            "url",
            "secret",
            "types",
        ];
        for (name, value) in names.iter().flat_map(|name| wrong.map(|value| (name, value))) {
            let mut good = json!({"program": "agency-partner", "external_id": "x", "partner": "none", "url": "https://a.example", "amount_cents": 1, "reason": "so", "cadence": "monthly", "period": "2025-01"});
            good[name] = json!(value);
            named(server.post(path, &good)).without("idempotency-key").operator().send();
        }
    }
}

fn doors(server: &Server) {
    step("signed events with valid data, with invalid data, and from wrong senders");
    let second = now_ms() / 1_000;
    let mut good = signed_up("acct-1", &crate::facts::ahead(-1_000), json!({}));
    merge(&mut good, json!({"account": {"email": PERSONAL[0], "name": PERSONAL[1]}, "data": {"phone": PERSONAL[2]}}));
    let bodies = [good.to_string(), body().to_string(), good.to_string().replace("acct-1", PERSONAL[0])];
    for body in &bodies {
        for secret in [server.webhook_secret.as_str(), "whsec_fRZSFY8FOu7FF846iBPm59Nt8mXTVJdyH9eH1OMfF7bf"] {
            let signature = sign(secret, "msg_1", second, body.as_bytes());
            let ask = named(server.ask("POST", "/v1/webhooks/events")).body(body.clone()).header("webhook-id", "msg_1");
            ask.header("webhook-timestamp", second.to_string()).header("webhook-signature", signature).send();
        }
        let wrapped = json!({"id": "evt_1", "type": "customer.updated", "created": second, "livemode": false, "data": {"object": serde_json::from_str::<Value>(body).expect("JSON")}});
        let wrapped = wrapped.to_string();
        let signature = stripe_signature(SECRET, second, wrapped.as_bytes());
        named(server.ask("POST", "/v1/webhooks/stripe")).body(wrapped).header("stripe-signature", signature).send();
        named(server.ask("POST", "/v1/webhooks/emdash")).bearer(&server.emdash_token).body(body.clone()).send();
        let path = format!("/v1/webhooks/emdash-forms/{}", server.forms_secret);
        for method in ["POST", "GET", "PUT"] {
            named(server.ask(method, &path)).body(body.clone()).send();
        }
        named(server.ask("POST", &format!("{path}/more"))).body(body.clone()).send();
    }
    for path in
        ["/r/jane.doe%40corp.example", "/?ref=jane.doe%40corp.example", "/v1/stage.gif?partner=Jane%20Doe-Smith"]
    {
        named(server.visit(path)).send();
    }
}

/// Every credential that was issued to someone signing in.
fn people(outside: &Outside, server: &Server) -> Vec<String> {
    step("people who sign in, join, and submit every form; the credentials they received");
    let mut handed = Vec::new();
    let person = Browser::from(server, PERSONAL[3]);
    let form = [
        ("email", PERSONAL[0]),
        ("name", PERSONAL[1]),
        ("website", "corp.example"),
        ("country", "US"),
        ("disclosure", "yes"),
    ];
    person.send("/partner/join", &form).expect(303);
    person.send("/sign-in", &[("email", PERSONAL[0])]).expect(303);
    person.send("/sign-in", &[("email", ADMIN)]).expect(303);
    let mut links: Vec<String> = outside.mails_to(PERSONAL[0], 1).into_iter().map(|mail| mail.link).collect();
    links.extend(outside.mails_to(ADMIN, 1).into_iter().map(|mail| mail.link));
    assert_eq!(links.len(), 2, "{links:?}");
    for link in &links {
        handed.push(link.rsplit('/').next().expect("a token").to_owned());
        person.get(link).expect(200);
        person.send(link, &[]).expect(303);
        person.send(link, &[]).expect(410);
    }
    let operator = Browser::of_token(server, &server.operator_token);
    let made = operator.send("/operator/tokens", &[("name", "log"), ("expires", "30"), ("scope_read", "yes")]);
    let at = made.text.find("mop_").expect("a token");
    handed.push(made.text[at..at + 68].to_owned());
    let site = Browser::of_site(server, "jane.10");
    for browser in [&person, &operator, &site] {
        for page in tables::everywhere() {
            let path = format!("{}?q={}", page.path(&["jane.doe@corp.example"]), "jane.doe%40corp.example");
            if page.method == "GET" {
                browser.get(&path);
            } else if !path.starts_with("/sign-out") && !path.contains("/leave") && !path.contains("/sessions") {
                let fields = [
                    "name",
                    "email",
                    "reason",
                    "website",
                    "document",
                    "body",
                    "title",
                    "message",
                    "amount",
                    "period",
                    "program",
                    "partner",
                    "token",
                    "transfer",
                    "subject",
                    "destination",
                ];
                let fields: Vec<(&str, &str)> = fields.iter().map(|name| (*name, PERSONAL[0])).collect();
                browser.send(&path, &fields);
            }
        }
        let session = browser.cookie("__Host-manicule_session").expect("a session");
        handed.extend(session.split(['.', '-']).filter(|part| part.len() >= 32).map(str::to_owned));
        handed.push(browser.token());
        handed.push(browser.token());
    }
    server.cron("*/10 * * * *", now_ms());
    handed.retain(|secret| secret.len() >= 32);
    handed
}
