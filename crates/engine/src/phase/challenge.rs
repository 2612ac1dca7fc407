//! Callers that have to prove themselves: who is asked and how, the solutions sent back, and who did before.
//!
//! Invariants: only a browser's own navigation gets the page; whatever else is challenged gets an answer a program can
//! act on; what is under the reserved path never reaches an upstream.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_model::{Action, Reason, Scheme, Stage};
use portcullis_wire::fields::preferred;
use portcullis_wire::urlencoded::{decode, pairs};
use smol_str::SmolStr;

use crate::arrival::{BodyHint, Held, HeldBody, HoldBounds};
use crate::challenge::{self, Bearer, Fault, Met, Terms};
use crate::refusal::{ChallengePage, Prove};
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

/// The first segment of paths that are the gateway's own.
const RESERVED: &str = ".portcullis";
/// Where solutions are sent.
const SOLVE_AT: &str = "/.portcullis/challenge";
/// A puzzle, a number, and a path with its query.
const FORM: HoldBounds = HoldBounds { limit: 16 << 10, deadline: Duration::from_secs(10) };
/// The longest path and query that a browser is sent back to.
const LONGEST_BACK: usize = 8 << 10;

/// The names of our cookie, with TLS and in clear.
const COOKIES: [&str; 2] = ["__Host-portcullis", "portcullis"];

/// The value of a `Cookie` field without our pass and sessions, which are none of the upstream's business; nothing where that was all.
pub fn without_pass(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    let ours = |cookie: &[u8]| {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        COOKIES.iter().any(|ours| ours.as_bytes() == name) || super::login::is_own_cookie(name)
    };
    if !field.split(|byte| *byte == b';').any(ours) {
        return Some(Cow::Borrowed(field));
    }
    let kept: Vec<&[u8]> =
        field.split(|byte| *byte == b';').filter(|cookie| !ours(cookie)).map(<[u8]>::trim_ascii).collect();
    let left = kept.join(&b"; "[..]);
    (!left.is_empty()).then_some(Cow::Owned(left))
}

/// Takes up the pass a browser shows.
pub(crate) fn recognise(snapshot: &Snapshot, state: &mut State) {
    let name = cookie_name(state);
    let shown = state.head.headers.all("cookie").flat_map(|field| field.split(|byte| *byte == b';'));
    let passes =
        shown.filter_map(|cookie| cookie.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let Some((bearer, _)) = bearer(snapshot, state) else { return };
    let now = state.began.wall;
    let proved = passes
        .filter_map(|pass| str::from_utf8(pass).ok())
        .any(|pass| challenge::is_pass(snapshot.node(), &bearer, now, pass));
    state.proved = proved;
}

/// Challenges a caller for this reason, unless it proved itself before; `otherwise` is what a program gets.
pub(crate) fn ask(snapshot: &Snapshot, scope: &Scope, state: &mut State, reason: Reason, otherwise: Answer) {
    if state.proved {
        let passed = Reason::new(Stage::Challenge, SmolStr::new_static("challenge.passed"), Action::Pass);
        state.note(Reason { by: reason.by, ..passed });
        return;
    }
    let page = (state.head.method == http::Method::GET && is_navigation(state))
        .then(|| page(snapshot, state, state.normal.target.as_str().to_owned()))
        .flatten();
    let answer = match page {
        Some(page) => Answer { prove: Some(Prove::Page(page)), ..Answer::status(403) },
        None => Answer { prove: Some(Prove::Elsewhere), ..otherwise },
    };
    state.decide(scope.mode, reason, answer);
}

/// Whether the gateway answers this itself.
pub(crate) fn is_reserved(state: &State) -> bool {
    state.normal.segments().next() == Some(RESERVED)
}

/// What is needed to answer it; none where there is nothing to be had.
pub(crate) fn receive(state: &mut State) -> Option<HoldBounds> {
    if state.normal.path() == SOLVE_AT
        && state.head.method == http::Method::POST
        && state.hint != BodyHint::None
    {
        state.solving = true;
        return Some(FORM);
    }
    let reason = Reason::new(Stage::Challenge, SmolStr::new_static("challenge.nothing_here"), Action::Block);
    state.decide_always(reason, Answer::status(404));
    None
}

/// Judges what was sent as a solution: the browser goes on with a pass, or is asked again.
pub(crate) fn solve(snapshot: &Snapshot, state: &mut State, held: &HeldBody) {
    let Some((bearer, terms)) = bearer(snapshot, state) else { return };
    let sent = Sent::read(held);
    let keys = snapshot.node();
    let now = state.began.wall;
    let met = match held.outcome {
        Held::Complete => challenge::check(keys, &bearer, &terms, now, (&sent.puzzle, &sent.solution)),
        _ => Err(Fault::Malformed),
    };
    match met {
        Ok(met) => {
            let pass = challenge::grant(keys, &bearer, now.plus(terms.lasts));
            go_on(state, met, &terms, &pass, sent.back.into_owned());
        }
        Err(fault) => ask_again(snapshot, state, fault, &sent),
    }
}

/// Back to what was asked for first, with a pass.
fn go_on(state: &mut State, met: Met, terms: &Terms, pass: &str, back: String) {
    let (code, detail) = match met {
        Met::Solved => ("challenge.solved", "the browser solved its puzzle"),
        Met::Waited => ("challenge.waited", "the browser ran no script and waited"),
    };
    let (name, age) = (cookie_name(state), terms.lasts.as_secs());
    let secure = if state.head.scheme == Scheme::Https { "; Secure" } else { "" };
    let cookie = format!("{name}={pass}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    let answer = Answer::status(303).header("location", back).header("set-cookie", cookie);
    state.proved = true;
    let reason = Reason::new(Stage::Challenge, SmolStr::new_static(code), Action::Redirect);
    state.decide_always(reason.detail(detail), answer);
}

fn ask_again(snapshot: &Snapshot, state: &mut State, fault: Fault, sent: &Sent<'_>) {
    let page = is_navigation(state).then(|| page(snapshot, state, sent.back.to_string())).flatten();
    let page = page.map(|page| match fault {
        // The same puzzle: who waits does not begin again.
        Fault::Early(left) => {
            Box::new(ChallengePage { puzzle: sent.puzzle.to_string(), wait: left.as_secs().max(1), ..*page })
        }
        _ => page,
    });
    let prove = page.map_or(Prove::Elsewhere, Prove::Page);
    let reason = Reason::new(Stage::Challenge, SmolStr::new_static(fault.code()), Action::Challenge);
    state.decide_always(reason, Answer { prove: Some(prove), ..Answer::status(403) });
}

/// A page with a new puzzle.
fn page(snapshot: &Snapshot, state: &State, back: String) -> Option<Box<ChallengePage>> {
    let (bearer, terms) = bearer(snapshot, state)?;
    let (keys, salt) = (snapshot.node(), state.id.as_u128());
    Some(Box::new(ChallengePage {
        puzzle: challenge::pose(keys, &bearer, terms.difficulty, state.began.wall, salt),
        difficulty: terms.difficulty,
        back,
        wait: terms.wait.as_secs(),
        nonce: challenge::page_nonce(keys, salt),
        solve_at: SOLVE_AT,
    }))
}

fn bearer<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<(Bearer<'a>, Terms)> {
    let site = snapshot.site(state.place?.site)?;
    let agent = state.head.headers.get("user-agent").unwrap_or_default();
    Some((Bearer { site: &site.name, address: state.client, agent }, site.challenge))
}

/// Over TLS a cookie that no other host and no page in clear can set (RFC 6265bis §4.1.3).
fn cookie_name(state: &State) -> &'static str {
    let [secure, clear] = COOKIES;
    match state.head.scheme {
        Scheme::Https => secure,
        Scheme::Http => clear,
    }
}

/// Whether a person sees the answer: it would rather be a page than JSON, and no script asks for it (Fetch Metadata).
pub(super) fn is_navigation(state: &State) -> bool {
    let headers = &state.head.headers;
    let is = |name: &str, value: &[u8]| headers.get(name).is_none_or(|sent| sent == value);
    let offers = ["application/problem+json", "application/json", "text/html"];
    headers.get("x-requested-with").is_none()
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
        && preferred(headers, &offers) == Some(2)
}

/// The form the page sends.
struct Sent<'a> {
    puzzle: Cow<'a, str>,
    solution: Cow<'a, str>,
    /// Where the browser goes on; always a path of this site.
    back: Cow<'a, str>,
}

impl<'a> Sent<'a> {
    fn read(held: &'a HeldBody) -> Self {
        let field = |name: &[u8]| {
            let pair = pairs(&held.bytes, b'&').find(|pair| pair.name == name);
            pair.map(|pair| text(decode(pair.value))).unwrap_or_default()
        };
        let back = field(b"back");
        let back = if is_own_path(&back) { back } else { Cow::Borrowed("/") };
        Self { puzzle: field(b"puzzle"), solution: field(b"solution"), back }
    }
}

pub(super) fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// No other site, whatever a browser makes of slashes (`//host`, `/\host`), and nothing that could end a header field.
pub(super) fn is_own_path(back: &str) -> bool {
    let mut bytes = back.bytes();
    back.len() <= LONGEST_BACK
        && bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && back.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_back_to_this_site_alone() {
        for own in ["/", "/orders?id=1&x=%20", "/a//b"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "orders", "/a\r\nx: y", "/ä"]
        {
            assert!(!is_own_path(other), "{other:?}");
        }
    }
}
