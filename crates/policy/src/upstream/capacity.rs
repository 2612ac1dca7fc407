//! How many exchanges an upstream carries at once, and what becomes of those that come on top.

use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem};

use crate::decode::{Reading, section};

section! {
    /// How many exchanges go on at once, upgraded connections among them, and how long others wait.
    pub struct Capacity as "upstream's capacity" {
        /// At one server; over HTTP/1 as many connections to it. Without it, as many as come.
        server: Option<NonZero<u32>>,
        /// At all servers of the upstream together.
        total: Option<NonZero<u32>>,
        /// How many more wait for their turn, first come, first served; the others are refused at once, with 503 and
        /// `Retry-After`.
        queue: u32 = "0",
        /// How long one waits at most; then it is refused likewise.
        wait: Duration = "1s",
    }
    => settle_capacity
}

impl Capacity {
    /// Whether anything is bounded.
    pub fn bounds(&self) -> bool {
        self.server.is_some() || self.total.is_some()
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_capacity(capacity: Capacity, node: &Node, reading: &mut Reading) -> Option<Capacity> {
    if !capacity.bounds()
        && let Some(unused) = node.entry("queue").or_else(|| node.entry("wait"))
    {
        let message = format!("`{}` means nothing where nothing is bounded", unused.key.text);
        let problem = Problem::warning("policy.no_capacity", message).at(&unused.key.place);
        reading.problems.push(problem.remedy("add `server: 100`, or `total: 400`"));
    }
    if capacity.queue > 0 && capacity.wait.is_zero() {
        let place = node.get("wait").map_or(&node.place, |wait| &wait.place);
        let problem = Problem::error("policy.no_wait", "whoever waits would be refused at once").at(place);
        reading.problems.push(problem.remedy("e.g. `wait: 1s`"));
    }
    Some(capacity)
}
