//! What the gateway has to reach, and the running gateway itself.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use portcullis_admin::api::Status;
use portcullis_policy::{Policy, Site};
use portcullis_store::{ServerPlan, ServerStore};

use super::Trouble;
use crate::{question, serve};

/// How long connecting to a server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far the clock may be from that of the state server; beside the second it is told in.
const APART: Duration = Duration::from_secs(2);

/// How the running gateway says it is.
pub(super) fn gateway(config: &Path, policy: &Policy) -> Vec<Trouble> {
    let Some(control) = &policy.control else { return Vec::new() };
    let asked = question::client(config).and_then(|client| question::ask(client.get::<Status>("/status")));
    match asked {
        Ok(status) => unwell(&status),
        Err(error) => vec![Trouble::warning(
            "gateway",
            format!("no gateway answers on `{}`: {error:#}", control.socket.path),
            "start it with `portcullis serve`, or ask as the user it runs as: only that one may use the socket",
        )],
    }
}

fn unwell(status: &Status) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if status.policy.rejected.is_some() {
        let remedy = "mend what `portcullis check` shows; the gateway goes on with the policy it had";
        troubles.push(Trouble::error("gateway", "the running gateway refused the policy on disk", remedy));
    }
    let dropped = status.recording.dropped_passes + status.recording.dropped_refusals;
    if dropped > 0 {
        let what = format!("events were dropped because the archive fell behind: {dropped}");
        let remedy = "put the archive on a faster disk, keep a smaller share with `archive.passes`, or raise `archive.queue`";
        troubles.push(Trouble::warning("gateway", what, remedy));
    }
    if let Some(why) = &status.learning.failing {
        let remedy = "look at the disk and the rights of the folder of `inventory.path`";
        troubles.push(Trouble::error(
            "gateway",
            format!("what is learned cannot be written down: {why}"),
            remedy,
        ));
    }
    troubles
}

/// Whether the sites' servers take connections.
pub(super) fn upstreams(policy: &Policy) -> Vec<Trouble> {
    let servers = policy.sites.iter().flat_map(|site| {
        Site::every_upstream(site)
            .flat_map(|upstream| upstream.servers.iter())
            .map(move |server| (&site.name, server))
    });
    let refused = servers.filter_map(|(site, server)| {
        let error = connect(&server.url.host, server.url.port).err()?;
        Some(Trouble::error(
            "upstreams",
            format!("{} of site `{site}` cannot be connected to: {error}", server.url.url),
            "look whether it runs and listens there, and what is between (name service, firewall)",
        ))
    });
    refused.collect()
}

/// Connects to any address of a name.
fn connect(host: &str, port: u16) -> std::io::Result<()> {
    let mut last = std::io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the server that holds the state can be used, and by which clock it goes.
pub(super) fn state(plan: Option<ServerPlan>) -> anyhow::Result<Vec<Trouble>> {
    let Some(plan) = plan else { return Ok(Vec::new()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(look_at_state(plan)).into_iter().collect())
}

async fn look_at_state(plan: ServerPlan) -> Option<Trouble> {
    let store = ServerStore::start(plan);
    if let Err(why) = store.fit().await {
        return Some(Trouble::error(
            "state",
            format!("the state server cannot be used: {why}"),
            "upgrade it",
        ));
    }
    let Some(theirs) = store.clock().await else {
        let remedy =
            "look whether it runs at `state.server.at`, lets the user in, and is reached by TLS as written";
        return Some(Trouble::error("state", "the state server does not answer", remedy));
    };
    let ours = serve::now();
    let apart = theirs.since(ours).max(ours.since(theirs));
    let what = format!("this machine's clock and the state server's are {} s apart", apart.as_secs());
    let remedy =
        "have both kept by NTP: bans and tokens go by the gateway's clock, shared limits by the server's";
    (apart > APART).then(|| Trouble::warning("clock", what, remedy))
}
