//! What changed from one drawing of a site to the next that a person should hear of.
//!
//! Invariants: a pure function of two drawings; a shadow operation is concluded with the first drawing that shows it;
//! after a restart everything that still holds is said again with a count of 0, so that no crash can lose it. Evidence
//! is names and counts, never values.

mod calls;
mod versions;

use std::collections::HashMap;

use portcullis_inventory::{Assessment, Drift, DriftKind, Level, Operation, Posture, Schema, Standing};
use portcullis_model::event::{self, OperationRecord};
use portcullis_model::finding::{Conclusion, Evidence, Finding, FindingKind, Severity};
use portcullis_model::{OperationId, Timestamp};
use smol_str::{SmolStr, format_smolstr};

use crate::drawn::Drawn;

use self::calls::Since;

/// How long a site must have been watched before a declared operation that nobody called counts as dormant.
const SETTLED_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Exchanges that all showed a credential before one without it is remarkable.
const ENOUGH: u64 = 10;
/// Names of fields shown.
const FIELDS: usize = 12;

/// What `after` shows that `before` did not, or shows more of. Without a `before`, everything that holds.
pub(crate) fn conclude(
    site: &SmolStr,
    before: Option<&Drawn>,
    after: &Drawn,
    now: Timestamp,
) -> Vec<Finding> {
    let known = before.map(by_id).unwrap_or_default();
    let settled = is_settled(after, now);
    let mut findings = Vec::new();
    for assessment in after.assessments.iter().filter(|assessment| !assessment.ignored) {
        let Some(operation) = after.operation(&assessment.id) else { continue };
        let was = known.get(&assessment.id).copied();
        let about = About { site, operation, assessment, now };
        let earlier = before.and_then(|before| before.operation(&assessment.id));
        // An operation that was split has fewer than before.
        let more = operation.facts.exchanges.saturating_sub(earlier.map_or(0, |known| known.facts.exchanges));
        let count = if before.is_some() { more } else { 0 };
        if count > 0 || before.is_none() {
            findings.extend(about.standing(count));
        }
        let since = if before.is_some() { Since::Before } else { Since::Ever };
        findings.extend(about.calls(earlier, since));
        findings.extend(about.versions(earlier, since));
        findings.extend(about.drift(was.map_or(&[], |was| was.drift.as_slice())));
        if let Some(was) = was.filter(|_| count > 0) {
            let enough = earlier.is_some_and(|earlier| earlier.facts.exchanges >= ENOUGH);
            findings.extend(about.auth_dropped(was, count).filter(|_| enough));
            findings.extend(about.woken(was, settled, count));
        }
    }
    if after.is_full && before.is_some_and(|before| !before.is_full) {
        findings.push(flood(site, Flood::Paths, now));
    }
    if after.is_full_of_calls && before.is_some_and(|before| !before.is_full_of_calls) {
        findings.push(flood(site, Flood::Calls, now));
    }
    findings
}

fn by_id(drawn: &Drawn) -> HashMap<&OperationId, &Assessment> {
    drawn.assessments.iter().map(|assessment| (&assessment.id, assessment)).collect()
}

/// Whether the site has been watched long enough for silence to mean something.
fn is_settled(drawn: &Drawn, now: Timestamp) -> bool {
    let first =
        drawn.inventory.operations.iter().filter_map(|known| known.facts.seen).map(|(first, _)| first);
    first.min().is_some_and(|first| now.as_secs() - first.as_secs() >= SETTLED_SECONDS)
}

/// An operation that was called, and what is said of it.
struct About<'a> {
    site: &'a SmolStr,
    operation: &'a Operation,
    assessment: &'a Assessment,
    now: Timestamp,
}

impl About<'_> {
    fn name(&self) -> SmolStr {
        format_smolstr!("{} {}", self.operation.method, self.operation.path)
    }

    fn finding(
        &self,
        subject: &str,
        kind: FindingKind,
        severity: Severity,
        title: String,
        why: String,
        count: u64,
    ) -> Finding {
        let standing = self.assessment.standing.map(|standing| match standing {
            Standing::Shadow => event::Standing::Shadow,
            Standing::Zombie => event::Standing::Zombie,
            Standing::Documented | Standing::Dormant => event::Standing::Documented,
        });
        let record = OperationRecord { id: self.operation.id.clone(), name: self.name(), standing };
        let conclusion = Conclusion {
            kind,
            severity,
            site: self.site.clone(),
            operation: Some(record),
            subject: subject.into(),
            data: Vec::new(),
            title,
            why,
            evidence: self.evidence(),
        };
        Finding::new(conclusion, self.operation.facts.seen.map_or(self.now, |(_, last)| last), count)
    }

    /// Shadow or zombie.
    fn standing(&self, count: u64) -> Option<Finding> {
        let (name, risk) = (self.name(), self.severity());
        match self.assessment.standing? {
            Standing::Shadow => Some(self.finding(
                "",
                FindingKind::ShadowOperation,
                risk.max(Severity::Medium),
                format!("{name} answers, and no contract declares it"),
                format!(
                    "Nobody reviews, limits or retires what nobody declared. {}{}Declare it (`portcullis api export`), or \
                     stop it: `unknown_apis: block`, or a rule on `tag(\"op:{name}\")`.",
                    self.also(),
                    self.reasons()
                ),
                count,
            )),
            Standing::Zombie => Some(self.finding(
                "",
                FindingKind::ZombieCalled,
                risk.max(Severity::Medium),
                format!("{name} should not be called any more, and is"),
                format!(
                    "{}. {}Move its callers away and take it down, or stop it with a rule on `tag(\"api:zombie\")`.",
                    self.assessment.why.join("; "),
                    self.reasons()
                ),
                count,
            )),
            Standing::Documented | Standing::Dormant => None,
        }
    }

    /// Callers used to say who they are, all of them, and now some do not, where the contract does not let anyone in.
    fn auth_dropped(&self, was: &Assessment, count: u64) -> Option<Finding> {
        let (before, after) = (was.authenticated?, self.assessment.authenticated?);
        if before != Posture::Always || after == Posture::Always || self.assessment.open {
            return None;
        }
        let name = self.name();
        Some(self.finding(
            "",
            FindingKind::AuthDropped,
            Severity::High,
            format!("{name} answers callers who do not say who they are, which it never did before"),
            format!(
                "Up to now every caller that was answered showed a credential. If that is not meant, require one \
                 (`require`), or stop unknown callers with a rule on `tag(\"caller:unknown\")`. {}",
                self.reasons()
            ),
            count,
        ))
    }

    /// Declared, silent for long, and now called.
    fn woken(&self, was: &Assessment, settled: bool, count: u64) -> Option<Finding> {
        let wakes = was.standing == Some(Standing::Dormant)
            && self.assessment.standing == Some(Standing::Documented)
            && settled;
        let name = self.name();
        wakes.then(|| {
            self.finding(
                "",
                FindingKind::DormantCalled,
                self.severity().max(Severity::Medium),
                format!("{name} is called after a long silence"),
                format!(
                    "It is declared, but {}. Make sure that its caller is one you know. {}",
                    was.why.join("; ").trim_start_matches("declared, and "),
                    self.reasons()
                ),
                count,
            )
        })
    }

    fn severity(&self) -> Severity {
        match self.assessment.risk.level {
            Level::Low => Severity::Low,
            Level::Medium => Severity::Medium,
            Level::High => Severity::High,
            Level::Critical => Severity::Critical,
        }
    }

    /// What else speaks against it, as a sentence, or nothing.
    fn also(&self) -> String {
        match self.assessment.why.get(1..) {
            Some(others) if !others.is_empty() => format!("Moreover, {}. ", others.join("; ")),
            _ => String::new(),
        }
    }

    /// Differences from the contract that the last drawing did not show.
    fn drift(&self, known: &[Drift]) -> Vec<Finding> {
        let is_known =
            |drift: &Drift| known.iter().any(|one| one.kind == drift.kind && one.place == drift.place);
        let of_traffic = self.assessment.drift.iter().filter(|drift| drift.kind != DriftKind::NeverSeen);
        of_traffic.filter(|drift| !is_known(drift)).map(|drift| self.drifted(drift)).collect()
    }

    fn drifted(&self, drift: &Drift) -> Finding {
        let (name, place, what) = (self.name(), &drift.place, drift.kind.as_str());
        let mut finding = self.finding(
            place,
            FindingKind::ContractDrift,
            Severity::Low,
            format!("{name}: {place} is {what}"),
            "Traffic and contract differ here: whoever reads the contract does not know of it, and checks against it \
             (`contract_checks`) would refuse it. Declare it, or mend who sends it."
                .to_owned(),
            drift.count,
        );
        finding.evidence.extend(drift.example.map(|example| Evidence {
            name: "exchange".into(),
            text: format!("the latest that shows it, {}", example.time),
            event: Some(example.event),
        }));
        finding
    }

    /// The reasons of its risk as a sentence, or nothing.
    fn reasons(&self) -> String {
        let reasons = &self.assessment.risk.reasons;
        if reasons.is_empty() {
            return String::new();
        }
        format!("Risk {}: {}. ", self.assessment.risk.level.as_str(), reasons.join("; "))
    }

    fn evidence(&self) -> Vec<Evidence> {
        let facts = &self.operation.facts;
        let piece = |name: &'static str, text: String| Evidence { name: name.into(), text, event: None };
        let mut evidence = Vec::new();
        for ((status, media_type), body) in
            facts.responses.iter().filter(|((status, _), _)| *status < 300).take(2)
        {
            evidence.push(piece("answer", format!("{status} {media_type} {}", fields(&body.schema))));
        }
        if let Some((first, last)) = facts.seen {
            evidence.push(piece("seen", format!("first {first}, last {last}")));
        }
        let callers = facts.callers();
        let posture = self.assessment.authenticated.map_or("", |posture| match posture {
            Posture::Always => ", all with a credential",
            Posture::Sometimes => ", some without a credential",
            Posture::Never => ", none with a credential",
        });
        let plural = if callers == 1 { "" } else { "s" };
        evidence.push(piece("callers", format!("{callers} caller{plural}{posture}")));
        evidence
    }
}

/// The names of a body's fields: `{id, email, address: {street}}`.
fn fields(schema: &Schema) -> String {
    if let Some(items) = schema.items.as_deref().filter(|_| schema.fields.is_empty()) {
        return format!("[{}]", fields(items));
    }
    if schema.fields.is_empty() {
        return String::new();
    }
    let shown = schema.fields.iter().take(FIELDS).map(|(name, below)| match fields(below) {
        inner if inner.is_empty() => name.to_string(),
        inner => format!("{name}: {inner}"),
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if schema.fields.len() > FIELDS {
        text.push_str(", …");
    }
    format!("{{{text}}}")
}

/// Of what there is more than is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flood {
    Paths,
    Calls,
}

fn flood(site: &SmolStr, flood: Flood, now: Timestamp) -> Finding {
    let (subject, title, why) = match flood {
        Flood::Paths => (
            "",
            format!("{site} answers more different paths than are remembered"),
            "Paths that look like made-up values were left out; operations already known stay. Often this is a page \
             served for every path, or a scanner that is answered with success.",
        ),
        Flood::Calls => (
            "calls",
            format!("{site} carries out more different calls by name than are remembered"),
            "Names of JSON-RPC methods, SOAP actions or fields of GraphQL that are answered all alike were left out; calls \
             that answer otherwise stay. Often this is a server that answers every name with success.",
        ),
    };
    let conclusion = Conclusion {
        kind: FindingKind::PathFlood,
        severity: Severity::Low,
        site: site.clone(),
        operation: None,
        subject: subject.into(),
        data: Vec::new(),
        title,
        why: why.to_owned(),
        evidence: Vec::new(),
    };
    Finding::new(conclusion, now, 1)
}
