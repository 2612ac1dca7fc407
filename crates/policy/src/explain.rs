//! The effective policy of one site or route: every value, and where it comes from.
//!
//! Walks the table of keys beside the document, innermost layer first; what it shows is what was written, so a
//! secret's place is shown and never the secret.

use http::Method;
use portcullis_document::{Node, Place, SourceFile, Value, parse};
use serde_json::json;
use smol_str::SmolStr;

use crate::condition::Phase;
use crate::limit::Limit;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::site::{Route, Settings, Site};
use crate::table::{Absent, Key, Kind, Section};

/// The effective policy of a site, or of the route a request takes.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The site.
    pub site: SmolStr,
    /// The route, if the request takes one.
    pub route: Option<SmolStr>,
    /// Every value, in the table's order; rules in the order they run within a phase.
    pub lines: Vec<Line>,
}

/// One effective value.
#[derive(Clone, Debug)]
pub struct Line {
    /// The key, dotted: `body.hold`, `rules.tor`.
    pub key: String,
    /// The value, as it would be written on one line.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// For rules and limits, when they run.
    pub phase: Option<Phase>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is written for this very site or route.
    Here(Place),
    /// A route has it from its site.
    Site(Place),
    /// It is written for every site.
    Everywhere(Place),
    /// It is written nowhere.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |place: &Place| format!("{}:{}", place.file().name(), place.line());
        match self {
            Self::Here(place) => f.write_str(&at(place)),
            Self::Site(place) => write!(f, "{}, from the site", at(place)),
            Self::Everywhere(place) => write!(f, "{}, for every site", at(place)),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What holds on a site, or for a request to it by its route. `None` if the policy has no such site.
///
/// The path is taken as it is: decoded, without query.
pub fn explain(policy: &Policy, site: &str, request: Option<(&Method, &str)>) -> Option<Explanation> {
    let site = policy.sites.iter().find(|known| known.name == site)?;
    let route = request.and_then(|(method, path)| {
        site.route(method, &path.strip_prefix('/').unwrap_or(path).split('/')).map(|(_, route)| route)
    });
    let site_node = policy.document.get("sites")?.get(&site.name)?;
    let route_node = route.and_then(|route| written_route(site_node, route));
    let mut walk = Walk { lines: Vec::new() };
    let whole = [(route_node, true), (Some(site_node), route_node.is_none())];
    let own = Site::SECTION.keys.iter().filter(|key| key.name != "routes");
    own.for_each(|key| walk.key(key, "", &[(Some(site_node), route_node.is_none())]));
    let settings = route.map_or(&site.settings, |route| &route.settings);
    for key in Settings::SECTION.keys {
        match key.name {
            "rules" => walk.rules(policy, settings, &whole),
            "limits" => walk.limits(settings, &whole),
            _ => walk.key(key, "", &whole),
        }
    }
    let route = route.map(|route| SmolStr::from(route.label()));
    Some(Explanation { site: site.name.clone(), route, lines: walk.lines })
}

fn written_route<'a>(site: &'a Node, route: &Route) -> Option<&'a Node> {
    let routes = site.get("routes")?;
    let routes = routes.items().unwrap_or(std::slice::from_ref(routes));
    routes.iter().find(|written| written.place == route.place)
}

/// A layer of the document, and whether it is the one that is explained (or the one that is inherited from).
type Layer<'a> = (Option<&'a Node>, bool);

struct Walk {
    lines: Vec<Line>,
}

impl Walk {
    fn key(&mut self, key: &Key, prefix: &str, layers: &[Layer<'_>]) {
        let name = format!("{prefix}{}", key.name);
        let under: Vec<Layer<'_>> =
            layers.iter().map(|(node, own)| (node.and_then(|node| node.get(key.name)), *own)).collect();
        let written = under.iter().find_map(|(node, own)| node.map(|node| (node, *own)));
        let as_section = section_of(&key.kind).filter(|_| match written {
            Some((node, _)) => node.entries().is_some(),
            None => key.absent == Absent::Value("{}"),
        });
        if let Some(section) = as_section {
            section.keys.iter().for_each(|key| self.key(key, &format!("{name}."), &under));
            return;
        }
        let (value, origin) = match (written, key.absent) {
            (Some((node, own)), _) => (flow(node), origin(&node.place, own)),
            (None, Absent::Value(text)) => (one_line_default(text), Origin::Default),
            (None, _) => ("–".to_owned(), Origin::Default),
        };
        self.lines.push(Line { key: name, value, origin, phase: None });
    }

    fn rules(&mut self, policy: &Policy, settings: &Settings, layers: &[Layer<'_>]) {
        for rule in policy.rules.iter() {
            self.lines.push(rule_line(rule, Origin::Everywhere(rule.place.clone())));
        }
        let own = is_own("rules", layers);
        let lines = settings.rules.iter().map(|rule| rule_line(rule, origin(&rule.place, own)));
        self.lines.extend(lines);
        if settings.rules.is_empty() && policy.rules.is_empty() {
            self.none("rules", layers);
        }
    }

    fn limits(&mut self, settings: &Settings, layers: &[Layer<'_>]) {
        let own = is_own("limits", layers);
        let line = |limit: &Limit| Line {
            key: format!("limits.{}", limit.name),
            value: summary(&limit.place, "name"),
            origin: origin(&limit.place, own),
            phase: Some(limit.phase),
        };
        self.lines.extend(settings.limits.iter().map(line));
        if settings.limits.is_empty() {
            self.none("limits", layers);
        }
    }

    /// An empty list, which may have been written to take the site's away.
    fn none(&mut self, key: &str, layers: &[Layer<'_>]) {
        let written = layers.iter().find_map(|(node, own)| Some((node.as_ref()?.get(key)?, *own)));
        let origin = written.map_or(Origin::Default, |(node, own)| origin(&node.place, own));
        self.lines.push(Line { key: key.to_owned(), value: "none".to_owned(), origin, phase: None });
    }
}

fn rule_line(rule: &Rule, origin: Origin) -> Line {
    let (key, value) = (format!("rules.{}", rule.name), summary(&rule.place, "name"));
    Line { key, value, origin, phase: Some(rule.phase) }
}

fn is_own(key: &str, layers: &[Layer<'_>]) -> bool {
    layers
        .iter()
        .find(|(node, _)| node.is_some_and(|node| node.get(key).is_some()))
        .is_none_or(|(_, own)| *own)
}

fn origin(place: &Place, own: bool) -> Origin {
    if own { Origin::Here(place.clone()) } else { Origin::Site(place.clone()) }
}

fn section_of(kind: &Kind) -> Option<&'static Section> {
    match kind {
        Kind::Section(section) => Some(section),
        Kind::Optional(kind) => section_of(kind),
        _ => None,
    }
}

/// What is written at a map's place, without one of its keys.
fn summary(place: &Place, without: &str) -> String {
    let indent = " ".repeat(place.column().saturating_sub(1));
    let file = SourceFile::new("", format!("{indent}{}", place.text()));
    match parse(&file).map(|node| node.value) {
        Ok(Value::Map(entries)) => {
            let rest = entries.iter().filter(|entry| entry.key.text != without);
            rest.map(|entry| format!("{}: {}", entry.key.text, flow(&entry.value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => place.text().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn one_line_default(text: &'static str) -> String {
    parse(&SourceFile::new("", text)).map_or_else(|_| text.to_owned(), |node| flow(&node))
}

/// A node on one line.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => node.place.text().to_owned(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| format!("{}: {}", entry.key.text, flow(&entry.value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

impl Explanation {
    /// For people: one line a value.
    pub fn to_text(&self) -> String {
        let width =
            |column: fn(&Line) -> usize, most| self.lines.iter().map(column).filter(|w| *w <= most).max();
        let key = width(|line| line.key.chars().count(), 40).unwrap_or(0);
        let value = width(|line| line.value.chars().count(), 60).unwrap_or(0);
        let mut out = match &self.route {
            Some(route) => format!("site {}, route {route}\n\n", self.site),
            None => format!("site {}\n\n", self.site),
        };
        for line in &self.lines {
            let phase =
                line.phase.map(|phase| format!("; runs on the {}", phase.as_str())).unwrap_or_default();
            let text = format!("{:key$}  {:value$}  {}{phase}", line.key, line.value, line.origin);
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }

    /// For programs.
    pub fn to_json(&self) -> serde_json::Value {
        let lines: Vec<serde_json::Value> = self.lines.iter().map(Line::to_json).collect();
        json!({ "site": self.site, "route": self.route, "values": lines })
    }
}

impl Line {
    fn to_json(&self) -> serde_json::Value {
        let (from, place) = match &self.origin {
            Origin::Here(place) => ("here", Some(place)),
            Origin::Site(place) => ("site", Some(place)),
            Origin::Everywhere(place) => ("everywhere", Some(place)),
            Origin::Default => ("default", None),
        };
        json!({
            "key": self.key,
            "value": self.value,
            "from": from,
            "file": place.map(|place| place.file().name()),
            "line": place.map(Place::line),
            "phase": self.phase.map(Phase::as_str),
        })
    }
}

/// When one rule or limit runs.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// For every site, a site, or a route of it: `every site`, `shop`, `shop GET /health`.
    pub scope: String,
    /// `rule` or `limit`.
    pub what: &'static str,
    /// Its name.
    pub name: SmolStr,
    /// When it runs.
    pub phase: Phase,
    /// Where it is written.
    pub place: Place,
}

/// Every rule and limit with the phase it runs in, as written; what a route only inherits is not repeated.
pub fn schedule(policy: &Policy) -> Vec<Scheduled> {
    let mut out: Vec<Scheduled> =
        policy.rules.iter().map(|rule| scheduled_rule("every site", rule)).collect();
    for site in &policy.sites {
        let routes =
            site.routes.iter().map(|route| (format!("{} {}", site.name, route.label()), &route.settings));
        for (scope, settings) in std::iter::once((site.name.to_string(), &site.settings)).chain(routes) {
            let new = |place: &Place, out: &[Scheduled]| !out.iter().any(|known| known.place == *place);
            for rule in settings.rules.iter().filter(|rule| new(&rule.place, &out)).collect::<Vec<_>>() {
                out.push(scheduled_rule(&scope, rule));
            }
            for limit in settings.limits.iter().filter(|limit| new(&limit.place, &out)).collect::<Vec<_>>() {
                let (name, place) = (limit.name.clone(), limit.place.clone());
                out.push(Scheduled { scope: scope.clone(), what: "limit", name, phase: limit.phase, place });
            }
        }
    }
    out
}

fn scheduled_rule(scope: &str, rule: &Rule) -> Scheduled {
    let (name, place) = (rule.name.clone(), rule.place.clone());
    Scheduled { scope: scope.to_owned(), what: "rule", name, phase: rule.phase, place }
}
