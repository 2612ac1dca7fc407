//! Where traffic and contract have drifted apart: what was seen and is not declared, what is declared and never seen.
//!
//! Invariants: a pure function of an operation's facts and its declaration; nothing is said of what the document leaves
//! open, nor of statuses that a gateway or a failing server answers on its own. Nothing is called *never seen* before
//! [`ENOUGH`] exchanges were looked at. Of values only their types are held against the document.

mod types;

use std::collections::BTreeMap;

use portcullis_contract::Operation as Declared;
use portcullis_contract::surface::{Fields, Need, Parameter, Surface, of_media_type};
use portcullis_model::observation::Credential;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cell::{Body, Cell};
use crate::example::Example;
use crate::schema::Schema;

/// Exchanges after which what did not come is called missing.
pub(crate) const ENOUGH: u64 = 100;
/// Differences told of one operation.
const MOST: usize = 64;
/// Statuses that are not the operation's own: who may call, how often, how much.
const NOT_ITS_OWN: &[u16] = &[401, 403, 407, 408, 413, 414, 421, 429, 431];

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Drift {
    /// Which way.
    pub kind: DriftKind,
    /// Where: `query.sort`, `body.items[].price`, `response.200.body.pin`, `response.418`, `query.page as string`.
    pub place: String,
    /// How often it was seen; nothing for what was never.
    pub count: u64,
    /// An exchange that shows it, if one was remembered.
    pub example: Option<Example>,
}

/// Which way traffic and contract differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Seen and not declared.
    Undeclared,
    /// Seen as what it is not declared to be.
    OtherType,
    /// Declared as required, and left out.
    Missing,
    /// Declared and never seen.
    NeverSeen,
}

impl DriftKind {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undeclared => "not declared",
            Self::OtherType => "another type than declared",
            Self::Missing => "declared as required and left out",
            Self::NeverSeen => "declared and never seen",
        }
    }
}

/// Every difference between what is known of an operation and what is declared.
pub(crate) fn of(facts: &Cell, declared: &Declared) -> Vec<Drift> {
    let mut found = Found { drifts: Vec::new(), enough: facts.count >= ENOUGH };
    let surface = &*declared.surface;
    found.parameters(facts, surface);
    found.parameter_types(facts, declared);
    found.requests(facts, surface);
    found.responses(facts, surface);
    found.drifts.sort_unstable();
    found.drifts.truncate(MOST);
    found.drifts
}

struct Found {
    drifts: Vec<Drift>,
    enough: bool,
}

impl Found {
    fn add(&mut self, kind: DriftKind, place: String, count: u64) {
        self.drifts.push(Drift { kind, place, count, example: None });
    }

    fn parameters(&mut self, facts: &Cell, surface: &Surface) {
        let counts = |of: &BTreeMap<SmolStr, Schema>| -> BTreeMap<SmolStr, u64> {
            of.iter().map(|(name, met)| (name.clone(), met.count)).collect()
        };
        let is_credential = |credential: Credential| facts.access.credentials.contains_key(&credential);
        let mut query = counts(&facts.query);
        query.retain(|name, _| !is_credential(Credential::Query(name.to_ascii_lowercase().into())));
        let mut cookies = facts.cookies.clone();
        cookies.retain(|name, _| !is_credential(Credential::Cookie(name.clone())));
        // Clients send header fields and cookies of their own: only what is declared of them is looked for.
        self.compare("query", &query, &surface.query, facts.count, Strangers::Told);
        self.compare("headers", &facts.headers, &surface.headers, facts.count, Strangers::Ignored);
        self.compare("cookies", &cookies, &surface.cookies, facts.count, Strangers::Ignored);
    }

    fn compare(
        &mut self,
        place: &str,
        seen: &BTreeMap<SmolStr, u64>,
        declared: &BTreeMap<SmolStr, Parameter>,
        exchanges: u64,
        strangers: Strangers,
    ) {
        for (name, count) in seen.iter().filter(|(name, _)| !declares(declared, name)) {
            if strangers == Strangers::Told {
                self.add(DriftKind::Undeclared, format!("{place}.{name}"), *count);
            }
        }
        for (name, parameter) in declared.iter().filter(|(name, _)| !name.ends_with('[')) {
            let is_usual = place == "headers" && crate::lexicon::is_usual_header(name);
            let count = seen.get(name).copied().unwrap_or(0);
            if parameter.need == Need::Required && count < exchanges && !is_usual {
                self.add(DriftKind::Missing, format!("{place}.{name}"), exchanges - count);
            } else if count == 0 && self.enough && !is_usual {
                self.add(DriftKind::NeverSeen, format!("{place}.{name}"), 0);
            }
        }
    }

    fn requests(&mut self, facts: &Cell, surface: &Surface) {
        for (media_type, body) in facts.requests.iter().filter(|(name, _)| !name.is_empty()) {
            match of_media_type(&surface.requests, media_type) {
                Some(fields) => self.body("body", media_type, body, fields),
                None => self.add(DriftKind::Undeclared, format!("body as {media_type}"), body.count),
            }
        }
    }

    fn responses(&mut self, facts: &Cell, surface: &Surface) {
        if surface.responses.is_empty() {
            return;
        }
        for (status, count) in &facts.statuses {
            let is_own = *status < 500 && !NOT_ITS_OWN.contains(status);
            if is_own && surface.responses(*status).is_none() {
                self.add(DriftKind::Undeclared, format!("response.{status}"), *count);
            }
        }
        for ((status, media_type), body) in facts.responses.iter().filter(|((_, name), _)| !name.is_empty()) {
            let Some(declared) = surface.responses(*status) else { continue };
            match of_media_type(declared, media_type) {
                Some(fields) => self.body(&format!("response.{status}.body"), media_type, body, fields),
                None => {
                    self.add(DriftKind::Undeclared, format!("response.{status} as {media_type}"), body.count);
                }
            }
        }
        let is_number = |status: &&SmolStr| status.parse::<u16>().is_ok_and(|status| status < 300);
        for status in
            surface.responses.keys().filter(is_number).filter(|_| self.enough).cloned().collect::<Vec<_>>()
        {
            if status.parse().is_ok_and(|status: u16| !facts.statuses.contains_key(&status)) {
                self.add(DriftKind::NeverSeen, format!("response.{status}"), 0);
            }
        }
    }

    fn body(&mut self, place: &str, media_type: &str, body: &Body, fields: &Fields) {
        self.undeclared(place, "", &body.schema, fields);
        self.body_types(place, media_type, &body.schema, fields);
        if body.count < ENOUGH {
            return;
        }
        // Fields below one that never came are not told again.
        let mut above: Option<&str> = None;
        for path in &fields.named {
            let is_below =
                above.is_some_and(|above| path.strip_prefix(above).is_some_and(|rest| !rest.is_empty()));
            if !is_below && !is_met(&body.schema, path) {
                self.add(DriftKind::NeverSeen, below(place, path), 0);
                above = Some(path);
            }
        }
    }

    fn undeclared(&mut self, place: &str, path: &str, met: &Schema, fields: &Fields) {
        for (name, field) in &met.fields {
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            if fields.allow(&inner) {
                self.undeclared(place, &inner, field, fields);
            } else {
                self.add(DriftKind::Undeclared, below(place, &inner), field.count);
            }
        }
        if let Some(items) = &met.items {
            self.undeclared(place, &format!("{path}[]"), items, fields);
        }
    }
}

/// Whether names that nobody declared are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strangers {
    Told,
    Ignored,
}

/// A place of a body by its dotted path: `body.items[].id`, `body[].id`.
fn below(place: &str, path: &str) -> String {
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{place}{dot}{path}")
}

/// Whether a parameter is declared; one spread as `filter[state]` by its beginning.
fn declares(declared: &BTreeMap<SmolStr, Parameter>, name: &str) -> bool {
    let bare = name.trim_end_matches("[]");
    declared.contains_key(name)
        || declared.contains_key(bare)
        || declared.keys().any(|known| known.ends_with('[') && name.starts_with(known.as_str()))
}

/// Whether a field was met, by its dotted path.
fn is_met(schema: &Schema, path: &str) -> bool {
    let mut at = Some(schema);
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches("[]");
        let lists = (step.len() - name.len()) / 2;
        at = if name.is_empty() { at } else { at.and_then(|schema| schema.fields.get(name)) };
        for _ in 0..lists {
            // A list that was always empty tells nothing of its items.
            match at.map(|schema| &schema.items) {
                Some(Some(items)) => at = Some(items),
                Some(None) => return true,
                None => return false,
            }
        }
    }
    at.is_some()
}
