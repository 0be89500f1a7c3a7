//! Every limit: exactly at it, one below, one above.

use crate::codec::event::envelope::tests::*;

/// Each row: type, path, value, and the expected error code (empty: accepted).
fn limits() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let paid = "invoice.paid";
    let a = |n: usize| json!("a".repeat(n));
    let host = |n: usize| json!(format!("{}example", "a.".repeat(121)).replacen('a', &"a".repeat(n - 248), 1));
    let mut rows = vec![
        (paid, "type", json!("a._9"), ""),
        (paid, "type", a(63), ""),
        (paid, "type", a(64), ""),
        (paid, "type", a(65), "too_long"),
        ("workspace.invited", "data.domain", host(252), ""),
        ("workspace.invited", "data.domain", host(253), ""),
        ("workspace.invited", "data.domain", host(254), "too_long"),
        ("workspace.invited", "data.domain", json!(format!("{}.example", "a".repeat(63))), ""),
        ("workspace.invited", "data.domain", json!(format!("{}.example", "a".repeat(64))), "malformed"),
    ];
    for (kind, path, max) in [
        (paid, "id", 255),
        (paid, "account.id", 255),
        (paid, "data.invoice_id", 255),
        (paid, "data.subscription_id", 255),
        ("invoice.refunded", "data.refund_id", 255),
        ("dispute.lost", "data.dispute_id", 255),
        ("purchase.completed", "data.purchase_id", 255),
        ("listing.viewed", "data.listing_id", 255),
        (paid, "account.name", 200),
        ("account.signed_up", "account.plan", 128),
        (paid, "attribution.visitor", 128),
        ("page.viewed", "data.visitor", 128),
        (paid, "attribution.token", 4096),
        ("page.viewed", "data.campaign", 64),
    ] {
        rows.extend([(max - 1, ""), (max, ""), (max + 1, "too_long")].map(|(n, code)| (kind, path, a(n), code)));
        rows.push((kind, path, json!("a\nb"), "malformed"));
        rows.push((kind, path, json!("a\u{0}"), "malformed"));
    }
    rows.extend(numbers());
    rows
}

/// The same for numbers, which are integers within a range.
fn numbers() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let paid = "invoice.paid";
    let mut rows = Vec::new();
    for (kind, path, least, most) in [
        (paid, "amount.cents", 0, CENTS_MAX),
        ("purchase.completed", "amount.cents", 0, CENTS_MAX),
        ("invoice.refunded", "amount.cents", 1, CENTS_MAX),
        ("dispute.opened", "amount.cents", 1, CENTS_MAX),
        ("dispute.won", "amount.cents", 1, CENTS_MAX),
        ("dispute.lost", "amount.cents", 1, CENTS_MAX),
        (paid, "data.months", 1, MONTHS_MAX),
        (paid, "data.discount_cents", 0, CENTS_MAX),
        ("subscription.started", "data.monthly_cents", 0, CENTS_MAX),
        ("subscription.started", "data.annual_value_cents", 0, CENTS_MAX),
        ("account.active", "data.api_calls", 0, API_CALLS_MAX),
        ("account.active", "account.team_size", 0, TEAM_SIZE_MAX),
        ("account.signed_up", "data.team_size", 0, TEAM_SIZE_MAX),
    ] {
        for n in [least, least + 1, most - 1, most] {
            rows.push((kind, path, json!(n), ""));
        }
        for n in [least - 1, most + 1, i64::MIN, i64::MAX] {
            rows.push((kind, path, json!(n), "out_of_range"));
        }
        rows.push((kind, path, json!(u64::MAX), "out_of_range"));
        rows.push((kind, path, json!(100.0), "not_an_integer"));
        rows.push((kind, path, json!(0.5), "not_an_integer"));
        rows.push((kind, path, json!("100"), "wrong_type"));
        rows.push((kind, path, json!([100]), "wrong_type"));
    }
    rows
}

#[test]
fn every_limit_at_under_and_over() {
    for (kind, path, value, code) in limits() {
        let got = read(&with(kind, path, Some(value.clone()))).map(drop);
        let want = if code.is_empty() { Ok(()) } else { Err((path.to_owned(), code)) };
        assert_eq!(got.map_err(|e| (e.field, e.code)), want, "{kind}: {path} = {value}");
    }
}
