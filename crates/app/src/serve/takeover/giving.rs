//! The side of the gateway that serves: lends what it has to one that wants to go on in its place.
//!
//! Invariants: one at a time; one that went away, is not this user's, or does not come up in time changes nothing; no
//! policy is taken up while something is lent.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use portcullis_admin::ControlSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use super::line::Line;
use super::{Estate, PROTOCOL, Said};
use crate::serve::node::RunningNode;

/// How long one that connected may take to ask.
const ASKING: Duration = Duration::from_secs(5);
/// How long it may take from there until it serves.
const STARTING: Duration = Duration::from_mins(2);
/// How long the sockets wait after the system could not take a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Waiting to be asked.
pub(in crate::serve) struct Giving(Option<JoinHandle<Successor>>);

/// Who serves in this one's place.
pub(in crate::serve) struct Successor {
    line: Line,
    /// The number of its process.
    pub(in crate::serve) process: u32,
}

impl Giving {
    /// Waits on this socket, if there is one.
    pub(in crate::serve) fn start(socket: Option<ControlSocket>, node: &Arc<RunningNode>) -> Self {
        let node = Arc::clone(node);
        Self(socket.map(|socket| tokio::spawn(wait(socket, node))))
    }

    /// Returns once another process serves in this one's place.
    pub(in crate::serve) async fn given(&mut self) -> Successor {
        if let Some(waiting) = &mut self.0
            && let Ok(successor) = waiting.await
        {
            return successor;
        }
        // There is no socket, or the task ended with a panic, which its hook reports.
        self.0 = None;
        std::future::pending().await
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        if let Some(waiting) = &self.0 {
            waiting.abort();
        }
    }
}

impl Successor {
    /// Leaves it what this one came to have while it drained.
    pub(in crate::serve) async fn leave(mut self, estate: Estate) {
        if let Err(error) = self.line.say(&Said::Estate(estate), None).await {
            warn!("what was learned and banned since the takeover is lost: {error:#}");
        }
    }
}

async fn wait(socket: ControlSocket, node: Arc<RunningNode>) -> Successor {
    loop {
        let Ok(stream) = socket.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut line = Line::new(stream);
        match give(&mut line, &node).await {
            Ok(process) => return Successor { line, process },
            Err(error) => warn!("no other gateway took over: {error:#}"),
        }
    }
}

/// Lends everything and waits for the other one to serve; the number of its process.
async fn give(line: &mut Line, node: &RunningNode) -> Result<u32> {
    if !line.is_trusted() {
        bail!("a process of another user asked");
    }
    let process = match timeout(ASKING, line.hear()).await?? {
        Some(Said::Ask { protocol: PROTOCOL, process }) => process,
        Some(Said::Ask { protocol, .. }) => {
            let why = format!("this gateway speaks version {PROTOCOL} of handing over, the other {protocol}");
            line.say(&Said::Refused { why: why.clone() }, None).await?;
            bail!(why);
        }
        _ => bail!("who connected did not ask"),
    };
    let _no_other_policy = node.alone().await;
    info!(process, "another gateway wants to take over");
    node.lend().await;
    let serving = timeout(STARTING, lend(line, node)).await.map_err(Into::into).and_then(|lent| lent);
    if let Err(error) = serving {
        node.reclaim().await;
        return Err(error);
    }
    node.step_down().await;
    // Gone again in this very moment, it has to be started by whoever started it: all of this one's is lent.
    if let Err(error) = line.say(&Said::Yours, None).await {
        warn!("the other gateway was not told that all is its own: {error:#}");
    }
    Ok(process)
}

/// Hands the sockets over and waits until they are served.
async fn lend(line: &mut Line, node: &RunningNode) -> Result<()> {
    let sockets = node.sockets()?;
    line.say(&Said::Lending { sockets: sockets.len() }, None).await?;
    for lent in sockets {
        let said = Said::Socket { door: lent.door.into(), name: lent.name };
        line.say(&said, Some(lent.socket.as_fd())).await?;
    }
    match line.hear().await? {
        Some(Said::Serving) => Ok(()),
        Some(_) => bail!("it said something else than that it serves"),
        None => bail!("it ended before it served: its own log says why"),
    }
}
