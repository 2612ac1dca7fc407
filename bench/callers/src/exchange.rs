//! One way to take requests: a policy, callers that take turns, and what their host keeps.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use portcullis_engine::{
    Arrival, BodyHint, CredentialCheck, CredentialReply, EndFacts, ResponseStep, Snapshot, Step, compile,
};
use portcullis_model::event::{End, UpstreamRecord};
use portcullis_model::exchange::{ClientCertificate, TlsFacts};
use portcullis_model::{
    EventId, Headers, Moment, NoBans, Peer, RequestHead, ResponseHead, Scheme, Tick, Version,
};
use portcullis_store::{MemoryLimits, MemoryStore, Reply, Store};
use serde_json::json;
use smallvec::SmallVec;

use crate::callers::{CALLERS, Kind, START};
use crate::remembered::Remembered;

/// See the module.
pub(crate) struct Way {
    snapshot: Arc<Snapshot>,
    peers: Vec<Arc<Peer>>,
    fields: Vec<(&'static str, String)>,
    remembered: Arc<Remembered>,
    store: MemoryStore,
    /// What an issuer says of every token.
    issuer: Arc<serde_json::Value>,
    taken: u64,
}

impl Way {
    /// `KIND`, `KIND/cold` where nothing is remembered, `KIND/without` where policy asks nothing.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let (kind, how) = name.split_once('/').unwrap_or((name, ""));
        let Kind { site, policy, sources, fields } = Kind::named(kind)?;
        let (policy, site) = if how == "without" { (String::new(), String::new()) } else { (policy, site) };
        let text = format!(
            "listen: 127.0.0.1:8080\n{policy}sites:\n  shop:\n    hosts: shop.example\n    filter: off\n    \
             upstream: {{ servers: http://127.0.0.1:9000 }}\n{site}"
        );
        let sources = sources.file("portcullis.yaml", text);
        let loaded = portcullis_policy::load("portcullis.yaml", &sources);
        let Some(policy) = loaded.policy else { bail!("{name}: {:?}", loaded.problems) };
        let compiled = compile(Arc::new(policy), &sources);
        let compiled = compiled.map_err(|problems| anyhow::anyhow!("{name}: {problems:?}"))?;
        let remembered = if how == "cold" { Remembered::nothing() } else { Remembered::as_in_a_gateway() };
        Ok(Self {
            snapshot: Arc::new(compiled.snapshot),
            peers: (0..CALLERS).map(|caller| peer(caller, kind).map(Arc::new)).collect::<Result<_>>()?,
            fields,
            remembered: Arc::new(remembered),
            store: MemoryStore::new(MemoryLimits::default()),
            issuer: Arc::new(json!({
                "active": true, "sub": "anna", "aud": "shop-api", "scope": "orders:read",
                "exp": START.as_secs() + 86_400,
            })),
            taken: 0,
        })
    }

    /// How many credentials were looked at as if never seen.
    pub(crate) fn verified(&self) -> u64 {
        self.remembered.verified()
    }

    /// Takes the next caller's request; whether it passed.
    pub(crate) fn take(&mut self) -> bool {
        self.taken += 1;
        let Some(arrival) = self.arrival() else { return false };
        let fields = [("content-type", "application/json"), ("content-length", "512"), ("server", "y")];
        let head =
            ResponseHead { status: 200, version: Version::Http11, headers: fields.into_iter().collect() };
        measured_request(self, arrival, head)
    }

    fn arrival(&self) -> Option<Arrival> {
        let caller = (self.taken % CALLERS) as usize;
        let fields = [
            ("Host", "shop.example"),
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            ("Accept", "application/json, text/plain, */*"),
            ("Accept-Encoding", "gzip, deflate, br"),
            ("Cookie", "session=4f1c9c1c2b7d4a5b; theme=dark"),
        ];
        let mut headers = Headers::with_capacity(fields.len() + 1);
        for (name, value) in fields {
            headers.push(Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()));
        }
        if let Some((name, value)) = self.fields.get(caller) {
            headers.push(Bytes::from_static(name.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        }
        let now = self.now(0);
        Some(Arrival {
            id: EventId::new(now.wall, u128::from(self.taken)),
            now,
            peer: Arc::clone(self.peers.get(caller)?),
            head: RequestHead {
                method: http::Method::GET,
                target: Bytes::from_static(b"/v1/customers/42/plans?verbose=1"),
                authority: None,
                version: Version::Http11,
                scheme: Scheme::Http,
                headers,
            },
            defects: SmallVec::new(),
            body: BodyHint::None,
            lent: Arc::default(),
            proofs: self.remembered.clone(),
        })
    }

    /// A millisecond passes from one request to the next.
    fn now(&self, later: u64) -> Moment {
        let wall = START.plus(std::time::Duration::from_millis(self.taken));
        Moment { wall, tick: Tick(self.taken * 1000 + later) }
    }

    fn reply(&self, check: &CredentialCheck) -> CredentialReply {
        match check {
            CredentialCheck::Password(_) | CredentialCheck::Code(_) => check.alone(),
            CredentialCheck::Token(_) => CredentialReply::Active(Arc::clone(&self.issuer)),
        }
    }
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn measured_request(way: &Way, arrival: Arrival, head: ResponseHead) -> bool {
    let mut step = way.snapshot.begin(arrival, &NoBans);
    let forward = loop {
        step = match step {
            Step::Forward(forward) => break forward,
            Step::Counters(ask) => {
                let Reply::Ready(answers) = way.store.apply(ask.batch()) else { return false };
                ask.answer(answers, &NoBans, way.now(10).tick)
            }
            Step::Credential(ask) => {
                let reply = way.reply(&ask.check());
                ask.answer(reply, &NoBans, way.now(10).tick)
            }
            Step::RequestBody(_) | Step::Delay(_) | Step::Refuse(_) => return false,
        }
    };
    let ResponseStep::Deliver(deliver) = forward.answered(head, UpstreamRecord::default(), way.now(20).tick)
    else {
        return false;
    };
    let finished = deliver.begin().finish(EndFacts {
        end: End::Complete,
        status: 200,
        request_bytes: 0,
        response_bytes: 512,
        upstream: None,
        grpc_status: None,
        now: way.now(40),
        not_inspected: SmallVec::new(),
    });
    drop(finished);
    true
}

/// A caller at an address of its own; one with a certificate shows it.
fn peer(caller: u64, kind: &str) -> Result<Peer> {
    let address = format!("203.0.113.{}:40000", caller + 1).parse().context("an address")?;
    let tls = (kind == "mtls").then(|| TlsFacts {
        version: "1.3".into(),
        client_certificate: Some(ClientCertificate {
            dns_names: vec![format!("till-{caller}.internal").into()],
            fingerprint: format!("{caller:064x}").into(),
            ..ClientCertificate::default()
        }),
        ..TlsFacts::default()
    });
    Ok(Peer { address, listener: "127.0.0.1:8080".into(), tls })
}
