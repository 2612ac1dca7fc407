//! What the host hands to a transaction: the message's head in both forms, its body, and where it came from.
//!
//! Everything is borrowed for the call; a transaction keeps copies of what later phases read. Does not know how the
//! message was framed.

use std::net::SocketAddr;

use bytes::Bytes;
use portcullis_model::{RequestHead, ResponseHead, Timestamp};
use portcullis_wire::{Body, Normal};

/// A request's head and circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The head as it was sent.
    pub head: &'a RequestHead,
    /// Its normal form.
    pub normal: &'a Normal,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The listener's address and port.
    pub server: SocketAddr,
    /// When the exchange began.
    pub began: Timestamp,
    /// The exchange's id.
    pub id: &'a str,
}

/// A body, content codings undone.
#[derive(Clone, Copy, Debug)]
pub struct BodyInput<'a> {
    /// Its bytes.
    pub bytes: &'a Bytes,
    /// The body as `wire` read it by its declared type, if the host has done so; else it is read here.
    pub parsed: Option<&'a Body>,
}

/// A response's head and circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The head as the upstream sent it.
    pub head: &'a ResponseHead,
}
