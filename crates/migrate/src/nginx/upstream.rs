//! Where `proxy_pass` leads, and upstreams of the policy that lead there.

use portcullis_document::Place;

use crate::report::Report;
use crate::tree::Tree;
use crate::{Options, file_path};

use super::access::one;
use super::location::{Location, Match};
use super::read::Directive;

/// Where one location's requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Scheme and authority as written.
    scheme: String,
    authority: String,
    /// What stands in place of the location's prefix.
    pub(super) uri: Option<String>,
}

impl Target {
    /// The target of a location's own `proxy_pass` or `grpc_pass`; `Err` if it cannot be said.
    pub(super) fn of(own: &Directive) -> Option<(&Directive, Option<Self>)> {
        let pass = own.first("proxy_pass").or_else(|| own.first("grpc_pass"))?;
        let url = pass.arg(0);
        if url.contains('$') || url.contains("unix:") {
            return Some((pass, None));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = match scheme {
            "http" | "https" => scheme.to_owned(),
            "grpc" => "h2c".to_owned(),
            "grpcs" => "h2".to_owned(),
            _ => return Some((pass, None)),
        };
        let path = rest.find('/').unwrap_or(rest.len());
        let (authority, uri) = rest.split_at_checked(path)?;
        let uri = Some(uri).filter(|uri| !uri.is_empty()).map(str::to_owned);
        Some((pass, Some(Self { scheme, authority: authority.to_owned(), uri })))
    }

    /// Whether both lead to the same servers.
    pub(super) fn same_servers(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }

    /// What stands in the place of whole segments where nginx replaces the text `prefix`; `Err` if that differs.
    pub(super) fn rewrite(&self, prefix: &str) -> Result<Option<String>, ()> {
        let Some(uri) = &self.uri else { return Ok(None) };
        let (closed, ends) = (prefix.ends_with('/'), uri.ends_with('/'));
        if (closed != ends && (closed || uri != "/")) || uri.contains('?') {
            return Err(());
        }
        let trimmed = uri.trim_end_matches('/');
        Ok(Some(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() }))
    }

    /// The upstream with its servers.
    pub(super) fn tree(
        &self,
        http: &Directive,
        location: &Location<'_>,
        options: &Options,
        report: &mut Report,
    ) -> Tree {
        let url_scheme = if matches!(self.scheme.as_str(), "https" | "h2") { "https" } else { "http" };
        let mut tree = Tree::map();
        let block = http.all("upstream").find(|one| one.arg(0) == self.authority);
        match block {
            Some(block) => {
                let servers: Vec<_> =
                    block.all("server").filter_map(|one| server(one, url_scheme, report)).collect();
                tree.set(
                    "servers",
                    Tree::list(servers).about(&format!(
                        "upstream {} ({})",
                        self.authority,
                        told(&block.place)
                    )),
                );
                balance(block, &mut tree, report);
                report.carried(
                    &block.place,
                    &format!("upstream {}", self.authority),
                    "servers of an upstream",
                );
            }
            None => tree.set("servers", Tree::texts([format!("{url_scheme}://{}", self.authority)])),
        }
        if self.scheme.starts_with('h') && !self.scheme.starts_with("http") {
            tree.set("protocol", Tree::text("http2"));
        }
        let timeout = |name: &str| one(&location.scopes, name).and_then(|one| duration(one.arg(0)));
        let pairs = [("connect", "proxy_connect_timeout"), ("head", "proxy_read_timeout")];
        let timeouts = pairs.into_iter().filter_map(|(key, name)| Some((key, timeout(name)?)));
        let timeouts = timeouts.fold(Tree::map(), |map, (key, value)| map.with(key, Tree::text(&value)));
        if !timeouts.is_empty() {
            tree.set("timeouts", timeouts);
        }
        if url_scheme == "https" {
            tls(location, options, &mut tree, report);
        }
        tree
    }
}

/// Where a place is, as comments of the policy say it.
pub(super) fn told(place: &Place) -> String {
    format!("{}:{}", place.file().name(), place.line())
}

fn server(one: &Directive, scheme: &str, report: &mut Report) -> Option<Tree> {
    let address = one.arg(0);
    let has = |word: &str| one.args.iter().any(|arg| arg == word);
    if has("down") {
        return None;
    }
    if has("backup") || address.starts_with("unix:") {
        report.lost(
            &one.place,
            "server",
            "backup servers and Unix sockets have no equivalent: it is left out",
            "add it to `servers` if it should take its share",
        );
        return None;
    }
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port =
        if has_port { String::new() } else { format!(":{}", if scheme == "https" { 443 } else { 80 }) };
    let url = Tree::text(&format!("{scheme}://{address}{port}"));
    let weight = one.args.iter().find_map(|arg| arg.strip_prefix("weight=")?.parse::<u64>().ok());
    if let Some(limited) = one
        .args
        .iter()
        .find(|arg| ["max_conns=", "max_fails=", "fail_timeout="].iter().any(|key| arg.starts_with(key)))
    {
        let became = format!(
            "`{limited}` of one server is left to `health` and `capacity` of the upstream, with their defaults"
        );
        report.approximated(&one.place, "server", &became);
    }
    Some(match weight {
        Some(weight) => Tree::map().with("url", url).with("weight", Tree::number(weight.clamp(1, 100))),
        None => url,
    })
}

fn balance(block: &Directive, tree: &mut Tree, report: &mut Report) {
    for one in block.inside() {
        match one.name.as_str() {
            "least_conn" => tree.set("balance", Tree::text("least_connections")),
            "ip_hash" => {
                tree.set("balance", Tree::text("hash"));
                tree.set("balance_key", Tree::text("ip"));
            }
            "hash" => {
                tree.set("balance", Tree::text("hash"));
                let key = super::limits::key(one.arg(0)).unwrap_or_else(|| {
                    report.approximated(&one.place, "hash", "its key has no equivalent: the address is used");
                    "ip".to_owned()
                });
                tree.set("balance_key", Tree::text(&key));
            }
            "server" | "zone" | "keepalive" | "keepalive_timeout" | "keepalive_requests" => {}
            other => report.lost(
                &one.place,
                other,
                "has no equivalent in an upstream",
                "compare docs/upstreams.md",
            ),
        }
    }
}

/// `proxy_ssl_…`. Here certificates of servers are always verified unless policy says otherwise.
fn tls(location: &Location<'_>, options: &Options, tree: &mut Tree, report: &mut Report) {
    let mut tls = Tree::map();
    let files = [
        ("ca", "proxy_ssl_trusted_certificate"),
        ("certificate", "proxy_ssl_certificate"),
        ("key", "proxy_ssl_certificate_key"),
    ];
    for (key, name) in files {
        if let Some(one) = one(&location.scopes, name) {
            tls.set(key, Tree::text(&file_path(options, one.place.file().name(), one.arg(0))));
        }
    }
    if let Some(name) = one(&location.scopes, "proxy_ssl_name").filter(|one| !one.arg(0).contains('$')) {
        tls.set("server_name", Tree::text(name.arg(0)));
    }
    if one(&location.scopes, "proxy_ssl_verify").is_none_or(|one| one.arg(0) != "on")
        && let Some(place) = location.place()
    {
        let became = "nginx did not verify the certificates of these servers; here they are verified (`tls.ca` names who signs them)";
        report.approximated(place, "proxy_ssl_verify off", became);
    }
    if !tls.is_empty() {
        tree.set("tls", tls);
    }
}

/// A time of nginx (`30`, `30s`, `5m`, `500ms`) as the policy writes it.
pub(super) fn duration(text: &str) -> Option<String> {
    let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    number.parse::<u32>().ok()?;
    matches!(unit, "" | "ms" | "s" | "m" | "h" | "d")
        .then(|| format!("{number}{}", if unit.is_empty() { "s" } else { unit }))
}

/// The location whose target a path gets by prefixes alone.
pub(super) fn covering<'a>(
    path: &str,
    strictly: Strictly,
    all: &'a [(Location<'_>, Option<Target>)],
) -> Option<&'a Target> {
    let shorter = |prefix: &str| strictly == Strictly::No || prefix.len() < path.len();
    let fits = all
        .iter()
        .filter(|(one, _)| one.prefix().is_some_and(|prefix| path.starts_with(prefix) && shorter(prefix)));
    fits.max_by_key(|(one, _)| one.prefix().map_or(0, str::len)).and_then(|(_, target)| target.as_ref())
}

/// Whether a prefix covers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictly {
    Yes,
    No,
}

/// Whether a location is for a pattern.
pub(super) fn is_pattern(location: &Location<'_>) -> bool {
    matches!(location.kind, Match::Pattern(_) | Match::Unwritable)
}
