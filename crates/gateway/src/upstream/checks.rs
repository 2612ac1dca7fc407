//! Active health: every server of an upstream is asked at intervals whether it is well, by a task of its own.
//!
//! Invariants: a server begins as well, or as it was found under the policy before; it takes several answers in a row
//! to change that. A task holds its servers only while it asks, so that a reload that drops them ends it. Whether a
//! server that is not well is asked after all is the balancer's decision.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use portcullis_model::Tick;
use portcullis_wire::proxy_protocol::Announcement;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Asking, Connection};
use super::health::Condition;
use super::plan::{Endpoint, Need, Security};
use super::set::{Kept, ServerSet};
use crate::body::UpstreamBody;
use crate::clock::Clock;
use crate::forward::{Framing, Lines, own_fields};

/// How servers are asked, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checks {
    /// What they are asked.
    pub(crate) check: Check,
    /// The host they are asked for, where it is not their own.
    pub(crate) host: Option<SmolStr>,
    /// Between two times.
    pub(crate) every: Duration,
    /// How long one may take.
    pub(crate) timeout: Duration,
    /// Bad answers in a row that take a server out.
    pub(crate) down_after: u32,
    /// Good ones in a row that bring it back.
    pub(crate) up_after: u32,
}

/// What a server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A GET of this path.
    Http(SmolStr),
    /// To accept a connection.
    Tcp,
    /// Its health by gRPC.
    Grpc,
}

/// The method of gRPC's health service (grpc/doc/health-checking.md).
const GRPC_PATH: &str = "/grpc.health.v1.Health/Check";
/// An empty message in gRPC's framing: the health of the whole server.
const GRPC_ASKED: &[u8] = &[0, 0, 0, 0, 0];
/// A message whose field 1 is 1: `SERVING`.
const GRPC_SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
/// More than any answer to it has.
const GRPC_ANSWER: usize = 64;

/// Begins to check the servers of a set, if they are to be, and nobody does.
pub(crate) fn begin(set: &Arc<ServerSet>, clock: Clock, tasks: &TaskTracker, stop: &CancellationToken) {
    let Some(checks) = set.plan().checks.clone().filter(|_| set.begin_checks()) else { return };
    for place in 0..set.servers().len() {
        let watch = Watch { set: Arc::downgrade(set), place, checks: checks.clone(), clock, good: 0, bad: 0 };
        tasks.spawn(stop.clone().run_until_cancelled_owned(watch.run()));
    }
}

/// One server's task.
struct Watch {
    set: Weak<ServerSet>,
    place: usize,
    checks: Checks,
    clock: Clock,
    /// Good answers in a row.
    good: u32,
    /// Bad ones.
    bad: u32,
}

impl Watch {
    async fn run(mut self) {
        while let Some(set) = self.set.upgrade() {
            let asked = tokio::time::timeout(self.checks.timeout, self.ask(&set)).await;
            self.take(&set, asked.unwrap_or_else(|_| Err("no answer in time".into())));
            drop(set);
            tokio::time::sleep(jittered(self.checks.every)).await;
        }
    }

    async fn ask(&self, set: &ServerSet) -> Result<(), String> {
        let now = self.clock.tick();
        match &self.checks.check {
            Check::Tcp => self.connect(set, Need::Any, now).await.map(drop),
            Check::Http(path) => {
                let mut connection = self.connect(set, Need::Any, now).await?;
                let fields = [("user-agent", "portcullis-check"), ("accept", "*/*")];
                let asking = self.asking(set, &connection, (Method::GET, path), &fields)?;
                let status = answer(&mut connection, asking).await?.status();
                if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
            }
            Check::Grpc => {
                let mut connection = self.connect(set, Need::Http2, now).await?;
                let fields = [("content-type", "application/grpc"), ("te", "trailers")];
                let mut asking = self.asking(set, &connection, (Method::POST, GRPC_PATH), &fields)?;
                *asking.request.body_mut() = UpstreamBody::Held(Bytes::from_static(GRPC_ASKED), None);
                let body = answer(&mut connection, asking).await?.into_body();
                let said = message(&mut connection, body).await?;
                if said.starts_with(GRPC_SERVING) {
                    Ok(())
                } else {
                    Err("it says that it is not serving".into())
                }
            }
        }
    }

    async fn connect(&self, set: &ServerSet, need: Need, now: Tick) -> Result<Connection, String> {
        let server = set.servers().get(self.place).ok_or("it is gone")?;
        set.connection(server, need, (Kept::Suspect, now), Announcement::Own)
            .await
            .map_err(|(_, error)| error)
    }

    /// A request of our own, framed as the connection frames.
    fn asking(
        &self,
        set: &ServerSet,
        connection: &Connection,
        (method, path): (Method, &str),
        fields: &[(&'static str, &'static str)],
    ) -> Result<Asking, String> {
        let endpoint = set.servers().get(self.place).ok_or("it is gone")?.endpoint();
        let host = self.checks.host.as_deref().map_or_else(|| authority(endpoint), str::to_owned);
        let mut request = Request::new(UpstreamBody::default());
        let lines = match connection.framing() {
            Framing::Http1 => {
                let fields = own_fields(&[&[("host", &*host), ("connection", "close")], fields].concat());
                let (lines, framing) =
                    Lines::write(&method, path, &fields).ok_or("it cannot be asked for this")?;
                *request.headers_mut() = framing;
                Some(lines)
            }
            Framing::Http2 => {
                *request.uri_mut() = uri(endpoint, &host, path).ok_or("it cannot be asked for this")?;
                *request.headers_mut() = own_fields(fields).to_map();
                *request.version_mut() = Version::HTTP_2;
                None
            }
        };
        *request.method_mut() = method;
        Ok(Asking { request, lines })
    }

    /// Notes an answer, and what has come of those before it.
    fn take(&mut self, set: &ServerSet, answer: Result<(), String>) {
        let Some(server) = set.servers().get(self.place) else { return };
        let (name, now) = (&server.endpoint().name, self.clock.tick());
        match answer {
            Ok(()) => {
                (self.good, self.bad) = (self.good.saturating_add(1), 0);
                if self.good >= self.checks.up_after
                    && server.health.found(Condition::Well, now) == Condition::Down
                {
                    tracing::info!(server = %name, "an upstream server is well again");
                }
            }
            Err(why) => {
                server.health.check_failed();
                (self.good, self.bad) = (0, self.bad.saturating_add(1));
                if self.bad >= self.checks.down_after
                    && server.health.found(Condition::Down, now) == Condition::Well
                {
                    tracing::warn!(server = %name, why, "an upstream server does not answer its checks");
                }
            }
        }
    }
}

async fn answer(connection: &mut Connection, asking: Asking) -> Result<http::Response<Incoming>, String> {
    connection.ask(asking).await.map_err(|failed| failed.error.to_string())
}

/// The beginning of a body, as long as a message may be.
async fn message(connection: &mut Connection, mut body: Incoming) -> Result<BytesMut, String> {
    let mut said = BytesMut::new();
    while said.len() < GRPC_ANSWER && !body.is_end_stream() {
        match poll_fn(|cx| connection.poll_frame(&mut body, cx)).await {
            Some(Ok(frame)) => said.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return Err(error.to_string()),
            None => break,
        }
    }
    Ok(said)
}

/// A server's own host, as requests name it.
fn authority(endpoint: &Endpoint) -> String {
    let Endpoint { host, port, .. } = endpoint;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn uri(endpoint: &Endpoint, host: &str, path: &str) -> Option<Uri> {
    let scheme = match endpoint.security {
        Security::Clear => "http",
        Security::Tls => "https",
    };
    Uri::builder().scheme(scheme).authority(host).path_and_query(path).build().ok()
}

/// Give or take a fifth, so that many gateways do not ask at once.
fn jittered(every: Duration) -> Duration {
    every.mul_f64(0.8 + 0.4 * fastrand::f64())
}
