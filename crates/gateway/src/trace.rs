//! An exchange's part in a distributed trace: gone on with or begun, and passed on.
//!
//! Invariants: a trace of somebody who is not believed is linked to, never gone on with; whether a trace is looked at is decided
//! once, when the exchange begins, and told to servers as it was decided; what servers read of a trace is ours alone.

use portcullis_events::Share;
use portcullis_model::trace::{SpanId, TraceId, TraceRecord};
use portcullis_model::{EventId, Peer, RequestHead};
use portcullis_policy::{Policy, TraceParents, Tracing};
use portcullis_wire::trace_context::{self, TraceParent};

/// What is known of it from the beginning.
pub(crate) struct Trace {
    /// As the event has it.
    pub(crate) record: TraceRecord,
    /// What vendors passed along, to be passed on.
    pub(crate) state: String,
    /// Whether servers are told.
    propagates: bool,
}

impl Trace {
    /// The trace of an exchange that begins; none where policy wants none.
    pub(crate) fn begin(policy: &Policy, head: &RequestHead, peer: &Peer, id: EventId) -> Option<Self> {
        let tracing = policy.tracing.as_ref()?;
        let span = std::iter::repeat_with(|| fastrand::u64(..)).find_map(SpanId::new)?;
        let came = trace_context::parse(&head.headers);
        Some(match came {
            Some(parent) if is_believed(policy, tracing, peer) => Self::go_on(tracing, parent, span),
            came => Self::start(tracing, came.as_ref(), id, span)?,
        })
    }

    fn go_on(tracing: &Tracing, from: TraceParent, span: SpanId) -> Self {
        let TraceParent { trace, span: parent, sampled, state } = from;
        let record = TraceRecord { id: trace, span, parent: Some(parent), sampled, claimed: None };
        Self { record, state, propagates: tracing.propagate }
    }

    /// One that begins here has the id of the exchange, whose last 80 bits are random (W3C asks for 56).
    fn start(tracing: &Tracing, claimed: Option<&TraceParent>, id: EventId, span: SpanId) -> Option<Self> {
        let sampled = Share::fraction(tracing.sample.get()).takes(id);
        let claimed = claimed.map(|parent| (parent.trace, parent.span));
        let record = TraceRecord { id: TraceId::new(id.as_u128())?, span, parent: None, sampled, claimed };
        Some(Self { record, state: String::new(), propagates: tracing.propagate })
    }

    /// What servers are told in `traceparent` and, if there is any, `tracestate`.
    pub(crate) fn told(&self) -> Option<(String, &str)> {
        let TraceRecord { id, sampled, .. } = self.record;
        let parent = || format!("00-{id}-{}-0{}", self.record.asking(), u8::from(sampled));
        self.propagates.then(|| (parent(), self.state.as_str()))
    }
}

fn is_believed(policy: &Policy, tracing: &Tracing, peer: &Peer) -> bool {
    match tracing.parents {
        TraceParents::Everybody => true,
        TraceParents::Nobody => false,
        TraceParents::Trusted => {
            let ip = peer.address.ip().to_canonical();
            policy.client_ip.trusted.iter().any(|net| net.contains(&ip))
        }
    }
}
