//! Bans: who is refused by one, and which ones policy sets.
//!
//! Invariants: in monitor mode none is set; a ban by tags holds for tags that are known before the body is read, and of a
//! cookie only a keyed hash is kept. It does not know how long bans are remembered, nor which are forgiven.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use portcullis_model::{Action, Ban, BanKey, BanView, CallerKey, Reason, Stage};
use portcullis_policy::{BanBy, BanOrder, Mode};
use portcullis_wire::fields::cookies;
use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};

use crate::facts::View;
use crate::node_key::NodeKeys;
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};
use crate::tags;

/// How many values of one namespace are banned at once.
const MOST_TAGS: usize = 4;

/// Refuses a banned caller, by its address or, once proved, its identity.
pub(crate) fn check(snapshot: &Snapshot, state: &mut State, bans: &dyn BanView) {
    if let Some(ban) = bans.find(site(snapshot, state), &state.caller, state.client, state.began.wall) {
        refuse(snapshot, state, &ban);
    }
}

/// Refuses by the tags known so far.
pub(crate) fn check_tags(snapshot: &Snapshot, state: &mut State, bans: &dyn BanView) {
    let Some(prefixes) = bans.tag_prefixes() else { return };
    let (name, now) = (site(snapshot, state), state.began.wall);
    let mut held: Option<Arc<Ban>> = None;
    for prefix in prefixes.iter() {
        each_with(&View { snapshot, state }, prefix, &mut |value| {
            held = held.take().or_else(|| bans.tagged(name, &format_smolstr!("{prefix}{value}"), now));
        });
    }
    if let Some(ban) = held {
        refuse(snapshot, state, &ban);
    }
}

fn refuse(snapshot: &Snapshot, state: &mut State, ban: &Ban) {
    let reason = Reason::new(Stage::Bans, SmolStr::new_static("bans.in_force"), Action::Ban);
    let reason = reason.by(ban.by.clone()).detail(ban.reason.clone());
    state.decide(snapshot.scope(state.place).mode, reason, Answer::status(403).closing());
}

fn site<'a>(snapshot: &'a Snapshot, state: &State) -> Option<&'a str> {
    state.place.and_then(|place| snapshot.site(place.site)).map(|site| site.name.as_str())
}

/// Plans a ban for the host to store; in monitor mode none is.
pub(crate) fn set(snapshot: &Snapshot, scope: &Scope, state: &mut State, by: &SmolStr, order: &BanOrder) {
    if scope.mode == Mode::Monitor {
        return;
    }
    let site = site(snapshot, state).map(SmolStr::from);
    let since = state.began.wall;
    let (until, grows_to) = (since.plus(order.duration), order.up_to.map(|longest| since.plus(longest)));
    let reason = SmolStr::new_static("set by policy");
    for key in keys(&View { snapshot, state }, &order.by) {
        let (site, reason, by, event) = (site.clone(), reason.clone(), by.clone(), Some(state.id));
        state.bans.push(Ban { key, site, since, until, grows_to, event, reason, by });
    }
}

/// Whom it refuses; nobody where the exchange does not tell.
fn keys(view: &View<'_>, by: &BanBy) -> SmallVec<[BanKey; 1]> {
    let state = view.state;
    let own = match by {
        BanBy::Caller => Some(BanKey::Caller(state.caller.clone())),
        BanBy::Ip => Some(BanKey::Caller(CallerKey::address(state.client))),
        BanBy::Network { v4, v6 } => network(state.client, *v4, *v6).map(BanKey::Network),
        BanBy::Identity => {
            matches!(state.caller, CallerKey::Identity(_)).then(|| BanKey::Caller(state.caller.clone()))
        }
        BanBy::Credential => return tagged(view, "credential:"),
        BanBy::Cookie(name) => return tagged(view, &format!("session:{name}/")),
        BanBy::Tag(namespace) => return tagged(view, &format!("{namespace}:")),
    };
    own.into_iter().collect()
}

fn tagged(view: &View<'_>, prefix: &str) -> SmallVec<[BanKey; 1]> {
    let mut keys = SmallVec::new();
    each_with(view, prefix, &mut |value| {
        let key = BanKey::parse(&format!("{prefix}{value}"));
        keys.extend(key.filter(|key| matches!(key, BanKey::Tag(_)) && keys.len() < MOST_TAGS));
    });
    keys
}

/// Whoever sends that value of a cookie, as a ban: under the node secret, so that the value itself is kept nowhere. `None`
/// where a ban cannot name such a cookie.
pub fn session_key(secret: &[u8], cookie: &str, value: &str) -> Option<BanKey> {
    let hash = NodeKeys::derive(secret).session(cookie, value);
    BanKey::parse(&format!("session:{cookie}/{hash:016x}")).filter(|key| matches!(key, BanKey::Tag(_)))
}

/// What follows `prefix` in every tag that begins so, and in what is banned as tags are.
fn each_with(view: &View<'_>, prefix: &str, show: &mut dyn FnMut(&str)) {
    if prefix == "credential:" {
        let proved = view.state.identity.as_ref().and_then(|identity| identity.credential.as_deref());
        return proved.into_iter().for_each(show);
    }
    let Some(name) = prefix.strip_prefix("session:").and_then(|rest| rest.strip_suffix('/')) else {
        return tags::each_with(view, prefix, show);
    };
    for (_, value) in cookies(&view.state.head.headers).filter(|(known, _)| known == name) {
        show(&format!("{:016x}", view.snapshot.node().session(name, &value)));
    }
}

fn network(client: IpAddr, v4: u8, v6: u8) -> Option<IpNet> {
    let client = client.to_canonical();
    IpNet::new(client, if client.is_ipv4() { v4 } else { v6 }).ok().map(|net| net.trunc())
}
