//! Whether what came of a request is what a test expects, and if not, in words.

use std::fmt::Write as _;

use regex_automata::meta::Regex;

use super::Expected;

/// What came of one request.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The answer; absent if the connection failed.
    pub answer: Option<Answer>,
    /// Rules that were logged, in any order.
    pub logged: Vec<u32>,
    /// The log, a line for each match; [`log_line`] makes one.
    pub log: Vec<String>,
}

/// An answer of the server.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// A match that an event tells of, as the error log of other engines shows it: there `logdata` of CRS says what was found
/// in which variable.
pub fn event_line(id: u32, message: &str, matched: &str, place: &str) -> String {
    let named = [("query.", "ARGS:"), ("body.", "ARGS:"), ("headers.", "REQUEST_HEADERS:")];
    let found = named.iter().find_map(|(part, name)| Some(format!("{name}{}", place.strip_prefix(part)?)));
    let variable = found.unwrap_or_else(|| place.to_owned());
    log_line(id, message, &format!("Matched Data: {matched} found within {variable}: {matched}"), &variable)
}

/// A match as the error log of other engines shows it, for patterns written against that: one line, whatever is in it.
pub fn log_line(id: u32, message: &str, data: &str, variable: &str) -> String {
    let one_line = |text: &str| {
        text.chars().fold(String::new(), |mut line, letter| {
            if letter.is_control() {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\x{:02x}", letter as u32);
            } else {
                line.push(letter);
            }
            line
        })
    };
    let (message, data) = (one_line(message), one_line(data));
    format!("matched at {variable} [id \"{id}\"] [msg \"{message}\"] [data \"{data}\"]")
}

/// What is not as expected, in the order the format says; nothing if all is. A connection that failed as expected is
/// enough.
pub fn judge(expected: &Expected, observed: &Observed) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(answer) = &observed.answer else {
        if expected.error != Some(true) {
            wrong.push("the connection failed".to_owned());
        }
        return wrong;
    };
    if expected.error == Some(true) {
        wrong.push(format!("the connection did not fail, the answer is {}", answer.status));
        return wrong;
    }
    judge_answer(expected, answer, &mut wrong);
    judge_rules(expected, &observed.logged, &mut wrong);
    judge_log(expected, &observed.log, &mut wrong);
    wrong
}

fn judge_answer(expected: &Expected, answer: &Answer, wrong: &mut Vec<String>) {
    if !expected.status.is_empty() && !expected.status.contains(&answer.status) {
        let wanted: Vec<String> = expected.status.iter().map(u16::to_string).collect();
        wrong.push(format!("the status is {}, not {}", answer.status, wanted.join(" or ")));
    }
    if let Some(text) = &expected.response_contains
        && memchr::memmem::find(&answer.body, text.as_bytes()).is_none()
    {
        wrong.push(format!("the answer does not contain `{text}`"));
    }
}

fn judge_rules(expected: &Expected, logged: &[u32], wrong: &mut Vec<String>) {
    for id in expected.ids.iter().filter(|id| !logged.contains(id)) {
        wrong.push(format!("rule {id} did not match"));
    }
    for id in expected.no_ids.iter().filter(|id| logged.contains(id)) {
        wrong.push(format!("rule {id} matched"));
    }
    if expected.isolated {
        for id in logged.iter().filter(|id| !expected.ids.contains(id)) {
            wrong.push(format!("rule {id} matched as well"));
        }
    }
}

fn judge_log(expected: &Expected, log: &[String], wrong: &mut Vec<String>) {
    let matches = |pattern: &Regex| log.iter().any(|line| pattern.is_match(line.as_bytes()));
    if expected.log_matches.as_ref().is_some_and(|pattern| !matches(pattern)) {
        wrong.push("no line of the log matches the pattern".to_owned());
    }
    if expected.log_lacks.as_ref().is_some_and(matches) {
        wrong.push("a line of the log matches the pattern that none may match".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(status: u16, logged: &[u32]) -> Observed {
        let log = logged.iter().map(|id| log_line(*id, "m", "d", "ARGS:a")).collect();
        Observed { answer: Some(Answer { status, body: b"hello".to_vec() }), logged: logged.to_vec(), log }
    }

    fn check(expected: &Expected, observed: &Observed, wrong: &[&str]) {
        assert_eq!(judge(expected, observed), wrong, "{expected:?}");
    }

    #[test]
    fn each_expectation_is_held() {
        let pattern = |text: &str| Some(Regex::new(text).unwrap());
        let expected = Expected { ids: vec![1, 2], no_ids: vec![3], ..Expected::default() };
        check(&expected, &observed(200, &[2, 1]), &[]);
        check(&expected, &observed(200, &[1, 3]), &["rule 2 did not match", "rule 3 matched"]);
        let expected = Expected { ids: vec![1], isolated: true, ..Expected::default() };
        check(&expected, &observed(200, &[1, 4]), &["rule 4 matched as well"]);
        let expected = Expected { status: vec![400, 403], ..Expected::default() };
        check(&expected, &observed(403, &[]), &[]);
        check(&expected, &observed(200, &[]), &["the status is 200, not 400 or 403"]);
        let expected = Expected { response_contains: Some("hell".to_owned()), ..Expected::default() };
        check(&expected, &observed(200, &[]), &[]);
        let expected = Expected { response_contains: Some("bye".to_owned()), ..Expected::default() };
        check(&expected, &observed(200, &[]), &["the answer does not contain `bye`"]);
        let expected = Expected { log_matches: pattern("ARGS:a"), ..Expected::default() };
        check(&expected, &observed(200, &[1]), &[]);
        check(&expected, &observed(200, &[]), &["no line of the log matches the pattern"]);
        let expected = Expected { log_lacks: pattern(r#"\[id "\d+"\]"#), ..Expected::default() };
        let wrong = "a line of the log matches the pattern that none may match";
        check(&expected, &observed(200, &[1]), &[wrong]);
    }

    #[test]
    fn a_failed_connection_is_judged_alone() {
        let fails = Expected { error: Some(true), status: vec![200], ..Expected::default() };
        check(&fails, &Observed::default(), &[]);
        check(&fails, &observed(400, &[]), &["the connection did not fail, the answer is 400"]);
        check(&Expected::default(), &Observed::default(), &["the connection failed"]);
    }
}
