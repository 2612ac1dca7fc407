//! Logging in: browsers sent to the issuer, those that come back, sessions that go on, and logging out.
//!
//! Invariants: only a browser's own navigation is sent to log in, and never who was taken back or may not do it; a login
//! ends in the browser it began in, on the site it began on, and goes on to a path of that site; what is told of one that
//! fails does not say why. A login under way is in its browser and its address alone, so any node can end it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_model::{Action, BanView, Proof, Reason, Scheme, Secret, Stage};
use portcullis_wire::fields::cookies;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::challenge::{is_navigation, is_own_path};
use crate::identity::{
    Ask, CodeCheck, CredentialCheck, CredentialReply, Login, Method, Outcome, Provider, STRANGE_KEY, open,
    seal,
};
use crate::node_key::NodeKeys;
use crate::refusal::Prove;
use crate::scope::{Require, Scope};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

/// Where the issuer sends browsers back to.
const CALLBACK: &str = "/.portcullis/callback";
/// Where sessions end.
const LOGOUT: &str = "/.portcullis/logout";
/// What the names of our cookies begin with, with TLS and in clear: sessions, then logins under way.
const SESSIONS: [&str; 2] = ["__Host-portcullis-session-", "portcullis-session-"];
const LOGINS: [&str; 2] = ["__Host-portcullis-login-", "portcullis-login-"];
/// Logins one browser may have under way.
const MOST_LOGINS: usize = 16;
/// The longest path and query kept through a login, in bytes; beyond, it goes on to `/`.
const LONGEST_BACK: usize = 1500;
/// Errors an issuer may tell of (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6); others are not repeated.
const ERRORS: [&str; 9] = [
    "access_denied",
    "login_required",
    "consent_required",
    "interaction_required",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "server_error",
    "temporarily_unavailable",
];

/// A login under way, as `state` carries it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Begun {
    #[serde(rename = "p")]
    provider: SmolStr,
    #[serde(rename = "b")]
    back: String,
    #[serde(rename = "t")]
    began: i64,
    #[serde(rename = "n")]
    number: String,
}

/// What a request under the gateway's own path is.
pub(crate) enum Received {
    /// Nothing of a login.
    Another,
    /// It has its answer.
    Answered,
    /// Somebody is back with a code.
    Asks(Ask),
}

/// The names of a provider's session cookies.
pub(crate) fn session_cookies(provider: &str) -> [SmolStr; 2] {
    SESSIONS.map(|start| format_smolstr!("{start}{provider}"))
}

/// Whether a cookie is a session or a login of ours, which no upstream sees.
pub(super) fn is_own_cookie(name: &[u8]) -> bool {
    [SESSIONS, LOGINS].iter().flatten().any(|start| name.starts_with(start.as_bytes()))
}

/// Sends a browser to log in, where that would prove who it is; none where something else has to be said.
pub(super) fn begin(snapshot: &Snapshot, scope: &Scope, state: &State) -> Option<(SmolStr, Answer)> {
    if state.head.method != http::Method::GET || !is_navigation(state) || was_withdrawn(state) {
        return None;
    }
    let counts = |name: &SmolStr| match &scope.require {
        Require::Callers(callers) => callers.providers.is_empty() || callers.providers.contains(name),
        Require::Nothing | Require::Contract => true,
    };
    let (provider, login) = logins(scope).find(|(provider, _)| counts(&provider.name))?;
    let Some(endpoints) = &login.endpoints else {
        let answer = failure(503, state.normal.target.as_str()).header("retry-after", "5".to_owned());
        return Some((provider.name.clone(), answer));
    };
    let (keys, number) = (snapshot.node(), state.id.as_u128());
    let target = state.normal.target.as_str();
    let back = if target.len() <= LONGEST_BACK && is_own_path(target) { target } else { "/" };
    let begun = Begun {
        provider: provider.name.clone(),
        back: back.to_owned(),
        began: state.began.wall.as_secs(),
        number: format!("{number:032x}"),
    };
    let sealed = seal(keys, [b"state", state.site_name(snapshot).as_bytes()], number, &begun)?;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, begun.only_ours(keys, b"verifier").as_bytes()));
    let mut scopes = vec!["openid"];
    scopes.extend(login.plan.scopes.iter().map(SmolStr::as_str).filter(|scope| *scope != "openid"));
    let query = [
        ("response_type", "code"),
        ("client_id", &login.plan.client_id),
        ("redirect_uri", &callback(state)),
        ("scope", &scopes.join(" ")),
        ("state", &sealed),
        ("nonce", &begun.only_ours(keys, b"nonce")),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let age = login.plan.within.as_secs();
    let mut answer = Answer::status(303)
        .header("location", with_query(&endpoints.authorise, &query))
        .header("set-cookie", cookie(state, &begun.cookie(state), &begun.only_ours(keys, b"browser"), age));
    // Logins that were never ended, beyond as many as anybody has.
    let shown = shown_logins(state);
    if shown.len() >= MOST_LOGINS {
        for name in shown {
            answer = answer.header("set-cookie", cookie(state, &name, "", 0));
        }
    }
    Some((provider.name.clone(), answer))
}

fn was_withdrawn(state: &State) -> bool {
    state.failed.as_ref().is_some_and(crate::identity::Failed::is_withdrawn)
}

fn logins(scope: &Scope) -> impl Iterator<Item = (&Arc<Provider>, &Login)> {
    scope.providers.iter().filter_map(|provider| match &provider.method {
        Method::Oidc(login) => Some((provider, &**login)),
        _ => None,
    })
}

/// Every provider of the site that people can log in with, whatever the route.
fn site_logins<'a>(
    snapshot: &'a Snapshot,
    state: &State,
) -> impl Iterator<Item = (&'a Arc<Provider>, &'a Login)> {
    let site = state.place.and_then(|place| snapshot.site(place.site));
    let scopes = site
        .into_iter()
        .flat_map(|site| std::iter::once(&site.scope).chain(site.routes.iter().map(|route| &route.scope)));
    scopes.flat_map(logins)
}

fn find<'a>(snapshot: &'a Snapshot, state: &State, name: &str) -> Option<(&'a Arc<Provider>, &'a Login)> {
    site_logins(snapshot, state).find(|(provider, _)| provider.name == name)
}

impl Begun {
    /// What only this deployment can make of the login: the browser's cookie, the nonce, the code verifier.
    fn only_ours(&self, keys: &NodeKeys, what: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(keys.login(&[what, self.number.as_bytes()]).as_bytes())
    }

    /// The name of the browser's cookie: each login has its own, so that several tabs can be under way.
    fn cookie(&self, state: &State) -> String {
        let [secure, clear] = LOGINS;
        let start = if is_secure(state) { secure } else { clear };
        format!("{start}{}", self.number.get(16..).unwrap_or_default())
    }
}

/// Somebody who is back from the issuer, or wants to leave.
pub(crate) fn receive(snapshot: &Snapshot, state: &mut State) -> Received {
    let path = state.normal.path();
    if ![CALLBACK, LOGOUT].contains(&path)
        || state.head.method != http::Method::GET
        || site_logins(snapshot, state).next().is_none()
    {
        return Received::Another;
    }
    if path == LOGOUT {
        log_out(snapshot, state);
        return Received::Answered;
    }
    match returned(snapshot, state) {
        Ok((begun, ask)) => {
            state.login = Some(Box::new(begun));
            Received::Asks(ask)
        }
        Err((code, detail, back)) => {
            fail(state, code, detail, 400, &back);
            Received::Answered
        }
    }
}

/// The code somebody comes back with, if the login began in this browser and went well.
fn returned(
    snapshot: &Snapshot,
    state: &State,
) -> Result<(Begun, Ask), (&'static str, Option<SmolStr>, String)> {
    let query = state.normal.query();
    let only = |name: &str| {
        let mut values = query.all(name);
        values.next().filter(|_| values.next().is_none()).map(Cow::into_owned)
    };
    let wrong = |code: &'static str| (code, None, "/".to_owned());
    let keys = snapshot.node();
    let sealed = only("state").ok_or_else(|| wrong("login.malformed"))?;
    let begun: Begun = open(keys, [b"state", state.site_name(snapshot).as_bytes()], &sealed)
        .ok_or_else(|| wrong("login.malformed"))?;
    let late = |code: &'static str| (code, None, begun.back.clone());
    let (provider, login) = find(snapshot, state, &begun.provider).ok_or_else(|| late("login.malformed"))?;
    let age = state.began.wall.as_secs() - begun.began;
    if age > i64::try_from(login.plan.within.as_secs()).unwrap_or(i64::MAX) {
        return Err(late("login.expired"));
    }
    let (name, value) = (begun.cookie(state), begun.only_ours(keys, b"browser"));
    // It is a keyed hash of a number nobody chooses: comparing it tells nothing of it.
    if !cookies(&state.head.headers).any(|(known, shown)| known == name && shown == value) {
        return Err(late("login.other_browser"));
    }
    if only("iss").is_some_and(|issuer| issuer != login.plan.issuer.as_str()) {
        return Err(late("login.other_issuer"));
    }
    if let Some(error) = only("error") {
        let known = ERRORS.iter().find(|known| **known == error);
        let detail = known.map(|known| SmolStr::new_static(known));
        return Err(("login.denied", detail, begun.back.clone()));
    }
    let code = only("code").filter(|code| !code.is_empty()).ok_or_else(|| late("login.malformed"))?;
    let endpoints = login.endpoints.as_ref().ok_or_else(|| late("login.no_issuer"))?;
    let check = CodeCheck {
        plan: Arc::clone(&login.plan),
        endpoint: endpoints.token.clone(),
        secret: login.secret.clone(),
        code: Secret::new(code),
        verifier: Secret::new(begun.only_ours(keys, b"verifier")),
        back_to: callback(state),
    };
    let ask = Ask { provider: provider.name.clone(), check: CredentialCheck::Code(Arc::new(check)) };
    Ok((begun, ask))
}

/// The issuer was asked about a code: the browser goes on with a session, or is told that it came to nothing.
pub(crate) fn complete(
    snapshot: &Snapshot,
    state: &mut State,
    begun: &Begun,
    reply: &CredentialReply,
    bans: &dyn BanView,
) {
    match logged_in(snapshot, state, begun, reply, bans) {
        Ok(answer) => {
            let reason =
                Reason::new(Stage::Authenticate, SmolStr::new_static("login.done"), Action::Redirect);
            state.decide_always(reason.by(begun.provider.clone()), answer);
        }
        Err((code, detail, status)) => {
            fail(state, code, detail.map(SmolStr::new_static), status, &begun.back);
        }
    }
}

type Came = (&'static str, Option<&'static str>, u16);

fn logged_in(
    snapshot: &Snapshot,
    state: &mut State,
    begun: &Begun,
    reply: &CredentialReply,
    bans: &dyn BanView,
) -> Result<Answer, Came> {
    let token = match reply {
        CredentialReply::Active(answer) => answer.get("id_token").and_then(Value::as_str),
        CredentialReply::Unavailable => return Err(("login.unavailable", None, 503)),
        CredentialReply::Holds | CredentialReply::Fails => return Err(("login.code_refused", None, 400)),
    };
    let token = token.ok_or(("login.bad_token", Some("there is no ID token"), 502))?;
    let (provider, login) = find(snapshot, state, &begun.provider).ok_or(("login.malformed", None, 400))?;
    let (keys, now) = (snapshot.node(), state.began.wall);
    let nonce = begun.only_ours(keys, b"nonce");
    let identity = login.verify(&provider.name, token, &nonce, now).map_err(|why| {
        if why == STRANGE_KEY {
            state.strange_keys.push(provider.name.clone());
        }
        ("login.bad_token", Some(why), 502)
    })?;
    let (site, id) = (state.site_name(snapshot), state.id);
    let session = login.session(&identity, SmolStr::new(id.to_string()), now);
    let sealed = session.seal(&provider.name, site, keys, id.as_u128()).ok_or((
        "login.session_too_large",
        None,
        500,
    ))?;
    let mut outcome = Outcome { identity: Some(Arc::new(identity)), ..Outcome::default() };
    outcome.withdraw(|credential| bans.revocation(Some(site), credential, now).is_some());
    state.identity = Some(outcome.identity.ok_or(("login.revoked", None, 403))?);
    let (_, name) = login.cookie(state.peer.tls.is_some());
    Ok(Answer::status(303)
        .header("location", begun.back.clone())
        .header("set-cookie", cookie(state, name, &sealed, login.plan.session.lifetime.as_secs()))
        .header("set-cookie", cookie(state, &begun.cookie(state), "", 0)))
}

/// Makes the cookie of a session that is used anew, a few times in `idle`.
pub(super) fn renew(snapshot: &Snapshot, state: &mut State) {
    let Some(identity) = state.identity.as_ref().filter(|identity| identity.proof == Proof::Oidc) else {
        return;
    };
    let site = state.site_name(snapshot);
    let (keys, now) = (snapshot.node(), state.began.wall);
    let renewed = find(snapshot, state, &identity.provider).and_then(|(provider, login)| {
        let (_, name) = login.cookie(state.peer.tls.is_some());
        let shown = cookies(&state.head.headers).find(|(known, _)| *known == name.as_str())?.1;
        let session = login.open(&provider.name, site, &shown, (keys, now)).ok()??;
        let session = session.renew(login.plan.session.idle, now)?;
        let sealed = session.seal(&provider.name, site, keys, state.id.as_u128())?;
        Some(cookie(state, name, &sealed, login.plan.session.lifetime.as_secs()))
    });
    state.renewed = renewed;
}

/// Ends the session here, and at the issuer where it says how. Another site cannot have somebody log out (Fetch Metadata).
fn log_out(snapshot: &Snapshot, state: &mut State) {
    if state.head.headers.get("sec-fetch-site").is_some_and(|from| from == b"cross-site") {
        return fail(state, "login.foreign_logout", None, 403, "/");
    }
    let mut ended: Vec<SmolStr> = Vec::new();
    let mut end = None;
    for (_, login) in site_logins(snapshot, state) {
        let (_, name) = login.cookie(state.peer.tls.is_some());
        if cookies(&state.head.headers).any(|(known, _)| known == name.as_str()) && !ended.contains(name) {
            ended.push(name.clone());
            end = end.or_else(|| {
                let url = login.endpoints.as_ref()?.end.as_ref()?;
                Some(with_query(url, &[("client_id", &login.plan.client_id)]))
            });
        }
    }
    let answer = match end {
        Some(url) => Answer::status(303).header("location", url),
        None => Answer { body: Some(Arc::from("You are logged out here.\n")), ..Answer::status(200) },
    };
    let answer =
        ended.iter().fold(answer, |answer, name| answer.header("set-cookie", cookie(state, name, "", 0)));
    let reason = Reason::new(Stage::Authenticate, SmolStr::new_static("login.out"), Action::Redirect);
    state.decide_always(reason, answer);
}

fn fail(state: &mut State, code: &'static str, detail: Option<SmolStr>, status: u16, back: &str) {
    let reason = Reason::new(Stage::Authenticate, SmolStr::new_static(code), Action::Block);
    let reason = match detail {
        Some(detail) => reason.detail(detail),
        None => reason,
    };
    state.decide_always(reason, failure(status, back));
}

/// What people are told of a login that came to nothing.
fn failure(status: u16, back: &str) -> Answer {
    let back = if is_own_path(back) { back } else { "/" };
    Answer { prove: Some(Prove::Login(back.to_owned())), ..Answer::status(status) }
}

fn shown_logins(state: &State) -> Vec<String> {
    let ours = |name: &str| LOGINS.iter().any(|start| name.starts_with(start));
    cookies(&state.head.headers)
        .map(|(name, _)| name.to_string())
        .filter(|name| ours(name))
        .take(64)
        .collect()
}

fn is_secure(state: &State) -> bool {
    state.head.scheme == Scheme::Https
}

/// A cookie of ours; without a value one that is no more.
fn cookie(state: &State, name: &str, value: &str, age: u64) -> String {
    let secure = if is_secure(state) { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}

/// Where the issuer sends the browser back to: the host it asked, which is one of the site's.
fn callback(state: &State) -> String {
    let scheme = if is_secure(state) { "https" } else { "http" };
    let port = state.normal.port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{}{port}{CALLBACK}", state.normal.host)
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = url.to_owned();
    let mut separator = if url.contains('?') { '&' } else { '?' };
    for (name, value) in pairs {
        out.push(separator);
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                out.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        separator = '&';
    }
    out
}
