//! Alerts: findings told to people, through channels.
//!
//! Invariants: what a channel has not taken is offered again, over restarts, less and less often up to every five
//! minutes; a channel that fails or hangs delays no other; what may not be sent yet waits and goes out with the next
//! message, so a limit loses nothing while the book of what is owed has room. It runs on a thread of its own and knows no policy.

mod channel;
mod syslog;
mod trust;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_expr::Program;
use portcullis_model::Secret;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tokio::sync::watch;

use crate::findings::Findings;
use crate::recorder::StartError;

use channel::Pace;
pub use trust::{Trust, TrustError};
pub use webhook::signature;

/// A channel findings are told through.
#[derive(Clone, Debug)]
pub struct AlertChannel {
    /// Its name.
    pub name: SmolStr,
    /// Where it leads.
    pub target: Target,
    /// What is told: a finding that any of these conditions over findings holds of.
    pub wanted: Vec<Program>,
    /// At most so many messages in so long.
    pub at_most: Option<(i64, Duration)>,
}

/// Where a channel leads.
#[derive(Clone, Debug)]
pub enum Target {
    /// An HTTP POST of JSON.
    Webhook {
        /// Where to; may itself be a secret.
        url: Secret<String>,
        /// Signs messages.
        hmac: Option<Secret<Vec<u8>>>,
        /// Who may vouch for the receiver, where the URL is one of `https`.
        trust: Trust,
    },
    /// Messages of RFC 5424.
    Syslog {
        /// How they are carried.
        transport: Transport,
        /// `host:port`.
        address: String,
    },
}

/// How messages of syslog are carried.
#[derive(Clone, Debug)]
pub enum Transport {
    /// One a datagram (RFC 5426): whether it arrived cannot be known.
    Udp,
    /// With their lengths before them (RFC 6587).
    Tcp,
    /// The same inside TLS (RFC 5425).
    Tls(Trust),
}

/// How a channel is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFigures {
    /// Messages taken since the start.
    pub delivered: u64,
    /// Tries that failed since the start.
    pub failed: u64,
    /// Findings it has still to look at.
    #[serde(default)]
    pub waiting: u64,
    /// Findings it was not told for want of room, since the start.
    #[serde(default)]
    pub dropped: u64,
    /// Why the last try failed; absent once one succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// The figures of every channel.
pub type Channels = BTreeMap<SmolStr, ChannelFigures>;

/// The running side. Dropping it ends telling; what was not taken is offered after the next start.
#[derive(Debug)]
pub struct Alerts {
    channels: watch::Sender<Option<Vec<AlertChannel>>>,
    figures: Arc<Mutex<Channels>>,
    thread: Option<JoinHandle<()>>,
}

impl Alerts {
    /// Starts telling what is raised from now on, and what an earlier run still owed these channels.
    pub fn start(findings: Findings, channels: Vec<AlertChannel>) -> Result<Self, StartError> {
        Self::start_at(Pace::USUAL, findings, channels)
    }

    fn start_at(pace: Pace, findings: Findings, channels: Vec<AlertChannel>) -> Result<Self, StartError> {
        let (sender, changed) = watch::channel(Some(channels));
        let figures = Arc::new(Mutex::new(Channels::new()));
        let shown = Arc::clone(&figures);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("portcullis-alerts".to_owned())
            .spawn(move || {
                runtime.block_on(run(pace, &findings, changed, &shown));
                // A name that is being looked up keeps nobody waiting.
                runtime.shutdown_background();
            })
            .map_err(StartError::Thread)?;
        Ok(Self { channels: sender, figures, thread: Some(thread) })
    }

    /// Takes over changed channels; one that keeps its name goes on where it was.
    pub fn reconfigure(&self, channels: Vec<AlertChannel>) {
        self.channels.send_replace(Some(channels));
    }

    /// How the channels are doing.
    pub fn figures(&self) -> Channels {
        self.figures.lock().clone()
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.channels.send_replace(None);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its hook.
            let _ = thread.join();
        }
    }
}

/// Runs the channels of the newest configuration until there is none any more.
async fn run(
    pace: Pace,
    findings: &Findings,
    mut changed: watch::Receiver<Option<Vec<AlertChannel>>>,
    figures: &Arc<Mutex<Channels>>,
) {
    loop {
        let Some(channels) = changed.borrow_and_update().clone() else { return };
        let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
        if let Err(error) = findings.0.with_file(|file| file.retain_channels(&names)) {
            tracing::warn!("alerts: {error}");
        }
        figures.lock().retain(|name, _| names.contains(&name.as_str()));
        // Dropped with the set, in the midst of a message if need be: it is offered again.
        let mut running = tokio::task::JoinSet::new();
        for channel in channels {
            running.spawn(channel::run(channel, pace, findings.clone(), Arc::clone(figures)));
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
