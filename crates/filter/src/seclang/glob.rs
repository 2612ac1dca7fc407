//! Globs: whether the name of a file fits a pattern of `*`, `?` and `[a-z]`.
//!
//! Invariant: the work is at most the product of both lengths, whatever stars a rule file writes; only the last star has
//! to give way, for a star before it would take no more. Does not know files.

/// Whether a name fits a glob.
pub(super) fn fits(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut last_star = None;
    loop {
        if let [b'*', after @ ..] = pattern {
            last_star = Some((after, name));
            pattern = after;
        } else if let Some((after, left)) = one(pattern, name) {
            (pattern, name) = (after, left);
        } else if pattern.is_empty() && name.is_empty() {
            return true;
        } else {
            let Some((after, [_, left @ ..])) = last_star else { return false };
            last_star = Some((after, left));
            (pattern, name) = (after, left);
        }
    }
}

/// What is left of a pattern and a name once one byte of the name fits.
fn one<'p, 'n>(pattern: &'p [u8], name: &'n [u8]) -> Option<(&'p [u8], &'n [u8])> {
    let (byte, left) = name.split_first()?;
    let (first, rest) = pattern.split_first()?;
    let class =
        || rest.iter().position(|close| *close == b']').and_then(|close| rest.split_at_checked(close));
    match (first, class()) {
        (b'?', _) => Some((rest, left)),
        (b'[', Some((class, after))) => {
            in_class(class, *byte).then(|| (after.get(1..).unwrap_or_default(), left))
        }
        _ => (first == byte).then_some((rest, left)),
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let (negated, mut class) = match class {
        [b'!' | b'^', rest @ ..] => (true, rest),
        class => (false, class),
    };
    let mut found = false;
    loop {
        class = match class {
            [from, b'-', to, rest @ ..] => {
                found |= (*from..=*to).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == byte;
                rest
            }
            [] => return found != negated,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    }

    #[test]
    fn globs_fit_as_in_a_shell() {
        check("*.conf", "a.conf", true);
        check("*.conf", "a.conf.example", false);
        check("*-before.conf", "wordpress-before.conf", true);
        check("REQUEST-9[0-4]?-*.conf", "REQUEST-942-SQLI.conf", true);
        check("REQUEST-9[!0-4]?-*.conf", "REQUEST-942-SQLI.conf", false);
        check("a*b*c", "a-b-b-c-b-c", true);
        check("a*b*c", "a-b-b-c-b", false);
        check("*", "", true);
        check("[", "[", true);
        check("", "", true);
        check("", "a", false);
    }

    /// Tried star by star, this took longer than anybody waits.
    #[test]
    fn many_stars_take_no_longer_than_one() {
        let pattern = format!("{}b", "a*".repeat(200));
        check(&pattern, &"a".repeat(10_000), false);
        check(&pattern, &format!("{}b", "a".repeat(10_000)), true);
    }
}
