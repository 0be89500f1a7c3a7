//! Whatever a visitor clicks, the cookie holds what decides.

use crate::base::time::HOUR_MS;
use crate::codec::attribution::cookie::tests::{NOW, keys};
use crate::codec::attribution::cookie::*;
use crate::engine::attribution::kept::{PROGRAMS_MAX, PartnerMark, TOUCHES_MAX};
use crate::program::document::Model;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Program {
    id: String,
    model: Model,
    window_days: i64,
}

#[derive(Clone, Debug)]
struct Click {
    program: usize,
    partner: u32,
    link: u8,
    campaign: u8,
    /// Milliseconds since the click before; negative where another clock is behind.
    after: i64,
}

/// How long fields are.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    code: usize,
    campaign: usize,
}

fn touch(programs: &[Program], click: &Click, at: i64, n: usize, long: Lengths) -> (Touch, TouchTerms) {
    let Program { id, model, window_days } = programs[click.program].clone();
    let padded = |text: String, len: usize| format!("{text:x<len$}");
    let touch = Touch {
        program: id.into(),
        code: padded(format!("{}-{}-{}", click.program, click.partner, click.link), long.code).into(),
        campaign: if click.campaign == 0 { String::new() } else { padded(click.campaign.to_string(), long.campaign) },
        click_id: format!("clk_{n:024}"),
        at: UtcMillis(at),
    };
    (touch, TouchTerms { partner: PartnerMark(click.partner), model, window_days })
}

/// The touch that decides after all of these, naively.
fn decides(program: &Program, raw: &[Touch], now: i64) -> Option<Touch> {
    let starts = UtcMillis(now).plus_days(-program.window_days);
    let inside = raw.iter().filter(|touch| touch.program == program.id.as_str() && touch.at > starts);
    match program.model {
        Model::FirstTouch => inside.reduce(|a, b| if b.at < a.at { b } else { a }),
        Model::LastTouch => inside.reduce(|a, b| if b.at >= a.at { b } else { a }),
    }
    .cloned()
}

/// Clicks, and returns every touch and the instant after the last.
fn play(keys: &CookieKeys, programs: &[Program], clicks: &[Click], long: Lengths) -> (SignedCookie, Vec<Touch>, i64) {
    let mut signed = SignedCookie::new(format!("vis_{:024}", 1));
    let (mut raw, mut at, mut end) = (Vec::new(), NOW.0, 0);
    for (n, click) in clicks.iter().enumerate() {
        at += click.after;
        end = end.max(at);
        let (touch, terms) = touch(programs, click, at, n, long);
        raw.push(touch.clone());
        signed = signed.with_touch(touch, terms, keys);
        let header = set_cookie(keys, &signed, UtcMillis(at));
        let value = header.split_once(';').map_or("", |(pair, _)| pair).split_once('=').map_or("", |(_, value)| value);
        assert!(value.len() <= WRITTEN_BYTES_MAX && header.len() <= 4_096, "{} {}", value.len(), header.len());
        assert!(signed.touchpoints.touches.len() <= TOUCHES_MAX);
        signed = read_value(keys, value).unwrap_or_else(|| panic!("unreadable: {signed:?}"));
    }
    (signed, raw, end)
}

fn programs(max: usize) -> impl Strategy<Value = Vec<Program>> {
    let one = (any::<bool>(), 30i64..=400);
    (prop::collection::vec(one, 1..=max), prop_oneof![Just(1usize), Just(63)]).prop_map(|(all, len)| {
        let program = |(n, (first, window_days)): (usize, (bool, i64))| Program {
            id: format!("p{n:_<len$}"),
            model: if first { Model::FirstTouch } else { Model::LastTouch },
            window_days,
        };
        all.into_iter().enumerate().map(program).collect()
    })
}

/// Clicks over at most 25 days.
fn clicks(programs: usize, max: usize) -> impl Strategy<Value = Vec<Click>> {
    let after = prop_oneof![4 => 0..HOUR_MS / 2, 2 => -HOUR_MS..1, 1 => 0..2 * HOUR_MS, 1 => Just(0)];
    let click = (0..programs, 0u32..6, 0u8..3, 0u8..3, after);
    let click =
        click.prop_map(|(program, partner, link, campaign, after)| Click { program, partner, link, campaign, after });
    prop::collection::vec(click, 1..=max)
}

fn scenario(programs_max: usize) -> impl Strategy<Value = (Vec<Program>, Vec<Click>)> {
    programs(programs_max).prop_flat_map(|programs| {
        let clicks = clicks(programs.len(), 800);
        (Just(programs), clicks)
    })
}

fn lengths() -> impl Strategy<Value = Lengths> {
    prop_oneof![
        Just(Lengths { code: 1, campaign: 1 }),
        Just(Lengths { code: 64, campaign: 64 }),
        Just(Lengths { code: 128, campaign: 64 })
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_decides_is_there((programs, clicks) in scenario(PROGRAMS_MAX), long in lengths()) {
        let (signed, raw, end) = play(&keys(), &programs, &clicks, long);
        for program in &programs {
            let Some(wanted) = decides(program, &raw, end) else { continue };
            let held = signed.touchpoints.touches.iter().find(|t| t.program == wanted.program && t.at == wanted.at && t.code == wanted.code);
            prop_assert!(held.is_some(), "{program:?} {wanted:?} {signed:?}");
        }
    }

    #[test]
    fn of_twenty_programs_twelve_stay((mut programs, clicks) in scenario(20), long in lengths()) {
        programs.iter_mut().for_each(|program| program.model = Model::LastTouch);
        let keys = keys().with_domain(&format!("{}.example", "d".repeat(200))).unwrap();
        let long = Lengths { code: long.code.min(64), ..long };
        let (signed, raw, end) = play(&keys, &programs, &clicks, long);
        let mut decided: Vec<Touch> = programs.iter().filter_map(|program| decides(program, &raw, end)).collect();
        decided.sort_by_key(|touch| std::cmp::Reverse(touch.at));
        // Of two programs of one instant either may stay.
        let least = decided.get(PROGRAMS_MAX - 1).map_or(UtcMillis(0), |touch| touch.at);
        for wanted in decided.iter().filter(|touch| touch.at > least) {
            let mut touches = signed.touchpoints.touches.iter();
            let is_held = touches.any(|t| t.program == wanted.program && t.at == wanted.at && t.code == wanted.code);
            prop_assert!(is_held, "{wanted:?} {signed:?}");
        }
        let mut held: Vec<_> = signed.touchpoints.touches.iter().map(|touch| &touch.program).collect();
        held.sort();
        held.dedup();
        prop_assert!(held.len() <= PROGRAMS_MAX);
    }
}

#[test]
fn campaigns_give_way_to_what_decides() {
    let program = |n| Program { id: format!("p{n:_<63}"), model: Model::LastTouch, window_days: 90 };
    let programs: Vec<Program> = (10..22).map(program).collect();
    let click = |program| Click { program, partner: 1, link: 1, campaign: 1, after: HOUR_MS };
    let clicks: Vec<Click> = (0..programs.len()).map(click).collect();
    let (signed, ..) = play(&keys(), &programs, &clicks, Lengths { code: 128, campaign: 64 });
    assert_eq!(signed.touchpoints.touches.len(), PROGRAMS_MAX);
    assert!(signed.touchpoints.touches[0].campaign.is_empty());
}
