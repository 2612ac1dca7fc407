//! One GET of a document, within a time and a size.
//!
//! Invariants: an answer is 200 with a document, 304, or a failure in words; redirects are not followed, for where a
//! document comes from is policy's to say; certificates are held against the authorities policy names, else the web's.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::header::{CACHE_CONTROL, ETAG, LAST_MODIFIED, LOCATION};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::copies::{Copy, Version};
use super::{Keys, Kind, RemoteDocument};

/// What bounds a fetch.
#[derive(Clone, Copy)]
struct Bounds {
    /// How long it may take, from looking up the name to the last byte.
    patience: Duration,
    /// The largest document (bytes).
    largest: usize,
}

impl Bounds {
    /// Of what policy says nothing else of.
    const USUAL: Self = Self { patience: Duration::from_secs(10), largest: 32 * 1024 * 1024 };

    /// Where several lists are read from one answer, the most any of them bears.
    fn of(document: &RemoteDocument) -> Self {
        let Kind::Lists(lists) = &document.kind else { return Self::USUAL };
        let patience = lists.iter().map(|list| list.fetch.timeout).max();
        let largest = lists.iter().map(|list| list.fetch.max_size.get()).max();
        Self {
            patience: patience.unwrap_or(Self::USUAL.patience),
            largest: largest.and_then(|size| size.try_into().ok()).unwrap_or(Self::USUAL.largest),
        }
    }
}

/// What a document is asked for with.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// The authorities in whose name its server speaks, if not the web's.
    ca: Option<&'a Path>,
    /// What is there already.
    known: &'a Version,
    largest: usize,
}

/// What a server said.
pub(super) enum Answer {
    /// The document.
    Document(Copy),
    /// It is as it was, and may be used for this long without asking.
    Unchanged { max_age: Option<Duration> },
}

/// Fetches a document and waits for it, on a thread of its own: whoever asks may stand in a runtime already.
pub(super) fn now(document: &RemoteDocument) -> Result<Answer, String> {
    let unknown = Version::default();
    apart(|| get(document, &unknown))
}

/// Fetches what is at a URL, by the web's authorities.
pub(super) fn read_once(url: &str) -> Result<Bytes, String> {
    let Bounds { patience, largest } = Bounds::USUAL;
    let unknown = Version::default();
    match apart(|| in_time(patience, fetch(url, Asked { ca: None, known: &unknown, largest })))? {
        Answer::Document(fresh) => Ok(fresh.bytes),
        Answer::Unchanged { .. } => Err("it was not asked whether it changed".to_owned()),
    }
}

fn apart<F: Future<Output = Result<Answer, String>>>(fetch: impl Fn() -> F + Sync) -> Result<Answer, String> {
    let fetched = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(fetch())
        });
        fetching.join()
    });
    fetched.unwrap_or_else(|_| Err("the fetch was broken off".to_owned()))
}

/// Fetches a document, unless it is still the one that is known.
pub(super) async fn get(document: &RemoteDocument, known: &Version) -> Result<Answer, String> {
    let Bounds { patience, largest } = Bounds::of(document);
    let asked = |ca| Asked { ca, known, largest };
    match &document.kind {
        Kind::Contract { ca } => in_time(patience, fetch(&document.url, asked(ca.as_deref()))).await,
        Kind::Keys(keys) => {
            in_time(patience, fetch_keys(&document.url, keys, asked(keys.ca.as_deref()))).await
        }
        Kind::Lists(lists) => {
            let ca =
                lists.iter().find_map(|list| list.fetch.ca.as_ref()).map(|ca| Path::new(ca.path.as_str()));
            in_time(patience, fetch(&document.url, asked(ca))).await
        }
    }
}

async fn in_time(
    patience: Duration,
    fetch: impl Future<Output = Result<Answer, String>>,
) -> Result<Answer, String> {
    let fetched = tokio::time::timeout(patience, fetch).await;
    fetched.unwrap_or_else(|_| Err(format!("no answer within {patience:?}")))
}

/// Fetches a key set from where it is, or from where its issuer says it is (OIDC Discovery 1.0 §4).
async fn fetch_keys(url: &str, keys: &Keys, asked: Asked<'_>) -> Result<Answer, String> {
    let Some(issuer) = &keys.issuer else { return fetch(url, asked).await };
    let Answer::Document(told) = fetch(url, Asked { known: &Version::default(), ..asked }).await? else {
        return Err("it was not asked whether it changed".to_owned());
    };
    let told: Configuration = serde_json::from_slice(&told.bytes)
        .map_err(|error| format!("it is no OpenID configuration: {error}"))?;
    if told.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(format!("it is of another issuer, `{}`", told.issuer));
    }
    if url.starts_with("https://") && !told.jwks_uri.starts_with("https://") {
        return Err("it says that the keys are where anybody on the way can change them".to_owned());
    }
    // A copy is of both, so its tag is, too.
    let mark = told.endpoints.mark();
    let etag = asked.known.etag.as_deref().and_then(|etag| etag.strip_prefix(&mark)?.strip_prefix(' '));
    let known = Version { etag: etag.map(str::to_owned), modified: None };
    let fetched = fetch(&told.jwks_uri, Asked { known: &known, ..asked }).await;
    match fetched.map_err(|why| format!("its keys at `{}`: {why}", told.jwks_uri))? {
        Answer::Document(copy) => Ok(Answer::Document(Copy {
            bytes: told.endpoints.beside(copy.bytes),
            version: Version { etag: copy.version.etag.map(|etag| format!("{mark} {etag}")), modified: None },
            ..copy
        })),
        unchanged @ Answer::Unchanged { .. } => Ok(unchanged),
    }
}

/// What is read of an issuer's configuration.
#[derive(serde::Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
    #[serde(flatten)]
    endpoints: Endpoints,
}

/// Where an issuer answers besides: kept as further members of its key set (RFC 7517 §5).
#[derive(Default, serde::Deserialize, serde::Serialize)]
struct Endpoints {
    #[serde(rename = "authorization_endpoint", skip_serializing_if = "Option::is_none")]
    authorise: Option<String>,
    #[serde(rename = "token_endpoint", skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(rename = "end_session_endpoint", skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

impl Endpoints {
    /// What changes where they do, without blanks.
    fn mark(&self) -> String {
        let mut hasher = DefaultHasher::new();
        let all = [&self.authorise, &self.token, &self.end];
        all.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// A key set with them; what is none is left as it is, for whoever says so.
    fn beside(&self, keys: Bytes) -> Bytes {
        let (Ok(mut set), Ok(Value::Object(own))) =
            (serde_json::from_slice::<Map<String, Value>>(&keys), serde_json::to_value(self))
        else {
            return keys;
        };
        set.retain(|name, _| name == "keys");
        set.extend(own);
        serde_json::to_vec(&set).map_or(keys, Bytes::from)
    }
}

async fn fetch(url: &str, asked: Asked<'_>) -> Result<Answer, String> {
    let uri: Uri = url.parse().map_err(|_| "it cannot be read as a URL".to_owned())?;
    let host = uri.host().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let mut request = Request::builder()
        .uri(uri.path_and_query().map_or("/", |target| target.as_str()))
        .header("host", uri.authority().map_or("", |authority| authority.as_str()))
        .header("accept", "application/yaml, application/json, */*;q=0.5")
        .header("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    let Version { etag, modified } = asked.known;
    for (name, value) in [("if-none-match", etag), ("if-modified-since", modified)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !is_secure {
        return exchange(stream, request, asked.largest).await;
    }
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let config =
        rustls::ClientConfig::builder().with_root_certificates(authorities(asked.ca)?).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
    exchange(stream, request, asked.largest).await
}

/// Whose word on certificates counts: those of a file, else the web's.
pub(crate) fn authorities(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let Some(path) = ca else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let unusable = |why: String| format!("the authorities in {}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        store.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if store.is_empty() { Err(unusable("there are none".to_owned())) } else { Ok(store) }
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>, largest: usize) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| error.to_string())?;
    // Ends with this function, whatever the other side does.
    let mut driving = tokio::task::JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let max_age = text(CACHE_CONTROL).as_deref().and_then(max_age);
    match head.status {
        StatusCode::NOT_MODIFIED => Ok(Answer::Unchanged { max_age }),
        StatusCode::OK => {
            let read = Limited::new(body, largest).collect().await;
            let bytes = read.map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => format!("it is larger than {largest} bytes"),
                Err(error) => format!("its body: {error}"),
            });
            let version = Version { etag: text(ETAG), modified: text(LAST_MODIFIED) };
            Ok(Answer::Document(Copy { bytes: bytes?.to_bytes(), version, max_age, age: Duration::ZERO }))
        }
        status if status.is_redirection() => Err(format!(
            "it is now at {}",
            text(LOCATION).unwrap_or_else(|| "a place it does not name".to_owned())
        )),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}

/// How long an answer may be used without asking again (RFC 9111 §5.2.2); not at all is as good as a moment.
fn max_age(cache_control: &str) -> Option<Duration> {
    let directives = || cache_control.split(',').map(str::trim);
    if directives().any(|one| ["no-cache", "no-store"].iter().any(|no| one.eq_ignore_ascii_case(no))) {
        return Some(Duration::ZERO);
    }
    let seconds = directives().find_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    });
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_it_is_good() {
        let check = |text| max_age(text).map(|age| age.as_secs());
        for (text, seconds) in [
            ("max-age=300", Some(300)),
            ("public, Max-Age=\"60\", must-revalidate", Some(60)),
            ("no-store, max-age=300", Some(0)),
            ("no-cache", Some(0)),
            ("public", None),
            ("max-age=soon", None),
            ("", None),
        ] {
            assert_eq!(check(text), seconds, "{text}");
        }
    }
}
