pub mod generated;
pub mod limits;

use crate::base::ids::LinkCode;
use crate::codec::event::envelope::*;
use crate::codec::json::BODY_BYTES_MAX;
use crate::engine::event::{InvoiceOrigin, OCCURRED_AT_MIN};
use serde_json::{Value, json};

const NOW: UtcMillis = UtcMillis(1_778_371_200_000); // 2026-05-10T00:00:00Z

/// An `invoice.paid` with every field.
fn full() -> Value {
    json!({
        "id": "evt_1", "type": "invoice.paid", "occurred_at": "2026-05-10T00:00:00Z",
        "account": {"id": "acct_1", "email": "a@b.example", "name": "Ann", "plan": "pro", "team_size": 7},
        "attribution": {"token": "v1.k.p.m", "code": "aB3dE5gH", "visitor": "v_1"},
        "amount": {"cents": 50_000, "currency": "USD"},
        "data": {
            "invoice_id": "in_1", "subscription_id": "sub_1", "refund_id": "re_1", "charge_id": "ch_1", "dispute_id": "dp_1",
            "purchase_id": "pu_1", "listing_id": "li_1", "agency_code": "PARTNER_0011AABB", "domain": "Client.Example",
            "months": 12, "discount_cents": 100, "charged_cents": 59_500, "stripe_customer": "cus_1", "monthly_cents": 4_900, "currency": "USD", "annual_value_cents": 500_000,
            "api_calls": 1_000, "team_size": 3, "campaign": "spring", "visitor": "v_2",
        },
    })
}

/// `full()` with type `kind` and the value at `path` (`data.months`) replaced, or removed if `value` is `None`.
fn with(kind: &str, path: &str, value: Option<Value>) -> Value {
    let mut body = full();
    body["type"] = json!(kind);
    let mut holder = &mut body;
    let (parents, name) = path.rsplit_once('.').map_or((None, path), |(p, n)| (Some(p), n));
    if let Some(parent) = parents {
        holder = &mut holder[parent];
    }
    match value {
        Some(value) => holder[name] = value,
        None => drop(holder.as_object_mut().unwrap().remove(name)),
    }
    body
}

fn read(body: &Value) -> Result<Event, Invalid> {
    parse(body.to_string().as_bytes(), NOW)
}

fn usd(cents: i64) -> Amount {
    Amount { cents: Cents(cents), currency: "usd".to_owned() }
}

/// Each type, and what it is read as.
fn payloads() -> Vec<(&'static str, Payload)> {
    let text = str::to_owned;
    let (amount, invoice_id) = (usd(50_000), "in_1".into());
    let dispute = Dispute { dispute_id: text("dp_1"), invoice_id: "in_1".into(), amount: usd(50_000) };
    let subscription = Subscription {
        subscription_id: text("sub_1"),
        monthly_cents: Some(Cents(4_900)),
        annual_value_cents: Some(Cents(500_000)),
        currency: Some("usd".to_owned()),
    };
    let funnel = Payload::Funnel { campaign: Some(text("spring")), visitor: Some(text("v_2")) };
    let (agency_code, domain) = (LinkCode::from("PARTNER_0011AABB"), text("client.example"));
    let invoice = Invoice {
        invoice_id: "in_1".into(),
        subscription_id: Some(text("sub_1")),
        amount: usd(50_000),
        months: 12,
        discount_cents: Cents(100),
        charged_cents: Some(Cents(59_500)),
        origin: InvoiceOrigin::Host,
    };
    vec![
        ("account.signed_up", Payload::SignedUp { plan: Some(text("pro")), team_size: Some(7) }),
        ("account.active", Payload::Active { api_calls: Some(1_000), team_size: Some(7) }),
        ("account.cancelled", Payload::Cancelled),
        ("account.handed_off", Payload::HandedOff { agency_code: agency_code.clone(), domain: Some(domain.clone()) }),
        ("workspace.invited", Payload::WorkspaceInvited { agency_code, domain }),
        ("subscription.started", Payload::SubscriptionStarted(subscription.clone())),
        ("subscription.updated", Payload::SubscriptionUpdated(subscription.clone())),
        ("subscription.cancelled", Payload::SubscriptionCancelled(subscription)),
        ("invoice.paid", Payload::InvoicePaid(invoice)),
        (
            "invoice.refunded",
            Payload::InvoiceRefunded { refund_id: text("re_1"), invoice_id: "in_1".into(), amount: usd(50_000) },
        ),
        (
            "invoice.refund_failed",
            Payload::InvoiceRefundFailed { refund_id: text("re_1"), invoice_id: "in_1".into(), amount: usd(50_000) },
        ),
        (
            "invoice.refunded_total",
            Payload::InvoiceRefundedTotal { charge_id: text("ch_1"), invoice_id, amount: amount.clone() },
        ),
        ("dispute.opened", Payload::DisputeOpened(dispute.clone())),
        ("dispute.won", Payload::DisputeWon(dispute.clone())),
        ("dispute.lost", Payload::DisputeLost(dispute)),
        ("purchase.completed", Payload::Purchase { purchase_id: text("pu_1"), amount }),
        ("listing.viewed", Payload::ListingViewed { listing_id: text("li_1") }),
        ("lead_magnet.downloaded", funnel.clone()),
        ("demo.requested", funnel.clone()),
        ("newsletter.joined", funnel.clone()),
        ("activation.reached", funnel.clone()),
        ("page.viewed", funnel),
        ("email.confirmed", Payload::Other),
        ("rfq.submitted", Payload::Other),
        ("something.new", Payload::Other),
    ]
}

#[test]
fn every_type_has_its_payload() {
    let text = str::to_owned;
    for (kind, want) in payloads() {
        let event = read(&with(kind, "type", Some(json!(kind)))).unwrap();
        assert_eq!(event.payload, want, "{kind}");
        assert_eq!((event.id.as_str(), event.kind.as_str(), event.occurred_at), ("evt_1", kind, NOW));
        assert_eq!(event.account_id.as_deref(), Some("acct_1"));
        assert_eq!(
            event.person,
            Person {
                email: Some(text("a@b.example")),
                name: Some(text("Ann")),
                stripe_customer: Some(text("cus_1")),
                email_ignored: false,
                ..Person::default()
            }
        );
        let credential =
            Credential { token: Some(text("v1.k.p.m")), code: Some("aB3dE5gH".into()), visitor: Some(text("v_1")) };
        assert_eq!(event.credential, credential);
    }
}

/// The fields that each type needs besides those of the envelope.
const REQUIRED: &[(&str, &str)] = &[
    ("account.signed_up", "account.id"),
    ("account.active", "account.id"),
    ("account.cancelled", "account.id"),
    ("account.of_a_later_kind", "account.id"),
    ("account.handed_off", "account.id data.agency_code"),
    ("workspace.invited", "data.agency_code data.domain"),
    ("subscription.started", "account.id data.subscription_id"),
    ("subscription.updated", "account.id data.subscription_id"),
    ("subscription.cancelled", "account.id data.subscription_id"),
    ("invoice.paid", "account.id data.invoice_id amount amount.cents amount.currency"),
    ("invoice.refunded", "account.id data.refund_id data.invoice_id amount amount.cents amount.currency"),
    ("invoice.refund_failed", "account.id data.refund_id data.invoice_id amount amount.cents amount.currency"),
    ("invoice.refunded_total", "account.id data.charge_id data.invoice_id amount amount.cents amount.currency"),
    ("dispute.opened", "account.id data.dispute_id data.invoice_id amount amount.cents amount.currency"),
    ("dispute.won", "account.id data.dispute_id data.invoice_id amount amount.cents amount.currency"),
    ("dispute.lost", "account.id data.dispute_id data.invoice_id amount amount.cents amount.currency"),
    ("purchase.completed", "account.id data.purchase_id amount amount.cents amount.currency"),
    ("listing.viewed", "account.id data.listing_id"),
    ("email.confirmed", "account.id"),
    ("newsletter.confirmed", "account.id"),
    ("rfq.submitted", "account.id"),
    ("page.viewed", ""),
    ("something.new", ""),
];

#[test]
fn required_fields_are_named() {
    for &(kind, required) in REQUIRED {
        let required: Vec<&str> = required.split_whitespace().chain(["id", "type", "occurred_at"]).collect();
        for path in [
            "id",
            "type",
            "occurred_at",
            "account.id",
            "account.email",
            "account.name",
            "account.plan",
            "account.team_size",
            "attribution",
            "attribution.code",
            "amount",
            "amount.cents",
            "amount.currency",
            "data.invoice_id",
            "data.subscription_id",
            "data.refund_id",
            "data.charge_id",
            "data.charged_cents",
            "data.stripe_customer",
            "data.dispute_id",
            "data.purchase_id",
            "data.listing_id",
            "data.agency_code",
            "data.domain",
            "data.months",
            "data.discount_cents",
            "data.monthly_cents",
            "data.annual_value_cents",
            "data.api_calls",
            "data.campaign",
            "data.visitor",
        ] {
            for absent in [None, Some(Value::Null)] {
                let got = read(&with(kind, path, absent)).map(drop).map_err(|e| (e.field, e.code));
                let want = if required.contains(&path) { Err((path.to_owned(), "missing")) } else { Ok(()) };
                assert_eq!(got, want, "{kind} without {path}");
            }
        }
    }
    let bare = json!({"id": "e", "type": "page.viewed", "occurred_at": "2026-05-10T00:00:00Z"});
    assert_eq!(read(&bare).unwrap().payload, Payload::Funnel { campaign: None, visitor: None });
}

#[test]
fn domains_have_one_spelling() {
    for given in ["münchen.de", "MÜNCHEN.DE.", " mu\u{308}nchen.de ", "xn--mnchen-3ya.de"] {
        let event = read(&with("workspace.invited", "data.domain", Some(json!(given)))).unwrap();
        let Payload::WorkspaceInvited { domain, .. } = event.payload else { panic!("{given}") };
        assert_eq!(domain, "xn--mnchen-3ya.de", "{given}");
    }
}

#[test]
fn malformed_values_name_their_field() {
    let mut rows: Vec<(&str, &str, Value)> = Vec::new();
    rows.extend(["", "a b", "a\u{e9}", " a"].map(|v| ("invoice.paid", "id", json!(v))));
    rows.extend(["", "a b", "☞"].map(|v| ("invoice.paid", "account.id", json!(v))));
    rows.extend(["", "Invoice.paid", "invoice paid", "a-b", "é"].map(|v| ("x", "type", json!(v))));
    rows.extend(["", "us", "usdc", "u5d", "€"].map(|v| ("invoice.paid", "amount.currency", json!(v))));
    rows.extend(
        ["", "example", ".example.com", "example.com..", "a..b", "-a.com", "a-.com", "a_b.com", "http://a.com"]
            .map(|v| ("workspace.invited", "data.domain", json!(v))),
    );
    rows.extend(
        ["a.com/x", "a.com:80", "1.2.3.4", "a b.com", "münchen"]
            .map(|v| ("workspace.invited", "data.domain", json!(v))),
    );
    rows.extend(
        ["", "yesterday", "2026-05-10", "2026-02-30T00:00:00Z", "2026-05-10T00:00:00", "1778371200"]
            .map(|v| ("x", "occurred_at", json!(v))),
    );
    for (kind, path, value) in rows {
        let invalid = read(&with(kind, path, Some(value.clone()))).unwrap_err();
        assert_eq!(invalid.field, path, "{kind}: {path} = {value}");
        // The only error in "usdc" is its length.
        assert!(matches!(invalid.code, "malformed" | "too_long"), "{invalid:?}");
        assert!(invalid.detail.starts_with(&format!("{path} must ")), "{invalid}");
    }
}

#[test]
fn no_event_is_refused_for_its_email() {
    let long = format!("{}@b.example", "a".repeat(250));
    for (given, want, ignored) in [
        (json!("a@b.example"), Some("a@b.example"), false),
        (json!(" \t a@b.example\r\n"), Some("a@b.example"), false),
        (json!("\u{a0}a@b.example\u{200b}\u{feff}"), Some("a@b.example"), false),
        (json!("A@B.Example."), Some("A@B.Example."), false),
        (json!(""), None, false),
        (json!("  \u{200b}"), None, false),
        (json!(null), None, false),
        (json!("a"), None, true),
        (json!("@"), None, true),
        (json!("a@"), None, true),
        (json!("@b"), None, true),
        (json!("a@b@c"), None, true),
        (json!("a @b"), None, true),
        (json!("Ann <a@b.example>"), None, true),
        (json!(long), None, true),
        (json!(7), None, true),
        (json!(false), None, true),
        (json!(["a@b.example"]), None, true),
        (json!({"address": "a@b.example"}), None, true),
    ] {
        for kind in ["account.signed_up", "invoice.paid", "something.new"] {
            let person = read(&with(kind, "account.email", Some(given.clone()))).unwrap().person;
            assert_eq!((person.email.as_deref(), person.email_ignored), (want, ignored), "{kind}: {given}");
        }
    }
}

#[test]
fn wrong_types_name_their_field() {
    for path in [
        "id",
        "type",
        "occurred_at",
        "account",
        "account.id",
        "account.name",
        "attribution",
        "attribution.token",
        "attribution.code",
        "attribution.visitor",
        "amount",
        "amount.cents",
        "amount.currency",
        "data",
        "data.invoice_id",
        "data.subscription_id",
        "data.months",
        "data.discount_cents",
    ] {
        for value in [json!(true), json!([]), json!(["x"])] {
            let invalid = read(&with("invoice.paid", path, Some(value))).unwrap_err();
            assert_eq!((invalid.field.as_str(), invalid.code), (path, "wrong_type"));
        }
    }
    let invalid = read(&with("invoice.paid", "data.invoice_id", Some(json!(7)))).unwrap_err();
    assert_eq!(invalid.detail, "data.invoice_id must be a string");
    for body in ["[]", "null", "1", "\"invoice.paid\""] {
        assert_eq!(parse(body.as_bytes(), NOW).unwrap_err().detail, "the body must be a JSON object");
    }
}

#[test]
fn dates_at_their_limit() {
    for (at, code) in [
        (OCCURRED_AT_MIN.plus_ms(-1), "too_early"),
        (OCCURRED_AT_MIN, ""),
        (OCCURRED_AT_MIN.plus_ms(1), ""),
        (NOW.plus_ms(299_999), ""),
        (NOW.plus_ms(300_000), ""),
        (NOW.plus_ms(300_001), "too_far_ahead"),
    ] {
        let got = read(&with("x", "occurred_at", Some(json!(at.to_rfc3339())))).map(|e| e.occurred_at);
        let want = if code.is_empty() { Ok(at) } else { Err(("occurred_at".to_owned(), code)) };
        assert_eq!(got.map_err(|e| (e.field, e.code)), want);
    }
    for (text, code) in [
        ("0000-01-01T00:00:00Z", "too_early"),
        ("9999-12-31T23:59:59Z", "too_far_ahead"),
        ("2026-05-10T02:00:00+02:00", ""),
        ("2026-05-10T00:00:00.123456789Z", ""),
    ] {
        let got = read(&with("x", "occurred_at", Some(json!(text)))).map_or_else(|e| e.code, |_| "");
        assert_eq!(got, code, "{text}");
    }
    let long = format!("2026-05-10T00:00:00.{}Z", "0".repeat(40));
    assert_eq!(read(&with("x", "occurred_at", Some(json!(long)))).unwrap_err().code, "too_long");
}

#[test]
fn money_written_as_anything_but_an_integer_is_refused() {
    let body = full().to_string();
    for (written, code) in [
        ("100.0", "not_an_integer"),
        ("1e3", "not_an_integer"),
        ("-0", "not_an_integer"),
        ("99999999999999999999", "not_an_integer"),
        ("1e999", "invalid_json"),
        ("0100", "invalid_json"),
        ("+1", "invalid_json"),
        ("0x10", "invalid_json"),
        ("NaN", "invalid_json"),
        ("1,\"cents\":1", "duplicate_field"),
    ] {
        let body = body.replace("\"cents\":50000", &format!("\"cents\":{written}"));
        let invalid = parse(body.as_bytes(), NOW).unwrap_err();
        // A broken number is noticed at its first invalid character, which may be past the value.
        assert!(invalid.field == "amount.cents" || written == "0x10" && invalid.field == "amount", "{written}");
        assert_eq!(invalid.code, code, "{written}");
    }
}

#[test]
fn senders_may_grow_and_leave_labels_empty() {
    let mut body = full();
    body["new"] = json!({"a": [1.5, {"b": null}]});
    for part in ["account", "attribution", "amount", "data"] {
        body[part]["new"] = json!([{"x": 1e9}]);
    }
    assert_eq!(read(&body), read(&full()));
    for path in ["account.name", "attribution.token", "attribution.code", "attribution.visitor"] {
        assert_eq!(read(&with("x", path, Some(json!("")))), read(&with("x", path, None)), "{path}");
    }
    let padded = |bytes: usize| {
        let body = full().to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    assert!(parse(padded(BODY_BYTES_MAX).as_bytes(), NOW).is_ok());
    assert_eq!(parse(padded(BODY_BYTES_MAX + 1).as_bytes(), NOW).unwrap_err().code, "body_too_large");
}

#[test]
fn fallbacks() {
    let visitor = read(&with("page.viewed", "data.visitor", None)).unwrap().payload;
    assert_eq!(visitor, Payload::Funnel { campaign: Some("spring".to_owned()), visitor: Some("v_1".to_owned()) });
    let active = read(&with("account.active", "account.team_size", None)).unwrap().payload;
    assert_eq!(active, Payload::Active { api_calls: Some(1_000), team_size: Some(3) });
    let Payload::InvoicePaid(invoice) = read(&with("invoice.paid", "data.months", None)).unwrap().payload else {
        panic!("an invoice")
    };
    assert_eq!(invoice.months, 1);
}
