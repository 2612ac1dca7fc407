//! How much there is to fear of an operation, as a sum of reasons that are spelled out.
//!
//! Invariant: a level always has the reasons that made it. It is a measure to sort by, not a verdict.

use std::collections::BTreeSet;

use portcullis_contract::{Operation as Declared, Security};
use portcullis_model::data_class::DataClass;
use portcullis_model::observation::{Credential, SegmentKind};
use serde::{Deserialize, Serialize};

use crate::access::Posture;
use crate::inventory::Operation;
use crate::schema::Schema;
use crate::standing::Standing;

/// Items in one answer from which on it gives away much at once.
const MANY: u32 = 100;
/// Callers from which on whatever an operation gives away is in many hands.
const CROWD: u64 = 50;
/// Words in a path of what is not for everybody.
const INTERNAL: &[&str] =
    &["actuator", "admin", "backup", "console", "debug", "dump", "export", "internal", "private"];

/// A level and its reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Risk {
    /// How much.
    pub level: Level,
    /// Why, the gravest first.
    pub reasons: Vec<String>,
}

/// How much there is to fear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Little.
    #[default]
    Low,
    /// Something to know.
    Medium,
    /// Something to look at.
    High,
    /// Something to do about.
    Critical,
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    const fn of(weight: u32) -> Self {
        match weight {
            0..=1 => Self::Low,
            2..=3 => Self::Medium,
            4..=5 => Self::High,
            _ => Self::Critical,
        }
    }
}

/// The risk of an operation that stands so.
pub(crate) fn of(operation: &Operation, standing: Option<Standing>, declared: Option<&Declared>) -> Risk {
    let mut reasons: Vec<(u32, String)> = Vec::new();
    match standing {
        Some(Standing::Shadow) => reasons.push((2, "no contract declares it".into())),
        Some(Standing::Zombie) => reasons.push((2, "it should not be called any more".into())),
        _ => {}
    }
    reasons.extend(of_access(operation, declared));
    reasons.extend(of_credentials(operation));
    reasons.extend(of_data(operation));
    reasons.extend(of_what_it_does(operation));
    reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let weight = reasons.iter().map(|(weight, _)| weight).sum();
    Risk { level: Level::of(weight), reasons: reasons.into_iter().map(|(_, reason)| reason).collect() }
}

fn of_access(operation: &Operation, declared: Option<&Declared>) -> Option<(u32, String)> {
    let access = &operation.facts.access;
    let (anonymous, all) = (access.anonymous.count, access.anonymous.count + access.named().count);
    let is_open = declared.is_some_and(|declared| declared.security.admits_anyone());
    let asked_for =
        !is_open && declared.is_some_and(|declared| matches!(declared.security, Security::AnyOf(_)));
    match access.posture()? {
        Posture::Always => None,
        _ if asked_for => Some((
            4,
            format!(
                "{anonymous} of {all} exchanges were answered without the credential the contract asks for"
            ),
        )),
        _ if is_open => None,
        Posture::Sometimes => Some((
            3,
            format!("{anonymous} of {all} exchanges were answered without the credential others show"),
        )),
        Posture::Never => Some((2, "it answers callers who do not say who they are".into())),
    }
}

fn of_credentials(operation: &Operation) -> Vec<(u32, String)> {
    let mut reasons = Vec::new();
    for credential in operation.facts.access.credentials.keys() {
        match credential {
            Credential::Query(name) => {
                reasons.push((1, format!("credentials come in the query (`{name}`), where logs keep them")));
            }
            Credential::Scheme(name) if name == "basic" => {
                reasons.push((1, "passwords come with every request (Basic)".into()));
            }
            _ => {}
        }
    }
    reasons
}

/// Sensitive data: that it is answered, to whom, to how many; that it stands where logs keep it.
fn of_data(operation: &Operation) -> Vec<(u32, String)> {
    let (facts, mut reasons) = (&operation.facts, Vec::new());
    let answered = facts.data.answered();
    if !answered.is_empty() {
        let grave = answered.iter().any(|class| is_grave(*class));
        let is_open = facts.access.posture().is_some_and(|posture| posture != Posture::Always);
        let weight = 1 + u32::from(grave) + u32::from(is_open);
        let to = if is_open { ", to callers who do not say who they are" } else { "" };
        reasons.push((weight, format!("its answers carry sensitive data{to}: {}", listed(&answered))));
        let callers = facts.callers();
        if callers >= CROWD {
            reasons.push((1, format!("{callers} callers read that")));
        }
    }
    let in_query = facts.data.asked_in_query();
    if !in_query.is_empty() {
        let classes = listed(&in_query);
        reasons.push((1, format!("sensitive data stands in the query, where logs keep it: {classes}")));
    }
    reasons
}

/// Classes that do harm by themselves.
const fn is_grave(class: DataClass) -> bool {
    match class {
        DataClass::PaymentCard | DataClass::Iban | DataClass::UsSsn | DataClass::Secret => true,
        DataClass::Email | DataClass::Phone => false,
    }
}

fn listed(classes: &BTreeSet<DataClass>) -> String {
    classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ")
}

fn of_what_it_does(operation: &Operation) -> Vec<(u32, String)> {
    let mut reasons = Vec::new();
    if !matches!(operation.method.as_str(), "GET" | "QUERY") {
        reasons.push((1, format!("it changes something ({})", operation.method)));
    }
    if operation.parameters.iter().any(|parameter| parameter.kinds == [SegmentKind::Number]) {
        reasons.push((1, "its ids are numbers, which can be walked through".into()));
    }
    let named = operation.path.split('/').find(|part| INTERNAL.contains(&part.to_ascii_lowercase().as_str()));
    if let Some(part) = named {
        reasons.push((1, format!("its path says `{part}`")));
    }
    let answers = operation.facts.responses.iter().filter(|((status, _), _)| (200..300).contains(status));
    if answers.filter_map(|(_, body)| longest(&body.schema)).any(|length| length >= MANY) {
        reasons.push((1, format!("one answer may hold {MANY} things and more")));
    }
    reasons
}

/// The longest list in an answer, itself or one of its fields.
fn longest(schema: &Schema) -> Option<u32> {
    let own = schema.lengths.map(|(_, most)| most);
    own.into_iter()
        .chain(schema.fields.values().filter_map(|field| field.lengths.map(|(_, most)| most)))
        .max()
}
