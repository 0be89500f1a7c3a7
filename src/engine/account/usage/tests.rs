use super::*;
use crate::base::ids::LinkCode;
use crate::base::time::HOUR_MS;
use crate::engine::account::fact::VerifiedCredential;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum What {
    Active(i64, i64),
    Viewed(usize),
    Named(usize),
    /// A code, from which on rewards may count.
    Code,
}

fn happened() -> impl Strategy<Value = (What, i64)> {
    let what = prop_oneof![
        (0..50i64, 0..12i64).prop_map(|(calls, team)| What::Active(calls, team)),
        (0..4usize).prop_map(What::Viewed),
        (0..3usize).prop_map(What::Named),
        Just(What::Code),
    ];
    (what, 0..24 * 20i64)
}

fn fact(place: usize, (what, hour): &(What, i64)) -> Fact {
    let (kind, payload) = match what {
        What::Active(calls, team) => {
            ("account.active", Payload::Active { api_calls: Some(*calls), team_size: Some(*team) })
        }
        What::Viewed(listing) => ("listing.viewed", Payload::ListingViewed { listing_id: listing.to_string() }),
        What::Named(kind) => (["demo.asked", "x.asked", "unnamed"][*kind], Payload::Other),
        What::Code => ("note", Payload::Other),
    };
    let code = matches!(what, What::Code).then(|| LinkCode::from("CODE"));
    Fact {
        event_id: format!("e{place}").into(),
        account_id: "a".into(),
        kind: kind.to_owned(),
        at: UtcMillis(hour * HOUR_MS),
        email_domain: None,
        payload,
        credential: VerifiedCredential { code, ..VerifiedCredential::default() },
        is_moot: false,
        is_closed: false,
        payment: None,
    }
}

fn questions() -> UsageQuestions {
    let since = |hours: &[i64]| distinct(hours.iter().map(|hour| UtcMillis(hour * HOUR_MS)));
    UsageQuestions {
        api_calls: distinct([5, 30, 49]),
        team_sizes: distinct([3, 10]),
        listings: distinct([(2, 1), (3, 2), (4, 10)]),
        kinds: [("demo.asked".to_owned(), since(&[0, 200])), ("x.asked".to_owned(), since(&[100]))].into(),
    }
}

fn counted_of<'a>(facts: &[&'a Fact]) -> Vec<&'a Fact> {
    without_moot(&questions(), &"a".into(), facts).0
}

/// What each question is answered by some facts.
fn answers(facts: &[&Fact]) -> Vec<Option<UtcMillis>> {
    let questions = questions();
    let mut sorted = facts.to_vec();
    sort_by(&mut sorted, |a, b| position(a).cmp(&position(b)));
    let first = |counts: &dyn Fn(&Fact) -> bool| sorted.iter().find(|f| counts(f)).map(|f| f.at);
    let active = |f: &Fact| match f.payload {
        Payload::Active { api_calls, team_size } => (api_calls.unwrap_or(0), team_size.unwrap_or(0)),
        _ => (-1, -1),
    };
    let mut found: Vec<_> = questions.api_calls.iter().map(|total| first(&|f| active(f).0 >= *total)).collect();
    found.extend(questions.team_sizes.iter().map(|size| first(&|f| active(f).1 > *size)));
    found.extend(
        questions.listings.iter().map(|(count, days)| {
            listings_viewed(sorted.iter().filter_map(|f| Some((f.at, listing(f)?))), *count, *days)
        }),
    );
    // From any code and the beginning of each version on, the first of each type.
    for (kind, versions) in &questions.kinds {
        let codes = sorted.iter().filter(|f| may_bind(f)).map(|f| position(f));
        let begins = versions.iter().map(|at| (*at, FactKind::Invitation, ""));
        for start in codes.chain(begins) {
            found.push(first(&|f| f.kind == *kind && position(f) >= start));
        }
    }
    found
}

proptest! {
    #[test]
    fn what_counts_answers_like_all_in_any_order_of_arrival(
        events in prop::collection::vec(happened(), 0..60),
        at in 0..60usize,
    ) {
        let all: Vec<Fact> = events.iter().enumerate().map(|(place, event)| fact(place, event)).collect();
        let facts: Vec<&Fact> = all.iter().collect();
        let counts = counted_of(&facts);
        prop_assert_eq!(answers(&counts), answers(&facts));
        // Codes are known first: a new one has all facts read again.
        let (early, late) = facts.split_at(at.min(facts.len()));
        let codes = late.iter().copied().filter(|f| may_bind(f));
        let known: Vec<&Fact> = early.iter().copied().chain(codes).collect();
        let kept = counted_of(&known);
        let rest = late.iter().copied().filter(|f| !may_bind(f));
        let again: Vec<&Fact> = kept.into_iter().chain(rest).collect();
        let ids = |facts: Vec<&Fact>| distinct(facts.into_iter().map(|f| f.event_id.to_string()));
        prop_assert_eq!(ids(counted_of(&again)), ids(counts));
    }
}

#[test]
fn totals_that_pass_nothing_and_views_after_enough_are_moot() {
    let all: Vec<Fact> = (0..5_000)
        .map(|n| {
            fact(n, &(if n % 2 == 0 { What::Active(n as i64 / 100, 0) } else { What::Viewed(n / 2 % 4) }, n as i64))
        })
        .collect();
    let facts: Vec<&Fact> = all.iter().collect();
    assert!(counted_of(&facts).len() < 30, "{}", counted_of(&facts).len());
}
