//! Two texts as a unified diff, for people to review and `patch` to apply.
//!
//! Invariant: the lines kept and removed are the old text, those kept and added the new one. Lines that were only added are
//! told one place at a time; where others changed, everything from the first to the last change is told as one.

/// Lines of context.
const AROUND: usize = 3;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Removed,
    Added,
}

/// The diff of a file; empty if nothing changed.
pub(super) fn unified(name: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = added(&old, &new).unwrap_or_else(|| replaced(&old, &new));
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, (fate, _))| *fate != Fate::Kept).map(|(at, _)| at).collect();
    let mut text = String::new();
    for hunk in changed.chunk_by(|one, next| next - one <= 2 * AROUND) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let (from, to) = (first.saturating_sub(AROUND), (last + AROUND + 1).min(lines.len()));
        text.push_str(&told(&lines, from, to));
    }
    if text.is_empty() { text } else { format!("--- {name}\n+++ {name}\n{text}") }
}

/// Every line, where the new text is the old one and more.
fn added<'a>(old: &[&'a str], new: &[&'a str]) -> Option<Vec<(Fate, &'a str)>> {
    let mut rest = old.iter().peekable();
    let fated = new.iter().map(|line| match rest.next_if(|next| *next == line) {
        Some(_) => (Fate::Kept, *line),
        None => (Fate::Added, *line),
    });
    let fated = fated.collect();
    rest.next().is_none().then_some(fated)
}

fn replaced<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Fate, &'a str)> {
    let before = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (old.get(before..).unwrap_or_default(), new.get(before..).unwrap_or_default());
    let after =
        old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let fated = |lines: &[&'a str], fate: Fate| -> Vec<(Fate, &'a str)> {
        lines.iter().map(|line| (fate, *line)).collect()
    };
    let middle = |lines: &[&'a str], fate| fated(lines.get(..lines.len() - after).unwrap_or_default(), fate);
    let kept = fated(old.get(..before).unwrap_or_default(), Fate::Kept);
    let last = fated(old.get(old.len() - after..).unwrap_or_default(), Fate::Kept);
    [kept, middle(old_rest, Fate::Removed), middle(new_rest, Fate::Added), last].concat()
}

fn told(lines: &[(Fate, &str)], from: usize, to: usize) -> String {
    let count =
        |part: &[(Fate, &str)], without: Fate| part.iter().filter(|(fate, _)| *fate != without).count();
    let (before, hunk) = (lines.get(..from).unwrap_or_default(), lines.get(from..to).unwrap_or_default());
    let range = |without: Fate| {
        let (start, many) = (count(before, without), count(hunk, without));
        format!("{},{many}", if many == 0 { start } else { start + 1 })
    };
    let mut text = format!("@@ -{} +{} @@\n", range(Fate::Added), range(Fate::Removed));
    for (fate, line) in hunk {
        let mark = match fate {
            Fate::Kept => ' ',
            Fate::Removed => '-',
            Fate::Added => '+',
        };
        text.push(mark);
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_stand_in_their_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = old.replace("5\n", "5\nnew\n");
        assert_eq!(unified("a", old, &new), "--- a\n+++ a\n@@ -3,6 +3,7 @@\n 3\n 4\n 5\n+new\n 6\n 7\n 8\n");
        assert_eq!(unified("a", old, old), "");
    }

    #[test]
    fn a_line_that_changed_is_removed_and_added() {
        let told = unified("a", "{\n  1\n}\n", "{\n  1,\n  2\n}\n");
        assert_eq!(told, "--- a\n+++ a\n@@ -1,3 +1,4 @@\n {\n-  1\n+  1,\n+  2\n }\n");
    }

    #[test]
    fn places_far_apart_are_told_apart() {
        let lines: Vec<String> = (0..40).map(|line| line.to_string()).collect();
        let old = lines.join("\n");
        let new = old.replace("\n5\n", "\n5\na\n").replace("\n35\n", "\n35\nb\n");
        assert_eq!(unified("a", &old, &new).matches("@@ -").count(), 2);
    }
}
