//! The connection to the store's server, kept open by one task.
//!
//! Invariants: only the keeper connects, one attempt at a time with growing, uneven pauses, so a server that comes
//! back is not run over; requests use a connection that answered a `PING`, and are told at once where there is none;
//! a connection that broke or answered nothing several times in a row is given up by the first who notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisResult;
use smol_str::{SmolStr, ToSmolStr};
use tokio::sync::watch;
use tracing::{info, warn};

use super::dial::{Connection, Route};

/// How long one step of connecting may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first and the longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Trips that may run out of time in a row before the connection is given up.
const TIMEOUTS: u32 = 8;

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
}

/// The connection, as requests see it.
pub(super) struct Link {
    standing: watch::Sender<Standing>,
    /// The number of the newest connection that was given up.
    lost: watch::Sender<u64>,
    timeouts: AtomicU32,
    connects: AtomicU64,
}

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            standing: watch::Sender::new(Standing::Connecting),
            lost: watch::Sender::new(0),
            timeouts: AtomicU32::new(0),
            connects: AtomicU64::new(0),
        })
    }

    /// A connection that works, waiting while one is being made for the first time; else why there is none.
    pub(super) async fn live(&self) -> Result<Live, SmolStr> {
        let mut standing = self.standing.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Connecting)).await;
        match settled.as_deref() {
            Ok(Standing::Live(live)) => Ok(live.clone()),
            Ok(Standing::Down(why)) => Err(why.clone()),
            Ok(Standing::Connecting) | Err(_) => Err(SmolStr::new_static("not connected")),
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
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    /// A trip ran out of time; after several in a row the connection is given up.
    pub(super) fn timed_out(&self) {
        let in_a_row = self.timeouts.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= TIMEOUTS
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
        let mut pause = PAUSES.0;
        loop {
            match connect(&route).await {
                Ok(connection) => {
                    let number = self.connects.fetch_add(1, Ordering::Relaxed) + 1;
                    self.timeouts.store(0, Ordering::Relaxed);
                    info!("connected to the store's server");
                    self.standing.send_replace(Standing::Live(Live { connection, number }));
                    let mut lost = self.lost.subscribe();
                    if lost.wait_for(|lost| *lost >= number).await.is_err() {
                        return;
                    }
                    warn!("the connection to the store's server was lost");
                    pause = PAUSES.0;
                }
                Err(error) => {
                    let told = matches!(*self.standing.borrow(), Standing::Down(_));
                    if !told {
                        warn!(%error, "the store's server cannot be reached");
                    }
                    self.standing.send_replace(Standing::Down(error.to_smolstr()));
                    // Uneven, so that the nodes of a deployment do not come back all at once.
                    tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
}

/// A connection that answers.
async fn connect(route: &Route) -> RedisResult<Connection> {
    let attempt = async {
        let connection = route.connect(PATIENCE).await?;
        connection.send(&redis::cmd("PING")).await?;
        Ok(connection)
    };
    match tokio::time::timeout(PATIENCE * 3, attempt).await {
        Ok(connection) => connection,
        Err(_) => Err((redis::ErrorKind::Io, "no answer").into()),
    }
}
