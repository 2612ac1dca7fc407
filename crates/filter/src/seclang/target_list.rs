//! Lists of targets as written: `ARGS|!ARGS:/^_/|&TX:x|XML:/*`.

use portcullis_document::{Problem, nearest};

use super::inventory;
use super::line::Span;
use super::target::{KeyPattern, Kind, Selector, Target};
use super::variable::{Shape, Variable};

/// Every target of a list; what cannot be read is a problem and left out.
pub(super) fn parse(list: Span<'_>, problems: &mut Vec<Problem>) -> Vec<Target> {
    let mut found = Vec::new();
    let mut rest = list.trim();
    while !rest.raw().is_empty() {
        let end = end_of_first(rest.raw());
        let one = rest.part(0..end).trim();
        match target(one) {
            Ok(target) => found.push(target),
            Err(problem) => problems.push(problem),
        }
        rest = rest.from(end + 1).trim();
    }
    if list.raw().trim().is_empty() {
        problems.push(list.error("seclang.target", "a variable is missing here"));
    }
    found
}

/// One target.
fn target(one: Span<'_>) -> Result<Target, Problem> {
    let raw = one.raw();
    let (kind, rest) = match raw.as_bytes().first() {
        Some(b'&') => (Kind::Count, one.from(1).trim()),
        Some(b'!') => (Kind::Except, one.from(1).trim()),
        _ => (Kind::Values, one),
    };
    let (name, key) = match rest.split_once(|c| c == ':') {
        Some((name, key)) => (name.trim(), Some(key.trim())),
        None => (rest, None),
    };
    let variable = Variable::parse(name.raw()).ok_or_else(|| unknown(name))?;
    let selector = match key {
        None => Selector::All,
        Some(key) if variable.shape() == Shape::Single => {
            let message = format!("`{}` is one value and has no keys", variable.name());
            return Err(key.error("seclang.target", message));
        }
        Some(key) if variable == Variable::Xml => Selector::Key(key.unquote().raw().into()),
        Some(key) => selector(key)?,
    };
    Ok(Target { variable, selector, kind })
}

fn selector(key: Span<'_>) -> Result<Selector, Problem> {
    let key = key.unquote();
    let raw = key.raw();
    if raw.is_empty() {
        return Err(key.error("seclang.target", "a key is missing after the colon"));
    }
    if raw.len() < 2 || !raw.starts_with('/') || !raw.ends_with('/') {
        return Ok(Selector::Key(raw.into()));
    }
    let pattern = key.part(1..raw.len() - 1);
    KeyPattern::compile(&pattern.raw().replace("\\/", "/"))
        .map(Selector::Pattern)
        .map_err(|why| pattern.error("seclang.pattern", format!("this pattern cannot be used: {why}")))
}

/// Where the first target of a list ends: at `|` or `,`, but not inside a pattern, quotes or an `XPath`.
fn end_of_first(list: &str) -> usize {
    let separator = |from: usize| {
        let rest = list.get(from..).unwrap_or_default();
        rest.find(['|', ',']).map_or(list.len(), |at| from + at)
    };
    let key = list.find([':', '|', ',']).filter(|at| list.as_bytes().get(*at) == Some(&b':'));
    let Some(key) = key.map(|at| at + 1) else { return separator(0) };
    let opening = list.get(key..).unwrap_or_default();
    let is_path = list
        .trim_start_matches(['!', '&', ' '])
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case("xml:"));
    if is_path {
        return list.find('|').unwrap_or(list.len());
    }
    let close = match opening.as_bytes().first() {
        Some(b'\'') => super::line::closing(opening.get(1..).unwrap_or_default(), '\''),
        Some(b'/') => end_of_pattern(opening.get(1..).unwrap_or_default()),
        _ => None,
    };
    separator(close.map_or(key, |at| key + at + 2))
}

/// The slash that ends a pattern: the first one before a separator or the end.
fn end_of_pattern(text: &str) -> Option<usize> {
    let ends = |at: &usize| {
        let after = text.get(at + 1..).unwrap_or_default().trim_start();
        let escaped = text.get(..*at).is_some_and(|before| before.ends_with('\\'));
        !escaped && (after.is_empty() || after.starts_with(['|', ',']))
    };
    text.match_indices('/').map(|(at, _)| at).find(ends)
}

fn unknown(name: Span<'_>) -> Problem {
    if let Some(reason) = inventory::refused_variable(name.raw()) {
        let message = format!("`{}` is refused: {reason}", name.raw());
        return name.error("seclang.refused", message);
    }
    let problem = name.error("seclang.variable", format!("`{}` is not a variable", name.raw()));
    let upper = name.raw().to_ascii_uppercase();
    match nearest(&upper, Variable::ALL.iter().map(|known| known.name())) {
        Some(near) => problem.remedy(format!("did you mean `{near}`?")),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::SourceFile;

    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let file = SourceFile::new("a.conf", text);
        let lines = super::super::line::lines(&file);
        let mut problems = Vec::new();
        let found = parse(lines[0].span(), &mut problems);
        (found.iter().map(Target::to_string).collect(), problems.iter().map(Problem::to_string).collect())
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(read(text), (expected.iter().map(|&one| one.to_owned()).collect(), Vec::new()), "{text}");
    }

    #[test]
    fn lists_are_split_where_they_should_be() {
        check("ARGS", &["ARGS"]);
        check("args|&tx:Foo | !ARGS:a b", &["ARGS", "&TX:Foo", "!ARGS:a b"]);
        check(
            "REQUEST_COOKIES|!REQUEST_COOKIES:/__utm|x,y/|ARGS",
            &["REQUEST_COOKIES", "!REQUEST_COOKIES:/__utm|x,y/", "ARGS"],
        );
        check("ARGS:/a\\/b/", &["ARGS:/a/b/"]);
        check("ARGS:'/a|b/',ARGS_NAMES", &["ARGS:/a|b/", "ARGS_NAMES"]);
        check("XML:/*|XML://@*|ARGS", &["XML:/*", "XML://@*", "ARGS"]);
        check("REQUEST_HEADERS:/", &["REQUEST_HEADERS:/"]);
    }

    #[test]
    fn mistakes_are_shown_and_the_rest_is_read() {
        let (found, problems) = read("ARG|REQUEST_URI:x|ARGS:/(/|TX:|ARGS");
        assert_eq!(found, ["ARGS"]);
        let begins = [
            "a.conf:1:1: error: `ARG` is not",
            "a.conf:1:17: error: `REQUEST_URI` is one",
            "a.conf:1:25: error: this pattern",
            "a.conf:1:31: error: a key is",
        ];
        for (problem, begin) in problems.iter().zip(begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
        assert_eq!(problems.len(), begins.len());
    }
}
