use super::*;
use crate::engine::link::LinkRecord;
use crate::engine::link::click::Address;
use crate::service::link::limits::NETWORK_MAX;

const NOW: UtcMillis = UtcMillis(20_000 * DAY_MS);

/// Each is of another network.
fn click(n: usize) -> Click {
    Click {
        id: n.to_string(),
        link: Default::default(),
        campaign: String::new(),
        visitor: Visitor::Private,
        address: Address::new(&format!("2001:db8:{:x}:{:x}::1", n % 0x1_0000, n / 0x1_0000)),
        at: NOW,
        ..Click::default()
    }
}

fn of(code: &str, n: usize) -> Click {
    Click { link: Rc::new(LinkRecord { code: code.into(), ..LinkRecord::default() }), ..click(n) }
}

fn ids(flush: &ClickFlush) -> Vec<usize> {
    flush.clicks.iter().map(|click| click.id.parse().unwrap()).collect()
}

#[test]
fn flushes_are_bounded_keep_their_order_and_are_sent_again_as_they_were() {
    let mut buffer = Buffer::new([1; 16]);
    (0..BATCH_MAX + 2).for_each(|n| buffer.push(click(n)));
    let first = buffer.next(NOW).unwrap();
    assert_eq!(ids(&first), (0..BATCH_MAX).collect::<Vec<_>>());
    buffer.failed(&first, &DbError::Unavailable("overloaded".to_owned()));
    buffer.push(click(BATCH_MAX + 2));
    assert_eq!(buffer.next(NOW).unwrap(), first);
    buffer.written(&first);
    let second = buffer.next(NOW).unwrap();
    assert_eq!(ids(&second), [BATCH_MAX, BATCH_MAX + 1, BATCH_MAX + 2]);
    assert!(second.number > first.number);
    buffer.written(&first);
    assert_eq!(buffer.next(NOW).unwrap(), second, "an answer about another flush");
    buffer.written(&second);
    assert!(buffer.is_empty() && buffer.next(NOW).is_none());
}

#[test]
fn memory_is_bounded_the_oldest_go_and_are_counted() {
    let mut buffer = Buffer::new([1; 16]);
    (0..HELD_MAX + 3).for_each(|n| buffer.push(click(n)));
    assert_eq!((buffer.dropped(), buffer.dropped()), (3, 0), "told once");
    let flush = buffer.next(NOW).unwrap();
    assert_eq!((ids(&flush)[0], flush.dropped.as_slice()), (3, &[(20_000, 3)][..]));
    // While a flush is not written, the rest is bounded as before.
    (0..HELD_MAX).for_each(|n| buffer.push(click(n)));
    assert_eq!(buffer.waiting.len(), HELD_MAX);
    assert_eq!(buffer.dropped(), (HELD_MAX - BATCH_MAX) as i64);
    buffer.written(&flush);
    assert_eq!(buffer.next(NOW).unwrap().dropped, [(20_000, (HELD_MAX - BATCH_MAX) as i64)]);
}

#[test]
fn what_would_be_refused_again_is_dropped_and_counted() {
    let mut buffer = Buffer::new([1; 16]);
    buffer.push(click(1));
    let flush = buffer.next(NOW).unwrap();
    buffer.failed(&flush, &DbError::Violation("NOT NULL".to_owned()));
    buffer.push(click(2));
    let next = buffer.next(NOW).unwrap();
    assert_eq!((ids(&next), next.dropped.as_slice()), (vec![2], &[(20_000, 1)][..]));
}

#[test]
fn bots_are_counts_and_so_is_what_one_network_has_too_much() {
    let mut buffer = Buffer::new([1; 16]);
    let bot = |code: &str, n: usize| Click { bot: true, ..of(code, n) };
    [("a", 1), ("a", 2), ("b", 3)].into_iter().for_each(|(code, n)| buffer.push(bot(code, n)));
    assert!(!buffer.is_empty(), "counts alone are written too");
    let flood = NETWORK_MAX as usize + 7;
    (0..flood).for_each(|n| buffer.push(Click { address: Address::new("192.0.2.1"), ..of("a", n) }));
    let flush = buffer.next(NOW).unwrap();
    assert_eq!(flush.clicks.len(), NETWORK_MAX as usize);
    let mut counted: Vec<_> = flush.counted.iter().map(|c| (c.code.as_str(), c.day, c.bots, c.limited)).collect();
    counted.sort_unstable();
    assert_eq!(counted, [("a", 20_000, 2, 7), ("b", 20_000, 1, 0)]);
    buffer.written(&flush);
    assert!(buffer.next(NOW).is_none(), "counted once");
}

#[test]
fn counts_of_too_many_links_are_dropped_and_counted() {
    let mut buffer = Buffer::new([1; 16]);
    (0..COUNTED_MAX + 5).for_each(|n| buffer.push(Click { bot: true, ..of(&n.to_string(), n) }));
    let flush = buffer.next(NOW).unwrap();
    assert_eq!((flush.counted.len(), flush.dropped.as_slice()), (COUNTED_MAX, &[(20_000, 5)][..]));
}

#[test]
fn one_flush_at_a_time_and_another_after_one_that_died() {
    let mut buffer = Buffer::new([1; 16]);
    assert!(buffer.flush_due(NOW) && !buffer.flush_due(NOW.plus_ms(FLUSH_LOST_MS)));
    buffer.flush_goes_on(NOW.plus_ms(FLUSH_LOST_MS));
    assert!(!buffer.flush_due(NOW.plus_ms(2 * FLUSH_LOST_MS)));
    assert!(buffer.flush_due(NOW.plus_ms(2 * FLUSH_LOST_MS + 1)), "it has died");
    buffer.flush_ends();
    assert!(buffer.flush_due(NOW.plus_ms(2 * FLUSH_LOST_MS + 2)));
}

#[test]
fn a_salt_is_that_of_the_month_of_the_clicks() {
    let mut buffer = Buffer::default();
    let june = UtcMillis::parse("2026-06-30T23:59:59Z").unwrap();
    let july = june.plus_ms(1_000);
    let push = |buffer: &mut Buffer, n: usize, at: UtcMillis| buffer.push(Click { at, ..click(n) });
    push(&mut buffer, 1, june);
    push(&mut buffer, 2, june);
    push(&mut buffer, 3, july);

    // What waited over the month's end is written with the month's salt, and by itself.
    let flush = buffer.next(july).unwrap();
    assert_eq!(ids(&flush), [1, 2]);
    assert!(buffer.salt(&flush).is_none());
    buffer.keep_salt(&flush, Salt::new("2026-06", b"of June"));
    buffer.failed(&flush, &DbError::Unavailable("nobody knows".to_owned()));

    // What may be written already is the same when it is sent again.
    let again = buffer.next(july.plus_ms(60_000)).unwrap();
    assert_eq!(again, flush);
    assert!(buffer.salt(&again).is_some());
    buffer.written(&again);
    let next = buffer.next(july).unwrap();
    assert_eq!(ids(&next), [3]);
    assert!(buffer.salt(&next).is_none());
}
