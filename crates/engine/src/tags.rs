//! Automatic tags: facts every exchange carries.
//!
//! They are worked out when asked for, by a rule or for the event, and not kept: most exchanges are never asked.
//! Invariant: a tag is listed exactly if it holds (tested over every namespace).

mod namespace;

use std::net::IpAddr;

use portcullis_contract::{Template, operation_id as declared_id};
use portcullis_model::caller::address_text;
use portcullis_model::{Cause, OperationId, Tag, Version};
use smol_str::{SmolStr, SmolStrBuilder};

use crate::agent::{Agent, Way, contradictions, domains};
use crate::facts::View;
use crate::names::Named;
use crate::state::Matched;
use namespace::Namespace;

/// Whether that automatic tag holds.
pub(crate) fn automatic_has(view: &View<'_>, tag: &str) -> bool {
    let Some((name, value)) = tag.split_once(':') else { return false };
    let Some(namespace) = Namespace::named(name) else { return false };
    if namespace == Namespace::List {
        return view
            .snapshot
            .lists
            .iter()
            .any(|list| list.name == value && list.has_address(view.state.client));
    }
    let mut held = false;
    each_value(view, namespace, &mut |text, _| held |= text.value() == value);
    held
}

/// Whether any automatic tag that begins so holds.
pub(crate) fn automatic_has_with(view: &View<'_>, prefix: &str) -> bool {
    let (wanted, value) = match prefix.split_once(':') {
        Some((namespace, value)) => (namespace, Some(value)),
        None => (prefix, None),
    };
    let mut held = false;
    for namespace in Namespace::ALL {
        let name = namespace.as_str();
        let fits = if value.is_some() { name == wanted } else { name.starts_with(wanted) };
        if fits {
            let begins = value.unwrap_or_default();
            each_value(view, namespace, &mut |text, _| held |= text.value().starts_with(begins));
        }
    }
    held
}

/// Shows what follows `prefix` (`namespace:`) in every tag that begins so, set by rules or automatic.
pub(crate) fn each_with(view: &View<'_>, prefix: &str, show: &mut dyn FnMut(&str)) {
    for tag in view.state.tags.iter() {
        if let Some(value) = tag.tag.strip_prefix(prefix) {
            show(value);
        }
    }
    if let Some(namespace) = prefix.strip_suffix(':').and_then(Namespace::named) {
        each_value(view, namespace, &mut |text, _| show(text.value()));
    }
}

/// Every automatic tag, each with its cause.
pub(crate) fn automatic(view: &View<'_>) -> Vec<Tag> {
    let mut tags = Vec::with_capacity(16);
    for namespace in Namespace::ALL {
        let declared = if namespace == Namespace::Op { declared_tag(view) } else { None };
        match declared {
            Some(tag) => tags.push(Tag { tag, cause: Cause::Contract }),
            None => each_value(view, namespace, &mut |text, cause| {
                let tag = match text {
                    Text::Whole(tag) => SmolStr::new_static(tag),
                    Text::Value(value) => joined(namespace.as_str(), value),
                };
                tags.push(Tag { tag, cause });
            }),
        }
    }
    tags
}

/// The tag of a declared operation, which was joined when policy was compiled.
fn declared_tag(view: &View<'_>) -> Option<SmolStr> {
    match &view.state.matched {
        Matched::Declared { index, .. } => view.site()?.operation_tags.get(*index).cloned(),
        Matched::Grouped { .. } | Matched::Nothing => None,
    }
}

/// `namespace:value`. Joined by hand: formatting costs several times as much, a dozen times an event.
pub(crate) fn joined(namespace: &str, value: &str) -> SmolStr {
    let mut tag = SmolStrBuilder::new();
    tag.push_str(namespace);
    tag.push(':');
    tag.push_str(value);
    tag.finish()
}

/// An automatic tag as it is shown.
#[derive(Clone, Copy)]
enum Text<'a> {
    /// All of it: of the few words most exchanges have one of, so that an event need not join and copy them.
    Whole(&'static str),
    /// What follows the namespace.
    Value(&'a str),
}

impl<'a> Text<'a> {
    fn value(self) -> &'a str {
        match self {
            Self::Whole(tag) => tag.split_once(':').map_or("", |(_, value)| value),
            Self::Value(value) => value,
        }
    }
}

/// Shows the values a namespace has.
fn each_value(view: &View<'_>, namespace: Namespace, show: &mut dyn FnMut(Text<'_>, Cause)) {
    let state = view.state;
    match namespace {
        Namespace::Method => return show(method(state.head.method.as_str()), Cause::Observed),
        Namespace::Net => return show(Text::Whole(network(state.client)), Cause::Observed),
        Namespace::Tls => {
            let tls = state.peer.tls.as_ref().map(|tls| tls.version.as_str());
            return show(tls.map_or(Text::Whole("tls:none"), Text::Value), Cause::Observed);
        }
        Namespace::Http => return show(http(state.head.version), Cause::Observed),
        Namespace::Caller => {
            let tag = if state.identity.is_some() { "caller:known" } else { "caller:unknown" };
            return show(Text::Whole(tag), Cause::Observed);
        }
        Namespace::Status | Namespace::StatusClass => return each_status(view, namespace, show),
        _ => {}
    }
    let show = &mut |text: &str, cause| show(Text::Value(text), cause);
    let mut observed = |text: &str| show(text, Cause::Observed);
    match namespace {
        Namespace::Site => view.site().into_iter().for_each(|site| observed(&site.name)),
        Namespace::Route => view.scope().route.iter().for_each(|route| observed(route)),
        Namespace::Host if !state.normal.host.is_empty() => observed(&state.normal.host),
        Namespace::Ip => observed(&address_text("", state.client)),
        Namespace::Country => view.located().country.iter().for_each(|country| observed(country)),
        Namespace::Asn => view.located().asn.iter().for_each(|asn| observed(asn)),
        Namespace::Op => {
            if let Some(name) = view.operation_name() {
                show(name, matched_by(view));
            }
        }
        Namespace::Api => {
            if let Some(standing) = state.standing() {
                show(standing.as_str(), Cause::Contract);
            }
        }
        Namespace::Contract => {
            if let Some(conformance) = state.conformance {
                show(conformance.as_str(), Cause::Contract);
            }
        }
        Namespace::Response => {
            if let Some(conformance) = state.answer_conformance {
                show(conformance.as_str(), Cause::Contract);
            }
        }
        Namespace::Ja4 => state.peer.tls.iter().filter_map(|tls| tls.ja4.as_deref()).for_each(&mut observed),
        Namespace::Client => agent(view).client().into_iter().for_each(&mut observed),
        Namespace::Bot => each_bot(view, &mut observed),
        Namespace::Crawler => each_crawler(view, show),
        Namespace::Challenge if state.proved => observed("passed"),
        Namespace::List => each_list(view, show),
        Namespace::Identity | Namespace::Auth => each_credential(view, namespace, show),
        _ => {}
    }
}

fn method(method: &str) -> Text<'_> {
    Text::Whole(match method {
        "GET" => "method:GET",
        "POST" => "method:POST",
        "PUT" => "method:PUT",
        "PATCH" => "method:PATCH",
        "DELETE" => "method:DELETE",
        "HEAD" => "method:HEAD",
        "OPTIONS" => "method:OPTIONS",
        other => return Text::Value(other),
    })
}

const fn http(version: Version) -> Text<'static> {
    Text::Whole(match version {
        Version::Http10 => "http:1.0",
        Version::Http11 => "http:1.1",
        Version::Http2 => "http:2",
    })
}

fn matched_by(view: &View<'_>) -> Cause {
    match view.state.matched {
        Matched::Declared { .. } => Cause::Contract,
        Matched::Grouped { .. } | Matched::Nothing => Cause::Observed,
    }
}

fn each_list(view: &View<'_>, show: &mut dyn FnMut(&str, Cause)) {
    for list in view.snapshot.lists.iter().filter(|list| list.has_address(view.state.client)) {
        show(&list.name, Cause::List(list.name.clone()));
    }
}

fn agent(view: &View<'_>) -> Agent {
    Agent::of(&view.state.head.headers)
}

fn each_bot(view: &View<'_>, observed: &mut dyn FnMut(&str)) {
    let state = view.state;
    match agent(view) {
        Agent::Crawler(_) | Agent::Bot => observed("declared"),
        Agent::Browser(engine) => {
            let way = match (state.client == state.peer.address.ip().to_canonical(), &state.peer.tls) {
                (false, _) => Way::Proxied,
                (true, Some(_)) => Way::Encrypted,
                (true, None) => Way::Clear,
            };
            contradictions(&state.head, engine, way, &mut |fact| observed(fact));
        }
        _ => {}
    }
}

/// The name a crawler gives itself, and whether it comes from where that one does: by the list of its name where there is
/// one, else by the names of its address.
fn each_crawler(view: &View<'_>, show: &mut dyn FnMut(&str, Cause)) {
    let Agent::Crawler(name) = agent(view) else { return };
    show(name, Cause::Observed);
    if let Some(list) = view.snapshot.lists.iter().find(|list| list.name == name) {
        return if list.has_address(view.state.client) {
            show("verified", Cause::List(list.name.clone()));
        } else {
            show("unverified", Cause::Observed);
        };
    }
    let domains = domains(name);
    let word = match view.snapshot.names.get().filter(|_| !domains.is_empty()) {
        Some(names) => match view.state.named.get_or_init(|| names.of(view.state.client)) {
            Named::Pending => "pending",
            named if named.is_below(domains) => "verified",
            _ => "unverified",
        },
        None => "unverified",
    };
    show(word, Cause::Observed);
}

fn each_credential(view: &View<'_>, namespace: Namespace, show: &mut dyn FnMut(&str, Cause)) {
    if let Some(identity) = view.state.identity.as_deref() {
        let text =
            if namespace == Namespace::Auth { identity.proof.as_str() } else { identity.provider.as_str() };
        show(text, Cause::Identity(identity.provider.clone()));
    }
    if let Some(failed) =
        view.state.failed.as_ref().filter(|failed| namespace == Namespace::Auth && !failed.is_unchecked())
    {
        show("failed", Cause::Identity(failed.provider.clone()));
    }
}

fn each_status(view: &View<'_>, namespace: Namespace, show: &mut dyn FnMut(Text<'_>, Cause)) {
    let answered = view.state.response.as_ref().map(|head| head.status);
    let sent = view.state.outcome.as_ref().map(|outcome| outcome.status).filter(|status| *status != 0);
    let Some(status) = sent.or(answered) else { return };
    if namespace == Namespace::StatusClass {
        return status_class(status).into_iter().for_each(|tag| show(Text::Whole(tag), Cause::Observed));
    }
    let digits = [100, 10, 1].map(|unit| b'0' + (status / unit % 10) as u8);
    show(Text::Value(str::from_utf8(&digits).unwrap_or_default()), Cause::Observed);
}

/// Servers may answer with any three digits.
const fn status_class(status: u16) -> Option<&'static str> {
    Some(match status / 100 {
        1 => "status-class:1xx",
        2 => "status-class:2xx",
        3 => "status-class:3xx",
        4 => "status-class:4xx",
        5 => "status-class:5xx",
        6 => "status-class:6xx",
        7 => "status-class:7xx",
        8 => "status-class:8xx",
        9 => "status-class:9xx",
        _ => return None,
    })
}

/// What kind of network an address belongs to, as a tag.
fn network(ip: IpAddr) -> &'static str {
    let (loopback, private, shared) = match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            (v4.is_loopback(), v4.is_private() || v4.is_link_local(), a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => (v6.is_loopback(), v6.is_unique_local() || v6.is_unicast_link_local(), false),
    };
    match (loopback, private, shared) {
        (true, ..) => "net:loopback",
        (_, true, _) => "net:private",
        (.., true) => "net:shared",
        _ => "net:public",
    }
}

/// The operation's stable id; of a group, what its template will have once it is declared or learned.
pub(crate) fn operation_id(view: &View<'_>) -> Option<OperationId> {
    let site = view.site()?;
    match &view.state.matched {
        Matched::Nothing => None,
        Matched::Declared { index, .. } => site.operation(*index).map(|operation| operation.id.clone()),
        Matched::Grouped { id: Some(id), .. } => Some(id.clone()),
        Matched::Grouped { name, .. } => {
            let (method, path) = name.split_once(' ')?;
            if let Ok((template, _)) = Template::parse(path) {
                return Some(declared_id(&site.name, method, &template));
            }
            // A path no template can spell still has an id of its own.
            let hash = blake3::hash(format!("{}\0{name}", site.name).as_bytes()).to_hex();
            Some(OperationId::new(SmolStr::new(hash.get(..16)?)))
        }
    }
}
