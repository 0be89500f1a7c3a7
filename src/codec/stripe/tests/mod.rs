//! Events as Stripe sends them, in the formats of old and new versions.

pub mod amounts;
pub mod generated;
pub mod refunds;
pub mod worth;

use crate::base::money::Cents;
use crate::codec::stripe::*;
use crate::engine::event::{Amount, Dispute, Invoice, InvoiceOrigin, Payload, Subscription};
use serde_json::json;

/// 2026-11-20T12:00:00Z.
const NOW: UtcMillis = UtcMillis(1_795_176_000_000);
const CREATED: i64 = 1_795_000_000;
const AT: UtcMillis = UtcMillis(CREATED * 1_000);

fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": API_VERSION, "created": CREATED, "type": kind,
        "livemode": false, "pending_webhooks": 1, "data": {"object": object},
    })
}

fn read(kind: &str, object: &Value) -> Translated {
    translate(&event(kind, object), StripeEndpoint::Own, NOW).unwrap_or_else(|why| panic!("{kind}: {why:?}"))
}

/// The payload of an event with one fact.
fn fact(kind: &str, object: &Value) -> (String, UtcMillis, Payload) {
    match read(kind, object).what {
        StripeEvent::Facts(drafts) if drafts.len() == 1 => {
            (drafts[0].kind.name().to_owned(), drafts[0].at, drafts[0].payload.clone())
        }
        other => panic!("{kind}: {other:?}"),
    }
}

fn invoice(object: &Value) -> Invoice {
    match fact("invoice.paid", object) {
        (_, _, Payload::InvoicePaid(invoice)) => invoice,
        other => panic!("{other:?}"),
    }
}

/// A payment of `in_1`.
fn paid(payment: &str, paid_cents: Option<i64>) -> InvoicePayment {
    InvoicePayment { payment: payment.to_owned(), invoice: "in_1".into(), paid_cents }
}

fn usd(cents: i64) -> Amount {
    Amount { cents: Cents(cents), currency: "usd".to_owned() }
}

/// An invoice in the format before 2025-03-31.
fn old_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "billing_reason": "subscription_create", "currency": "usd",
        "customer": "cus_1", "customer_email": "Ann@Example.org", "subscription": "sub_1", "payment_intent": "pi_1",
        "charge": "ch_1", "amount_paid": 11_900, "total": 11_900, "total_excluding_tax": 10_000, "tax": 1_900,
        "total_discount_amounts": [{"amount": 500, "discount": "di_1"}],
        "status_transitions": {"paid_at": CREATED - 10},
        "lines": {"object": "list", "data": [{
            "type": "subscription", "amount": 10_500, "proration": false, "quantity": 3, "subscription": "sub_1",
            "price": {"unit_amount": 3_500, "recurring": {"interval": "month", "interval_count": 1}},
            "period": {"start": CREATED, "end": CREATED + 30 * 86_400},
        }]},
    })
}

/// The same in the format since then.
fn new_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "billing_reason": "subscription_create", "currency": "usd",
        "customer": "cus_1", "customer_email": "ann@example.org",
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "amount_paid": 11_900, "total": 11_900, "total_excluding_tax": 10_000,
        "total_taxes": [{"amount": 1_900}], "total_discount_amounts": [{"amount": 500}],
        "status_transitions": {"paid_at": CREATED - 10},
        "lines": {"data": [{
            "amount": 10_500, "quantity": 3,
            "parent": {"type": "subscription_item_details", "subscription_item_details": {
                "proration": false, "subscription": "sub_1"}},
            "pricing": {"price_details": {"price": "price_1"}, "unit_amount_decimal": "3500"},
            "period": {"start": CREATED, "end": CREATED + 30 * 86_400},
        }]},
        "payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]},
    })
}

#[test]
fn an_invoice_means_the_same_in_both_shapes() {
    let want = Invoice {
        invoice_id: "in_1".into(),
        subscription_id: Some("sub_1".to_owned()),
        amount: usd(10_000),
        months: 1,
        discount_cents: Cents(500),
        charged_cents: Some(Cents(11_900)),
        origin: InvoiceOrigin::Stripe,
    };
    assert_eq!(invoice(&old_invoice()), want);
    assert_eq!(invoice(&new_invoice()), want);
    let old = read("invoice.paid", &old_invoice());
    let new = read("invoice.paid", &new_invoice());
    assert_eq!(old.customer, Some(Customer { id: "cus_1".to_owned(), email: Some("ann@example.org".to_owned()) }));
    assert_eq!(old.what, new.what);
    assert_eq!(old.paid_by, [paid("ch_1", None), paid("pi_1", None)]);
    assert_eq!(new.paid_by, [paid("pi_1", None)]);
    assert_eq!(fact("invoice.paid", &old_invoice()).1, UtcMillis((CREATED - 10) * 1_000), "dated when it was paid");
}

fn subscription(status: &str, items: &Value) -> Value {
    json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": status, "items": {"data": items}})
}

fn item(quantity: i64, unit_amount: i64, interval: &str, count: i64) -> Value {
    json!({"quantity": quantity, "price": {"unit_amount": unit_amount,
        "recurring": {"interval": interval, "interval_count": count}}})
}

#[test]
fn a_subscription_starts_when_it_runs_and_ends_when_it_does_not() {
    let items = json!([item(1, 5_000, "month", 1)]);
    for (kind, status, was, want) in [
        ("created", "active", None, Some("subscription.started")),
        ("created", "trialing", None, Some("subscription.started")),
        ("created", "incomplete", None, None),
        ("updated", "active", Some("incomplete"), Some("subscription.started")),
        ("updated", "active", None, Some("subscription.updated")),
        ("updated", "active", Some("trialing"), Some("subscription.updated")),
        ("updated", "past_due", Some("active"), Some("subscription.updated")),
        ("updated", "incomplete_expired", Some("incomplete"), None),
        ("updated", "active", Some("unpaid"), Some("subscription.started")),
        ("updated", "past_due", Some("unpaid"), Some("subscription.started")),
        ("updated", "active", Some("incomplete_expired"), Some("subscription.updated")),
        // A paused subscription may resume.
        ("updated", "paused", Some("trialing"), Some("subscription.updated")),
        ("paused", "paused", None, Some("subscription.updated")),
        ("resumed", "active", None, Some("subscription.updated")),
        ("updated", "unpaid", Some("past_due"), Some("subscription.cancelled")),
        ("updated", "canceled", Some("unpaid"), Some("subscription.cancelled")),
        ("updated", "canceled", Some("active"), Some("subscription.cancelled")),
        ("deleted", "canceled", None, Some("subscription.cancelled")),
    ] {
        let mut body = event(&format!("customer.subscription.{kind}"), &subscription(status, &items));
        if let Some(was) = was {
            body["data"]["previous_attributes"] = json!({"status": was});
        }
        let kinds: Vec<&str> = match translate(&body, StripeEndpoint::Own, NOW).unwrap().what {
            StripeEvent::Facts(drafts) => drafts.iter().map(|d| d.kind.name()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(kinds, want.into_iter().collect::<Vec<_>>(), "{kind} {status} {was:?}");
    }
    assert_eq!(billing(&subscription("canceled", &items), AT), None);
    let billed = |status: &str| {
        billing(&subscription(status, &items), AT).map(|b| (b.customer_id, b.subscription.monthly_cents))
    };
    assert_eq!(billed("past_due"), Some(("cus_1".to_owned(), Some(Cents(5_000)))));
    assert_eq!(billed("paused"), Some(("cus_1".to_owned(), Some(Cents(0)))));
}

#[test]
fn a_checkout_is_a_sign_up_dated_when_it_began() {
    let checkout = json!({
        "id": "cs_1", "object": "checkout.session", "mode": "subscription", "customer": "cus_1", "created": CREATED - 60,
        "client_reference_id": "v1.k1.payload.mac", "subscription": "sub_1",
        "customer_details": {"email": "Ann@Example.org"},
    });
    let read_one = |object: &Value| {
        let translated = read("checkout.session.completed", object);
        match translated.what {
            StripeEvent::Facts(drafts) => (translated.customer, Some((drafts[0].at, drafts[0].token.clone()))),
            _ => (translated.customer, None),
        }
    };
    let (customer, draft) = read_one(&checkout);
    assert_eq!(customer.unwrap().email.as_deref(), Some("ann@example.org"));
    assert_eq!(draft, Some((UtcMillis((CREATED - 60) * 1_000), Some("v1.k1.payload.mac".to_owned()))));
    for (name, value, token) in [
        ("client_reference_id", json!("user_17"), None),
        ("client_reference_id", json!("mref1_AbC-_"), Some("mref1_AbC-_")),
        ("client_reference_id", json!(null), None),
        // Who can change the first can break it: then the second counts.
        ("metadata", json!({"manicule_token": "v1.k1.long.mac"}), Some("v1.k1.payload.mac v1.k1.long.mac")),
    ] {
        let mut object = checkout.clone();
        object[name] = value;
        assert_eq!(read_one(&object).1.unwrap().1.as_deref(), token, "{object}");
    }
    let mut by_metadata = checkout.clone();
    by_metadata["client_reference_id"] = json!("user_17");
    by_metadata["metadata"] = json!({"manicule_token": "v1.k1.long.mac"});
    assert_eq!(read_one(&by_metadata).1.unwrap().1.as_deref(), Some("v1.k1.long.mac"));
    for (name, value) in [("customer", json!(null)), ("mode", json!("setup"))] {
        let mut object = checkout.clone();
        object[name] = value;
        assert_eq!(read_one(&object).1, None, "{object}");
    }
}

#[test]
fn connected_accounts_events_are_theirs() {
    let account = json!({
        "id": "acct_1", "object": "account", "country": "DE", "default_currency": "EUR", "payouts_enabled": false,
        "capabilities": {"transfers": "active"},
        "requirements": {"currently_due": ["external_account"], "disabled_reason": "requirements.past_due"},
    });
    let mut connected = event("account.updated", &account);
    connected["account"] = json!("acct_1");
    for endpoint in [StripeEndpoint::Connect, StripeEndpoint::Own] {
        let StripeEvent::Payability(state) = translate(&connected, endpoint, NOW).unwrap().what else {
            panic!("no state")
        };
        assert_eq!(state.currently_due, ["external_account"]);
        assert_eq!((state.country.as_deref(), state.default_currency.as_deref()), (Some("DE"), Some("eur")));
        assert!(state.transfers_active && !state.payouts_enabled && !state.is_payable());
        assert_eq!(state.disabled_reason.as_deref(), Some("requirements.past_due"));
    }
    let mut theirs = event("invoice.paid", &new_invoice());
    theirs["account"] = json!("acct_1");
    for (body, endpoint) in [
        (&theirs, StripeEndpoint::Own),
        (&theirs, StripeEndpoint::Connect),
        // The operator's own account, and the operator's own invoice at the wrong endpoint.
        (&event("account.updated", &account), StripeEndpoint::Own),
        (&event("invoice.paid", &new_invoice()), StripeEndpoint::Connect),
    ] {
        let translated = translate(body, endpoint, NOW).unwrap();
        assert!(matches!(translated.what, StripeEvent::Ignored(_)) && translated.customer.is_none(), "{body}");
    }
}

#[test]
fn other_events_are_told_apart() {
    for (given, group) in [(json!("po_1"), "po_1"), (json!(null), "")] {
        let transfer = json!({"id": "tr_1", "object": "transfer", "amount": 900, "amount_reversed": 300,
            "transfer_group": given});
        let (transfer_id, group) = ("tr_1".to_owned(), group.to_owned());
        let reversed = StripeEvent::TransferReversed { transfer_id, group, reversed_cents: 300 };
        assert_eq!(read("transfer.reversed", &transfer).what, reversed);
    }
    let link =
        json!({"id": "inpay_1", "invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    assert_eq!(read("invoice_payment.paid", &link).paid_by, [paid("pi_1", None)]);
    let customer = read("customer.updated", &json!({"id": "cus_1", "email": "A@b.example"})).customer;
    assert_eq!(customer.unwrap().email.as_deref(), Some("a@b.example"));
    assert!(matches!(read("plan.created", &json!({"id": "plan_1"})).what, StripeEvent::Ignored(_)));
}

#[test]
fn what_the_sweep_asks_for_is_of_use_and_in_the_readme() {
    for kind in OWN_EVENTS {
        let found = translate(&event(kind, &json!({"id": "x_1"})), StripeEndpoint::Own, NOW).map(|t| t.what);
        assert_ne!(found, Ok(StripeEvent::Ignored("this type of event is not used")), "{kind}");
        assert!(include_str!("../../../../README.md").contains(&format!("`{kind}`")), "{kind}");
    }
    assert!(OWN_EVENTS.len() <= 20, "Stripe takes no more");
}

#[test]
fn what_cannot_be_read_names_its_field() {
    let good = event("invoice.paid", &new_invoice());
    for (pointer, value, field, code) in [
        ("/id", json!(7), "id", "missing"),
        ("/type", json!(""), "type", "missing"),
        ("/livemode", json!("no"), "livemode", "missing"),
        ("/created", json!(null), "created", "missing"),
        ("/created", json!(1), "created", "too_early"),
        ("/created", json!(9_999_999_999i64), "created", "too_far_ahead"),
        ("/created", json!(i64::MAX), "created", "missing"),
        ("/data/object", json!("in_1"), "data.object", "missing"),
        ("/data/object/id", json!(null), "data.object.id", "missing"),
        ("/data/object/amount_paid", json!(null), "data.object.amount_paid", "missing"),
        ("/data/object/amount_paid", json!(1.5), "data.object.amount_paid", "out_of_range"),
        ("/data/object/amount_paid", json!(i64::MAX), "data.object.amount_paid", "out_of_range"),
        ("/data/object/currency", json!("dollars"), "data.object.currency", "malformed"),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let invalid = translate(&body, StripeEndpoint::Own, NOW).unwrap_err();
        assert_eq!((invalid.field.as_str(), invalid.code), (field, code));
    }
}

#[test]
fn lists_say_whether_there_is_more() {
    let page_of = |more: bool| json!({"data": [{"id": "evt_1"}, {"id": "evt_2"}], "has_more": more});
    assert_eq!(page(&page_of(true)).1.as_deref(), Some("evt_2"));
    assert_eq!(page(&page_of(false)), (&[json!({"id": "evt_1"}), json!({"id": "evt_2"})][..], None));
    assert_eq!(page(&json!([])).0.len(), 0);
    assert_eq!(invoice_payments(&[json!({"invoice": "in_1"})], "pi_1"), [paid("pi_1", None)]);
    assert_eq!(invoice_payments(&[json!({"invoice": "in_1", "status": "open"})], "pi_1"), []);
    let whole = json!({"invoice": "in_1", "status": "paid", "amount_paid": 700, "payment": {"payment_intent": "pi_1"}});
    assert_eq!(invoice_payments(&[whole], "pi_1"), [paid("pi_1", Some(700))]);
}

#[test]
fn a_list_that_is_cut_off_still_names_its_first_event() {
    for (list, id) in [
        (
            r#"{"object": "list", "data": [{"id": "evt_1Ab", "object": "event", "data": {"object": {"id": "dp_1", "tex"#,
            Some("evt_1Ab"),
        ),
        (r#"{"data":[{"data":{"object":{"id":"dp_1","text":"evt_9"}},"id":"evt_2"}]}"#, Some("evt_2")),
        (r#"{"data":[{"id":"evt_1"#, None),
        (r#"{"data":[{"id":"evt_1/../x"}]}"#, None),
        (r#"{"data":[]}"#, None),
    ] {
        assert_eq!(first_event_id(list).as_deref(), id, "{list}");
    }
}

#[test]
fn subscriptions_hold_no_account() {
    let s = Subscription {
        subscription_id: "sub_1".to_owned(),
        monthly_cents: None,
        annual_value_cents: None,
        currency: None,
    };
    let object = subscription("canceled", &json!([]));
    assert_eq!(fact("customer.subscription.deleted", &object).2, Payload::SubscriptionCancelled(s));
}
