//! A webhook: JSON by HTTP POST, signed.
//!
//! Invariants: taken means an answer of 2xx; redirects are not followed; neither URL nor key stands in an error.

use aws_lc_rs::hmac;
use http_body_util::Full;
use portcullis_model::{Secret, Timestamp};
use serde_json::json;

use super::Trust;
use crate::findings::Notice;
use crate::post::Receiver;

/// The version of the message and of its signature.
const VERSION: &str = "v1";

/// Posts one message.
pub(super) async fn post(
    url: &Secret<String>,
    key: Option<&Secret<Vec<u8>>>,
    trust: &Trust,
    notices: &[Notice],
    now: Timestamp,
) -> Result<(), String> {
    let receiver = Receiver::new(url.reveal(), trust)?;
    let body = body(notices, now);
    let mut request = receiver
        .request()
        .header("content-type", "application/json")
        .header("portcullis-timestamp", now.as_secs());
    if let Some(key) = key {
        let signed = signature(key.reveal(), now.as_secs(), body.as_bytes());
        request = request.header("portcullis-signature", signed);
    }
    let request = request.body(Full::new(body.into())).map_err(|error| error.to_string())?;
    let status = receiver.send(request).await?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {}", status.as_u16())) }
}

fn body(notices: &[Notice], now: Timestamp) -> String {
    let findings: Vec<_> = notices
        .iter()
        .map(|notice| json!({ "notice": notice.seq, "news": notice.news, "finding": notice.finding }))
        .collect();
    json!({ "version": 1, "sent": now, "findings": findings }).to_string()
}

/// `v1=` and the HMAC-SHA-256 of `v1.TIMESTAMP.BODY` in lower case hexadecimal.
pub fn signature(key: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(format!("{VERSION}.{seconds}.").as_bytes());
    context.update(body);
    let hex: Vec<String> = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{VERSION}={}", hex.concat())
}
