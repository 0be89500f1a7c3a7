//! Whether a touch or a code could bind a sign-up, and the precedence of methods.

use crate::base::time::UtcMillis;
use crate::engine::attribution::binding::AttributionLink;
use crate::engine::attribution::reason::LossReason;
use crate::engine::event::OCCURRED_AT_AHEAD_MAX_MS;
use crate::engine::review::suspension;
use crate::program::document::{Document, Method};

/// Rule 3: why a touch is outside the window that ends at the sign-up.
pub(super) fn window(document: &Document, touched: UtcMillis, signed_up: UtcMillis) -> Option<String> {
    let days = document.attribution.window_days;
    // Our clock dates the touch and the sender's clock dates the sign-up, often in whole seconds, so the same allowance
    // applies as for facts. A touch that appears later than the sign-up has an age of zero.
    if touched > signed_up.plus_ms(OCCURRED_AT_AHEAD_MAX_MS) {
        return Some(LossReason::AfterSignUp.text());
    }
    let is_out = touched.plus_days(days) <= signed_up;
    is_out.then(|| LossReason::outside_window(days))
}

/// Why a link did not work at an instant. The link's creation date does not matter: a code also works for dates before
/// it was created, unless its partner chose it.
pub(super) fn refusal(link: &AttributionLink, document: &Document, at: UtcMillis) -> Option<String> {
    if document.requires_disclosure && link.disclosure_accepted_at_ms.is_none() {
        return Some(LossReason::DisclosureMissing.text());
    }
    if link.chosen_at_ms.is_some_and(|chosen| at < chosen) {
        return Some(LossReason::CodeChosenLater.text());
    }
    let ended = |end: Option<UtcMillis>| end.is_some_and(|end| end <= at);
    if ended(link.expires_at_ms) {
        return Some(LossReason::LinkExpired.text());
    }
    if ended(link.disabled_at_ms) {
        return Some(LossReason::LinkDisabled.text());
    }
    if ended(link.left_at_ms) {
        return Some(LossReason::PartnerLeft.text());
    }
    suspension::refusal(&link.suspensions, at)
}

pub(super) fn rank(document: &Document, method: Method) -> usize {
    document.attribution.methods.iter().position(|m| *m == method).unwrap_or(usize::MAX)
}
