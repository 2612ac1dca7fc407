//! `proxy_set_header` and `add_header`.
//!
//! Invariant: what may be a secret is not copied.

use crate::report::Report;
use crate::tree::Tree;

use super::access::effective;
use super::answer;
use super::location::Location;
use super::rules::Rules;

/// `proxy_set_header` and what has no equivalent of headers.
pub(super) fn add(at: usize, location: &Location<'_>, rules: &mut Rules, report: &mut Report) {
    for one in effective(&location.scopes, &["add_header"]) {
        report.lost(
            &one.place,
            &format!("add_header {}", one.arg(0)),
            "fields of answers are not changed here",
            "let the upstream send it",
        );
    }
    let mut fields = Tree::map();
    for one in effective(&location.scopes, &["proxy_set_header"]) {
        let (name, value) = (one.arg(0), one.arg(1));
        let lower = name.to_ascii_lowercase();
        let what = format!("proxy_set_header {name}");
        match lower.as_str() {
            "host" if value.starts_with("$host") || value == "$http_host" => {
                report.carried(&one.place, &what, "the Host the client asked for goes on as it is");
            }
            "host" => report.lost(
                &one.place,
                &what,
                "the Host the client asked for goes on as it is",
                "see that the upstream answers for that host",
            ),
            "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host" | "forwarded" => {
                report.carried(&one.place, &what, "the gateway sets it by itself");
            }
            "upgrade" | "connection" | "content-length" | "te" | "transfer-encoding" => {
                report.carried(&one.place, &what, "the gateway handles upgrades and connections by itself");
            }
            _ if is_secret(&lower) && !value.is_empty() => {
                report.lost(
                    &one.place,
                    &what,
                    "it may hold a secret, which is not copied",
                    "set it with a rule's `headers: { set: … }`",
                );
            }
            _ => match answer::template(value, "") {
                Some(template) if !template.is_empty() && !value.contains("$server_name") => {
                    fields.set(name, Tree::text(&template));
                    report.carried(&one.place, &what, "a rule that sets it");
                }
                _ => report.lost(
                    &one.place,
                    &what,
                    "its value has no equivalent",
                    "set it with a rule's `headers: { set: … }`, see docs/conditions.md",
                ),
            },
        }
    }
    if !fields.is_empty() {
        rules.headers(at, fields, "proxy_set_header");
    }
}

/// Whether a field of that name may carry a secret.
fn is_secret(name: &str) -> bool {
    ["auth", "cookie", "key", "token", "secret", "pass"].iter().any(|word| name.contains(word))
}
