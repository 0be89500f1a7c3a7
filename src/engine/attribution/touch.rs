//! A touch: one counted visit through a referral link, as the attribution cookie stores it.

use crate::base::ids::{LinkCode, ProgramId};
use crate::base::time::{HOUR_MS, UtcMillis};
use serde::{Deserialize, Serialize};

/// Most touches in one cookie; beyond that, the oldest is dropped. Eight are enough for any window that a visitor keeps
/// clicking in.
pub const TOUCHES_MAX: usize = 8;

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

    /// Appends a touch. It replaces a touch of the same program, code and campaign in the same clock hour: the newer
    /// instant counts, under the click id of the row that was counted. Touches older than 400 days are dropped, and so
    /// are the oldest beyond eight.
    pub fn with_touch(mut self, mut touch: Touch) -> TouchHistory {
        let oldest = touch.at.plus_days(-TOUCH_AGE_MAX_DAYS);
        let hour = touch.at.0.div_euclid(HOUR_MS);
        self.touches.retain(|held| {
            let same = held.at.0.div_euclid(HOUR_MS) == hour
                && held.code == touch.code
                && held.program == touch.program
                && held.campaign == touch.campaign;
            if same {
                touch.click_id.clone_from(&held.click_id);
            }
            !same && held.at > oldest
        });
        self.touches.push(touch);
        let surplus = self.touches.len().saturating_sub(TOUCHES_MAX);
        self.touches.drain(..surplus);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::DAY_MS;

    fn touch(code: &str, campaign: &str, at: i64) -> Touch {
        Touch {
            program: "p".into(),
            code: code.into(),
            campaign: campaign.into(),
            click_id: format!("clk_{at}"),
            at: UtcMillis(at),
        }
    }

    fn touchpoints(touches: &[Touch]) -> TouchHistory {
        touches.iter().cloned().fold(TouchHistory::default(), TouchHistory::with_touch)
    }

    #[test]
    fn a_repeat_within_the_hour_does_not_grow() {
        let at = 500_000 * HOUR_MS;
        let twice = touchpoints(&[touch("a", "", at), touch("b", "", at + 1), touch("a", "", at + HOUR_MS - 1)]);
        let seen: Vec<_> = twice.touches.iter().map(|t| (t.code.as_str(), t.at.0 - at, t.click_id.clone())).collect();
        assert_eq!(seen, [("b", 1, format!("clk_{}", at + 1)), ("a", HOUR_MS - 1, format!("clk_{at}"))]);
        assert_eq!(touchpoints(&[touch("a", "", at), touch("a", "", at + HOUR_MS)]).touches.len(), 2);
        assert_eq!(touchpoints(&[touch("a", "", at), touch("a", "x", at)]).touches.len(), 2);
        assert!(twice.touch_in_hour(&"a".into(), UtcMillis(at)).is_some());
        assert!(twice.touch_in_hour(&"a".into(), UtcMillis(at + HOUR_MS)).is_none());
    }

    #[test]
    fn eight_at_most_and_none_over_400_days() {
        let many: Vec<_> = (0..12).map(|n| touch("a", "", n * DAY_MS)).collect();
        let kept: Vec<_> = touchpoints(&many).touches.iter().map(|t| t.at.0 / DAY_MS).collect();
        assert_eq!(kept, [4, 5, 6, 7, 8, 9, 10, 11]);
        let aged = touchpoints(&[touch("a", "", 0), touch("b", "", 1), touch("c", "", 400 * DAY_MS)]);
        assert_eq!(aged.touches.iter().map(|t| t.code.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }
}
