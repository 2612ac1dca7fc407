//! The collector of a policy's `tracing`, with its secrets and authorities read.

use portcullis_document::{Problem, Sources};
use portcullis_events::traces::{Refusals, TracesConfig};
use portcullis_model::Secret;
use portcullis_policy::{Policy, TracedRefusals};

use crate::alerts;

/// Where spans go, if anywhere, or why that cannot be used.
pub(crate) fn collector(policy: &Policy, sources: &dyn Sources) -> Result<Option<TracesConfig>, Problem> {
    let Some(tracing) = &policy.tracing else { return Ok(None) };
    let otlp = &tracing.otlp;
    let authorization = otlp.authorization.as_ref().map(|secret| {
        let bytes = secret.read(sources)?;
        let text = String::from_utf8_lossy(bytes.reveal()).trim().to_owned();
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.is_empty() {
            return Ok(Secret::new(text));
        }
        let problem = Problem::error("policy.authorization", "what stands there cannot be sent in a header");
        Err(problem.at(secret.place()).remedy("one line of printable ASCII, e.g. `Bearer TOKEN`"))
    });
    Ok(Some(TracesConfig {
        url: alerts::url(&otlp.url, sources)?,
        authorization: authorization.transpose()?,
        trust: alerts::trust(otlp.ca.as_ref(), &otlp.place, sources)?,
        service: otlp.service.to_string(),
        refusals: match tracing.refusals {
            TracedRefusals::Always => Refusals::Always,
            TracedRefusals::Sampled => Refusals::Sampled,
        },
        queue: otlp.queue.get() as usize,
    }))
}
