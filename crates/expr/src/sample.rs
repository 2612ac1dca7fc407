//! One exchange for tests to ask about.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portcullis_model::Timestamp;
use smol_str::SmolStr;

use crate::{Env, Facts, ListId, Path, Place, Value, Var};

/// Rules with two lists.
pub(crate) const RULES: Env<'static> = Env { place: Place::Exchange, lists: &["tor_exits", "partners"] };

/// Queries over events.
pub(crate) const QUERIES: Env<'static> = Env { place: Place::Event, lists: &[] };

/// Findings.
pub(crate) const FINDINGS: Env<'static> = Env { place: Place::Finding, lists: &[] };

/// Operations.
pub(crate) const OPERATIONS: Env<'static> = Env { place: Place::Operation, lists: &[] };

/// The exchange; fields are what tests vary.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) path: &'static str,
    pub(crate) method: &'static str,
    pub(crate) status: i64,
    pub(crate) ip: IpAddr,
    pub(crate) x: Value<'static>,
    pub(crate) flag: Value<'static>,
    pub(crate) groups: Vec<SmolStr>,
    pub(crate) tags: Vec<&'static str>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            path: "/admin/users",
            method: "GET",
            status: 404,
            ip: IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
            x: Value::Many(vec!["a".into(), "b".into()]),
            flag: Value::Bool(true),
            groups: vec!["admin".into(), "staff".into()],
            tags: vec!["api:shadow", "data:iban"],
        }
    }
}

impl Facts for Sample {
    fn value(&self, var: Var) -> Value<'_> {
        match var {
            Var::Method => Value::text(self.method),
            Var::Path => Value::text(self.path),
            Var::Host => Value::text("shop.example"),
            Var::Scheme => Value::text("https"),
            Var::Ip => Value::Ip(self.ip),
            Var::Status => Value::Int(self.status),
            Var::Identity | Var::Body => Value::Object,
            Var::IdentitySubject => Value::text("ada"),
            Var::IdentityGroups => Value::Strings(&self.groups),
            // A Saturday.
            Var::Time => Value::Time(Timestamp::from_secs(1_769_846_400 + 5 * 60)),
            Var::Duration => Value::Span(Duration::from_millis(1500)),
            Var::Verdict => Value::text("block"),
            Var::FindingSeverity => Value::text("high"),
            _ => Value::Null,
        }
    }

    fn member(&self, var: Var, path: &Path) -> Value<'_> {
        match (var, path.as_str()) {
            (Var::Headers, "x") => self.x.clone(),
            (Var::Headers, "accept") => Value::text("text/html"),
            (Var::Headers, "split") => Value::text("a\r\nb"),
            (Var::Headers, "x-real-ip") => Value::text("192.0.2.7"),
            (Var::Query, "page") => Value::text("12"),
            (Var::IdentityClaims, "tenant") => Value::text("t1"),
            (Var::Body, "flag") => self.flag.clone(),
            (Var::Body, "age") => Value::Int(42),
            (Var::Body, "price") => Value::Float(9.5),
            (Var::Body, "a.b[0].c") => Value::text("deep"),
            (Var::Body, "user") => Value::Object,
            (Var::Body, "tags") => Value::List(vec![Value::text("red"), Value::Int(7), Value::Null]),
            _ => Value::Null,
        }
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(&tag)
    }

    fn has_tag_with(&self, prefix: &str) -> bool {
        self.tags.iter().any(|tag| tag.starts_with(prefix))
    }

    fn in_list(&self, list: ListId, value: &Value<'_>) -> bool {
        match value {
            Value::Ip(ip) => list == ListId(0) && *ip == self.ip,
            Value::Str(text) => list == ListId(1) && text == "ada",
            _ => false,
        }
    }
}
