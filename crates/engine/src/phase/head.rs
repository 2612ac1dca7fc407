//! From bytes to who asks what of whom: normal form, site and route, client, bans, identity.

use portcullis_model::{Action, BanView, CallerKey, Reason, Stage};
use portcullis_policy::Mode;
use portcullis_wire::{Defect, EncodedSlash, normalise};
use smol_str::SmolStr;

use crate::arrival::BodyHint;
use crate::identity::{self, Ask, Presented};
use crate::snapshot::Snapshot;
use crate::state::{Answer, Place, State};

use super::login;

/// Refuses a message whose framing or target is ambiguous; no mode relaxes this.
pub(crate) fn refuse_defects(state: &mut State, defects: &[Defect]) {
    for defect in defects {
        let reason = Reason::new(defect.stage(), SmolStr::new_static(defect.code()), Action::Block);
        let reason = reason.detail(SmolStr::new_static(defect.describe()));
        state.decide_always(reason, Answer::status(defect.status()).closing());
    }
}

/// Finds site and route. A tunnel is refused: a site is no proxy. A host no site names is refused, and so is one whose site differs from the one the TLS
/// handshake was for (RFC 9110 §7.4).
pub(crate) fn locate(snapshot: &Snapshot, state: &mut State) {
    if state.head.method == http::Method::CONNECT {
        let reason = Reason::new(Stage::Locate, SmolStr::new_static("locate.connect"), Action::Block);
        state.decide_always(reason, Answer::status(405).closing());
        return;
    }
    let Some(index) = snapshot.hosts.find(&state.normal.host) else {
        refuse_place(state, "locate.unknown_host");
        return;
    };
    let Some(site) = snapshot.site(index) else { return };
    if site.encoded_slash != EncodedSlash::Keep {
        state.normal = normalise(&state.head, site.encoded_slash);
    }
    let route = site
        .routes
        .iter()
        .position(|route| route.pattern.matches(&state.head.method, &state.normal.segments()));
    state.place = Some(Place { site: index, route });
    state.edits.add_removed(&snapshot.scope(state.place).reserved);
    if let Some(names) = snapshot.client_ip.reserved(state.peer.address.ip()) {
        state.edits.add_removed(names);
    }
    let asked = state.peer.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
    let other = asked.filter(|name| *name != state.normal.host).and_then(|name| snapshot.hosts.find(name));
    if other.is_some_and(|other| other != index) {
        refuse_place(state, "locate.misdirected");
    }
}

fn refuse_place(state: &mut State, code: &'static str) {
    let reason = Reason::new(Stage::Locate, SmolStr::new_static(code), Action::Block);
    state.decide_always(reason, Answer::status(421));
}

/// Tries the credentials the request shows; one that was taken back is one that fails.
/// What only the host can tell of one is asked first; then it is all done again.
pub(crate) fn authenticate(snapshot: &Snapshot, state: &mut State, bans: &dyn BanView) -> Option<Ask> {
    let providers = &snapshot.scope(state.place).providers;
    if providers.is_empty() {
        return None;
    }
    let presented = Presented {
        head: &state.head,
        has_body: state.hint != BodyHint::None,
        query: state.normal.query(),
        peer: &state.peer,
        proofs: &*state.proofs,
        replies: &state.replies,
        site: state.site_name(snapshot),
    };
    let now = state.began.wall;
    let mut outcome = identity::authenticate(providers, &presented, snapshot.node(), now);
    if outcome.ask.is_some() {
        return outcome.ask;
    }
    let site = state.place.and_then(|place| snapshot.site(place.site)).map(|site| site.name.as_str());
    outcome.withdraw(|credential| bans.revocation(site, credential, now).is_some());
    if let Some(identity) = &outcome.identity {
        state.caller = CallerKey::Identity(portcullis_model::Identity {
            provider: identity.provider.clone(),
            subject: identity.subject.clone(),
        });
    }
    state.identity = outcome.identity;
    if let Some(failed) = &outcome.failed {
        let code = if failed.is_unchecked() { "authenticate.unchecked" } else { "authenticate.failed" };
        let reason = Reason::new(Stage::Authenticate, SmolStr::new_static(code), Action::Monitor);
        let reason = reason.by(failed.provider.clone()).detail(SmolStr::new_static(failed.why));
        state.decide(Mode::Block, reason, Answer::status(401));
    }
    state.failed = outcome.failed;
    state.others = outcome.others;
    state.signed = outcome.signed;
    state.strange_keys = outcome.strange_keys;
    state.without_key = identity::strip_keys(providers, &state.normal.target);
    tell_caller(snapshot, state);
    login::renew(snapshot, state);
    None
}

/// Tells the upstream who calls, where policy says so.
fn tell_caller(snapshot: &Snapshot, state: &mut State) {
    let Some(site) = state.place.and_then(|place| snapshot.site(place.site)) else { return };
    let (Some(statement), Some(identity)) = (&site.statement, &state.identity) else { return };
    if let Some(token) = statement.of(identity, &site.name, state.id, state.began.wall) {
        state.edits.add_set(&statement.header, &token);
    }
}
