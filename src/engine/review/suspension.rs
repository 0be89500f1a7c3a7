//! What a partner's suspensions and bans mean for its accruals and touches. All of it follows from when they began and
//! ended, so that every decision about an account gives the same.
//!
//! A suspension holds what happens in it until it ends. A ban voids what happened before its end and was neither paid
//! nor used; that stays void when the partner is reinstated. A touch in either binds nobody.

use crate::base::names::names;
use crate::base::time::UtcMillis;
use serde::Deserialize;

names! {
    /// Whether a partner takes part in its program.
    pub enum PartnerStanding {
        Active = "active",
        Suspended = "suspended",
        Banned = "banned",
    }
}

/// Why a ban leaves nothing of an accrual, and why it leaves a part.
pub const BANNED: &str = "the partner was banned";
pub const BANNED_KEPT: &str = "the partner was banned; this is what had been paid";

/// A time in which a partner was suspended or banned: half-open, without an end while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Suspension {
    pub standing: PartnerStanding,
    pub from_ms: UtcMillis,
    pub to_ms: Option<UtcMillis>,
}

impl Suspension {
    fn contains(&self, at: UtcMillis) -> bool {
        self.from_ms <= at && self.to_ms.is_none_or(|to| at < to)
    }
}

/// Why a touch or code at `at` does not bind.
pub fn refusal(suspensions: &[Suspension], at: UtcMillis) -> Option<String> {
    let found = suspensions.iter().find(|s| s.contains(at))?;
    Some(format!("the partner was {}", found.standing))
}

/// Whether something that happened at `at` waits for the partner's reinstatement, or is never earned.
pub fn is_held(suspensions: &[Suspension], at: UtcMillis) -> bool {
    suspensions.iter().any(|s| match s.standing {
        PartnerStanding::Banned => s.to_ms.is_none(),
        _ => s.to_ms.is_none() && s.contains(at),
    })
}

/// Whether a ban takes what was earned at `at`: everything up to its end.
pub fn is_banned(suspensions: &[Suspension], at: UtcMillis) -> bool {
    let mut bans = suspensions.iter().filter(|s| s.standing == PartnerStanding::Banned);
    bans.any(|ban| ban.to_ms.is_none_or(|to| at < to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(standing: PartnerStanding, from: i64, to: Option<i64>) -> Suspension {
        Suspension { standing, from_ms: UtcMillis(from), to_ms: to.map(UtcMillis) }
    }

    #[test]
    fn spans_are_half_open() {
        let past = [span(PartnerStanding::Suspended, 10, Some(20))];
        for (at, is_refused) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(refusal(&past, UtcMillis(at)).is_some(), is_refused, "{at}");
            assert!(!is_held(&past, UtcMillis(at)), "reinstatement releases {at}");
        }
        let open = [span(PartnerStanding::Suspended, 10, None)];
        assert!(is_held(&open, UtcMillis(10)) && !is_held(&open, UtcMillis(9)));
    }

    #[test]
    fn a_ban_takes_what_happened_before_its_end() {
        for (to, at, is_taken) in [(None, 5, true), (None, 50, true), (Some(20), 5, true), (Some(20), 20, false)] {
            assert_eq!(is_banned(&[span(PartnerStanding::Banned, 10, to)], UtcMillis(at)), is_taken, "{to:?} {at}");
        }
        assert!(!is_banned(&[span(PartnerStanding::Suspended, 10, None)], UtcMillis(15)));
    }
}
