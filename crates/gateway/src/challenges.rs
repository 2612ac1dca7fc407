//! What an authority looks at before it issues a certificate: a token over HTTP (RFC 8555 §8.3), or a certificate of its
//! own over TLS (RFC 8737).
//!
//! What is put here is known to every gateway that shares the store, so that the authority may come to any of them.
//! Invariants: only what was put is answered, tokens in clear and to a plain GET; everything else goes the way of all
//! requests. At most [`MOST`] are kept. Deliberately absent: who orders what.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response};
use parking_lot::Mutex;
use portcullis_model::Scheme;
use portcullis_model::counter::{Answer, Batch, MapChange, Op};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use smol_str::{SmolStr, format_smolstr};
use tracing::warn;

use crate::body::ClientBody;
use crate::head::HeadRecord;
use crate::node::Node;

/// Below it the authority asks for tokens.
const BELOW: &[u8] = b"/.well-known/acme-challenge/";
/// What the authority says it speaks.
pub(crate) const ALPN: &[u8] = b"acme-tls/1";
/// Kept at once; hosts are ordered for one after another.
const MOST: usize = 256;
/// The longest name of one.
const LONGEST: usize = 256;
/// How long gateways that share a store know what one put: longer than an order takes.
const SHARED_FOR: Duration = Duration::from_mins(10);
/// The field under which the store has it.
const FIELD: SmolStr = SmolStr::new_static("answer");

/// What the authority looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The answer to a token (HTTP-01).
    Http {
        /// The token.
        token: SmolStr,
    },
    /// A chain with its key in PEM, shown to whoever speaks `acme-tls/1` (TLS-ALPN-01).
    Tls {
        /// The host asked for.
        host: SmolStr,
    },
}

impl Proof {
    fn name(&self) -> SmolStr {
        match self {
            Self::Http { token } => format_smolstr!("http-01/{token}"),
            Self::Tls { host } => format_smolstr!("tls-alpn-01/{host}"),
        }
    }
}

/// What there is to look at now, by name.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<SmolStr, Bytes>>);

/// Where proofs are put.
#[derive(Clone)]
pub struct Challenges(Arc<Node>);

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Challenges").field(&self.0.proofs).finish()
    }
}

impl Challenges {
    pub(crate) fn of(node: &Arc<Node>) -> Self {
        Self(Arc::clone(node))
    }

    /// Has a proof shown until it is taken away; whether there was room.
    pub async fn put(&self, proof: &Proof, answer: &str) -> bool {
        let name = proof.name();
        {
            let mut proofs = self.0.proofs.0.lock();
            if proofs.len() >= MOST {
                return false;
            }
            proofs.insert(name.clone(), Bytes::copy_from_slice(answer.as_bytes()));
        }
        let change = MapChange::Set { field: FIELD, value: answer.into(), ttl: Some(SHARED_FOR) };
        if let Err(error) = apply(&self.0, &name, change).await {
            warn!(%error, "other gateways do not know what to show an authority");
        }
        true
    }

    /// Takes a proof away here; elsewhere it goes with time.
    pub fn remove(&self, proof: &Proof) {
        self.0.proofs.0.lock().remove(&proof.name());
    }
}

/// The answer to a request for a token.
pub(crate) async fn answer(node: &Node, token: SmolStr) -> Option<Response<ClientBody>> {
    let answer = find(node, &Proof::Http { token }).await?;
    let mut response = Response::new(ClientBody::Apart(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Some(response)
}

/// The token a request asks for.
pub(crate) fn token(record: &HeadRecord) -> Option<SmolStr> {
    let head = &record.head;
    if head.scheme != Scheme::Http || head.method != Method::GET || !record.defects.is_empty() {
        return None;
    }
    let token = head.target.strip_prefix(BELOW)?;
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let can_be = (1..=LONGEST).contains(&token.len()) && token.iter().all(is_token);
    std::str::from_utf8(token).ok().filter(|_| can_be).map(SmolStr::new)
}

/// How to speak to an authority that looks at a host.
pub(crate) async fn terms(node: &Node, host: &str) -> Option<Arc<ServerConfig>> {
    if host.len() > LONGEST {
        return None;
    }
    let pem = find(node, &Proof::Tls { host: SmolStr::new(host.to_ascii_lowercase()) }).await?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(&pem).ok()?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    // Not looked at whether they go together: the library does not know the extension, which is critical.
    let shown = CertifiedKey::new(chain, provider.key_provider.load_private_key(key).ok()?);
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
    let shown = Arc::new(SingleCertAndKey::from(shown));
    let mut config = builder.ok()?.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = vec![ALPN.to_vec()];
    Some(Arc::new(config))
}

/// What was put here, or by another gateway.
async fn find(node: &Node, proof: &Proof) -> Option<Bytes> {
    let name = proof.name();
    let here = node.proofs.0.lock().get(&name).cloned();
    if here.is_some() {
        return here;
    }
    let Answer::Map(fields) = apply(node, &name, MapChange::Read).await.ok()? else { return None };
    let (_, answer) = fields.into_iter().find(|(field, _)| *field == FIELD)?;
    Some(Bytes::copy_from_slice(answer.as_bytes()))
}

async fn apply(node: &Node, name: &str, change: MapChange) -> Result<Answer, String> {
    let key = node.ports.snapshot.load().acme_proof(name);
    let batch =
        Batch { now: node.ports.clock.now().wall, ops: [Op::Map { key, change }].into_iter().collect() };
    let answers = node.ports.store.apply(&batch).answers().await.map_err(|failure| failure.to_string())?;
    answers.into_iter().next().ok_or_else(|| "the store answered nothing".to_owned())
}
