//! What a gateway is joined to: the values and services its host hands in.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Clock;

/// Reads a file that policy names (a certificate, a key, roots), by the name policy gives it.
pub type ReadFile = dyn Fn(&str) -> io::Result<Bytes> + Send + Sync;

/// Everything a [`Gateway`](crate::Gateway) needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Reads the files policy names.
    pub files: Arc<ReadFile>,
    /// The clock that dates exchanges.
    pub clock: Clock,
}
