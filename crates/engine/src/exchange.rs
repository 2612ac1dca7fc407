//! One exchange under way: everything known of it, and what was decided so far.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_model::counter::{Answers, StoreFailure};
use portcullis_model::event::{CallerRecord, End, PeerRecord, RequestRecord, UpstreamRecord};
use portcullis_model::observation::Observation;
use portcullis_model::{Ban, BanView, CallerKey, Event, EventId, ResponseHead, Tick};

use crate::arrival::{Arrival, HeldBody};
use crate::deliver::{Deliver, HeldStep, ResponseMode, ResponseStep};
use crate::finished::{EndFacts, Finished, ProgressFacts};
use crate::forward::{Forward, RequestFailure, UpstreamFailure};
use crate::header_edits::HeaderEdits;
use crate::refusal::{self, Connection, Refusal};
use crate::sending::Sending;
use crate::snapshot::Snapshot;
use crate::step::{Refuse, Step};

pub(crate) struct Exchange {
    snapshot: Arc<Snapshot>,
    arrival: Arrival,
    edits: HeaderEdits,
    response: Option<ResponseHead>,
}

impl Exchange {
    pub(crate) fn begin(snapshot: Arc<Snapshot>, arrival: Arrival, _bans: &dyn BanView) -> Step {
        let edits = HeaderEdits::default();
        let exchange = Box::new(Self { snapshot, arrival, edits, response: None });
        Step::Forward(Forward { exchange })
    }

    pub(crate) fn counted(
        self: Box<Self>,
        _answers: Result<Answers, StoreFailure>,
        _bans: &dyn BanView,
        _now: Tick,
    ) -> Step {
        Step::Forward(Forward { exchange: self })
    }

    pub(crate) fn body_held(self: Box<Self>, _body: &HeldBody, _now: Tick) -> Step {
        Step::Forward(Forward { exchange: self })
    }

    pub(crate) fn answered(
        mut self: Box<Self>,
        head: ResponseHead,
        _record: UpstreamRecord,
        _now: Tick,
    ) -> ResponseStep {
        self.response = Some(head);
        ResponseStep::Deliver(Deliver { exchange: self, mode: ResponseMode::Pass })
    }

    pub(crate) fn response_held(self: Box<Self>, _body: &HeldBody, _now: Tick) -> HeldStep {
        HeldStep::Deliver(Sending::new(self))
    }

    pub(crate) fn upstream_failed(
        self: Box<Self>,
        failure: &UpstreamFailure,
        _record: UpstreamRecord,
        _now: Tick,
    ) -> Refuse {
        self.refuse(failure.status())
    }

    pub(crate) fn request_failed(
        self: Box<Self>,
        failure: &RequestFailure,
        _record: UpstreamRecord,
        _now: Tick,
    ) -> Refuse {
        self.refuse(failure.status())
    }

    fn refuse(self: Box<Self>, status: u16) -> Refuse {
        let answer = Refusal {
            status,
            title: refusal::title(status),
            headers: smallvec::SmallVec::new(),
            body: None,
            page: None,
            id: self.arrival.id,
            connection: Connection::Keep,
        };
        Refuse { exchange: self, answer }
    }
}

impl Exchange {
    pub(crate) fn id(&self) -> EventId {
        self.arrival.id
    }

    pub(crate) fn bans(&self) -> &[Ban] {
        &[]
    }

    pub(crate) fn site_name(&self) -> Option<&str> {
        self.snapshot.site_name()
    }

    pub(crate) fn site_index(&self) -> Option<usize> {
        None
    }

    pub(crate) fn target(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.arrival.head.target)
    }

    pub(crate) fn host(&self) -> &str {
        self.arrival.head.headers.text("host").unwrap_or_default()
    }

    pub(crate) fn client_ip(&self) -> IpAddr {
        self.arrival.peer.address.ip()
    }

    pub(crate) fn request_head(&self) -> &portcullis_model::RequestHead {
        &self.arrival.head
    }

    pub(crate) fn edits(&self) -> &HeaderEdits {
        &self.edits
    }

    pub(crate) fn reads_response_body(&self) -> bool {
        false
    }

    pub(crate) fn response_head(&self) -> Option<&ResponseHead> {
        self.response.as_ref()
    }

    pub(crate) fn tee(&mut self, _bytes: &[u8]) {}
}

impl Exchange {
    pub(crate) fn finish(self: Box<Self>, end: EndFacts) -> Finished {
        let summary = portcullis_model::event::Summary {
            time: self.arrival.now.wall,
            site: "-".into(),
            operation: "-".into(),
            standing: None,
            action: portcullis_model::Action::Pass,
            would_have: portcullis_model::Action::Pass,
            decided_by: None,
            status: end.status,
            duration: end.now.tick.since(self.arrival.now.tick),
            request_bytes: end.request_bytes,
            response_bytes: end.response_bytes,
            caller: CallerKey::address(self.client_ip()),
        };
        Finished { exchange: self, summary }
    }

    pub(crate) fn event(&self) -> Event {
        let peer = self.arrival.peer.address;
        Event {
            version: portcullis_model::event::FORMAT,
            id: self.arrival.id,
            progress: None,
            time: self.arrival.now.wall,
            duration_us: 0,
            direction: portcullis_model::Direction::Ingress,
            peer: PeerRecord {
                ip: peer.ip(),
                port: peer.port(),
                listener: self.arrival.peer.listener.clone(),
                tls: self.arrival.peer.tls.clone(),
            },
            caller: CallerRecord { key: CallerKey::address(peer.ip()), ip: peer.ip(), identity: None },
            site: None,
            route: None,
            operation: None,
            request: RequestRecord {
                method: self.arrival.head.method.as_str().into(),
                scheme: self.arrival.head.scheme,
                host: self.host().into(),
                path: self.target().into_owned(),
                query: None,
                version: self.arrival.head.version,
                headers: Vec::new(),
                user_agent: None,
                content_type: None,
                body_bytes: 0,
            },
            response: None,
            upstream: None,
            tags: Vec::new(),
            verdict: (&portcullis_model::Verdict::default()).into(),
            reasons: Vec::new(),
            skipped: Vec::new(),
            not_inspected: Vec::new(),
            phases: Vec::new(),
            end: End::Complete,
        }
    }

    pub(crate) fn progress(&mut self, _facts: ProgressFacts) -> Event {
        self.event()
    }

    pub(crate) fn observation(&self) -> Option<Observation> {
        None
    }
}
