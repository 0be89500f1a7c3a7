use crate::base::time::UtcMillis;
use crate::codec::message::email::money::{instant, money, percent};
use crate::codec::message::email::render::SUBJECT_CHARS_MAX;
use crate::codec::message::email::*;
use crate::engine::message::{Audience, MessageType};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

/// Everything that an attacker might use as a name or write into evidence.
const HOSTILE: &str = "<script>alert(1)</script>\r\nBcc: x@y.example\u{202e}&\"'{{html}}";

pub fn payload(hostile: &str) -> Value {
    json!({
        "amount_cents": 123_450, "unit": "cash:usd", "period": hostile, "signed_up_at_ms": 1_781_000_000_000i64, "transfer": hostile,
        "reason": hostile, "due": [hostile, "tos"], "path": "/partner", "review": "rev_1", "rule": hostile, "subject": "", "holds": 1,
        "evidence": hostile, "balance_cents": 100, "low_cents": 25_000, "waiting": 3, "week": hostile,
        "run": "run_1", "payout": "po_1", "adjustment": "adj_1", "actor": hostile,
        "accrual_id": hostile, "gross_cents": 1, "base_cents": 1, "rate_bps": 1, "credit": hostile, "payouts": "setup", "settled_cents": 1, "pending_cents": 2, "available_cents": 3,
        "payable_cents": 0,
    })
}

fn facts<'a>(kind: MessageType, hostile: &'a str, payload: &'a Value) -> MessageFields<'a> {
    MessageFields {
        kind,
        to: kind.audiences()[0],
        program: hostile,
        program_id: "p",
        site_name: hostile,
        name: Some(hostile),
        partner: Some(hostile),
        account: Some(hostile),
        payload,
        benefit_bps: Some(2_000),
        site: "https://a.example",
        unsubscribe: kind.is_optional().then_some("/unsubscribe?type=k&to=t&mac=m"),
        at: UtcMillis::parse("2026-06-15T09:00:00Z").unwrap(),
    }
}

/// The tags of a text, by name.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split([' ', '>']).next().unwrap_or_default()).collect()
}

#[test]
fn every_kind_has_words_of_its_own() {
    let payload = payload("2026-06");
    let mut subjects = Vec::new();
    for (kind, to) in MessageType::emailed() {
        let letter = letter(&MessageFields { to, ..facts(kind, "Ann", &payload) });
        assert!(letter.text.starts_with("Hello Ann,\n\n"), "{}", letter.text);
        assert!(!letter.subject.contains(kind.name()), "{}: {}", kind.name(), letter.subject);
        let unsubscribe = "https://a.example/unsubscribe?type=k";
        assert_eq!(letter.text.contains(unsubscribe), kind.is_optional(), "{}", kind.name());
        assert_eq!(letter.html.contains(unsubscribe), kind.is_optional(), "{}", kind.name());
        subjects.push(letter.subject);
    }
    subjects.sort();
    let all = subjects.len();
    subjects.dedup();
    assert_eq!(subjects.len(), all, "{subjects:?}");
}

#[test]
fn a_letter_as_it_is_read() {
    let payload = json!({"amount_cents": 5_000, "unit": "credit:usd", "period": "2026-W24", "accrual_id": "acr_1"});
    let mut facts = facts(MessageType::RewardGrantedReferrer, "User referral", &payload);
    facts.name = Some("Ann O'Neil");
    let letter = letter(&facts);
    assert_eq!(letter.subject, "You earned 50.00 USD of credit with User referral");
    assert_eq!(
        letter.text,
        "Hello Ann O'Neil,\n\nSomeone you referred to User referral has earned you a reward.\n\n\
         Reward: 50.00 USD of credit\nAwarded: 2026-06-15 09:00 UTC\nPeriod: 2026-W24\n\n\
         View this earning: https://a.example/partner/earnings/acr_1\n\n-- \n\
         You're receiving this email because you're a partner of User referral (User referral).\n"
    );
    assert!(letter.html.contains("<p>Hello Ann O&#39;Neil,</p>"), "{}", letter.html);
    (facts.kind, facts.to) = (MessageType::RewardGrantedReferee, Audience::Account);
    let friend = crate::codec::message::email::letter(&facts);
    assert!(friend.text.contains("20% off your first invoice"), "{}", friend.text);
}

#[test]
fn operators_read_what_to_do() {
    let payload = json!({
        "run": "run_1", "payouts": 2, "payout": "rvl_1", "amount_cents": 123_456, "unit": "cash:usd", "period": "2026-05",
        "reason": "401 api_key_expired: Expired API Key",
    });
    let read = |kind: MessageType| letter(&facts(kind, "Agency partner", &payload));
    let approval = read(MessageType::PayoutApproval);
    assert_eq!(approval.subject, "Agency partner: payouts of 1,234.56 USD need your approval");
    assert!(approval.text.contains("Payouts: 2\nTotal: 1,234.56 USD"), "{}", approval.text);
    assert!(approval.text.contains("https://a.example/operator/runs/run_1"), "{}", approval.text);
    assert!(read(MessageType::PayoutReview).text.contains("https://a.example/operator/payouts/rvl_1"));
    for kind in [MessageType::PayoutReview, MessageType::PayoutFunds, MessageType::PayoutAccess] {
        assert!(read(kind).text.contains("401 api_key_expired: Expired API Key"), "{kind}");
    }
}

#[test]
fn nothing_that_varies_becomes_markup_or_a_header() {
    let (good, bad) = (payload("plain"), payload(HOSTILE));
    for (kind, to) in MessageType::emailed() {
        let read = |name: &str, payload: &Value| letter(&MessageFields { to, ..facts(kind, name, payload) });
        let (plain, letter) = (read("plain", &good), read(HOSTILE, &bad));
        assert_eq!(tags(&letter.html), tags(&plain.html), "{}: {}", kind.name(), letter.html);
        assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
        assert!(letter.subject.chars().count() <= SUBJECT_CHARS_MAX);
        assert_eq!(letter.text.lines().count(), plain.text.lines().count(), "{}: {}", kind.name(), letter.text);
        for text in [&letter.text, &letter.html, &letter.subject] {
            assert!(!text.contains('\u{202e}') && !text.contains('\r'), "{text:?}");
        }
    }
}

#[test]
fn what_is_optional_has_a_name_where_it_is_turned_off() {
    for kind in MessageType::ALL {
        assert_eq!(words::when(*kind).is_empty(), !kind.is_optional(), "{kind} on the unsubscribe page");
        let is_chosen = kind.is_optional() && kind.audiences().contains(&Audience::Partner);
        assert_eq!(words::choice(*kind).is_empty(), !is_chosen, "{kind} in a partner's settings");
    }
}

#[test]
fn names_that_read_like_addresses_are_not_greeted() {
    for (name, want) in [
        (Some("Ann"), "Hello Ann,"),
        (Some("  "), "Hello,"),
        (None, "Hello,"),
        (Some("Win at https://evil.example"), "Hello,"),
        (Some("WWW.evil.example"), "Hello,"),
        (Some("evil.example/x"), "Hello,"),
        (Some("a@evil.example"), "Hello,"),
        (Some(&*"x".repeat(61)), "Hello,"),
    ] {
        assert_eq!(words::greeting(name), want, "{name:?}");
    }
}

#[test]
fn money_and_time_are_written_out() {
    for (minor, unit, want) in [
        (5_000, "cash:usd", "50.00 USD"),
        (5_000, "credit:usd", "50.00 USD of credit"),
        (123_456_789, "cash:eur", "1,234,567.89 EUR"),
        (-5, "cash:usd", "-0.05 USD"),
        (-123_456, "cash:usd", "-1,234.56 USD"),
        (0, "cash:usd", "0.00 USD"),
        (5_000, "cash:jpy", "5,000 JPY"),
        (5_000, "cash:XPF", "5,000 XPF"),
        (5_001, "cash:kwd", "5.001 KWD"),
        (i64::MIN, "usd", "-92,233,720,368,547,758.08 USD"),
    ] {
        assert_eq!(money(minor, unit), want);
    }
    for (bps, want) in [(2_000, "20%"), (1_250, "12.5%"), (1, "0.01%"), (10_000, "100%")] {
        assert_eq!(percent(bps), want);
    }
    assert_eq!(instant(UtcMillis::parse("2026-06-15T23:59:59.999+02:00").unwrap()), "2026-06-15 21:59 UTC");
}

fn mail(subject: &str, text: &str) -> Mail {
    Mail {
        id: "msg_1".to_owned(),
        to: "ann@example.com".to_owned(),
        from: From::parse("Manicule <hello@a.example>").unwrap(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: format!("<p>{text}</p>"),
        headers: vec![("List-Unsubscribe", "<https://a.example/u>".to_owned())],
    }
}

#[test]
fn the_default_template_is_resend_s_shape() {
    let template = MailApi::template(RESEND_TEMPLATE).unwrap();
    let api = MailApi { url: RESEND_API.to_owned(), key: "re_1".to_owned(), template };
    let request = api.request(&mail("Hi \"{{to}}\"", "a\nb{{html}}"));
    assert_eq!((request.method, request.url.as_str()), ("POST", "https://api.resend.com/emails"));
    assert!(request.headers.contains(&("authorization", "Bearer re_1".to_owned())));
    assert!(request.headers.contains(&("idempotency-key", "msg_1".to_owned())));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        json!({
            "from": "Manicule <hello@a.example>", "to": ["ann@example.com"], "subject": "Hi \"{{to}}\"", "text": "a\nb{{html}}",
            "html": "<p>a\nb{{html}}</p>", "headers": {"List-Unsubscribe": "<https://a.example/u>"},
        })
    );
    assert!(!format!("{api:?}").contains("re_1"));
}

#[test]
fn other_templates_are_filled_alike() {
    let filled = |template: &str| {
        let template = MailApi::template(template).unwrap();
        let api = MailApi { url: "https://m.example".to_owned(), key: String::new(), template };
        let request = api.request(&mail("S", "T"));
        assert!(!request.headers.iter().any(|(name, _)| *name == "authorization"));
        serde_json::from_slice::<Value>(&request.body).unwrap()
    };
    assert_eq!(
        filled(r#"{"m":[{"To":"<{{to}}>","S":"{{subject}}: {{unknown}} {{id}} {{"}],"n":1,"h":"x{{headers}}"}"#),
        json!({"m": [{"To": "<ann@example.com>", "S": "S: {{unknown}} msg_1 {{"}], "n": 1, "h": "x{{headers}}"})
    );
    for bad in ["", "{{to}}{{subject}}", r#"{"to":"{{to}}"}"#, r#"{"subject":"{{subject}}"}"#] {
        assert!(MailApi::template(bad).is_err(), "{bad}");
    }
}

#[test]
fn senders_and_addresses_are_read_strictly() {
    let parsed = |text| From::parse(text).map(|f| f.to_string());
    assert_eq!(parsed(" hello@a.example ").as_deref(), Some("hello@a.example"));
    assert_eq!(parsed("\"Manicule\" <hello@a.example>").as_deref(), Some("Manicule <hello@a.example>"));
    for bad in [
        "",
        "hello",
        "a@b",
        "A <a@b.example",
        "A\r\nBcc: x@y.example <a@b.example>",
        "x@y.example, <a@b.example>",
        "<a@b.example>>",
    ] {
        assert_eq!(parsed(bad), None, "{bad:?}");
    }
    for bad in [
        "a@b.example,c@d.example",
        "a@b.example\r\nBcc:x@y.example",
        "a b@c.example",
        "a@b@c.example",
        "<a@b.example>",
        "@b.example",
        "a\u{202e}b@c.example",
        "a\u{200b}@c.example",
        "a@localhost",
        "did-plc-abc@atproto.invalid",
        "a@b.INVALID",
    ] {
        assert!(!is_address(bad), "{bad:?}");
    }
    assert!(is_address("ann+tag@mail.example.com") && is_address("ünï@example.com"));
    let binding = mail("S", "T").for_binding();
    assert_eq!(binding["from"], json!({"email": "hello@a.example", "name": "Manicule"}));
    assert_eq!(binding["headers"], json!({"List-Unsubscribe": "<https://a.example/u>"}));
}

proptest! {
    #[test]
    fn no_words_add_a_tag_or_a_line(words in "\\PC{0,40}|[\r\n<>&\"'a-c/:@{}]{0,40}") {
        let (good, bad) = (payload("plain"), payload(&words));
        let kind = MessageType::ReviewOpened;
        let (plain, letter) = (letter(&facts(kind, "plain", &good)), letter(&facts(kind, &words, &bad)));
        let empty = words.split(|c: char| c.is_control() || c.is_whitespace()).all(str::is_empty);
        if !empty {
            prop_assert_eq!(tags(&letter.html), tags(&plain.html));
        }
        prop_assert!(letter.text.lines().count() <= plain.text.lines().count());
        prop_assert!(!letter.subject.contains(char::is_control));
    }
}
