//! The connection to the store's server, kept open by one task.
//!
//! Invariants: only the keeper connects, one attempt at a time with growing, uneven pauses, so a server that comes
//! back is not run over, nor one that accepts connections and answers nothing; requests use a connection that answered, and are told
//! at once where there is none; a connection that broke or answered nothing several times in a row is given up by the
//! first who notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisError;
use smol_str::{SmolStr, ToSmolStr};
use tokio::sync::watch;
use tracing::{info, warn};

use super::dial::{Connection, Route};

/// How long one step of connecting may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first and the longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Trips that may go unanswered in a row before the connection is given up.
const UNANSWERED: u32 = 8;

/// A connection in use.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) connection: Connection,
    /// Which connection since the start it is.
    number: u64,
}

/// How the connection stands.
#[derive(Clone)]
pub(super) enum Standing {
    /// The first attempt since it was lost is under way; worth waiting for.
    Connecting,
    /// It works.
    Live(Live),
    /// The last attempt failed.
    Down(SmolStr),
    /// The server answers and cannot be used.
    Unfit(SmolStr),
}

/// The connection, as requests see it.
pub(super) struct Link {
    standing: watch::Sender<Standing>,
    /// The number of the newest connection that was given up.
    lost: watch::Sender<u64>,
    unanswered: AtomicU32,
    /// Whether a trip was answered since the last connection was made.
    useful: AtomicBool,
    connects: AtomicU64,
}

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            standing: watch::Sender::new(Standing::Connecting),
            lost: watch::Sender::new(0),
            unanswered: AtomicU32::new(0),
            useful: AtomicBool::new(false),
            connects: AtomicU64::new(0),
        })
    }

    /// A connection that works, waiting while one is being made for the first time; else why there is none.
    pub(super) async fn live(&self) -> Result<Live, SmolStr> {
        let mut standing = self.standing.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Connecting)).await;
        match settled.as_deref() {
            Ok(Standing::Live(live)) => Ok(live.clone()),
            Ok(Standing::Down(why) | Standing::Unfit(why)) => Err(why.clone()),
            Ok(Standing::Connecting) | Err(_) => Err(SmolStr::new_static("not connected")),
        }
    }

    /// Waits for the first attempt to connect; why the server cannot be used, where it answers and is too old.
    pub(super) async fn fit(&self) -> Result<(), SmolStr> {
        // Where it cannot be reached that may change.
        let _ = self.live().await;
        match self.standing() {
            Standing::Unfit(why) => Err(why),
            Standing::Connecting | Standing::Live(_) | Standing::Down(_) => Ok(()),
        }
    }

    /// How it stands.
    pub(super) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// How many connections were made since the start.
    pub(super) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// A trip was answered.
    pub(super) fn answered(&self) {
        // Read first: all workers do this, and hardly ever is there anything to change.
        if !self.useful.load(Ordering::Relaxed) {
            self.useful.store(true, Ordering::Relaxed);
        }
        if self.unanswered.load(Ordering::Relaxed) != 0 {
            self.unanswered.store(0, Ordering::Relaxed);
        }
    }

    /// A trip ran out of time, or came to a server of a cluster that is gone; after several in a row the connection is
    /// given up.
    pub(super) fn unanswered(&self) {
        let in_a_row = self.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= UNANSWERED
            && let Standing::Live(live) = self.standing()
        {
            self.give_up(&live);
        }
    }

    /// Gives a connection up that is of no use any more.
    pub(super) fn give_up(&self, live: &Live) {
        self.standing.send_if_modified(|standing| {
            let current = matches!(standing, Standing::Live(held) if held.number == live.number);
            if current {
                *standing = Standing::Connecting;
            }
            current
        });
        self.lost.send_if_modified(|lost| {
            let newer = *lost < live.number;
            *lost = live.number.max(*lost);
            newer
        });
    }

    /// Keeps it open until the task is ended.
    pub(super) async fn serve(self: Arc<Self>, route: Route) {
        let mut pause = Duration::ZERO;
        loop {
            match connect(&route).await {
                Ok(connection) => {
                    if self.hold(connection).await.is_none() {
                        return;
                    }
                    warn!("the connection to the store's server was lost");
                    if self.useful.load(Ordering::Relaxed) {
                        pause = Duration::ZERO;
                    } else if !pause.is_zero() {
                        self.standing.send_replace(Standing::Down(SmolStr::new_static(USELESS)));
                    }
                }
                Err(unusable) => {
                    if !matches!(self.standing(), Standing::Down(_) | Standing::Unfit(_)) {
                        warn!("the store's server cannot be used: {unusable}");
                    }
                    self.standing.send_replace(unusable.into());
                    pause = pause.max(PAUSES.0);
                }
            }
            // Uneven, so that the nodes of a deployment do not come back all at once.
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).clamp(PAUSES.0, PAUSES.1);
        }
    }

    /// Lets requests use it until it is given up.
    async fn hold(&self, connection: Connection) -> Option<()> {
        let number = self.connects.fetch_add(1, Ordering::Relaxed) + 1;
        self.unanswered.store(0, Ordering::Relaxed);
        self.useful.store(false, Ordering::Relaxed);
        info!("connected to the store's server");
        self.standing.send_replace(Standing::Live(Live { connection, number }));
        let mut lost = self.lost.subscribe();
        lost.wait_for(|lost| *lost >= number).await.ok().map(|_| ())
    }
}

/// Why there is no connection where one after the other was of no use.
const USELESS: &str = "it accepts connections and answers nothing";

/// Which Redis a server is or stands in for; asked by a script, which one node of a cluster answers for all.
const VERSION: &str =
    "return redis.REDIS_VERSION or string.match(redis.call('INFO', 'server'), 'redis_version:(%S+)')";
/// The first that runs our scripts.
const OLDEST: u32 = 7;

/// Why a server cannot be used.
enum Unusable {
    /// It was not reached, or did not let us in.
    Failed(RedisError),
    /// It is of this version.
    TooOld(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::TooOld(version) => {
                write!(f, "it is Redis {version}; Redis {OLDEST} or newer is needed, or Valkey")
            }
        }
    }
}

impl From<RedisError> for Unusable {
    fn from(error: RedisError) -> Self {
        Self::Failed(error)
    }
}

impl From<Unusable> for Standing {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Failed(_) => Self::Down(unusable.to_smolstr()),
            Unusable::TooOld(_) => Self::Unfit(unusable.to_smolstr()),
        }
    }
}

/// A connection that answers, to a server that is new enough.
async fn connect(route: &Route) -> Result<Connection, Unusable> {
    let attempt = async {
        let connection = route.connect(PATIENCE).await?;
        let version = connection.send(redis::cmd("EVAL").arg(VERSION).arg(0)).await?;
        let version: String = redis::from_redis_value(version).map_err(RedisError::from)?;
        let first = version.split('.').next().and_then(|number| number.parse::<u32>().ok());
        match first {
            Some(first) if first < OLDEST => Err(Unusable::TooOld(version)),
            _ => Ok(connection),
        }
    };
    tokio::time::timeout(PATIENCE * 3, attempt)
        .await
        .unwrap_or_else(|_| Err(RedisError::from((redis::ErrorKind::Io, "no answer")).into()))
}
