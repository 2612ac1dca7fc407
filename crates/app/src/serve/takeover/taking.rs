//! The side of the gateway that is to serve: asks the one that does for all it has.
//!
//! Invariant: whatever goes wrong before [`Predecessor::succeed`] leaves the other one serving, once this process ends.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_gateway::HandedSocket;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tracing::{info, warn};

use super::line::Line;
use super::{PROTOCOL, Said};
use crate::serve::node::RunningNode;

/// How long the other one may take for an answer: it may be reading a policy just now.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway that serves until this one does.
pub(in crate::serve) struct Predecessor(Line);

impl Predecessor {
    /// Asks the gateway at this place for its sockets; `None` if there is none.
    pub(in crate::serve) async fn ask(place: &Path) -> Result<Option<(Self, Vec<HandedSocket>)>> {
        let stream = match UnixStream::connect(place).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                info!("no gateway runs with this policy: there is nothing to take over");
                return Ok(None);
            }
            Err(error) => return Err(error).with_context(|| format!("cannot ask on {}", place.display())),
        };
        let mut line = Line::new(stream);
        let sockets = timeout(PATIENCE, sockets(&mut line))
            .await
            .map_err(Into::into)
            .and_then(|lent| lent)
            .context("the gateway that runs keeps its sockets")?;
        Ok(Some((Self(line), sockets)))
    }

    /// Tells the other one that this one serves; it begins to drain.
    pub(in crate::serve) async fn succeed(&mut self) -> Result<()> {
        self.0.say(&Said::Serving, None).await?;
        if let Some(Said::Yours) = timeout(PATIENCE, self.0.hear()).await?? {
            info!("took over; the gateway before drains");
        } else {
            warn!("the gateway before ended at once");
        }
        Ok(())
    }

    /// Takes what the other one leaves once it has drained.
    pub(in crate::serve) async fn inherit(mut self, node: Arc<RunningNode>) {
        match self.0.hear().await {
            Ok(Some(Said::Estate(estate))) => {
                node.inherit(estate).await;
                info!("the gateway before has drained");
            }
            Ok(_) => {
                warn!("the gateway before ended early: what it learned and banned while it drained is lost");
            }
            Err(error) => warn!("the gateway before left nothing: {error:#}"),
        }
    }
}

async fn sockets(line: &mut Line) -> Result<Vec<HandedSocket>> {
    line.say(&Said::Ask { protocol: PROTOCOL, process: std::process::id() }, None).await?;
    let count = match line.hear().await? {
        Some(Said::Lending { sockets }) => sockets,
        Some(Said::Refused { why }) => bail!(why),
        Some(_) => bail!("it says what was not asked"),
        None => bail!("it ended the conversation; its log says why"),
    };
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let Some(Said::Socket { door, name }) = line.hear().await? else { bail!("not all of them came") };
        let handle = line.handle().context("a socket was announced and did not come")?;
        sockets.push(HandedSocket { was: Some((door.into(), name)), socket: handle.into() });
    }
    Ok(sockets)
}
