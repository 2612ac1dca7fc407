//! Which of a site's upstreams a request goes to.
//!
//! Invariant: a path is taken for the same upstream by everyone on its way. Where one that decodes slashes once
//! more, merges them or drops path parameters would take it for another's, it is refused, whatever the mode.

use std::borrow::Cow;

use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::folded;
use portcullis_wire::Normal;
use smol_str::SmolStr;

use crate::snapshot::Snapshot;
use crate::state::{Answer, State};
use crate::upstreams::{Upstreams, Way};

/// Finds the upstream, or refuses a path that has none, or that could have two.
pub(crate) fn choose(snapshot: &Snapshot, state: &mut State) {
    let Some(site) = state.place.and_then(|place| snapshot.site(place.site)) else { return };
    if site.upstreams.is_single() {
        return;
    }
    let way = site.upstreams.way(&state.normal.segments());
    if is_ambiguous(&site.upstreams, way, &state.normal) {
        return refuse(state, "locate.ambiguous_path", 400);
    }
    match way {
        Way::Own => {}
        Way::Prefix(place) => state.prefix = Some(place),
        Way::Nowhere => refuse(state, "locate.no_upstream", 404),
    }
}

fn refuse(state: &mut State, code: &'static str, status: u16) {
    let reason = Reason::new(Stage::Locate, SmolStr::new_static(code), Action::Block);
    state.decide_always(reason, Answer::status(status));
}

/// Whether a lenient reading of the path leads elsewhere, or what is left of it would begin with two slashes, which
/// some read as a host.
fn is_ambiguous(upstreams: &Upstreams, way: Way, normal: &Normal) -> bool {
    let odd = |segment: &str| segment.is_empty() || segment.contains([';', '/', '\\', '%']);
    if !normal.segments().any(odd) {
        return false;
    }
    let decoded: Vec<Cow<'_, str>> = normal.segments().map(decoded_fully).collect();
    let lenient: Vec<&str> = folded(decoded.iter().map(|segment| &**segment)).collect();
    if upstreams.way(&lenient.iter().copied()) != way {
        return true;
    }
    let Way::Prefix(place) = way else { return false };
    upstreams.prefix(place).is_some_and(|prefix| {
        let mut rest = normal.segments().skip(prefix.below.depth());
        prefix.rewrite.is_some() && rest.next() == Some("") && rest.next().is_some()
    })
}

/// A decoded segment as a server reads it that decodes it up to three times more.
fn decoded_fully(segment: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(segment);
    for _ in 0..3 {
        match decoded_once(&text) {
            Some(decoded) => text = Cow::Owned(decoded),
            None => break,
        }
    }
    text
}

/// The text with its escapes undone, if it has any.
fn decoded_once(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let (mut rest, mut escapes) = (text.as_bytes(), 0);
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let escape = if *byte == b'%' { behind.split_at_checked(2) } else { None };
        let value = escape.and_then(|(digits, behind)| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, behind))
        });
        match value {
            Some((value, behind)) => {
                decoded.push(value);
                (rest, escapes) = (behind, escapes + 1);
            }
            None => decoded.push(*byte),
        }
    }
    (escapes > 0).then(|| String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded_fully;

    #[test]
    fn escapes_are_undone_as_often_as_a_server_might() {
        for (given, read) in [
            ("billing", "billing"),
            ("a%2Fb", "a/b"),
            ("%252562", "b"),
            ("%25252525252f", "%25252f"),
            ("%", "%"),
            ("%+1%2", "%+1%2"),
        ] {
            assert_eq!(decoded_fully(given), read, "{given}");
        }
    }
}
