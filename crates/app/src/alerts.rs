//! The channels of a policy's `alerts`, with their secrets read.

use portcullis_document::{Problem, Sources};
use portcullis_events::alerts::{AlertChannel, Selector, Target, Transport};
use portcullis_model::Secret;
use portcullis_model::finding::Severity;
use portcullis_policy::{Alerts, Policy, SecretSource, SyslogTransport, Webhook, WebhookUrl};

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
        let transport = match syslog.transport {
            SyslogTransport::Udp => Transport::Udp,
            SyslogTransport::Tcp => Transport::Tcp,
        };
        return Ok(Target::Syslog { transport, address: syslog.address.to_string() });
    }
    let Some(webhook) = &channel.webhook else {
        return Err(
            Problem::error("policy.one_target", "an alert channel leads to one place").at(&channel.place)
        );
    };
    let hmac = webhook.hmac.as_ref().map(|key| key.read(sources)).transpose()?;
    Ok(Target::Webhook { url: url(webhook, sources)?, hmac })
}

fn url(webhook: &Webhook, sources: &dyn Sources) -> Result<Secret<String>, Problem> {
    match &webhook.url {
        WebhookUrl::Written(url) => Ok(Secret::new(url.to_string())),
        WebhookUrl::Secret(source) => read_url(source, sources),
    }
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

/// What `send` says goes to a channel; without any `send`, what is medium or graver.
fn wanted(alerts: &Alerts, channel: &str) -> Vec<Selector> {
    if alerts.send.is_empty() {
        return vec![Selector { severity: Some(Severity::Medium), ..Selector::default() }];
    }
    let to_it = alerts.send.iter().filter(|rule| rule.to.iter().any(|name| name == channel));
    let selector = |rule: &portcullis_policy::AlertRule| Selector {
        severity: Some(rule.severity.severity()),
        sites: rule.sites.clone(),
        kinds: rule.finding_kinds(),
    };
    to_it.map(selector).collect()
}
