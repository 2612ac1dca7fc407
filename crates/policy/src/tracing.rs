//! Traces: where spans of exchanges go, whose traces are gone on with, and which are looked at.

use std::num::NonZero;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::alerts::WebhookUrl;
use crate::decode::{Reading, section, words};
use crate::scalar::{FileRef, SecretSource, Share};

section! {
    /// Traces of exchanges, told to a collector by OTLP over HTTP (JSON), with W3C Trace Context on both sides.
    pub struct Tracing as "tracing" {
        /// The collector.
        otlp: Otlp,
        /// The share of traces that begin here and are looked at. One that goes on here is looked at if whoever asked does.
        sample: Share = "1%",
        /// Whether refused exchanges are told of.
        refusals: TracedRefusals = "always",
        /// Whose traces are gone on with. A trace of anybody else is only linked to: a client that says that it is looked at could
        /// fill the collector.
        parents: TraceParents = "trusted",
        /// Whether servers are told of the trace (`traceparent`, `tracestate`). What clients said of theirs never reaches them
        /// otherwise.
        propagate: bool = "true",
    }
}

section! {
    /// A collector of traces.
    pub struct Otlp as "collector" {
        /// Its URL for traces, path included, e.g. `http://collector.internal:4318/v1/traces`; or where it stands if it is
        /// a secret itself (`env:NAME`, `file:PATH`).
        url: WebhookUrl,
        /// What it wants in `Authorization`, e.g. `Bearer …`.
        authorization: Option<SecretSource>,
        /// The authorities believed, PEM; without it, the public ones.
        ca: Option<FileRef>,
        /// What this gateway is called among services (`service.name`).
        service: SmolStr = "portcullis",
        /// Exchanges that may wait to be told of; what does not fit is counted and dropped.
        queue: NonZero<u32> = "4096",
    }
    => settle_otlp
}

words! {
    /// Whether refused exchanges are told of.
    pub enum TracedRefusals {
        /// All of them.
        Always = "always",
        /// Those of traces that are looked at anyway.
        Sampled = "sampled",
    }
}

words! {
    /// Whose traces are gone on with.
    pub enum TraceParents {
        /// Those of proxies in `client_ip.trusted`.
        Trusted = "trusted",
        /// Everybody's.
        Everybody = "everybody",
        /// Nobody's: every trace begins here.
        Nobody = "nobody",
    }
}

fn settle_otlp(otlp: Otlp, node: &Node, reading: &mut Reading) -> Option<Otlp> {
    let WebhookUrl::Written(url) = &otlp.url else { return Some(otlp) };
    let mut refuse = |problem: Problem| reading.refuse(problem);
    if let Some(ca) = otlp.ca.as_ref().filter(|_| url.starts_with("http://")) {
        let problem = Problem::error("policy.unused_ca", "without TLS nobody asks `ca`").at(&ca.place);
        return refuse(problem.remedy("give a URL of `https://`, or leave `ca` out"));
    }
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    if path.is_none_or(|(_, path)| path.is_empty()) {
        let place = node.get("url").map_or(&node.place, |url| &url.place);
        let problem = Problem::error("policy.collector_path", "the collector's URL has no path").at(place);
        return refuse(
            problem.remedy(format!("collectors take traces at `{}/v1/traces`", url.trim_end_matches('/'))),
        );
    }
    Some(otlp)
}
