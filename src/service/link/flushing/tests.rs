//! A burst against a slow database that is overloaded for a while, in simulated time.

use super::*;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::link::click::{Address, Click, Visitor};
use crate::service::link::click::{BATCH_MAX, HELD_MAX};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const START: i64 = 20_000 * DAY_MS;
const PER_MS: usize = 2;
const BURST_MS: i64 = 60_000;
const OVERLOADED: std::ops::Range<i64> = 20_000..30_000;
const ANSWER_MS: u64 = 200;

#[derive(Default)]
struct Burst {
    ms: Cell<i64>,
    clicks: RefCell<Buffer>,
    stored: RefCell<HashSet<String>>,
    flushes: RefCell<HashSet<(String, i64)>>,
    dropped: Cell<i64>,
    writes: Cell<usize>,
    refused: Cell<usize>,
}

impl Burst {
    /// What the database does in its transaction.
    fn commit(&self, flush: &ClickFlush) {
        self.stored.borrow_mut().extend(flush.clicks.iter().map(|click| click.id.clone()));
        if self.flushes.borrow_mut().insert((flush.writer.clone(), flush.number)) {
            self.dropped.set(self.dropped.get() + flush.dropped.iter().map(|(_, clicks)| clicks).sum::<i64>());
        }
    }
}

impl Isolate for Burst {
    fn with<T>(&self, run: impl FnOnce(&mut Buffer) -> T) -> T {
        run(&mut self.clicks.borrow_mut())
    }

    fn now(&self) -> UtcMillis {
        UtcMillis(START + self.ms.get())
    }

    fn pause(&self, ms: u64) -> impl Future<Output = ()> {
        let until = self.ms.get() + ms as i64;
        poll_fn(move |_| if self.ms.get() >= until { Poll::Ready(()) } else { Poll::Pending })
    }

    async fn write(&self, flush: &ClickFlush) -> Result<(), DbError> {
        assert!(flush.clicks.len() <= BATCH_MAX);
        self.writes.set(self.writes.get() + 1);
        if OVERLOADED.contains(&self.ms.get()) {
            self.refused.set(self.refused.get() + 1);
            return Err(DbError::Unavailable("D1 is overloaded".to_owned()));
        }
        self.pause(ANSWER_MS).await;
        self.commit(flush);
        // Every seventh write happened, and the answer was lost.
        if self.writes.get().is_multiple_of(7) { Err(DbError::Unavailable("lost".to_owned())) } else { Ok(()) }
    }
}

fn click(n: usize, at: UtcMillis) -> Click {
    Click {
        id: n.to_string(),
        link: Default::default(),
        campaign: String::new(),
        visitor: Visitor::Private,
        address: Address::new(&format!("2001:db8:{:x}:{:x}::1", n % 0x1_0000, n / 0x1_0000)),
        at,
        ..Click::default()
    }
}

#[test]
fn a_burst_is_written_or_counted_within_bounded_memory() {
    let burst = Burst { clicks: RefCell::new(Buffer::new([3; 16])), ..Burst::default() };
    let (mut sent, mut logged, mut most) = (0, 0, 0);
    let mut running: Vec<Pin<Box<dyn Future<Output = Flushed> + '_>>> = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    for ms in 0..BURST_MS + 5_000 {
        burst.ms.set(ms);
        // After the burst a visitor comes now and then.
        for _ in 0..if ms < BURST_MS { PER_MS } else { usize::from(ms % 500 == 0) } {
            let due = burst.with(|clicks| {
                clicks.push(click(sent, burst.now()));
                clicks.flush_due(burst.now())
            });
            sent += 1;
            if due {
                running.push(Box::pin(flush(&burst)));
            }
        }
        running.retain_mut(|task| match task.as_mut().poll(&mut context) {
            Poll::Ready(flushed) => {
                logged += flushed.dropped;
                false
            }
            Poll::Pending => true,
        });
        assert!(running.len() <= 1, "one flush at a time");
        most = most.max(burst.with(|clicks| clicks.len()));
    }
    assert!(burst.with(|clicks| clicks.is_empty()) && running.is_empty());
    let stored = burst.stored.borrow().len();
    assert_eq!(stored as i64 + burst.dropped.get(), sent as i64, "stored, or counted as dropped");
    assert_eq!(logged, burst.dropped.get(), "the log says so too");
    // Ten seconds bring twice what may wait.
    assert!((9_000..=13_000).contains(&burst.dropped.get()), "{} dropped", burst.dropped.get());
    assert!(most > HELD_MAX / 2 && most <= HELD_MAX + BATCH_MAX, "{most} held");
    assert!(burst.refused.get() <= 30, "{} writes against an overloaded database", burst.refused.get());
}
