//! Which touches a visitor's cookie keeps when there is no room for all.
//!
//! What decides goes first: of each program the touch that its model would choose now. Then, as room allows, the last
//! touch of up to three other partners of each program, and what will decide later: once the first touch has left its
//! window, the next one does. A campaign's name gives way before a touch that decides does. Pure; what a touch costs is
//! the cookie's to say.

use crate::base::ids::PartnerId;
use crate::base::time::{HOUR_MS, UtcMillis};
use crate::engine::attribution::touch::{TOUCH_AGE_MAX_DAYS, Touch};
use crate::engine::event::OCCURRED_AT_AHEAD_MAX_MS;
use crate::program::document::Model;

/// Most touches in one cookie.
pub const TOUCHES_MAX: usize = 24;

/// Most programs in one cookie. Beyond that, the program whose deciding touch is the oldest gives way.
pub const PROGRAMS_MAX: usize = 12;

/// More than are ever looked at: those of a cookie, and the new one.
const MANY: usize = 32;

/// Partners besides the one that decides whose last touch stays, in each program.
const OTHERS_MAX: u8 = 3;

/// What decides whether a touch stays, besides the touch itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchTerms {
    /// Which partner's link it was.
    pub partner: PartnerMark,
    pub model: Model,
    /// The program's window, from 1 to 400 days.
    pub window_days: i64,
}

/// 24 bits that tell the partners of one cookie apart. If two are the same, one touch of the second may not stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartnerMark(pub u32);

impl PartnerMark {
    pub const BITS: u32 = 24;

    /// FNV-1a, folded: quick, and nobody gains anything by a collision.
    pub fn of(partner: &PartnerId) -> PartnerMark {
        let hash =
            partner.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        PartnerMark((hash >> PartnerMark::BITS) ^ (hash & ((1 << PartnerMark::BITS) - 1)))
    }
}

/// What a touch costs in the cookie, in bytes.
pub struct TouchCost {
    /// Without its campaign, as the first touch of its program.
    pub first: usize,
    /// The same, but after another touch of its program.
    pub next: usize,
}

/// Why a touch stays, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It decides.
    Decides,
    /// It decides by the clock of this click, which is behind the one that dated another touch.
    DecidesNow,
    /// The last of another partner; the number counts them.
    Other(u8),
    /// It decides once those before it have left the window.
    Next(u8),
    /// By it a repeat in this hour is recognized.
    Spare,
    Surplus,
}

/// The touches of a cookie and their terms, one each. Touches are in the order of their instants.
pub struct Kept<'a> {
    pub touches: &'a mut Vec<Touch>,
    pub terms: &'a mut Vec<TouchTerms>,
}

impl Kept<'_> {
    /// Adds a touch of now. A touch of the same program, code and campaign in the same clock hour becomes one with it,
    /// under the click that was counted: at the older instant if the program's first touch decides, else at the newer
    /// one. Then drops what `room` bytes do not hold.
    pub fn add(mut self, mut touch: Touch, terms: TouchTerms, room: usize, cost: impl Fn(&Touch) -> TouchCost) {
        let now = touch.at;
        let hour = |at: UtcMillis| at.0.div_euclid(HOUR_MS);
        let oldest = now.plus_days(-TOUCH_AGE_MAX_DAYS);
        let is_young: [bool; MANY] =
            std::array::from_fn(|at| self.touches.get(at).is_some_and(|held| held.at > oldest));
        self.retain(&is_young);
        let same = |held: &Touch| {
            hour(held.at) == hour(now)
                && held.code == touch.code
                && held.program == touch.program
                && held.campaign == touch.campaign
        };
        let mut place = None;
        if let Some(at) = self.touches.iter().position(same) {
            let held = self.touches.remove(at);
            self.terms.remove(at);
            touch.click_id = held.click_id;
            let stays = match terms.model {
                Model::FirstTouch => held.at <= now,
                Model::LastTouch => held.at > now,
            };
            if stays {
                (touch.at, place) = (held.at, Some(at));
            }
        }
        // The newest click knows the program's terms best.
        for (held, known) in self.touches.iter().zip(self.terms.iter_mut()) {
            if held.program == touch.program {
                (known.model, known.window_days) = (terms.model, terms.window_days);
            }
        }
        let place = place.unwrap_or_else(|| self.touches.partition_point(|held| held.at <= touch.at));
        self.touches.insert(place, touch);
        self.terms.insert(place, terms);
        if self.touches.len() > 1 {
            self.fit(now, room, cost);
        }
    }

    /// Drops what does not fit, least important first.
    fn fit(&mut self, now: UtcMillis, room: usize, cost: impl Fn(&Touch) -> TouchCost) {
        let many = self.touches.len().min(MANY);
        let mut judged = Judged { standing: [Standing::Surplus; MANY], decided: [i64::MIN; MANY] };
        for at in 0..many {
            if self.touches[..at].iter().all(|before| before.program != self.touches[at].program) {
                self.judge(at, now, &mut judged);
            }
        }
        let order = judged.order(many);
        let (mut keeps, mut programs, mut touches, mut spent) = ([false; MANY], 0, 0, 0);
        let decides = order[..many].iter().copied().filter(|at| judged.standing[*at] == Standing::Decides);
        for at in decides.clone() {
            let first = cost(&self.touches[at]).first;
            if programs < PROGRAMS_MAX && spent + first <= room {
                (keeps[at], programs, touches, spent) = (true, programs + 1, touches + 1, spent + first);
            }
        }
        for at in decides.filter(|at| keeps[*at]) {
            let campaign = self.touches[at].campaign.len();
            if spent + campaign <= room {
                spent += campaign;
            } else {
                self.touches[at].campaign.clear();
            }
        }
        for at in order[..many].iter().copied() {
            let touch = &self.touches[at];
            let next = cost(touch).next + touch.campaign.len();
            let is_held = (0..many).any(|by| keeps[by] && self.touches[by].program == touch.program);
            let is_worth = !keeps[at] && is_held && judged.standing[at] < Standing::Surplus;
            if is_worth && touches < TOUCHES_MAX && spent + next <= room {
                (keeps[at], touches, spent) = (true, touches + 1, spent + next);
            }
        }
        self.retain(&keeps);
    }

    /// What the touches of one program are worth, from its first one in the list on.
    fn judge(&self, first: usize, now: UtcMillis, judged: &mut Judged) {
        let (touches, terms) = (&*self.touches, &*self.terms);
        let TouchTerms { model, window_days, .. } = terms[first];
        let all = (first..touches.len().min(MANY)).filter(|at| touches[*at].program == touches[first].program);
        let inside_at = |at: &usize, instant| touches[*at].at.plus_days(window_days) > instant;
        // A sign-up comes after every touch, whichever clock dated it.
        let end = touches.last().map_or(now, |touch| touch.at.max(now));
        let inside = |at: &usize| inside_at(at, end);
        let is_first = model == Model::FirstTouch;
        let chosen = |of: &dyn Fn(&usize) -> bool| {
            let mut among = all.clone().filter(of);
            if is_first { among.next() } else { among.next_back() }
        };
        let decides = chosen(&inside);
        let instant = decides.map_or(i64::MIN, |at| touches[at].at.0);
        let decides = decides.unwrap_or_else(|| all.clone().next_back().unwrap_or(first));
        all.clone().for_each(|at| judged.decided[at] = instant);
        judged.standing[decides] = Standing::Decides;
        let ahead = now.plus_ms(OCCURRED_AT_AHEAD_MAX_MS);
        if let Some(at) = chosen(&|at| touches[*at].at <= ahead && inside_at(at, now)).filter(|at| *at != decides) {
            judged.standing[at] = Standing::DecidesNow;
        }
        let mut others = 0;
        let mut other = |at: usize| {
            let partner = terms[at].partner;
            let last = all.clone().rfind(|last| terms[*last].partner == partner).unwrap_or(at);
            if others < OTHERS_MAX && partner != terms[decides].partner && judged.standing[last] == Standing::Surplus {
                judged.standing[last] = Standing::Other(others);
                others += 1;
            }
        };
        // Those first that the model would choose next.
        if is_first {
            all.clone().filter(inside).for_each(&mut other);
        }
        all.clone().rev().for_each(&mut other);
        let this_hour = |at: &usize| touches[*at].at.0.div_euclid(HOUR_MS) == now.0.div_euclid(HOUR_MS);
        let mut next = 0;
        for at in all {
            if judged.standing[at] != Standing::Surplus {
                continue;
            }
            if is_first && inside(&at) {
                judged.standing[at] = Standing::Next(next);
                next += 1;
            } else if this_hour(&at) {
                judged.standing[at] = Standing::Spare;
            }
        }
    }

    fn retain(&mut self, keeps: &[bool; MANY]) {
        let mut at = 0;
        self.touches.retain(|_| {
            at += 1;
            keeps.get(at - 1).is_some_and(|keep| *keep)
        });
        at = 0;
        self.terms.retain(|_| {
            at += 1;
            keeps.get(at - 1).is_some_and(|keep| *keep)
        });
    }
}

/// What each touch is worth, and when its program's deciding touch was; the least if none decides.
struct Judged {
    standing: [Standing; MANY],
    decided: [i64; MANY],
}

impl Judged {
    /// The touches by their worth; of equal ones those first whose program was decided last.
    fn order(&self, many: usize) -> [usize; MANY] {
        let mut order = std::array::from_fn(|at| at);
        let worth = |at: usize| (self.standing[at], std::cmp::Reverse(self.decided[at]), std::cmp::Reverse(at));
        for place in 0..many {
            for other in place + 1..many {
                if worth(order[other]) < worth(order[place]) {
                    order.swap(place, other);
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::DAY_MS;

    const HOUR: i64 = 500_000 * HOUR_MS;

    #[derive(Default)]
    struct Cookie {
        touches: Vec<Touch>,
        terms: Vec<TouchTerms>,
    }

    impl Cookie {
        /// A click of a code, whose first letter is its partner, in a program with a window of 30 days.
        fn click(&mut self, program: &str, code: &str, at: i64) -> &mut Cookie {
            let first = program.starts_with('f');
            let model = if first { Model::FirstTouch } else { Model::LastTouch };
            let touch = Touch {
                program: program.into(),
                code: code.into(),
                campaign: String::new(),
                click_id: format!("clk_{at}"),
                at: UtcMillis(at),
            };
            let partner = PartnerMark::of(&code[..1].into());
            let kept = Kept { touches: &mut self.touches, terms: &mut self.terms };
            let cost = |_: &Touch| TouchCost { first: 10, next: 5 };
            kept.add(touch, TouchTerms { partner, model, window_days: 30 }, 1_000, cost);
            self
        }

        fn of(&self, program: &str) -> Vec<(&str, i64)> {
            let own = self.touches.iter().filter(|touch| touch.program == *program);
            own.map(|touch| (touch.code.as_str(), touch.at.0)).collect()
        }
    }

    #[test]
    fn a_repeat_within_the_hour_does_not_grow() {
        for (program, at) in [("last", HOUR + 9), ("first", HOUR)] {
            let mut cookie = Cookie::default();
            cookie.click(program, "a", HOUR).click(program, "a", HOUR + 5).click(program, "a", HOUR + 9);
            assert_eq!(cookie.of(program), [("a", at)]);
            assert_eq!(cookie.touches[0].click_id, format!("clk_{HOUR}"), "the click that was counted");
            // By a clock that is behind.
            cookie.click(program, "a", HOUR + 7);
            assert_eq!(cookie.of(program), [("a", at)]);
        }
        let mut cookie = Cookie::default();
        assert_eq!(cookie.click("first", "a", HOUR + 9).click("first", "a", HOUR + 1).of("first"), [("a", HOUR + 1)]);
        assert_eq!(cookie.click("first", "a", HOUR + HOUR_MS).of("first").len(), 2);
        cookie.click("first", "b", HOUR + 1).click("first", "a", HOUR + 2);
        assert_eq!(cookie.of("first")[0].0, "a", "a repeat keeps its place among touches of one instant");
    }

    #[test]
    fn no_links_of_a_program_push_another_program_out() {
        let mut cookie = Cookie::default();
        cookie.click("other", "z", HOUR);
        for n in 0..40 {
            cookie.click("last", &format!("a{n}"), HOUR + n * HOUR_MS);
            cookie.click("last2", "b", HOUR + n * HOUR_MS);
        }
        assert_eq!(cookie.of("other"), [("z", HOUR)]);
        assert_eq!(cookie.of("last"), [("a39", HOUR + 39 * HOUR_MS)], "one partner's links");
    }

    #[test]
    fn the_first_stays_and_the_last_of_others() {
        let mut cookie = Cookie::default();
        for (n, code) in ["a", "b", "c", "b", "d", "e", "f", "a2"].into_iter().enumerate() {
            let at = HOUR + n as i64 * HOUR_MS;
            cookie.click("first", code, at).click("last", code, at);
        }
        let codes = |program| cookie.of(program).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(codes("last"), ["d", "e", "f", "a2"]);
        assert_eq!(
            codes("first"),
            ["a", "b", "c", "b", "d", "e", "f", "a2"],
            "each may decide once those before are out"
        );
        for n in 0..12 {
            cookie.click(&format!("last{n}"), "x", HOUR + 9 * HOUR_MS + n);
        }
        assert_eq!((cookie.of("first"), cookie.of("last")), (vec![], vec![]), "the oldest deciding touches give way");
    }

    #[test]
    fn what_left_its_window_decides_nothing() {
        let mut cookie = Cookie::default();
        cookie.click("first", "a", HOUR).click("first", "b", HOUR + DAY_MS).click("first", "c", HOUR + 30 * DAY_MS);
        cookie.click("first", "d", HOUR + 30 * DAY_MS + 1);
        for n in 0..30 {
            cookie.click("first", &format!("d{n}"), HOUR + 30 * DAY_MS + n * HOUR_MS);
        }
        let codes: Vec<_> = cookie.of("first").into_iter().map(|(code, _)| code).collect();
        assert_eq!((&codes[..3], codes.len()), (&["a", "b", "c"][..], TOUCHES_MAX));
        cookie.click("first", "d", HOUR + 400 * DAY_MS);
        assert!(!cookie.of("first").iter().any(|(code, _)| *code == "a"), "older than 400 days");
    }

    #[test]
    fn of_two_clocks_each_has_its_deciding_touch() {
        let mut cookie = Cookie::default();
        cookie.click("last", "a", HOUR + HOUR_MS).click("last", "a", HOUR);
        assert_eq!(cookie.of("last"), [("a", HOUR), ("a", HOUR + HOUR_MS)]);
        assert_eq!(cookie.click("last", "a", HOUR + 2 * HOUR_MS).of("last"), [("a", HOUR + 2 * HOUR_MS)]);
    }
}
