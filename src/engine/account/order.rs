//! The order of an account's facts, and which of its sign-up events are one sign-up. Rules 5 and 8 of the design.
//!
//! Stripe dates its events in whole seconds and gives them random ids, so the facts of one instant go by their kind.

use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::fact::Fact;
use crate::engine::event::{FactKind, Payload};

/// Sign-up events this close to the earliest one are one sign-up, and a payment this close before it belongs to it: the
/// life of a Checkout session. A host may create the account only once its customer has paid.
pub const SIGN_UP_MS: i64 = DAY_MS;

/// Rule 8: whether a sign-up event at `at` is part of the sign-up that began at `from`.
pub fn is_one(from: UtcMillis, at: UtcMillis) -> bool {
    at >= from && at < from.plus_ms(SIGN_UP_MS)
}

/// Rule 8: the instant at which a payment counts. Shortly before the sign-up it comes right after it.
pub fn paid_at(signed_up: UtcMillis, at: UtcMillis) -> UtcMillis {
    if at >= signed_up.plus_ms(-SIGN_UP_MS) { at.max(signed_up) } else { at }
}

/// Where something stands among an account's facts: its instant, then its kind, then its event's id.
pub type Position<'a> = (UtcMillis, FactKind, &'a str);

/// Rule 5: the position of a fact by itself.
pub fn position(fact: &Fact) -> Position<'_> {
    (fact.at, fact.payload.fact_kind(), &fact.event_id)
}

/// The account's sign-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignUp<'a> {
    /// The events that report it, the earliest first.
    pub events: Vec<&'a Fact>,
}

impl<'a> SignUp<'a> {
    /// Rule 8: the sign-up events within 24 hours of the earliest. `facts` are the account's own, in order.
    pub fn of(facts: &[&'a Fact]) -> SignUp<'a> {
        let mut all = facts.iter().copied().filter(|f| matches!(f.payload, Payload::SignedUp { .. })).peekable();
        let from = all.peek().map(|first| first.at);
        SignUp { events: all.filter(|f| from.is_some_and(|from| is_one(from, f.at))).collect() }
    }

    /// The earliest event: its instant is the sign-up's.
    pub fn first(&self) -> Option<&'a Fact> {
        self.events.first().copied()
    }

    /// Rule 8: the position of one of the account's facts.
    pub fn position_of<'f>(&self, fact: &'f Fact) -> Position<'f> {
        let (at, kind, id) = position(fact);
        let signed_up = self.first().filter(|_| kind == FactKind::Payment);
        (signed_up.map_or(at, |first| paid_at(first.at, at)), kind, id)
    }
}
