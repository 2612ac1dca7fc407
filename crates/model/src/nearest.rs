//! The known word closest to one that is not known.

/// The candidate that `word` was most probably meant to be, if one is close enough to be worth suggesting.
///
/// Distance is Damerau–Levenshtein (adjacent letters swapped count once), ignoring case and telling `-`, `_` and
/// space alike; at most a third of the word, at least one letter, may differ. Ties keep the candidates' order.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    if word.len() > 64 {
        return None;
    }
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let folded = fold(candidate);
            let within = folded.len().abs_diff(word.len()) <= allowed;
            let far = if within { distance(&word, &folded) } else { part_distance(&word, &folded)? };
            (far <= allowed).then_some((far, candidate))
        })
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// One is the beginning or end of the other at a word's edge: `timeout` for `head_timeout`, `host` for `hosts`.
fn part_distance(word: &[char], candidate: &[char]) -> Option<usize> {
    let (short, long) = if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    let edge_before = long.strip_suffix(short).is_some_and(|rest| rest.last() == Some(&'_'));
    let edge_after = long.strip_prefix(short).is_some_and(|rest| rest.first() == Some(&'_'));
    (short.len() >= 4 && (edge_before || edge_after)).then_some(1)
}

fn fold(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if matches!(c, '-' | ' ') { '_' } else { c }).collect()
}

/// Optimal string alignment over three rows.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut last_char = None;
    for (row, &from) in a.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, &to) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&last, column) + usize::from(from != to);
            let mut best = changed.min(at(&last, column + 1) + 1).min(at(&this, column) + 1);
            let previous = column.checked_sub(1).and_then(|index| b.get(index).copied());
            if previous == Some(from) && last_char == Some(to) && column > 0 {
                best = best.min(at(&before, column - 1) + 1);
            }
            this.push(best);
        }
        before = std::mem::replace(&mut last, this);
        last_char = Some(from);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["listen", "sites", "upstream", "unknown_apis", "unknown_callers", "head_timeout", "tls"];
        for (word, meant) in [
            ("upsteam", Some("upstream")),
            ("upstraem", Some("upstream")),
            ("unknown-apis", Some("unknown_apis")),
            ("unknownApis", Some("unknown_apis")),
            ("site", Some("sites")),
            ("timeout", Some("head_timeout")),
            ("tsl", Some("tls")),
            ("elephant", None),
            ("x", None),
            ("LISTEN", Some("listen")),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
