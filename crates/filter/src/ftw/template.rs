//! The one use that tests make of go-ftw's templates: `{{ "text" | repeat 64200 }}`.
//!
//! Anything else between double braces stays as it is written: attacks look like templates too.

/// The longest text a template may become.
const LONGEST: usize = 8 << 20;

/// The text with such templates carried out.
pub(super) fn expand(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let inside = behind.split_once("}}").and_then(|(inside, behind)| Some((repeated(inside)?, behind)));
        expanded.push_str(before);
        if let Some((repeated, behind)) = inside {
            expanded.push_str(&repeated);
            rest = behind;
        } else {
            expanded.push_str("{{");
            rest = behind;
        }
    }
    expanded.push_str(rest);
    expanded
}

fn repeated(inside: &str) -> Option<String> {
    let (text, action) = inside.split_once('|')?;
    let text = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let times: usize = action.trim().strip_prefix("repeat")?.trim().parse().ok()?;
    (text.len().saturating_mul(times) <= LONGEST).then(|| text.repeat(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_repetition_is_carried_out() {
        for (text, expanded) in [
            (r#"a={{ "1" | repeat 3 }}&b"#, "a=111&b"),
            ("{{constructor.constructor('alert(1)')()}}", "{{constructor.constructor('alert(1)')()}}"),
            (r#"{{ "x" | upper }}{{"#, r#"{{ "x" | upper }}{{"#),
            ("", ""),
        ] {
            assert_eq!(expand(text), expanded);
        }
    }
}
