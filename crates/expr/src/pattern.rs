//! Regular expressions: compiled once, linear time, bounded memory.

use regex_automata::meta::Regex;

/// The longest pattern, in bytes.
const LONGEST: usize = 4096;
/// The most memory one compiled pattern may take, in bytes.
const COMPILED: usize = 512 * 1024;
/// The cache of the lazily built automaton, in bytes, for each thread that runs the pattern.
const CACHE: usize = 128 * 1024;

/// A compiled regular expression that matches anywhere in a text.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern, or says what is wrong with it.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let config = Regex::config()
            .nfa_size_limit(Some(COMPILED))
            .onepass_size_limit(Some(COMPILED))
            .hybrid_cache_capacity(CACHE);
        match Regex::builder().configure(config).build(source) {
            Ok(regex) => Ok(Self { regex }),
            Err(error) if error.size_limit().is_some() => {
                Err("it compiles to more than 512 KiB; use smaller repetitions".to_owned())
            }
            Err(error) => Err(error.syntax_error().map_or_else(|| error.to_string(), short)),
        }
    }

    /// Whether it matches anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// The last line of the library's report, which says what is wrong without drawing the pattern again.
fn short(error: &impl ToString) -> String {
    let report = error.to_string();
    let last = report.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_anywhere_and_mistakes_are_said_in_a_line() {
        assert!(Pattern::new("^/v[0-9]+/").is_ok_and(|pattern| pattern.is_match("/v12/x")));
        assert!(Pattern::new("b+").is_ok_and(|pattern| pattern.is_match("abba")));
        let said = |source: &str| Pattern::new(source).map(|_| ()).unwrap_err();
        assert_eq!(said("a("), "unclosed group");
        assert!(said("(?=a)").contains("look-around"), "{}", said("(?=a)"));
        assert!(said("(a{1000}){1000}").contains("512 KiB"), "{}", said("(a{1000}){1000}"));
        assert!(said(&"a".repeat(5000)).contains("longer"));
    }
}
