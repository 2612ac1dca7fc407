//! What is given twice: a host by two sites, a name by two rules or limits.

use portcullis_document::{Place, Problem};

use crate::decode::nothing_written;
use crate::identity::Credential;
use crate::phases::each_settings;
use crate::policy::Policy;

/// Says what is given twice, and what is there for nothing.
pub(crate) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    hosts(policy, problems);
    let global: Vec<(&str, &Place)> = policy.rules.iter().map(|rule| (&*rule.name, &rule.place)).collect();
    twice("rule", &global, problems);
    for settings in each_settings(policy) {
        let own = settings.rules.iter().map(|rule| (&*rule.name, &rule.place));
        let rules: Vec<(&str, &Place)> = global.iter().copied().chain(own).collect();
        twice("rule", &rules, problems);
        let limits: Vec<(&str, &Place)> =
            settings.limits.iter().map(|limit| (&*limit.name, &limit.place)).collect();
        twice("limit", &limits, problems);
    }
    certificates(policy, problems);
    if nothing_written(&policy.document, "sites") {
        let problem = Problem::error("policy.no_site", "the policy has no site")
            .at(policy.document.entry("sites").map_or(&policy.document.place, |entry| &entry.key.place));
        problems.push(problem.remedy("e.g. `sites: { shop: { hosts: [shop.example], upstream: { servers: [http://127.0.0.1:9000] } } }`"));
    }
}

fn twice(what: &str, named: &[(&str, &Place)], problems: &mut Vec<Problem>) {
    for (at, (name, place)) in named.iter().enumerate() {
        let first = named.iter().take(at).find(|(other, _)| other == name);
        let Some((_, first)) = first else { continue };
        if problems.iter().any(|problem| problem.place.as_ref() == Some(place)) {
            continue;
        }
        let problem = Problem::error("policy.repeated", format!("two {what}s are called `{name}`")).at(place);
        problems.push(
            problem
                .also(first, "the first")
                .remedy("give one of them another name: events tell them apart by it"),
        );
    }
}

fn hosts(policy: &Policy, problems: &mut Vec<Problem>) {
    let mut taken: Vec<(&crate::scalar::HostPattern, &str, &Place)> = Vec::new();
    for site in &policy.sites {
        for host in &site.hosts {
            if let Some((_, other, place)) = taken.iter().find(|(known, _, _)| *known == host) {
                let message = if *other == site.name {
                    format!("`{host}` is a host of `{other}` twice")
                } else {
                    format!("`{host}` is a host of two sites, `{other}` and `{}`", site.name)
                };
                let written = site_key(policy, &site.name, "hosts").unwrap_or(&site.place);
                let problem = Problem::error("policy.repeated", message).at(written);
                let first = site_key(policy, other, "hosts").unwrap_or(place);
                problems.push(problem.also(first, "the first").remedy("keep it in one of them"));
            } else {
                taken.push((host, &site.name, &site.place));
            }
        }
    }
}

fn site_key<'a>(policy: &'a Policy, site: &str, key: &str) -> Option<&'a Place> {
    Some(&policy.document.get("sites")?.get(site)?.get(key)?.place)
}

/// A provider that believes client certificates needs a listener that asks for them.
fn certificates(policy: &Policy, problems: &mut Vec<Problem>) {
    let asked = policy
        .listeners
        .iter()
        .filter_map(|listener| listener.tls.as_ref())
        .any(|tls| tls.clients().is_some());
    let wants = policy.providers.iter().find(|provider| matches!(provider.credential, Credential::Mtls(_)));
    if let Some(provider) = wants.filter(|_| !asked) {
        let message =
            format!("`{}` believes client certificates, and no listener asks for one", provider.name);
        let problem = Problem::warning("policy.no_client_ca", message).at(&provider.place);
        problems.push(problem.remedy("give a listener's `tls` a `client_ca: FILE`"));
    }
}
