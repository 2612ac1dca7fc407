//! A finding as conditions see it.

use portcullis_expr::{Facts, Value, Var};
use portcullis_model::finding::Finding;
use smol_str::SmolStr;

/// What a condition may ask a finding for.
#[derive(Debug)]
pub struct FindingFacts<'a> {
    finding: &'a Finding,
    data: Vec<SmolStr>,
}

impl<'a> FindingFacts<'a> {
    /// A finding, to be asked.
    pub fn new(finding: &'a Finding) -> Self {
        Self { finding, data: finding.data.iter().map(|class| SmolStr::new_static(class.as_str())).collect() }
    }

    fn of_operation(&self, var: Var) -> Option<Value<'_>> {
        let operation = self.finding.operation.as_ref()?;
        Some(match var {
            Var::FindingOperation => Value::text(&operation.name),
            Var::FindingOperationId => Value::text(operation.id.as_str()),
            Var::FindingStanding => Value::text(operation.standing?.as_str()),
            _ => return None,
        })
    }
}

impl Facts for FindingFacts<'_> {
    fn value(&self, var: Var) -> Value<'_> {
        let finding = self.finding;
        match var {
            Var::FindingKind => Value::text(finding.kind.as_str()),
            Var::FindingSeverity => Value::text(finding.severity.as_str()),
            Var::FindingSite => Value::text(&finding.site),
            Var::FindingSubject => Value::text(&finding.subject),
            Var::FindingData => Value::Strings(&self.data),
            Var::FindingCount => Value::Int(i64::try_from(finding.count).unwrap_or(i64::MAX)),
            Var::FindingFirst => Value::Time(finding.first),
            Var::FindingLast => Value::Time(finding.last),
            _ => self.of_operation(var).unwrap_or(Value::Null),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_expr::Place;
    use portcullis_model::event::{OperationRecord, Standing};
    use portcullis_model::finding::{Conclusion, FindingKind, Severity};
    use portcullis_model::{DataClass, OperationId, Timestamp};

    use super::*;

    #[test]
    fn every_variable_of_findings_is_answered() {
        let concluded = Conclusion {
            kind: FindingKind::SensitiveField,
            severity: Severity::High,
            site: "shop".into(),
            operation: Some(OperationRecord {
                id: OperationId::new("5d1e0c9a7b3f2468"),
                name: "GET /customers/{customerId}".into(),
                standing: Some(Standing::Shadow),
            }),
            subject: "response body iban: iban".into(),
            data: vec![DataClass::Iban],
            title: String::new(),
            why: String::new(),
            evidence: Vec::new(),
        };
        let finding = Finding::new(concluded, Timestamp::from_secs(1_700_000_000), 1);
        let facts = FindingFacts::new(&finding);
        for variable in portcullis_expr::vocabulary() {
            if variable.scope.covers(Place::Finding) {
                assert!(!facts.value(variable.var).is_null(), "{} is null", variable.name);
            }
        }
    }
}
