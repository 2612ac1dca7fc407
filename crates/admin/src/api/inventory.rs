//! Operations as they are told: in tables, over the control socket, in `--json`.
//!
//! Invariant: what an operation was learned to be is copied, never worked out here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_inventory::{Assessment, Example, Operation, Ruling, Watching};
use portcullis_learn::{Drawn, Inventories};
use portcullis_model::data_class::{Confidence, DataClass, DataPlace};
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::calls::{CallView, SpokenView};
use super::versions::VersionView;
use super::wanted::Wanted;

/// Which operations: the query of `GET /operations` and `GET /openapi`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OperationQuery {
    /// Only of this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// Only what stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<SmolStr>,
    /// Only the one of this name, `GET /customers/{customerId}`, or id, also one it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<SmolStr>,
    /// A condition over operations.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// The body of `POST /decisions`: the last part of a template is a name or a value. Answered like `GET /operations`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewDecision {
    /// The site; may be left out where there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// `/users/{userId}` for all words that stand there, `/users/online` for one.
    pub template: SmolStr,
    /// What it is.
    pub ruling: Ruling,
}

/// The body of `POST /watching`. Answered like `GET /operations`, with the operation alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewWatching {
    /// The site; may be left out where only one has such an operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// The operation's name or id.
    pub operation: SmolStr,
    /// Whether it is to be heard of.
    pub watching: Watching,
}

impl NewWatching {
    /// The question for the operation it names.
    pub fn query(&self) -> OperationQuery {
        OperationQuery {
            site: self.site.clone(),
            operation: Some(self.operation.clone()),
            ..OperationQuery::default()
        }
    }
}

/// The answer to `GET /operations`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundOperations {
    /// By site, path and method.
    pub operations: Vec<OperationView>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// Its stable id.
    pub id: OperationId,
    /// Its site.
    pub site: SmolStr,
    /// The method.
    pub method: SmolStr,
    /// The path's template.
    pub path: SmolStr,
    /// `documented`, `shadow`, `zombie` or `dormant`; absent where the site has no contract and nothing else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<SmolStr>,
    /// Since when it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why.
    #[serde(default)]
    pub why: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub risk: SmolStr,
    /// What makes the risk.
    #[serde(default)]
    pub risk_reasons: Vec<String>,
    /// Whether callers say who they are: `always`, `sometimes` or `never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<SmolStr>,
    /// Since when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_since: Option<Timestamp>,
    /// Whether a person does not want to hear of it: no findings, in no list of shadows.
    #[serde(default)]
    pub ignored: bool,
    /// The version its path names, `v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SmolStr>,
    /// Whether the contract or its answers say that it should not be called any more.
    #[serde(default)]
    pub deprecated: bool,
    /// Where traffic and contract differ.
    #[serde(default)]
    pub drift: Vec<DriftView>,
    /// Versions named in its fields and media types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionView>,
    /// What is called by name on its path, or declared to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallView>,
    /// What traffic showed; absent where nobody called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficView>,
}

/// A difference between traffic and contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftView {
    /// Where: `query.sort`, `response.200.body.pin`.
    pub place: String,
    /// `not declared`, `declared as required and left out`, `declared and never seen`.
    pub what: SmolStr,
    /// In how many exchanges that were looked at.
    pub count: u64,
    /// The latest exchange that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
}

/// What traffic showed of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficView {
    /// The first exchange looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// How many there were, estimated where not all were looked at.
    pub exchanges: u64,
    /// How many were looked at.
    pub observed: u64,
    /// How often each status was answered, among those.
    pub statuses: BTreeMap<u16, u64>,
    /// How many callers there were, estimated where they were many.
    pub callers: u64,
    /// The hosts that were named.
    #[serde(default)]
    pub hosts: Vec<SmolStr>,
    /// Half of the exchanges took no longer, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<u64>,
    /// All but one in a hundred took no longer, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<u64>,
    /// Parameters of the path, in order.
    pub parameters: Vec<ParameterView>,
    /// Fields that carry sensitive data.
    #[serde(default)]
    pub data: Vec<DataView>,
    /// Other ways of speaking than request and answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoken: Vec<SpokenView>,
}

impl TrafficView {
    /// The classes of sensitive data that more than a field's name speaks for.
    pub fn classes(&self) -> BTreeSet<DataClass> {
        let told = self.data.iter().filter(|data| data.confidence > Confidence::Named);
        told.map(|data| data.class).collect()
    }
}

/// A field that carries sensitive data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataView {
    /// Where: `query`, `request_body` or `response_body`.
    pub place: DataPlace,
    /// The field, `customers[].email`; empty for a body that is one value.
    pub field: SmolStr,
    /// The class.
    pub class: DataClass,
    /// How sure that is: `named` (by the name alone), `likely` or `sure`.
    pub confidence: Confidence,
    /// In how many exchanges that were looked at.
    pub count: u64,
}

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterView {
    /// Its name.
    pub name: SmolStr,
    /// How many distinct values it had, estimated where they were many.
    pub distinct: u64,
}

impl OperationView {
    fn of(site: &str, assessment: &Assessment, operation: Option<&Operation>) -> Self {
        Self {
            id: assessment.id.clone(),
            site: site.into(),
            method: assessment.method.clone(),
            path: assessment.path.clone(),
            standing: assessment.standing.map(|standing| standing.as_str().into()),
            since: assessment.since,
            why: assessment.why.clone(),
            risk: assessment.risk.level.as_str().into(),
            risk_reasons: assessment.risk.reasons.clone(),
            authenticated: assessment.authenticated.map(|posture| posture.as_str().into()),
            authenticated_since: assessment.authenticated_since,
            ignored: assessment.ignored,
            version: assessment.version.clone(),
            deprecated: assessment.deprecated,
            drift: (assessment.drift.iter())
                .map(|drift| DriftView {
                    place: drift.place.clone(),
                    what: drift.kind.as_str().into(),
                    count: drift.count,
                    example: drift.example,
                })
                .collect(),
            versions: VersionView::of(&assessment.versions, operation),
            calls: assessment.calls.iter().map(|call| CallView::of(call, operation)).collect(),
            traffic: operation.map(TrafficView::of),
        }
    }
}

impl TrafficView {
    fn of(operation: &Operation) -> Self {
        let facts = &operation.facts;
        Self {
            first_seen: facts.seen.map(|(first, _)| first),
            last_seen: facts.seen.map(|(_, last)| last),
            exchanges: facts.exchanges,
            observed: facts.count,
            statuses: facts.statuses.clone(),
            callers: facts.callers(),
            hosts: facts.hosts.keys().cloned().collect(),
            p50_us: facts.latency.percentile(50),
            p99_us: facts.latency.percentile(99),
            parameters: (operation.parameters.iter())
                .map(|known| ParameterView { name: known.name.clone(), distinct: known.distinct })
                .collect(),
            spoken: SpokenView::of(operation),
            data: (facts.data.fields())
                .map(|((place, field, class), met)| DataView {
                    place: *place,
                    field: field.clone(),
                    class: *class,
                    confidence: met.confidence,
                    count: met.exchanges,
                })
                .collect(),
        }
    }
}

/// Every operation a question is about, or what is wrong with the question.
pub fn operations(sites: &Inventories, query: &OperationQuery) -> Result<FoundOperations, String> {
    let wanted = Wanted::of(query)?;
    let views = sites.iter().flat_map(|(site, drawn)| views(site, drawn));
    let named = |view: &OperationView| wanted.names(view, sites.get(&view.site).map(Arc::as_ref));
    Ok(FoundOperations { operations: views.filter(|view| named(view) && wanted.admits(view)).collect() })
}

fn views<'a>(site: &'a SmolStr, drawn: &'a Drawn) -> impl Iterator<Item = OperationView> + 'a {
    drawn.assessments.iter().map(move |one| OperationView::of(site, one, drawn.operation(&one.id)))
}

/// The `OpenAPI` document of the site a question names, or of the only one there is; else which there are.
pub fn openapi(sites: &Inventories, query: &OperationQuery) -> Result<serde_json::Value, String> {
    let (site, drawn) = only_site(sites, query.site.as_ref())?;
    let wanted = Wanted::of(query)?;
    let is_wanted = |one: &&Assessment| {
        let view = OperationView::of(site, one, drawn.operation(&one.id));
        wanted.names(&view, Some(drawn)) && wanted.admits(&view)
    };
    let assessments: Vec<Assessment> = drawn.assessments.iter().filter(is_wanted).cloned().collect();
    Ok(portcullis_inventory::openapi::assessed(site, &drawn.inventory, &assessments))
}

/// The site that is named, or the only one there is; else which there are.
pub(crate) fn only_site<'a>(
    sites: &'a Inventories,
    named: Option<&SmolStr>,
) -> Result<(&'a SmolStr, &'a Drawn), String> {
    let found = match (named, sites.len()) {
        (Some(site), _) => sites.get_key_value(site),
        (None, 1) => sites.first_key_value(),
        (None, _) => None,
    };
    let names = || sites.keys().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
    let (site, drawn) = found.ok_or_else(|| format!("--site names one of: {}", names()))?;
    Ok((site, drawn))
}
