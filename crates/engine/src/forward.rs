//! The request is admitted: what goes to the upstream, and what comes of it.
//!
//! Invariant: what was judged is what is forwarded; [`Forward::target`] is the normal form that was matched, and
//! what the upstream reads differs from it in a rewritten prefix only.
//! Deliberately absent: which server, hop-by-hop fields, `Via` and `X-Forwarded-*`, which are the host's.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::event::UpstreamRecord;
use portcullis_model::{EventId, RequestHead, ResponseHead, Tick};
use portcullis_wire::Defect;
use smol_str::SmolStr;

use crate::deliver::ResponseStep;
use crate::exchange::Exchange;
use crate::facts::View;
use crate::finished::{EndFacts, Finished, ProgressFacts};
use crate::header_edits::HeaderEdits;
use crate::load::{Load, Shed};
use crate::phase::limits::balancing;
use crate::step::Refuse;
use crate::upstreams::Prefix;

/// An admitted request.
#[must_use]
pub struct Forward {
    pub(crate) exchange: Box<Exchange>,
}

/// One of a site's upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The one that takes all paths no other does.
    Own,
    /// The one at that place among those by path.
    ByPath(usize),
}

/// Why no response came from the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// There is no server, or its name does not resolve.
    NoServer,
    /// As many exchanges go on as may, and no more may wait.
    Busy {
        /// When it is worth coming back.
        again: Duration,
    },
    /// It waited for its turn for as long as it may.
    Waited {
        /// When it is worth coming back.
        again: Duration,
    },
    /// It was given up, so that others are answered.
    Shed {
        /// Why it.
        why: Shed,
        /// When it is worth coming back.
        again: Duration,
    },
    /// Every server is left alone, and policy lets none be asked all the same.
    AllDown,
    /// The connection was refused or unreachable.
    Refused,
    /// The connection took too long.
    ConnectTimeout,
    /// The TLS handshake failed.
    Tls,
    /// The response's head took too long.
    HeadTimeout,
    /// The exchange took longer than it may in all.
    TotalTimeout,
    /// The connection ended before a response.
    Reset,
    /// What it answered is not HTTP as strictly read.
    Garbage(Defect),
}

/// Why a request's body could not be streamed on to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// Its framing is defective.
    Broken(Defect),
    /// It stalled for longer than the client may.
    Stalled,
    /// It ended before the length it announced.
    Short,
}

impl Forward {
    /// The exchange's id.
    pub fn id(&self) -> EventId {
        self.exchange.state.id
    }

    /// What it would be to its upstream.
    pub fn load(&self) -> Option<Load<'_>> {
        self.exchange.load()
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        self.exchange.site().map_or("", |site| site.name.as_str())
    }

    /// The site's place in the policy's list of sites.
    pub fn site_index(&self) -> usize {
        self.exchange.state.place.map_or(0, |place| place.site)
    }

    /// Which of the site's upstreams it goes to.
    pub fn destination(&self) -> Destination {
        self.prefix().map_or(Destination::Own, |prefix| Destination::ByPath(prefix.upstream))
    }

    /// A keyed hash of what policy balances its exchanges by; none where it is no key, or a part of it is missing.
    pub fn balance_key(&self) -> Option<u64> {
        let Exchange { snapshot, state } = &*self.exchange;
        let parts = self.exchange.site()?.upstreams.key(state.prefix)?;
        balancing(&View { snapshot, state }, parts)
    }

    /// The name of that upstream; absent for the site's own.
    pub fn upstream(&self) -> Option<&SmolStr> {
        self.prefix().map(|prefix| &prefix.name)
    }

    /// The normal form of path and query that was judged; an API key in the query is taken out.
    pub fn target(&self) -> &str {
        self.exchange.state.target()
    }

    /// The same as the upstream is to read it: with another prefix, where policy says so.
    pub fn upstream_target(&self) -> Cow<'_, str> {
        self.prefix().map_or(Cow::Borrowed(self.target()), |prefix| prefix.rewritten(self.target()))
    }

    /// The prefix of the judged path that the upstream does not read.
    pub fn prefix_taken(&self) -> Option<&str> {
        self.prefix().filter(|prefix| prefix.rewrite.is_some()).map(|prefix| prefix.below.as_str())
    }

    fn prefix(&self) -> Option<&Prefix> {
        self.exchange.site()?.upstreams.prefix(self.exchange.state.prefix?)
    }

    /// The host asked for: lower case, no port, no trailing dot.
    pub fn host(&self) -> &str {
        &self.exchange.state.normal.host
    }

    /// The request's head as received; what is sent is [`Self::target`] and [`Self::edits`] applied to it.
    pub fn head(&self) -> &RequestHead {
        &self.exchange.state.head
    }

    /// The client's address, behind the proxies policy trusts.
    pub fn client_ip(&self) -> IpAddr {
        self.exchange.state.client
    }

    /// Changes to the request's fields.
    pub fn edits(&self) -> &HeaderEdits {
        &self.exchange.state.edits
    }

    /// Whether the response's body will be read, so that only codings we can decode may be offered.
    pub fn decodable_only(&self) -> bool {
        self.exchange.reads_response_body()
    }

    /// Goes on with the response's head. An informational one (1xx, but 101) is not handed in.
    pub fn answered(self, head: ResponseHead, record: UpstreamRecord, now: Tick) -> ResponseStep {
        self.exchange.answered(head, record, now)
    }

    /// No response came.
    pub fn failed(self, failure: &UpstreamFailure, record: UpstreamRecord, now: Tick) -> Refuse {
        self.exchange.upstream_failed(failure, record, now)
    }

    /// The request's body could not be read to its end, and no response had come.
    pub fn request_failed(self, failure: &RequestFailure, record: UpstreamRecord, now: Tick) -> Refuse {
        self.exchange.request_failed(failure, record, now)
    }

    /// A report on an exchange whose upstream takes its time; its final event replaces it.
    pub fn progress(&mut self, facts: ProgressFacts) -> portcullis_model::Event {
        self.exchange.progress(facts)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

impl UpstreamFailure {
    /// The reason's code.
    pub fn code(&self) -> SmolStr {
        SmolStr::new_static(match self {
            Self::NoServer => "upstream.no_server",
            Self::AllDown => "upstream.all_down",
            Self::Busy { .. } => "upstream.busy",
            Self::Waited { .. } => "upstream.queue_timeout",
            Self::Shed { why: Shed::Full, .. } => "overload.full",
            Self::Shed { why: Shed::Caller, .. } => "overload.caller",
            Self::Shed { why: Shed::Memory, .. } => "overload.memory",
            Self::Refused => "upstream.refused",
            Self::ConnectTimeout => "upstream.connect_timeout",
            Self::Tls => "upstream.tls",
            Self::HeadTimeout => "upstream.head_timeout",
            Self::TotalTimeout => "upstream.total_timeout",
            Self::Reset => "upstream.reset",
            Self::Garbage(_) => "upstream.garbage",
        })
    }

    /// When it is worth coming back, where that is known.
    pub const fn again(&self) -> Option<Duration> {
        match self {
            Self::Busy { again } | Self::Waited { again } | Self::Shed { again, .. } => Some(*again),
            _ => None,
        }
    }

    /// The status the client gets (RFC 9110 §15.6).
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoServer | Self::AllDown | Self::Busy { .. } | Self::Waited { .. } | Self::Shed { .. } => {
                503
            }
            Self::ConnectTimeout | Self::HeadTimeout | Self::TotalTimeout => 504,
            Self::Refused | Self::Tls | Self::Reset | Self::Garbage(_) => 502,
        }
    }
}

impl RequestFailure {
    /// The reason's code.
    pub fn code(&self) -> SmolStr {
        match self {
            Self::Broken(defect) => SmolStr::new_static(defect.code()),
            Self::Stalled => SmolStr::new_static("body.stalled"),
            Self::Short => SmolStr::new_static("body.short"),
        }
    }

    /// The status the client gets.
    pub fn status(&self) -> u16 {
        match self {
            Self::Broken(defect) => defect.status(),
            Self::Stalled => 408,
            Self::Short => 400,
        }
    }
}
