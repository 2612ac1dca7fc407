//! Undeclared fields cut out of a JSON body.
//!
//! Invariants: what is left is JSON with all that was declared, in the bytes that were sent; the spans to cut do not
//! overlap.

use std::ops::Range;

use portcullis_wire::body::Value as Sent;

use super::MOST_FAULTS;
use super::fields::{Declared, push_name};

/// What is to be cut out of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Where, for people: `body.items[2].secret`; at most [`MOST_FAULTS`].
    pub places: Vec<String>,
    /// The bytes.
    pub spans: Vec<Range<usize>>,
}

pub(super) fn cuts(declared: &Declared<'_>, root: Sent<'_>, bytes: &[u8]) -> Cuts {
    let mut cuts = Cuts::default();
    declared.walk(root, &mut "body".to_owned(), &mut |place, object, undeclared| {
        let room = MOST_FAULTS.saturating_sub(cuts.places.len());
        cuts.places.extend(undeclared.iter().take(room).map(|field| {
            let mut place = place.to_owned();
            push_name(&mut place, field.name().unwrap_or_default());
            place
        }));
        cut(object, undeclared, bytes, &mut cuts.spans);
    });
    cuts
}

/// Members go with the comma before them; those in front of the first that stays, with the comma behind them.
fn cut(object: Sent<'_>, undeclared: &[Sent<'_>], bytes: &[u8], spans: &mut Vec<Range<usize>>) {
    let whole = object.span();
    let mut undeclared = undeclared.iter().map(Sent::span).peekable();
    let mut before = whole.start + 1;
    let mut stays = false;
    for child in object.children() {
        let span = child.span();
        let goes = undeclared.next_if(|one| *one == span).is_some();
        match (goes, stays) {
            (true, true) => spans.push(before..span.end),
            (false, false) => {
                stays = true;
                if before > whole.start + 1 {
                    spans.push(whole.start + 1..behind_comma(bytes, before));
                }
            }
            _ => {}
        }
        before = span.end;
    }
    if !stays {
        spans.push(whole.start + 1..whole.end.saturating_sub(1));
    }
}

fn behind_comma(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b',').map_or(from, |comma| from + comma + 1)
}
