//! What is wrong with an expression, where, and what would be right.
//!
//! A span counts bytes of the expression's own source; whoever holds the file maps it there. Nothing here
//! knows about files.

use std::ops::Range;

/// One mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprProblem {
    /// The bytes of the expression that are wrong; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What would be right, if that can be said.
    pub remedy: Option<String>,
}

impl ExprProblem {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), remedy: None }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// The candidate nearest to a misspelt word, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let allowed = word.chars().count().div_ceil(3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance; both words are short, so two rows do.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().take(64).enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&right) {
            let cost = (diagonal + usize::from(from != *to)).min(before + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, cost);
            before = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (left, right, expected) in
            [("", "abc", 3), ("path", "path", 0), ("pth", "path", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(left, right), distance(right, left)), (expected, expected));
        }
    }

    #[test]
    fn only_near_words_are_offered() {
        let words = ["path", "params", "method"];
        assert_eq!(nearest("paht", words), Some("path"));
        assert_eq!(nearest("METHOD", words), Some("method"));
        assert_eq!(nearest("zzz", words), None);
    }
}
