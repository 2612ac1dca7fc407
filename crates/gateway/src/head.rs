//! The record of one request's head: what was on the wire, before hyper's reading of it.

use portcullis_model::{Moment, RequestHead};

/// One request's head as received; the request hyper hands over beside it is only good for its body.
#[derive(Debug)]
pub(crate) struct HeadRecord {
    /// The head: order, spelling and duplicates kept.
    pub(crate) head: RequestHead,
    /// When its first byte was read.
    pub(crate) received: Moment,
}
