//! One recorded exchange through the engine's phases, as the gateway would drive it.
//!
//! Invariant: every ask is answered from the recording; what was not recorded counts as an empty 200.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use portcullis_engine::{
    Arrival, BodyHint, Delayed, EndFacts, Finished, Forward, Held, HeldBody, HeldStep, Refuse, ResponseMode,
    ResponseStep, Sending, Snapshot, Step, Workspaces,
};
use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::event::{End, UpstreamRecord};
use portcullis_model::observation::Observation;
use portcullis_model::{
    Event, EventId, Headers, Moment, Peer, RequestHead, ResponseHead, Scheme, Tick, Timestamp, Version,
};
use portcullis_store::{MemoryLimits, MemoryStore, Reply, Store};

use super::recorded::{Arrived, Recorded, RecordedResponse};

/// Between exchanges of a recording without times.
const PACE_MICROS: i64 = 1000;

/// Drives recorded exchanges through one snapshot, with a store of its own.
pub(crate) struct Replayer {
    snapshot: Arc<Snapshot>,
    store: MemoryStore,
    workspaces: Arc<Workspaces>,
}

impl Replayer {
    /// With an empty store.
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, store: MemoryStore::new(MemoryLimits::default()), workspaces: Arc::default() }
    }

    /// What would have been decided; `at` is the exchange's place in the recording.
    pub(crate) fn replay(&self, recorded: &Recorded, at: usize) -> Result<Event> {
        Ok(self.finish(recorded, at)?.event())
    }

    /// What learning sees of it.
    pub(crate) fn observe(&self, recorded: &Recorded, at: usize) -> Result<Option<Observation>> {
        Ok(self.finish(recorded, at)?.observation())
    }

    fn finish(&self, recorded: &Recorded, at: usize) -> Result<Finished> {
        let target = Target::parse(&recorded.url)?;
        let time = recorded.time.unwrap_or_else(|| {
            Timestamp::from_micros(PACE_MICROS * i64::try_from(at).unwrap_or(i64::MAX / PACE_MICROS))
        });
        let now = Moment { wall: time, tick: Tick(0) };
        let arrival = Arrival {
            // Not random: the same recording gives the same ids.
            id: EventId::new(time, at as u128),
            now,
            peer: Arc::new(peer(recorded.client, target.scheme)),
            head: request_head(recorded, &target)?,
            defects: smallvec::SmallVec::new(),
            body: match recorded.body.len() {
                0 => BodyHint::None,
                length => BodyHint::Length(length as u64),
            },
            lent: Arc::clone(&self.workspaces),
            proofs: Arc::new(portcullis_engine::NoProofs),
        };
        let mut finished = self.drive(recorded, arrival)?;
        if let Some(batch) = finished.writes() {
            let answers = self.answers(batch)?;
            finished.settle(answers).iter().for_each(|ban| self.store.ban(ban.clone()));
        }
        Ok(finished)
    }

    /// Takes an arrival through all phases; its body and what is answered to it are as recorded.
    pub(crate) fn drive(&self, recorded: &Recorded, arrival: Arrival) -> Result<Finished> {
        let (now, bans) = (arrival.now, self.store.ban_view());
        let mut step = self.snapshot.begin(arrival, &*bans);
        loop {
            step = match step {
                Step::Credential(ask) => {
                    let reply = ask.check().alone();
                    ask.answer(reply, &*bans, now.tick)
                }
                Step::Counters(ask) => {
                    let answers = self.answers(ask.batch())?;
                    ask.answer(answers, &*bans, now.tick)
                }
                Step::RequestBody(ask) => {
                    let mut body = held(&recorded.body, ask.limit());
                    if recorded.arrived == Arrived::InPart && body.outcome == Held::Complete {
                        body.outcome = Held::Stalled;
                    }
                    ask.answer(&body, now.tick)
                }
                Step::Delay(ask) => ask.answer(Delayed::Over, now.tick),
                Step::Forward(forward) => return self.answer(recorded, forward, now),
                Step::Refuse(refuse) => return Ok(self.refuse(recorded, refuse, now)),
            };
        }
    }

    fn answer(&self, recorded: &Recorded, forward: Forward, now: Moment) -> Result<Finished> {
        let nothing = RecordedResponse { status: 200, ..RecordedResponse::default() };
        let response = recorded.response.as_ref().unwrap_or(&nothing);
        let head = ResponseHead {
            status: response.status,
            version: Version::Http11,
            headers: response_fields(response),
        };
        let record = UpstreamRecord {
            name: forward.upstream().cloned(),
            server: "recording".into(),
            attempts: 1,
            status: Some(response.status),
            ..UpstreamRecord::default()
        };
        let mut step = forward.answered(head, record, now.tick);
        let deliver = loop {
            step = match step {
                ResponseStep::Refuse(refuse) => return Ok(self.refuse(recorded, refuse, now)),
                ResponseStep::Deliver(deliver) => break deliver,
                ResponseStep::Counters(ask) => {
                    let answers = self.answers(ask.batch())?;
                    ask.answer(answers, now.tick)
                }
            };
        };
        let (sending, bytes) = match deliver.mode() {
            ResponseMode::Hold { limit, .. } => {
                let mut step = deliver.held(&held(&response.body, limit), now.tick);
                loop {
                    step = match step {
                        HeldStep::Deliver(sending) => break (sending, response.body.len()),
                        HeldStep::Rewritten(sending, body) => break (sending, body.len()),
                        HeldStep::Refuse(refuse) => return Ok(self.refuse(recorded, refuse, now)),
                        HeldStep::Counters(ask) => {
                            let answers = self.answers(ask.batch())?;
                            ask.answer(answers, now.tick)
                        }
                    };
                }
            }
            ResponseMode::Tee { .. } | ResponseMode::Pass => {
                let mut sending = deliver.begin();
                sending.tee(&response.body);
                (sending, response.body.len())
            }
        };
        Ok(finish(recorded, sending, response.status, bytes, now))
    }

    fn answers(&self, batch: &Batch) -> Result<Result<Answers, StoreFailure>> {
        match self.store.apply(batch) {
            Reply::Ready(answers) => Ok(answers),
            Reply::Waiting(_) => bail!("a store in memory never waits"),
        }
    }

    fn refuse(&self, recorded: &Recorded, refuse: Refuse, now: Moment) -> Finished {
        for ban in refuse.bans() {
            self.store.ban(ban.clone());
        }
        let status = refuse.answer().status;
        finish(recorded, refuse.begin(), status, 0, now)
    }
}

fn finish(
    recorded: &Recorded,
    sending: Sending,
    status: u16,
    response_bytes: usize,
    now: Moment,
) -> Finished {
    sending.finish(EndFacts {
        end: End::Complete,
        status,
        request_bytes: recorded.body.len() as u64,
        response_bytes: response_bytes as u64,
        upstream: None,
        grpc_status: None,
        now,
        not_inspected: smallvec::SmallVec::new(),
    })
}

fn held(body: &[u8], limit: u64) -> HeldBody {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match body.get(..limit).filter(|_| body.len() > limit) {
        Some(part) => HeldBody { bytes: Bytes::copy_from_slice(part), outcome: Held::OverLimit },
        None => HeldBody { bytes: Bytes::copy_from_slice(body), outcome: Held::Complete },
    }
}

/// A recording that says nothing of the client is replayed as coming from this machine.
fn peer(client: Option<IpAddr>, scheme: Scheme) -> Peer {
    let ip = client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let tls = (scheme == Scheme::Https).then(portcullis_model::exchange::TlsFacts::default);
    Peer { address: SocketAddr::new(ip, 0), listener: "replay".into(), tls }
}

/// The parts of an absolute URL that a request's head needs.
struct Target {
    scheme: Scheme,
    authority: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) =
            url.split_once("://").with_context(|| format!("`{url}` is not an absolute URL"))?;
        let scheme = match scheme {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            other => bail!("`{other}:` is not a scheme this gateway serves"),
        };
        // A fragment never reaches a server; recordings keep it.
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, authority: authority.to_owned(), path })
    }
}

/// Fields that framed the message when it was recorded; the body is here as a whole.
const FRAMING: &[&str] =
    &["content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"];

fn request_head(recorded: &Recorded, target: &Target) -> Result<RequestHead> {
    let mut headers = Headers::with_capacity(recorded.headers.len() + 2);
    let has_host = recorded.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !has_host {
        headers.push("Host", target.authority.clone());
    }
    for (name, value) in fields(&recorded.headers, FRAMING) {
        headers.push(name.clone(), value.clone());
    }
    if !recorded.body.is_empty() {
        headers.push("Content-Length", recorded.body.len().to_string());
    }
    Ok(RequestHead {
        method: recorded.method.parse().with_context(|| format!("`{}` is not a method", recorded.method))?,
        target: target.path.clone().into(),
        authority: None,
        version: Version::Http11,
        scheme: target.scheme,
        headers,
    })
}

fn response_fields(response: &RecordedResponse) -> Headers {
    // Bodies are recorded with their codings off.
    let dropped = [FRAMING, &["content-encoding"]].concat();
    fields(&response.headers, &dropped).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn fields<'a>(
    recorded: &'a [(String, String)],
    dropped: &'a [&'a str],
) -> impl Iterator<Item = &'a (String, String)> {
    recorded.iter().filter(|(name, _)| !dropped.iter().any(|one| name.eq_ignore_ascii_case(one)))
}

#[cfg(test)]
mod tests;
