//! What happened, in words for people or in JSON for programs.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

/// One act: who did what, and how it was answered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Act {
    /// Who did what, as a sentence.
    pub title: String,
    /// Calls made.
    pub calls: u32,
    /// How often each status came back.
    pub answers: BTreeMap<u16, u32>,
    /// What else is worth telling.
    pub remarks: Vec<String>,
}

impl Act {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Counts one answer.
    pub(super) fn count(&mut self, status: u16) {
        self.calls += 1;
        *self.answers.entry(status).or_default() += 1;
    }

    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// Takes in what was counted elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        for (status, times) in &other.answers {
            *self.answers.entry(*status).or_default() += times;
        }
        self.remarks.extend_from_slice(&other.remarks);
    }

    /// The answers in words: `38 answered, 3 × 401 (no credential that counts)`.
    pub fn outcome(&self) -> String {
        let answered: u32 = self.answers.range(200..400).map(|(_, times)| times).sum();
        let mut parts = Vec::new();
        match answered {
            0 => {}
            all if all == self.calls => parts.push(format!("all {all} answered")),
            some => parts.push(format!("{some} answered")),
        }
        let others = self.answers.iter().filter(|(status, _)| !(200..400).contains(*status));
        parts.extend(
            others.map(|(status, times)| {
                format!("{times} × {status} {}", meaning(*status)).trim_end().to_owned()
            }),
        );
        parts.join(", ")
    }
}

/// What a status means to whoever gets it.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "bad request",
        401 => "who are you?",
        403 => "forbidden",
        404 => "not found",
        405 => "not with this method",
        413 => "too much",
        415 => "not understood",
        421 => "not here",
        429 => "too often",
        502..=504 => "no answer behind the gateway",
        _ => "",
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Words,
    /// One JSON object an act.
    Json,
}

/// Where acts are told.
pub struct Report<'w> {
    form: Form,
    to: &'w mut (dyn Write + Send),
    acts: Vec<Act>,
}

impl<'w> Report<'w> {
    /// A report written to `to`.
    pub fn new(form: Form, to: &'w mut (dyn Write + Send)) -> Self {
        Self { form, to, acts: Vec::new() }
    }

    /// Every act so far.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    pub(super) fn tell(&mut self, act: Act) -> anyhow::Result<()> {
        match self.form {
            Form::Json => writeln!(self.to, "{}", serde_json::to_string(&act)?)?,
            Form::Words => {
                writeln!(self.to, "{}. {}", self.acts.len() + 1, act.title)?;
                writeln!(self.to, "   {} calls: {}", act.calls, act.outcome())?;
                for remark in &act.remarks {
                    writeln!(self.to, "   {remark}")?;
                }
            }
        }
        self.to.flush()?;
        self.acts.push(act);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_told_in_words() {
        let mut act = Act::new("Somebody guesses a PIN.");
        for status in [401, 401, 200, 429] {
            act.count(status);
        }
        act.remark("They got in.");
        let mut text = Vec::new();
        Report::new(Form::Words, &mut text).tell(act).unwrap();
        let expected = "1. Somebody guesses a PIN.\n   4 calls: 1 answered, 2 × 401 who are you?, 1 × 429 too often\n   They got in.\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
