//! One channel: takes what it still has to tell, tells it, moves on.
//!
//! Invariant: its place moves on only once a message was taken or nothing in it was wanted.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_model::Timestamp;
use portcullis_model::finding::{Attention, Finding};
use smol_str::SmolStr;

use super::{AlertChannel, ChannelFigures, Channels, Target, syslog, webhook};
use crate::findings::{Channel, FindingFacts, FindingFile, Findings, FindingsError, Notice};
use crate::recorder::now;

/// Findings in one message.
const MOST: usize = 100;

/// How a channel takes its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How often it is looked whether there is something to tell; what comes meanwhile goes out together.
    pub(super) look: Duration,
    /// Between tries, at first.
    pub(super) first_pause: Duration,
    /// Between tries, at most.
    pub(super) longest_pause: Duration,
    /// How long a message may take to be taken.
    pub(super) patience: Duration,
}

impl Pace {
    pub(super) const USUAL: Self = Self {
        look: Duration::from_secs(1),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_mins(5),
        patience: Duration::from_secs(10),
    };
}

/// What came of looking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Something,
    /// Not before that time.
    Later(Timestamp),
}

/// Tells findings until it is dropped.
pub(super) async fn run(
    channel: AlertChannel,
    pace: Pace,
    findings: Findings,
    figures: Arc<Mutex<Channels>>,
) {
    let shown = || Shown { channel: &channel.name, figures: &figures };
    shown().with(|_| {});
    let mut pause = Duration::ZERO;
    loop {
        let told = tell(&channel, pace.patience, &findings, shown(), now()).await;
        pause = if told.is_ok() {
            Duration::ZERO
        } else {
            (pause * 2).clamp(pace.first_pause, pace.longest_pause)
        };
        let wait = match &told {
            Ok(Told::Later(at)) => at.since(now()).max(pace.look),
            Ok(_) => pace.look,
            Err(_) => pause,
        };
        shown().count(told);
        shown().count_waiting(&findings);
        tokio::time::sleep(wait).await;
    }
}

/// A channel's figures.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) channel: &'a SmolStr,
    pub(super) figures: &'a Mutex<Channels>,
}

impl Shown<'_> {
    fn with(self, change: impl FnOnce(&mut ChannelFigures)) {
        change(self.figures.lock().entry(self.channel.clone()).or_default());
    }

    /// Counts a try, and says what went wrong once.
    fn count(self, told: Result<Told, String>) {
        self.with(|shown| match told {
            Ok(Told::Nothing | Told::Later(_)) => {}
            Ok(Told::Something) => {
                shown.delivered += 1;
                if shown.failing.take().is_some() {
                    tracing::info!(channel = %self.channel, "alerts are taken again");
                }
            }
            Err(why) => {
                if shown.failing.is_none() {
                    tracing::warn!(channel = %self.channel, "alerts are not taken: {why}");
                }
                shown.failed += 1;
                shown.failing = Some(why);
            }
        });
    }

    fn count_waiting(self, findings: &Findings) {
        if let Ok(waiting) = findings.0.with_file(|file| file.waiting(self.channel)) {
            self.with(|shown| shown.waiting = waiting);
        }
    }
}

/// Looks once, and tells what there is; one message has `patience` to be taken.
pub(super) async fn tell(
    channel: &AlertChannel,
    patience: Duration,
    findings: &Findings,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<Told, String> {
    let name = channel.name.as_str();
    let look = |file: &mut FindingFile| -> Result<(Channel, Vec<Notice>), FindingsError> {
        let place = file.channel(name)?;
        Ok((place, file.notices(place.reached, MOST)?))
    };
    let (place, notices) = findings.0.with_file(look).map_err(|error| error.to_string())?;
    let Some(last) = notices.last().map(|notice| notice.seq) else { return Ok(Told::Nothing) };
    // Notices are numbered without gaps: what is missing between two places gave way.
    let dropped = u64::try_from(last - place.reached).unwrap_or(0).saturating_sub(notices.len() as u64);
    let is_wanted = |notice: &Notice| {
        notice.finding.standing(now) == Attention::Open && is_told(channel, &notice.finding)
    };
    let wanted: Vec<Notice> = latest(notices.into_iter().filter(is_wanted));
    let mut next = Channel { reached: last, ..place };
    if !wanted.is_empty() {
        if let Some(at) = count_against(channel, &mut next, now) {
            return Ok(Told::Later(at));
        }
        let sent = tokio::time::timeout(patience, send(&channel.target, &wanted, now)).await;
        sent.unwrap_or_else(|_| Err(format!("no answer within {} seconds", patience.as_secs())))?;
    }
    findings.0.with_file(|file| file.move_channel(name, next)).map_err(|error| error.to_string())?;
    shown.with(|shown| shown.dropped += dropped);
    Ok(if wanted.is_empty() { Told::Nothing } else { Told::Something })
}

/// Whether a finding is one of those the channel is told.
fn is_told(channel: &AlertChannel, finding: &Finding) -> bool {
    let facts = FindingFacts::new(finding);
    channel.wanted.iter().any(|condition| condition.holds(&facts))
}

/// The last notice of each finding: all of them would show it as it is now.
fn latest(notices: impl Iterator<Item = Notice>) -> Vec<Notice> {
    let mut latest: Vec<Notice> = Vec::new();
    for notice in notices {
        latest.retain(|earlier| earlier.finding.id != notice.finding.id);
        latest.push(notice);
    }
    latest
}

/// Counts one more message; from when on it may go out, if not now.
fn count_against(channel: &AlertChannel, next: &mut Channel, now: Timestamp) -> Option<Timestamp> {
    let (most, per) = channel.at_most?;
    let ends = Timestamp::from_secs(next.window).plus(per);
    // A beginning that lies ahead is of a clock that was set back since.
    if now >= ends || now.as_secs() < next.window {
        (next.window, next.sent) = (now.as_secs(), 0);
    } else if next.sent >= most {
        return Some(ends);
    }
    next.sent += 1;
    None
}

async fn send(target: &Target, notices: &[Notice], now: Timestamp) -> Result<(), String> {
    match target {
        Target::Webhook { url, hmac, trust } => webhook::post(url, hmac.as_ref(), trust, notices, now).await,
        Target::Syslog { transport, address } => syslog::send(transport, address, notices, now).await,
    }
}
