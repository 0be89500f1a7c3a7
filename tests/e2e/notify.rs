//! Notifications on workerd: an email by the send_email binding, which miniflare writes to files, and a webhook to a
//! stand-in.

use super::client::{now_ms, step};
use super::facts::{ahead, signed_up};
use super::server::Server;
use super::stand_in::StandIn;
use manicule::codec::message::email::words::partner::joined;
use serde_json::{Value, json};

#[test]
fn a_sign_up_is_announced_by_email_and_webhook() {
    let host = StandIn::start(|_| (200, "{}".to_owned()));
    let site = "https://go.site.example";
    let server = Server::with(&[
        ("MAIL_FROM", "Manicule <hello@site.example>"),
        ("PUBLIC_URL", site),
        ("OPERATOR_EMAIL", "ops@site.example"),
        ("WEBHOOKS_ANYWHERE", "yes"),
    ]);
    assert_eq!(server.read("/healthz")["outbox"]["email"], "binding");
    let hook = json!({"url": format!("{}/hook", host.base), "types": ["referral"]});
    let made = server.post("/v1/webhook-endpoints", &hook).operator().send().expect(201).json();
    let ann = server.enrol("user-referral", "ann");
    server.tell(&[signed_up("friend", &ahead(-1_000), json!({"code": ann.code}))]);
    server.cron("*/10 * * * *", now_ms());
    server.cron("*/10 * * * *", now_ms());

    step("the email is there, once, as text and as HTML");
    let (texts, pages) = (server.mails("email-text"), server.mails("email-html"));
    assert_eq!((texts.len(), pages.len()), (1, 1), "{texts:?} {pages:?}");
    let joined = joined("go.site.example");
    assert!(texts[0].contains(&joined), "{}", texts[0]);
    assert!(pages[0].contains(&format!("<p>{joined}</p>")), "{}", pages[0]);

    step("the webhook is signed");
    let asked = host.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let told = asked[0].signed_by(&made["secret"]);
    assert_eq!((&told["type"], &told["data"]["partner"]), (&json!("referral.joined"), &json!(ann.id)), "{told}");

    step("the outbox says so");
    let message = &server.read("/v1/outbox?state=sent")["data"][0];
    let states: Vec<&Value> =
        message["deliveries"].as_array().expect("deliveries").iter().map(|d| &d["state"]).collect();
    assert_eq!(states, ["sent", "sent"], "{message}");

    step("its link unsubscribes from the next one");
    let mut links = texts[0].split_whitespace().filter_map(|word| word.strip_prefix(site));
    let link = links.find(|path| path.starts_with("/unsubscribe")).expect("a link");
    let page = server.get(link).send().expect(200);
    assert!(page.text.contains("<form method=\"post\""), "{}", page.text);
    server.ask("POST", link).body("List-Unsubscribe=One-Click").send().expect(200);
    server.tell(&[signed_up("second", &ahead(-1_000), json!({"code": ann.code}))]);
    server.cron("*/10 * * * *", now_ms());
    assert_eq!((server.mails("email-text").len(), host.asked().len()), (1, 1));
    server.audit();
}
