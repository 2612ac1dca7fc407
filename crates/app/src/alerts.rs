//! The channels of a policy's `alerts`, with their secrets and authorities read.

use portcullis_document::{Place, Problem, Sources};
use portcullis_events::alerts::{AlertChannel, Target, Transport, Trust, TrustError};
use portcullis_expr::Program;
use portcullis_model::Secret;
use portcullis_policy::{Alerts, FileRef, Policy, SecretSource, Syslog, SyslogTransport, WebhookUrl};

/// Every channel, or why one cannot be used.
pub(crate) fn channels(policy: &Policy, sources: &dyn Sources) -> Result<Vec<AlertChannel>, Vec<Problem>> {
    let alerts = &policy.alerts;
    let (mut channels, mut problems) = (Vec::new(), Vec::new());
    for channel in &alerts.channels {
        match target(channel, sources) {
            Ok(target) => channels.push(AlertChannel {
                name: channel.name.clone(),
                target,
                wanted: wanted(alerts, &channel.name),
                at_most: channel.limit(),
            }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(channels) } else { Err(problems) }
}

fn target(channel: &portcullis_policy::AlertChannel, sources: &dyn Sources) -> Result<Target, Problem> {
    if let Some(syslog) = &channel.syslog {
        let address = syslog.address.to_string();
        return Ok(Target::Syslog { transport: transport(syslog, sources)?, address });
    }
    let Some(webhook) = &channel.webhook else {
        return Err(
            Problem::error("policy.one_target", "an alert channel leads to one place").at(&channel.place)
        );
    };
    let url = url(&webhook.url, sources)?;
    if let Some(ca) = webhook.ca.as_ref().filter(|_| !url.reveal().starts_with("https://")) {
        let problem = Problem::error("policy.unused_ca", "without TLS nobody asks `ca`").at(&ca.place);
        return Err(problem.remedy("give a URL of `https://`, or leave `ca` out"));
    }
    if has_user(url.reveal()) {
        let problem = Problem::error("policy.webhook_url", "a user name in a webhook's URL is not sent");
        let remedy = "leave it out; a receiver knows us by `hmac`, or by a secret in the path or query";
        return Err(problem.at(&webhook.place).concealed().remedy(remedy));
    }
    let hmac = webhook.hmac.as_ref().map(|key| key.read(sources)).transpose()?;
    let trust = trust(webhook.ca.as_ref(), &webhook.place, sources)?;
    Ok(Target::Webhook { url, hmac, trust })
}

fn transport(syslog: &Syslog, sources: &dyn Sources) -> Result<Transport, Problem> {
    Ok(match syslog.transport {
        SyslogTransport::Udp => Transport::Udp,
        SyslogTransport::Tcp => Transport::Tcp,
        SyslogTransport::Tls => Transport::Tls(trust(syslog.ca.as_ref(), &syslog.place, sources)?),
    })
}

/// The authorities of a file, or the public ones.
pub(crate) fn trust(ca: Option<&FileRef>, place: &Place, sources: &dyn Sources) -> Result<Trust, Problem> {
    let refuse = |place: &Place, message: String| Problem::error("policy.ca", message).at(place);
    let Some(ca) = ca else {
        return Trust::public().map_err(|error| refuse(place, error.to_string()));
    };
    let pem = sources
        .read(&ca.path)
        .map_err(|error| refuse(&ca.place, format!("cannot read `{}`: {error}", ca.path)))?;
    Trust::only(&pem).map_err(|error: TrustError| {
        refuse(&ca.place, format!("`{}` cannot be used: {error}", ca.path))
            .remedy("it holds the receiver's authority, or its own certificate, as PEM")
    })
}

/// A URL as written, or as it stands elsewhere.
pub(crate) fn url(url: &WebhookUrl, sources: &dyn Sources) -> Result<Secret<String>, Problem> {
    match url {
        WebhookUrl::Written(url) => Ok(Secret::new(url.to_string())),
        WebhookUrl::Secret(source) => read_url(source, sources),
    }
}

/// Whether something stands before an `@` and the host.
fn has_user(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

fn read_url(source: &SecretSource, sources: &dyn Sources) -> Result<Secret<String>, Problem> {
    let bytes = source.read(sources)?;
    let text = String::from_utf8_lossy(bytes.reveal()).trim().to_owned();
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(Secret::new(text));
    }
    let problem = Problem::error("policy.webhook_url", "what stands there is no URL").at(source.place());
    Err(problem.remedy("it begins with `https://` or `http://`"))
}

/// What `send` says goes to a channel.
fn wanted(alerts: &Alerts, channel: &str) -> Vec<Program> {
    let to_it = alerts.send.iter().filter(|rule| rule.to.iter().any(|name| name == channel));
    to_it.map(|rule| rule.when.0.compile()).collect()
}
