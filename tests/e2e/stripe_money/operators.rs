//! Payouts that operators stop and resume, and the notifications about them.

use super::*;

#[test]
fn operators_hold_release_and_get_notified() {
    let site = "https://go.site.example";
    let vars =
        [("MAIL_FROM", "Manicule <hello@site.example>"), ("PUBLIC_URL", site), ("OPERATOR_EMAIL", "ops@site.example")];
    let (stripe, server) = Stripe::beside(&vars);
    let (one, to_one) = agency(&stripe, &server, "one");
    let (two, to_two) = agency(&stripe, &server, "two");
    let waiting = server.enrol(AGENCY, "agency-waiting");
    server.tell(&[signed_up("waiting", "2025-01-05T00:00:00Z", json!({"code": waiting.code}))]);
    for name in ["one", "two", "waiting"] {
        pays(&stripe, name, "2025-01-10T00:00:00Z", 50_000);
    }
    let run = settled(&server, "2025-03");
    let first = id_of(&payout(&server, &one, "planned"));
    assert_eq!(payout(&server, &two, "planned")["destination"], json!(to_two));
    assert_eq!(server.read(&format!("/v1/payouts?partner={}", waiting.id))["data"], json!([]));

    step("held, and the run approved: only the other payout is sent");
    assert_eq!(decide(&server, &first, "hold")["state"], "held");
    approve(&server, &run);
    assert_eq!((stripe.received(&to_one), stripe.received(&to_two)), (0, 10_000));

    step("canceled: it is available again; the next run pays it, and the partner onboarded since");
    decide(&server, &first, "release");
    assert_eq!(decide(&server, &first, "cancel")["state"], "cancelled");
    assert_eq!(balances(&server, &one), (0, 10_000, 0));
    let to_waiting = stripe.onboards(&server, &waiting);
    settled(&server, "2025-04");
    sweep(&server);
    assert_eq!(
        (stripe.received(&to_one), stripe.received(&to_two), stripe.received(&to_waiting)),
        (10_000, 10_000, 10_000)
    );

    balance_used_up(&stripe, &server, &one, &to_one);

    step("an account that Stripe has restricted: its partner is carried forward, and reminded");
    let due = json!({"currently_due": ["external_account"]});
    stripe.control(&format!("accounts/{to_two}/restrict"), &due);
    pays(&stripe, "two", "2025-06-10T00:00:00Z", 50_000);
    let run = settled(&server, "2025-06");
    sweep(&server);
    assert_eq!((stripe.received(&to_two), balances(&server, &two)), (10_000, (0, 10_000, 10_000)));
    let report = server.read(&format!("/v1/runs/{run}/report"));
    assert_eq!(report["carried_forward"][0]["amount_cents"], 10_000, "{report}");

    step("a restriction that is not known yet: Stripe refuses, nothing moves, and the amount is available again");
    let unheard = json!({"currently_due": ["external_account"], "deliver": "never"});
    stripe.control(&format!("accounts/{to_waiting}/restrict"), &unheard);
    pays(&stripe, "waiting", "2025-06-10T00:00:00Z", 50_000);
    settled(&server, "2025-07");
    sweep(&server);
    sweep(&server);
    let failed = payout(&server, &waiting, "failed");
    assert_eq!((stripe.received(&to_waiting), balances(&server, &waiting)), (10_000, (0, 10_000, 10_000)), "{failed}");

    each_was_notified_once(&server);
    server.audit();
}

fn balance_used_up(stripe: &Stripe, server: &Server, one: &Partner, to_one: &str) {
    step("the platform's balance is used up: the payout waits, and operators are notified once");
    pays(stripe, "one", "2025-05-10T00:00:00Z", 50_000);
    let left = stripe.control("balance", &json!({"set": 9_999}));
    assert_eq!(left["usd"], 9_999);
    settled(server, "2025-05");
    sweep(server);
    sweep(server);
    let waits = payout(server, one, "planned");
    assert!(waits["reason"].as_str().is_some_and(|r| r.contains("too small")), "{waits}");
    assert_eq!(stripe.received(to_one), 10_000);
    stripe.control("balance", &json!({"set": 1_000_000}));
    decide(server, &id_of(&waits), "hold");
    decide(server, &id_of(&waits), "release");
    sweep(server);
    assert_eq!((stripe.received(to_one), stripe.list("transfer").len()), (20_000, 4));
}

fn each_was_notified_once(server: &Server) {
    step("each was notified once: operators about decisions, partners about their payouts");
    sweep(server);
    let texts = server.mails("email-text");
    let told = |words: &str| texts.iter().filter(|text| text.contains(words)).count();
    let counts = [
        (operator::APPROVAL, 1),
        (operator::FUNDS, 1),
        (partner::SENT_SCHEDULE, 4),
        // The partner was not onboarded in April and was restricted in July and August.
        ("Finish setting up your payout account", 3),
        (partner::FAILED, 1),
    ];
    for (words, count) in counts {
        assert_eq!(told(words), count, "{words}: {texts:#?}");
    }
    assert!(
        texts.iter().any(|text| text.contains(&format!("{}: a bank account", partner::STILL_NEEDED))),
        "{texts:#?}"
    );
}
