//! What is asked and answered over the control socket; both ends share these types.
//!
//! `GET /status`, `GET /top?seconds=N`, `GET /events?where=…&since=…&until=…&limit=N`, `GET /events/{id}`,
//! `GET /follow?where=…` (JSON lines), `GET /operations?site=…&standing=…&where=…`,
//! `GET /openapi?site=…&standing=…&where=…`,
//! `GET /findings?state=…&site=…&kind=…&severity=…&since=…`, `GET|POST /findings/{id}`, `GET|POST|DELETE /bans`,
//! `POST /decisions`, `POST /watching`, `POST /reload`.

mod calls;
mod findings;
mod inventory;
mod versions;
mod wanted;

use std::fmt::Write as _;

use portcullis_events::Figures;
use portcullis_events::alerts::Channels;
use portcullis_events::findings::FindingFigures;
use portcullis_model::{Ban, BanKey, Event, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use calls::{CallView, SpokenView};
pub use findings::{FoundFindings, Mark, MarkFinding, findings_target};
pub(crate) use inventory::only_site;
pub use inventory::{
    DataView, DriftView, FoundOperations, NewDecision, NewWatching, OperationQuery, OperationView,
    ParameterView, TrafficView, openapi, operations,
};
pub use versions::VersionView;

/// How the gateway is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The policy in force.
    pub policy: PolicyStatus,
    /// Addresses it listens on.
    pub listening: Vec<String>,
    /// Client connections open now.
    pub connections: u64,
    /// Recording: counts since the start, and how the archive is.
    pub recording: Figures,
    /// What was learned of the sites' APIs.
    pub learning: Learning,
    /// How keeping findings goes.
    pub findings: FindingFigures,
    /// How the channels findings are told through are doing.
    #[serde(default)]
    pub alerts: Channels,
    /// The servers behind the sites.
    #[serde(default)]
    pub servers: Vec<ServerView>,
}

/// A server behind a site, and whether it gets exchanges.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerView {
    /// The site.
    pub site: SmolStr,
    /// The upstream's name, where the site has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<SmolStr>,
    /// The server, as policy writes it.
    pub server: SmolStr,
    /// `up`, `paused` after failures, or `down` by its checks.
    pub state: SmolStr,
    /// Exchanges going on at it.
    pub active: u64,
}

/// How learning goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Learning {
    /// Exchanges looked at since the start.
    pub exchanges: u64,
    /// How many operations are known from them and from earlier runs.
    pub operations: u64,
    /// Why what was learned cannot be written down; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// The policy in force, and what became of the last try to change it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyStatus {
    /// Where it was read.
    pub file: String,
    /// When it was taken into use.
    pub since: Timestamp,
    /// The sites it names.
    pub sites: Vec<SmolStr>,
    /// Why the newest version on disk is not in use, as `check` would show it; absent if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// Which events: the query of `GET /events` and `GET /follow`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventQuery {
    /// A condition over events.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Not before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl EventQuery {
    /// As the query of a URL.
    pub fn to_query(&self) -> String {
        let mut parts = Vec::new();
        if let Some(condition) = &self.condition {
            parts.push(format!("where={}", percent_encoded(condition)));
        }
        for (name, time) in [("since", self.since), ("until", self.until)] {
            if let Some(time) = time {
                parts.push(format!("{name}={}", percent_encoded(&time.to_string())));
            }
        }
        if let Some(limit) = self.limit {
            parts.push(format!("limit={limit}"));
        }
        parts.join("&")
    }
}

/// Everything but unreserved characters (RFC 3986 §2.3) escaped.
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The answer to `GET /events`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundEvents {
    /// The newest that match, newest first.
    pub events: Vec<Event>,
    /// Whether there are older ones that match.
    pub more: bool,
}

/// One line of `GET /follow`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Followed {
    /// An event that matches.
    Event(Box<Event>),
    /// So many events passed by faster than they could be shown.
    Lost(u64),
}

/// The body of `POST /bans`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewBan {
    /// Whom to refuse.
    pub key: BanKey,
    /// Only at this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// For how many seconds.
    pub seconds: u64,
    /// Why.
    pub reason: SmolStr,
    /// Who says so.
    pub by: SmolStr,
}

/// The body of `DELETE /bans`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiftBan {
    /// Whose ban.
    pub key: BanKey,
    /// Set for which site; the one for every site if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
}

/// The answer to `DELETE /bans`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Lifted {
    /// Whether there was such a ban.
    pub lifted: bool,
}

/// The answer to `GET /bans` and, with the one ban made, to `POST /bans`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bans {
    /// Those in force, the newest first.
    pub bans: Vec<Ban>,
}

/// Whom `POST /reload` is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The gateway that is asked.
    #[default]
    Here,
    /// Every gateway that shares its state, each of which reads its own policy.
    Everywhere,
}

/// The question `POST /reload`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Reload {
    /// Whom it is for.
    pub reach: Reach,
}

/// The answer to `POST /reload`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reloaded {
    /// Why nothing was changed, as `check` would show it; absent if the new policy is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Whether the other gateways were told; absent where they were not to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<bool>,
}

/// A question that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, in words for a person.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_its_url() {
        let query = EventQuery {
            condition: Some("tag(\"api:shadow\") && status >= 400 + 1".into()),
            since: Some(Timestamp::from_secs(1_700_000_000)),
            until: None,
            limit: Some(5),
        };
        let url = query.to_query();
        assert_eq!(
            url,
            "where=tag%28%22api%3Ashadow%22%29%20%26%26%20status%20%3E%3D%20400%20%2B%201\
             &since=2023-11-14T22%3A13%3A20.000000Z&limit=5"
        );
    }
}
