//! nginx: servers become sites by host, locations conditions that exclude each other as nginx chooses among them.
//!
//! Invariants: a host is answered on the addresses its servers listen on, and refused on the others; paths that nginx
//! would read otherwise than they are judged here (`//`, `%2F`) are refused.

mod access;
mod answer;
mod headers;
mod limits;
mod location;
mod read;
mod rules;
mod server;
mod upstream;

use std::collections::BTreeMap;

use portcullis_document::{Place, Problem, SourceFile, Sources};

use crate::report::{Note, Report};
use crate::tree::Tree;
use crate::{Options, file_path};

use access::both;
use location::literal;
use read::Directive;
pub(crate) use read::fits;
use rules::slug;
use server::{Around, SiteDraft};
use upstream::told;

/// What a site holds of a body at most, however large nginx let them be.
const HOLD: u64 = 16 << 20;

/// Reads the files and writes the policy.
pub(crate) fn migrate(
    files: &[String],
    options: &Options,
    sources: &dyn Sources,
) -> Result<(Tree, Vec<Note>), Vec<Problem>> {
    let top = read::read(files, sources)?;
    let start = SourceFile::new(files.first().map_or("", String::as_str), "");
    let whole = Directive {
        name: "http".into(),
        args: Vec::new(),
        place: Place::new(&start, 0..0),
        block: Some(top),
    };
    let http = whole.first("http").cloned().unwrap_or(whole.clone());
    let http = Directive { place: whole.place.clone(), ..http };
    let mut report = Report::default();
    for one in whole.inside().iter().filter(|one| ["stream", "mail"].contains(&one.name.as_str())) {
        report.lost(
            &one.place,
            &one.name,
            "only HTTP is proxied; nobody listens there now",
            "keep it where it is",
        );
    }
    let servers: Vec<Server<'_>> =
        http.all("server").filter(|one| one.block.is_some()).map(Server::read).collect();
    if servers.is_empty() {
        return Err(vec![
            Problem::error("migrate.nothing", "there is no `server` block in these files").at(&whole.place),
        ]);
    }
    let mut policy = Tree::map();
    policy.set("listen", Tree::list(listeners(&http, &servers, options, &mut report)));
    client_ip(&http, &servers, &mut policy, &mut report);
    let mut providers = BTreeMap::new();
    let mut sites = Tree::map();
    {
        let mut around =
            Around { http: &http, options, sources, report: &mut report, providers: &mut providers };
        for (hosts, members) in grouped(&servers, around.report) {
            let name =
                slug(&hosts.first().map_or("", String::as_str).replace("*.", "any.").replace('*', "default"));
            sites.set(&name, site(&mut around, &servers, &hosts, &members));
        }
    }
    if !providers.is_empty() {
        let all = providers.into_iter().fold(Tree::map(), |map, (name, provider)| map.with(&name, provider));
        policy.set("identity", all);
    }
    policy.set("sites", sites);
    unread(&http, &mut report);
    Ok((policy, report.notes))
}

/// Where a server listens, and for which names.
struct Server<'a> {
    block: &'a Directive,
    listens: Vec<Listen<'a>>,
    names: Vec<String>,
}

struct Listen<'a> {
    address: String,
    directive: &'a Directive,
}

impl Listen<'_> {
    fn has(&self, word: &str) -> bool {
        self.directive.args.iter().skip(1).any(|arg| arg == word)
    }
}

impl<'a> Server<'a> {
    fn read(block: &'a Directive) -> Self {
        let mut listens: Vec<_> = block
            .all("listen")
            .filter_map(|directive| Some(Listen { address: address(directive.arg(0))?, directive }))
            .collect();
        if block.first("listen").is_none() {
            listens.push(Listen { address: "0.0.0.0:80".to_owned(), directive: block });
        }
        let mut names = Vec::new();
        for name in block.all("server_name").flat_map(|one| &one.args) {
            if let Some(bare) = name.strip_prefix('.') {
                names.extend([bare.to_ascii_lowercase(), format!("*.{}", bare.to_ascii_lowercase())]);
            } else {
                names.push(name.to_ascii_lowercase());
            }
        }
        Self { block, listens, names }
    }
}

/// An address of `listen` in full; none for Unix sockets.
fn address(text: &str) -> Option<String> {
    if text.starts_with("unix:") {
        return None;
    }
    if text.parse::<u16>().is_ok() {
        return Some(format!("0.0.0.0:{text}"));
    }
    let text = text.replacen("*:", "0.0.0.0:", 1).replacen("localhost", "127.0.0.1", 1);
    let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    Some(if has_port { text } else { format!("{text}:80") })
}

fn addresses<'a>(servers: &'a [Server<'_>]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for listen in servers.iter().flat_map(|server| &server.listens) {
        if !all.contains(&listen.address.as_str()) {
            all.push(&listen.address);
        }
    }
    all
}

fn listeners(http: &Directive, servers: &[Server<'_>], options: &Options, report: &mut Report) -> Vec<Tree> {
    let mut all = Vec::new();
    for address in addresses(servers) {
        let here: Vec<_> = servers
            .iter()
            .filter_map(|server| Some((server, server.listens.iter().find(|one| one.address == address)?)))
            .collect();
        let Some((_, first)) = here.first() else { continue };
        report.carried(&first.directive.place, "listen", "a listener");
        let mut listener = Tree::map().with("address", Tree::text(address));
        if here.iter().any(|(_, listen)| listen.has("ssl")) {
            listener.set("tls", tls(http, &here, options, report));
        }
        if here.iter().any(|(_, listen)| listen.has("proxy_protocol")) {
            let trusted: Vec<_> =
                trusted(http, servers).into_iter().map(|one| one.arg(0).to_owned()).collect();
            if trusted.is_empty() {
                report.refused(
                    &first.directive.place,
                    "proxy_protocol",
                    "nobody is named that is believed (`set_real_ip_from`): connections with it are refused",
                    "name the load balancers in the listener's `proxy_protocol`",
                );
            } else {
                listener.set("proxy_protocol", Tree::texts(trusted));
            }
        }
        all.push(listener.about(&format!("listen ({})", told(&first.directive.place))));
    }
    all
}

/// A listener's TLS, from all servers on it.
fn tls(
    http: &Directive,
    here: &[(&Server<'_>, &Listen<'_>)],
    options: &Options,
    report: &mut Report,
) -> Tree {
    let mut tls = Tree::map();
    let mut more: Vec<Tree> = Vec::new();
    for (server, _) in here {
        let scopes = [http, server.block];
        let path = |one: &Directive| Tree::text(&file_path(options, http.place.file().name(), one.arg(0)));
        let (certificates, keys) = (
            access::effective(&scopes, &["ssl_certificate"]),
            access::effective(&scopes, &["ssl_certificate_key"]),
        );
        for (certificate, key) in certificates.into_iter().zip(keys) {
            let pair = Tree::map().with("certificate", path(certificate)).with("key", path(key));
            report.carried(&certificate.place, "ssl_certificate", "a certificate of the listener");
            if tls.is_empty() {
                tls = pair;
            } else if !more.contains(&pair) {
                more.push(pair);
            }
        }
        if let Some(protocols) = access::one(&scopes, "ssl_protocols") {
            let old = protocols.args.iter().any(|one| one == "TLSv1" || one == "TLSv1.1");
            if protocols.args.iter().all(|one| one == "TLSv1.3") {
                tls.set("min_version", Tree::text("1.3"));
            }
            if old {
                report.approximated(
                    &protocols.place,
                    "ssl_protocols",
                    "TLS 1.2 is the oldest version spoken here",
                );
            }
        }
        if let Some(one) = access::one(&scopes, "ssl_verify_client").filter(|one| one.arg(0) != "off") {
            tls.set("client_certificates", Tree::text("optional"));
            if one.arg(0) != "on" {
                report.approximated(
                    &one.place,
                    "ssl_verify_client",
                    "a certificate is asked for; one that nobody signed ends the handshake",
                );
            }
            for (key, name) in [("client_ca", "ssl_client_certificate"), ("client_crl", "ssl_crl")] {
                if let Some(one) = access::one(&scopes, name) {
                    tls.set(key, path(one));
                }
            }
        }
        if let Some(one) = access::one(&scopes, "ssl_ciphers") {
            report.approximated(
                &one.place,
                "ssl_ciphers",
                "the gateway speaks only suites with forward secrecy, chosen by itself",
            );
        }
    }
    let tls_as_read = tls.clone();
    if !more.is_empty() && tls_as_read != Tree::map() {
        tls.set("certificates", Tree::list(more));
    }
    tls
}

fn trusted<'a>(http: &'a Directive, servers: &[Server<'a>]) -> Vec<&'a Directive> {
    let blocks = std::iter::once(http).chain(servers.iter().map(|server| server.block));
    blocks.flat_map(|block| block.all("set_real_ip_from")).filter(|one| one.arg(0) != "unix:").collect()
}

fn client_ip(http: &Directive, servers: &[Server<'_>], policy: &mut Tree, report: &mut Report) {
    let header = std::iter::once(http)
        .chain(servers.iter().map(|server| server.block))
        .find_map(|block| block.first("real_ip_header"));
    let trusted = trusted(http, servers);
    let Some(header) = header.filter(|_| !trusted.is_empty()) else { return };
    match header.arg(0).to_ascii_lowercase().as_str() {
        name @ ("x-forwarded-for" | "forwarded") => {
            let networks: Vec<_> = trusted.iter().map(|one| one.arg(0)).collect();
            let tree = Tree::map().with("header", Tree::text(name)).with("trusted", Tree::texts(networks));
            policy.set("client_ip", tree.about(&format!("real_ip_header ({})", told(&header.place))));
            report.approximated(&header.place, "real_ip_header", "the rightmost address that is not trusted is the client's, on every site");
        }
        "proxy_protocol" => report.carried(&header.place, "real_ip_header", "the listener's `proxy_protocol`"),
        _ => report.lost(&header.place, "real_ip_header", "only X-Forwarded-For and Forwarded are read: every client has the address of the proxy before you, in limits and lists too", "let the proxy write X-Forwarded-For, then set `client_ip`"),
    }
}

/// The servers of one group of hosts, each with the addresses it answers them on.
type Members = Vec<(usize, Vec<String>)>;

/// Hosts with the same servers on the same addresses, together; the default servers are those of `*`.
fn grouped(servers: &[Server<'_>], report: &mut Report) -> Vec<(Vec<String>, Members)> {
    let mut hosts: Vec<String> = Vec::new();
    for server in servers {
        for name in &server.names {
            let odd = name.starts_with('~') || name.ends_with(".*");
            if odd {
                let place = server.block.first("server_name").map_or(&server.block.place, |one| &one.place);
                report.refused(
                    place,
                    "server_name",
                    "names by pattern have no equivalent: such hosts get what unknown ones get",
                    "list the hosts by name, or as `*.example.com`",
                );
            } else if !name.is_empty() && name != "_" && !hosts.contains(name) {
                hosts.push(name.clone());
            }
        }
    }
    hosts.push("*".to_owned());
    let mut groups: Vec<(Vec<String>, Members)> = Vec::new();
    for host in hosts {
        let mut members: Members = Vec::new();
        for address in addresses(servers) {
            let mut here = servers.iter().enumerate().filter_map(|(at, server)| {
                Some((at, server, server.listens.iter().find(|one| one.address == address)?))
            });
            let found = if host == "*" {
                let all: Vec<_> = here.collect();
                let is_default = |listen: &&Listen<'_>| listen.has("default_server") || listen.has("default");
                all.iter().find(|(_, _, listen)| is_default(listen)).or(all.first()).map(|(at, _, _)| *at)
            } else {
                here.find(|(_, server, _)| server.names.contains(&host)).map(|(at, _, _)| at)
            };
            let Some(at) = found else { continue };
            match members.iter_mut().find(|(member, _)| *member == at) {
                Some((_, addresses)) => addresses.push(address.to_owned()),
                None => members.push((at, vec![address.to_owned()])),
            }
        }
        match groups.iter_mut().find(|(_, other)| *other == members) {
            // Where a name is a default server's own, it needs no `*` besides.
            Some((names, _)) => names.push(host),
            None => groups.push((vec![host], members)),
        }
    }
    groups
}

fn site(around: &mut Around<'_>, servers: &[Server<'_>], hosts: &[String], members: &Members) -> Tree {
    let mut draft = SiteDraft::default();
    let all = addresses(servers);
    let own: Vec<&String> = members.iter().flat_map(|(_, addresses)| addresses).collect();
    let listed = |addresses: &[&String]| {
        format!(
            "peer.listener in [{}]",
            addresses.iter().map(|one| literal(one)).collect::<Vec<_>>().join(", ")
        )
    };
    let own_servers: Vec<_> = members.iter().filter_map(|(at, _)| servers.get(*at)).collect();
    let mut first_rules = vec![ambiguous(&own_servers)];
    let mut comment = Vec::new();
    if own.len() < all.len() {
        let rule = Tree::map()
            .with("name", Tree::text("other-listener"))
            .with("when", Tree::text(&format!("!({})", listed(&own))))
            .with("action", answer::block(404, None));
        first_rules.push(
            rule.about(
                "These hosts are answered on the addresses their servers listen on, and nowhere else.",
            ),
        );
    }
    for (at, addresses) in members {
        let Some(server) = servers.get(*at) else { continue };
        comment.push(told(&server.block.place));
        let scope =
            if members.len() > 1 { listed(&addresses.iter().collect::<Vec<_>>()) } else { String::new() };
        around.report.carried(&server.block.place, "server", "a site");
        server::add(around, server.block, &both(&[&scope]), &mut draft);
    }
    first_rules.append(&mut draft.rules);
    let mut site = Tree::map().with("hosts", Tree::texts(hosts));
    if draft.upstream.is_none() && draft.upstreams.is_empty() {
        let nowhere = Tree::map().with("servers", Tree::texts([&around.options.upstream]));
        draft.upstream = Some(nowhere.about("Nothing is sent there: rules answer every path."));
    }
    if let Some(upstream) = draft.upstream {
        site.set("upstream", upstream);
    }
    if !draft.upstreams.is_empty() {
        site.set(
            "upstreams",
            draft.upstreams.into_iter().fold(Tree::map(), |map, (name, tree)| map.with(&name, tree)),
        );
    }
    site.set("encoded_slash", Tree::text("refuse"));
    if !draft.providers.is_empty() {
        site.set("identity", Tree::texts(&draft.providers));
    }
    bodies(draft.hold, &mut site);
    site.set("rules", Tree::list(first_rules));
    if !draft.limits.is_empty() {
        site.set("limits", Tree::list(draft.limits));
    }
    site.about(&format!("server ({})", comment.join(", ")))
}

/// How much of bodies is held, for the filter and for those that declare no length.
fn bodies(largest: Option<u64>, site: &mut Tree) {
    let hold = largest.unwrap_or(1 << 20).clamp(64 << 10, HOLD);
    let over = if largest.is_some_and(|largest| largest > HOLD) { "inspect_part" } else { "refuse" };
    let filter = Tree::map().with("action", Tree::text("monitor")).with("over_limit", Tree::text(over));
    site.set(
        "filter",
        filter.about("nginx has no content filter: here it watches. `action: block` lets it refuse."),
    );
    site.set("body", Tree::map().with("hold", Tree::text(&format!("{}KiB", hold >> 10))));
}

/// nginx merges slashes and decodes escapes before it chooses a location; what is judged here keeps them.
fn ambiguous(servers: &[&Server<'_>]) -> Tree {
    let named = |one: &Directive| {
        one.args.last().is_some_and(|path| path.contains(|one: char| "!$&'()*+,:;=@[]".contains(one)))
    };
    // Locations whose names could be written with escapes that are kept here.
    let escapes =
        servers.iter().any(|server| server.block.all("location").any(|one| one.args.len() < 2 && named(one)));
    let more = if escapes { " || path.matches(\"(?i)%(2[1346-9a-c]|3[abdf]|40|5b|5d)\")" } else { "" };
    let rule = Tree::map()
        .with("name", Tree::text("ambiguous-path"))
        .with("when", Tree::text(&format!("path.contains(\"//\"){more}")))
        .with("action", answer::block(400, None));
    rule.about(
        "nginx merges slashes and decodes escapes before it chooses a location; such paths are refused here.",
    )
}

/// Directives that nothing above reads, each told as lost: what is not known is never passed over in silence.
fn unread(http: &Directive, report: &mut Report) {
    let mut open: Vec<&Directive> = http.inside().iter().collect();
    while let Some(one) = open.pop() {
        let name = one.name.as_str();
        if name.starts_with("modsecurity") {
            report.lost(
                &one.place,
                name,
                "its rules are not read from here",
                "run `portcullis migrate modsecurity` on its files and name the rule set in `filter.rules`",
            );
        } else if ["map", "geo", "split_clients"].contains(&name) {
            report.lost(
                &one.place,
                name,
                "variables made of others have no equivalent; what asks for them is refused",
                "write a condition or a list",
            );
            continue;
        } else if !READ.contains(&name) && !name.starts_with("auth_") && !name.starts_with("access_by_lua") {
            report.lost(
                &one.place,
                name,
                "no part of a policy does this",
                "nothing, unless clients or upstreams count on it",
            );
        }
        if name != "upstream" {
            open.extend(one.inside());
        }
    }
}

/// Directives that are read, or that only say how nginx itself runs.
const READ: [&str; 62] = [
    "add_header",
    "allow",
    "charset",
    "client_body_buffer_size",
    "client_body_temp_path",
    "client_max_body_size",
    "default_type",
    "deny",
    "events",
    "fastcgi_pass",
    "fastcgi_temp_path",
    "grpc_pass",
    "if",
    "internal",
    "js_access",
    "keepalive_timeout",
    "limit_conn",
    "limit_conn_status",
    "limit_conn_zone",
    "limit_except",
    "limit_req",
    "limit_req_status",
    "limit_req_zone",
    "listen",
    "location",
    "memcached_pass",
    "proxy_connect_timeout",
    "proxy_http_version",
    "proxy_pass",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "proxy_set_header",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_key",
    "proxy_ssl_name",
    "proxy_ssl_server_name",
    "proxy_ssl_trusted_certificate",
    "proxy_ssl_verify",
    "proxy_temp_path",
    "real_ip_header",
    "real_ip_recursive",
    "return",
    "rewrite",
    "satisfy",
    "scgi_pass",
    "scgi_temp_path",
    "secure_link",
    "sendfile",
    "server",
    "server_name",
    "server_tokens",
    "set_real_ip_from",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_client_certificate",
    "ssl_crl",
    "ssl_protocols",
    "ssl_verify_client",
    "tcp_nopush",
    "upstream",
    "uwsgi_pass",
];
