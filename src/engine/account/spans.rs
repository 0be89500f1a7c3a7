//! Spans of time in which something holds.

use crate::base::sort::sort;
use crate::base::time::UtcMillis;

/// Half-open, in order, and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(UtcMillis, UtcMillis)>);

/// Later than any instant.
const NEVER: UtcMillis = UtcMillis(i64::MAX);

impl Spans {
    pub fn always() -> Spans {
        Spans(vec![(UtcMillis(i64::MIN), NEVER)])
    }

    /// From an instant on; `None`: never.
    pub fn since(from: Option<UtcMillis>) -> Spans {
        Spans(from.map(|from| (from, NEVER)).into_iter().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (UtcMillis, UtcMillis)> + '_ {
        self.0.iter().copied()
    }

    /// Where at least `times` of some spans, in any order, lie over each other.
    pub fn covered(spans: Vec<(UtcMillis, UtcMillis)>, times: i64) -> Spans {
        let mut edges: Vec<(UtcMillis, i64)> =
            spans.into_iter().filter(|(from, to)| from < to).flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
        sort(&mut edges);
        let (mut found, mut depth, mut since): (Vec<(UtcMillis, UtcMillis)>, i64, Option<UtcMillis>) =
            Default::default();
        for (at, step) in edges {
            depth += step;
            match since {
                None if depth >= times => since = Some(at),
                Some(from) if depth < times => {
                    since = None;
                    // One that starts where another ends goes on.
                    match found.last_mut() {
                        Some(last) if last.1 == from => last.1 = at,
                        _ if from < at => found.push((from, at)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Spans(found)
    }

    pub fn and(&self, other: &Spans) -> Spans {
        Spans::covered(self.iter().chain(other.iter()).collect(), 2)
    }

    pub fn or(&self, other: &Spans) -> Spans {
        Spans::covered(self.iter().chain(other.iter()).collect(), 1)
    }

    /// What is left of them outside of others.
    pub fn without(&self, others: Vec<(UtcMillis, UtcMillis)>) -> Spans {
        let others = Spans::covered(others, 1);
        let mut from = UtcMillis(i64::MIN);
        let mut gaps = Vec::new();
        for (start, end) in others.iter() {
            gaps.push((from, start));
            from = end;
        }
        gaps.push((from, NEVER));
        self.and(&Spans::covered(gaps, 1))
    }

    pub fn contains(&self, at: UtcMillis) -> bool {
        self.iter().any(|(from, to)| from <= at && at < to)
    }

    pub fn first(&self) -> Option<UtcMillis> {
        self.0.first().map(|(from, _)| *from)
    }

    /// The first instant in them that is not before `from`.
    pub fn first_from(&self, from: UtcMillis) -> Option<UtcMillis> {
        self.iter().find(|(_, end)| *end > from).map(|(start, _)| start.max(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(given: &[(i64, i64)]) -> Spans {
        Spans::covered(given.iter().map(|(from, to)| (UtcMillis(*from), UtcMillis(*to))).collect(), 1)
    }

    fn given() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((0..20i64, 0..20i64), 0..6)
    }

    proptest! {
        #[test]
        fn they_say_what_their_instants_say(a in given(), b in given(), times in 1..4i64) {
            let within = |given: &[(i64, i64)], at: i64| given.iter().filter(|(from, to)| *from <= at && at < *to).count();
            let (one, two) = (spans(&a), spans(&b));
            let outside = one.without(two.iter().collect());
            let deep = Spans::covered(a.iter().map(|(from, to)| (UtcMillis(*from), UtcMillis(*to))).collect(), times);
            for at in -1..21 {
                let (in_a, in_b) = (within(&a, at) > 0, within(&b, at) > 0);
                let at = UtcMillis(at);
                prop_assert_eq!(one.contains(at), in_a);
                prop_assert_eq!(one.and(&two).contains(at), in_a && in_b);
                prop_assert_eq!(one.or(&two).contains(at), in_a || in_b);
                prop_assert_eq!(outside.contains(at), in_a && !in_b);
                prop_assert_eq!(deep.contains(at), i64::try_from(within(&a, at.0)).unwrap() >= times);
                let next = (at.0..21).map(UtcMillis).find(|at| one.contains(*at));
                prop_assert_eq!(one.first_from(at), next);
            }
            for pair in deep.0.windows(2) {
                prop_assert!(pair[0].1 < pair[1].0, "{:?}", deep);
            }
        }
    }

    #[test]
    fn always_has_no_beginning() {
        assert!(Spans::always().contains(UtcMillis(i64::MIN)));
        assert_eq!(Spans::always().first_from(UtcMillis(7)), Some(UtcMillis(7)));
        assert_eq!(Spans::since(None).first_from(UtcMillis(7)), None);
        assert_eq!(Spans::always().and(&Spans::since(Some(UtcMillis(5)))), Spans::since(Some(UtcMillis(5))));
    }
}
