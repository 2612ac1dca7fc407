//! A future that is seldom ready, beside one that is polled all the time.
//!
//! Invariant: it is polled only after its own waker was woken, so waiting for it costs the other next to nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// The seldom ready future.
pub(crate) struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
    /// Whose task the bell wakes.
    task: Option<Waker>,
}

/// The future's own waker.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

impl<F: Future> Aside<F> {
    /// Puts a future aside.
    pub(crate) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future: Box::pin(future), waker: Waker::from(Arc::clone(&bell)), bell, task: None }
    }

    /// Polls it if it asked to be.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<F::Output> {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            self.task = Some(cx.waker().clone());
            *self.bell.task.lock() = Some(cx.waker().clone());
        }
        if !self.bell.rung.swap(false, Ordering::Acquire) {
            return Poll::Pending;
        }
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn is_polled_when_woken_and_only_then() {
        let (send, receive) = oneshot::channel();
        let mut polls = 0;
        let mut receive = Box::pin(receive);
        let mut aside = Aside::new(poll_fn(move |cx| {
            polls += 1;
            receive.as_mut().poll(cx).map(|received: Result<(), _>| received.map(|()| polls))
        }));
        for _ in 0..5 {
            assert!(poll_fn(|cx| Poll::Ready(aside.poll(cx).is_pending())).await);
        }
        tokio::spawn(async move { send.send(()) });
        assert_eq!(poll_fn(|cx| aside.poll(cx)).await, Ok(2));
    }
}
