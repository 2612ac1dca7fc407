//! `limit_req` and `limit_conn` as limits.

use crate::report::Report;
use crate::tree::Tree;

use super::access::effective;
use super::location::Location;
use super::read::Directive;
use super::rules::{Rules, slug};
use super::upstream::told;

/// A key of nginx' zones as a limit's key.
pub(super) fn key(variable: &str) -> Option<String> {
    let name = variable.strip_prefix('$')?;
    Some(match name {
        "binary_remote_addr" | "remote_addr" => "ip".to_owned(),
        "server_name" | "host" | "http_host" => "host".to_owned(),
        "request_method" => "method".to_owned(),
        "uri" | "request_uri" => "path".to_owned(),
        "remote_user" => "identity".to_owned(),
        _ => {
            let kinds = [("http_", "headers."), ("arg_", "query."), ("cookie_", "cookies.")];
            let (kind, name) =
                kinds.into_iter().find_map(|(prefix, kind)| Some((kind, name.strip_prefix(prefix)?)))?;
            format!("{kind}{}", if kind == "headers." { name.replace('_', "-") } else { name.to_owned() })
        }
    })
}

/// Adds the limits of one location.
pub(super) fn add(
    http: &Directive,
    at: usize,
    location: &Location<'_>,
    rules: &mut Rules,
    report: &mut Report,
) {
    for name in ["limit_req", "limit_conn"] {
        for limit in effective(&location.scopes, &[name]) {
            if let Some((tree, zone)) = one(http, limit) {
                said(limit, zone, report);
                rules.limit(
                    &format!("{name} {}", limit.args.join(" ")),
                    at,
                    &slug(&format!("{name}-{}", zone_of(limit))),
                    &tree,
                );
            } else {
                report.refused(&limit.place, name, "its zone is not known, or its key has no equivalent", "write a limit with a key of docs/limits.md, then delete the rule that refuses these paths");
                rules.refuse(at, &limit.place, name, 503);
            }
        }
    }
}

fn zone_of(limit: &Directive) -> &str {
    if limit.name == "limit_conn" {
        return limit.arg(0);
    }
    limit.args.iter().find_map(|arg| arg.strip_prefix("zone=")).unwrap_or_default()
}

/// The limit without its name and condition, and the zone it counts in.
fn one<'a>(http: &'a Directive, limit: &Directive) -> Option<(Tree, &'a Directive)> {
    let zones = if limit.name == "limit_req" { "limit_req_zone" } else { "limit_conn_zone" };
    let name = format!("zone={}:", zone_of(limit));
    let zone = http.all(zones).find(|zone| zone.args.iter().any(|arg| arg.starts_with(&name)))?;
    let tree = Tree::map().with("key", Tree::text(&key(zone.arg(0))?)).with("missing", Tree::text("skip"));
    if limit.name == "limit_conn" {
        let most = limit.arg(1).parse().ok().filter(|most| *most > 0)?;
        return Some((tree.with("concurrency", Tree::number(most)), zone));
    }
    let rate = zone.args.iter().find_map(|arg| arg.strip_prefix("rate="))?;
    let (count, unit) = rate
        .strip_suffix("r/s")
        .map(|count| (count, "s"))
        .or_else(|| Some((rate.strip_suffix("r/m")?, "min")))?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let burst = limit
        .args
        .iter()
        .find_map(|arg| arg.strip_prefix("burst="))
        .map_or(Some(0), |burst| burst.parse().ok());
    // nginx lets one request through besides its burst.
    let burst: u64 = burst?;
    Some((
        tree.with("rate", Tree::text(&format!("{count}/{unit}")))
            .with("burst", Tree::number(burst.saturating_add(1))),
        zone,
    ))
}

fn said(limit: &Directive, zone: &Directive, report: &mut Report) {
    let zone = told(&zone.place);
    let became = format!(
        "a limit (zone at {zone}); above it clients get 429 with `Retry-After`, each site counts by itself, IPv6 by /64"
    );
    report.approximated(&limit.place, &limit.name, &became);
    let delays = limit.name == "limit_req"
        && limit.args.iter().any(|arg| arg.starts_with("burst="))
        && !limit.args.iter().any(|arg| arg == "nodelay");
    if delays {
        report.approximated(
            &limit.place,
            "limit_req",
            "requests within `burst` go on at once, where nginx spread them out",
        );
    }
}
