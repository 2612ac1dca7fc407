//! Whether there is room for an exchange: looked at once, before its body is held or it is delayed or sent.
//!
//! Invariant: what was let in is not given up later, whatever it cost meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_engine::{Load, Shed, UpstreamFailure, Worth};
use portcullis_model::event::UpstreamRecord;

use super::course::{Course, Stage};
use crate::node::Node;
use crate::upstream::{Generation, Wanting};

/// When it is worth coming back.
const AGAIN: Duration = Duration::from_secs(1);
/// The same where memory is short.
const AGAIN_WITH_MEMORY: Duration = Duration::from_secs(5);

/// Refuses the exchange if there is too much to do.
pub(super) fn judge(course: &mut Course, generation: &Generation) {
    if course.seen.admitted {
        return;
    }
    let load = match course.stage() {
        Some(Stage::RequestBody(ask)) => ask.load(),
        Some(Stage::Delay(ask)) => ask.load(),
        Some(Stage::Forward(forward)) => forward.load(),
        _ => return,
    };
    let node = &course.connection.node;
    let refused = load.and_then(|load| room(node, &load).and_then(|()| gate(generation, &load)).err());
    course.seen.admitted = true;
    let Some(why) = refused else { return };
    let again = match why {
        Shed::Memory => AGAIN_WITH_MEMORY,
        Shed::Full | Shed::Caller => AGAIN,
    };
    if why == Shed::Memory {
        node.ports.metrics.shed_for_memory();
    }
    let now = node.ports.clock.tick();
    let refuse = match course.take() {
        Some(Stage::RequestBody(ask)) => ask.shed(why, again, now),
        Some(Stage::Delay(ask)) => ask.shed(why, again, now),
        Some(Stage::Forward(forward)) => {
            forward.failed(&UpstreamFailure::Shed { why, again }, UpstreamRecord::default(), now)
        }
        _ => return,
    };
    course.enter(refuse);
}

/// Whether there is memory for it.
fn room(node: &Node, load: &Load<'_>) -> Result<(), Shed> {
    let Some(most) = node.limits.load().memory else { return Ok(()) };
    let used = node.memory.load(Ordering::Relaxed);
    let allowed = if load.worth == Worth::Known { most.saturating_add(most / 10) } else { most };
    if used > allowed { Err(Shed::Memory) } else { Ok(()) }
}

/// Whether its upstream bears it.
fn gate(generation: &Generation, load: &Load<'_>) -> Result<(), Shed> {
    let Some(set) = generation.set(load.site, load.destination) else { return Ok(()) };
    let Some(gate) = set.gate() else { return Ok(()) };
    gate.admits(Wanting { worth: load.worth, caller: gate.caller(load.caller), path: load.path })
}
