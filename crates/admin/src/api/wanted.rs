//! Which operations a question is about: a site, a standing, a condition.
//!
//! Invariant: a condition asks what is shown of an operation, so who reads the table can ask for what stands in it.

use portcullis_expr::{Env, Facts, Place, Program, Value, Var, check};
use portcullis_learn::Drawn;
use portcullis_model::OperationId;
use smol_str::SmolStr;

use super::inventory::{OperationQuery, OperationView};
use crate::router::explained;

/// A question that makes sense.
pub(super) struct Wanted<'a> {
    query: &'a OperationQuery,
    condition: Option<Program>,
    ignored: Ignored,
}

/// What becomes of operations that nobody wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ignored {
    /// They are listed: everything is, or the condition asks for them.
    Listed,
    /// Who asks for a standing, or asks otherwise, does not mean them.
    LeftOut,
}

impl<'a> Wanted<'a> {
    /// The question, or what is wrong with its condition.
    pub(super) fn of(query: &'a OperationQuery) -> Result<Self, String> {
        let source = query.condition.as_deref();
        let checked = source.map(|source| check(source, &Env { place: Place::Operation, lists: &[] }));
        let checked =
            checked.transpose().map_err(|problems| explained(source.unwrap_or_default(), &problems))?;
        let asks = checked.as_ref().map(|checked| checked.reads().has(Var::LearnedIgnored));
        let ignored = match (asks, &query.standing) {
            (Some(true), _) | (None, None) => Ignored::Listed,
            _ => Ignored::LeftOut,
        };
        Ok(Self { query, condition: checked.map(|checked| checked.compile()), ignored })
    }

    /// Whether the question means it, if it names one; by its name, its id, or one it had before.
    pub(super) fn names(&self, operation: &OperationView, drawn: Option<&Drawn>) -> bool {
        let Some(named) = &self.query.operation else { return true };
        let is_former = |drawn: &Drawn| {
            drawn.operation(&OperationId::new(named.clone())).is_some_and(|known| known.id == operation.id)
        };
        named == operation.id.as_str()
            || *named == format!("{} {}", operation.method, operation.path)
            || drawn.is_some_and(is_former)
    }

    pub(super) fn admits(&self, operation: &OperationView) -> bool {
        let Self { query, condition, ignored } = self;
        if operation.ignored && *ignored == Ignored::LeftOut {
            return false;
        }
        query.site.as_ref().is_none_or(|wanted| *wanted == operation.site)
            && query.standing.as_ref().is_none_or(|wanted| Some(wanted) == operation.standing.as_ref())
            && condition.as_ref().is_none_or(|condition| condition.holds(&OperationFacts::of(operation)))
    }
}

/// An operation as conditions see it.
struct OperationFacts<'a> {
    operation: &'a OperationView,
    name: String,
    data: Vec<SmolStr>,
    calls: Vec<SmolStr>,
    versions: Vec<SmolStr>,
}

impl<'a> OperationFacts<'a> {
    fn of(operation: &'a OperationView) -> Self {
        let classes = operation.traffic.as_ref().map(super::TrafficView::classes).unwrap_or_default();
        Self {
            operation,
            name: format!("{} {}", operation.method, operation.path),
            versions: (operation.version.iter())
                .chain(operation.versions.iter().map(|known| &known.version))
                .cloned()
                .collect(),
            calls: operation.calls.iter().map(|call| call.name.clone()).collect(),
            data: classes.into_iter().map(|class| SmolStr::new_static(class.as_str())).collect(),
        }
    }

    /// What only one that was called has.
    fn of_traffic(&self, var: Var) -> Option<Value<'_>> {
        let traffic = self.operation.traffic.as_ref()?;
        Some(match var {
            Var::LearnedFirst => Value::Time(traffic.first_seen?),
            Var::LearnedLast => Value::Time(traffic.last_seen?),
            Var::LearnedHosts => Value::Strings(&traffic.hosts),
            _ => return None,
        })
    }
}

impl Facts for OperationFacts<'_> {
    fn value(&self, var: Var) -> Value<'_> {
        let operation = self.operation;
        let counted = |of: fn(&super::TrafficView) -> u64| {
            Value::Int(i64::try_from(operation.traffic.as_ref().map_or(0, of)).unwrap_or(i64::MAX))
        };
        match var {
            Var::LearnedSite => Value::text(&operation.site),
            Var::LearnedMethod => Value::text(&operation.method),
            Var::LearnedPath => Value::text(&operation.path),
            Var::LearnedName => Value::text(&self.name),
            Var::LearnedId => Value::text(operation.id.as_str()),
            Var::LearnedStanding => Value::maybe(operation.standing.as_deref()),
            Var::LearnedSince => operation.since.map_or(Value::Null, Value::Time),
            Var::LearnedVersions => Value::Strings(&self.versions),
            Var::LearnedCalls => Value::Strings(&self.calls),
            Var::LearnedData => Value::Strings(&self.data),
            Var::LearnedAuthenticated => Value::maybe(operation.authenticated.as_deref()),
            Var::LearnedRisk => Value::text(&operation.risk),
            Var::LearnedCount => counted(|traffic| traffic.exchanges),
            Var::LearnedCallers => counted(|traffic| traffic.callers),
            Var::LearnedVersion => Value::maybe(operation.version.as_deref()),
            Var::LearnedDeprecated => Value::Bool(operation.deprecated),
            Var::LearnedIgnored => Value::Bool(operation.ignored),
            Var::LearnedDrift => Value::Int(i64::try_from(operation.drift.len()).unwrap_or(i64::MAX)),
            _ => self.of_traffic(var).unwrap_or(Value::Null),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation() -> OperationView {
        let told = json!({
            "id": "5d1e0c9a7b3f2468", "site": "shop", "method": "GET", "path": "/v1/people/{personId}",
            "standing": "shadow", "since": "2026-01-31T08:00:00Z", "risk": "high", "authenticated": "never",
            "version": "v1", "deprecated": true,
            "drift": [{ "place": "query.sort", "what": "not declared", "count": 2 }],
            "traffic": {
                "first_seen": "2026-01-31T08:00:00Z", "last_seen": "2026-02-01T08:00:00Z", "exchanges": 500,
                "observed": 80, "statuses": { "200": 80 }, "callers": 12, "hosts": ["api.shop.example"],
                "parameters": [],
                "data": [
                    { "place": "response_body", "field": "mail", "class": "email", "confidence": "sure", "count": 3 },
                    { "place": "request_body", "field": "pin", "class": "secret", "confidence": "named", "count": 3 },
                ],
            },
        });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn every_variable_of_operations_is_answered() {
        let operation = operation();
        let facts = OperationFacts::of(&operation);
        for variable in portcullis_expr::vocabulary() {
            if variable.scope.covers(Place::Operation) {
                assert!(!facts.value(variable.var).is_null(), "{} is null", variable.name);
            }
        }
    }

    #[test]
    fn conditions_choose() {
        for (condition, is_wanted) in [
            ("standing == SHADOW && data.contains(\"email\")", true),
            ("\"secret\" in data", false),
            ("operation == \"GET /v1/people/{personId}\" && count > 100 && callers < 20", true),
            ("risk > HIGH || authenticated == ALWAYS", false),
            ("last_seen > timestamp(\"2026-02-01T00:00:00Z\") && deprecated && drift == 1", true),
            ("hosts.contains(\"api.shop.example\") && version == \"v1\"", true),
        ] {
            let query = OperationQuery { condition: Some(condition.to_owned()), ..OperationQuery::default() };
            assert_eq!(Wanted::of(&query).unwrap().admits(&operation()), is_wanted, "{condition}");
        }
        let query = OperationQuery { condition: Some("standing == SHADY".to_owned()), ..Default::default() };
        assert!(Wanted::of(&query).is_err_and(|why| why.contains("SHADY")));
    }
}
