//! What changed among the calls by name of an operation.
//!
//! Invariant: a call that nobody declared is concluded with the first drawing that shows it, as an operation is.

use portcullis_inventory::{CallAssessment, CallFacts, Operation, Standing};
use portcullis_model::event::{self, OperationRecord};
use portcullis_model::finding::{Conclusion, Evidence, Finding, FindingKind, Severity};
use smol_str::format_smolstr;

use super::{About, fields};

/// Whether there was an earlier drawing; without one everything that holds is said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// The earlier drawing.
    Before,
    /// The start.
    Ever,
}

impl About<'_> {
    /// Shadows and zombies among the calls that were made since the earlier drawing.
    pub(super) fn calls(&self, earlier: Option<&Operation>, since: Since) -> Vec<Finding> {
        let of = |assessment: &CallAssessment| {
            let facts = self.operation.calls.get(&assessment.call)?;
            let before = earlier.and_then(|earlier| earlier.calls.get(&assessment.call));
            let more = facts.exchanges.saturating_sub(before.map_or(0, |before| before.exchanges));
            match since {
                Since::Before if more == 0 => None,
                Since::Before => self.called(assessment, facts, more),
                Since::Ever => self.called(assessment, facts, 0),
            }
        };
        self.assessment.calls.iter().filter_map(of).collect()
    }

    fn called(&self, assessment: &CallAssessment, facts: &CallFacts, count: u64) -> Option<Finding> {
        let (path, call) = (self.name(), &assessment.call);
        let (kind, standing, title, why) = match assessment.standing? {
            Standing::Shadow => (
                FindingKind::ShadowOperation,
                event::Standing::Shadow,
                format!("{path} carries out {call}, and no contract declares it"),
                format!(
                    "What shares a path is as easily forgotten as a path. List it in the contract under \
                     `x-portcullis-calls` of the operation (`portcullis api export` shows how), or stop it with a rule on \
                     `tag(\"call:{}\")`.",
                    call.name
                ),
            ),
            Standing::Zombie => (
                FindingKind::ZombieCalled,
                event::Standing::Zombie,
                format!("{path}: {call} should not be called any more, and is"),
                format!(
                    "The contract marks it deprecated. Move its callers away and take it down, or stop it with a rule on \
                     `tag(\"call:{}\")`.",
                    call.name
                ),
            ),
            Standing::Documented | Standing::Dormant => return None,
        };
        let record = OperationRecord { id: self.operation.id.clone(), name: path, standing: Some(standing) };
        let conclusion = Conclusion {
            kind,
            severity: self.severity().max(Severity::Medium),
            site: self.site.clone(),
            operation: Some(record),
            subject: format_smolstr!("{call}"),
            data: Vec::new(),
            title,
            why,
            evidence: evidence(facts),
        };
        Some(Finding::new(conclusion, facts.seen.map_or(self.now, |(_, last)| last), count))
    }
}

fn evidence(facts: &CallFacts) -> Vec<Evidence> {
    let piece = |name: &'static str, text: String| Evidence { name: name.into(), text, event: None };
    let mut evidence = Vec::new();
    for (name, shape) in [("arguments", &facts.arguments), ("answer", &facts.answer)] {
        let told = fields(shape);
        if !told.is_empty() {
            evidence.push(piece(name, told));
        }
    }
    if let Some((first, last)) = facts.seen {
        evidence.push(piece("seen", format!("first {first}, last {last}")));
    }
    let callers = facts.callers();
    evidence.push(piece("callers", format!("{callers} caller{}", if callers == 1 { "" } else { "s" })));
    evidence
}
