//! Places an upstream names in its answers, as clients know them: the prefix it read in place of another is put back.
//!
//! Invariants: what is not below the prefix the upstream reads, leads to another host or names the client's prefix already stays
//! as it is; nothing but the beginning of a path changes. Deliberately absent: links in bodies, which only the
//! upstream can write.

use crate::upstreams::Prefix;

/// A `Location` or `Content-Location`: a path, or a URL of the host that was asked for.
pub(crate) fn location(prefix: &Prefix, host: &str, value: &str) -> Option<String> {
    if is_path(value) {
        return prefix.restored(value);
    }
    let (scheme, rest) = value.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if !is_http || !host_of(authority).eq_ignore_ascii_case(host) || !is_path(path) {
        return None;
    }
    Some(format!("{scheme}://{authority}{}", prefix.restored(path)?))
}

/// A `Set-Cookie` whose `Path` the upstream means as it reads it.
pub(crate) fn cookie(prefix: &Prefix, value: &str) -> Option<String> {
    let mut is_mended = false;
    let attributes: Vec<String> = value
        .split(';')
        .enumerate()
        .map(|(place, attribute)| {
            let path = attribute.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("path"));
            let path = path.map(|(_, path)| path.trim()).filter(|path| place > 0 && is_path(path));
            match path.and_then(|path| prefix.restored(path)) {
                Some(path) => {
                    is_mended = true;
                    format!(" Path={path}")
                }
                None => attribute.to_owned(),
            }
        })
        .collect();
    is_mended.then(|| attributes.join(";"))
}

/// Whether it is a path, and nothing that browsers take for another host.
fn is_path(value: &str) -> bool {
    value.starts_with('/') && !value.starts_with("//") && !value.starts_with("/\\")
}

/// Without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::MemorySources;

    use super::*;
    use crate::upstreams::Upstreams;

    fn with(prefix: &str, rewrite: &str, check: impl Fn(&Prefix)) {
        let text = format!(
            "listen: 127.0.0.1:1\nsites: {{ a: {{ hosts: [a.example], upstreams: {{ x: {{ prefix: {prefix}, \
             rewrite: {rewrite}, servers: [\"http://127.0.0.1:9\"] }} }} }} }}\n"
        );
        let sources = MemorySources::new().file("p.yaml", text);
        let policy = portcullis_policy::load("p.yaml", &sources).policy.unwrap();
        let upstreams = Upstreams::compile(policy.sites.iter().next().unwrap(), |_| None);
        check(upstreams.prefix(0).unwrap());
    }

    fn check_location(prefix: &str, rewrite: &str, cases: &[(&str, Option<&str>)]) {
        with(prefix, rewrite, |compiled| {
            for (value, expected) in cases {
                let mended = location(compiled, "a.example", value);
                assert_eq!(mended.as_deref(), *expected, "{value} with {prefix} for {rewrite}");
            }
        });
    }

    #[test]
    fn places_below_what_the_upstream_reads_are_mended() {
        check_location(
            "/api/billing",
            "/v2",
            &[
                ("/v2/7?x=1", Some("/api/billing/7?x=1")),
                ("/v2", Some("/api/billing")),
                ("/v2?x", Some("/api/billing?x")),
                ("http://a.example/v2/7", Some("http://a.example/api/billing/7")),
                ("HTTPS://A.example:8443/v2#x", Some("HTTPS://A.example:8443/api/billing#x")),
                ("/v20/7", None),
                ("/api/billing/7", None),
                ("/other", None),
                ("7", None),
                ("//v2/7", None),
                ("/\\v2", None),
                ("https://b.example/v2/7", None),
                ("https://a.example@b.example/v2", None),
                ("mailto:v2", None),
                ("https://a.example", None),
            ],
        );
    }

    #[test]
    fn a_prefix_that_was_taken_away_is_put_back_once() {
        check_location(
            "/files",
            "/",
            &[
                ("/", Some("/files/")),
                ("/a/b", Some("/files/a/b")),
                ("/files/a", None),
                ("/filesystem", Some("/files/filesystem")),
            ],
        );
        check_location("/", "/app", &[("/app/x", Some("/x")), ("/app", Some("/")), ("/app?x", Some("/?x"))]);
        check_location("/api", "/api/v2", &[("/api/v2/x", Some("/api/x")), ("/api/x", None)]);
    }

    #[test]
    fn a_cookie_keeps_all_but_its_path() {
        with("/files", "/", |prefix| {
            for (value, expected) in [
                ("a=1; path=/; HttpOnly", Some("a=1; Path=/files/; HttpOnly")),
                ("a=/x; Secure;Path = /x", Some("a=/x; Secure; Path=/files/x")),
                ("path=/x", None),
                ("a=1", None),
                ("a=1; Path=x", None),
                ("a=1; Path=/files", None),
            ] {
                assert_eq!(cookie(prefix, value).as_deref(), expected, "{value}");
            }
        });
    }
}
