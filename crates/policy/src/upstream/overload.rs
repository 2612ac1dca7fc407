//! When an upstream has too much to do: how that is noticed, and what is refused then.

use std::num::NonZero;

use portcullis_document::{Node, Problem};

use super::health::CheckPath;
use crate::decode::{Reading, section};

section! {
    /// How many exchanges an upstream is given at once, found by how long it takes to answer: fewer when answers take
    /// longer than they usually do, more again when they do not. Those beyond are refused with 503 and `Retry-After`:
    /// first unknown callers of undeclared operations, then unknown callers, then known ones.
    pub struct Overload as "upstream's overload" {
        /// How many times as long as usual answers may take.
        tolerance: NonZero<u32> = "2",
        /// So many go on at once however long answers take.
        minimum: NonZero<u32> = "8",
        /// No more than so many go on at once however fast they are.
        maximum: NonZero<u32> = "1000",
        /// Paths that are asked to see whether the site is well. They are let through, but for `minimum` of them at once.
        spare: Vec<CheckPath> = "[/healthz, /livez, /readyz]",
    }
    => settle_overload
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_overload(overload: Overload, node: &Node, reading: &mut Reading) -> Option<Overload> {
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        let place = node.get(key).map_or(&node.place, |value| &value.place);
        reading.problems.push(Problem::error("policy.overload", message).at(place).remedy(remedy));
    };
    if overload.tolerance.get() < 2 {
        wrong("tolerance", "half of all answers take longer than usual", "at least `tolerance: 2`");
    }
    if overload.minimum > overload.maximum {
        wrong("minimum", "more than `maximum` would have to go on", "e.g. `minimum: 8`");
    }
    Some(overload)
}
