//! Where every operation stands against the contract and against time, since when, and why; in words.
//!
//! Invariants: a pure function of the inventory, the contract and the time; every standing but *documented* gives a
//! reason. It decides nothing: what is done about a shadow is policy's.

use portcullis_contract::{Contract, Operation as Declared};
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::access::Posture;
use crate::called::{self, CallAssessment};
use crate::drift::{self, Drift};
use crate::inventory::{Inventory, Operation};
use crate::risk::{self, Risk};
use crate::version::{self, VersionAssessment, Versions};

/// Days without a call after which a declared operation is dormant.
pub(crate) const QUIET_DAYS: i64 = 90;
pub(crate) const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In the contract, and called.
    Documented,
    /// Called, and not in the contract.
    Shadow,
    /// Deprecated, retired or replaced, and still called.
    Zombie,
    /// In the contract, and not called.
    Dormant,
}

impl Standing {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Shadow => "shadow",
            Self::Zombie => "zombie",
            Self::Dormant => "dormant",
        }
    }
}

/// What is to be said of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// Its id.
    pub id: OperationId,
    /// The method.
    pub method: SmolStr,
    /// The template.
    pub path: SmolStr,
    /// Where it stands; none where the site has no contract and nothing else speaks against it.
    pub standing: Option<Standing>,
    /// Since when, where that can be said.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: Vec<String>,
    /// Whether callers say who they are.
    pub authenticated: Option<Posture>,
    /// Since when that is so.
    pub authenticated_since: Option<Timestamp>,
    /// Whether the contract lets anyone call it, with a credential or without.
    pub open: bool,
    /// Where it and its declaration have drifted apart.
    pub drift: Vec<Drift>,
    /// How much there is to fear.
    pub risk: Risk,
    /// Whether a person does not want to hear of it.
    pub ignored: bool,
    /// The version its path names.
    pub version: Option<SmolStr>,
    /// Versions named in its fields and media types.
    pub versions: Vec<VersionAssessment>,
    /// Whether the contract or its answers say that it should not be called any more.
    pub deprecated: bool,
    /// What is called by name on its path, or declared to be.
    pub calls: Vec<CallAssessment>,
}

/// A standing and where it comes from.
struct Stands {
    standing: Standing,
    since: Option<Timestamp>,
    why: String,
}

impl Inventory {
    /// Assesses every operation learned, and those of the contract that nobody called. `now` is the time of asking.
    pub fn assess(&self, contract: Option<&Contract>, now: Timestamp) -> Vec<Assessment> {
        let versions = Versions::of(&self.operations);
        let mut all: Vec<Assessment> = Vec::new();
        for operation in &self.operations {
            let declared = operation.facts.declared.as_ref().and_then(|id| contract?.operation(id));
            all.push(operation.assess(contract, declared, &versions, now));
        }
        let unseen = contract.into_iter().flat_map(Contract::operations);
        let unseen = unseen.filter(|declared| self.operations.iter().all(|known| known.id != declared.id));
        all.extend(unseen.map(never_called));
        for assessment in &mut all {
            assessment.ignored = self.ignored.contains(&assessment.id);
            for drift in &mut assessment.drift {
                drift.example = self.examples().find(&assessment.id, drift);
            }
        }
        all.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
        all
    }
}

impl Operation {
    fn assess(
        &self,
        contract: Option<&Contract>,
        declared: Option<&Declared>,
        versions: &Versions<'_>,
        now: Timestamp,
    ) -> Assessment {
        let mut stands = self.zombie(contract, declared, versions, now);
        // What no contract ever knew is a shadow first, whatever else speaks against it.
        let never_declared = contract.is_some_and(|contract| {
            declared.is_none() && self.facts.declared.is_none() && !contract.is_retired(&self.id)
        });
        if stands.is_empty() || never_declared {
            stands.splice(0..0, self.plain(contract, declared, now));
        }
        let standing = stands.first().map(|stands| stands.standing);
        Assessment {
            id: self.id.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            standing,
            since: stands.iter().filter_map(|stands| stands.since).min(),
            why: stands.into_iter().map(|stands| stands.why).collect(),
            authenticated: self.facts.access.posture(),
            authenticated_since: self.authenticated_since(),
            open: declared.is_some_and(|declared| declared.security.admits_anyone()),
            drift: declared.map(|declared| drift::of(&self.facts, declared)).unwrap_or_default(),
            risk: risk::of(self, standing, declared),
            ignored: false,
            version: version::named(&self.path).map(SmolStr::new),
            calls: called::assess(self, contract, declared, now),
            versions: versions.assess(self, now),
            deprecated: self.facts.farewell.is_some() || declared.is_some_and(|declared| declared.deprecated),
        }
    }

    /// Every reason for which it should not be called any more.
    fn zombie(
        &self,
        contract: Option<&Contract>,
        declared: Option<&Declared>,
        versions: &Versions<'_>,
        now: Timestamp,
    ) -> Vec<Stands> {
        if is_quiet(self, now) {
            return Vec::new();
        }
        let mut why: Vec<(Option<Timestamp>, String)> = Vec::new();
        if declared.is_some_and(|declared| declared.deprecated) {
            why.push((None, "the contract marks it deprecated, and it is still called".into()));
        }
        if let Some(sunset) = declared.and_then(|declared| declared.sunset).filter(|sunset| *sunset <= now) {
            why.push((Some(sunset), format!("by the contract it was to end on {}", day(sunset))));
        }
        let retired = self.facts.declared.is_some() || contract.is_some_and(|all| all.is_retired(&self.id));
        if contract.is_some() && declared.is_none() && retired {
            why.push((None, "the contract declared it once and does not any more".into()));
        }
        if let Some(farewell) = self.facts.farewell {
            match farewell.sunset.filter(|sunset| *sunset <= now) {
                Some(sunset) => {
                    why.push((Some(sunset), format!("its answers say it ends on {} (Sunset)", day(sunset))));
                }
                None => why.push((
                    farewell.deprecated,
                    "its answers say that it is deprecated or will end (Deprecation, Sunset)".into(),
                )),
            }
        }
        if let Some(newer) = versions.newer(self) {
            why.push((newer.since, newer.why));
        }
        why.into_iter().map(|(since, why)| Stands { standing: Standing::Zombie, since, why }).collect()
    }

    fn plain(
        &self,
        contract: Option<&Contract>,
        declared: Option<&Declared>,
        now: Timestamp,
    ) -> Option<Stands> {
        let first = self.facts.seen.map(|(first, _)| first);
        let last = self.facts.seen.map(|(_, last)| last);
        match (contract, declared) {
            (None, _) => None,
            (Some(_), Some(_)) if is_quiet(self, now) => Some(Stands {
                standing: Standing::Dormant,
                since: last,
                why: format!("declared, and not called for {QUIET_DAYS} days"),
            }),
            (Some(_), Some(_)) => Some(Stands {
                standing: Standing::Documented,
                since: first,
                why: "declared and called".into(),
            }),
            (Some(_), None) => Some(Stands {
                standing: Standing::Shadow,
                since: first,
                why: "it was answered, and the contract does not declare it".into(),
            }),
        }
    }

    /// When the last change of posture was: the first exchange of the kind that came later.
    fn authenticated_since(&self) -> Option<Timestamp> {
        let access = &self.facts.access;
        let (named, anonymous) = (access.named(), access.anonymous);
        match (named.first(), anonymous.first()) {
            (Some(named), Some(anonymous)) => Some(named.max(anonymous)),
            (one, other) => one.or(other),
        }
    }
}

fn is_quiet(operation: &Operation, now: Timestamp) -> bool {
    let last = operation.facts.seen.map(|(_, last)| last);
    last.is_none_or(|last| now.as_secs() - last.as_secs() > QUIET_DAYS * DAY_SECONDS)
}

fn never_called(declared: &Declared) -> Assessment {
    Assessment {
        id: declared.id.clone(),
        method: declared.method.as_str().into(),
        path: declared.template.as_str().into(),
        standing: Some(Standing::Dormant),
        since: None,
        why: vec!["declared, and nobody was seen to call it".into()],
        authenticated: None,
        authenticated_since: None,
        open: declared.security.admits_anyone(),
        drift: Vec::new(),
        risk: Risk::default(),
        ignored: false,
        version: version::named(declared.template.as_str()).map(SmolStr::new),
        versions: Vec::new(),
        deprecated: declared.deprecated,
        calls: called::never_made(declared),
    }
}

/// `2026-01-31`.
fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}
