//! One `server` as rules, limits and upstreams of a site.
//!
//! Invariant: a path that no upstream would get as nginx sends it is refused.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_document::{Place, Sources};

use crate::report::Report;
use crate::tree::Tree;
use crate::{Options, file_path};

use super::access::{Denied, both, denied, effective, one};
use super::answer;
use super::headers;
use super::limits;
use super::location::{self, Location, Match, literal};
use super::read::Directive;
use super::rules::{Rules, slug};
use super::upstream::{Strictly, Target, covering, is_pattern, told};

/// What is read and written around servers.
pub(super) struct Around<'a> {
    pub(super) http: &'a Directive,
    pub(super) options: &'a Options,
    pub(super) sources: &'a dyn Sources,
    pub(super) report: &'a mut Report,
    /// Providers of passwords by name.
    pub(super) providers: &'a mut BTreeMap<String, Tree>,
}

/// A site being put together.
#[derive(Debug, Default)]
pub(super) struct SiteDraft {
    pub(super) rules: Vec<Tree>,
    pub(super) limits: Vec<Tree>,
    pub(super) providers: BTreeSet<String>,
    pub(super) upstream: Option<Tree>,
    pub(super) upstreams: Vec<(String, Tree)>,
    /// How the first server that proxies does.
    routing: Option<Vec<(Match, Target)>>,
    /// The largest body, and whether there is none.
    pub(super) hold: Option<u64>,
    names: BTreeSet<String>,
    upstream_names: BTreeSet<String>,
}

type Routed<'a> = Vec<(Location<'a>, Option<Target>)>;

/// Adds a server to a site, under the condition `scope`.
pub(super) fn add(around: &mut Around<'_>, server: &Directive, scope: &str, site: &mut SiteDraft) {
    let name = server.first("server_name").map_or("", |names| names.arg(0)).to_owned();
    let mut rules = Rules::default();
    let mut top = Rules::default();
    for one in server.inside() {
        if own_answer(one, 0, &name, &mut top, around.report) {
            around.report.carried(&one.place, &one.name, "a rule for every path");
            site.take(top, scope, &["true".to_owned()]);
            return;
        }
    }
    site.take(top, scope, &["true".to_owned()]);
    let routed: Routed<'_> = location::all(&[around.http], server)
        .into_iter()
        .map(|location| {
            let target =
                location.scopes.last().and_then(|own| Target::of(own)).and_then(|(_, target)| target);
            (location, target)
        })
        .collect();
    let locations: Vec<_> = routed.iter().map(|(location, _)| location.clone()).collect();
    let conditions: Vec<_> = locations.iter().map(|one| location::condition(one, &locations)).collect();
    let is_other = site.other_routing(&routed);
    for (at, (location, target)) in routed.iter().enumerate() {
        let Some(own) = location.scopes.last() else { continue };
        if location.kind == Match::Unwritable {
            around.report.refused(
                &own.place,
                "location",
                "its pattern has look-around or back-references: all paths that patterns decide are refused",
                "write a rule with a pattern in RE2's language in its place",
            );
            rules.refuse(at, &own.place, "location", 404);
            continue;
        }
        let is_answered = location.kind != Match::Rest
            && own.inside().iter().any(|one| own_answer(one, at, &name, &mut rules, around.report));
        if is_answered {
            continue;
        }
        protect(around, at, location, &mut rules, site);
        limits::add(around.http, at, location, &mut rules, around.report);
        bodies(at, location, &mut rules, site, around.report);
        headers::add(at, location, &mut rules, around.report);
        match target {
            Some(_) if is_other => {
                around.report.refused(&own.place, "proxy_pass", "another server of the same host leads elsewhere, and a site has one set of upstreams: refused", "give one of them a host of its own");
                rules.refuse(at, &own.place, "proxy_pass", 404);
            }
            Some(target) => route(around, at, (location, target), &routed, &mut rules, site),
            None => unproxied(at, location, &mut rules, around.report),
        }
    }
    site.take(rules, scope, &conditions);
}

impl SiteDraft {
    fn take(&mut self, rules: Rules, scope: &str, conditions: &[String]) {
        let (rules, limits) = rules.finish(scope, conditions, &mut self.names);
        self.rules.extend(rules);
        self.limits.extend(limits);
    }

    /// Whether an earlier server of this site routes otherwise; the first decides.
    fn other_routing(&mut self, routed: &Routed<'_>) -> bool {
        let routing: Vec<_> =
            routed.iter().filter_map(|(one, target)| Some((one.kind.clone(), target.clone()?))).collect();
        if routing.is_empty() {
            return false;
        }
        if let Some(first) = &self.routing {
            return *first != routing;
        }
        self.routing = Some(routing);
        false
    }
}

/// `return`, `rewrite`, `if` and `internal`; whether nothing else of the block can be reached any more.
fn own_answer(one: &Directive, at: usize, server: &str, rules: &mut Rules, report: &mut Report) -> bool {
    match one.name.as_str() {
        "return" => {
            answered(one, at, "", server, rules, report);
            true
        }
        "internal" => {
            rules.act(at, &one.place, "internal", "", answer::block(404, None));
            true
        }
        "rewrite" => {
            rewrite(one, at, server, rules, report);
            false
        }
        "if" => {
            let returns = one.inside().iter().find(|inner| inner.name == "return");
            match (answer::test(&one.args), returns) {
                (Some(test), Some(inner)) if one.inside().len() == 1 => {
                    answered(inner, at, &test, server, rules, report);
                }
                _ => {
                    report.refused(
                        &one.place,
                        "if",
                        "its condition or what it does has no equivalent: the paths it stands on are refused",
                        "write a rule with a condition of docs/conditions.md in its place",
                    );
                    rules.refuse(at, &one.place, "if", 403);
                }
            }
            false
        }
        _ => false,
    }
}

fn answered(one: &Directive, at: usize, test: &str, server: &str, rules: &mut Rules, report: &mut Report) {
    if let Some(action) = answer::action(&one.args, server) {
        rules.act(at, &one.place, &format!("return {}", one.arg(0)), test, action);
        if one.arg(0) == "444" {
            report.approximated(&one.place, "return 444", "an answer of 400 instead of none");
        } else {
            report.carried(&one.place, "return", "a rule with that answer");
        }
    } else {
        report.refused(
            &one.place,
            "return",
            "a variable in it has no equivalent: refused with 403",
            "write the answer as a rule's action",
        );
        rules.refuse(at, &one.place, "return", 403);
    }
}

fn rewrite(one: &Directive, at: usize, server: &str, rules: &mut Rules, report: &mut Report) {
    let (pattern, to, flag) = (one.arg(0), one.arg(1), one.arg(2));
    let status = if flag == "permanent" { 301 } else { 302 };
    let redirects = matches!(flag, "permanent" | "redirect") || to.starts_with("http");
    let whole = matches!(pattern, "^" | "^(.*)$" | "^(.*)" | "^/(.*)$" | "^/(.*)");
    let to = if pattern.starts_with("^/(") { to.replace("/$1", "$uri") } else { to.replace("$1", "$uri") };
    let plain = !pattern.contains("(?") && (whole || !to.contains("$uri")) && !to.contains("$2");
    match answer::template(&to, server) {
        Some(to) if redirects && plain => {
            let args = if to.ends_with('?') {
                to.trim_end_matches('?').to_owned()
            } else {
                format!("{to}${{query_string != null && query_string != \"\" ? \"?\" + query_string : \"\"}}")
            };
            let to = if args.starts_with('/') { format!("${{scheme}}://${{host}}{args}") } else { args };
            let test = format!("path.matches({})", literal(pattern));
            rules.act(at, &one.place, "rewrite", &test, answer::redirect(status, &to));
            report.carried(&one.place, "rewrite", "a rule that redirects");
        }
        _ => {
            report.refused(&one.place, "rewrite", "paths are not rewritten by patterns here: those it stands on are refused", "use `upstreams: { NAME: { prefix, rewrite } }` or let the upstream answer the path, then delete the rule");
            rules.refuse(at, &one.place, "rewrite", 404);
        }
    }
}

/// `allow`, `deny`, `auth_basic`, `auth_request`, `limit_except` and client certificates.
fn protect(
    around: &mut Around<'_>,
    at: usize,
    location: &Location<'_>,
    rules: &mut Rules,
    site: &mut SiteDraft,
) {
    let scopes = &location.scopes;
    let list = effective(scopes, &["allow", "deny"]);
    let refused_if = match denied(&list) {
        Denied::Nobody => None,
        Denied::Everybody => Some("true".to_owned()),
        Denied::If(condition) => Some(condition),
    };
    let basic = one(scopes, "auth_basic").filter(|one| one.arg(0) != "off");
    let proved = basic.and_then(|basic| password(around, at, basic, scopes, rules, site));
    let any = one(scopes, "satisfy").is_some_and(|one| one.arg(0) == "any");
    let realm = basic.map_or("", |basic| basic.arg(0)).replace(['"', '\\', '$'], "");
    let ask = Tree::map().with(
        "block",
        Tree::map().with("status", Tree::number(401)).with(
            "headers",
            Tree::map().with("WWW-Authenticate", Tree::text(&format!("Basic realm=\"{realm}\""))),
        ),
    );
    match (&refused_if, &proved, any) {
        (Some(refused), Some((place, unproved)), true) => {
            rules.act(at, place, "satisfy any", &both(&[refused, unproved]), ask);
        }
        // One of the two is enough, and the other lets everybody in.
        (None, Some(_), true) if !list.is_empty() => {}
        (refused, proved, _) => {
            if let (Some(refused), Some(first)) = (refused, list.first()) {
                rules.act(at, &first.place, "deny", refused, answer::block(403, None));
            }
            if let Some((place, unproved)) = proved {
                rules.act(at, place, "auth_basic", unproved, ask);
            }
        }
    }
    for one in list {
        around.report.carried(&one.place, &one.name, "a rule that refuses with 403");
    }
    unknown_protection(around, at, scopes, rules);
    if let Some(one) = scopes.last().and_then(|own| own.first("limit_except")) {
        let mut methods: Vec<_> = one.args.clone();
        if methods.iter().any(|method| method == "GET") {
            methods.push("HEAD".to_owned());
        }
        let list: Vec<_> =
            one.inside().iter().filter(|inner| ["allow", "deny"].contains(&inner.name.as_str())).collect();
        let within = match denied(&list) {
            Denied::If(condition) => condition,
            _ => String::new(),
        };
        let test = format!(
            "!(method in [{}])",
            methods.iter().map(|method| literal(method)).collect::<Vec<_>>().join(", ")
        );
        rules.act(at, &one.place, "limit_except", &both(&[&test, &within]), answer::block(403, None));
        around.report.carried(&one.place, "limit_except", "a rule that refuses other methods");
    }
    if let Some(one) = one(scopes, "ssl_verify_client").filter(|one| one.arg(0) == "on") {
        rules.act(at, &one.place, "ssl_verify_client", "tls.client == null", answer::block(400, None));
        around.report.carried(&one.place, "ssl_verify_client", "a rule that refuses who shows no certificate, and `client_certificates: optional` on the listener");
    }
}

/// Checks of other modules, whatever they are called: the paths they stand on are refused.
fn unknown_protection(around: &mut Around<'_>, at: usize, scopes: &[&Directive], rules: &mut Rules) {
    let settings = ["auth_basic", "auth_basic_user_file", "auth_request_set", "auth_delay"];
    let checks = |name: &str| {
        let kinds = ["auth_", "access_by_lua", "js_access", "secure_link"];
        !settings.contains(&name) && kinds.iter().any(|kind| name.starts_with(kind))
    };
    let names: BTreeSet<&str> = scopes
        .iter()
        .flat_map(|scope| scope.inside())
        .map(|one| one.name.as_str())
        .filter(|name| checks(name))
        .collect();
    for name in names {
        if let Some(one) = one(scopes, name).filter(|one| one.arg(0) != "off") {
            around.report.refused(&one.place, name, "has no equivalent: the paths it protects are refused", "prove callers by an identity provider (docs/callers.md) and `require` it, then delete the rule");
            rules.refuse(at, &one.place, name, 403);
        }
    }
}

/// The provider of `auth_basic`; what says that it proved nobody.
fn password(
    around: &mut Around<'_>,
    at: usize,
    basic: &Directive,
    scopes: &[&Directive],
    rules: &mut Rules,
    site: &mut SiteDraft,
) -> Option<(Place, String)> {
    let todo = "make the file anew with `htpasswd -B`, add a `basic` provider for it, then delete the rule";
    let Some(file) = one(scopes, "auth_basic_user_file").filter(|one| !one.arg(0).contains('$')) else {
        around.report.refused(&basic.place, "auth_basic", "no file of users is named: refused", todo);
        rules.refuse(at, &basic.place, "auth_basic", 403);
        return None;
    };
    let path = portcullis_document::join(around.http.place.file().name(), file.arg(0));
    let read = around.sources.read(&path);
    let text = read.as_ref().map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
    let is_strong = |line: &str| {
        line.split_once(':')
            .is_some_and(|(_, hash)| ["$2", "$argon2"].iter().any(|kind| hash.starts_with(kind)))
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    if !lines.all(is_strong) {
        around.report.refused(&file.place, "auth_basic_user_file", "it has passwords hashed by MD5, SHA-1 or crypt, which are not believed here: the paths are refused", todo);
        rules.refuse(at, &basic.place, "auth_basic", 403);
        return None;
    }
    let stem = file.arg(0).rsplit('/').next().unwrap_or_default().trim_start_matches('.');
    let name = slug(&format!("basic-{stem}"));
    let users = file_path(around.options, around.http.place.file().name(), file.arg(0));
    let provider = Tree::map()
        .with("users", Tree::text(&format!("file:{users}")))
        .with("realm", Tree::text(basic.arg(0)));
    around.providers.entry(name.clone()).or_insert_with(|| {
        Tree::map().with("basic", provider).about(&format!("auth_basic_user_file ({})", told(&file.place)))
    });
    site.providers.insert(name.clone());
    around.report.carried(&basic.place, "auth_basic", "an identity provider and a rule that asks for it");
    Some((basic.place.clone(), format!("identity.provider != {}", literal(&name))))
}

/// `client_max_body_size`: the largest is what the site holds, smaller ones are rules.
fn bodies(at: usize, location: &Location<'_>, rules: &mut Rules, site: &mut SiteDraft, report: &mut Report) {
    let own = one(&location.scopes, "client_max_body_size");
    let bytes = own.map_or(Some(1 << 20), |one| size(one.arg(0)));
    let (Some(bytes), Some(place)) = (bytes, own.map(|one| &one.place).or(location.place())) else {
        return;
    };
    site.hold = Some(site.hold.unwrap_or(0).max(if bytes == 0 { u64::MAX } else { bytes }));
    if bytes > 0 {
        rules.act(
            at,
            place,
            "client_max_body_size",
            &format!("content_length > {bytes}"),
            answer::block(413, None),
        );
        if let Some(own) = own {
            report.approximated(&own.place, &own.name, "a rule over the declared length, and the site's `body.hold` (up to 16 MiB) for bodies that declare none");
        }
    }
}

/// A size of nginx in bytes.
fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.chars().last()? {
        'k' => (lower.trim_end_matches('k'), 1 << 10),
        'm' => (lower.trim_end_matches('m'), 1 << 20),
        'g' => (lower.trim_end_matches('g'), 1 << 30),
        _ => (lower.as_str(), 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// A location that answers from files or by other protocols.
fn unproxied(at: usize, location: &Location<'_>, rules: &mut Rules, report: &mut Report) {
    let Some(own) = location.scopes.last() else { return };
    let passes = [
        "proxy_pass",
        "grpc_pass",
        "fastcgi_pass",
        "uwsgi_pass",
        "scgi_pass",
        "memcached_pass",
        "stub_status",
    ];
    let pass = passes.iter().find_map(|name| own.first(name));
    let (place, what, became) = match pass {
        Some(pass) if pass.name.ends_with("xy_pass") || pass.name == "grpc_pass" => (
            &pass.place,
            pass.name.as_str(),
            "its address holds variables or is a Unix socket: refused with 404",
        ),
        Some(pass) => {
            (&pass.place, pass.name.as_str(), "only HTTP upstreams are spoken to: refused with 404")
        }
        None if location.kind == Match::Rest => {
            (&own.place, "server", "paths outside every location were files of `root`: refused with 404")
        }
        None => (&own.place, "location", "it serves files: refused with 404"),
    };
    report.refused(place, what, became, "put a web server behind an upstream, then delete the rule");
    rules.refuse(at, place, what, 404);
}

/// Sends a location to its target, and refuses what the upstream's prefix takes besides.
fn route(
    around: &mut Around<'_>,
    at: usize,
    (location, target): (&Location<'_>, &Target),
    routed: &Routed<'_>,
    rules: &mut Rules,
    site: &mut SiteDraft,
) {
    let Some(own) = location.scopes.last() else { return };
    let place =
        own.first("proxy_pass").or_else(|| own.first("grpc_pass")).map_or(&own.place, |pass| &pass.place);
    around.report.carried(place, "proxy_pass", "an upstream");
    let refuse = |rules: &mut Rules, report: &mut Report, why: &str| {
        report.refused(
            place,
            "proxy_pass",
            why,
            "give it an upstream with a `prefix` (docs/upstreams.md), then delete the rule",
        );
        rules.refuse(at, place, "proxy_pass", 404);
    };
    if is_pattern(location) {
        let all_same = routed
            .iter()
            .filter_map(|(_, other)| other.as_ref())
            .all(|other| other.same_servers(target) && other.uri.is_none());
        let has_default = site.upstream.is_some()
            || routed.iter().any(|(one, target)| one.prefix() == Some("/") && target.is_some());
        if !all_same {
            refuse(
                rules,
                around.report,
                "upstreams are chosen by prefixes, and others would get some of its paths: refused with 404",
            );
        } else if !has_default {
            site.upstream = Some(target.tree(around.http, location, around.options, around.report));
        }
        return;
    }
    let (path, strictly) = match &location.kind {
        Match::Exact(path) => (path.as_str(), Strictly::No),
        _ => (location.prefix().unwrap_or_default(), Strictly::Yes),
    };
    let covered = covering(path, strictly, routed)
        .is_some_and(|other| other.same_servers(target) && other.uri.is_none() && target.uri.is_none());
    if covered {
        return;
    }
    let Ok(rewrite) = target.rewrite(path) else {
        return refuse(rules, around.report, "its URI replaces a part of a segment: refused with 404");
    };
    let mut tree = target.tree(around.http, location, around.options, around.report).about(&format!(
        "{} ({})",
        location.title(),
        told(place)
    ));
    if path == "/" && strictly == Strictly::Yes && rewrite.as_deref().unwrap_or("/") == "/" {
        site.upstream = Some(tree);
        return;
    }
    let segments = path.trim_end_matches('/');
    if segments.is_empty() && strictly == Strictly::No {
        return refuse(
            rules,
            around.report,
            "an upstream for `/` alone cannot be told from one for all paths: refused with 404",
        );
    }
    let prefix = if segments.is_empty() { "/" } else { segments };
    tree = Tree::map().with("prefix", Tree::text(prefix)).merged(tree);
    if let Some(rewrite) = rewrite {
        tree.set("rewrite", Tree::text(&rewrite));
    }
    let base = slug(if segments.is_empty() { "root" } else { segments });
    let mut name = base.clone();
    while !site.upstream_names.insert(name.clone()) {
        name.push_str("-2");
    }
    site.upstreams.push((name, tree));
    let takes = location.prefix().is_some_and(|prefix| !prefix.ends_with('/') && prefix != "/");
    if takes {
        let test = format!(
            "path != {} && !path.startsWith({})",
            literal(segments),
            literal(&format!("{segments}/"))
        );
        rules.act(at, place, "todo: beside whole segments", &test, answer::block(404, None));
        around.report.approximated(
            &own.place,
            "location",
            "a prefix of whole segments; paths that go on inside its last segment are refused with 404",
        );
    } else {
        beside(location, segments, routed, rules, place);
    }
}

/// Paths that the upstream's prefix takes and nginx would send elsewhere.
fn beside(location: &Location<'_>, segments: &str, routed: &Routed<'_>, rules: &mut Rules, place: &Place) {
    let has = |wanted: &str| {
        routed
            .iter()
            .any(|(one, _)| one.kind == Match::Exact(wanted.to_owned()) || one.prefix() == Some(wanted))
    };
    // The rules stand under the location that nginx would choose for these paths, so that they hold there.
    let place_of = |path: &str| {
        let fits = routed.iter().enumerate().filter(|(_, (one, _))| {
            one.prefix().is_some_and(|prefix| path.starts_with(prefix)) || one.kind == Match::Rest
        });
        fits.max_by_key(|(_, (one, _))| one.prefix().map_or(0, str::len)).map(|(at, _)| at)
    };
    if let Match::Exact(path) = &location.kind {
        if let Some(outer) = place_of(path) {
            let test = format!("path.startsWith({})", literal(&format!("{segments}/")));
            rules.act(outer, place, "todo: below an exact location", &test, answer::block(404, None));
        }
    } else if !segments.is_empty()
        && !has(segments)
        && let Some(outer) = place_of(segments)
    {
        let to = format!(
            "${{scheme}}://${{host}}{segments}/${{query_string != null && query_string != \"\" ? \"?\" + query_string : \"\"}}"
        );
        rules.act(
            outer,
            place,
            "slash",
            &format!("path == {}", literal(segments)),
            answer::redirect(301, &to),
        );
    }
}
