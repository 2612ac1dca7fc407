//! Bans over several nodes, and word that policies are to be read again: told as they are set or lifted, and compared with all that the server keeps now and then.
//!
//! Invariants: what a node sets or lifts holds on it at once, whether the server answers or not; notices are numbered,
//! so a node knows at its next look that it missed some and reads the whole; reading the whole also tells what the
//! server does not know. So a node that was cut off, and a server that lost everything, are as the others seconds
//! after they are back. It does not know what a ban is of.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use portcullis_model::Timestamp;
use redis::aio::PubSubStream;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::dial::Route;
use super::link::Link;
use super::notices::{Names, Notice, kept, published};
use super::reloads::{Reloading, Reloads};
use crate::bans::BanBook;

/// How often a node looks whether it missed a notice.
const LOOK: Duration = Duration::from_secs(1);
/// How often it reads the whole even so.
const WHOLE: Duration = Duration::from_mins(1);
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Notices that may wait to be told; what finds no room is told at the next look at the whole.
const OUTBOX: usize = 10_000;

/// Tells and hears notices of one deployment.
pub(super) struct Sharing {
    link: Arc<Link>,
    route: Route,
    names: Names,
    book: Arc<BanBook>,
    reloads: Reloads,
    /// Whether something could not be told and the whole has to be compared.
    behind: AtomicBool,
    heard: AtomicU64,
    listening: AtomicBool,
}

/// Where a node's own notices wait to be told.
pub(super) struct Outbox {
    queue: mpsc::Sender<Notice>,
    sharing: Arc<Sharing>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Outbox {
    /// Tells the other nodes, without waiting.
    pub(super) fn tell(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.sharing.behind.store(true, Ordering::Release);
        }
    }

    /// Tells all the server does not know yet, without waiting.
    pub(super) fn tell_all(&self) {
        self.sharing.behind.store(true, Ordering::Release);
    }

    /// Has every node read its policy again, this one too; whether the server took it.
    pub(super) async fn tell_reload(&self) -> bool {
        let names = &self.sharing.names;
        self.sharing.send(&Reloads::tell(&names.reloads, &names.channel)).await.is_some()
    }

    /// The server's clock; nothing where it does not answer.
    pub(super) async fn clock(&self) -> Option<Timestamp> {
        self.sharing.now().await
    }

    /// Hears that policies are to be read again.
    pub(super) fn reloading(&self) -> Reloading {
        self.sharing.reloads.listener()
    }

    /// How many notices of others were heard, and whether this node hears them now.
    pub(super) fn heard(&self) -> (u64, bool) {
        (self.sharing.heard.load(Ordering::Relaxed), self.sharing.listening.load(Ordering::Relaxed))
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Sharing {
    /// Begins to tell and to hear.
    pub(super) fn start(link: Arc<Link>, route: Route, prefix: &str, book: Arc<BanBook>) -> Outbox {
        let (queue, outbox) = mpsc::channel(OUTBOX);
        let sharing = Arc::new(Self {
            link,
            route,
            names: Names::of(prefix),
            book,
            reloads: Reloads::new(),
            behind: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            listening: AtomicBool::new(false),
        });
        let tasks = [
            tokio::spawn(Arc::clone(&sharing).tell_all(outbox)),
            tokio::spawn(Arc::clone(&sharing).hear_all()),
        ];
        Outbox { queue, sharing, tasks }
    }

    async fn tell_all(self: Arc<Self>, mut outbox: mpsc::Receiver<Notice>) {
        while let Some(notice) = outbox.recv().await {
            if self.send(&self.names.tell(&notice)).await.is_none() {
                self.behind.store(true, Ordering::Release);
            }
        }
    }

    /// Listens, again and again.
    async fn hear_all(self: Arc<Self>) {
        let mut told = false;
        loop {
            let Err(error) = self.hear().await;
            if self.listening.swap(false, Ordering::Relaxed) || !told {
                warn!(%error, "bans of other nodes are not heard");
                told = true;
            }
            tokio::time::sleep(LOOK / 4).await;
        }
    }

    /// Listens until something is wrong with it.
    async fn hear(&self) -> RedisResult<Infallible> {
        let silent = || redis::RedisError::from((redis::ErrorKind::Io, "the server does not answer"));
        // Only the keeper of the link tries a server that does not answer.
        self.link.live().await.map_err(|_| silent())?;
        let dialled = timeout(PATIENCE, async {
            let mut listening = self.route.listen().await?;
            listening.subscribe(&self.names.channel).await?;
            RedisResult::Ok(listening.into_on_message())
        });
        let mut channel = dialled.await.map_err(|_| silent())??;
        let mut heard = self.compare().await.ok_or_else(silent)?;
        self.reloads.look(self.number(&self.names.reloads).await.ok_or_else(silent)?);
        if !self.listening.swap(true, Ordering::Relaxed) {
            info!("bans are shared with the other nodes");
        }
        let mut whole = Instant::now() + WHOLE;
        loop {
            self.hear_for(LOOK, &mut channel, &mut heard).await.ok_or_else(silent)?;
            let (known, last) = (heard, self.number(&self.names.number).await.ok_or_else(silent)?);
            self.reloads.look(self.number(&self.names.reloads).await.ok_or_else(silent)?);
            if last > known {
                // It may be under way.
                self.hear_for(LOOK / 4, &mut channel, &mut heard).await.ok_or_else(silent)?;
            }
            let missed = last > heard || last < known;
            if missed || self.behind.swap(false, Ordering::AcqRel) || whole <= Instant::now() {
                heard = self.compare().await.ok_or_else(silent)?;
                whole = Instant::now() + WHOLE;
            }
            if missed && !self.still_hears(&mut channel).await {
                return Err(silent());
            }
        }
    }

    /// Takes up what is published for so long; none once the channel has ended.
    async fn hear_for(&self, time: Duration, channel: &mut PubSubStream, heard: &mut i64) -> Option<()> {
        let end = Instant::now() + time;
        while let Ok(message) = tokio::time::timeout_at(end, channel.next()).await {
            let message = message?;
            self.reloads.hear(message.get_payload_bytes());
            let Some((number, json)) = published(message.get_payload_bytes()) else { continue };
            // Not the next one: the look that follows finds that something is missing.
            if number == *heard + 1 {
                *heard = number;
            }
            self.take_up(json);
        }
        Some(())
    }

    /// Whether anything still comes: what was missed at a look is either under way, or the channel is dead.
    async fn still_hears(&self, channel: &mut PubSubStream) -> bool {
        let word = Cmd::publish(&self.names.channel, "-");
        self.send(&word).await.is_some() && matches!(timeout(PATIENCE, channel.next()).await, Ok(Some(_)))
    }

    /// The number of the last notice of a kind; zero where there was none yet.
    async fn number(&self, kind: &str) -> Option<i64> {
        let value = self.send(redis::cmd("GET").arg(kind)).await?;
        redis::from_redis_value::<Option<i64>>(value).ok().map(Option::unwrap_or_default)
    }

    /// Takes up every notice the server keeps, and tells it those it does not know; the last notice's number before.
    async fn compare(&self) -> Option<i64> {
        let number = self.number(&self.names.number).await?;
        let known = self.kept().await?;
        let unknown = |own: &Notice| known.get(&own.about()).is_none_or(|held| held.lacks(own));
        let untold: Vec<Notice> = Notice::all(&self.book, self.now().await?).filter(unknown).collect();
        for notice in known.into_values() {
            notice.take_up(&self.book);
        }
        for notice in untold {
            self.send(&self.names.tell(&notice)).await?;
        }
        Some(number)
    }

    /// Every notice the server keeps, by whom it is about.
    async fn kept(&self) -> Option<HashMap<String, Notice>> {
        let mut known = HashMap::new();
        let mut cursor = 0;
        loop {
            let mut scan = redis::cmd("HSCAN");
            let value = self.send(scan.arg(&self.names.kept).arg(cursor).arg("COUNT").arg(1000)).await?;
            let (next, entries): (u64, HashMap<Vec<u8>, Vec<u8>>) = redis::from_redis_value(value).ok()?;
            let notices = entries.values().filter_map(|entry| kept(entry)).filter_map(read);
            known.extend(notices.map(|notice| (notice.about(), notice)));
            cursor = next;
            if cursor == 0 {
                return Some(known);
            }
        }
    }

    /// The server's clock.
    async fn now(&self) -> Option<Timestamp> {
        let mut ask = redis::cmd("EVAL");
        let value = self.send(ask.arg("return redis.call('TIME')[1]").arg(1).arg(&self.names.number)).await?;
        redis::from_redis_value::<i64>(value).ok().map(Timestamp::from_secs)
    }

    fn take_up(&self, json: &[u8]) {
        let Some(notice) = read(json) else { return };
        self.heard.fetch_add(1, Ordering::Relaxed);
        notice.take_up(&self.book);
    }

    /// Sends a command; nothing where there is no connection, no answer, or an error.
    async fn send(&self, command: &Cmd) -> Option<Value> {
        let live = timeout(PATIENCE, self.link.live()).await.ok()?.ok()?;
        match timeout(PATIENCE, live.connection.send(command)).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) if !super::is_broken(&error) => warn!(%error, "bans cannot be shared"),
            Ok(Err(_)) | Err(_) => self.link.give_up(&live),
        }
        None
    }
}

fn read(json: &[u8]) -> Option<Notice> {
    let read = Notice::parse(json);
    if let Err(error) = &read {
        warn!(%error, "what another node says of a ban cannot be read");
    }
    read.ok()
}
