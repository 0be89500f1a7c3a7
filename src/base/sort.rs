//! Sorting with one compiled sort. The standard library's is compiled for every type that is sorted, at about 8 kB each.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Sorts, keeping the order of what is equal.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut from = order(items.len(), &|a, b| compare(&items[a], &items[b]));
    // Moves the items along each cycle of places.
    for start in 0..from.len() {
        let mut place = start;
        loop {
            let next = std::mem::replace(&mut from[place], place);
            if next == start || next == place {
                break;
            }
            items.swap(place, next);
            place = next;
        }
    }
}

pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// The items of a set: collecting it would sort them first.
pub fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}

/// The places in order: where the item comes from that belongs at each place.
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_like_the_standard_library(items in prop::collection::vec((0u8..8, any::<u8>()), 0..200)) {
            let (mut own, mut standard) = (items.clone(), items);
            sort_by(&mut own, |a, b| a.0.cmp(&b.0));
            standard.sort_by_key(|item| item.0);
            prop_assert_eq!(&own, &standard);
            sort(&mut own);
            standard.sort_unstable();
            prop_assert_eq!(own, standard);
        }
    }
}
