//! Serving one connection: hyper over the byte tap for HTTP/1, hyper's HTTP/2 otherwise.
//!
//! A connection of HTTP/1 that carries nothing for a while rests: hyper and its buffers are given up, and come back with
//! the next byte. Invariants: what an exchange is judged by is the record made of the bytes themselves (HTTP/1) or of the fields
//! h2 decoded (HTTP/2), never hyper's reading of HTTP/1; a connection that carries nothing for the idle time, or
//! whose listener goes, finishes what it carries and closes; none rests of which anything is unread, unwritten or unsaid.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::activity::{CountedBody, InFlight, wait_idle, wait_untaken};
use crate::aside::Aside;
use crate::challenges;
use crate::connection::{ConnectionContext, Protocol};
use crate::exchange;
use crate::head::HeadRecord;
use crate::limits::Limits;
use crate::tap::{Heads, Switch, Tap, Terms};

/// Between two pings on an HTTP/2 connection that carries something.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a client may take to answer one.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection of HTTP/1 carries nothing before what hyper holds for it is given up.
const REST: Duration = Duration::from_secs(2);
/// How long a client that was told to go may take to do so once it carries nothing.
const FAREWELL: Duration = Duration::from_secs(2);
/// The shape hyper wants errors in.
type BoxError = Box<dyn Error + Send + Sync>;

/// hyper and the tap read a head differently; the connection ends before anything is made of it.
#[derive(Debug, thiserror::Error)]
#[error("a request reached the gateway that the tap has not seen")]
struct Disagreement;

/// Serves a connection to its end.
pub(crate) async fn serve_connection<T>(stream: T, context: Arc<ConnectionContext>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // Apart, so that no connection is as large as the largest of all kinds: most are idle most of the time.
    match context.protocol {
        Protocol::Http1 => Box::pin(serve_http1(stream, context)).await,
        Protocol::Http2 => Box::pin(serve_http2(stream, context)).await,
    }
}

async fn serve_http1<T>(stream: T, context: Arc<ConnectionContext>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let heads = Arc::new(Heads::default());
    let terms = Terms {
        scheme: context.scheme(),
        limits: Arc::clone(&context.limits),
        clock: context.node.ports.clock,
        metrics: Arc::clone(&context.node.ports.metrics),
    };
    let mut tap = Tap::new(stream, Arc::clone(&heads), terms);
    let (served, settled) = (Arc::clone(&context), Arc::clone(&heads));
    // Boxed, as hyper keeps room for one exchange as long as the connection lives: 7 KiB while it is idle; and made
    // where it stays, as to move it costs as much as a rule.
    let service = service_fn(move |request| {
        let room = Box::new_uninit();
        Box::into_pin(Box::write(room, answer_http1(Arc::clone(&served), Arc::clone(&heads), request)))
    });
    loop {
        let io = TokioIo::new(tap);
        // Boxed, so that nothing of it stays where the connection rests.
        let run = Box::pin(async {
            let mut connection = http1::Builder::new().serve_connection(io, service.clone()).with_upgrades();
            let ended = run(&mut connection, &context, Some(&settled)).await;
            connection.into_parts().filter(|_| ended == Ended::Rests)
        });
        let Some(parts) = run.await else { return };
        tap = parts.io.into_inner();
        tap.give_again(&parts.read_buf);
        if !begins_again(&mut tap, &context).await {
            return;
        }
    }
}

/// Waits for the next message of a connection that hyper was taken from; `false` if the connection is to end.
async fn begins_again<T: AsyncRead + Unpin>(tap: &mut Tap<T>, context: &ConnectionContext) -> bool {
    let _rests = context.node.ports.metrics.rests();
    let mut cut = Box::pin(cut(context));
    let mut quiet = Box::pin(quiet(context, Duration::ZERO, context.limits.idle));
    poll_fn(|cx| {
        if let Poll::Ready(begins) = tap.poll_begins(cx) {
            return Poll::Ready(begins);
        }
        if let Poll::Ready(why) = quiet.as_mut().poll(cx) {
            why.count(context);
            return Poll::Ready(false);
        }
        cut.as_mut().poll(cx).map(|()| false)
    })
    .await
}

async fn answer_http1(
    context: Arc<ConnectionContext>,
    heads: Arc<Heads>,
    request: Request<Incoming>,
) -> Result<Response<CountedBody>, Disagreement> {
    let Some(record) = heads.take() else {
        context.node.ports.metrics.connection_cut("disagreement");
        return Err(Disagreement);
    };
    let in_flight = InFlight::begin(Arc::clone(&context));
    let connect = request.method() == Method::CONNECT;
    let closing = context.closing.clone();
    let answered = match challenges::token(&record) {
        Some(token) => Box::pin(challenges::answer(&context.node, token)).await,
        None => None,
    };
    let mut response = match answered {
        Some(response) => response,
        None => exchange::serve(context, record, request).await,
    };
    let switch = switch(connect, response.status());
    if switch == Switch::Stayed && closing.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    heads.answered(switch);
    Ok(response.map(|body| CountedBody::new(body, in_flight)))
}

/// Whether bytes behind this response belong to another protocol.
fn switch(connect: bool, status: StatusCode) -> Switch {
    if status == StatusCode::SWITCHING_PROTOCOLS || (connect && status.is_success()) {
        Switch::Switched
    } else {
        Switch::Stayed
    }
}

async fn serve_http2<T>(stream: T, context: Arc<ConnectionContext>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let served = Arc::clone(&context);
    let service = service_fn(move |request| answer_http2(Arc::clone(&served), request));
    let mut connection = http2_builder(&context.limits).serve_connection(TokioIo::new(stream), service);
    run(&mut connection, &context, None).await;
}

fn http2_builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let resets = usize::try_from(limits.resets).unwrap_or(usize::MAX);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.framing.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(resets)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

async fn answer_http2(
    context: Arc<ConnectionContext>,
    request: Request<Incoming>,
) -> Result<Response<CountedBody>, std::convert::Infallible> {
    let in_flight = InFlight::begin(Arc::clone(&context));
    let record = HeadRecord::decoded(&request, &context);
    let response = exchange::serve(context, record, request).await;
    Ok(response.map(|body| CountedBody::new(body, in_flight)))
}

/// A connection hyper serves, of either protocol.
trait Served: Future<Output = hyper::Result<()>> + Unpin {
    /// Finishes what runs and begins nothing new.
    fn close(self: Pin<&mut Self>);
}

impl<I, S, B> Served for http1::UpgradeableConnection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B> Served for http2::Connection<I, S, TokioExecutor>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, ResBody = B>,
    S::Future: 'static,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
    TokioExecutor: Http2ServerConnExec<S::Future, B>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// How serving a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The connection is over.
    Over,
    /// It carries nothing, and nothing of it is under way.
    Rests,
}

/// Polls a connection until it ends, is idle too long, is told to close, or is cut; one whose `heads` are given, only
/// until it rests.
async fn run(connection: &mut impl Served, context: &ConnectionContext, heads: Option<&Heads>) -> Ended {
    let mut cut = Aside::new(cut(context));
    let rest = heads.map_or(context.limits.idle, |_| REST.min(context.limits.idle));
    let mut soon = Some(Aside::new(quiet(context, Duration::ZERO, rest)));
    let mut overstayed = None;
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            return Poll::Ready(ended.map(|()| Ended::Over));
        }
        if cut.poll(cx).is_ready() {
            return Poll::Ready(Ok(Ended::Over));
        }
        while let Some(Poll::Ready(why)) = soon.as_mut().map(|quiet| quiet.poll(cx)) {
            if let Some(heads) = heads
                && why == Quiet::Idle
                && !context.is_overdue()
            {
                if context.activity.is_idle() && heads.are_settled() {
                    return Poll::Ready(Ok(Ended::Rests));
                }
                soon = Some(Aside::new(quiet(context, REST, rest)));
                continue;
            }
            why.count(context);
            soon = None;
            Pin::new(&mut *connection).close();
            overstayed = Some(Aside::new(overstayed_farewell(context)));
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(ended.map(|()| Ended::Over));
            }
        }
        match overstayed.as_mut().map(|overstayed| overstayed.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Ok(Ended::Over)),
            _ => Poll::Pending,
        }
    });
    ended.await.unwrap_or_else(|error| {
        if is_flood(&error) {
            context.node.ports.metrics.connection_cut("flood");
        }
        tracing::trace!(peer = %context.peer.address, %error, "a connection ended early");
        Ended::Over
    })
}

/// Whether h2 itself ended the connection, for streams reset before their exchanges began or frames without end.
fn is_flood(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_library() && cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM))
}

/// Resolves when the connection has to end at once. Of what an HTTP/2 client takes no byte tap knows.
async fn cut(context: &ConnectionContext) {
    let untaken = async {
        match context.protocol {
            Protocol::Http1 => std::future::pending().await,
            Protocol::Http2 => wait_untaken(context, context.limits.write).await,
        }
    };
    tokio::select! {
        () = context.cut.cancelled() => {}
        () = untaken => context.node.ports.metrics.timed_out("write"),
    }
}

/// Resolves when a client that was told to go carries nothing any more and still stays: an HTTP/2 client has to
/// answer before its connection closes by itself.
async fn overstayed_farewell(context: &ConnectionContext) {
    tokio::time::sleep(FAREWELL).await;
    wait_idle(context, FAREWELL).await;
    context.node.ports.metrics.connection_cut("overstayed");
}

/// Why a connection should carry nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quiet {
    /// It was told to go.
    ToGo,
    /// It has carried nothing for so long.
    Idle,
}

impl Quiet {
    /// Counts a connection that is ended for that.
    fn count(self, context: &ConnectionContext) {
        if self == Self::Idle {
            context.node.ports.metrics.timed_out("idle");
        }
    }
}

/// Resolves when the connection should carry nothing new: once told so, or, looked at after `first`, when it has carried
/// nothing for `allowed`.
///
/// While another process serves in this one's place, a connection of HTTP/1 goes on until it has asked once more: its
/// client learns only from an answer that it is to close.
async fn quiet(context: &ConnectionContext, first: Duration, allowed: Duration) -> Quiet {
    let told_to_go = async {
        context.closing.cancelled().await;
        if context.protocol == Protocol::Http1 && context.node.succeeded.is_cancelled() {
            std::future::pending::<()>().await;
        }
    };
    let idle = async {
        if !first.is_zero() {
            tokio::time::sleep(first).await;
        }
        wait_idle(context, allowed).await;
    };
    tokio::select! {
        () = told_to_go => Quiet::ToGo,
        () = idle => Quiet::Idle,
    }
}
