//! What nginx answers by itself: `return` and `rewrite … permanent`, and its variables as conditions know them.

use crate::tree::Tree;

use super::location::literal;

/// A text with nginx' variables as a template, if all of them can be written.
pub(super) fn template(text: &str, server_name: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at)?);
        let (name, after) = variable_name(rest.get(at + 1..)?)?;
        match name {
            "server_name" => out.push_str(server_name),
            "uri" => out.push_str("${path}"),
            "request_uri" => {
                out.push_str(
                    "${path}${query_string != null && query_string != \"\" ? \"?\" + query_string : \"\"}",
                );
            }
            "is_args" => out.push_str("${query_string != null && query_string != \"\" ? \"?\" : \"\"}"),
            "args" | "query_string" => out.push_str("${query_string}"),
            other => {
                out.push_str("${");
                out.push_str(&variable(other)?);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// A variable's name behind its `$`, and what follows.
fn variable_name(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}');
    }
    let end = text.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

/// A variable as conditions call it.
pub(super) fn variable(name: &str) -> Option<String> {
    let found = match name {
        "host" | "http_host" => "host".to_owned(),
        "scheme" => "scheme".to_owned(),
        "remote_addr" | "binary_remote_addr" => "ip".to_owned(),
        "request_method" => "method".to_owned(),
        "uri" => "path".to_owned(),
        "args" | "query_string" => "query_string".to_owned(),
        "content_type" | "http_content_type" => "headers[\"content-type\"]".to_owned(),
        "http_user_agent" => "user_agent".to_owned(),
        "remote_user" => "identity.subject".to_owned(),
        _ => {
            let named = [("http_", "headers"), ("arg_", "query"), ("cookie_", "cookies")];
            let (map, key) =
                named.into_iter().find_map(|(prefix, map)| Some((map, name.strip_prefix(prefix)?)))?;
            let key = if map == "headers" { key.replace('_', "-") } else { key.to_owned() };
            format!("{map}[{}]", literal(&key))
        }
    };
    Some(found)
}

/// The action of `return` with these arguments; `None` where it cannot be said.
pub(super) fn action(args: &[String], server_name: &str) -> Option<Tree> {
    let first = args.first()?;
    let Ok(status) = first.parse::<u64>() else {
        return Some(redirect(302, &absolute(&template(first, server_name)?)));
    };
    let text = args.get(1).map(String::as_str);
    match (status, text) {
        (301 | 302 | 303 | 307 | 308, Some(to)) => {
            Some(redirect(status, &absolute(&template(to, server_name)?)))
        }
        (444, _) => Some(block(400, None)),
        (200..=599, Some(body)) if body.contains('$') => None,
        (200..=599, body) => Some(block(status, body)),
        _ => None,
    }
}

/// A path alone stays on the host that was asked, as nginx' `absolute_redirect` has it.
fn absolute(to: &str) -> String {
    if to.starts_with('/') { format!("${{scheme}}://${{host}}{to}") } else { to.to_owned() }
}

/// A redirect.
pub(super) fn redirect(status: u64, to: &str) -> Tree {
    Tree::map().with("redirect", Tree::map().with("to", Tree::text(to)).with("status", Tree::number(status)))
}

/// An answer of its own.
pub(super) fn block(status: u64, body: Option<&str>) -> Tree {
    let mut answer = Tree::map().with("status", Tree::number(status));
    if let Some(body) = body {
        answer.set("body", Tree::text(body));
    }
    Tree::map().with("block", answer)
}

/// A condition of `if (…)`, if it can be written.
pub(super) fn test(args: &[String]) -> Option<String> {
    let joined = args.join(" ");
    let inner = joined.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    let mut words = inner.splitn(3, ' ');
    let name = words.next()?.strip_prefix('$')?;
    let (operator, value) = (words.next(), words.next().map(str::trim));
    let variable = variable(name)?;
    let pattern = |flags: &str, value: &str| {
        let bad = value.contains("(?") || value.contains("\\1");
        (!bad).then(|| format!("{variable}.matches({})", literal(&format!("{flags}{value}"))))
    };
    match (operator, value) {
        (None, _) => Some(format!("{variable} != null && {variable} != \"\"")),
        (Some("="), Some("")) => Some(format!("({variable} == null || {variable} == \"\")")),
        // An address is no text, and would never equal one.
        _ if variable == "ip" => None,
        (Some("="), Some(value)) => Some(format!("{variable} == {}", literal(value))),
        (Some("!="), Some(value)) => Some(format!("{variable} != {}", literal(value))),
        (Some("~"), Some(value)) => pattern("", value),
        (Some("~*"), Some(value)) => pattern("(?i)", value),
        (Some("!~"), Some(value)) => Some(format!("!{}", pattern("", value)?)),
        (Some("!~*"), Some(value)) => Some(format!("!{}", pattern("(?i)", value)?)),
        _ => None,
    }
}
