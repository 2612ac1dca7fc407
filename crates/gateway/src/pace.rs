//! How long a response or a tunnel may stand still, how long it may last, and when to report on it.
//!
//! Invariant: it costs nothing while bytes flow at once: a timer exists only from the first wait on, and the
//! clock is read only when a wait begins or a timer fires.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The bounds and the state of one exchange's pace.
pub(crate) struct Pace {
    idle: Duration,
    end: Option<Instant>,
    report_every: Duration,
    reported: Instant,
    waiting_since: Option<Instant>,
    timer: Option<Timer>,
}

/// A timer, perhaps set for earlier than needed.
pub(crate) type Timer = Pin<Box<Sleep>>;

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// Nothing moved for longer than allowed.
    Stalled,
    /// The whole lasts longer than allowed.
    Overdue,
    /// A report is due.
    Report,
}

impl Pace {
    /// An exchange that began at `began` and may last until `end`.
    pub(crate) fn new(idle: Duration, end: Option<Instant>, report_every: Duration, began: Instant) -> Self {
        Self { idle, end, report_every, reported: began, waiting_since: None, timer: None }
    }

    /// Takes over a timer that served another exchange. Where it is due earlier it fires once too often, which costs
    /// less than setting it anew for every exchange.
    pub(crate) fn take_over(&mut self, timer: Option<Timer>) {
        if self.timer.is_none() {
            self.timer = timer;
        }
    }

    /// Gives the timer away, waking nobody any more.
    pub(crate) fn give_away(&mut self) -> Option<Timer> {
        let mut timer = self.timer.take()?;
        let fired = timer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        fired.is_pending().then_some(timer)
    }

    /// Goes on with another bound on standing still.
    pub(crate) fn go_on(&mut self, idle: Duration) {
        self.idle = idle;
        self.moved();
    }

    /// Whether the whole lasts longer than allowed.
    pub(crate) fn is_overdue(&self) -> bool {
        self.end.is_some_and(|end| end <= Instant::now())
    }

    /// Something moved.
    pub(crate) fn moved(&mut self) {
        self.waiting_since = None;
    }

    /// Called while nothing moves; ready when something is due. Call again after [`Lapse::Report`].
    pub(crate) fn poll_lapse(&mut self, cx: &mut Context<'_>) -> Poll<Lapse> {
        loop {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            let stalled = since + self.idle;
            let report = self.reported + self.report_every;
            let next = self.end.map_or(stalled, |end| end.min(stalled)).min(report);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            // Moving a timer costs as much as making one: one that is set for earlier fires once too often instead.
            if timer.deadline() > next || timer.is_elapsed() {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.end.is_some_and(|end| end <= now) {
                return Poll::Ready(Lapse::Overdue);
            }
            if stalled <= now {
                return Poll::Ready(Lapse::Stalled);
            }
            if report <= now {
                self.reported = now;
                return Poll::Ready(Lapse::Report);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_noticed_however_often_there_was_movement_before() {
        let began = Instant::now();
        let mut pace = Pace::new(10 * SECOND, None, 3600 * SECOND, began);
        for _ in 0..5 {
            let waited = tokio::time::timeout(4 * SECOND, poll_fn(|cx| pace.poll_lapse(cx))).await;
            assert!(waited.is_err());
            pace.moved();
        }
        assert_eq!(poll_fn(|cx| pace.poll_lapse(cx)).await, Lapse::Stalled);
        assert_eq!(began.elapsed().as_secs(), 5 * 4 + 10);
    }

    #[tokio::test(start_paused = true)]
    async fn reports_come_at_their_interval_and_the_end_in_time() {
        let began = Instant::now();
        let mut pace = Pace::new(100 * SECOND, Some(began + 25 * SECOND), 10 * SECOND, began);
        let mut lapses = Vec::new();
        for _ in 0..3 {
            let lapse = poll_fn(|cx| pace.poll_lapse(cx)).await;
            lapses.push((lapse, began.elapsed().as_secs()));
        }
        assert_eq!(lapses, [(Lapse::Report, 10), (Lapse::Report, 20), (Lapse::Overdue, 25)]);
    }
}
