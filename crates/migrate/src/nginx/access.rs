//! `allow`, `deny`, `auth_basic` and their like as conditions that refuse.

use super::location::literal;
use super::read::Directive;

/// The directives of these names at the innermost level that has any: how nginx inherits lists.
pub(super) fn effective<'a>(scopes: &[&'a Directive], names: &[&str]) -> Vec<&'a Directive> {
    let of = |scope: &&'a Directive| -> Vec<&'a Directive> {
        scope.inside().iter().filter(|one| names.contains(&one.name.as_str())).collect()
    };
    scopes.iter().rev().map(of).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The one directive of this name that holds.
pub(super) fn one<'a>(scopes: &[&'a Directive], name: &str) -> Option<&'a Directive> {
    effective(scopes, &[name]).pop()
}

/// Whom a list of `allow` and `deny` refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Nobody,
    Everybody,
    If(String),
}

/// The condition under which the first that fits of `allow` and `deny` is a `deny`.
pub(super) fn denied(list: &[&Directive]) -> Denied {
    let mut rest = Denied::Nobody;
    for group in list.chunk_by(|one, other| one.name == other.name).rev() {
        let is_deny = group.iter().any(|one| one.name == "deny");
        let everybody = group.iter().any(|one| one.arg(0) == "all");
        let ranges: Vec<_> =
            group.iter().filter(|one| one.arg(0) != "unix:").map(|one| literal(one.arg(0))).collect();
        let within = format!("ip in [{}]", ranges.join(", "));
        rest = match (is_deny, rest) {
            (true, _) if everybody => Denied::Everybody,
            (false, _) if everybody => Denied::Nobody,
            (_, rest) if ranges.is_empty() => rest,
            (true, Denied::Nobody) => Denied::If(within),
            (true, Denied::If(rest)) => Denied::If(format!("({within} || {rest})")),
            (true, Denied::Everybody) => Denied::Everybody,
            (false, Denied::Nobody) => Denied::Nobody,
            (false, Denied::Everybody) => Denied::If(format!("!({within})")),
            (false, Denied::If(rest)) => Denied::If(format!("(!({within}) && {rest})")),
        };
    }
    rest
}

/// Conditions that all have to hold, as one; those that always hold are left out.
pub(super) fn both(parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty() && **part != "true").copied().collect();
    if parts.is_empty() { "true".to_owned() } else { parts.join(" && ") }
}

#[cfg(test)]
mod tests {
    use portcullis_document::MemorySources;

    use super::super::read::read;
    use super::*;

    fn check(text: &str, expected: &str) {
        let sources = MemorySources::new().file("a.conf", text.to_owned());
        let read = read(&["a.conf".to_owned()], &sources).expect("reads");
        let told = match denied(&read.iter().collect::<Vec<_>>()) {
            Denied::Nobody => "nobody".to_owned(),
            Denied::Everybody => "everybody".to_owned(),
            Denied::If(condition) => condition,
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn the_first_that_fits_decides() {
        check("allow 10.0.0.0/8; allow ::1; deny all;", r#"!(ip in ["10.0.0.0/8", "::1"])"#);
        check(
            "deny 10.0.0.1; allow 10.0.0.0/8; deny all;",
            r#"(ip in ["10.0.0.1"] || !(ip in ["10.0.0.0/8"]))"#,
        );
        check("deny 10.0.0.1;", r#"ip in ["10.0.0.1"]"#);
        check("allow 10.0.0.1;", "nobody");
        check("allow all; deny all;", "nobody");
        check("deny all; allow all;", "everybody");
    }
}
