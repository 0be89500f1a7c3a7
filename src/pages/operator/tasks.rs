//! What needs the operator's attention, one by one, and the tasks about payouts.

use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, home as wording};
use crate::store::query::COUNTED_MAX;
use crate::store::report::operator::{OutboundId, StoppedPayout};
use maud::{Markup, html};

/// One thing that needs attention.
pub struct Task {
    pub title: String,
    pub what: Markup,
    /// The path of the page that deals with it, and the text of its link.
    pub way: Option<(String, &'static str)>,
}

/// How much of something waits for a person.
pub fn waiting_work<S: Platform>(cx: &PageContext<'_, S>, number: i64, words: [&str; 2]) -> String {
    helpers::counted(cx, number, COUNTED_MAX, words)
}

pub fn task(title: impl Into<String>, what: Markup, path: impl Into<String>, way: &'static str) -> Task {
    Task { title: title.into(), what, way: Some((path.into(), way)) }
}

pub fn stopped<S: Platform>(cx: &PageContext<'_, S>, found: &[StoppedPayout], in_review: &[OutboundId]) -> Vec<Task> {
    let one = |s: &StoppedPayout| {
        let (title, why, path, way) = match s.what.as_str() {
            "review" => (
                waiting_work(cx, s.many, wording::PAYOUTS_IN_REVIEW),
                wording::PAYOUTS_IN_REVIEW_WHY,
                "/operator/payouts?state=review",
                common::RESOLVE,
            ),
            "held" => (
                waiting_work(cx, s.many, wording::PAYOUTS_HELD),
                wording::PAYOUTS_HELD_WHY,
                "/operator/payouts?state=held",
                wording::RELEASE_OR_CANCEL,
            ),
            "failed" => (
                waiting_work(cx, s.many, wording::PAYOUTS_FAILED),
                wording::PAYOUTS_FAILED_WHY,
                "/operator/payouts?state=failed",
                wording::VIEW_DETAILS,
            ),
            "reversal" => (
                waiting_work(cx, s.many, wording::REVERSALS_IN_REVIEW),
                wording::REVERSALS_IN_REVIEW_WHY,
                "",
                common::RESOLVE,
            ),
            _ => (
                waiting_work(cx, s.many, wording::CREDITS_IN_REVIEW),
                wording::CREDITS_IN_REVIEW_WHY,
                "",
                common::RESOLVE,
            ),
        };
        // Of more than are counted the sum is not known.
        let is_known = s.many <= COUNTED_MAX;
        let what = html! { @if is_known { (components::amount(&*cx.locale, s.cents, &s.unit)) ". " } (why) };
        let prefix = if s.what == "reversal" { "rvl_" } else { "crd_" };
        let first = in_review.iter().find(|i| i.id.starts_with(prefix)).map_or("", |i| i.id.as_str());
        let path =
            if path.is_empty() { format!("/operator/payouts/{}", percent::escaped(first)) } else { path.to_owned() };
        task(title, what, path, way)
    };
    found.iter().map(one).collect()
}

pub fn unexpected<S: Platform>(cx: &PageContext<'_, S>, number: i64) -> Option<Task> {
    listed(cx, number, wording::TRANSFERS_UNEXPECTED, wording::TRANSFERS_UNEXPECTED_WHY, "/operator/transfers")
}

pub fn failed_events<S: Platform>(cx: &PageContext<'_, S>, number: i64) -> Option<Task> {
    listed(cx, number, wording::STRIPE_EVENTS_FAILED, wording::STRIPE_EVENTS_FAILED_WHY, "/operator/failed-events")
}

/// A list that is looked at, if there is something in it.
fn listed<S: Platform>(cx: &PageContext<'_, S>, number: i64, words: [&str; 2], why: &str, path: &str) -> Option<Task> {
    let what = html! { (why) };
    (number > 0).then(|| task(waiting_work(cx, number, words), what, path, wording::VIEW_DETAILS))
}
