//! What a policy says that is allowed, and seldom meant in production.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use portcullis_policy::{Mode, Policy};

use super::Trouble;
use crate::secret;

/// The smells of a policy.
pub(super) fn of(policy: &Policy) -> Vec<Trouble> {
    let one = [
        open_secret(policy),
        open_metrics(policy),
        trusts_everybody(policy),
        unheard(policy),
        state_in_clear(policy),
    ];
    one.into_iter()
        .flatten()
        .chain(watched_only(policy))
        .chain(unfiltered(policy))
        .chain(in_clear(policy))
        .collect()
}

fn smell(what: impl std::fmt::Display, remedy: &str) -> Trouble {
    Trouble::warning("smells", what, remedy)
}

fn open_secret(policy: &Policy) -> Option<Trouble> {
    let file = secret::file(policy)?;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let what = format!("others than its owner can read `{file}`, the secret all hashes and keys depend on");
    (mode & 0o077 != 0).then(|| Trouble::error("smells", what, format!("chmod 600 {file}")))
}

fn open_metrics(policy: &Policy) -> Option<Trouble> {
    let listen = policy.metrics.as_ref()?.listen;
    let is_open = listen.ip().is_unspecified();
    is_open.then(|| {
        smell(
            format!("metrics are served on every address of this machine ({listen})"),
            "name the address of the network that scrapes them, under `metrics.listen`",
        )
    })
}

fn trusts_everybody(policy: &Policy) -> Option<Trouble> {
    let everybody = policy.client_ip.trusted.iter().find(|network| network.prefix_len() == 0)?;
    Some(smell(
        format!("`client_ip.trusted` believes everybody ({everybody}): any client can claim any address"),
        "name the networks of your own proxies only",
    ))
}

fn unheard(policy: &Policy) -> Option<Trouble> {
    policy.alerts.channels.is_empty().then(|| {
        smell(
            "nobody is told of findings",
            "name a channel under `alerts`, a webhook or syslog (docs/alerts.md)",
        )
    })
}

fn state_in_clear(policy: &Policy) -> Option<Trouble> {
    let server = policy.state.server.as_ref()?;
    let clear = server.at.iter().find(|address| !address.tls && !is_local(&address.host))?;
    Some(smell(
        format!("the state server {} is spoken to in clear", clear.host),
        "write `rediss://` and `ca`, or keep that network to the gateways and the server",
    ))
}

fn watched_only(policy: &Policy) -> impl Iterator<Item = Trouble> {
    let watched = policy.sites.iter().filter(|site| site.settings.mode == Mode::Monitor);
    watched.map(|site| {
        smell(
            format!("site `{}` refuses nothing (`mode: monitor`)", site.name),
            "look at what would have been refused (`portcullis events`), then take `mode` out",
        )
    })
}

fn unfiltered(policy: &Policy) -> impl Iterator<Item = Trouble> {
    let unfiltered = policy.sites.iter().filter(|site| site.settings.filter.is_none());
    unfiltered.map(|site| {
        smell(
            format!("the content filter is off for all of site `{}`", site.name),
            "turn it off for the routes that need that only",
        )
    })
}

fn in_clear(policy: &Policy) -> impl Iterator<Item = Trouble> {
    let clear = policy.listeners.0.iter().filter(|one| one.tls.is_none() && !one.address.ip().is_loopback());
    clear.map(|listener| {
        smell(
            format!("clients are spoken to in clear on {}", listener.address),
            "add `tls`, or name the address behind the proxy that ends TLS",
        )
    })
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
