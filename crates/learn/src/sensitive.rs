//! Sensitive data in answers, as findings: one for each field and class of an operation.
//!
//! Invariants: only successful answers speak, and only classes that more than a name says; evidence is names and counts.
//! What waits to be told is bounded: a site that is full of it is told of by what came first.

use portcullis_inventory::Operation;
use portcullis_model::data_class::{Confidence, DataClass, DataPlace, FieldData};
use portcullis_model::event::OperationRecord;
use portcullis_model::finding::{Conclusion, Evidence, Finding, FindingKind, Severity};
use portcullis_model::observation::Observation;
use smol_str::{SmolStr, format_smolstr};

use crate::drawn::Drawn;

/// Exchanges that may wait for the next drawing.
const MOST: usize = 256;

/// Exchanges whose answers carried sensitive data, until it is known which operations they are of.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Vec<Observation>);

impl Sightings {
    /// Keeps an exchange if it says something.
    pub(crate) fn take(&mut self, observation: &Observation) {
        if self.0.len() < MOST
            && (200..300).contains(&observation.status)
            && observation.data.iter().any(is_told)
        {
            self.0.push(Observation {
                request_body: None,
                response_body: None,
                identifiers: Vec::new(),
                ..observation.clone()
            });
        }
    }

    /// What they say of a site's operations.
    pub(crate) fn conclude(&mut self, site: &SmolStr, drawn: &Drawn) -> Vec<Finding> {
        let seen = std::mem::take(&mut self.0);
        let of = |seen: &Observation| -> Vec<Finding> {
            let Some(operation) = drawn.inventory.find(seen) else { return Vec::new() };
            if drawn.inventory.ignored.contains(&operation.id) {
                return Vec::new();
            }
            let told = seen.data.iter().filter(|data| is_told(data));
            let is_open = drawn.assessments.iter().any(|known| known.id == operation.id && known.open);
            told.map(|data| finding(site, operation, is_open, seen, data)).collect()
        };
        seen.iter().flat_map(of).collect()
    }
}

fn is_told(data: &FieldData) -> bool {
    data.place == DataPlace::ResponseBody && data.confidence > Confidence::Named
}

/// Whether it is how callers come by a credential in the first place: declared for anyone, and no mere reading.
fn is_sign_in(operation: &Operation, is_open: bool, class: DataClass) -> bool {
    is_open && class == DataClass::Secret && operation.method == "POST"
}

fn finding(
    site: &SmolStr,
    operation: &Operation,
    is_open: bool,
    seen: &Observation,
    data: &FieldData,
) -> Finding {
    let name = format_smolstr!("{} {}", operation.method, operation.path);
    let field = if data.field.is_empty() { "the whole body" } else { &*data.field };
    let (class, many) = (data.class.as_str(), words(data.class));
    let sign_in = is_sign_in(operation, is_open, data.class);
    let (who, why) = match seen.proof {
        Some(_) => ("", "Whoever may call it reads that."),
        None if sign_in => (
            " to callers who prove nothing",
            "The contract lets anyone call it; if it is where callers sign in, it is meant, and `portcullis findings ack` \
             says so.",
        ),
        None => (" to callers who prove nothing", "Anybody who reaches it reads that."),
    };
    let conclusion = Conclusion {
        kind: FindingKind::SensitiveField,
        severity: if sign_in { Severity::Low } else { severity(data.class, seen.proof.is_some()) },
        site: site.clone(),
        operation: Some(OperationRecord { id: operation.id.clone(), name: name.clone(), standing: None }),
        subject: format_smolstr!("{} {field}: {class}", data.place.as_str()),
        data: vec![data.class],
        title: format!("{name} answers {many} in {field}{who}"),
        why: format!(
            "{why} Leave out what callers do not need, mask it (`mask: [FIELD]` in a rule), or keep such answers in: a \
             rule on `\"{class}\" in data`."
        ),
        evidence: vec![
            Evidence { name: "field".into(), text: field.to_owned(), event: None },
            Evidence { name: "sure".into(), text: sure(data.confidence).to_owned(), event: None },
        ],
    };
    Finding::new(conclusion, seen.time, 1)
}

/// Who proved nothing makes it one step worse.
fn severity(class: DataClass, is_known: bool) -> Severity {
    match (class, is_known) {
        (DataClass::Secret | DataClass::PaymentCard | DataClass::UsSsn, false) => Severity::Critical,
        (DataClass::Secret | DataClass::PaymentCard | DataClass::UsSsn, true) | (DataClass::Iban, false) => {
            Severity::High
        }
        (DataClass::Iban, true) | (DataClass::Email | DataClass::Phone, false) => Severity::Medium,
        (DataClass::Email | DataClass::Phone, true) => Severity::Low,
    }
}

fn words(class: DataClass) -> &'static str {
    match class {
        DataClass::Email => "e-mail addresses",
        DataClass::Phone => "telephone numbers",
        DataClass::PaymentCard => "numbers of payment cards",
        DataClass::Iban => "bank account numbers (IBAN)",
        DataClass::UsSsn => "social security numbers",
        DataClass::Secret => "credentials",
    }
}

fn sure(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Named => "only the name says so",
        Confidence::Likely => "the form fits; other things have it, too",
        Confidence::Sure => "the value itself, by its form or check digits, or value and name alike",
    }
}
