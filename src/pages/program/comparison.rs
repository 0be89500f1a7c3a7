//! What a draft of a program would have paid, next to what was paid.

use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::operator::helpers;
use crate::pages::preview;
use crate::pages::program::document;
use crate::pages::text::operator::{common, program as wording};
use crate::program::document::Document;
use crate::store::report::operator::KnownAccount;
use maud::{Markup, html};
use serde_json::Value;

/// What the draft would have paid compared with what was paid, by partner and rule: the total, and a page of it.
pub fn of<S: Platform>(cx: &PageContext<'_, S>, d: &Document, dry_run: &Value, known: &[KnownAccount]) -> Markup {
    let (locale, unit) = (&*cx.locale, document::unit_of(d));
    let cents = |row: &Value, name: &str| row[name].as_i64().unwrap_or(0);
    let amount = |cents: i64| components::amount(locale, cents, &unit);
    let rows = dry_run["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let columns = [
        text(common::PARTNER, |row: &Value| {
            let partner = row["partner"].as_str().unwrap_or("");
            html! { @if partner.is_empty() { (wording::THE_FRIEND) } @else { (helpers::partner_of(known, partner)) } }
        }),
        text(common::RULE, |row: &Value| html! { (row["reward_id"].as_str().unwrap_or("")) }),
        number(wording::ACTUAL, |row: &Value| amount(cents(row, "actual_net_cents"))),
        number(wording::WITH_DRAFT, |row: &Value| amount(cents(row, "simulated_net_cents"))),
        number(common::DIFFERENCE, |row: &Value| amount(cents(row, "difference_cents"))),
    ];
    let (was, would) = (cents(dry_run, "actual_net_cents"), cents(dry_run, "simulated_net_cents"));

    html! {
        section.sheet id="dry-run" aria-labelledby="dry-run-title" {
            @if dry_run["complete"] == false { h2 id="dry-run-title" { (wording::RUN_TEST) } (preview::unfinished(cx, dry_run)) } @else {
            h2 id="dry-run-title" { (wording::WOULD_HAVE_PAID[0]) (amount(would)) (wording::WOULD_HAVE_PAID[1]) (amount(was)) }
            p {
                (wording::recalculated(&helpers::many(cx, dry_run["accounts"].as_i64().unwrap_or(0), wording::ACCOUNTS_RECALCULATED)))
            }
            @if rows.is_empty() { p.quiet { (wording::NO_DIFFERENCE) } } @else {
                (columns::table(wording::BY_PARTNER_AND_RULE, rows, &columns))
            }
            (preview::pager(dry_run, cx.request.param("cursor").is_none()))
            }
        }
    }
}
