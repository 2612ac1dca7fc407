//! Drives the engine through one case as a host would.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_model::counter::{Answer, Answers, Batch, CounterKey, MapChange, Op};
use portcullis_model::event::{End, UpstreamRecord};
use portcullis_model::exchange::{ClientCertificate, TlsFacts};
use portcullis_model::{
    Ban, BanKey, BanView, CallerKey, Credential, Event, EventId, Headers, Moment, Peer, RequestHead,
    ResponseHead, Scheme, Tick, Timestamp, Version,
};
use smallvec::SmallVec;
use smol_str::{SmolStr, ToSmolStr};

use super::{Case, Request};
use crate::{
    Arrival, BodyHint, Delayed, EndFacts, Finished, Held, HeldBody, HeldStep, Refusal, ResponseMode,
    ResponseStep, Snapshot, Step, without_pass,
};

/// 2026-01-31T08:00:00Z: when every case happens.
const NOW: i64 = 1_769_846_400;

/// What came of a case.
#[derive(Debug)]
pub struct Seen {
    /// The event.
    pub event: Event,
    /// The gateway's own answer, if it refused.
    pub refusal: Option<Refusal>,
    /// Path and query the upstream got, if it was asked.
    pub target: Option<String>,
    /// The fields it got, names in lower case.
    pub upstream_headers: Vec<(String, String)>,
    /// The fields the client got that are not the upstream's own.
    pub answer_headers: Vec<(String, String)>,
    /// The body the client got from upstream.
    pub body: Option<Bytes>,
    /// Bans set, over all times.
    pub bans: Vec<Ban>,
    /// Whether anything was asked of learning.
    pub observed: bool,
}

/// A store and bans, for one case.
#[derive(Default)]
struct World {
    /// When each bucket would be full again, in microseconds.
    buckets: RefCell<HashMap<CounterKey, i64>>,
    bans: RefCell<Vec<Ban>>,
    /// Who holds the places of each key.
    places: RefCell<HashMap<CounterKey, Vec<u128>>>,
    /// What was used of each quota.
    quotas: RefCell<HashMap<CounterKey, u64>>,
    /// The different values seen of each key.
    values: RefCell<HashMap<CounterKey, HashSet<u64>>>,
    /// Persistent collections; nothing in them expires, as all happens at one time.
    maps: RefCell<HashMap<CounterKey, BTreeMap<SmolStr, SmolStr>>>,
}

/// Runs a case as often as it says; what is seen is of the last time.
pub fn drive(snapshot: &Arc<Snapshot>, case: &Case) -> Result<Seen, String> {
    let world = World::default();
    let mut seen = None;
    for turn in 0..case.times.max(1) {
        let arrival = arrival(&case.request, turn)?;
        seen = Some(world.run(snapshot, case, arrival));
    }
    let mut seen = seen.ok_or("the case never ran")?;
    seen.bans = world.bans.into_inner();
    Ok(seen)
}

impl World {
    fn run(&self, snapshot: &Arc<Snapshot>, case: &Case, arrival: Arrival) -> Seen {
        let mut step = snapshot.begin(arrival, self);
        loop {
            step = match step {
                Step::Credential(ask) => {
                    let reply = ask.check().alone();
                    ask.answer(reply, self, Tick(5_000))
                }
                Step::Counters(ask) => {
                    let answers = self.answer(ask.batch());
                    ask.answer(Ok(answers), self, Tick(10_000))
                }
                Step::RequestBody(ask) => {
                    let whole = Bytes::from(case.request.body().unwrap_or_default());
                    let held = hold(&whole, ask.limit());
                    ask.answer(&held, Tick(20_000))
                }
                Step::Delay(ask) => ask.answer(Delayed::Over, Tick(25_000)),
                Step::Forward(forward) => return self.forward(case, forward),
                Step::Refuse(refuse) => return self.refused(refuse, None),
            };
        }
    }

    fn forward(&self, case: &Case, forward: crate::Forward) -> Seen {
        let target = forward.upstream_target().into_owned();
        let upstream_headers = upstream_headers(&forward);
        let response = &case.response;
        let head = ResponseHead {
            status: response.status,
            version: Version::Http11,
            headers: fields(&response.headers),
        };
        let record = UpstreamRecord {
            name: forward.upstream().cloned(),
            server: "http://test".into(),
            attempts: 1,
            ..UpstreamRecord::default()
        };
        let whole = Bytes::from(response.body.clone());
        let sent = (target, upstream_headers);
        let mut step = forward.answered(head, record, Tick(30_000));
        loop {
            step = match step {
                ResponseStep::Refuse(refuse) => return self.refused(refuse, Some(sent)),
                ResponseStep::Deliver(deliver) => return self.deliver(deliver, whole, response.status, sent),
                ResponseStep::Counters(ask) => {
                    let answers = self.answer(ask.batch());
                    ask.answer(Ok(answers), Tick(35_000))
                }
            };
        }
    }

    fn deliver(&self, deliver: crate::Deliver, whole: Bytes, status: u16, sent: Sent) -> Seen {
        let fields = deliver.added_fields().into_iter();
        let answer_headers = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        Seen { answer_headers, ..self.deliver_body(deliver, whole, status, sent) }
    }

    fn deliver_body(&self, deliver: crate::Deliver, whole: Bytes, status: u16, sent: Sent) -> Seen {
        let ResponseMode::Hold { limit, .. } = deliver.mode() else {
            let mode = deliver.mode();
            let mut sending = deliver.begin();
            if let ResponseMode::Tee { .. } = mode {
                sending.tee(&whole);
            }
            return self.delivered(sending, whole, status, sent);
        };
        let mut step = deliver.held(&hold(&whole, limit), Tick(40_000));
        loop {
            step = match step {
                HeldStep::Deliver(sending) => return self.delivered(sending, whole, status, sent),
                HeldStep::Rewritten(sending, bytes) => return self.delivered(sending, bytes, status, sent),
                HeldStep::Refuse(refuse) => return self.refused(refuse, Some(sent)),
                HeldStep::Counters(ask) => {
                    let answers = self.answer(ask.batch());
                    ask.answer(Ok(answers), Tick(45_000))
                }
            };
        }
    }

    fn refused(&self, refuse: crate::Refuse, sent: Option<Sent>) -> Seen {
        self.bans.borrow_mut().extend(refuse.bans().iter().cloned());
        let refusal = refuse.answer().clone();
        let finished = refuse.begin().finish(end(refusal.status, 0));
        let (target, upstream_headers) =
            sent.map_or((None, Vec::new()), |(target, fields)| (Some(target), fields));
        Seen { target, upstream_headers, refusal: Some(refusal), ..self.seen(finished) }
    }

    fn delivered(
        &self,
        sending: crate::Sending,
        body: Bytes,
        status: u16,
        (target, upstream_headers): Sent,
    ) -> Seen {
        let finished = sending.finish(end(status, body.len() as u64));
        Seen { target: Some(target), upstream_headers, body: Some(body), ..self.seen(finished) }
    }

    fn seen(&self, mut finished: Finished) -> Seen {
        if let Some(batch) = finished.writes() {
            let answers = self.answer(batch);
            self.bans.borrow_mut().extend(finished.settle(Ok(answers)).iter().cloned());
        }
        Seen {
            event: finished.event(),
            refusal: None,
            target: None,
            upstream_headers: Vec::new(),
            answer_headers: Vec::new(),
            body: None,
            bans: Vec::new(),
            observed: finished.observation().is_some(),
        }
    }

    fn change(&self, key: CounterKey, change: &MapChange) -> Answer {
        let mut maps = self.maps.borrow_mut();
        let map = maps.entry(key).or_default();
        match change {
            MapChange::Set { field, value, .. } => {
                map.insert(field.clone(), value.clone());
            }
            MapChange::Add { field, by, .. } => {
                let old = map.get(field).and_then(|value| value.parse().ok()).unwrap_or(0_i64);
                map.insert(field.clone(), (old + by).to_smolstr());
            }
            MapChange::Remove { field } => {
                map.remove(field);
            }
            MapChange::Read | MapChange::Expire { .. } => {}
        }
        Answer::Map(map.iter().map(|(field, value)| (field.clone(), value.clone())).collect())
    }

    fn acquire(&self, key: CounterKey, limit: u64, lease: u128) -> Answer {
        let mut places = self.places.borrow_mut();
        let held = places.entry(key).or_default();
        let admitted = (held.len() as u64) < limit;
        if admitted {
            held.push(lease);
        }
        Answer::Acquire { admitted, held: held.len() as u64 }
    }

    /// A quota whose window ends an hour later.
    fn spend(&self, key: CounterKey, limit: u64, cost: u64) -> Answer {
        let mut quotas = self.quotas.borrow_mut();
        let used = quotas.entry(key).or_default();
        let admitted = *used + cost <= limit;
        if admitted {
            *used += cost;
        }
        Answer::Quota { admitted, used: *used, reset: Duration::from_hours(1) }
    }

    /// GCRA, all at one time.
    fn answer(&self, batch: &Batch) -> Answers {
        let now = batch.now.as_micros();
        let mut buckets = self.buckets.borrow_mut();
        let answers = batch.ops.iter().map(|op| match op {
            Op::Take { key, rate, per, burst, cost } => {
                let one = per.as_micros() as i64 / rate.cast_signed().max(1);
                let full = buckets.get(key).copied().unwrap_or(now).max(now);
                let next = full + one * cost.cast_signed();
                let wait = next - now - one * burst.cast_signed();
                let admitted = wait <= 0;
                if admitted {
                    buckets.insert(*key, next);
                }
                let retry_after = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                let used = if admitted { next - now } else { full - now };
                let remaining = u64::try_from(burst.cast_signed() - (used + one - 1) / one).unwrap_or(0);
                let reset = Duration::from_micros(u64::try_from(used).unwrap_or(0));
                Answer::Take { admitted, remaining, retry_after, reset }
            }
            Op::Map { key, change } => self.change(*key, change),
            Op::Acquire { key, limit, lease, .. } => self.acquire(*key, *limit, *lease),
            Op::Release { key, lease } => {
                self.places.borrow_mut().entry(*key).or_default().retain(|holder| holder != lease);
                Answer::Done
            }
            Op::Quota { key, limit, cost, .. } => self.spend(*key, *limit, *cost),
            Op::Distinct { key, value, window, .. } => {
                let mut sets = self.values.borrow_mut();
                let set = sets.entry(*key).or_default();
                let new = set.insert(*value);
                Answer::Distinct { count: set.len() as u64, new, reset: *window }
            }
            Op::Once { key, .. } => {
                Answer::Once { first: self.values.borrow_mut().entry(*key).or_default().insert(0) }
            }
            Op::Recent { .. } => Answer::Done,
        });
        answers.collect()
    }
}

impl BanView for World {
    fn find(&self, site: Option<&str>, caller: &CallerKey, _: IpAddr, now: Timestamp) -> Option<Arc<Ban>> {
        let bans = self.bans.borrow();
        let holds = |ban: &&Ban| {
            ban.key == BanKey::Caller(caller.clone())
                && ban.holds(now)
                && (ban.site.is_none() || ban.site.as_deref() == site)
        };
        bans.iter().find(holds).cloned().map(Arc::new)
    }

    fn tag_prefixes(&self) -> Option<Arc<[SmolStr]>> {
        Some(self.bans.borrow().iter().filter_map(|ban| ban.key.tag_prefix()).map(SmolStr::from).collect())
    }

    fn tagged(&self, _: Option<&str>, tag: &str, _: Timestamp) -> Option<Arc<Ban>> {
        let bans = self.bans.borrow();
        bans.iter().find(|ban| ban.key == BanKey::Tag(tag.into())).cloned().map(Arc::new)
    }

    fn revocation(&self, _: Option<&str>, credential: &Credential, _: Timestamp) -> Option<Arc<Ban>> {
        let bans = self.bans.borrow();
        let key = BanKey::Credential(credential.clone());
        bans.iter().find(|ban| ban.key == key).cloned().map(Arc::new)
    }
}

/// What the upstream got: target and fields.
type Sent = (String, Vec<(String, String)>);

fn end(status: u16, response_bytes: u64) -> EndFacts {
    EndFacts {
        end: End::Complete,
        status,
        request_bytes: 0,
        response_bytes,
        upstream: None,
        grpc_status: None,
        now: Moment { wall: Timestamp::from_secs(NOW), tick: Tick(50_000) },
        not_inspected: SmallVec::new(),
    }
}

fn hold(whole: &Bytes, limit: u64) -> HeldBody {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let outcome = if whole.len() > limit { Held::OverLimit } else { Held::Complete };
    HeldBody { bytes: whole.slice(..whole.len().min(limit)), outcome }
}

fn upstream_headers(forward: &crate::Forward) -> Vec<(String, String)> {
    let edits = forward.edits();
    let kept = forward.head().headers.iter().filter(|field| !edits.removes(field.name)).filter_map(|field| {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        let value = if name == "cookie" { without_pass(field.value)? } else { field.value.into() };
        Some((name, String::from_utf8_lossy(&value).into_owned()))
    });
    let set = edits.set().iter().map(|(name, value)| (name.to_string(), value.clone()));
    kept.chain(set).collect()
}

fn fields(lines: &[String]) -> Headers {
    lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn arrival(request: &Request, time: u32) -> Result<Arrival, String> {
    let line = request.line(time);
    let (method, target) = line.split_once(' ').ok_or("a request line is a method and a target")?;
    let ip: IpAddr = request.from.parse().map_err(|error| format!("{}: {error}", request.from))?;
    let mut headers = Headers::default();
    headers.push("Host", request.host.clone());
    for field in fields(&request.headers).iter() {
        headers.push(field.name, field.value);
    }
    let encrypted = request.sni.is_some() || request.certificate.is_some();
    let tls = encrypted.then(|| TlsFacts {
        version: "1.3".into(),
        server_name: request.sni.as_deref().map(Into::into),
        client_certificate: request
            .certificate
            .as_ref()
            .map(|name| ClientCertificate { dns_names: vec![name.into()], ..ClientCertificate::default() }),
        ..TlsFacts::default()
    });
    let now = Moment { wall: Timestamp::from_secs(NOW), tick: Tick(0) };
    Ok(Arrival {
        id: EventId::new(now.wall, u128::from(time)),
        now,
        peer: Arc::new(Peer { address: SocketAddr::new(ip, 40_000), listener: "0.0.0.0:8080".into(), tls }),
        head: RequestHead {
            method: method.parse().map_err(|_| format!("`{method}` is no method"))?,
            target: Bytes::from(target.to_owned()),
            authority: None,
            version: Version::Http11,
            scheme: if encrypted { Scheme::Https } else { Scheme::Http },
            headers,
        },
        defects: SmallVec::new(),
        body: request.body().map_or(BodyHint::None, |body| BodyHint::Length(body.len() as u64)),
        lent: Arc::default(),
        proofs: Arc::new(crate::NoProofs),
    })
}
