//! Tokens an authority asks for before it issues a certificate (RFC 8555 §8.3, HTTP-01).
//!
//! Invariants: only a token that was put here is answered, in clear and for a plain GET; everything else goes the way of
//! all requests. At most [`MOST`] are kept. Deliberately absent: who orders what.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hashbrown::HashMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response};
use parking_lot::Mutex;
use portcullis_model::Scheme;
use smol_str::SmolStr;

use crate::body::ClientBody;
use crate::head::HeadRecord;

/// Below it the authority asks.
const BELOW: &[u8] = b"/.well-known/acme-challenge/";
/// Tokens kept at once; hosts are ordered for one after another.
const MOST: usize = 256;

/// The tokens there are now, and what is answered to each.
#[derive(Debug, Default)]
pub struct Challenges {
    /// How many there are: nearly always none, which costs a request one look.
    count: AtomicUsize,
    answers: Mutex<HashMap<SmolStr, Bytes>>,
}

impl Challenges {
    /// Has a token answered until it is taken away; whether there was room.
    pub fn put(&self, token: &str, answer: &str) -> bool {
        let mut answers = self.answers.lock();
        if answers.len() >= MOST {
            return false;
        }
        answers.insert(token.into(), Bytes::copy_from_slice(answer.as_bytes()));
        self.count.store(answers.len(), Ordering::Release);
        true
    }

    /// Takes a token away.
    pub fn remove(&self, token: &str) {
        let mut answers = self.answers.lock();
        answers.remove(token);
        self.count.store(answers.len(), Ordering::Release);
    }

    /// The answer to a request for a token that is here.
    pub(crate) fn answer(&self, record: &HeadRecord) -> Option<Response<ClientBody>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let head = &record.head;
        if head.method != Method::GET || head.scheme != Scheme::Http || !record.defects.is_empty() {
            return None;
        }
        let token = std::str::from_utf8(head.target.strip_prefix(BELOW)?).ok()?;
        let answer = self.answers.lock().get(token).cloned()?;
        let mut response = Response::new(ClientBody::Apart(answer));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        Some(response)
    }
}
