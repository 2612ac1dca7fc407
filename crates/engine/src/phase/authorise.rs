//! Whether this caller may call this operation: unknown APIs, `allow`, `require`.

use portcullis_contract::{Requirement, Security};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::{Skippable, Stance};
use smol_str::SmolStr;

use crate::facts::View;
use crate::identity::{Identity, Method};
use crate::scope::{Require, Scope};
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Matched, State};

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
        match needed(site, scope, state) {
            Needed::Nothing => {}
            Needed::Caller => judge_unknown_caller(scope, state),
            Needed::More(code) => {
                let reason = Reason::new(Stage::Authorise, SmolStr::new_static(code), Action::Block);
                state.decide(scope.mode, reason, Answer::status(403));
            }
        }
    }
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

fn judge_unknown_caller(scope: &Scope, state: &mut State) {
    let action = match scope.unknown_callers {
        Stance::Pass => return,
        Stance::Monitor => Action::Monitor,
        Stance::Block => Action::Block,
    };
    let reason = Reason::new(Stage::Authorise, SmolStr::new_static("authorise.unknown_caller"), action);
    let reason = match &state.failed {
        Some(failed) => reason.by(failed.provider.clone()).detail(failed.why),
        None => reason,
    };
    state.decide(scope.mode, reason, challenge(scope, state));
}

/// 401 names a way to authenticate (RFC 9110 §11.6.1); where none can be named in a header field, 403.
fn challenge(scope: &Scope, state: &State) -> Answer {
    let bearer = scope.providers.iter().any(|provider| matches!(provider.method, Method::Jwt(_)));
    let api_key = scope.providers.iter().any(|provider| matches!(provider.method, Method::ApiKey { .. }));
    let value = match (bearer, api_key, state.failed.is_some()) {
        (true, _, true) => "Bearer error=\"invalid_token\"",
        (true, _, false) => "Bearer",
        (false, true, _) => "ApiKey",
        (false, false, _) => return Answer::status(403),
    };
    Answer::status(401).header("www-authenticate", value.to_owned())
}

/// What an exchange still lacks.
enum Needed {
    Nothing,
    /// Any caller that is known.
    Caller,
    /// The caller is known, and is not one of those.
    More(&'static str),
}

fn needed(site: &Site, scope: &Scope, state: &State) -> Needed {
    let proved = Proved { first: state.identity.as_deref(), others: &state.others };
    match &scope.require {
        Require::Nothing => Needed::Nothing,
        Require::Providers(names) if proved.any(|identity| names.contains(&identity.provider)) => {
            Needed::Nothing
        }
        Require::Providers(_) => proved.lacks(),
        Require::Contract => match declared_security(site, state) {
            Some(Security::Public) => Needed::Nothing,
            Some(Security::AnyOf(alternatives)) => needed_by_contract(site, alternatives, proved),
            // What the contract says nothing of takes anybody proved.
            Some(Security::Unstated) | None if proved.first.is_some() => Needed::Nothing,
            Some(Security::Unstated) | None => Needed::Caller,
        },
    }
}

/// Everyone the credentials of a request prove.
#[derive(Clone, Copy)]
struct Proved<'a> {
    first: Option<&'a Identity>,
    others: &'a [Identity],
}

impl Proved<'_> {
    fn any(&self, fits: impl Fn(&Identity) -> bool) -> bool {
        self.first.into_iter().chain(self.others).any(fits)
    }

    /// What is needed where none of them is enough.
    fn lacks(&self) -> Needed {
        match self.first {
            Some(_) => Needed::More("authorise.other_provider"),
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
    if proved.first.is_some() && alternatives.iter().any(|alternative| alternative.iter().all(known)) {
        return Needed::More("authorise.scope");
    }
    proved.lacks()
}

/// Scopes count where the token carries them, as scopes or as groups.
fn has_scopes(requirement: &Requirement, identity: &Identity) -> bool {
    requirement.scopes.iter().all(|scope| identity.scopes.contains(scope) || identity.groups.contains(scope))
}
