//! What a node does when another process goes on in its place, or it in another's.
//!
//! Invariant: what is lent comes back whole, or goes over whole; the files that are lent (bans, what was learned) are
//! written by one process at a time. The archive and the findings are not lent: several processes may write them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_events::alerts::{AlertChannel, Alerts};
use portcullis_gateway::{Leaving, Lent};
use portcullis_model::Timestamp;
use tracing::{error, warn};

use super::RunningNode;
use crate::serve::now;
use crate::serve::takeover::Estate;

impl RunningNode {
    /// Keeps policies from being taken up.
    pub(in crate::serve) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.reloading.lock().await
    }

    /// Handles on all sockets it listens on.
    pub(in crate::serve) fn sockets(&self) -> std::io::Result<Vec<Lent>> {
        self.gateway.lend()
    }

    /// Writes down what only one process may write, and leaves those files alone.
    pub(in crate::serve) async fn lend(&self) {
        self.lent_at.store(now().as_micros(), Ordering::Release);
        self.bans.lend(self.kept.ban_book());
        self.learner.lend().await;
    }

    /// Takes back what was lent.
    pub(in crate::serve) async fn reclaim(&self) {
        self.bans.reclaim();
        self.learner.reclaim().await;
    }

    /// Another process serves from now on: policies are its business, and so is telling of findings.
    pub(in crate::serve) async fn step_down(&self) {
        self.stepped_down.store(true, Ordering::Release);
        let alerts = self.alerts.lock().take();
        // Its thread ends in the midst of a message, which is offered again.
        let _ = tokio::task::spawn_blocking(move || drop(alerts)).await;
    }

    /// Whether another process serves in this one's place.
    pub(super) fn has_stepped_down(&self) -> bool {
        self.stepped_down.load(Ordering::Acquire)
    }

    /// Begins to tell of findings: once at a time, so not before the process before has ended that.
    pub(in crate::serve) fn tell_findings(&self, channels: Vec<AlertChannel>) {
        match Alerts::start(self.findings.clone(), channels) {
            Ok(alerts) => *self.alerts.lock() = Some(alerts),
            Err(why) => error!("nobody is told of findings: {why}"),
        }
    }

    /// Takes over what the process before came to have while it drained.
    pub(in crate::serve) async fn inherit(&self, estate: Estate) {
        let store = self.kept.store();
        for ban in estate.bans.into_iter().filter(|ban| ban.holds(now())) {
            store.ban(ban);
        }
        self.learner.take_in(estate.learned).await;
    }

    /// Lets requests in flight finish, then writes down what waits; what comes to whoever goes on.
    pub(in crate::serve) async fn stop(self: &Arc<Self>, leaving: Leaving) -> Estate {
        let deadline = self.policy.load().connections.drain_timeout;
        self.gateway.drain(deadline, leaving).await;
        self.bans.keep(self.kept.ban_book());
        self.keep_key_uses();
        let recording = self.recording.lock().take();
        // Waits for the disk; ends by itself where that fails.
        let node = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || {
            let learned = node.learner.finish();
            // After what raises them.
            drop(node.finding_keeper.lock().take());
            drop(node.alerts.lock().take());
            drop(node.traces.lock().take());
            if let Some(recording) = recording {
                recording.finish();
            }
            learned
        });
        let learned = written.await.unwrap_or_else(|panicked| {
            warn!(%panicked, "not everything was written down");
            Vec::new()
        });
        Estate { bans: self.bans_since_lent(), learned }
    }

    fn bans_since_lent(&self) -> Vec<portcullis_model::Ban> {
        let lent_at = Timestamp::from_micros(self.lent_at.load(Ordering::Acquire));
        self.kept.ban_book().list(now()).into_iter().filter(|ban| ban.since >= lent_at).collect()
    }
}
