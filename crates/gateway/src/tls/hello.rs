//! Reads a client's first message before rustls does, for its fingerprint.
//!
//! Invariant: no byte is lost or changed; whatever is odd about it is for rustls to refuse. The caller bounds the time.

use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Bytes, BytesMut};
use portcullis_wire::client_hello::{ClientHello, Greeting};
use smol_str::SmolStr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What was read ahead, and the fingerprint of the client that sent it.
pub(super) struct Heard {
    pub(super) bytes: Bytes,
    pub(super) ja4: Option<SmolStr>,
}

/// Reads until the hello is there, or it is known that none will be.
pub(super) async fn listen<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<Heard> {
    let mut read = BytesMut::with_capacity(2048);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(Heard { bytes: read.freeze(), ja4: None });
        }
        let ja4 = match ClientHello::read(&read) {
            Greeting::Partial => continue,
            Greeting::Whole(hello) => Some(SmolStr::from(hello.ja4(sha256))),
            Greeting::Other => None,
        };
        return Ok(Heard { bytes: read.freeze(), ja4 });
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}
