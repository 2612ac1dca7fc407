//! Mistakes outside of sites, one row each.

use super::*;

/// Whole policies: the smallest one with one thing wrong.
const OF_A_POLICY: &[(&str, &str, &str)] = &[
    (
        "listen",
        "8080",
        "error at `8080`: `listen` must be an IP address and a port (write `0.0.0.0:8080` for every address of this machine, `127.0.0.1:8080` for itself only)",
    ),
    (
        "listen",
        "localhost:80",
        "error at `localhost:80`: `listen` must be an IP address and a port (write `127.0.0.1:80`)",
    ),
    (
        "listen",
        "10.0.0.1",
        "error at `10.0.0.1`: `listen` must be an IP address and a port (add a port: `10.0.0.1:8080`)",
    ),
    ("listen", "[]", "error at `[]`: `listen` must be at least one listener (e.g. `listen: 0.0.0.0:8080`)"),
    (
        "listen",
        "['127.0.0.1:1', '127.0.0.1:1']",
        "error at `'127.0.0.1:1'`: two listeners at `127.0.0.1:1` (-)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { certificate: a.pem } }",
        "error at `{ certificate: a.pem }`: the certificate has no key (add `key: FILE`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: {} }",
        "error at `{}`: TLS needs a certificate (add `certificate: FILE` and `key: FILE`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { certificate: a, key: b, client_crl: c } }",
        "error at `{ certificate: a, key: b, client_crl: c }`: client certificates are taken back that nobody believes (add `client_ca: FILE`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { certificate: a, key: b, client_certificates: required } }",
        "error at `{ certificate: a, key: b, client_certificates: required }`: client certificates are asked for, and nothing says whose are believed (add `client_ca: FILE`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { certificate: a, key: b, profile: modern, min_version: '1.2' } }",
        "error at `'1.2'`: `profile: modern` speaks TLS 1.3 alone (leave one of the two out)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { acme: {} } }",
        "error at `{}`: certificates can be ordered only by whoever agrees to the authority's terms (read them and add `agree_to_terms: true`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { acme: { agree_to_terms: true, directory: 'http://ca.example/dir' } } }",
        "error at `'http://ca.example/dir'`: an ACME directory is at an `https` URL (write it like `https://HOST/directory`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', tls: { acme: { agree_to_terms: true, hosts: ['*.shop.example'] } } }",
        "error at `['*.shop.example']`: no certificate can be had by HTTP for `*.shop.example` (name a host like `shop.example`)",
    ),
    (
        "client_ip",
        "{ header: x-forwarded-for }",
        "error at `{ header: x-forwarded-for }`: a header is named, and no proxy is trusted to write it (add `trusted: [NETWORK]` with your proxies' addresses)",
    ),
    (
        "geo",
        "{ country: https://geo.example/c.mmdb }",
        "error at `https://geo.example/c.mmdb`: this must be a file, not a URL (save it to a file and name that; files are watched and reloaded)",
    ),
    ("connections", "{ max: 0 }", "error at `0`: `max` must be a whole number from 1 to 4294967295 (-)"),
    ("workers", "many", "error at `many`: this must be `auto` or a whole number, at least 1 (-)"),
    ("archive", "{ passes: 2 }", "error at `2`: `passes` must be a percentage from `0%` to `100%` (-)"),
    (
        "access_log",
        "{ format: common }",
        "error at `{ format: common }`: `to` is missing (`to`: Where lines go. A file is opened anew at every reload, on `SIGHUP`, and where it was moved away or removed.)",
    ),
    (
        "access_log",
        "{ to: stdout, format: apache }",
        "error at `apache`: `format` must be `common`, `combined`, `json` or a template (a template names what a line tells: `${ip} ${method} ${path} ${status}`)",
    ),
    (
        "access_log",
        "{ to: stdout, format: '${ip} ${statsu}' }",
        "error at `statsu`: there is no variable `statsu` (did you mean `status`?)",
    ),
    (
        "access_log",
        "{ to: a.log, buffer: 1KiB }",
        "error at `1KiB`: long lines would never fit (give it `64KiB` or more)",
    ),
    ("tracing", "{ sample: 5% }", "error at `{ sample: 5% }`: `otlp` is missing (`otlp`: The collector.)"),
    (
        "tracing",
        "{ otlp: { url: 'http://collector:4318' } }",
        "error at `'http://collector:4318'`: the collector's URL has no path (collectors take traces at `http://collector:4318/v1/traces`)",
    ),
    (
        "tracing",
        "{ otlp: { url: 'http://collector:4318/v1/traces', ca: a.pem } }",
        "error at `a.pem`: without TLS nobody asks `ca` (give a URL of `https://`, or leave `ca` out)",
    ),
    (
        "tracing",
        "{ otlp: { url: 'http://collector:4318/v1/traces' }, parents: anybody }",
        "error at `anybody`: `anybody` is not one of `trusted`, `everybody`, `nobody` (did you mean `nobody`?)",
    ),
    (
        "crawlers",
        "{ dns: { resolver: 10.0.0.53 } }",
        "error at `10.0.0.53`: `resolver` must be an IP address and a port (add a port: `10.0.0.53:8080`)",
    ),
    (
        "crawlers",
        "{ dns: { at_once: 0 } }",
        "error at `0`: `at_once` must be more than nothing (leave it out for the default)",
    ),
    (
        "lists",
        "{ a: { url: feeds/a.txt } }",
        "error at `feeds/a.txt`: this must be a URL (write `https://…`, or name a file: `file: PATH`)",
    ),
    (
        "lists",
        "{ a: { url: 'https://me:secret@feeds.example/a' } }",
        "error at `'https://me:secret@feeds.example/a'`: credentials in a URL are not sent (leave them out; a feed that wants a key takes it in the query, which is shown nowhere)",
    ),
    (
        "lists",
        "{ a: { url: 'http://feeds.example/a?key=secret' } }",
        "warning at `'http://feeds.example/a?key=secret'`: `http://feeds.example/a` is fetched in clear: anybody on the way can change it (write `https://`)",
    ),
    (
        "lists",
        "{ a: { url: 'http://feeds.example/a' } }",
        "warning at `'http://feeds.example/a'`: `http://feeds.example/a` is fetched in clear: anybody on the way can change it (write `https://`)",
    ),
    (
        "lists",
        "{ a: { file: a, csv: { column: 0 } } }",
        "error at `0`: `column` must be a column's name or number (columns are counted from 1)",
    ),
    (
        "lists",
        "{ a: { file: a, csv: { column: 1, separator: tab } } }",
        "error at `tab`: columns are separated by one ASCII character (e.g. `separator: \";\"`)",
    ),
    (
        "lists",
        "{ a: { file: a, json: { at: data.ips } } }",
        "error at `data.ips`: this is no JSON Pointer (write `/data/ips`)",
    ),
    (
        "lists",
        "{ a: { file: a, json: {}, csv: { column: 1 } } }",
        "error at `csv`: a list is JSON or CSV, not both (leave one of the two out)",
    ),
    (
        "lists",
        "{ a: { ranges: 10.0.0.0/8, json: {} } }",
        "error at `json`: this says how a file is written, and there is none (give a `file: PATH` or a `url: URL`)",
    ),
    (
        "lists",
        "{ a: { file: a, fetch: { refresh: 1m } } }",
        "error at `fetch`: this says how an answer is fetched, and there is no URL (give a `url: URL`)",
    ),
    (
        "lists",
        "{ a: { url: 'https://a.example/a', fetch: { timeout: 0s } } }",
        "error at `0s`: `timeout` must be more than nothing (leave it out for the default)",
    ),
    (
        "lists",
        "{ a: {} }",
        "error at `{}`: the list names nothing (give it `ranges: [NETWORK]`, a `file: PATH` or a `url: URL`)",
    ),
    (
        "lists",
        "{ a: { ranges: 10.0.0.1/8 } }",
        "warning at `10.0.0.1/8`: `10.0.0.1/8` has bits beyond its prefix (it is read as `10.0.0.0/8`)",
    ),
    (
        "lists",
        "{ a: { ranges: [x] } }",
        "error at `x`: `ranges` must be an IP address or a network (write it like `203.0.113.7` or `10.0.0.0/8`)",
    ),
    (
        "lists",
        "{ 'a b': { ranges: [10.0.0.1] } }",
        "error at `'a b'`: `a b` cannot name a list (use letters, digits, `-`, `_` and `.`; at most 64 of them)",
    ),
    (
        "identity",
        "{ a: {} }",
        "error at `{}`: the provider says not how it proves who calls (give it one of `jwt`, `introspection`, `api_key`, `mtls`, `basic`, `oidc` and `signature`)",
    ),
    (
        "identity",
        "{ a: { introspection: { endpoint: issuer.json, client_id: x, client_secret: env:X, audience: y } } }",
        "error at `issuer.json`: the issuer is asked at a URL (e.g. `endpoint: https://login.example/oauth2/introspect`)",
    ),
    (
        "identity",
        "{ a: { signature: { keys: {} } } }",
        "error at `{}`: nobody can sign: there is no key (give each signer's key by its `keyid`)",
    ),
    (
        "identity",
        "{ a: { signature: { keys: { k: { algorithm: ed25519, key: 'env:K', subject: s } }, cover: ['@method', '@path', '@status'] } } }",
        "error at `['@method', '@path', '@status']`: `@status` is nothing a signature can cover (use @method, @authority, @path, @query, @scheme or the name of a field in lower case)",
    ),
    (
        "identity",
        "{ a: { signature: { keys: { k: { algorithm: ed25519, key: 'env:K', subject: s } }, cover: ['@method'] } } }",
        "warning at `['@method']`: a signature need not cover `@path` (what it does not cover, whoever sees it can change)",
    ),
    (
        "identity",
        "{ a: { oidc: { issuer: id.example, client_id: x } } }",
        "error at `id.example`: the issuer is not a URL (e.g. `issuer: https://id.example`)",
    ),
    (
        "identity",
        "{ a: { oidc: { issuer: 'https://id.example', client_id: x, session: { lifetime: 1h, idle: 2h } } } }",
        "error at `{ lifetime: 1h, idle: 2h }`: a session cannot be idle for longer than it lasts (give `idle` at most `lifetime`)",
    ),
    (
        "identity",
        "{ a: { jwt: {} } }",
        "error at `{}`: nothing says which keys sign these tokens (add `jwks:` with the issuer's key set (a file or a URL), `key: file:PATH`, or an `issuer` that is a URL)",
    ),
    (
        "identity",
        "{ a: { jwt: { key: 'env:K', algorithms: [HS256, RS256] } } }",
        "error at `{ key: 'env:K', algorithms: [HS256, RS256] }`: HS algorithms share one secret and cannot stand beside public keys (a token signed with a public key as if it were a secret would pass: make two providers)",
    ),
    (
        "identity",
        "{ a: { jwt: { key: 'env:K', algorithms: HS256 } } }",
        "warning at `{ key: 'env:K', algorithms: HS256 }`: nothing says whom these tokens are for (a token that the issuer made for another service passes, too: add `audience`)",
    ),
    (
        "identity",
        "{ a: { jwt: { key: 'env:K', audience: b, algorithms: none } } }",
        "error at `none`: `none` is not one of `HS256`, `HS384`, `HS512`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA` (-)",
    ),
    (
        "identity",
        "{ a: { api_key: { keys: k } } }",
        "error at `{ keys: k }`: nothing says where requests carry the key (give one of `header`, `query` and `cookie`)",
    ),
    (
        "identity",
        "{ a: { mtls: {} } }",
        "warning at `{ mtls: {} }`: `a` believes client certificates, and no listener asks for one (give a listener's `tls` a `client_ca: FILE`)",
    ),
    (
        "sites",
        "{}",
        "error at `sites`: the policy has no site (e.g. `sites: { shop: { hosts: [shop.example], upstream: { servers: [http://127.0.0.1:9000] } } }`)",
    ),
    (
        "sites",
        "{ a: { hosts: 'http://a.example/x', upstream: { servers: 'http://b' } } }",
        "error at `'http://a.example/x'`: `hosts` must be a host name without scheme, port and path (write `a.example`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: '10.0.0.1:80' } } }",
        "error at `'10.0.0.1:80'`: `servers` must be a server's address (write it like `http://10.0.0.1:80`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b/path' } } }",
        "error at `'http://b/path'`: `servers` must be a server's address (only scheme, host and port; a path is put before the request's by `rewrite` in `upstreams`)",
    ),
    (
        "sites",
        "{ a: { hosts: a } }",
        "error at `{ hosts: a }`: `upstream` is missing (`upstream`: the servers behind the site, e.g. `upstream: { servers: [http://127.0.0.1:9000] }`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', proxy_protocol: v3 } } }",
        "error at `v3`: `v3` is not one of `v1`, `v2` (did you mean `v1`?)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', proxy_protocol: v2, pool: { idle: 5 } } } }",
        "warning at `pool`: `pool` means nothing where each connection is one client's (leave out `pool`, or `proxy_protocol`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { most_paused: 0% } } } }",
        "error at `0%`: no server would ever be left alone (e.g. `most_paused: 50%`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstreams: { x: { servers: 'http://b', prefix: [] } } } }",
        "error at `{ servers: 'http://b', prefix: [] }`: no path goes to this upstream (e.g. `prefix: /billing`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstreams: { x: { servers: 'http://b', prefix: /x/** } } } }",
        "error at `/x/**`: `prefix` must be the beginning of a path (write `/x`: a prefix always means everything below it)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstreams: { x: { servers: 'http://b', prefix: /x, rewrite: y } } } }",
        "error at `y`: `rewrite` must be the beginning of a path (write `/y`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstreams: { x: { servers: 'http://b', prefix: [/x, /x/] } } } }",
        "error at `/x/`: the paths below `/x` go to an upstream already (keep one of the two)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b' }, upstreams: { x: { servers: 'http://b', prefix: / } } } }",
        "warning at `{ servers: 'http://b' }`: no path is left for `upstream` (leave one of the two out)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { check: tcp, path: /x } } } }",
        "error at `/x`: a check by `tcp` asks for no path (leave it out, or write `check: http`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { path: healthz } } } }",
        "error at `healthz`: `path` must be a path such as `/healthz` (write it as it is sent, escapes included)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { check: tcp, host: '*' } } } }",
        "error at `'*'`: a check asks for one host (e.g. `host: shop.example`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { check: tcp, every: 0s } } } }",
        "error at `0s`: servers would be asked without end (e.g. `every: 5s`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { every: 1s } } } }",
        "warning at `every`: `every` means nothing without a check (add `path: /healthz`, or `check: tcp`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'https://b', tls: { certificate: c } } } }",
        "error at `c`: the certificate has no key (add `key: FILE`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', proxy_protocol: true }",
        "error at `true`: `proxy_protocol` must be the addresses of the load balancers that are believed (e.g. `proxy_protocol: [10.0.0.0/24]`)",
    ),
    (
        "listen",
        "{ address: '127.0.0.1:1', proxy_protocol: 0.0.0.0/0 }",
        "warning at `0.0.0.0/0`: everybody is believed about whom a connection is from (name the load balancers alone: `[10.0.0.0/24]`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: [{ url: 'http://b', weight: 0 }] } } }",
        "error at `0`: `weight` must be a whole number from 1 to 100 (-)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: [{ url: 'http://b', wieght: 1 }] } } }",
        "error at `wieght`: `wieght` is not a key of a server (did you mean `weight`?)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', balance_key: ip } } }",
        "warning at `balance_key`: `balance_key` means nothing without `balance: hash` (add `balance: hash`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', balance: hash, balance_key: body.id } } }",
        "error at `body.id`: a body is not read to find its server (e.g. `balance_key: headers.x-tenant`, or `cookies.session`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', capacity: { queue: 1 } } } }",
        "warning at `queue`: `queue` means nothing where nothing is bounded (add `server: 100`, or `total: 400`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', capacity: { total: 1, queue: 1, wait: 0s } } } }",
        "error at `0s`: whoever waits would be refused at once (e.g. `wait: 1s`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { failure_rate: { share: 0% } } } } }",
        "error at `0%`: servers would be left alone whatever they do (e.g. `share: 50%`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { failure_rate: { within: 0s } } } } }",
        "error at `0s`: nothing happens in that time (e.g. `within: 10s`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', overload: { tolerance: 1 } } } }",
        "error at `1`: half of all answers take longer than usual (at least `tolerance: 2`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', overload: { minimum: 9, maximum: 8 } } } }",
        "error at `9`: more than `maximum` would have to go on (e.g. `minimum: 8`)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', health: { statuses: [404] } } } }",
        "error at `404`: `statuses` must be a whole number from 500 to 599 (-)",
    ),
    (
        "sites",
        "{ a: { hosts: a, upstream: { servers: 'http://b', tls: { ca: c } } } }",
        "warning at `'http://b'`: `http://b` is spoken to in clear (write `https://`)",
    ),
    (
        "sites",
        "{ a: { hosts: x, upstream: { servers: 'http://b' } }, b: { hosts: x, upstream: { servers: 'http://b' } } }",
        "error at `x`: `x` is a host of two sites, `a` and `b` (keep it in one of them)",
    ),
    (
        "state",
        "{ server: { at: 'http://10.0.0.5' } }",
        "error at `'http://10.0.0.5'`: `at` must be the address of a Redis or Valkey server (e.g. `redis://10.0.0.5:6379`, or `rediss://…` for TLS; the database has a key of its own)",
    ),
    (
        "state",
        "{ server: { at: ['redis://a', 'redis://b'] } }",
        "error at `{ at: ['redis://a', 'redis://b'] }`: several addresses are named for a single server (keep one, or add `kind: sentinel` or `kind: cluster`)",
    ),
    (
        "state",
        "{ server: { at: 'redis://a', kind: sentinel } }",
        "error at `{ at: 'redis://a', kind: sentinel }`: Sentinels are asked, and nothing says for which service (add `service: NAME`)",
    ),
    (
        "state",
        "{ server: { at: 'redis://a', user: me } }",
        "error at `{ at: 'redis://a', user: me }`: the user has no password (add `password: env:NAME` or `password: file:PATH`)",
    ),
    (
        "state",
        "{ server: { at: 'redis://a', prefix: 'a:b' } }",
        "error at `'a:b'`: `prefix` must be what keys begin with (1 to 64 letters, digits, `-`, `_` and `.`, so that no two deployments meet in a key)",
    ),
    ("sitse", "{}", "error at `sitse`: `sitse` is not a key of a policy (did you mean `sites`?)"),
];

#[test]
fn mistakes_in_a_policy() {
    for (key, value, expected) in OF_A_POLICY {
        let rest = [
            ("listen", "127.0.0.1:1"),
            ("sites", "{ shop: { hosts: s.example, upstream: { servers: 'http://10.0.0.1' } } }"),
        ];
        let rest = rest.into_iter().filter(|(name, _)| name != key);
        let lines = rest.chain([(*key, *value)]).map(|(key, value)| format!("{key}: {value}\n"));
        let text: String = lines.collect();
        let mut said = summary(&read(&text).problems);
        if said.len() > 1 && key == &"sites" {
            said.retain(|line| !line.contains("the policy has no site"));
        }
        assert_eq!(said, [*expected], "\n{text}");
    }
}
