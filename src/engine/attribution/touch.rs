//! A touch: one counted visit through a referral link, as the attribution cookie stores it.

use crate::base::ids::{LinkCode, ProgramId};
use crate::base::time::{HOUR_MS, UtcMillis};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    pub program: ProgramId,
    pub code: LinkCode,
    /// Empty if the link names none.
    pub campaign: String,
    pub click_id: String,
    pub at: UtcMillis,
}

/// The content of a valid cookie (or of a token made from it): the visitor's server-assigned id and the touches, oldest
/// first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchHistory {
    pub visitor: String,
    pub touches: Vec<Touch>,
}

/// A touch older than this belongs to no program anymore: browsers keep no cookie longer.
pub const TOUCH_AGE_MAX_DAYS: i64 = 400;

impl TouchHistory {
    /// The touch of this code in the clock hour of `now`, with any campaign: the visit was already counted.
    pub fn touch_in_hour(&self, code: &LinkCode, now: UtcMillis) -> Option<&Touch> {
        let hour = |at: UtcMillis| at.0.div_euclid(HOUR_MS);
        self.touches.iter().find(|touch| touch.code == *code && hour(touch.at) == hour(now))
    }
}
