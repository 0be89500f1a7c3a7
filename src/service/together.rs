//! Several futures at once, in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A future of several, boxed so that they stand in one list.
pub type One<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs all of them side by side; their values in their order.
pub async fn together<T>(mut futures: Vec<One<'_, T>>) -> Vec<T> {
    let mut values: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, value) in futures.iter_mut().zip(&mut values) {
            if value.is_none()
                && let Poll::Ready(done) = future.as_mut().poll(cx)
            {
                *value = Some(done);
            }
        }
        if values.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    values.into_iter().flatten().collect()
}
