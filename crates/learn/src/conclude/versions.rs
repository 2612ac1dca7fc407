//! Versions named in fields and media types that are called beside newer ones.
//!
//! Invariant: what is concluded is what the drawing says of a version, whether it was called since the earlier one or not.

use portcullis_inventory::{Operation, Standing, VersionAssessment};
use portcullis_model::finding::{Finding, FindingKind, Severity};

use super::About;
use super::calls::Since;

impl About<'_> {
    /// Zombies among the versions that were called since the earlier drawing.
    pub(super) fn versions(&self, earlier: Option<&Operation>, since: Since) -> Vec<Finding> {
        let all = self.operation.facts.versions.all();
        let before = earlier.map(|earlier| earlier.facts.versions.all()).unwrap_or_default();
        let of = |assessment: &VersionAssessment| {
            let facts = all.get(&assessment.named)?;
            let known = before.get(&assessment.named).map_or(0, |before| before.exchanges);
            match (since, facts.exchanges.saturating_sub(known)) {
                (Since::Before, 0) => None,
                (Since::Before, more) => self.outdated(assessment, more),
                (Since::Ever, _) => self.outdated(assessment, 0),
            }
        };
        self.assessment.versions.iter().filter_map(of).collect()
    }

    fn outdated(&self, assessment: &VersionAssessment, count: u64) -> Option<Finding> {
        let why = assessment.why.as_ref().filter(|_| assessment.standing == Some(Standing::Zombie))?;
        let (name, named) = (self.name(), &assessment.named);
        Some(self.finding(
            &named.to_string(),
            FindingKind::ZombieCalled,
            self.severity().max(Severity::Medium),
            format!("{name}: {named} is still called beside a newer one"),
            format!(
                "{why}. Move its callers away and take it down, or stop it with a rule on what names it."
            ),
            count,
        ))
    }
}
