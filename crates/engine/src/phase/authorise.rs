//! Whether this caller may call this operation: unknown APIs, `allow`, `require`.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_contract::{Requirement, Security};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::{Skippable, Stance, UnknownCallers};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::facts::View;
use crate::identity::{Failed, Identity, Method, Provider};
use crate::scope::{Require, Requirement as Callers, Scope};
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Matched, State};

use super::{challenge, login};

/// Judges what the head alone can tell.
pub(crate) fn run(snapshot: &Snapshot, state: &mut State) {
    let Some(site) = state.place.and_then(|place| snapshot.site(place.site)) else { return };
    let scope = snapshot.scope(state.place);
    if state.is_undeclared() && !state.skips(Skippable::Contract) {
        judge_unknown_api(scope, state);
    }
    if state.skips(Skippable::Authorise) {
        return;
    }
    let allowed = scope.allow.as_ref().is_none_or(|allow| allow.holds(&View { snapshot, state }));
    if !allowed {
        let reason =
            Reason::new(Stage::Authorise, SmolStr::new_static("authorise.not_allowed"), Action::Block);
        state.decide(scope.mode, reason, Answer::status(403));
    }
    if !state.preflight {
        match needed(site, scope, &View { snapshot, state }) {
            Needed::Nothing => {}
            Needed::Caller => judge_unknown_caller(snapshot, scope, state),
            Needed::Another => forbid(scope, state, "authorise.other_provider"),
            Needed::Group => forbid(scope, state, "authorise.group"),
            Needed::Condition => forbid(scope, state, "authorise.condition"),
            Needed::Scopes(scopes) => {
                let code = SmolStr::new_static("authorise.scope");
                let reason = Reason::new(Stage::Authorise, code, Action::Block);
                state.decide(scope.mode, reason, insufficient(scope, state, &scopes));
            }
        }
    }
}

/// Who calls is known, and may not do this.
fn forbid(scope: &Scope, state: &mut State, code: &'static str) {
    let reason = Reason::new(Stage::Authorise, SmolStr::new_static(code), Action::Block);
    state.decide(scope.mode, reason, Answer::status(403));
}

fn judge_unknown_api(scope: &Scope, state: &mut State) {
    let action = match scope.unknown_apis {
        Stance::Pass => return,
        Stance::Monitor => Action::Monitor,
        Stance::Block => Action::Block,
    };
    let reason = Reason::new(Stage::Contract, SmolStr::new_static("contract.unknown_api"), action);
    state.decide(scope.mode, reason, Answer::status(404));
}

fn judge_unknown_caller(snapshot: &Snapshot, scope: &Scope, state: &mut State) {
    let action = match scope.unknown_callers {
        UnknownCallers::Pass => return,
        UnknownCallers::Monitor => Action::Monitor,
        UnknownCallers::Challenge => Action::Challenge,
        UnknownCallers::Block => Action::Block,
    };
    let reason = Reason::new(Stage::Authorise, SmolStr::new_static("authorise.unknown_caller"), action);
    let reason = match &state.failed {
        Some(failed) => reason.by(failed.provider.clone()).detail(failed.why),
        None => reason,
    };
    if action == Action::Block
        && let Some((provider, answer)) = login::begin(snapshot, scope, state)
    {
        let code = if answer.status == 303 { "login.begun" } else { "login.no_issuer" };
        let action = if answer.status == 303 { Action::Redirect } else { Action::Block };
        let reason = Reason::new(Stage::Authorise, SmolStr::new_static(code), action);
        return state.decide(scope.mode, reason.by(provider), answer);
    }
    let answer = credential_wanted(scope, state);
    if action == Action::Challenge {
        return challenge::ask(snapshot, scope, state, reason, answer);
    }
    state.decide(scope.mode, reason, answer);
}

/// 401 names every way to authenticate that a header field can carry (RFC 9110 §11.6.1), and says where the token that
/// was shown is at fault (RFC 6750 §3.1); where none can be named, 403. Whose credential nobody could look at is to come
/// again with the same.
fn credential_wanted(scope: &Scope, state: &State) -> Answer {
    if state.failed.as_ref().is_some_and(Failed::is_unchecked) {
        return Answer::status(503).header("retry-after", "1".to_owned());
    }
    let mut ways: SmallVec<[Cow<'_, str>; 2]> = SmallVec::new();
    if scope.providers.iter().any(|provider| is_bearer(provider)) {
        let failed = state.failed.as_ref();
        let refused = failed.is_some_and(|failed| {
            scope.providers.iter().any(|provider| provider.name == failed.provider && is_bearer(provider))
        });
        ways.push(Cow::Borrowed(if refused { "Bearer error=\"invalid_token\"" } else { "Bearer" }));
    }
    if scope.providers.iter().any(|provider| matches!(provider.method, Method::ApiKey { .. })) {
        ways.push(Cow::Borrowed("ApiKey"));
    }
    for provider in &scope.providers {
        if let Method::Basic(passwords) = &provider.method {
            let way = format!("Basic realm=\"{}\", charset=\"UTF-8\"", passwords.realm);
            if !ways.contains(&Cow::Borrowed(way.as_str())) {
                ways.push(Cow::Owned(way));
            }
        }
    }
    let signed = scope.providers.iter().find_map(|provider| match &provider.method {
        Method::Signature(signatures) => Some(signatures.wanted()),
        _ => None,
    });
    if signed.is_some() {
        ways.push(Cow::Borrowed("Signature"));
    }
    let sessions = scope.providers.iter().any(|provider| matches!(provider.method, Method::Oidc(_)));
    if sessions && !state.failed.as_ref().is_some_and(Failed::is_withdrawn) {
        ways.push(Cow::Borrowed("Session"));
    }
    if ways.is_empty() {
        return Answer::status(403);
    }
    let answer = Answer::status(401).header("www-authenticate", ways.join(", "));
    match signed {
        Some(wanted) => answer.header("accept-signature", wanted),
        None => answer,
    }
}

fn is_bearer(provider: &Provider) -> bool {
    matches!(provider.method, Method::Jwt(_) | Method::Introspection(_))
}

/// 403, and to who came with a token which scopes would do (RFC 6750 §3.1).
fn insufficient(scope: &Scope, state: &State, lacks: &[SmolStr]) -> Answer {
    let answer = Answer::status(403);
    let bearer = state.identity.as_deref().is_some_and(|identity| {
        scope.providers.iter().any(|provider| provider.name == identity.provider && is_bearer(provider))
    });
    if !bearer {
        return answer;
    }
    let error = "Bearer error=\"insufficient_scope\"";
    // A contract may call a scope what RFC 6749 §3.3 does not allow; that cannot be quoted.
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if lacks.is_empty() || !lacks.iter().all(|scope| scope.bytes().all(plain)) {
        return answer.header("www-authenticate", error.to_owned());
    }
    answer.header("www-authenticate", format!("{error}, scope=\"{}\"", lacks.join(" ")))
}

/// What an exchange still lacks.
enum Needed {
    Nothing,
    /// Any caller that is known.
    Caller,
    /// The caller is known, and is not one of those.
    Another,
    /// The caller is one of those, and in none of the groups.
    Group,
    /// The caller has all that is asked for, and the condition does not hold.
    Condition,
    /// The caller is one of those, and may not do this: all these scopes would be needed.
    Scopes(Vec<SmolStr>),
}

fn needed(site: &Site, scope: &Scope, view: &View<'_>) -> Needed {
    let state = view.state;
    let proved = Proved { first: state.identity.as_deref(), others: &state.others };
    match &scope.require {
        Require::Nothing => Needed::Nothing,
        Require::Callers(callers) => needed_of_callers(callers, proved, view),
        Require::Contract => match declared_security(site, state) {
            Some(Security::Public) => Needed::Nothing,
            Some(Security::AnyOf(alternatives)) => needed_by_contract(site, alternatives, proved),
            // What the contract says nothing of takes anybody proved.
            Some(Security::Unstated) | None if proved.first.is_some() => Needed::Nothing,
            Some(Security::Unstated) | None => Needed::Caller,
        },
    }
}

/// One identity must meet all of it; what is told is the first that none of them meets.
fn needed_of_callers(callers: &Callers, proved: Proved<'_>, view: &View<'_>) -> Needed {
    let counts =
        |identity: &Identity| callers.providers.is_empty() || callers.providers.contains(&identity.provider);
    let in_group = |identity: &Identity| {
        callers.groups.is_empty() || callers.groups.iter().any(|group| identity.groups.contains(group))
    };
    let may = |identity: &Identity| callers.scopes.iter().all(|scope| identity.scopes.contains(scope));
    if !proved.any(counts) {
        return proved.lacks();
    }
    if !proved.any(|identity| counts(identity) && in_group(identity)) {
        return Needed::Group;
    }
    if !proved.any(|identity| counts(identity) && in_group(identity) && may(identity)) {
        return Needed::Scopes(callers.scopes.clone());
    }
    if callers.when.as_ref().is_none_or(|when| when.holds(view)) {
        Needed::Nothing
    } else {
        Needed::Condition
    }
}

/// Everyone the credentials of a request prove.
#[derive(Clone, Copy)]
struct Proved<'a> {
    first: Option<&'a Identity>,
    others: &'a [Arc<Identity>],
}

impl Proved<'_> {
    fn any(&self, fits: impl Fn(&Identity) -> bool) -> bool {
        self.first.into_iter().chain(self.others.iter().map(Arc::as_ref)).any(fits)
    }

    /// What is needed where none of them is enough.
    fn lacks(&self) -> Needed {
        match self.first {
            Some(_) => Needed::Another,
            None => Needed::Caller,
        }
    }
}

fn declared_security<'a>(site: &'a Site, state: &State) -> Option<&'a Security> {
    match &state.matched {
        Matched::Declared { index, .. } => site.operation(*index).map(|operation| &operation.security),
        _ => None,
    }
}

/// One alternative must be met, and of that every scheme, each by any credential (OpenAPI's security requirements).
fn needed_by_contract(site: &Site, alternatives: &[Vec<Requirement>], proved: Proved<'_>) -> Needed {
    let met =
        |one: &Requirement| proved.any(|identity| site.proves(one, identity) && has_scopes(one, identity));
    if alternatives.iter().any(|alternative| alternative.iter().all(met)) {
        return Needed::Nothing;
    }
    let known = |one: &Requirement| proved.any(|identity| site.proves(one, identity));
    match alternatives.iter().find(|alternative| alternative.iter().all(known)) {
        Some(alternative) if proved.first.is_some() => {
            Needed::Scopes(alternative.iter().flat_map(|one| one.scopes.iter().cloned()).collect())
        }
        _ => proved.lacks(),
    }
}

/// Scopes count where the token carries them, as scopes or as groups.
fn has_scopes(requirement: &Requirement, identity: &Identity) -> bool {
    requirement.scopes.iter().all(|scope| identity.scopes.contains(scope) || identity.groups.contains(scope))
}
